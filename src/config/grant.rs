//! `[[identity]]` with a `grant`: which one, asked with what, by which client.

use std::collections::BTreeMap;

use secrecy::SecretString;
use toml::Spanned;

use super::Error;
use super::file::{ConfigFile, IdentitySection, KindWord};
use super::proof::{Given, Sourced};
use super::source::Secrets;
use crate::model::grant::{ClientProof, Grant, GrantRequest, OAuthClient};

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
        let resource = self.resource(section, place)?;
        Ok(GrantRequest {
            resource,
            grant,
            client: OAuthClient { id, proof },
            issuer: section.issuer.clone(),
            dpop: section.dpop,
        })
    }

    /// A token that is to be refused is asked for another server, and every other one for this.
    fn resource(&self, section: &IdentitySection, place: &str) -> Result<Option<String>, Error> {
        let foreign = matches!(section.kind, KindWord::ForeignAudience);
        let Some(given) = &section.resource else {
            if !foreign {
                return Ok(None);
            }
            let name = section.name.get_ref();
            return Err(Error::value(
                place,
                format!("`{name}` is to be a token for another server, and nothing says for which"),
                "add `resource = \"https://other.example.com/mcp\"`, a server that the same \
                 authorization server issues tokens for",
            ));
        };
        let place = self.place(given.span().start);
        if !foreign {
            return Err(Error::value(
                place,
                "`resource` names another server, and this token is for the audited one",
                "remove it, or set `kind = \"foreign-audience\"`",
            ));
        }
        let text = given.get_ref();
        match url::Url::parse(text) {
            Ok(url) if url.fragment().is_none() => Ok(Some(text.clone())),
            _ => Err(Error::value(
                place,
                format!("`{text}` is no resource identifier"),
                "give an absolute URI without a fragment (RFC 8707 §2)",
            )),
        }
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
        let given = Given {
            whose: section.name.get_ref().clone(),
            place: place.to_owned(),
            secret: self.sourced(section.client_secret.as_ref()),
            key: self.sourced(section.client_key.as_ref()),
            certificate: self.sourced(section.client_certificate.as_ref()),
            key_id: section.client_key_id.clone(),
            auth: section.auth,
            audience: section.assertion_audience,
        };
        given.proof(secrets)
    }

    /// The certificates that the target may see.
    pub(super) fn certificates(
        &self,
        secrets: &mut dyn Secrets,
    ) -> Result<BTreeMap<String, SecretString>, Error> {
        let mut found = BTreeMap::new();
        for section in &self.identity {
            if let Some(given) = self.sourced(section.target_certificate.as_ref()) {
                let name = section.name.get_ref().clone();
                found.insert(name, given.certificate(secrets)?);
            }
        }
        Ok(found)
    }

    /// A source and its line.
    pub(super) fn sourced(&self, given: Option<&Spanned<String>>) -> Option<Sourced> {
        given.map(|given| Sourced {
            place: self.place(given.span().start),
            text: given.get_ref().clone(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CredentialSource, TokenSource};
    use crate::model::grant::AssertionAudience;

    struct Known;

    impl Secrets for Known {
        fn text(&mut self, source: &TokenSource) -> Result<String, String> {
            let key = include_str!("../../fixtures/keys/demo-client.pem");
            match source.to_string().as_str() {
                "env:SECRET" => Ok("s3cret".to_owned()),
                "env:KEY" => Ok(key.to_owned()),
                "env:BOTH" => Ok(format!("{CERTIFICATE}{key}")),
                "env:HALF" => Ok(CERTIFICATE.to_owned()),
                _ => Err("is not set".to_owned()),
            }
        }
    }

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    fn read(text: &str) -> Result<GrantRequest, String> {
        let text = format!("[[identity]]\nname = \"one\"\n{text}\n");
        let file = ConfigFile::parse("assay.toml", text).map_err(|error| error.to_string())?;
        let mut identities = file
            .identities(&mut Known)
            .map_err(|error| error.to_string())?;
        match identities.remove(0).credential {
            CredentialSource::Grant(request) => Ok(request),
            CredentialSource::Token { .. } => Err("a token".to_owned()),
        }
    }

    #[test]
    fn each_grant_is_read_with_what_it_needs() {
        for (text, grant) in [
            (
                "grant = \"client_credentials\"\nclient_secret = \"env:SECRET\"",
                "client_credentials",
            ),
            (
                "grant = \"refresh_token\"\nrefresh_token = \"env:SECRET\"",
                "refresh_token",
            ),
            (
                "grant = \"token_exchange\"\nsubject_token = \"env:SECRET\"\nsubject_token_type = \"jwt\"",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            (
                "grant = \"urn:ietf:params:oauth:grant-type:jwt-bearer\"\nassertion = \"env:SECRET\"",
                "urn:ietf:params:oauth:grant-type:jwt-bearer",
            ),
            ("grant = \"authorization_code\"", "authorization_code"),
            (
                "grant = \"device_code\"\ndpop = true",
                "urn:ietf:params:oauth:grant-type:device_code",
            ),
        ] {
            let request = read(&format!("client_id = \"c\"\n{text}")).unwrap();
            assert_eq!(request.grant.as_str(), grant);
        }
    }

    #[test]
    fn a_certificate_for_the_target_is_kept_by_identity_and_has_to_be_whole() {
        let read = |source: &str| {
            let text = format!(
                "[[identity]]\nname = \"one\"\ntoken = \"env:SECRET\"\n\
                 target_certificate = \"{source}\"\n"
            );
            let file = ConfigFile::parse("assay.toml", text).unwrap();
            let read = file.certificates(&mut Known);
            read.map_err(|error| error.to_string())
        };
        assert!(read("env:BOTH").unwrap().contains_key("one"));
        for (source, said) in [
            ("env:HALF", "no private key"),
            ("env:KEY", "no certificate"),
            ("env:NONE", "is not set"),
            ("hunter2", "written into the configuration"),
        ] {
            let problem = read(source).unwrap_err();
            assert!(
                problem.contains(said) && problem.contains("assay.toml:4"),
                "{problem}"
            );
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn a_client_proves_itself_in_one_way() {
        let machine = "client_id = \"c\"\ngrant = \"client_credentials\"\n";
        let keyed = read(&format!("{machine}client_key = \"env:KEY\"")).unwrap();
        assert!(matches!(keyed.client.proof, ClientProof::Key { .. }));
        let shown = read(&format!("{machine}client_certificate = \"env:BOTH\"")).unwrap();
        assert!(matches!(shown.client.proof, ClientProof::Certificate(_)));
        for (text, said) in [
            (
                "client_key = \"env:KEY\"\nclient_secret = \"env:SECRET\"",
                "two ways",
            ),
            ("client_certificate = \"env:HALF\"", "no private key"),
            ("client_certificate = \"env:KEY\"", "no certificate"),
            ("client_key = \"env:SECRET\"", "cannot be used"),
            ("client_key = \"hunter2\"", "written into the configuration"),
            ("client_key = \"env:NONE\"", "is not set"),
            (
                "client_key = \"env:KEY\"\nauth = \"post\"",
                "`auth` says where",
            ),
            (
                "client_secret = \"env:SECRET\"\nclient_key_id = \"one\"",
                "names a key",
            ),
            (
                "client_secret = \"env:SECRET\"\nassertion_audience = \"issuer\"",
                "about assertions",
            ),
            ("", "nothing to prove itself"),
        ] {
            let problem = read(&format!("{machine}{text}")).unwrap_err();
            assert!(
                problem.contains(said) && problem.contains("assay.toml:"),
                "{problem}"
            );
            assert!(
                !problem.contains("hunter2") && !problem.contains("s3cret"),
                "{problem}"
            );
        }
    }

    #[test]
    fn assertions_are_for_the_issuer_unless_the_operator_says_otherwise() {
        let keyed = |more: &str| {
            let text =
                "client_id = \"c\"\ngrant = \"client_credentials\"\nclient_key = \"env:KEY\"";
            match read(&format!("{text}\n{more}")).unwrap().client.proof {
                ClientProof::Key { audience, .. } => audience,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(keyed(""), AssertionAudience::Issuer);
        let issuer = "assertion_audience = \"issuer\"";
        assert_eq!(keyed(issuer), AssertionAudience::Issuer);
        let endpoint = "assertion_audience = \"token-endpoint\"";
        assert_eq!(keyed(endpoint), AssertionAudience::TokenEndpoint);
    }

    #[test]
    fn a_token_for_another_server_says_for_which_and_no_other_does() {
        let machine =
            "client_id = \"c\"\ngrant = \"client_credentials\"\nclient_secret = \"env:SECRET\"\n";
        let foreign = format!("{machine}kind = \"foreign-audience\"\n");
        let sibling = "resource = \"https://sibling.example/mcp\"";
        let asked = read(&format!("{foreign}{sibling}")).unwrap();
        assert_eq!(
            asked.resource.as_deref(),
            Some("https://sibling.example/mcp")
        );
        assert_eq!(read(machine).unwrap().resource, None);
        let given = format!("token = \"env:SECRET\"\nkind = \"foreign-audience\"\n{sibling}");
        for (text, said) in [
            (foreign.clone(), "nothing says for which"),
            (format!("{machine}{sibling}"), "for the audited one"),
            (
                format!("{foreign}resource = \"sibling\""),
                "no resource identifier",
            ),
            (
                format!("{foreign}resource = \"https://a.example/#f\""),
                "no resource identifier",
            ),
            (given, "this one is given"),
        ] {
            let problem = read(&text).unwrap_err();
            assert!(
                problem.contains(said) && problem.contains("assay.toml:"),
                "{problem}"
            );
        }
    }

    #[test]
    fn what_belongs_to_another_grant_or_is_missing_is_refused_with_its_line() {
        for (text, said) in [
            ("grant = \"refresh_token\"", "needs `refresh_token`"),
            ("grant = \"token_exchange\"", "needs `subject_token`"),
            ("grant = \"jwt_bearer\"", "needs `assertion`"),
            (
                "grant = \"device_code\"\nassertion = \"env:SECRET\"",
                "does not belong",
            ),
            ("grant = \"password\"", "is not supported"),
            ("grant = \"implicit\"", "refresh_token"),
        ] {
            let problem = read(&format!("client_id = \"c\"\n{text}")).unwrap_err();
            assert!(
                problem.contains(said) && problem.contains("assay.toml:"),
                "{problem}"
            );
        }
        let nobody = read("grant = \"authorization_code\"").unwrap_err();
        assert!(nobody.contains("no client"), "{nobody}");
    }
}
