//! XPT-10: a 2026-07-28 request without one of its required fields is refused with 400.
//!
//! MCP §_meta, §Server Validation.

use crate::checks::answers::{code, describe, is_served, status};
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::exchange::Exchange;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads the answer to each request that lacked one field.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let asked: Vec<&Exchange> = evidence.probed(ProbeId::MissingMetadata).collect();
    if asked.is_empty() {
        return Verdict::Inconclusive {
            reason: "nobody was let in to ask without the required fields".to_owned(),
            decided_by: Some("--identity".to_owned()),
        };
    }
    let mut revisions = evidence.discovery().revisions.iter();
    let older = revisions.any(|served| !served.revision.is_modern());
    let mut case = evidence.case();
    for exchange in &asked {
        let variant = exchange.probe.variant.as_deref().unwrap_or_default();
        let Some((_, field, wanted)) = FIELDS.iter().find(|(name, ..)| *name == variant) else {
            continue;
        };
        match status(exchange) {
            _ if is_served(exchange) => {
                let message = format!(
                    "{} to a request without {field}, expected 400 with error {wanted}",
                    describe(exchange)
                );
                let draft = Draft::new(*field, message);
                let draft = draft.at(exchange.id, Part::Status, "answered");
                if older && variant == "version-in-meta" {
                    let why = "a server of several revisions may take it for an older request";
                    case.advise(draft.at_most(Severity::Info, why));
                } else {
                    case.breach(draft);
                }
            }
            Some(400) if code(exchange) == Some(*wanted) => {}
            Some(seen @ 200..500) if !matches!(seen, 401 | 403 | 429) => {
                let message = format!(
                    "{} to a request without {field}, expected 400 with error {wanted}",
                    describe(exchange)
                );
                let draft = Draft::new(format!("refusal for {field}"), message);
                let draft = draft.at(exchange.id, Part::Status, "refused");
                case.advise(draft.at_most(Severity::Info, "it is refused all the same"));
            }
            _ => case.doubt(format!("{} without {field}", describe(exchange)), None),
        }
    }
    case.verdict(Verdict::Held(format!(
        "{} request(s), each without a required field, were refused",
        asked.len()
    )))
}

/// Variant of the probe, what it lacks, and the code that says so.
const FIELDS: [(&str, &str, i64); 4] = [
    ("version-in-meta", "the version in `_meta`", -32602),
    (
        "capabilities-in-meta",
        "the capabilities in `_meta`",
        -32602,
    ),
    ("method-header", "`Mcp-Method`", -32020),
    ("version-header", "`MCP-Protocol-Version`", -32020),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response};
    use crate::model::discovery::ServedRevision;
    use crate::model::exchange::ExchangeId;
    use crate::model::probe::ProbeKey;
    use crate::model::target::{Revision, Transport};
    use crate::model::verdict::Status;

    const ID: &str = "missing-metadata-accepted";
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

    fn error(code: i64) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"no"}}}}"#)
    }

    fn world(variant: &str, status: u16, body: &str) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        let key = ProbeKey::new(ProbeId::MissingMetadata).variant(variant);
        world.ask(key, "admin", ENDPOINT, response(status, &[], body));
        world
    }

    #[test]
    fn a_served_request_is_broken_and_the_named_refusal_holds() {
        for (variant, _, wanted) in FIELDS {
            let served = world(variant, 200, RESULT);
            assert_eq!(served.status(ID), Status::Fail, "{variant}");
            let refused = world(variant, 400, &error(wanted));
            assert_eq!(refused.status(ID), Status::Pass, "{variant}");
        }
    }

    #[test]
    fn another_refusal_warns_and_a_gate_decides_nothing() {
        assert_eq!(
            world("method-header", 400, &error(-32600)).status(ID),
            Status::Warn
        );
        assert_eq!(
            world("method-header", 200, &error(-32020)).status(ID),
            Status::Warn
        );
        assert_eq!(
            world("method-header", 401, "").status(ID),
            Status::Inconclusive
        );
        assert_eq!(
            world("method-header", 502, "").status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_server_of_several_revisions_may_read_it_as_an_older_one() {
        let mut world = world("version-in-meta", 200, RESULT);
        world.collected.discovery.revisions.push(ServedRevision {
            revision: Revision::R2025_11,
            transport: Transport::StreamableHttp,
            exchange: ExchangeId(1),
        });
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn older_revisions_have_no_such_fields() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
