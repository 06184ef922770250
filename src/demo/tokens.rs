//! Minting and verifying access tokens (RFC 9068), with the knobs that make verifying go wrong.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, crypto, get_current_timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::authority;
use super::behaviour::{
    Audience, Expiry, IssuerCheck, KeyBinding, KeyChoice, RevocationCheck, Signature,
    TokenAudience, TokenCheck, TokenFormat, TokenKind, TokenLookup, TokenStart, TokenUse,
    TypeCheck,
};
use super::lent;
use super::named_keys;
use super::state::{Shared, lock};

/// The claims of an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: Value,
    #[serde(default)]
    pub(crate) client_id: String,
    #[serde(default)]
    pub(crate) scope: String,
    #[serde(default)]
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    #[serde(default)]
    pub(crate) jti: String,
    /// The key that has to come with the token (RFC 7800).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cnf: Option<Value>,
}

impl Claims {
    pub(crate) fn scopes(&self) -> BTreeSet<String> {
        self.scope
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect()
    }
}

/// The key pair of the authorization server, and what is derived from it.
pub(crate) struct Keys {
    pub(super) signing: EncodingKey,
    verifying: DecodingKey,
    public_jwk: Value,
    confusable: Vec<DecodingKey>,
    /// The key pair of another issuer.
    pub(super) second: (EncodingKey, DecodingKey),
}

impl Keys {
    pub(crate) fn load() -> Result<Self, jsonwebtoken::errors::Error> {
        let signing = EncodingKey::from_ec_pem(PRIVATE_PEM.as_bytes())?;
        let jwk = Jwk::from_encoding_key(&signing, Algorithm::ES256)?;
        let mut public_jwk = serde_json::to_value(jwk)?;
        if let Some(members) = public_jwk.as_object_mut() {
            members.insert("kid".to_owned(), json!(KEY_ID));
            members.insert("use".to_owned(), json!("sig"));
            members.insert("alg".to_owned(), json!("ES256"));
        }
        let confusable = confusable_keys(&public_jwk)
            .iter()
            .map(|bytes| DecodingKey::from_secret(bytes))
            .collect();
        let verifying = DecodingKey::from_ec_pem(PUBLIC_PEM.as_bytes())?;
        let second = (
            EncodingKey::from_ec_pem(SECOND_PRIVATE_PEM.as_bytes())?,
            DecodingKey::from_ec_pem(SECOND_PUBLIC_PEM.as_bytes())?,
        );
        Ok(Self {
            signing,
            verifying,
            public_jwk,
            confusable,
            second,
        })
    }

    /// The key set that the authorization server publishes.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.public_jwk] })
    }
}

/// What a new token is to say.
pub(crate) struct Order<'a> {
    pub(crate) subject: &'a str,
    pub(crate) client: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) audience: &'a str,
    pub(crate) kind: TokenKind,
    /// The thumbprint of the key it is bound to.
    pub(crate) binding: Option<&'a str>,
}

/// Mints a token and returns it with its lifetime in seconds; none when signing fails.
pub(crate) fn mint(shared: &Shared, order: &Order<'_>) -> Option<(String, u64)> {
    let policy = &shared.behaviour.tokens;
    let lifetime = policy.lifetime_seconds;
    // Ready-made tokens are nobody's: the clock of the authorization server dates its own alone.
    let own = order.subject == order.client || order.client != super::CLIENT;
    let now = if own {
        authority::now(shared)
    } else {
        get_current_timestamp()
    };
    let issued = match order.kind {
        TokenKind::Expired => now.saturating_sub(lifetime.saturating_add(EXPIRED_FOR)),
        _ => now,
    };
    let audience = match policy.audience {
        TokenAudience::Resource => order.audience,
        TokenAudience::Generic => GENERIC_AUDIENCE,
    };
    let mut claims = Claims {
        iss: shared.issuer.clone(),
        sub: order.subject.to_owned(),
        aud: json!(audience),
        client_id: order.client.to_owned(),
        scope: order.scopes.join(" "),
        iat: issued,
        exp: issued.saturating_add(lifetime),
        jti: shared.ids.next("jti"),
        cnf: match shared.behaviour.token_endpoint.binding {
            KeyBinding::Key => Some(json!({"jkt": THUMBPRINT})),
            KeyBinding::Certificate => Some(json!({"x5t#S256": THUMBPRINT})),
            KeyBinding::CertificateChecked
            | KeyBinding::CertificateCompared
            | KeyBinding::CertificateAny
                if order.subject == order.client =>
            {
                let own = shared.certificate.as_ref();
                let thumbprint = own.map_or(THUMBPRINT, |own| own.thumbprint.as_str());
                Some(json!({"x5t#S256": thumbprint}))
            }
            _ => order.binding.map(|key| json!({ "jkt": key })),
        },
    };
    if let Some(form) = lent::form(order, &mut claims) {
        return Some((lent::token(shared, form, claims)?, lifetime));
    }
    let token = match policy.format {
        TokenFormat::Opaque => opaque(shared, "at", claims),
        TokenFormat::Jwt => signed(&shared.keys.signing, "at+jwt", &claims)?,
    };
    Some((token, lifetime))
}

/// A random token that stands for the claims.
pub(super) fn opaque(shared: &Shared, prefix: &str, claims: Claims) -> String {
    let token = shared.ids.next(prefix);
    lock(&shared.opaque_tokens).insert(token.clone(), claims);
    token
}

/// Lets a refresh token stand for the claims of the token beside it, where nobody tells them apart.
pub(super) fn mistake(shared: &Shared, refresh: &str, beside: &str) {
    if shared.behaviour.verification.token_use == TokenUse::Any
        && let Some(claims) = read(beside)
    {
        lock(&shared.opaque_tokens).insert(refresh.to_owned(), claims);
    }
}

/// A token that says the claims itself.
pub(super) fn signed(key: &EncodingKey, typ: &str, claims: &Claims) -> Option<String> {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(typ.to_owned());
    header.kid = Some(KEY_ID.to_owned());
    jsonwebtoken::encode(&header, claims, key).ok()
}

/// The claims of a token that the MCP server accepts; none when it refuses the token.
pub(crate) fn accept(shared: &Shared, token: &str) -> Option<Claims> {
    let policy = &shared.behaviour.resource;
    if policy.tokens == TokenCheck::AnyString {
        return Some(read(token).unwrap_or_else(|| everything(shared)));
    }
    let revocable = shared.behaviour.verification.revocation == RevocationCheck::Checked;
    if revocable && lock(&shared.revoked).contains(token) {
        return None;
    }
    let claims = match stored(shared, token) {
        Some(claims) => claims,
        None => verified(shared, token)?,
    };
    if worn_out(shared, &claims) {
        return None;
    }
    let fresh = claims.exp > get_current_timestamp() || policy.expiry == Expiry::Ignored;
    let rules = &shared.behaviour.verification;
    let ours = claims.iss == shared.issuer || rules.issuer == IssuerCheck::Ignored;
    let meant = audience_fits(shared, &claims) || lent::fits(rules, &claims);
    let binding = shared.behaviour.token_endpoint.binding;
    let unseen = binding == KeyBinding::CertificateChecked && claims.cnf.is_some();
    let early = policy.start == TokenStart::Checked && claims.iat > get_current_timestamp();
    (fresh && !early && ours && meant && !unseen).then_some(claims)
}

/// The claims that a random token stands for.
fn stored(shared: &Shared, token: &str) -> Option<Claims> {
    let known = lock(&shared.opaque_tokens);
    let exact = known.get(token);
    let in_part = |known: &str| known.starts_with(token) || token.starts_with(known);
    let loosely = match shared.behaviour.verification.lookup {
        TokenLookup::Whole => None,
        TokenLookup::InPart if token.len() < SHORTEST => None,
        TokenLookup::InPart => known.iter().find(|(known, _)| in_part(known)),
    };
    exact.or(loosely.map(|(_, claims)| claims)).cloned()
}

/// Counts a use of a minted token; ready-made ones have no limit.
fn worn_out(shared: &Shared, claims: &Claims) -> bool {
    let limit = shared.behaviour.tokens.uses;
    let minted = claims.sub == claims.client_id || claims.client_id != super::CLIENT;
    if limit == 0 || !minted {
        return false;
    }
    let mut uses = lock(&shared.token_uses);
    let used = uses.entry(claims.jti.clone()).or_default();
    *used += 1;
    *used > limit
}

fn verified(shared: &Shared, token: &str) -> Option<Claims> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, _) = signed.split_once('.')?;
    let header: Value = serde_json::from_slice(&BASE64URL.decode(header).ok()?).ok()?;
    let algorithm = header
        .get("alg")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let typed = header
        .get("typ")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let keys = &shared.keys;
    let rules = &shared.behaviour.verification;
    let trusted: &[&DecodingKey] = match rules.keys {
        KeyChoice::OfIssuer => &[&keys.verifying],
        KeyChoice::Pooled => &[&keys.verifying, &keys.second.1],
    };
    let any_type = rules.typ == TypeCheck::Ignored || rules.token_use == TokenUse::Any;
    let genuine = || {
        algorithm == "ES256"
            && (any_type || typed.eq_ignore_ascii_case("at+jwt"))
            && trusted.iter().any(|key| {
                crypto::verify(signature, signed.as_bytes(), key, Algorithm::ES256).unwrap_or(false)
            })
    };
    let keyed = |key: &[u8]| {
        let key = DecodingKey::from_secret(key);
        let verified = crypto::verify(signature, signed.as_bytes(), &key, Algorithm::HS256);
        algorithm == "HS256" && verified.unwrap_or(false)
    };
    let good = match shared.behaviour.resource.signature {
        Signature::Verified | Signature::KeyAddressFetched => genuine(),
        Signature::EmbeddedCertificate | Signature::KeyAddressTrusted => {
            genuine() || named_keys::verifies(shared, &header, signed, signature)
        }
        Signature::Ignored => true,
        Signature::NoneAccepted => algorithm.eq_ignore_ascii_case("none") || genuine(),
        Signature::Hs256WithPublicKey => {
            let confused = |key: &DecodingKey| {
                crypto::verify(signature, signed.as_bytes(), key, Algorithm::HS256).unwrap_or(false)
            };
            genuine() || (algorithm == "HS256" && keys.confusable.iter().any(confused))
        }
        Signature::NoneMisspelt => {
            (algorithm != "none" && algorithm.eq_ignore_ascii_case("none")) || genuine()
        }
        Signature::EmbeddedKey => {
            let own = header.pointer("/jwk/k").and_then(Value::as_str);
            let own = own.and_then(|key| BASE64URL.decode(key).ok());
            genuine() || own.is_some_and(|key| keyed(&key))
        }
        Signature::EmbeddedPublicKey => {
            let own = header.get("jwk").cloned();
            let own = own.and_then(|jwk| serde_json::from_value::<Jwk>(jwk).ok());
            let own = own.and_then(|jwk| DecodingKey::from_jwk(&jwk).ok());
            let verifies = |key: &DecodingKey| {
                let es256 = Algorithm::ES256;
                crypto::verify(signature, signed.as_bytes(), key, es256).unwrap_or(false)
            };
            genuine() || (algorithm == "ES256" && own.as_ref().is_some_and(verifies))
        }
        Signature::KeyFile => {
            let path = header
                .get("kid")
                .and_then(Value::as_str)
                .unwrap_or_default();
            // The one file whose contents are known without reading it.
            genuine() || (path == "/dev/null" && keyed(&[]))
        }
    };
    if good { read(token) } else { None }
}

/// The claims as the token states them, believed without proof.
pub(crate) fn read(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let payload = parts.nth(1)?;
    parts.next()?;
    serde_json::from_slice(&BASE64URL.decode(payload).ok()?).ok()
}

fn audience_fits(shared: &Shared, claims: &Claims) -> bool {
    let wanted = match shared.behaviour.tokens.audience {
        TokenAudience::Resource => shared.mcp_url.as_str(),
        TokenAudience::Generic => GENERIC_AUDIENCE,
    };
    let fits = |audience: &str| match shared.behaviour.resource.audience {
        Audience::Exact => audience == wanted,
        Audience::Prefix => audience == wanted || audience.starts_with(&shared.mcp_origin),
        Audience::Ignored => true,
    };
    match &claims.aud {
        Value::String(audience) => fits(audience),
        Value::Array(several) => several.iter().filter_map(Value::as_str).any(fits),
        _ => shared.behaviour.resource.audience == Audience::Ignored,
    }
}

fn everything(shared: &Shared) -> Claims {
    Claims {
        iss: shared.issuer.clone(),
        sub: "somebody".to_owned(),
        aud: json!(shared.mcp_url),
        client_id: String::new(),
        scope: shared.behaviour.scope_catalogue().join(" "),
        iat: 0,
        exp: u64::MAX,
        jti: String::new(),
        cnf: None,
    }
}

/// The forms in which a public key is mistaken for a secret.
fn confusable_keys(public_jwk: &Value) -> Vec<Vec<u8>> {
    let body: String = PUBLIC_PEM
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(body)
        .unwrap_or_default();
    vec![
        PUBLIC_PEM.as_bytes().to_vec(),
        PUBLIC_PEM.trim_end().as_bytes().to_vec(),
        public_jwk.to_string().into_bytes(),
        json!({ "keys": [public_jwk] }).to_string().into_bytes(),
        der,
    ]
}

/// Path of the sibling resource for which the authorization server mints tokens too.
pub(crate) const SIBLING_PATH: &str = "/other";

const PRIVATE_PEM: &str = include_str!("../../fixtures/keys/demo-es256.pem");
const PUBLIC_PEM: &str = include_str!("../../fixtures/keys/demo-es256.pub.pem");
const SECOND_PRIVATE_PEM: &str = include_str!("../../fixtures/keys/demo-es256-second.pem");
const SECOND_PUBLIC_PEM: &str = include_str!("../../fixtures/keys/demo-es256-second.pub.pem");
/// RFC 7638 §3.1: the thumbprint of its example key.
const THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
const KEY_ID: &str = "demo-es256";
const GENERIC_AUDIENCE: &str = "api";
/// Characters of a token that are looked at where only a part of it counts.
const SHORTEST: usize = 8;
/// How long ago an expired token ran out, in seconds.
const EXPIRED_FOR: u64 = 3600;
