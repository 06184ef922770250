//! PRIM-01: the list of tools depends on who asks, never on the connection.
//!
//! MCP 2026-07-28 tools page §Capabilities.

use std::collections::BTreeSet;

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::surface::{Listing, SubjectKind};
use crate::model::verdict::{Part, Severity, Verdict};

/// Compares repeated complete lists of each identity.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let listings = &evidence.collected().surface.listings;
    let complete: Vec<&Listing> = listings
        .iter()
        .filter(|it| it.kind == SubjectKind::Tool && it.is_complete())
        .collect();
    let mut case = evidence.case();
    let mut compared = 0_usize;
    for first in complete.iter().filter(|it| it.attempt == 0) {
        let mut again: Vec<&Listing> = complete
            .iter()
            .filter(|it| it.identity == first.identity && it.attempt > 0)
            .copied()
            .collect();
        again.sort_by_key(|it| it.attempt);
        if !again.is_empty() {
            compared += 1;
            compare(&mut case, first, &again);
        }
    }
    if compared == 0 {
        return Verdict::inconclusive("no identity read a complete list of tools twice");
    }
    case.verdict(Verdict::Held(format!(
        "{compared} identity(ies) got the same tools on a fresh connection"
    )))
}

fn compare(case: &mut Case<'_>, first: &Listing, again: &[&Listing]) {
    let Some(other) = again.iter().find(|it| set(it) != set(first)) else {
        if let Some(other) = again.iter().find(|it| it.names != first.names) {
            let message = format!("`{}` got the same tools in another order", first.identity);
            let why = "a stable order is only recommended";
            case.advise(draft(first, other, message).at_most(Severity::Info, why));
        }
        return;
    };
    // A later list that confirms the change is a change over time, which is legal.
    let settled = again
        .iter()
        .filter(|it| it.attempt > other.attempt)
        .any(|it| set(it) == set(other));
    if settled {
        let reason = format!(
            "the tools of `{}` changed once during the run",
            first.identity
        );
        return case.doubt(reason, None);
    }
    let difference = set(first)
        .symmetric_difference(&set(other))
        .copied()
        .collect::<Vec<_>>();
    let message = format!(
        "`{}` got different tools on a fresh connection: {} differ(s)",
        first.identity,
        scopes::names(difference)
    );
    case.breach(draft(first, other, message));
}

fn draft(first: &Listing, other: &Listing, message: String) -> Draft {
    let mut draft = Draft::new(first.identity.clone(), message);
    for (listing, says) in [(other, "the second list"), (first, "the first list")] {
        if let Some(exchange) = listing.exchanges.first() {
            draft = draft.at(*exchange, Part::Body, says);
        }
    }
    draft
}

fn set(listing: &Listing) -> BTreeSet<&str> {
    listing.names.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    const ID: &str = "list-varies-per-connection";

    fn world(lists: &[&[&str]]) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.valid("reader", &["r"]);
        for (attempt, names) in (0..).zip(lists) {
            world.listing("reader", attempt, names);
        }
        world
    }

    #[test]
    fn equal_lists_hold_and_another_order_warns() {
        assert_eq!(world(&[&["a", "b"], &["a", "b"]]).status(ID), Status::Pass);
        assert_eq!(world(&[&["a", "b"], &["b", "a"]]).status(ID), Status::Warn);
    }

    #[test]
    fn another_list_on_a_fresh_connection_is_broken() {
        assert_eq!(world(&[&["a", "b"], &["a"]]).status(ID), Status::Fail);
        assert_eq!(world(&[&["a"], &["b"], &["a"]]).status(ID), Status::Fail);
    }

    #[test]
    fn a_change_that_stays_is_a_change_over_time() {
        assert_eq!(
            world(&[&["a"], &["b"], &["b"]]).status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn one_list_is_not_enough_and_older_revisions_are_silent() {
        assert_eq!(world(&[&["a"]]).status(ID), Status::Inconclusive);
        let mut old = world(&[&["a"], &["b"]]);
        old.revision(Revision::R2025_11);
        assert_eq!(old.status(ID), Status::NotApplicable);
    }
}
