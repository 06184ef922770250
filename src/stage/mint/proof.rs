//! How a client says who it is: nothing, a secret, or a key (RFC 6749 §2.3, RFC 7523 §2.2).

use base64::Engine;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, json};

use crate::model::audit::Collected;
use crate::model::discovery::AuthorizationServer;
use crate::model::grant::{AssertionAudience, ClientAuth, ClientProof, OAuthClient};
use crate::stage::{Run, clock};
use crate::wire::{ClientCertificate, Outgoing};

/// A client and what it proves itself with in one request.
pub(crate) struct Proof<'a> {
    /// Client identifier.
    pub(crate) id: &'a str,
    /// What it shows.
    pub(crate) means: Means<'a>,
    /// What its secrets are called in captures.
    pub(crate) label: &'a str,
}

/// What a client shows.
pub(crate) enum Means<'a> {
    /// Its identifier alone.
    Nothing,
    /// The secret in the header.
    Basic(&'a SecretString),
    /// The secret in the body.
    Post(&'a SecretString),
    /// An assertion that its key signed, good for one request.
    Assertion(SecretString),
    /// Its certificate, in the TLS handshake.
    Certificate(&'a SecretString),
}

impl<'a> Proof<'a> {
    /// The proof of an operator's client.
    ///
    /// # Errors
    /// Why its key cannot be used there.
    pub(crate) fn of(
        run: &Run<'_>,
        collected: &Collected,
        server: &AuthorizationServer,
        client: &'a OAuthClient,
        label: &'a str,
    ) -> Result<Self, String> {
        let texts = |member: &str| server.chosen().and_then(|it| it.texts(member));
        let means = match &client.proof {
            ClientProof::Public => Means::Nothing,
            ClientProof::Certificate(pem) => Means::Certificate(pem),
            ClientProof::Secret { secret, auth } => {
                if is_basic(*auth, texts("token_endpoint_auth_methods_supported")) {
                    Means::Basic(secret)
                } else {
                    Means::Post(secret)
                }
            }
            ClientProof::Key { key, audience } => {
                let listed = texts("token_endpoint_auth_signing_alg_values_supported");
                let algorithm = key.algorithm(listed.as_deref())?;
                let now = clock::now(collected, server.chosen().map(|it| it.exchange));
                let jti = format!("assertion {label} {}", collected.ledger.len());
                let audience = match audience {
                    AssertionAudience::Issuer => server.issuer.as_str(),
                    AssertionAudience::TokenEndpoint => server
                        .chosen()
                        .and_then(|it| it.text("token_endpoint"))
                        .ok_or("the metadata names no `token_endpoint` for the assertion")?,
                };
                let claims = json!({
                    "iss": client.id,
                    "sub": client.id,
                    "aud": audience,
                    "jti": run.entropy.word(&jti, 24),
                    "iat": now,
                    "exp": now + LIFETIME,
                });
                let typ = Map::from_iter([("typ".to_owned(), json!("JWT"))]);
                let signed = key.sign(algorithm, typ, &claims);
                let signed = signed.ok_or("the key could not sign the client assertion")?;
                Means::Assertion(signed.into())
            }
        };
        Ok(Self {
            id: &client.id,
            means,
            label,
        })
    }

    /// Adds the proof to a request.
    pub(crate) fn add(
        &self,
        run: &Run<'_>,
        outgoing: &mut Outgoing<'_>,
        members: &mut Vec<(&'static str, String)>,
    ) {
        let label = self.label;
        let mut post = |name, value: &str| members.push((name, value.to_owned()));
        match &self.means {
            Means::Nothing => post("client_id", self.id),
            Means::Certificate(pem) => {
                post("client_id", self.id);
                outgoing.certificate = ClientCertificate::Shown((*pem).clone());
            }
            Means::Basic(secret) => {
                let value = basic(self.id, secret.expose_secret());
                let encoded = value.trim_start_matches("Basic ").to_owned();
                run.wire
                    .know(&format!("secret-{label}-basic"), &encoded.into());
                outgoing.headers.push(("Authorization".to_owned(), value));
            }
            Means::Post(secret) => {
                post("client_id", self.id);
                post("client_secret", secret.expose_secret());
            }
            Means::Assertion(assertion) => {
                run.wire.know(&format!("assertion-{label}"), assertion);
                post("client_id", self.id);
                post("client_assertion_type", ASSERTION_TYPE);
                post("client_assertion", assertion.expose_secret());
            }
        }
    }
}

/// `client_secret_basic` with both halves form-encoded first (RFC 6749 §2.3.1).
fn basic(client_id: &str, secret: &str) -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(client_id), encode(secret));
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

fn is_basic(auth: ClientAuth, advertised: Option<Vec<&str>>) -> bool {
    match auth {
        ClientAuth::Basic => true,
        ClientAuth::Post => false,
        // RFC 8414 §2: the default is client_secret_basic.
        ClientAuth::Advertised => advertised.is_none_or(|methods| {
            methods.contains(&"client_secret_basic") || !methods.contains(&"client_secret_post")
        }),
    }
}

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Seconds that an assertion is good for.
const LIFETIME: i64 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_goes_where_the_metadata_says_unless_the_operator_says() {
        let advertised = |methods: &[&'static str]| Some(methods.to_vec());
        assert!(is_basic(ClientAuth::Advertised, None));
        assert!(is_basic(ClientAuth::Advertised, advertised(&[])));
        let post = || advertised(&["client_secret_post", "private_key_jwt"]);
        assert!(!is_basic(ClientAuth::Advertised, post()));
        assert!(is_basic(ClientAuth::Basic, post()));
        assert!(!is_basic(ClientAuth::Post, None));
    }

    #[test]
    fn both_halves_of_the_header_are_form_encoded() {
        assert_eq!(basic("a:b", "c d"), "Basic YSUzQWI6Yytk");
    }
}
