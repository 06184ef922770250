//! What a client proves itself with: one way, from `[[identity]]`, from `[login]` or from flags.

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Error;
use super::file::AuthWord;
use super::source::{Secrets, TokenSource};
use crate::model::grant::{AssertionAudience, ClientAuth, ClientProof};
use crate::model::key::SigningKey;

/// The audience of client assertions in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AudienceWord {
    /// The issuer of the authorization server.
    Issuer,
    /// The URL of its token endpoint.
    TokenEndpoint,
}

/// What was given for a client, each secret with its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// Whose it is, for messages.
    pub(super) whose: String,
    /// Where the client is named.
    pub(super) place: String,
    pub(super) secret: Option<Sourced>,
    pub(super) key: Option<Sourced>,
    pub(super) certificate: Option<Sourced>,
    pub(super) key_id: Option<String>,
    pub(super) auth: Option<AuthWord>,
    pub(super) audience: Option<AudienceWord>,
}

/// The notation of a secret's source, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Sourced {
    pub(super) place: String,
    pub(super) text: String,
}

impl Given {
    /// The one thing that the client shows; nothing where nothing was given.
    ///
    /// # Errors
    /// Two ways at once, a source that cannot be read, or words that belong to another way.
    pub(super) fn proof(&self, secrets: &mut dyn Secrets) -> Result<ClientProof, Error> {
        let given = [&self.secret, &self.key, &self.certificate];
        let mut given = given.into_iter().flatten();
        if let (Some(_), Some(second)) = (given.next(), given.next()) {
            return Err(Error::value(
                second.place.clone(),
                format!("`{}` has two ways to prove itself", self.whose),
                "keep one of `client_secret`, `client_key` and `client_certificate`",
            ));
        }
        let proof = if let Some(secret) = &self.secret {
            ClientProof::Secret {
                secret: secret.word(secrets)?,
                auth: match self.auth {
                    None => ClientAuth::Advertised,
                    Some(AuthWord::Basic) => ClientAuth::Basic,
                    Some(AuthWord::Post) => ClientAuth::Post,
                },
            }
        } else if let Some(key) = &self.key {
            ClientProof::Key {
                key: Arc::new(key.key(secrets)?.named(self.key_id.clone())),
                audience: match self.audience {
                    None | Some(AudienceWord::Issuer) => AssertionAudience::Issuer,
                    Some(AudienceWord::TokenEndpoint) => AssertionAudience::TokenEndpoint,
                },
            }
        } else if let Some(certificate) = &self.certificate {
            ClientProof::Certificate(certificate.certificate(secrets)?)
        } else {
            ClientProof::Public
        };
        self.strays(&proof)?;
        Ok(proof)
    }

    fn strays(&self, proof: &ClientProof) -> Result<(), Error> {
        let secret = matches!(proof, ClientProof::Secret { .. });
        let key = matches!(proof, ClientProof::Key { .. });
        let stray = if self.auth.is_some() && !secret {
            (
                "`auth` says where a secret goes, and there is none",
                "remove it, or give `client_secret`",
            )
        } else if self.key_id.is_some() && !key {
            (
                "`client_key_id` names a key, and there is none",
                "remove it, or give `client_key`",
            )
        } else if self.audience.is_some() && !key {
            (
                "`assertion_audience` is about assertions of a key, and there is none",
                "remove it, or give `client_key`",
            )
        } else {
            return Ok(());
        };
        Err(Error::value(self.place.clone(), stray.0, stray.1))
    }
}

impl Sourced {
    /// A secret of one word.
    fn word(&self, secrets: &mut dyn Secrets) -> Result<SecretString, Error> {
        let source = self.source("a secret")?;
        secrets.read(&source, &self.place)
    }

    fn key(&self, secrets: &mut dyn Secrets) -> Result<SigningKey, Error> {
        let (source, text) = self.lines(secrets)?;
        SigningKey::read(text.expose_secret()).map_err(|problem| {
            let problem = format!("the key in {source} cannot be used: {problem}");
            let remedy = "export the client's private key as PKCS#8 PEM or as a JWK";
            Error::value(self.place.clone(), problem, remedy)
        })
    }

    pub(super) fn certificate(&self, secrets: &mut dyn Secrets) -> Result<SecretString, Error> {
        let (source, text) = self.lines(secrets)?;
        let pem = text.expose_secret().as_bytes();
        let certified = CertificateDer::pem_slice_iter(pem).any(|it| it.is_ok());
        let keyed = PrivateKeyDer::from_pem_slice(pem).is_ok();
        if certified && keyed {
            return Ok(text);
        }
        let lacks = if certified {
            "private key"
        } else {
            "certificate"
        };
        Err(Error::value(
            self.place.clone(),
            format!("{source} holds no {lacks} in PEM"),
            "put the client's certificate and its private key into it, one after the other",
        ))
    }

    /// A secret that, unlike a token, has lines.
    fn lines(&self, secrets: &mut dyn Secrets) -> Result<(TokenSource, SecretString), Error> {
        let source = self.source("a key")?;
        let text = secrets.text(&source).map_err(|problem| {
            let problem = format!("the key source {source} {problem}");
            Error::value(self.place.clone(), problem, "put the private key there")
        })?;
        Ok((source, SecretString::from(text)))
    }

    /// The source; the text itself may be the secret, and is not repeated.
    fn source(&self, what: &str) -> Result<TokenSource, Error> {
        TokenSource::parse(&self.text).map_err(|_| {
            let written = if self.place.starts_with("--") {
                "on the command line, where every process of the machine can see it"
            } else {
                "written into the configuration"
            };
            let form = "name its source: `env:VARIABLE`, `file:PATH` or `-`";
            Error::value(self.place.clone(), format!("{what} {written}"), form)
        })
    }
}
