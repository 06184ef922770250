//! PRIM-03 without a policy: taking scopes away from a token never adds to what it may do.
//!
//! OAuth 2.1 §5.2: a resource server checks that a token has the scopes that are needed.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::logins;
use crate::checks::scopes;
use crate::model::identity::ScopeSet;
use crate::model::matrix::{Access, Cell, Confidence};
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::relations::{Pair, inversions};

/// Compares each token with those that hold more.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let collected = evidence.collected();
    let sets: Vec<&ScopeSet> = evidence.usable().filter_map(|one| one.scopes()).collect();
    let nested = sets.iter().any(|one| {
        let mut others = sets.iter();
        others.any(|other| one.is_subset(other) && one != other)
    });
    if !nested {
        return logins::no_token(
            evidence,
            "no two valid tokens of which one holds all scopes of the other and more",
            "a second --identity, or [mint] scopes = \"each\"",
        );
    }
    let Some(matrix) = collected.matrix() else {
        return Verdict::inconclusive("nothing was asked with a valid token");
    };
    let mut case = evidence.case();
    for pair in inversions(matrix, &collected.identities) {
        case.advise(finding(evidence, &pair));
    }
    let decided = evidence
        .valid_cells()
        .filter(|it| matches!(it.cell.access, Access::Denied | Access::Allowed));
    let decided = decided.count();
    if decided == 0 && case.is_clean() {
        return Verdict::inconclusive("no call with a valid token was decided");
    }
    case.verdict(Verdict::Held(format!(
        "in {decided} decided cell(s) no token opened what one with more scopes was refused"
    )))
}

fn finding(evidence: &Evidence<'_>, pair: &Pair<'_>) -> Draft {
    let (open, shut) = (pair.open, pair.shut);
    let did = if pair.ran {
        "got into"
    } else {
        "got past the gate of"
    };
    let message = format!(
        "`{}` with {} {did} `{}`, and `{}` with {} was refused; more scopes should open no less",
        open.identity,
        held(evidence, open),
        open.subject,
        shut.identity,
        held(evidence, shut)
    );
    let mut draft = Draft::new(open.subject.clone(), message);
    draft = draft.confidence(open.confidence.min(shut.confidence));
    if pair.same_holder == Some(false) {
        let why = "the tokens belong to different subjects or clients, so a role may be the cause";
        draft = draft
            .at_most(Severity::Info, why)
            .confidence(Confidence::Weak);
    }
    for (cell, says) in [(open, "let in"), (shut, "refused")] {
        if let Some(answer) = cell.exchanges.first() {
            draft = draft.at(*answer, Part::Status, says);
        }
    }
    draft
}

fn held(evidence: &Evidence<'_>, cell: &Cell) -> String {
    let identity = evidence.collected().identities.named(&cell.identity);
    match identity.and_then(|identity| identity.scopes()) {
        Some(held) if held.is_empty() => "no scope".to_owned(),
        Some(held) => scopes::list(held),
        None => "unknown scopes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "narrower-token-opens-more";

    fn world(reader: Access, admin: Access) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        world.tool("read_note");
        world.cell("read_note", "reader", reader);
        world.cell("read_note", "admin", admin);
        world
    }

    #[test]
    fn a_narrower_token_that_opens_more_warns_and_names_both() {
        let world = world(Access::Allowed, Access::Denied);
        assert_eq!(world.status(ID), Status::Warn);
        let message = world.verdict(ID).findings()[0].message.clone();
        assert!(message.contains("`reader` with `r`") && message.contains("`admin` with `r`, `w`"));
    }

    #[test]
    fn a_wider_token_that_opens_more_holds() {
        assert_eq!(
            world(Access::Denied, Access::Allowed).status(ID),
            Status::Pass
        );
        assert_eq!(
            world(Access::Allowed, Access::Allowed).status(ID),
            Status::Pass
        );
    }

    #[test]
    fn tokens_that_do_not_nest_or_cells_that_are_open_decide_nothing() {
        let mut single = World::new();
        single.valid("reader", &["r"]);
        assert_eq!(single.status(ID), Status::Inconclusive);
        assert_eq!(
            world(Access::Reached, Access::Inconclusive).status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn tokens_of_different_people_are_worth_a_note_only() {
        let mut world = world(Access::Allowed, Access::Denied);
        for (identity, person) in world
            .collected
            .identities
            .present
            .iter_mut()
            .zip(["", "a", "b"])
        {
            identity.claims = Some(crate::model::identity::Claims {
                subject: Some(person.to_owned()),
                ..Default::default()
            });
        }
        assert_eq!(world.verdict(ID).findings()[0].severity, Severity::Info);
    }
}
