//! PRIM-04 without a policy: a caller without a valid token gets no further than a valid one.
//!
//! MCP §Error Handling, §Access Token Privilege Restriction.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::identity::IdentityKind;
use crate::model::matrix::Access;
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::relations::{Pair, outdone};

/// Compares what strangers get with what valid tokens are refused.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let collected = evidence.collected();
    let Some(matrix) = collected.matrix() else {
        return Verdict::inconclusive("no subject was asked for");
    };
    let mut case = evidence.case();
    for pair in outdone(matrix, &collected.identities) {
        case.breach(finding(evidence, &pair));
    }
    let refused = evidence.valid_cells().filter(|it| it.is_refused()).count();
    if refused == 0 && case.is_clean() {
        return Verdict::NotApplicable(
            "no valid token was refused anything that strangers could outdo it in".to_owned(),
        );
    }
    let asked = evidence.anonymous_cells();
    let asked = asked
        .filter(|it| it.cell.access != Access::NotTested)
        .count();
    if asked == 0 && case.is_clean() {
        return Verdict::inconclusive("nothing was asked without a token");
    }
    case.verdict(Verdict::Held(format!(
        "what {refused} cell(s) refuse to a valid token was not open to strangers"
    )))
}

fn finding(evidence: &Evidence<'_>, pair: &Pair<'_>) -> Draft {
    let (open, shut) = (pair.open, pair.shut);
    let identity = evidence.collected().identities.named(&open.identity);
    let stranger = match identity.map(|identity| identity.kind) {
        Some(IdentityKind::Garbage) => "a token that nobody issued",
        _ => "a call without a token",
    };
    let did = if pair.ran {
        "got into"
    } else {
        "got past the gate of"
    };
    let message = format!(
        "{stranger} {did} `{}`, which the valid token of `{}` was refused; expected HTTP 401",
        open.subject, shut.identity
    );
    let mut draft = Draft::new(open.subject.clone(), message);
    draft = draft.confidence(open.confidence.min(shut.confidence));
    if !pair.ran {
        let why = "it was not seen to run: a gate may sit behind argument validation";
        draft = draft.at_most(Severity::Medium, why);
    }
    for (cell, says) in [(open, "let in"), (shut, "refused")] {
        if let Some(answer) = cell.exchanges.first() {
            draft = draft.at(*answer, Part::Status, says);
        }
    }
    draft
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::Confidence;
    use crate::model::verdict::Status;

    const ID: &str = "stranger-outdoes-token";

    fn world(anonymous: Access, reader: Access) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.tool("read_note");
        world.cell("read_note", "anonymous", anonymous);
        world.cell("read_note", "reader", reader);
        world
    }

    #[test]
    fn a_stranger_in_where_a_token_is_refused_is_broken() {
        let world = world(Access::Allowed, Access::Denied);
        assert_eq!(world.status(ID), Status::Fail);
        assert!(world.verdict(ID).findings()[0].message.contains("`reader`"));
    }

    #[test]
    fn a_stranger_who_only_reached_validation_weighs_less() {
        let world = world(Access::Reached, Access::Denied);
        assert_eq!(world.verdict(ID).findings()[0].severity, Severity::Medium);
    }

    #[test]
    fn both_refused_holds_and_nobody_refused_does_not_apply() {
        assert_eq!(
            world(Access::Denied, Access::Denied).status(ID),
            Status::Pass
        );
        assert_eq!(
            world(Access::Allowed, Access::Allowed).status(ID),
            Status::NotApplicable
        );
    }

    #[test]
    fn weak_evidence_accuses_nobody_and_no_question_decides_nothing() {
        let mut weak = world(Access::Allowed, Access::Denied);
        weak.collected.matrices[0].cells[1].confidence = Confidence::Weak;
        assert_eq!(weak.status(ID), Status::Pass);
        assert_eq!(
            world(Access::NotTested, Access::Denied).status(ID),
            Status::Inconclusive
        );
    }
}
