//! The protected resource metadata document (RFC 9728) and the places it is served from.

use axum::http::Method;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::behaviour::{
    AuthorizationServers, KeyBinding, PrmLocation, ResourceShape, Routes, ScopesSupported,
};
use super::super::http::{self, Incoming};
use super::super::state::Shared;

/// The metadata document, when the request asks for it where it is served.
pub(crate) fn document(shared: &Shared, incoming: &Incoming) -> Option<Response> {
    let policy = &shared.behaviour.metadata;
    let served = match policy.prm {
        PrmLocation::Path => PRM_AT_PATH,
        PrmLocation::Root => PRM_AT_ROOT,
        PrmLocation::AppendedOnly => PRM_APPENDED,
        PrmLocation::Missing => return None,
    };
    let disagreeing = policy.routes == Routes::RootDisagrees && incoming.path == PRM_AT_ROOT;
    if incoming.path != served && !disagreeing {
        return None;
    }
    if incoming.method != Method::GET {
        return Some(http::method_not_allowed("GET"));
    }
    let mut document = members(shared);
    if disagreeing && served != PRM_AT_ROOT {
        document.insert(
            "authorization_servers".to_owned(),
            json!(["https://login.example.com"]),
        );
    }
    Some(http::json(200, &Value::Object(document)))
}

fn members(shared: &Shared) -> Map<String, Value> {
    let behaviour = &shared.behaviour;
    let mut document = Map::new();
    let resource = match behaviour.metadata.resource {
        ResourceShape::Exact => Some(shared.mcp_url.clone()),
        ResourceShape::TrailingSlash => Some(format!("{}/", shared.mcp_url)),
        ResourceShape::OriginOnly => Some(shared.mcp_origin.clone()),
        ResourceShape::OtherOrigin => Some("https://notes.example.com/mcp".to_owned()),
        ResourceShape::Missing => None,
    };
    if let Some(resource) = resource {
        document.insert("resource".to_owned(), json!(resource));
    }
    let servers = match behaviour.metadata.authorization_servers {
        AuthorizationServers::Present => Some(json!([shared.issuer])),
        AuthorizationServers::Empty => Some(json!([])),
        AuthorizationServers::Missing => None,
        AuthorizationServers::Inside => Some(json!([shared.issuer, "https://10.11.12.13"])),
    };
    if let Some(servers) = servers {
        document.insert("authorization_servers".to_owned(), servers);
    }
    let base = behaviour.enforcement.base_scope.clone();
    let scopes = match behaviour.metadata.scopes_supported {
        ScopesSupported::Present => Some(vec![base]),
        ScopesSupported::Absent => None,
        ScopesSupported::Catalogue => Some(behaviour.scope_catalogue()),
        ScopesSupported::WithOfflineAccess => Some(vec![base, "offline_access".to_owned()]),
        ScopesSupported::WithUnknown => Some(vec![base, "notes:archive".to_owned()]),
    };
    if let Some(scopes) = scopes {
        document.insert("scopes_supported".to_owned(), json!(scopes));
    }
    document.insert(
        "bearer_methods_supported".to_owned(),
        json!(behaviour.metadata.bearer_methods),
    );
    if behaviour.token_endpoint.binding == KeyBinding::Announced {
        let member = "dpop_bound_access_tokens_required";
        document.insert(member.to_owned(), json!(true));
    }
    document.insert("resource_name".to_owned(), json!("Demo notes"));
    document
}

/// Between host and path (RFC 9728 §3.1).
pub(crate) const PRM_AT_PATH: &str = "/.well-known/oauth-protected-resource/mcp";
/// At the root of the host.
pub(crate) const PRM_AT_ROOT: &str = "/.well-known/oauth-protected-resource";
/// Behind the path of the endpoint.
pub(crate) const PRM_APPENDED: &str = "/mcp/.well-known/oauth-protected-resource";
