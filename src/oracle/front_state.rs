//! What an upstream `state` gives away: its size, and what of the client's request is inside. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::model::authorization::UpstreamState;

/// Reads a state, given the parameters of the client's own request.
pub(super) fn read(state: &str, ours: &[(String, String)]) -> UpstreamState {
    let mut digest = format!("{:x}", Sha256::digest(state));
    digest.truncate(16);
    let named = |wanted: &str| {
        ours.iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    let texts = decoded(state);
    let carries = TELLING
        .iter()
        .filter(|name| {
            let value = named(name).unwrap_or_default();
            value.len() >= SHORTEST && texts.iter().any(|text| contains(text, value))
        })
        .map(|name| (*name).to_owned())
        .collect();
    UpstreamState {
        digest,
        bits: bits(state),
        passed_on: named("state") == Some(state),
        carries,
        signed: is_signed(state),
    }
}

/// The state itself and every plain encoding of something else that it is.
fn decoded(state: &str) -> Vec<String> {
    let mut texts = vec![state.to_owned()];
    let percent =
        url::form_urlencoded::parse(format!("x={}", state.replace('&', "%26")).as_bytes())
            .next()
            .map(|(_, value)| value.into_owned());
    texts.extend(percent);
    let parts: Vec<String> = texts
        .iter()
        .flat_map(|text| text.split(['.', '~', '|', ':']).map(str::to_owned))
        .collect();
    for part in parts.iter().take(MOST_PARTS) {
        let bare = part.trim_end_matches('=');
        let bytes = URL_SAFE_NO_PAD
            .decode(bare)
            .or_else(|_| STANDARD_NO_PAD.decode(bare));
        let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        texts.extend(text.filter(|text| !text.is_empty()));
    }
    texts
}

/// Whether the value is there, plain, or as JSON and URLs write it.
fn contains(text: &str, value: &str) -> bool {
    let escaped = value.replace('/', "\\/");
    let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    text.contains(value) || text.contains(&escaped) || text.contains(&encoded)
}

/// Three segments of which the first is a header that names an algorithm.
fn is_signed(state: &str) -> bool {
    let segments: Vec<&str> = state.split('.').collect();
    let (Some(header), Some(signature)) = (segments.first(), segments.last()) else {
        return false;
    };
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(header) else {
        return segments.len() == 2 && signature.len() >= SIGNATURE;
    };
    let algorithm = serde_json::from_slice::<serde_json::Value>(&bytes)
        .ok()
        .and_then(|header| header.get("alg")?.as_str().map(str::to_owned));
    match algorithm {
        Some(algorithm) => !algorithm.eq_ignore_ascii_case("none") && !signature.is_empty(),
        // A body and a tag behind it, as cookie signers write it.
        None => segments.len() >= 2 && signature.len() >= SIGNATURE,
    }
}

/// Length times the bits of the smallest alphabet that holds every character.
fn bits(state: &str) -> u32 {
    let is = |test: fn(&u8) -> bool| state.bytes().all(|byte| test(&byte));
    let tenths: u32 = if is(u8::is_ascii_digit) {
        33
    } else if is(|byte| byte.is_ascii_hexdigit() || *byte == b'-') {
        40
    } else if is(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        51
    } else {
        60
    };
    let distinct = state.bytes().collect::<std::collections::BTreeSet<_>>();
    // A run of one character has no entropy however long it is.
    let counted = if distinct.len() < 4 { 0 } else { state.len() };
    u32::try_from(counted)
        .unwrap_or(u32::MAX)
        .saturating_mul(tenths)
        / 10
}

const TELLING: [&str; 3] = ["redirect_uri", "client_id", "state"];
const SHORTEST: usize = 6;
const SIGNATURE: usize = 20;
const MOST_PARTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Vec<(String, String)> {
        [
            ("redirect_uri", "https://app.example/cb"),
            ("client_id", "client-17"),
            ("state", "abcdefghijklmnopqrstuvwxyz"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn encoded(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    #[test]
    fn a_redirect_uri_in_base64_json_is_found() {
        let state = encoded(r#"{"redirect_uri":"https:\/\/app.example\/cb","n":"x"}"#);
        let read = read(&state, &ours());
        assert_eq!(read.carries, ["redirect_uri"]);
        assert!(!read.signed);
    }

    #[test]
    fn an_unsigned_token_is_told_from_a_signed_one() {
        let body = encoded(r#"{"client_id":"client-17"}"#);
        let none = format!("{}.{body}.", encoded(r#"{"alg":"none"}"#));
        let signed = format!("{}.{body}.c2lnbmF0dXJl", encoded(r#"{"alg":"HS256"}"#));
        assert_eq!(read(&none, &ours()).carries, ["client_id"]);
        assert!(!read(&none, &ours()).signed);
        assert!(read(&signed, &ours()).signed);
    }

    #[test]
    fn a_random_state_carries_nothing_and_is_long_enough() {
        let read = read("7f1c0a94d2e84b6f9c3d5e6a8b1f2c3d", &ours());
        assert!(read.carries.is_empty() && !read.passed_on);
        assert_eq!(read.bits, 128);
    }

    #[test]
    fn the_clients_own_state_is_recognised() {
        let read = read("abcdefghijklmnopqrstuvwxyz", &ours());
        assert!(read.passed_on);
        assert_eq!(read.carries, ["state"]);
    }

    #[test]
    fn short_and_monotonous_states_have_few_bits() {
        assert!(bits("12345678") < 64);
        assert_eq!(bits(&"a".repeat(100)), 0);
        assert_eq!(bits(""), 0);
    }
}
