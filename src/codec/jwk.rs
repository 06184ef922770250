//! Public keys of a JWK set in the forms that a confused verifier takes for an HMAC secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::jose::decode;

/// Every public key of a set as bytes to sign with: SPKI PEM with and without its last line feed,
/// PKCS #1 PEM for RSA, SPKI DER, the JWK itself as compact JSON, and its number alone.
///
/// All first forms come before all second ones, so that a caller may stop early. Symmetric keys are
/// left out: they are no public keys. The first four keys count.
pub fn jwks_public_keys(jwks: &Value) -> Vec<Vec<u8>> {
    let keys = jwks.get("keys").and_then(Value::as_array);
    let forms: Vec<Vec<Vec<u8>>> = keys
        .into_iter()
        .flatten()
        .filter_map(forms)
        .take(MAX_KEYS)
        .collect();
    let longest = forms.iter().map(Vec::len).max().unwrap_or_default();
    let mut found: Vec<Vec<u8>> = Vec::new();
    for place in 0..longest {
        for form in forms.iter().filter_map(|forms| forms.get(place)) {
            if !found.contains(form) {
                found.push(form.clone());
            }
        }
    }
    found
}

fn forms(jwk: &Value) -> Option<Vec<Vec<u8>>> {
    let (spki, pkcs1) = match jwk.get("kty")?.as_str()? {
        "RSA" => {
            let pkcs1 = rsa(&number(jwk, "n")?, &number(jwk, "e")?);
            (public_key_info(RSA_ALGORITHM, &pkcs1), Some(pkcs1))
        }
        "EC" => (elliptic(jwk)?, None),
        "OKP" => {
            let algorithm = match jwk.get("crv")?.as_str()? {
                "Ed25519" => ED25519_ALGORITHM,
                _ => return None,
            };
            (public_key_info(algorithm, &number(jwk, "x")?), None)
        }
        _ => return None,
    };
    let pem = armour("PUBLIC KEY", &spki);
    let bare = pem.trim_end().to_owned();
    let mut forms = vec![pem.into_bytes(), bare.into_bytes()];
    forms.extend(pkcs1.map(|der| armour("RSA PUBLIC KEY", &der).into_bytes()));
    forms.push(spki);
    forms.push(jwk.to_string().into_bytes());
    // The number itself, as bytes and as the text of the key set.
    if let Some(member) = ["n", "x"]
        .into_iter()
        .find(|member| jwk.get(member).is_some())
    {
        forms.extend(number(jwk, member));
        forms.extend(
            jwk.get(member)
                .and_then(Value::as_str)
                .map(|text| text.as_bytes().to_vec()),
        );
    }
    Some(forms)
}

fn elliptic(jwk: &Value) -> Option<Vec<u8>> {
    let (algorithm, width) = match jwk.get("crv")?.as_str()? {
        "P-256" => (P256_ALGORITHM, 32),
        "P-384" => (P384_ALGORITHM, 48),
        "P-521" => (P521_ALGORITHM, 66),
        _ => return None,
    };
    let mut point = vec![4];
    for member in ["x", "y"] {
        let coordinate = number(jwk, member)?;
        let padding = usize::checked_sub(width, coordinate.len())?;
        point.extend(std::iter::repeat_n(0, padding));
        point.extend(coordinate);
    }
    Some(public_key_info(algorithm, &point))
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1).
fn public_key_info(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = [0].iter().chain(key).copied().collect();
    element(
        SEQUENCE,
        &[element(SEQUENCE, algorithm), element(BIT_STRING, &bits)].concat(),
    )
}

/// `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[integer(modulus), integer(exponent)].concat())
}

fn integer(magnitude: &[u8]) -> Vec<u8> {
    let significant: Vec<u8> = magnitude.iter().copied().skip_while(|b| *b == 0).collect();
    let needs_sign = significant.first().is_none_or(|b| b & 0x80 != 0);
    let sign: &[u8] = if needs_sign { &[0] } else { &[] };
    element(INTEGER, &[sign, &significant].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|b| *b == 0).collect();
    let mut der = vec![tag];
    match significant.as_slice() {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        long => {
            // At most eight length octets, so the count fits beside the long-form bit.
            der.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            der.extend(long);
        }
    }
    der.extend(content);
    der
}

fn armour(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for (at, c) in text.chars().enumerate() {
        if at > 0 && at.is_multiple_of(64) {
            pem.push('\n');
        }
        pem.push(c);
    }
    pem + &format!("\n-----END {label}-----\n")
}

fn number(jwk: &Value, member: &str) -> Option<Vec<u8>> {
    let text = jwk.get(member)?.as_str()?;
    decode(text).filter(|bytes| !bytes.is_empty() && bytes.len() <= MAX_NUMBER)
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;
/// rsaEncryption with NULL parameters (RFC 3279 §2.3.1).
const RSA_ALGORITHM: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/// id-ecPublicKey and the curve (RFC 5480 §2.1.1).
const P256_ALGORITHM: &[u8] =
    b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384_ALGORITHM: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";
const P521_ALGORITHM: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23";
/// id-Ed25519 (RFC 8410 §3).
const ED25519_ALGORITHM: &[u8] = b"\x06\x03\x2b\x65\x70";
const MAX_KEYS: usize = 4;
const MAX_NUMBER: usize = 2048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const RSA_PEM: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCVE75QR26/vrPfC4k2NI62drsx
Ko3jwNCh3H0Qkvv5uIdmjZ0sc3N3cQEuEQF6A/yIB+NqveB9f136SysIJqev0MHz
0zMFyzevlhvpoC9BMhpmJCWAdZ5/j3zPH54zomfxj7BPF9zgek4ro1trr2M2Kwaj
970ujq1EAbagJTclJQIDAQAB
-----END PUBLIC KEY-----
";
    const RSA_PKCS1_PEM: &str = "-----BEGIN RSA PUBLIC KEY-----
MIGJAoGBAJUTvlBHbr++s98LiTY0jrZ2uzEqjePA0KHcfRCS+/m4h2aNnSxzc3dx
AS4RAXoD/IgH42q94H1/XfpLKwgmp6/QwfPTMwXLN6+WG+mgL0EyGmYkJYB1nn+P
fM8fnjOiZ/GPsE8X3OB6TiujW2uvYzYrBqP3vS6OrUQBtqAlNyUlAgMBAAE=
-----END RSA PUBLIC KEY-----
";
    const EC_PEM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYq53H+x3sL5jz/fb3HSxLFdV98Sl
c/4K1X41e7WOV8PQcQvizmZadv5lnr+O4pTpLhxlnxEdYWn1m4vspFFlxA==
-----END PUBLIC KEY-----
";
    const ED25519_PEM: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAoPi/M9B3SEPbNYbLyqH7VD5Cqzp6mDmdLH7fkgdEkgY=
-----END PUBLIC KEY-----
";

    fn rsa_key() -> Value {
        json!({"kty": "RSA", "kid": "k1", "e": "AQAB", "n": "lRO-UEduv76z3wuJNjSOtna7MSqN48DQodx9EJL7-biHZo2dLHNzd3EBLhEBegP8iAfjar3gfX9d-ksrCCanr9DB89MzBcs3r5Yb6aAvQTIaZiQlgHWef498zx-eM6Jn8Y-wTxfc4HpOK6Nba69jNisGo_e9Lo6tRAG2oCU3JSU"})
    }

    fn ec_key() -> Value {
        json!({"kty": "EC", "crv": "P-256", "x": "Yq53H-x3sL5jz_fb3HSxLFdV98Slc_4K1X41e7WOV8M", "y": "0HEL4s5mWnb-ZZ6_juKU6S4cZZ8RHWFp9ZuL7KRRZcQ"})
    }

    #[test]
    fn keys_have_the_bytes_that_openssl_prints() {
        let okp = json!({"kty": "OKP", "crv": "Ed25519", "x": "oPi_M9B3SEPbNYbLyqH7VD5Cqzp6mDmdLH7fkgdEkgY"});
        for (key, pem) in [(rsa_key(), RSA_PEM), (ec_key(), EC_PEM), (okp, ED25519_PEM)] {
            let forms = jwks_public_keys(&json!({"keys": [key]}));
            assert_eq!(String::from_utf8_lossy(&forms[0]), pem);
            assert_eq!(String::from_utf8_lossy(&forms[1]), pem.trim_end());
            assert!(forms.contains(&key.to_string().into_bytes()));
        }
        let forms = jwks_public_keys(&json!({"keys": [rsa_key()]}));
        assert_eq!(String::from_utf8_lossy(&forms[2]), RSA_PKCS1_PEM);
        assert_eq!(forms.len(), 7);
        assert_eq!(
            forms.last().unwrap(),
            rsa_key()["n"].as_str().unwrap().as_bytes()
        );
    }

    #[test]
    fn the_likeliest_form_of_each_key_comes_first() {
        let forms = jwks_public_keys(&json!({"keys": [rsa_key(), ec_key(), rsa_key()]}));
        assert_eq!(forms[0], RSA_PEM.as_bytes());
        assert_eq!(forms[1], EC_PEM.as_bytes());
        assert_eq!(forms.len(), 13);
    }

    #[test]
    fn coordinates_are_padded_to_the_width_of_the_curve() {
        let short = json!({"kty": "EC", "crv": "P-256", "x": "AQ", "y": "Ag"});
        let forms = jwks_public_keys(&json!({"keys": [short]}));
        assert_eq!(forms[2].len(), 91);
        let long = json!({"kty": "EC", "crv": "P-256", "x": "A".repeat(60), "y": "Ag"});
        assert!(jwks_public_keys(&json!({"keys": [long]})).is_empty());
    }

    #[test]
    fn what_is_no_public_key_is_left_out() {
        for keys in [
            json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}),
            json!({"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}),
            json!({"keys": [{"kty": "RSA", "e": "AQAB"}]}),
            json!({"keys": [7]}),
            json!({"keys": {}}),
            json!([]),
        ] {
            assert!(jwks_public_keys(&keys).is_empty(), "{keys}");
        }
        let many = json!({"keys": (0..50).map(|n| json!({"kty": "OKP", "crv": "Ed25519", "x": "AQ", "n": n})).collect::<Vec<_>>()});
        assert!(jwks_public_keys(&many).len() <= MAX_KEYS * 7);
    }

    proptest! {
        #[test]
        fn no_key_set_panics(n in "[A-Za-z0-9_-]{0,40}", e in "[A-Za-z0-9_-]{0,8}", kty in "(RSA|EC|OKP)") {
            let key = json!({"kty": kty, "crv": "P-256", "n": n, "e": e, "x": n, "y": e});
            let _ = jwks_public_keys(&json!({"keys": [key]}));
        }
    }
}
