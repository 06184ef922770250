use proptest::prelude::*;
use serde_json::json;

use super::*;

fn token(header: &Value, payload: &Value) -> String {
    let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = URL_SAFE_NO_PAD.encode([7u8; 64]);
    format!("{}.{}.{signature}", segment(header), segment(payload))
}

fn plain(payload: &Value) -> String {
    token(
        &json!({"alg": "RS256", "typ": "at+jwt", "kid": "k1"}),
        payload,
    )
}

fn scope_set(scopes: &[&str]) -> ScopeSet {
    scopes.iter().map(|&scope| scope.to_owned()).collect()
}

fn segments(token: &str) -> Vec<&str> {
    token.split('.').collect()
}

#[test]
fn public_claims_are_read_and_nothing_else() {
    let claims = peek(&plain(&json!({
        "iss": "https://as", "sub": "u1", "azp": "c1", "aud": ["https://h/mcp", 5],
        "scope": "a b", "iat": 1_787_400_000, "exp": 1_787_403_600.75, "email": "x@y"
    })))
    .unwrap();
    assert_eq!(claims.alg.as_deref(), Some("RS256"));
    assert_eq!(claims.typ.as_deref(), Some("at+jwt"));
    assert_eq!(claims.issuer.as_deref(), Some("https://as"));
    assert_eq!(claims.client_id.as_deref(), Some("c1"));
    assert_eq!(claims.audience, ["https://h/mcp"]);
    assert_eq!(claims.scopes, Some(scope_set(&["a", "b"])));
    assert_eq!(claims.issued_at, Some(1_787_400_000));
    assert_eq!(claims.expires_at, Some(1_787_403_600));
}

#[test]
fn scopes_are_found_in_every_customary_claim() {
    for (payload, expected) in [
        (json!({"scope": "a b"}), Some(scope_set(&["a", "b"]))),
        (json!({"scope": ["a", "b"]}), Some(scope_set(&["a", "b"]))),
        (json!({"scp": ["a"]}), Some(scope_set(&["a"]))),
        (json!({"scp": "a b"}), Some(scope_set(&["a", "b"]))),
        (json!({"permissions": ["a"]}), Some(scope_set(&["a"]))),
        (
            json!({"scope": "openid", "permissions": ["read:x"]}),
            Some(scope_set(&["openid", "read:x"])),
        ),
        (json!({"scope": ""}), Some(scope_set(&[]))),
        (json!({"scope": 7}), None),
        (json!({}), None),
    ] {
        assert_eq!(
            peek(&plain(&payload)).unwrap().scopes,
            expected,
            "{payload}"
        );
    }
}

#[test]
fn what_is_no_jwt_is_not_read() {
    let jwt = plain(&json!({}));
    for text in [
        "",
        "opaque",
        "a.b.c",
        "..",
        &format!("{jwt}.x.y"),
        &format!("{jwt}!"),
        &token(&json!([]), &json!({})),
        &token(&json!({}), &json!("x")),
    ] {
        assert_eq!(peek(text), None, "{text}");
        assert_eq!(unsigned(text, "none"), None);
        assert_eq!(flip_signature(text), None);
    }
    assert!(peek(&jwt).is_some());
    assert!(peek(&format!("{jwt}==")).is_some());
}

#[test]
fn a_tampered_payload_keeps_header_and_signature() {
    let original = plain(&json!({"scope": "read", "aud": "x", "exp": 1, "sub": "u"}));
    let more = scope_set(&["admin", "read"]);
    for (change, member, expected) in [
        (Change::AddScopes(&more), "scope", json!("read admin")),
        (Change::Expiry(2), "exp", json!(2)),
        (Change::Audience("y"), "aud", json!("y")),
        (Change::Subject("v"), "sub", json!("v")),
    ] {
        let tampered = tamper_payload(&original, &change).unwrap();
        let (old, new) = (segments(&original), segments(&tampered));
        assert_eq!((old[0], old[2]), (new[0], new[2]));
        let payload: Value = serde_json::from_slice(&decode(new[1]).unwrap()).unwrap();
        assert_eq!(payload[member], expected);
    }
}

#[test]
fn an_edit_that_changes_nothing_is_refused() {
    let original = plain(&json!({"scope": "read", "exp": 1}));
    let held = scope_set(&["read"]);
    assert_eq!(tamper_payload(&original, &Change::AddScopes(&held)), None);
    assert_eq!(tamper_payload(&original, &Change::Expiry(1)), None);
    assert_eq!(tamper_payload("opaque", &Change::Expiry(1)), None);
}

#[test]
fn scopes_are_added_where_the_token_keeps_them() {
    let admin = scope_set(&["admin"]);
    for (payload, expected) in [
        (json!({"scp": ["a"]}), json!({"scp": ["a", "admin"]})),
        (json!({"scp": "a"}), json!({"scp": "a admin"})),
        (json!({}), json!({"scope": "admin"})),
        (json!({"scope": ""}), json!({"scope": "admin"})),
    ] {
        let tampered = tamper_payload(&plain(&payload), &Change::AddScopes(&admin)).unwrap();
        let decoded = decode(segments(&tampered)[1]).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&decoded).unwrap(), expected);
    }
}

#[test]
fn signatures_are_flipped_inside_and_stripped_whole() {
    let original = plain(&json!({"sub": "u"}));
    let flipped = flip_signature(&original).unwrap();
    let (old, new) = (segments(&original), segments(&flipped));
    assert_eq!((old[0], old[1]), (new[0], new[1]));
    let (old, new) = (decode(old[2]).unwrap(), decode(new[2]).unwrap());
    let changed: Vec<usize> = (0..old.len()).filter(|&at| old[at] != new[at]).collect();
    assert_eq!(changed, [32]);
    let stripped = strip_signature(&original).unwrap();
    assert!(original.starts_with(&stripped) && stripped.ends_with('.'));
    assert_eq!(flip_signature(&stripped), None);
    assert_eq!(strip_signature(&stripped), None);
}

#[test]
fn unsigned_copies_keep_the_payload_and_spell_alg_as_asked() {
    let original = plain(&json!({"sub": "u", "exp": 9}));
    for spelling in ["none", "None", "nOnE"] {
        let copy = unsigned(&original, spelling).unwrap();
        assert_eq!(segments(&copy)[1], segments(&original)[1]);
        assert_eq!(segments(&copy)[2], "");
        let header: Value = serde_json::from_slice(&decode(segments(&copy)[0]).unwrap()).unwrap();
        assert_eq!(header, json!({"alg": spelling, "typ": "at+jwt"}));
    }
}

#[test]
fn hmac_signatures_are_those_of_a_holder_of_the_key() {
    // RFC 7515 appendix A.1: key, payload and signature as published.
    let key =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let key = decode(key).unwrap();
    let signature = |signed: String| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(signed.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    };
    assert_eq!(
        signature(format!(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{payload}"
        )),
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"k1"}"#);
    let forged = hs256_with_key(&format!("{header}.{payload}.AAAA"), &key).unwrap();
    let parts = segments(&forged);
    assert_eq!(decode(parts[0]).unwrap(), br#"{"alg":"HS256","kid":"k1"}"#);
    assert_eq!(parts[1], payload);
    assert_eq!(parts[2], signature(format!("{}.{payload}", parts[0])));
}

#[test]
fn garbage_looks_like_the_token_it_replaces() {
    let jwt = plain(&json!({"sub": "u"}));
    let garbage = garbage_like(&jwt, &[1, 2, 3]);
    assert_eq!(segments(&jwt)[..2], segments(&garbage)[..2]);
    let (old, new) = (segments(&jwt)[2], segments(&garbage)[2]);
    let (old, new) = (decode(old).unwrap(), decode(new).unwrap());
    assert!(old.iter().zip(&new).all(|(a, b)| a != b));

    let opaque = "ghp_Ab3dEf6hIj9kLmN0pQrS";
    let garbage = garbage_like(opaque, &[200, 17, 4]);
    assert!(garbage.starts_with("ghp_"));
    let hex = garbage_like("00ffa9c3d45e67b8", &[9, 200]);
    assert!(hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
    assert_eq!(garbage_like("", &[1]), "");
}

proptest! {
    #[test]
    fn no_token_panics(text in any::<String>(), random in proptest::collection::vec(any::<u8>(), 0..8)) {
        let _ = peek(&text);
        let _ = tamper_payload(&text, &Change::Expiry(0));
        let _ = hs256_with_key(&text, &random);
        let _ = garbage_like(&text, &random);
    }

    #[test]
    fn opaque_garbage_differs_everywhere_past_the_prefix(
        opaque in "[A-Za-z0-9]{12,40}",
        random in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let garbage = garbage_like(&opaque, &random);
        prop_assert_eq!(garbage.len(), opaque.len());
        for (a, b) in opaque.chars().zip(garbage.chars()) {
            prop_assert_ne!(a, b);
            prop_assert!(b.is_ascii_alphanumeric());
        }
    }

    #[test]
    fn every_forgery_differs_from_the_original(subject in "\\PC{0,12}", key in proptest::collection::vec(any::<u8>(), 0..40)) {
        let original = plain(&json!({"sub": subject}));
        for forged in [
            tamper_payload(&original, &Change::Expiry(1)),
            flip_signature(&original),
            strip_signature(&original),
            unsigned(&original, "none"),
            hs256_with_key(&original, &key),
            Some(garbage_like(&original, &key)),
        ] {
            prop_assert_ne!(forged.unwrap(), original.clone());
        }
    }
}
