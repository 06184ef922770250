//! `[[identity]]` with a `grant`: which one, asked with what, by which client.

use std::sync::Arc;

use secrecy::SecretString;
use toml::Spanned;

use super::Error;
use super::file::{AuthWord, ConfigFile, IdentitySection};
use super::source::{Secrets, TokenSource};
use crate::model::grant::{ClientAuth, ClientProof, Grant, GrantRequest, OAuthClient};
use crate::model::key::SigningKey;

impl ConfigFile {
    /// The grant of an identity.
    pub(super) fn grant(
        &self,
        section: &IdentitySection,
        grant: &Spanned<String>,
        place: &str,
        secrets: &mut dyn Secrets,
    ) -> Result<GrantRequest, Error> {
        let at = self.place(grant.span().start);
        let word = grant.get_ref().as_str();
        let known = GRANTS
            .iter()
            .find(|(name, urn, _)| word == *name || word == *urn);
        let Some((word, _, member)) = known else {
            let problem = format!("the grant `{word}` is not supported");
            let names: Vec<&str> = GRANTS.iter().map(|(name, _, _)| *name).collect();
            let remedy = format!(
                "use one of {}, or obtain a token and give it with `token`",
                names.join(", ")
            );
            return Err(Error::value(at, problem, remedy));
        };
        self.strays(section, word, *member)?;
        let mut given = |member: &str, value: &Option<Spanned<String>>| match value {
            Some(value) => Ok(self.secret(value, secrets)?.1),
            None => Err(Error::value(
                at.clone(),
                format!("the grant `{word}` needs `{member}`"),
                format!("add `{member} = \"env:VARIABLE\"`"),
            )),
        };
        let grant = match *word {
            "refresh_token" => Grant::RefreshToken(given("refresh_token", &section.refresh_token)?),
            "token_exchange" => Grant::TokenExchange {
                subject: given("subject_token", &section.subject_token)?,
                subject_type: subject_type(section.subject_token_type.as_deref()),
            },
            "jwt_bearer" => Grant::JwtBearer(given("assertion", &section.assertion)?),
            "authorization_code" => Grant::AuthorizationCode,
            "device_code" => Grant::DeviceCode,
            _ => Grant::ClientCredentials,
        };
        let Some(id) = section.client_id.clone() else {
            let problem = format!("`{}` has a grant but no client", section.name.get_ref());
            let remedy = "give `client_id`, and `client_secret = \"env:VARIABLE\"` or `client_key = \
                          \"file:PATH\"` unless the client is public";
            return Err(Error::value(place, problem, remedy));
        };
        let proof = self.proof(section, place, secrets)?;
        if matches!(
            (&grant, &proof),
            (Grant::ClientCredentials, ClientProof::Public)
        ) {
            let problem = format!("the client `{id}` has nothing to prove itself with");
            let remedy = "give `client_secret = \"env:VARIABLE\"` or `client_key = \"file:PATH\"`";
            return Err(Error::value(place, problem, remedy));
        }
        Ok(GrantRequest {
            grant,
            client: OAuthClient { id, proof },
            issuer: section.issuer.clone(),
            dpop: section.dpop,
        })
    }

    /// What belongs to another grant is a mistake, and not one to pass over.
    fn strays(
        &self,
        section: &IdentitySection,
        grant: &str,
        own: Option<&str>,
    ) -> Result<(), Error> {
        let members = [
            ("refresh_token", &section.refresh_token),
            ("subject_token", &section.subject_token),
            ("assertion", &section.assertion),
        ];
        for (member, value) in members {
            if let Some(value) = value.as_ref().filter(|_| own != Some(member)) {
                return Err(Error::value(
                    self.place(value.span().start),
                    format!("`{member}` does not belong to the grant `{grant}`"),
                    "remove it, or change `grant`",
                ));
            }
        }
        Ok(())
    }

    fn proof(
        &self,
        section: &IdentitySection,
        place: &str,
        secrets: &mut dyn Secrets,
    ) -> Result<ClientProof, Error> {
        let proof = match (&section.client_secret, &section.client_key) {
            (None, None) => ClientProof::Public,
            (Some(secret), None) => ClientProof::Secret {
                secret: self.secret(secret, secrets)?.1,
                auth: match section.auth {
                    None => ClientAuth::Advertised,
                    Some(AuthWord::Basic) => ClientAuth::Basic,
                    Some(AuthWord::Post) => ClientAuth::Post,
                },
            },
            (None, Some(key)) => ClientProof::Key(Arc::new(
                self.key(key, secrets)?.named(section.client_key_id.clone()),
            )),
            (Some(_), Some(key)) => {
                return Err(Error::value(
                    self.place(key.span().start),
                    format!("`{}` has a secret and a key", section.name.get_ref()),
                    "keep the one that the client is registered with",
                ));
            }
        };
        if section.auth.is_some() && !matches!(proof, ClientProof::Secret { .. }) {
            return Err(Error::value(
                place,
                "`auth` says where a secret goes, and there is none",
                "remove it, or give `client_secret`",
            ));
        }
        Ok(proof)
    }

    /// A private key; unlike a token it has lines.
    fn key(&self, given: &Spanned<String>, secrets: &mut dyn Secrets) -> Result<SigningKey, Error> {
        let place = self.place(given.span().start);
        let form = "name its source: `env:VARIABLE`, `file:PATH` or `-`";
        let source = TokenSource::parse(given.get_ref()).map_err(|_| {
            Error::value(place.clone(), "a key written into the configuration", form)
        })?;
        let text = secrets.text(&source).map_err(|problem| {
            let problem = format!("the key source {source} {problem}");
            Error::value(place.clone(), problem, "put the private key there")
        })?;
        let text = SecretString::from(text);
        SigningKey::read(secrecy::ExposeSecret::expose_secret(&text)).map_err(|problem| {
            let problem = format!("the key in {source} cannot be used: {problem}");
            let remedy = "export the client's private key as PKCS#8 PEM or as a JWK";
            Error::value(place, problem, remedy)
        })
    }
}

fn subject_type(word: Option<&str>) -> String {
    match word.unwrap_or("access_token") {
        word @ ("access_token" | "refresh_token" | "id_token" | "jwt" | "saml1" | "saml2") => {
            format!("urn:ietf:params:oauth:token-type:{word}")
        }
        other => other.to_owned(),
    }
}

/// The word in the file, the value of `grant_type`, and the member that the grant needs.
const GRANTS: [(&str, &str, Option<&str>); 6] = [
    ("client_credentials", "", None),
    ("refresh_token", "", Some("refresh_token")),
    (
        "token_exchange",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        Some("subject_token"),
    ),
    (
        "jwt_bearer",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        Some("assertion"),
    ),
    ("authorization_code", "", None),
    (
        "device_code",
        "urn:ietf:params:oauth:grant-type:device_code",
        None,
    ),
];
