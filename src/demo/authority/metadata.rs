//! The metadata of the authorization server (RFC 8414, `OpenID` Connect Discovery).

use axum::http::Method;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::behaviour::{
    AsMetadata, DeviceFlow, Endpoints, FlowSwitch, IssuerParameter, IssuerShape, JwksLocation,
    KeyBinding, Pkce, RefreshRotation, RegistrationMode, Routes, Support, TokenExchange,
};
use super::super::http::{self, Incoming};
use super::super::state::Shared;

/// The metadata document, when the request asks for one where it is served.
pub(crate) fn document(shared: &Shared, incoming: &Incoming) -> Option<Response> {
    let policy = &shared.behaviour.authorization;
    let tenant = policy.issuer_path.as_str();
    let rfc8414 = incoming.path == format!("/.well-known/oauth-authorization-server{tenant}");
    let oidc = incoming.path == format!("/.well-known/openid-configuration{tenant}");
    let appended = incoming.path == format!("{tenant}/.well-known/openid-configuration");
    let (found, is_oidc) = match policy.metadata {
        AsMetadata::Rfc8414 => (rfc8414, false),
        AsMetadata::Oidc => (oidc, true),
        AsMetadata::OidcAppended => (appended, true),
        AsMetadata::Both => (rfc8414 || oidc, oidc),
        AsMetadata::Missing => (false, false),
    };
    if !found {
        return None;
    }
    if incoming.method != Method::GET {
        return Some(http::method_not_allowed("GET"));
    }
    let mut document = members(shared);
    super::token_endpoint::describe(shared, &mut document);
    if is_oidc {
        document.insert("subject_types_supported".to_owned(), json!(["public"]));
        let algorithms = json!(["ES256"]);
        document.insert(
            "id_token_signing_alg_values_supported".to_owned(),
            algorithms,
        );
        if shared.behaviour.metadata.routes == Routes::OidcDisagrees {
            let elsewhere = |path: &str| json!(format!("{}/v2{path}", shared.issuer));
            document.insert("authorization_endpoint".to_owned(), elsewhere(AUTHORIZE));
            document.insert("token_endpoint".to_owned(), elsewhere(TOKEN));
        }
    }
    Some(http::json(200, &Value::Object(document)))
}

fn members(shared: &Shared) -> Map<String, Value> {
    let behaviour = &shared.behaviour;
    let policy = &behaviour.authorization;
    let endpoint = |path: &str| match policy.endpoints {
        Endpoints::Served => json!(format!("{}{path}", shared.issuer)),
        Endpoints::Plaintext => json!(format!("http://auth.example.invalid{path}")),
    };
    let issuer = match policy.issuer {
        IssuerShape::Correct => shared.issuer.clone(),
        IssuerShape::TrailingSlash => format!("{}/", shared.issuer),
        IssuerShape::Other => "https://login.example.com".to_owned(),
    };
    let jwks = match policy.jwks_uri {
        JwksLocation::Served => format!("{}{JWKS}", shared.issuer),
        JwksLocation::Inside => "https://10.11.12.13/jwks".to_owned(),
    };
    let mut response_types = vec!["code"];
    let mut grants = vec!["authorization_code", "client_credentials"];
    if behaviour.grants.refresh != RefreshRotation::Absent {
        grants.push("refresh_token");
    }
    let device = (behaviour.grants.device != DeviceFlow::Absent).then(|| {
        grants.push(super::device::GRANT);
        endpoint(super::device::DEVICE)
    });
    if behaviour.grants.exchange != TokenExchange::Absent {
        grants.push(super::exchange::GRANT);
    }
    if policy.implicit_flow == FlowSwitch::Advertised {
        response_types.push("token");
        grants.push("implicit");
    }
    if policy.password_grant == FlowSwitch::Advertised {
        grants.push("password");
    }
    let challenge_methods = match policy.pkce {
        Pkce::S256 => Some(json!(["S256"])),
        Pkce::PlainToo => Some(json!(["S256", "plain"])),
        Pkce::Absent => None,
    };
    let advertised = !matches!(
        behaviour.registration.mode,
        RegistrationMode::Absent | RegistrationMode::Shadow
    );
    let registration = advertised.then(|| endpoint(REGISTER));
    let promised = policy.iss_parameter == IssuerParameter::Advertised;
    let iss = promised.then_some(json!(true));
    let cimd = (policy.cimd == Support::Advertised).then_some(json!(true));
    let proofs = (behaviour.token_endpoint.binding == KeyBinding::Proven).then(|| json!(["ES256"]));
    let methods = json!(["client_secret_basic", "client_secret_post", "none"]);
    [
        ("issuer", Some(json!(issuer))),
        ("authorization_endpoint", Some(endpoint(AUTHORIZE))),
        ("token_endpoint", Some(endpoint(TOKEN))),
        ("registration_endpoint", registration),
        ("revocation_endpoint", Some(endpoint(REVOKE))),
        ("device_authorization_endpoint", device),
        ("jwks_uri", Some(json!(jwks))),
        ("scopes_supported", Some(json!(behaviour.scope_catalogue()))),
        ("response_types_supported", Some(json!(response_types))),
        ("response_modes_supported", Some(json!(["query"]))),
        ("grant_types_supported", Some(json!(grants))),
        ("token_endpoint_auth_methods_supported", Some(methods)),
        ("code_challenge_methods_supported", challenge_methods),
        ("dpop_signing_alg_values_supported", proofs),
        ("authorization_response_iss_parameter_supported", iss),
        ("client_id_metadata_document_supported", cimd),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// Path of the authorization endpoint.
pub(crate) const AUTHORIZE: &str = "/authorize";
/// Path of the token endpoint.
pub(crate) const TOKEN: &str = "/token";
/// Path of the registration endpoint.
pub(crate) const REGISTER: &str = "/register";
/// Path of the revocation endpoint.
pub(crate) const REVOKE: &str = "/revoke";
/// Path of the key set.
pub(crate) const JWKS: &str = "/jwks";
