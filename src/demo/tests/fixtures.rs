//! Every built-in behaviour loads, starts, and carries the names that others rely on.

use super::super::behaviour::{Authentication, DoorOrder, ForgottenDoor, Revision};
use super::super::{Behaviour, TokenKind};
use super::{builtin, get, token};

#[tokio::test]
async fn every_builtin_starts_and_answers() {
    for name in Behaviour::names() {
        let running = builtin(name).await;
        let answer = get(&running.mcp_url).await;
        let behaviour = Behaviour::builtin(name).unwrap().unwrap();
        let forgotten = behaviour.verification.forgotten == ForgottenDoor::Stream
            && behaviour.verification.forgotten_in.is_empty();
        let open = behaviour.resource.authentication == Authentication::Open
            || behaviour.transport.order == DoorOrder::VerbFirst
            || forgotten;
        assert_eq!(answer.status, if open { 405 } else { 401 }, "{name}");
        assert_eq!(running.requests(), 1, "{name}");
        assert_eq!(running.executed_state_changing(), 0, "{name}");
    }
}

#[test]
fn every_builtin_but_the_base_is_a_difference_from_it() {
    for name in Behaviour::names() {
        let behaviour = Behaviour::builtin(name).unwrap().unwrap();
        let compliant = Behaviour::builtin("compliant").unwrap().unwrap();
        assert!(behaviour.extends.is_none(), "{name}: the base is resolved");
        assert!(!behaviour.title.is_empty(), "{name}");
        let alike = Behaviour {
            title: compliant.title.clone(),
            ..behaviour.clone()
        } == compliant;
        assert_eq!(
            alike,
            name == "compliant",
            "{name} differs from its base in nothing"
        );
    }
}

#[test]
fn titles_differ_and_lists_name_nothing_twice() {
    let mut titles = Vec::new();
    for name in Behaviour::names() {
        let behaviour = Behaviour::builtin(name).unwrap().unwrap();
        let mut ids = [behaviour.trips, behaviour.inconclusive].concat();
        ids.sort();
        assert!(
            ids.windows(2).all(|pair| pair[0] != pair[1]),
            "{name}: {ids:?}"
        );
        titles.push(behaviour.title);
    }
    titles.sort();
    assert!(
        titles.windows(2).all(|pair| pair[0] != pair[1]),
        "{titles:?}"
    );
}

#[test]
fn every_revision_is_served_alone_by_some_behaviour() {
    for revision in [
        Revision::R2024_11,
        Revision::R2025_03,
        Revision::R2025_06,
        Revision::R2025_11,
        Revision::R2026_07,
    ] {
        let name = format!("revision-{}", revision.as_str());
        let behaviour = Behaviour::builtin(&name).unwrap().unwrap();
        assert_eq!(behaviour.server.revisions, [revision]);
    }
}

#[tokio::test]
async fn identities_differ_in_scopes_and_kind_only() {
    let running = builtin("compliant").await;
    let reader = running.token("reader").unwrap();
    let admin = running.token("admin").unwrap();
    assert_eq!(reader.scopes, ["notes:read"]);
    assert!(
        reader
            .scopes
            .iter()
            .all(|scope| admin.scopes.contains(scope))
    );
    assert_eq!(reader.kind, TokenKind::Valid);
    assert_eq!(running.token("expired").unwrap().kind, TokenKind::Expired);
    assert_eq!(
        running.token("foreign").unwrap().kind,
        TokenKind::ForeignAudience
    );
    assert_ne!(token(&running, "reader"), token(&running, "admin"));
    assert!(running.token("nobody").is_none());
}

#[tokio::test]
async fn servers_stop_answering_after_shutdown() {
    let running = builtin("compliant").await;
    let (mcp_url, issuer) = (running.mcp_url.clone(), running.issuer.clone());
    running.shutdown().await;
    for url in [mcp_url, issuer] {
        assert!(reqwest::get(&url).await.unwrap_err().is_connect(), "{url}");
    }
}

#[test]
fn behaviour_has_a_schema_with_documented_knobs() {
    let schema = schemars::schema_for!(Behaviour).to_value();
    let knob = &schema["$defs"]["Enforcement"]["properties"]["denial"];
    assert!(
        knob["description"]
            .as_str()
            .unwrap()
            .contains("without the scope"),
        "{knob}"
    );
    assert_eq!(schema["additionalProperties"], false);
}
