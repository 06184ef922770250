//! More ways to write a token that a sound server refuses: headers that choose the key, and cuts.

use hmac::{Hmac, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Jwt, encode_object};
use crate::model::key::SigningKey;

/// A header that tells the verifier which key to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHint<'a> {
    /// The key itself, in `jwk`.
    Embedded,
    /// An address of a key set, in `jku`.
    SetUrl(&'a str),
    /// An address of a certificate, in `x5u`.
    CertificateUrl(&'a str),
    /// A name, in `kid`.
    Id(&'a str),
    /// Nothing: only the algorithm changes.
    None,
}

/// A copy signed with HMAC-SHA256 under a key of the caller's, whose header points at that key; the
/// payload segment is unchanged (RFC 8725 §2.1, §3.10).
pub fn hs256_with_hint(token: &str, hint: &KeyHint<'_>, key: &[u8]) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let mut header = jwt.header()?;
    header.insert("alg".to_owned(), Value::from("HS256"));
    let mut name = |member: &str, value: Value| drop(header.insert(member.to_owned(), value));
    match hint {
        KeyHint::Embedded => {
            let encoded = URL_SAFE_NO_PAD.encode(key);
            name("jwk", json!({"kty": "oct", "alg": "HS256", "k": encoded}));
        }
        KeyHint::SetUrl(url) => name("jku", Value::from(*url)),
        KeyHint::CertificateUrl(url) => name("x5u", Value::from(*url)),
        KeyHint::Id(id) => name("kid", Value::from(*id)),
        KeyHint::None => {}
    }
    let signed = format!("{}.{}", encode_object(&header), jwt.payload);
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Some(format!("{signed}.{signature}"))
}

/// A copy signed with a private key of the caller's, whose header brings the public one (`jwk`); the
/// claims are unchanged (RFC 8725 §3.10).
pub fn with_own_key(token: &str, key: &SigningKey, algorithm: &str) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let mut header = jwt.header()?;
    let mut public = key.public_jwk()?;
    let name = Value::from(key.thumbprint()?);
    if let Some(members) = public.as_object_mut() {
        members.insert("kid".to_owned(), name.clone());
        members.insert("alg".to_owned(), Value::from(algorithm));
        members.insert("use".to_owned(), Value::from("sig"));
    }
    header.remove("alg");
    header.insert("kid".to_owned(), name);
    header.insert("jwk".to_owned(), public);
    key.sign(algorithm, header, &Value::Object(jwt.payload()?))
}

/// The token with one more member in its header and its old signature.
pub fn tamper_header(token: &str) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let mut header = jwt.header()?;
    let known = header.insert("mcp-assay".to_owned(), Value::from(1));
    let changed = known.is_none();
    changed.then(|| {
        format!(
            "{}.{}.{}",
            encode_object(&header),
            jwt.payload,
            jwt.signature
        )
    })
}

/// The token with `nbf` far ahead and its old signature.
pub fn tamper_start(token: &str, at: i64) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let mut payload = jwt.payload()?;
    payload.insert("nbf".to_owned(), Value::from(at));
    Some(format!(
        "{}.{}.{}",
        jwt.header,
        encode_object(&payload),
        jwt.signature
    ))
}

/// The token without the second half of its signature.
pub fn truncate(token: &str) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let half = jwt
        .signature
        .len()
        .checked_div(2)
        .filter(|half| *half > 0)?;
    let signature = jwt.signature.get(..half)?;
    Some(format!("{}.{}.{signature}", jwt.header, jwt.payload))
}

/// The first half of an opaque token.
pub fn halve(token: &str) -> Option<String> {
    let half = token.chars().count().checked_div(2)?;
    (half > 0).then(|| token.chars().take(half).collect())
}

/// An opaque token with its capital letters made small and its small ones capital.
pub fn swap_case(token: &str) -> Option<String> {
    let swap = |c: char| {
        if c.is_ascii_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    };
    let swapped: String = token.chars().map(swap).collect();
    (swapped != token).then_some(swapped)
}

/// A copy whose header says `none` and that ends as given: with its old signature, or without even
/// the dot before it.
pub fn unsigned_ending(token: &str, keep_signature: bool) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let mut header = Map::new();
    header.insert("alg".to_owned(), Value::from("none"));
    let start = format!("{}.{}", encode_object(&header), jwt.payload);
    Some(if keep_signature {
        format!("{start}.{}", jwt.signature)
    } else {
        start
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jose::peek;

    /// `{"alg":"ES256","kid":"a"}` . `{"sub":"a","scope":"x"}` . thirty-two letters.
    const TOKEN: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJhIiwic2NvcGUiOiJ4In0.\
                         c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl";

    fn header(token: &str) -> Map<String, Value> {
        Jwt::split(token).unwrap().header().unwrap()
    }

    fn payload(token: &str) -> &str {
        token.split('.').nth(1).unwrap()
    }

    #[test]
    fn a_hint_names_its_key_and_leaves_the_payload_alone() {
        let url = "https://run.invalid/keys";
        for (hint, member, value) in [
            (KeyHint::SetUrl(url), "jku", Value::from(url)),
            (KeyHint::CertificateUrl(url), "x5u", Value::from(url)),
            (KeyHint::Id("/dev/null"), "kid", Value::from("/dev/null")),
            (KeyHint::None, "kid", Value::from("a")),
        ] {
            let forged = hs256_with_hint(TOKEN, &hint, b"key").unwrap();
            assert_eq!(header(&forged).get(member), Some(&value), "{hint:?}");
            assert_eq!(header(&forged)["alg"], "HS256");
            assert_eq!(payload(&forged), payload(TOKEN));
        }
    }

    #[test]
    fn a_key_of_the_caller_is_in_the_header_and_signs_the_same_claims() {
        let keys = [
            (SigningKey::generate().unwrap(), "ES256", "EC"),
            (SigningKey::generate_rsa().unwrap(), "PS256", "RSA"),
        ];
        for (key, algorithm, kind) in keys {
            let forged = with_own_key(TOKEN, &key, algorithm).unwrap();
            let header = header(&forged);
            assert_eq!(header["alg"], algorithm);
            assert_eq!(header["jwk"]["kty"], kind);
            assert_eq!(header["jwk"]["kid"], header["kid"]);
            // The private half stays here.
            assert!(header["jwk"].get("d").is_none());
            assert_eq!(peek(&forged).unwrap().subject.as_deref(), Some("a"));
            assert!(with_own_key("opaque", &key, algorithm).is_none());
        }
    }

    #[test]
    fn an_embedded_key_verifies_its_own_token() {
        let forged = hs256_with_hint(TOKEN, &KeyHint::Embedded, b"key").unwrap();
        assert_eq!(header(&forged)["jwk"]["k"], "a2V5");
        let (signed, signature) = forged.rsplit_once('.').unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(b"key").unwrap();
        mac.update(signed.as_bytes());
        assert!(
            mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap())
                .is_ok()
        );
    }

    #[test]
    fn an_empty_key_signs_as_well() {
        assert!(hs256_with_hint(TOKEN, &KeyHint::Id(""), b"").is_some());
    }

    #[test]
    fn edits_keep_what_they_do_not_name() {
        let edited = tamper_header(TOKEN).unwrap();
        assert_eq!(
            (payload(&edited), edited.rsplit('.').next()),
            (payload(TOKEN), TOKEN.rsplit('.').next())
        );
        assert!(
            tamper_header(&edited).is_none(),
            "an edit that changes nothing is none"
        );
        let later = tamper_start(TOKEN, 4_000_000_000).unwrap();
        assert_eq!(peek(&later).unwrap().subject.as_deref(), Some("a"));
        assert_ne!(payload(&later), payload(TOKEN));
    }

    #[test]
    fn cuts_shorten_the_token() {
        assert!(truncate(TOKEN).unwrap().len() < TOKEN.len());
        assert!(truncate("e30.e30.").is_none(), "nothing is left to cut");
        assert_eq!(
            unsigned_ending(TOKEN, false).unwrap().matches('.').count(),
            1
        );
        assert!(unsigned_ending(TOKEN, true).unwrap().ends_with("dXJl"));
    }

    #[test]
    fn an_opaque_token_has_no_such_copies() {
        for made in [
            hs256_with_hint("opaque", &KeyHint::None, b""),
            tamper_header("opaque"),
            tamper_start("opaque", 1),
            truncate("opaque"),
            unsigned_ending("opaque", true),
        ] {
            assert_eq!(made, None);
        }
    }
}
