//! PRIM-03, its ground: the policy that findings rest on still speaks of what the server offers.
//!
//! No clause; a policy that has drifted judges nothing, and nobody notices.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::exchange::ExchangeId;
use crate::model::policy::DriftEntry;
use crate::model::surface::SubjectKind;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::conformity::compare;

/// Compares the entries with what was listed.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let collected = evidence.collected();
    let Some(matrix) = collected.matrix().filter(|_| !collected.policy.is_empty()) else {
        return Verdict::NotApplicable("there is no [[policy]] to compare with".to_owned());
    };
    let surface = &collected.surface;
    let Some(seen) = compare(matrix, surface, &collected.identities, &collected.policy) else {
        return Verdict::NotApplicable("there is no [[policy]] to compare with".to_owned());
    };
    let Some(list) = whole_list(evidence) else {
        return Verdict::inconclusive(
            "no list of tools was read to its end by the strongest identity, so what is missing \
             cannot be told",
        );
    };
    let mut case = evidence.case();
    for entry in &seen.idle_entries {
        let what = "matches nothing that was listed; remove it, or correct the name";
        case.advise(about(entry, what, list));
    }
    for entry in &seen.shadowed_entries {
        let what = "never applies: earlier entries cover all it names; move it up, or remove it";
        case.advise(about(entry, what, list));
    }
    for subject in &seen.without_entry {
        let message =
            format!("no entry of the policy covers `{subject}`, so it was not judged by it");
        let draft = Draft::new(subject.clone(), message);
        case.advise(draft.at(list, Part::Body, "it is listed"));
    }
    case.verdict(Verdict::Held(format!(
        "{} entr(ies) and {} subject(s) match each other",
        collected.policy.len(),
        seen.subjects.len()
    )))
}

fn about(entry: &DriftEntry, what: &str, list: ExchangeId) -> Draft {
    let patterns = scopes::names(entry.patterns.iter().map(String::as_str));
    let message = format!("entry {} of the policy ({patterns}) {what}", entry.entry);
    let subject = format!("policy {}", entry.patterns.join(" "));
    Draft::new(subject, message).at(list, Part::Body, "what is listed")
}

/// The last page of a complete list of tools of the strongest identity.
fn whole_list(evidence: &Evidence<'_>) -> Option<ExchangeId> {
    let strongest = evidence.collected().identities.baseline.as_deref()?;
    let listing = evidence
        .collected()
        .surface
        .listing(strongest, SubjectKind::Tool)?;
    let last = listing.exchanges.last().copied();
    last.filter(|_| listing.is_complete())
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::matrix::Access;
    use crate::model::surface::ListOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "policy-drift";

    fn world(patterns: &[&str]) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.tool("read_note");
        world.tool("list_notes");
        world.listing("reader", 0, &["read_note", "list_notes"]);
        world.cell("read_note", "reader", Access::Allowed);
        for pattern in patterns {
            world.policy(&[pattern], &["r"], false);
        }
        world
    }

    #[test]
    fn a_policy_that_names_every_tool_and_no_other_holds() {
        assert_eq!(world(&["read_note", "list_*"]).status(ID), Status::Pass);
    }

    #[test]
    fn each_kind_of_drift_is_a_finding() {
        for (patterns, word) in [
            (&["*", "gone"][..], "never applies"),
            (&["read_note", "list_notes", "gone_*"], "matches nothing"),
            (&["read_note"], "no entry"),
            (&["*", "read_note"], "never applies"),
        ] {
            let world = world(patterns);
            assert_eq!(world.status(ID), Status::Warn, "{patterns:?}");
            let verdict = world.verdict(ID);
            let [finding] = verdict.findings() else {
                panic!("{patterns:?}: {:?}", verdict.findings())
            };
            assert!(finding.message.contains(word), "{}", finding.message);
        }
    }

    #[test]
    fn a_list_that_was_not_read_to_its_end_decides_nothing() {
        let mut world = world(&["gone"]);
        world.collected.surface.listings[0].outcome = ListOutcome::Partial {
            reason: "a cursor came twice".to_owned(),
        };
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_policy_it_does_not_apply() {
        assert_eq!(world(&[]).status(ID), Status::NotApplicable);
    }
}
