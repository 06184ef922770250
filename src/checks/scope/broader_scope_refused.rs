//! SCP-08: a broader scope satisfies a demand for a narrower one that it contains.
//!
//! MCP 2026-07-28 §Step-Up Authorization Flow.

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, ToolCell};
use crate::model::identity::Identity;
use crate::model::matrix::Confidence;
use crate::model::settings::Hierarchy;
use crate::model::verdict::{Part, Verdict};

/// Looks at tokens that hold the broader scope alone, where the narrower one is demanded.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let pairs = &evidence.collected().hierarchy;
    if pairs.is_empty() {
        return Verdict::NotApplicable(
            "no [[hierarchy]] says which scope contains which".to_owned(),
        );
    }
    let cells: Vec<ToolCell<'_>> = evidence.valid_cells().collect();
    let mut case = evidence.case();
    let mut honoured = 0_usize;
    for pair in pairs {
        let named = format!("`{}` over `{}`", pair.broad, pair.narrow);
        let alone: Vec<&ToolCell<'_>> = cells
            .iter()
            .filter(|it| holds_broad_alone(it.identity, pair))
            .collect();
        if alone.is_empty() {
            case.doubt(
                format!("{named}: no token holds the broader scope without the narrower one"),
                Some("[mint] scopes = \"each\" with both scopes in `vary`"),
            );
            continue;
        }
        let mut seen = 0_usize;
        for it in alone {
            if wants_narrow(it, pair) {
                seen += 1;
                case.breach(draft(it, pair));
            } else if it.got_in() && demanded_of_others(&cells, it, pair) {
                seen += 1;
                honoured += 1;
            }
        }
        if seen == 0 {
            case.doubt(
                format!("{named}: no call was seen to take the narrower scope"),
                Some("[mint] scopes = \"each\" with both scopes in `vary`"),
            );
        }
    }
    case.verdict(Verdict::Held(format!(
        "{honoured} call(s) that take the narrower scope ran with the broader one"
    )))
}

fn holds_broad_alone(identity: &Identity, pair: &Hierarchy) -> bool {
    let held = identity.scopes();
    held.is_some_and(|held| held.contains(&pair.broad) && !held.contains(&pair.narrow))
}

/// Refused, and the narrower scope is all that is missing: it was named, or adding it opened.
fn wants_narrow(it: &ToolCell<'_>, pair: &Hierarchy) -> bool {
    let held = it.identity.scopes();
    let missing = it
        .cell
        .challenged_scopes
        .iter()
        .filter(|scope| held.is_none_or(|held| !held.contains(*scope)));
    let missing: Vec<&String> = missing.collect();
    let named = missing == [&pair.narrow];
    it.is_refused()
        && it.cell.confidence >= Confidence::Strong
        && (named || it.cell.flips.contains(&pair.narrow))
}

/// Somebody without either scope was refused the same tool for want of the narrower one.
fn demanded_of_others(cells: &[ToolCell<'_>], it: &ToolCell<'_>, pair: &Hierarchy) -> bool {
    cells.iter().any(|other| {
        let held = other.identity.scopes();
        let lacks_both =
            held.is_some_and(|held| !held.contains(&pair.broad) && !held.contains(&pair.narrow));
        let wanted = other.cell.challenged_scopes.contains(&pair.narrow)
            || other.cell.flips.contains(&pair.narrow);
        other.tool.id == it.tool.id
            && lacks_both
            && wanted
            && other.is_refused()
            && other.cell.confidence >= Confidence::Strong
    })
}

fn draft(it: &ToolCell<'_>, pair: &Hierarchy) -> Draft {
    let message = format!(
        "`{}` refused `{}` for want of `{}`, although it holds `{}`, which contains it by the \
         operator's word",
        it.tool.name, it.identity.name, pair.narrow, pair.broad
    );
    let draft = Draft::new(it.cell.subject.clone(), message).confidence(it.cell.confidence);
    match it.answer() {
        Some(answer) => draft
            .at(answer, Part::Status, "the refusal")
            .also(&it.cell.exchanges, "a control"),
        None => draft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::Access;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    const ID: &str = "broader-scope-refused";

    fn world(access: Access) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.collected.hierarchy = vec![Hierarchy {
            broad: "admin".to_owned(),
            narrow: "read".to_owned(),
        }];
        world.valid("none", &["profile"]);
        world.valid("broad", &["admin"]);
        world.valid("all", &["admin", "read"]);
        world.tool("read_note");
        let refused = world.cell("read_note", "none", Access::Denied);
        refused.challenged_scopes = vec!["read".to_owned()];
        world.cell("read_note", "broad", access);
        world.cell("read_note", "all", Access::Allowed);
        world
    }

    #[test]
    fn a_broader_token_that_gets_in_holds() {
        assert_eq!(world(Access::Allowed).status(ID), Status::Pass);
    }

    #[test]
    fn a_broader_token_that_is_asked_for_the_narrower_scope_breaks_it() {
        let mut named = world(Access::Denied);
        let cell = &mut named.collected.matrices[0].cells[1];
        cell.challenged_scopes = vec!["admin".to_owned(), "read".to_owned()];
        assert_eq!(named.status(ID), Status::Fail);
        let mut flipped = world(Access::Denied);
        flipped.collected.matrices[0].cells[1].flips = vec!["read".to_owned()];
        assert_eq!(flipped.status(ID), Status::Fail);
    }

    #[test]
    fn a_refusal_for_want_of_another_scope_is_none_of_its_business() {
        let mut other = world(Access::Denied);
        let cell = &mut other.collected.matrices[0].cells[1];
        cell.challenged_scopes = vec!["delete".to_owned(), "read".to_owned()];
        assert_eq!(other.status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_weak_refusal_decides_nothing() {
        let mut weak = world(Access::Denied);
        let cell = &mut weak.collected.matrices[0].cells[1];
        cell.flips = vec!["read".to_owned()];
        cell.confidence = Confidence::Weak;
        assert_eq!(weak.status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_pair_or_such_a_token_nothing_is_judged() {
        let mut world = world(Access::Allowed);
        world.collected.hierarchy[0].broad = "root".to_owned();
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.collected.hierarchy.clear();
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
