//! DISC-08: the metadata of every authorization server can be read.
//!
//! MCP §Authorization Server Metadata Discovery; RFC 8414 §3; OpenID Connect Discovery §4.

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::model::discovery::{AuthorizationServer, MetadataAttempt, Route};
use crate::model::probe::ProbeId;
use crate::model::target::Revision;
use crate::model::verdict::{Part, Severity, Verdict};

/// Looks for a document with issuer, authorization endpoint and token endpoint.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let servers = &evidence.discovery().authorization_servers;
    if servers.is_empty() {
        return Verdict::NotApplicable("no authorization server is named".to_owned());
    }
    let mut case = evidence.case();
    for server in servers {
        match server.chosen() {
            Some(attempt) => read(evidence, &mut case, server, attempt),
            None => explain(evidence, &mut case, server),
        }
    }
    case.verdict(Verdict::Held(format!(
        "metadata was found for {} authorization server(s)",
        servers.len()
    )))
}

fn read(
    evidence: &Evidence<'_>,
    case: &mut Case<'_>,
    server: &AuthorizationServer,
    attempt: &MetadataAttempt,
) {
    let lacking: Vec<_> = NEEDED
        .into_iter()
        .filter(|member| attempt.text(member).is_none())
        .collect();
    if !lacking.is_empty() {
        let message = format!("{} lacks {}", attempt.url, lacking.join(", "));
        case.advise(
            Draft::new(server.issuer.clone(), message)
                .at(attempt.exchange, Part::Body, "the document")
                .at_most(Severity::Low, "the document itself is there"),
        );
    }
    let openid = matches!(attempt.route, Route::OpenIdInserted | Route::OpenIdAppended);
    if openid && evidence.revision() == Some(Revision::R2025_06) {
        let message = format!(
            "{} is OpenID Connect Discovery only; MCP 2025-06-18 asks for RFC 8414",
            attempt.url
        );
        case.advise(
            Draft::new(server.issuer.clone(), message)
                .at(attempt.exchange, Part::Status, "OpenID Connect Discovery")
                .at_most(Severity::Low, "newer clients read it"),
        );
    }
}

fn explain(evidence: &Evidence<'_>, case: &mut Case<'_>, server: &AuthorizationServer) {
    let issuer = &server.issuer;
    if let Some(reason) = &server.blocked {
        return case.doubt(
            format!("{issuer} was not asked: {reason}"),
            Some("--allow-host"),
        );
    }
    let clear = |attempt: &&MetadataAttempt| {
        let status = evidence.status(attempt.exchange);
        status.is_some_and(|status| status < 500 && status != 429)
    };
    if !server.metadata.iter().all(|attempt| clear(&attempt)) || server.metadata.is_empty() {
        return case.doubt(format!("{issuer} could not be reached from here"), None);
    }
    if server.assumed {
        let defaults: Vec<_> = evidence.probed(ProbeId::DefaultEndpoint).collect();
        if defaults.is_empty() {
            return case.doubt("the default endpoints were not asked", None);
        }
        if defaults
            .iter()
            .any(|it| it.status().is_some_and(|status| status != 404))
        {
            return;
        }
    }
    let tried: Vec<_> = server.metadata.iter().map(|it| it.exchange).collect();
    let message = format!(
        "none of {} well-known locations of {issuer} has authorization server metadata",
        tried.len()
    );
    case.breach(Draft::new(issuer.clone(), message).also(&tried, "no metadata here"));
}

const NEEDED: [&str; 3] = ["issuer", "authorization_endpoint", "token_endpoint"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ISSUER, World, response, server_document};
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;
    use serde_json::Value;

    const ID: &str = "authorization-server-metadata-missing";

    #[test]
    fn a_complete_document_holds() {
        let mut world = World::new();
        world.sound_server(&[]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn no_document_is_broken_and_an_unreachable_server_is_not() {
        let mut world = World::new();
        world.server(ISSUER);
        world.server_metadata(Route::WellKnownInserted, &Value::Null);
        assert_eq!(world.status(ID), Status::Fail);
        world.collected.discovery.authorization_servers[0]
            .metadata
            .clear();
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_server_that_was_not_asked_is_undecided() {
        let mut world = World::new();
        world.server(ISSUER).blocked = Some("not confirmed".to_owned());
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn an_incomplete_document_warns() {
        let mut world = World::new();
        world.sound_server(&[("authorization_endpoint", Value::Null)]);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn openid_discovery_alone_warns_in_2025_06_18_only() {
        let mut world = World::new();
        world.server(ISSUER);
        world.server_metadata(Route::OpenIdInserted, &server_document(&[]));
        assert_eq!(world.status(ID), Status::Pass);
        world.revision(Revision::R2025_06);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn default_endpoints_stand_in_for_metadata_in_2025_03_26() {
        let mut world = World::new();
        world.revision(Revision::R2025_03);
        world.server("https://mcp.example.com").assumed = true;
        world.server_metadata(Route::ServerOrigin, &Value::Null);
        let ask = |world: &mut World, status| {
            let key = ProbeKey::new(ProbeId::DefaultEndpoint);
            let url = "https://mcp.example.com/authorize";
            world.ask(key, "anonymous", url, response(status, &[], ""))
        };
        ask(&mut world, 404);
        assert_eq!(world.status(ID), Status::Fail);
        ask(&mut world, 400);
        assert_eq!(world.status(ID), Status::Pass);
    }
}
