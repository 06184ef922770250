//! JSON Web Tokens: reading public claims, and forging the tokens that a sound server refuses.
//!
//! Nothing here verifies a signature; a forged token differs from the original in one respect, so
//! that only the check under test can refuse it.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::model::identity::{Claims, ScopeSet};

use super::json;

mod forge;
mod own;

pub use forge::{
    KeyHint, halve, hs256_with_hint, swap_case, tamper_header, tamper_start, truncate,
    unsigned_ending, with_own_key,
};
pub use own::{KeySource, key_set, with_key_from};

pub use super::jwk::jwks_public_keys;

/// An edit of a token's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// More scopes, in whichever claim holds them; `scope` when none does.
    AddScopes(&'a ScopeSet),
    /// Another `exp`, in seconds since the epoch.
    Expiry(i64),
    /// Another `aud`.
    Audience(&'a str),
    /// Another `sub`.
    Subject(&'a str),
}

/// The public claims of a token in JWS compact form; `None` for any other token.
pub fn peek(token: &str) -> Option<Claims> {
    let jwt = Jwt::split(token)?;
    let header = jwt.header()?;
    let payload = jwt.payload()?;
    let text = |member: &str| payload.get(member)?.as_str().map(str::to_owned);
    let confirmed = |member: &str| {
        let key = payload.get("cnf").and_then(|key| key.get(member));
        key.is_some_and(Value::is_string)
    };
    Some(Claims {
        alg: header.get("alg").and_then(Value::as_str).map(str::to_owned),
        typ: header.get("typ").and_then(Value::as_str).map(str::to_owned),
        issuer: text("iss"),
        subject: text("sub"),
        client_id: text("client_id").or_else(|| text("azp")),
        audience: strings(payload.get("aud")),
        scopes: scopes(&payload),
        issued_at: payload.get("iat").and_then(seconds),
        not_before: payload.get("nbf").and_then(seconds),
        expires_at: payload.get("exp").and_then(seconds),
        key_bound: confirmed("jkt"),
        certificate_bound: confirmed("x5t#S256"),
    })
}

/// The token with an edited payload and its old signature.
///
/// `None` when the token is no JWT or the edit would change nothing.
pub fn tamper_payload(token: &str, change: &Change<'_>) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let before = jwt.payload()?;
    let mut after = before.clone();
    match change {
        Change::AddScopes(scopes) => add_scopes(&mut after, scopes),
        Change::Expiry(at) => drop(after.insert("exp".to_owned(), Value::from(*at))),
        Change::Audience(audience) => drop(after.insert("aud".to_owned(), Value::from(*audience))),
        Change::Subject(subject) => drop(after.insert("sub".to_owned(), Value::from(*subject))),
    }
    if before == after {
        return None;
    }
    let payload = encode_object(&after);
    Some(format!("{}.{payload}.{}", jwt.header, jwt.signature))
}

/// The token with one byte in the middle of its signature changed.
///
/// Never the last character: its low bits may be padding that decodes to the same bytes.
pub fn flip_signature(token: &str) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let mut signature = decode(jwt.signature)?;
    let middle = signature.len().checked_div(2)?;
    let byte = signature.get_mut(middle)?;
    *byte ^= 0x5a;
    Some(jwt.with_signature(&signature))
}

/// The token without its signature: `header.payload.`.
pub fn strip_signature(token: &str) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let is_signed = !jwt.signature.is_empty();
    is_signed.then(|| format!("{}.{}.", jwt.header, jwt.payload))
}

/// An unsigned copy with `alg` spelled as given (`none`, `None`, `nOnE`), the payload segment
/// unchanged (RFC 8725 §3.1).
pub fn unsigned(token: &str, alg_spelling: &str) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let mut header = Map::new();
    header.insert("alg".to_owned(), Value::from(alg_spelling));
    if let Some(typ) = jwt.header()?.get("typ") {
        header.insert("typ".to_owned(), typ.clone());
    }
    Some(format!("{}.{}.", encode_object(&header), jwt.payload))
}

/// A copy signed with HMAC-SHA256 under a key that the attacker knows, such as the issuer's public
/// key as text (RFC 8725 §2.1); the payload segment and the rest of the header are unchanged.
pub fn hs256_with_key(token: &str, key: &[u8]) -> Option<String> {
    let jwt = Jwt::split(token)?;
    let mut header = jwt.header()?;
    header.insert("alg".to_owned(), Value::from("HS256"));
    let signed = format!("{}.{}", encode_object(&header), jwt.payload);
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Some(format!("{signed}.{signature}"))
}

/// A credential that no server issued but that looks like the given one.
///
/// A JWT keeps header and claims and gets a signature in which every byte differs. Any other token
/// keeps its length, its prefix up to the first `_` or `-`, and the kind of each character, and
/// differs in every one that is a letter or a digit. `random` is used cyclically.
pub fn garbage_like(token: &str, random: &[u8]) -> String {
    let mut random = random.iter().copied().chain([0]).cycle();
    if let Some(jwt) = Jwt::split(token) {
        let signature = decode(jwt.signature).filter(|bytes| !bytes.is_empty());
        let mut signature = signature.unwrap_or_else(|| vec![0; 32]);
        for byte in &mut signature {
            *byte ^= random.next().unwrap_or_default() | 1;
        }
        return jwt.with_signature(&signature);
    }
    let kept = prefix_length(token);
    let is_hex = |upper: bool| {
        token.bytes().skip(kept).all(|b| match b {
            b'A'..=b'F' => upper,
            b'a'..=b'f' => !upper,
            _ => b.is_ascii_digit() || !b.is_ascii_alphanumeric(),
        })
    };
    let (lower, upper) = (is_hex(false), is_hex(true));
    let shifted = |c: char, random: u8| {
        let alphabet = match c {
            '0'..='9' | 'a'..='f' if lower && !upper => "0123456789abcdef",
            '0'..='9' | 'A'..='F' if upper && !lower => "0123456789ABCDEF",
            '0'..='9' => "0123456789",
            'a'..='z' => "abcdefghijklmnopqrstuvwxyz",
            'A'..='Z' => "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            _ => return c,
        };
        shift(c, alphabet, random)
    };
    token
        .char_indices()
        .map(|(at, c)| match random.next() {
            Some(random) if at >= kept => shifted(c, random),
            _ => c,
        })
        .collect()
}

/// Another member of the alphabet, never the one given.
fn shift(c: char, alphabet: &str, random: u8) -> char {
    let others = alphabet.len().saturating_sub(1).max(1);
    let at = alphabet.find(c).unwrap_or_default();
    let step = usize::from(random)
        .checked_rem(others)
        .unwrap_or_default()
        .saturating_add(1);
    alphabet
        .chars()
        .cycle()
        .nth(at.saturating_add(step))
        .unwrap_or(c)
}

/// How much of an opaque token is a vendor prefix such as `ghp_`: public, so garbage keeps it.
fn prefix_length(token: &str) -> usize {
    let prefix = token.find(['_', '-']).map_or(0, |at| at.saturating_add(1));
    let rest = token.len().saturating_sub(prefix);
    if prefix <= MAX_PREFIX && rest >= MIN_SECRET {
        prefix
    } else {
        0
    }
}

/// A token in JWS compact form, cut at its dots.
struct Jwt<'t> {
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
}

impl<'t> Jwt<'t> {
    fn split(token: &'t str) -> Option<Self> {
        let (header, rest) = token.split_once('.')?;
        let (payload, signature) = rest.split_once('.')?;
        let jwt = Self {
            header,
            payload,
            signature,
        };
        let is_compact = !signature.contains('.') && decode(signature).is_some();
        (is_compact && jwt.header().is_some() && jwt.payload().is_some()).then_some(jwt)
    }

    fn header(&self) -> Option<Map<String, Value>> {
        object(self.header)
    }

    fn payload(&self) -> Option<Map<String, Value>> {
        object(self.payload)
    }

    fn with_signature(&self, signature: &[u8]) -> String {
        let signature = URL_SAFE_NO_PAD.encode(signature);
        format!("{}.{}.{signature}", self.header, self.payload)
    }
}

fn object(segment: &str) -> Option<Map<String, Value>> {
    match json::read(&decode(segment)?).ok()?.value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

pub(super) fn decode(segment: &str) -> Option<Vec<u8>> {
    FORGIVING.decode(segment).ok()
}

fn encode_object(members: &Map<String, Value>) -> String {
    let text = Value::Object(members.clone()).to_string();
    URL_SAFE_NO_PAD.encode(text)
}

/// Every scope that any of the customary claims names.
fn scopes(payload: &Map<String, Value>) -> Option<ScopeSet> {
    let mut claims = SCOPE_CLAIMS
        .iter()
        .filter_map(|claim| payload.get(*claim))
        .filter(|value| value.is_string() || value.is_array())
        .peekable();
    claims.peek()?;
    Some(
        claims
            .flat_map(|value| match value {
                Value::String(list) => list.split_whitespace().map(str::to_owned).collect(),
                list => strings(Some(list)),
            })
            .collect(),
    )
}

fn add_scopes(payload: &mut Map<String, Value>, scopes: &ScopeSet) {
    let mut held = false;
    for claim in SCOPE_CLAIMS {
        match payload.get_mut(claim) {
            Some(Value::String(list)) => {
                held = true;
                for scope in scopes {
                    if !list.split_whitespace().any(|known| known == scope) {
                        list.push_str(if list.is_empty() { "" } else { " " });
                        list.push_str(scope);
                    }
                }
            }
            Some(Value::Array(items)) => {
                held = true;
                for scope in scopes {
                    let scope = Value::from(scope.as_str());
                    if !items.contains(&scope) {
                        items.push(scope);
                    }
                }
            }
            _ => {}
        }
    }
    if !held && !scopes.is_empty() {
        let list: Vec<&str> = scopes.iter().map(String::as_str).collect();
        payload.insert("scope".to_owned(), Value::from(list.join(" ")));
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// A `NumericDate` (RFC 7519 §2): whole seconds, fractions cut.
fn seconds(value: &Value) -> Option<i64> {
    if let Some(whole) = value.as_i64() {
        return Some(whole);
    }
    let whole = format!("{:.0}", value.as_f64()?.floor());
    whole.parse().ok()
}

/// Base64url as tokens carry it, and with the padding that some issuers add.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
const SCOPE_CLAIMS: [&str; 3] = ["scope", "scp", "permissions"];
const MAX_PREFIX: usize = 12;
const MIN_SECRET: usize = 12;

#[cfg(test)]
#[path = "jose_tests.rs"]
mod tests;
