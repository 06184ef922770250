//! What comes before every other rule: spellings of the path, the host, and cross-origin sharing.

use axum::http::Method;
use axum::response::Response;

use super::super::behaviour::{HostCheck, PathMatch, Sharing};
use super::super::http::{self, Incoming, text, with_header};
use super::super::state::{MCP_PATH, Shared};

/// Whether a request is for the endpoint, as the router spells paths.
pub(crate) fn is_endpoint(shared: &Shared, incoming: &Incoming) -> bool {
    incoming.path == MCP_PATH || is_unguarded(shared, incoming)
}

/// Whether the router knows the path and the gate does not.
pub(crate) fn is_unguarded(shared: &Shared, incoming: &Incoming) -> bool {
    let loose = shared.behaviour.transport.paths == PathMatch::Loose;
    loose && incoming.path != MCP_PATH && normal(&incoming.path) == MCP_PATH
}

/// Answers around an answer: what the host and the origin are told.
pub(crate) fn around(
    shared: &Shared,
    incoming: &Incoming,
    answer: impl FnOnce() -> Response,
) -> Response {
    if is_foreign_host(shared, incoming) {
        return text(403, "Host is not allowed; use the server's own name\n");
    }
    let sharing = shared.behaviour.transport.sharing;
    let origin = incoming
        .header("origin")
        .filter(|_| sharing != Sharing::None);
    let Some(origin) = origin else {
        return answer();
    };
    let response = if incoming.method == Method::OPTIONS {
        http::empty(204)
    } else {
        answer()
    };
    let allowed = if sharing == Sharing::Any { "*" } else { origin };
    let response = with_header(response, "access-control-allow-origin", allowed);
    if sharing == Sharing::Reflected {
        with_header(response, "access-control-allow-credentials", "true")
    } else {
        response
    }
}

fn is_foreign_host(shared: &Shared, incoming: &Incoming) -> bool {
    if shared.behaviour.transport.hosts == HostCheck::Ignored {
        return false;
    }
    let origin = shared.mcp_origin.split_once("://");
    let own = origin.map_or("", |(_, host)| host);
    let by_name = own.replace("127.0.0.1", "localhost");
    incoming
        .header("host")
        .is_some_and(|host| host != own && host != by_name)
}

fn normal(path: &str) -> String {
    let path = path.split(';').next().unwrap_or_default();
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let path = segments.map(|segment| format!("/{segment}"));
    path.collect::<String>().to_ascii_lowercase()
}
