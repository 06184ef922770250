//! Keys that a token brings along in a certificate, or names by an address, for servers that fall for
//! them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::Value;
use url::Url;

use super::authority;
use super::behaviour::Signature;
use super::http::Incoming;
use super::state::{Shared, lock};

/// Fetches what the header of a request's token names, so that the token can be judged without
/// waiting.
pub(super) async fn prepare(shared: &Shared, incoming: &Incoming) {
    let fetching = matches!(
        shared.behaviour.resource.signature,
        Signature::KeyAddressTrusted | Signature::KeyAddressFetched
    );
    let token = incoming.header("authorization").and_then(|value| {
        let (_, token) = value.split_once(' ')?;
        Some(token.trim())
    });
    let Some(header) = token.filter(|_| fetching).and_then(header) else {
        return;
    };
    for url in addresses(&header) {
        let Ok(parsed) = Url::parse(url) else {
            continue;
        };
        let forwarded = parsed
            .host_str()
            .and_then(|host| lock(&shared.forwards).get(host).copied());
        let answer = authority::get(&parsed, forwarded, LARGEST, PATIENCE_MS).await;
        let body = answer.ok().filter(|answer| answer.status == 200);
        let mut fetched = lock(&shared.fetched_keys);
        if fetched.len() >= REMEMBERED {
            fetched.clear();
        }
        if let Some(answer) = body {
            fetched.insert(url.to_owned(), answer.body);
        }
    }
}

/// Whether a key that the header brings or names verifies a token.
pub(super) fn verifies(shared: &Shared, header: &Value, signed: &str, signature: &str) -> bool {
    let key = match shared.behaviour.resource.signature {
        Signature::EmbeddedCertificate => embedded(header),
        Signature::KeyAddressTrusted => fetched(shared, header),
        _ => None,
    };
    let es256 = |key: &DecodingKey| {
        let verified = crypto::verify(signature, signed.as_bytes(), key, Algorithm::ES256);
        verified.unwrap_or(false)
    };
    header.get("alg").and_then(Value::as_str) == Some("ES256") && key.as_ref().is_some_and(es256)
}

/// The key of the first certificate in `x5c`.
fn embedded(header: &Value) -> Option<DecodingKey> {
    let first = header.pointer("/x5c/0")?.as_str()?;
    let pem = format!("-----BEGIN CERTIFICATE-----\n{first}\n-----END CERTIFICATE-----\n");
    DecodingKey::from_ec_pem(pem.as_bytes()).ok()
}

/// The key in what was fetched for `jku` or `x5u`.
fn fetched(shared: &Shared, header: &Value) -> Option<DecodingKey> {
    let fetched = lock(&shared.fetched_keys);
    let body = addresses(header).find_map(|url| fetched.get(url))?;
    if let Ok(key) = DecodingKey::from_ec_pem(body) {
        return Some(key);
    }
    let set: JwkSet = serde_json::from_slice(body).ok()?;
    let name = header.get("kid").and_then(Value::as_str)?;
    DecodingKey::from_jwk(set.find(name)?).ok()
}

fn addresses(header: &Value) -> impl Iterator<Item = &str> {
    let members = ["jku", "x5u"].into_iter();
    members.filter_map(|member| header.get(member).and_then(Value::as_str))
}

fn header(token: &str) -> Option<Value> {
    let (header, _) = token.split_once('.')?;
    serde_json::from_slice(&BASE64URL.decode(header).ok()?).ok()
}

const LARGEST: usize = 64 * 1024;
const PATIENCE_MS: u64 = 1000;
/// Documents kept at one time.
const REMEMBERED: usize = 100;
