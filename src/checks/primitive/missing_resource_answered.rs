//! PRIM-16: a resource that does not exist is an error.
//!
//! MCP resources page §Error Handling.

use serde_json::Value;

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::model::exchange::Exchange;
use crate::model::identity::IdentityKind;
use crate::model::probe::ProbeId;
use crate::model::target::Revision;
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::observe::{Answer, Shape, observe};

/// Reads the answers to random URIs.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut told = 0_usize;
    let asked: Vec<&Exchange> = evidence
        .probed(ProbeId::UnknownResource)
        .filter(|it| {
            let identity = evidence.identity(&it.identity);
            identity.is_some_and(|identity| identity.kind == IdentityKind::Valid)
        })
        .collect();
    if asked.is_empty() {
        return Verdict::NotApplicable("the server offers no resources to read".to_owned());
    }
    let modern = evidence.since(Revision::R2026_07);
    for exchange in asked {
        told += usize::from(weigh(&mut case, exchange, &observe(exchange), modern));
    }
    if told == 0 && case.is_clean() {
        return Verdict::inconclusive(
            "every random URI was refused before it was looked up, or brought no clear answer",
        );
    }
    case.verdict(Verdict::Held(format!(
        "{told} random URI(s) were answered with the error that the revision names"
    )))
}

/// Whether the answer says something about the lookup.
fn weigh(case: &mut Case<'_>, exchange: &Exchange, answer: &Answer, modern: bool) -> bool {
    let expected = if modern { RETIRED_SINCE } else { NOT_FOUND };
    match answer.shape {
        Shape::RpcError => {
            let code = answer.code().unwrap_or_default();
            if code == expected || (!modern && code == RETIRED_SINCE) {
                return true;
            }
            // A refused session or version is about the request, not about the URI.
            if answer.status >= 400 && ![NOT_FOUND, RETIRED_SINCE].contains(&code) {
                return false;
            }
            let message = format!(
                "a URI that does not exist was answered with code {code}; expected {expected}"
            );
            let draft = draft(exchange, message);
            if modern && code == NOT_FOUND {
                case.breach(
                    draft.at_most(Severity::Low, "the error is there, its code is retired"),
                );
            } else {
                case.advise(draft.at_most(Severity::Info, "it is an error all the same"));
            }
            true
        }
        Shape::ResultEmpty | Shape::ResultOk => {
            let contents = answer.result().and_then(|it| it.get("contents"));
            match contents.and_then(Value::as_array) {
                Some(contents) if contents.is_empty() => {
                    let message = "a URI that does not exist was answered with empty `contents`; \
                                   expected an error"
                        .to_owned();
                    case.breach(draft(exchange, message));
                }
                _ => case.doubt(
                    "a random URI was answered with contents, so it may stand for something",
                    None,
                ),
            }
            true
        }
        _ => false,
    }
}

fn draft(exchange: &Exchange, message: String) -> Draft {
    Draft::new("unknown resource", message).at(exchange.id, Part::Body, "the answer")
}

/// Resource not found, up to 2025-11-25.
const NOT_FOUND: i64 = -32002;

/// Invalid params: resource not found since 2026-07-28 (SEP-2164).
const RETIRED_SINCE: i64 = -32602;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "missing-resource-answered";

    fn status(revision: Revision, members: &Value) -> Status {
        let mut world = World::new();
        world.revision(revision);
        world.valid("reader", &["r"]);
        let key = ProbeKey::new(ProbeId::UnknownResource).about("note://zq");
        world.rpc(key, "reader", members);
        world.status(ID)
    }

    fn error(code: i64) -> Value {
        json!({"error": {"code": code, "message": "Resource not found"}})
    }

    #[test]
    fn the_code_of_the_revision_holds() {
        assert_eq!(status(Revision::R2026_07, &error(-32602)), Status::Pass);
        assert_eq!(status(Revision::R2025_11, &error(-32002)), Status::Pass);
        assert_eq!(status(Revision::R2025_11, &error(-32602)), Status::Pass);
    }

    #[test]
    fn empty_contents_and_the_retired_code_are_broken() {
        let empty = json!({"result": {"contents": []}});
        assert_eq!(status(Revision::R2026_07, &empty), Status::Fail);
        assert_eq!(status(Revision::R2025_11, &empty), Status::Warn);
        assert_eq!(status(Revision::R2026_07, &error(-32002)), Status::Fail);
    }

    #[test]
    fn another_code_is_a_shortfall_only() {
        assert_eq!(status(Revision::R2026_07, &error(-32603)), Status::Warn);
    }

    #[test]
    fn contents_for_a_random_uri_decide_nothing() {
        let some = json!({"result": {"contents": [{"uri": "note://zq", "text": "x"}]}});
        assert_eq!(status(Revision::R2026_07, &some), Status::Inconclusive);
    }

    #[test]
    fn without_resources_there_is_nothing_to_ask() {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        assert_eq!(world.status(ID), Status::NotApplicable);
        let key = ProbeKey::new(ProbeId::UnknownResource);
        world.rpc(key, "anonymous", &error(-32602));
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
