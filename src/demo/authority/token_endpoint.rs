//! What the token endpoint does beside codes and secrets: assertions, introspection, its metadata,
//! and the defects that can be planted there.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::super::behaviour::{
    AssertionCheck, AuthMethods, ErrorShape, GrantProfile, IntrospectionAccess, PasswordGrant,
    SecretCheck,
};
use super::super::http::{self, Incoming, no_store, single};
use super::super::state::{Shared, lock};
use super::token;
use super::{clock, oauth_error};

/// Answers a token request, in the form that the behaviour gives to refusals.
pub(crate) fn issue(shared: &Shared, incoming: &Incoming) -> Response {
    let response =
        early(shared, &incoming.form()).unwrap_or_else(|| token::issue(shared, incoming));
    shaped(shared, response)
}

/// Answers an introspection request (RFC 7662).
pub(crate) fn introspect(shared: &Shared, incoming: &Incoming) -> Response {
    let allowed = match shared.behaviour.token_endpoint.introspection {
        IntrospectionAccess::Absent => return super::not_found(),
        IntrospectionAccess::Anybody => Ok(()),
        IntrospectionAccess::Clients => token::prove(shared, incoming),
    };
    match allowed {
        Ok(()) => no_store(http::json(200, &json!({"active": false}))),
        Err(refusal) => *refusal,
    }
}

/// Whether a client's secret is what was shown.
pub(crate) fn accepts(shared: &Shared, own: Option<&str>, shown: Option<&str>) -> bool {
    match shared.behaviour.token_endpoint.secrets {
        SecretCheck::Own => own == shown,
        SecretCheck::Any => own.is_some() == shown.is_some(),
        SecretCheck::Optional => own == shown || shown.is_none(),
    }
}

/// Whether a client assertion proves the client; none where there is no such assertion to look at.
pub(crate) fn asserted(shared: &Shared, form: &[(String, String)], client: &str) -> Option<bool> {
    let check = shared.behaviour.token_endpoint.client_assertions;
    let assertion = single(form, "client_assertion")?;
    if check != AssertionCheck::Registered {
        return None;
    }
    let typed = single(form, "client_assertion_type") == Some(CLIENT_ASSERTION);
    let read = Assertion::read(assertion).filter(|_| typed);
    Some(read.is_some_and(|it| it.passes(check, None, shared) && it.is_fresh_of(shared, client)))
}

/// Whether the grant is the password grant of authenticated clients.
pub(crate) fn has_password_grant(shared: &Shared, grant: &str) -> bool {
    grant == "password" && shared.behaviour.token_endpoint.password == PasswordGrant::Clients
}

/// An assertion grant by a client that has authenticated.
pub(crate) fn assertion_grant(
    shared: &Shared,
    form: &[(String, String)],
    client: &str,
) -> Option<Response> {
    let knobs = &shared.behaviour.token_endpoint;
    let asked = single(form, "grant_type") == Some(ASSERTION_GRANT);
    let listed = [knobs.identity_assertions, knobs.workload_assertions];
    if !asked || listed.iter().all(|check| *check == AssertionCheck::Absent) {
        return None;
    }
    let refused = || oauth_error(400, "invalid_grant", "The assertion is not trusted");
    let Some(assertion) = single(form, "assertion").and_then(Assertion::read) else {
        return Some(refused());
    };
    let check = if assertion.is_typed(IDENTITY_ASSERTION) {
        knobs.identity_assertions
    } else {
        knobs.workload_assertions
    };
    Some(if assertion.passes(check, None, shared) {
        token::machine(shared, form, client)
    } else {
        refused()
    })
}

/// Members of the metadata that this file answers for, over those of the plain server.
pub(crate) fn describe(shared: &Shared, document: &mut Map<String, Value>) {
    let knobs = &shared.behaviour.token_endpoint;
    let mut set = |name: &str, value: Value| drop(document.insert(name.to_owned(), value));
    if knobs.introspection != IntrospectionAccess::Absent {
        let endpoint = format!("{}{INTROSPECT}", shared.issuer);
        set("introspection_endpoint", json!(endpoint));
    }
    if knobs.grant_profile == GrantProfile::Announced {
        set("authorization_grant_profiles_supported", json!([PROFILE]));
    }
    let mut methods = match knobs.methods {
        AuthMethods::NoneOnly => vec!["none"],
        AuthMethods::HeaderOnly => vec!["client_secret_basic", "none"],
        _ => vec!["client_secret_basic", "client_secret_post", "none"],
    };
    let mut algorithms = None;
    if knobs.client_assertions != AssertionCheck::Absent {
        methods.push("private_key_jwt");
        algorithms = Some(vec!["ES256"]);
    }
    if matches!(
        knobs.client_assertions,
        AssertionCheck::SharedKey | AssertionCheck::Stale
    ) {
        methods.push("client_secret_jwt");
        algorithms = Some(vec!["ES256", "HS256"]);
    }
    match knobs.methods {
        AuthMethods::WithoutAlgorithms => algorithms = None,
        AuthMethods::UnsignedAlgorithm => algorithms = Some(vec!["ES256", "none"]),
        _ => {}
    }
    set("token_endpoint_auth_methods_supported", json!(methods));
    if let Some(algorithms) = algorithms {
        let name = "token_endpoint_auth_signing_alg_values_supported";
        set(name, json!(algorithms));
    }
    let offered = [knobs.identity_assertions, knobs.workload_assertions];
    let offered = offered.iter().any(|check| *check != AssertionCheck::Absent);
    if let Some(grants) = document.get_mut("grant_types_supported")
        && let Some(grants) = grants.as_array_mut()
        && offered
    {
        grants.push(json!(ASSERTION_GRANT));
    }
}

/// Requests that end before the client is looked up.
fn early(shared: &Shared, form: &[(String, String)]) -> Option<Response> {
    let knobs = &shared.behaviour.token_endpoint;
    let grant = single(form, "grant_type").unwrap_or_default();
    if knobs.password == PasswordGrant::Anybody && !GRANTS.contains(&grant) {
        return Some(match grant {
            "password" => oauth_error(400, "invalid_grant", "No such user, or a wrong password"),
            _ => oauth_error(400, "unsupported_grant_type", "Unknown grant"),
        });
    }
    let assertion = single(form, "client_assertion")?;
    let elsewhere = [AssertionCheck::Absent, AssertionCheck::Registered];
    if elsewhere.contains(&knobs.client_assertions) {
        return None;
    }
    let refused = || oauth_error(401, "invalid_client", "The assertion is not trusted");
    let id = single(form, "client_id").unwrap_or_default();
    let secret = lock(&shared.clients)
        .known
        .get(id)
        .and_then(|client| client.secret.clone());
    let Some(assertion) = Assertion::read(assertion) else {
        return Some(refused());
    };
    let passes = assertion.passes(knobs.client_assertions, secret.as_deref(), shared);
    Some(if passes {
        token::machine(shared, form, id)
    } else {
        refused()
    })
}

fn shaped(shared: &Shared, response: Response) -> Response {
    if response.status().is_success() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    match shared.behaviour.token_endpoint.errors {
        ErrorShape::Standard => {}
        ErrorShape::Page => {
            return http::typed(400, "text/html", "<!doctype html><title>Error</title>");
        }
        ErrorShape::Success => parts.status = axum::http::StatusCode::OK,
        ErrorShape::WithoutChallenge => drop(parts.headers.remove("www-authenticate")),
    }
    Response::from_parts(parts, body)
}

/// An assertion, cut at its dots.
struct Assertion {
    signed: String,
    header: Value,
    claims: Value,
    signature: Vec<u8>,
}

impl Assertion {
    fn read(text: &str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| serde_json::from_slice(&BASE64URL.decode(part).ok()?).ok();
        Some(Self {
            signed: signed.to_owned(),
            header: object(header)?,
            claims: object(claims)?,
            signature: BASE64URL.decode(signature).ok()?,
        })
    }

    fn is_typed(&self, wanted: &str) -> bool {
        self.header.get("typ").and_then(Value::as_str) == Some(wanted)
    }

    fn passes(&self, check: AssertionCheck, secret: Option<&str>, shared: &Shared) -> bool {
        let unsigned = self.header.get("alg").and_then(Value::as_str) == Some("none");
        let keyed = || {
            let Some(secret) = secret else { return false };
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
                return false;
            };
            mac.update(self.signed.as_bytes());
            mac.verify_slice(&self.signature).is_ok()
        };
        match check {
            AssertionCheck::Absent | AssertionCheck::Checked => false,
            AssertionCheck::Unchecked => true,
            AssertionCheck::Unsigned => unsigned,
            AssertionCheck::Stale => keyed(),
            AssertionCheck::SharedKey => keyed() && self.is_current(shared),
            AssertionCheck::Registered => self.is_signed() && self.is_current(shared),
        }
    }

    /// Whether the clients' key signed it.
    fn is_signed(&self) -> bool {
        let Ok(key) = DecodingKey::from_ec_pem(CLIENT_PEM.as_bytes()) else {
            return false;
        };
        let signature = BASE64URL.encode(&self.signature);
        crypto::verify(&signature, self.signed.as_bytes(), &key, Algorithm::ES256)
            .unwrap_or_default()
    }

    /// Whether it names the client as issuer and subject, and was never shown before.
    fn is_fresh_of(&self, shared: &Shared, client: &str) -> bool {
        let text = |member: &str| self.claims.get(member).and_then(Value::as_str);
        let issued = self.claims.get("iat").and_then(Value::as_u64);
        let ours = text("iss") == Some(client) && text("sub") == Some(client);
        let past = issued.is_some_and(|issued| issued <= clock::now(shared));
        let jti = text("jti").map(|jti| format!("assertion {jti}"));
        ours && past && jti.is_some_and(|jti| lock(&shared.revoked).insert(jti))
    }

    fn is_current(&self, shared: &Shared) -> bool {
        let now = clock::now(shared);
        let audience = self.claims.get("aud").and_then(Value::as_str);
        let seconds = |member: &str| self.claims.get(member).and_then(Value::as_u64);
        let begun = ["iat", "nbf"].iter().filter_map(|member| seconds(member));
        audience == Some(&shared.issuer)
            && seconds("exp").is_some_and(|expires| expires > now)
            && begun.max().is_none_or(|begun| begun <= now)
    }
}

/// Path of the introspection endpoint.
pub(crate) const INTROSPECT: &str = "/introspect";
const ASSERTION_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const CLIENT_PEM: &str = include_str!("../../../fixtures/keys/demo-client.pub.pem");
const IDENTITY_ASSERTION: &str = "oauth-id-jag+jwt";
const PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";
const GRANTS: [&str; 3] = ["authorization_code", "client_credentials", ASSERTION_GRANT];
