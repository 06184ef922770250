//! XPT-11: a method that does not exist is answered with 404 and error -32601.
//!
//! MCP §Protocol Version Header; `MethodNotFoundError`.

use crate::checks::answers::{code, describe, is_served, status};
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads the answer to a random method.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(asked) = evidence.probed(ProbeId::UnknownMethod).next() else {
        return Verdict::Inconclusive {
            reason: "nobody was let in to ask for a method that does not exist".to_owned(),
            decided_by: Some("--identity".to_owned()),
        };
    };
    let mut case = evidence.case();
    let message = format!(
        "{} to a method that does not exist, expected 404 with error {NOT_FOUND}",
        describe(asked)
    );
    match (status(asked), code(asked)) {
        _ if is_served(asked) => {
            let draft = Draft::new("answered", message);
            case.breach(draft.at(asked.id, Part::Body, "a result"));
        }
        (Some(404), Some(NOT_FOUND)) => {}
        (Some(200..500), Some(_)) | (Some(404), None) => {
            let draft = Draft::new("refusal", message);
            let draft = draft.at(asked.id, Part::Status, "refused");
            case.advise(draft.at_most(Severity::Info, "it is refused all the same"));
        }
        _ => case.doubt(format!("{} to an unknown method", describe(asked)), None),
    }
    case.verdict(Verdict::Held(format!(
        "a random method: {}",
        describe(asked)
    )))
}

const NOT_FOUND: i64 = -32601;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    const ID: &str = "unknown-method-answered";

    fn status(status: u16, body: &str) -> Status {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.answer(ProbeId::UnknownMethod, "admin", status, &[], body);
        world.status(ID)
    }

    fn error(code: i64) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"no"}}}}"#)
    }

    #[test]
    fn a_result_is_broken_and_the_named_refusal_holds() {
        let result = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        assert_eq!(status(200, result), Status::Fail);
        assert_eq!(status(404, &error(NOT_FOUND)), Status::Pass);
    }

    #[test]
    fn other_refusals_warn_and_a_gate_decides_nothing() {
        assert_eq!(status(200, &error(NOT_FOUND)), Status::Warn);
        assert_eq!(status(400, &error(-32602)), Status::Warn);
        assert_eq!(status(404, ""), Status::Warn);
        assert_eq!(status(401, ""), Status::Inconclusive);
        assert_eq!(status(503, ""), Status::Inconclusive);
    }

    #[test]
    fn it_is_a_rule_of_the_newest_revision() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
