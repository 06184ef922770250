//! Copies that are signed with a key pair of the caller's, whose public half the header brings or
//! points at.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Jwt;
use crate::model::key::SigningKey;

/// Where the header says that the public key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource<'a> {
    /// In a certificate, in DER, that the header brings (`x5c`).
    Certificate(&'a [u8]),
    /// In a key set at an address (`jku`).
    SetUrl(&'a str),
    /// In a certificate at an address (`x5u`).
    CertificateUrl(&'a str),
}

/// A copy with the same claims, signed with a key of the caller's (RFC 8725 §3.10).
///
/// Whatever the header said about the key before is left out, so that only one key is spoken of.
pub fn with_key_from(
    token: &str,
    key: &SigningKey,
    algorithm: &str,
    source: &KeySource<'_>,
) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let mut header = jwt.header()?;
    header.retain(|member, _| !ABOUT_THE_KEY.contains(&member.as_str()));
    header.insert("kid".to_owned(), Value::from(key.thumbprint()?));
    let (member, value) = match source {
        // RFC 7515 §4.1.6: base64, not base64url.
        KeySource::Certificate(der) => ("x5c", json!([STANDARD.encode(der)])),
        KeySource::SetUrl(url) => ("jku", Value::from(*url)),
        KeySource::CertificateUrl(url) => ("x5u", Value::from(*url)),
    };
    header.insert(member.to_owned(), value);
    key.sign(algorithm, header, &Value::Object(jwt.payload()?))
}

/// The key set (RFC 7517 §5) that holds the public key under the name that copies give it.
pub fn key_set(key: &SigningKey, algorithm: &str) -> Option<Value> {
    let mut public = key.public_jwk()?;
    let members = public.as_object_mut()?;
    members.insert("kid".to_owned(), Value::from(key.thumbprint()?));
    members.insert("alg".to_owned(), Value::from(algorithm));
    members.insert("use".to_owned(), Value::from("sig"));
    Some(json!({ "keys": [public] }))
}

/// Members of a header that name, bring or find a key, and the algorithm, which the new key sets.
const ABOUT_THE_KEY: [&str; 8] = ["alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jose::{jwks_public_keys, peek};
    use crate::model::certificate::OwnCertificate;

    /// `{"alg":"ES256","kid":"a","x5t":"b"}` . `{"sub":"a","scope":"x"}` . thirty-two letters.
    const TOKEN: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEiLCJ4NXQiOiJiIn0.\
                         eyJzdWIiOiJhIiwic2NvcGUiOiJ4In0.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl";

    #[test]
    fn each_source_stands_alone_in_the_header_and_the_claims_stay() {
        for (rsa, algorithm) in [(false, "ES256"), (true, "PS256")] {
            let own = OwnCertificate::generate("run", rsa).unwrap();
            for (source, member) in [
                (KeySource::Certificate(&own.der), "x5c"),
                (KeySource::SetUrl("https://a.example/keys"), "jku"),
                (KeySource::CertificateUrl("https://a.example/pem"), "x5u"),
            ] {
                let made = with_key_from(TOKEN, &own.key, algorithm, &source).unwrap();
                let header = Jwt::split(&made).unwrap().header().unwrap();
                let members: Vec<&str> = header.keys().map(String::as_str).collect();
                assert_eq!(members, ["alg", "kid", member]);
                assert_eq!(header["alg"], algorithm);
                assert_ne!(header["kid"], "a");
                let claims = peek(&made).unwrap();
                assert_eq!(claims.subject.as_deref(), Some("a"));
                assert_ne!(made, TOKEN);
            }
        }
    }

    #[test]
    fn the_certificate_is_in_plain_base64() {
        let own = OwnCertificate::generate("run", false).unwrap();
        let source = KeySource::Certificate(&own.der);
        let made = with_key_from(TOKEN, &own.key, "ES256", &source).unwrap();
        let header = Jwt::split(&made).unwrap().header().unwrap();
        let first = header["x5c"][0].as_str().unwrap();
        assert_eq!(STANDARD.decode(first).unwrap(), own.der);
    }

    #[test]
    fn the_key_set_holds_the_key_by_the_name_in_the_header_and_nothing_private() {
        for (rsa, algorithm) in [(false, "ES256"), (true, "RS256")] {
            let own = OwnCertificate::generate("run", rsa).unwrap();
            let set = key_set(&own.key, algorithm).unwrap();
            assert!(!jwks_public_keys(&set).is_empty());
            let key = &set["keys"][0];
            assert_eq!(key["kid"], own.key.thumbprint().unwrap());
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(key.get(private).is_none(), "{private}");
            }
        }
    }

    #[test]
    fn an_opaque_token_and_an_algorithm_that_the_key_has_not_make_no_copy() {
        let own = OwnCertificate::generate("run", true).unwrap();
        let source = KeySource::SetUrl("https://a.example/");
        assert!(with_key_from("opaque", &own.key, "RS256", &source).is_none());
        assert!(with_key_from(TOKEN, &own.key, "ES256", &source).is_none());
    }
}
