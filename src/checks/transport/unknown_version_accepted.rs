//! XPT-09: a request of a protocol version that is not served is refused with 400.
//!
//! MCP §Protocol Version Header, §Protocol Version Negotiation.

use crate::checks::answers::{code, describe, is_served, status};
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::model::exchange::Exchange;
use crate::model::probe::ProbeId;
use crate::model::target::Revision;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads the answers to a version that never was, with a token and without.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut asked = 0_usize;
    for exchange in evidence.probed(ProbeId::UnknownVersion) {
        if exchange.probe.variant.as_deref() == Some("no-token") {
            without_token(&mut case, exchange);
        } else {
            asked += 1;
            with_token(evidence, &mut case, exchange);
        }
    }
    if asked == 0 {
        let reason = "nobody was let in to ask with an unknown version";
        case.doubt(reason, Some("--identity"));
    }
    case.verdict(Verdict::Held(
        "a version that is not served is refused, with a token and without".to_owned(),
    ))
}

fn without_token(case: &mut Case<'_>, exchange: &Exchange) {
    if is_served(exchange) {
        let message = format!(
            "{} to a request without a token whose version is unknown, expected a refusal: the \
             version leads around the gate",
            describe(exchange)
        );
        let draft = Draft::new("around the gate", message);
        case.breach(draft.at(exchange.id, Part::Status, "answered without a token"));
    }
}

fn with_token(evidence: &Evidence<'_>, case: &mut Case<'_>, exchange: &Exchange) {
    let modern = evidence.since(Revision::R2026_07);
    match status(exchange) {
        _ if is_served(exchange) => {
            let message = format!(
                "{} to a request of version 1900-01-01, expected 400",
                describe(exchange)
            );
            let draft = Draft::new("unknown version served", message);
            let draft = draft.at(exchange.id, Part::Status, "answered");
            case.breach(draft.at_most(Severity::Low, "the token was looked at"));
        }
        Some(400) if modern && code(exchange) != Some(UNSUPPORTED) => {
            let message = format!(
                "{} to an unknown version, expected error {UNSUPPORTED}",
                describe(exchange)
            );
            let draft = Draft::new("code of the refusal", message);
            let draft = draft.at(exchange.id, Part::Body, "refused");
            case.advise(draft.at_most(Severity::Info, "it is refused all the same"));
        }
        Some(400) => {}
        Some(seen @ 402..500) if !matches!(seen, 403 | 429) => {
            let message = format!("HTTP {seen} to an unknown version, expected 400");
            let draft = Draft::new("status of the refusal", message);
            let draft = draft.at(exchange.id, Part::Status, "refused");
            case.advise(draft.at_most(Severity::Info, "it is refused all the same"));
        }
        Some(200..300) if code(exchange).is_some() => {
            let message = format!("{} to an unknown version, expected 400", describe(exchange));
            let draft = Draft::new("status of the refusal", message);
            let draft = draft.at(exchange.id, Part::Status, "refused in the message");
            case.advise(draft.at_most(Severity::Info, "it is refused all the same"));
        }
        _ => case.doubt(
            format!("{} to an unknown version", describe(exchange)),
            None,
        ),
    }
}

/// `UnsupportedProtocolVersionError` of 2026-07-28.
const UNSUPPORTED: i64 = -32022;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response};
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "unknown-version-accepted";
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

    fn error(code: i64) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"no"}}}}"#)
    }

    fn world(variant: &str, status: u16, body: &str) -> World {
        let mut world = World::new();
        if variant != "token" {
            add(&mut world, "token", 400, &error(-32000));
        }
        add(&mut world, variant, status, body);
        world
    }

    fn add(world: &mut World, variant: &str, status: u16, body: &str) {
        let key = ProbeKey::new(ProbeId::UnknownVersion).variant(variant);
        world.ask(key, "admin", ENDPOINT, response(status, &[], body));
    }

    #[test]
    fn a_served_version_is_broken_and_400_holds() {
        assert_eq!(world("token", 200, RESULT).status(ID), Status::Fail);
        assert_eq!(world("token", 400, &error(-32000)).status(ID), Status::Pass);
    }

    #[test]
    fn a_version_that_leads_around_the_gate_is_broken() {
        assert_eq!(world("no-token", 401, "").status(ID), Status::Pass);
        assert_eq!(world("no-token", 400, "").status(ID), Status::Pass);
        let open = world("no-token", 200, RESULT);
        assert_eq!(open.status(ID), Status::Fail);
        assert_eq!(open.verdict(ID).findings()[0].severity, Severity::High);
    }

    #[test]
    fn other_refusals_warn() {
        assert_eq!(world("token", 404, "").status(ID), Status::Warn);
        assert_eq!(world("token", 200, &error(-32600)).status(ID), Status::Warn);
        let mut modern = world("token", 400, &error(-32600));
        modern.revision(Revision::R2026_07);
        assert_eq!(modern.status(ID), Status::Warn);
        let mut modern = world("token", 400, &error(UNSUPPORTED));
        modern.revision(Revision::R2026_07);
        assert_eq!(modern.status(ID), Status::Pass);
    }

    #[test]
    fn a_gate_or_silence_decides_nothing() {
        assert_eq!(world("token", 403, "").status(ID), Status::Inconclusive);
        assert_eq!(World::new().status(ID), Status::Inconclusive);
    }
}
