//! Proof of possession as both servers demand it (RFC 9449): one proof for each request, with a nonce
//! that the server gave.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, crypto, get_current_timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::behaviour::ProofCheck;
use super::http::{self, Incoming, with_header};
use super::state::{Shared, lock};

/// Why a proof does not prove anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// There is none, or it is for something else.
    Invalid,
    /// The server's nonce is not in it.
    NonceMissing,
}

/// The thumbprint of the key that a request proves to hold; with a token, the proof has to name it.
pub(crate) fn thumbprint(
    shared: &Shared,
    incoming: &Incoming,
    url: &str,
    token: Option<&str>,
    asked: ProofCheck,
) -> Result<String, Unproven> {
    let mut proofs = incoming.headers.get_all("dpop").iter();
    let proof = proofs.next().and_then(|value| value.to_str().ok());
    if proofs.next().is_some() && asked != ProofCheck::AnyNumber {
        return Err(Unproven::Invalid);
    }
    let (claims, key) = proof
        .and_then(|proof| signed(proof, asked))
        .ok_or(Unproven::Invalid)?;
    let text = |member: &str| claims.get(member).and_then(Value::as_str);
    let digest = token.map(|token| BASE64URL.encode(Sha256::digest(token)));
    let now = get_current_timestamp();
    let issued = claims
        .get("iat")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let of_request = || text("htm") == Some(incoming.method.as_str()) && text("htu") == Some(url);
    let fits = (asked == ProofCheck::AnyRequest || of_request())
        && (asked == ProofCheck::AnyToken || text("ath") == digest.as_deref())
        && (asked == ProofCheck::AnyAge || issued.abs_diff(now) <= WINDOW);
    if !fits {
        return Err(Unproven::Invalid);
    }
    if text("nonce") != Some(NONCE) && asked != ProofCheck::AnyAge {
        return Err(Unproven::NonceMissing);
    }
    let jti = format!("proof {}", text("jti").ok_or(Unproven::Invalid)?);
    if !lock(&shared.revoked).insert(jti) && asked != ProofCheck::AnyUse {
        return Err(Unproven::Invalid);
    }
    Ok(key)
}

/// The refusal of a token endpoint (RFC 9449 §5, §8).
pub(crate) fn refuse_grant(why: Unproven) -> Response {
    let error = word(why, "invalid_dpop_proof");
    let body = json!({"error": error, "error_description": "A proof of possession is needed"});
    with_header(http::no_store(http::json(400, &body)), "dpop-nonce", NONCE)
}

/// The refusal of a resource (RFC 9449 §7.1, §9); with a nonce, where that is asked for.
pub(crate) fn refuse_use(why: Unproven, metadata: &str, asked: ProofCheck) -> Response {
    let error = word(why, "invalid_token");
    let challenge = format!("DPoP error=\"{error}\", algs=\"ES256\", {metadata}");
    let answer = http::json(401, &json!({ "error": error }));
    let answer = with_header(answer, "www-authenticate", &challenge);
    match asked {
        ProofCheck::AnyAge => answer,
        _ => with_header(answer, "dpop-nonce", NONCE),
    }
}

const fn word(why: Unproven, other: &'static str) -> &'static str {
    match why {
        Unproven::Invalid => other,
        Unproven::NonceMissing => "use_dpop_nonce",
    }
}

/// The claims of a proof whose signature is its own key's, and that key's thumbprint.
fn signed(proof: &str, asked: ProofCheck) -> Option<(Value, String)> {
    let (message, signature) = proof.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let object = |part: &str| -> Option<Value> {
        serde_json::from_slice(&BASE64URL.decode(part).ok()?).ok()
    };
    let header = object(header)?;
    let typed = header.get("typ").and_then(Value::as_str) == Some("dpop+jwt");
    let typed = typed || asked == ProofCheck::AnyType;
    let jwk = header.get("jwk").filter(|jwk| jwk.get("d").is_none())?;
    let member = |name: &str| jwk.get(name).and_then(Value::as_str);
    let (x, y) = (member("x")?, member("y")?);
    let parsed: Jwk = serde_json::from_value(jwk.clone()).ok()?;
    let key = DecodingKey::from_jwk(&parsed).ok()?;
    let sound = asked == ProofCheck::AnySignature
        || crypto::verify(signature, message.as_bytes(), &key, Algorithm::ES256).ok()?;
    let canonical = format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{x}\",\"y\":\"{y}\"}}");
    let thumbprint = BASE64URL.encode(Sha256::digest(canonical));
    (typed && sound).then_some((object(claims)?, thumbprint))
}

const NONCE: &str = "demo-nonce-of-this-server";
/// Seconds that a proof's clock may be off.
const WINDOW: u64 = 60;
