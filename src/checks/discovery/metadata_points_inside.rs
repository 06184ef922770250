//! DISC-07: metadata does not send clients to internal, cleartext or surprising addresses.
//!
//! MCP security guidance §Server-Side Request Forgery; RFC 9728 §7.7.

use url::Url;

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::urls;
use crate::codec::metadata::endpoint_members;
use crate::codec::uri::origin;
use crate::model::discovery::MetadataAttempt;
use crate::model::exchange::ExchangeId;
use crate::model::verdict::{Part, Severity, Verdict};

/// Looks at every address that the target's metadata named.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let discovery = evidence.discovery();
    let servers = &discovery.authorization_servers;
    let attempts = || {
        let named = servers.iter().flat_map(|server| &server.metadata);
        discovery.resource_metadata.iter().chain(named)
    };
    if attempts().next().is_none() && discovery.blocked.is_empty() {
        return Verdict::NotApplicable("no metadata was looked up".to_owned());
    }
    let mut case = evidence.case();
    for blocked in discovery.blocked.iter().filter(|it| it.internal) {
        let source = blocked.named_by.or_else(|| evidence.anonymous_refusal());
        let message = format!(
            "the metadata names `{}`, an address inside a network; expected a public one",
            blocked.url
        );
        let mut draft = Draft::new(address(&blocked.url), message);
        if let Some(source) = source {
            draft = draft.at(source, Part::Status, "named here");
        }
        case.breach(draft);
    }
    for server in servers.iter().filter(|server| !server.assumed) {
        look(evidence, &mut case, &server.issuer, server.named_by);
    }
    for attempt in attempts() {
        look(evidence, &mut case, &attempt.url, attempt.exchange);
        follow(evidence, &mut case, attempt);
    }
    for (_, attempt) in evidence.authorization_metadata() {
        endpoints(evidence, &mut case, attempt);
    }
    case.verdict(Verdict::Held(
        "every address in the metadata is public, encrypted and on a known host".to_owned(),
    ))
}

fn look(evidence: &Evidence<'_>, case: &mut Case<'_>, text: &str, source: ExchangeId) {
    let Some(url) = urls::parse(text) else {
        return;
    };
    let place = |says: &str| -> Draft {
        Draft::new(
            address(text),
            format!("the metadata names `{text}`, {says}"),
        )
        .at(source, Part::Status, "named here")
    };
    if urls::is_cleartext(&url) {
        case.breach(place("which is not encrypted; expected https"));
    } else if leads_inside(evidence, &url) {
        case.breach(place("an address inside a network; expected a public one"));
    } else if is_surprising(evidence, &url) {
        let draft = place("on a host that the operator has not confirmed")
            .at_most(Severity::Info, "a separate identity provider is common");
        case.advise(draft);
    }
}

fn follow(evidence: &Evidence<'_>, case: &mut Case<'_>, attempt: &MetadataAttempt) {
    let exchange = evidence.exchange(attempt.exchange);
    let Some(response) = exchange.and_then(|exchange| exchange.response()) else {
        return;
    };
    let location = response
        .header("location")
        .filter(|_| (300..400).contains(&response.status));
    let base = urls::parse(&attempt.url);
    let (Some(location), Some(base)) = (location, base) else {
        return;
    };
    let Ok(goal) = base.join(location) else {
        return;
    };
    if leads_inside(evidence, &goal) || urls::is_cleartext(&goal) {
        let message = format!("`{}` redirects the client to `{goal}`", attempt.url);
        let part = Part::Header("location".to_owned());
        case.breach(Draft::new(address(&attempt.url), message).at(attempt.exchange, part, "away"));
    }
}

// Plain http endpoints are DISC-11's, and endpoints on other sites are common.
fn endpoints(evidence: &Evidence<'_>, case: &mut Case<'_>, attempt: &MetadataAttempt) {
    for (member, text) in attempt.document.iter().flat_map(endpoint_members) {
        let inside = urls::parse(&text).is_some_and(|url| leads_inside(evidence, &url));
        if inside {
            let message = format!(
                "`{member}` is `{text}`, an address inside a network; expected a public one"
            );
            let draft = Draft::new(address(&text), message);
            case.breach(draft.at(attempt.exchange, Part::Body, "named here"));
        }
    }
}

// A target on loopback may name loopback, one inside a network its neighbours.
fn leads_inside(evidence: &Evidence<'_>, url: &Url) -> bool {
    let target = urls::parse(evidence.endpoint());
    let same = target.is_some_and(|target| {
        urls::is_internal(&target) && urls::is_loopback(&target) == urls::is_loopback(url)
    });
    urls::is_internal(url) && !same
}

fn is_surprising(evidence: &Evidence<'_>, url: &Url) -> bool {
    let target = urls::parse(evidence.endpoint());
    let known = target.is_some_and(|target| urls::same_site(&target, url));
    let confirmed = &evidence.collected().engagement.confirmed_hosts;
    let host = url.host_str().unwrap_or_default();
    !known && !confirmed.iter().any(|it| it.eq_ignore_ascii_case(host))
}

fn address(text: &str) -> String {
    urls::parse(text).map_or_else(|| text.to_owned(), |url| origin(&url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, resource_document};
    use crate::model::discovery::{BlockedUrl, Route};
    use crate::model::verdict::Status;

    const ID: &str = "metadata-points-inside";

    fn found() -> World {
        let mut world = World::new();
        world.resource_metadata(Route::WellKnownInserted, &resource_document(&[]));
        world
    }

    #[test]
    fn public_addresses_of_the_same_site_hold() {
        let mut world = found();
        world.sound_server(&[]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_blocked_internal_address_is_broken() {
        let mut world = found();
        world.collected.discovery.blocked.push(BlockedUrl {
            url: "http://169.254.169.254/latest".to_owned(),
            named_by: Some(ExchangeId(1)),
            reason: "link-local".to_owned(),
            internal: true,
        });
        let verdict = world.verdict(ID);
        assert!(matches!(verdict, Verdict::Broken(_)));
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_cleartext_issuer_is_broken() {
        let mut world = found();
        world.server("http://auth.example.com");
        assert!(matches!(world.verdict(ID), Verdict::Broken(_)));
    }

    #[test]
    fn a_foreign_host_is_worth_a_note_until_it_is_confirmed() {
        let mut world = found();
        world.server("https://login.other.net");
        let verdict = world.verdict(ID);
        assert!(matches!(&verdict, Verdict::Advisory(it) if it[0].severity == Severity::Info));
        let confirmed = &mut world.collected.engagement.confirmed_hosts;
        confirmed.push("login.other.net".to_owned());
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn an_endpoint_inside_a_network_is_broken_even_for_a_target_on_loopback() {
        let inside = serde_json::json!("https://10.11.12.13/jwks");
        let mut world = found();
        world.sound_server(&[("jwks_uri", inside.clone())]);
        assert!(matches!(world.verdict(ID), Verdict::Broken(_)));
        let mut world = World::local();
        world.sound_server(&[("jwks_uri", inside)]);
        assert!(matches!(world.verdict(ID), Verdict::Broken(_)));
    }

    #[test]
    fn a_target_on_loopback_may_name_loopback() {
        let mut world = World::local();
        world.resource_metadata(Route::WellKnownInserted, &resource_document(&[]));
        world.collected.discovery.resource_metadata[0].url = "http://127.0.0.1:9000/x".to_owned();
        world.server("http://127.0.0.1:9001");
        assert_eq!(world.status(ID), Status::Pass);
    }
}
