//! PRIM-03: a refused call stays refused when its method is spelled otherwise.
//!
//! JSON-RPC 2.0 §4: a method is a string and compared as one.

use crate::checks::evidence::Evidence;
use crate::checks::ways;
use crate::model::probe::ProbeId;
use crate::model::verdict::Verdict;

/// Reads what the forms of refused calls came to.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = ways::untried(evidence, WAY) {
        return verdict;
    }
    let mut case = evidence.case();
    ways::weigh(
        &mut case,
        evidence,
        WAY,
        "by another spelling of its method",
    );
    case.verdict(ways::held(evidence, WAY))
}

const WAY: ProbeId = ProbeId::MethodSpelling;

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::bypass::Passage;
    use crate::model::probe::ProbeId;
    use crate::model::target::Revision;
    use crate::model::verdict::{Status, Verdict};

    const ID: &str = "method-spelling-not-checked";

    fn world(passage: Passage) -> World {
        let mut world = World::guarded();
        world.revision(Revision::R2026_07);
        world.attempt(ProbeId::MethodSpelling, "a-form", passage);
        world
    }

    #[test]
    fn a_form_that_gets_through_is_broken() {
        let Verdict::Broken(findings) = world(Passage::Through).verdict(ID) else {
            panic!("expected a finding");
        };
        assert!(
            findings[0].message.contains("`a-form`"),
            "{}",
            findings[0].message
        );
        assert_eq!(findings[0].subject, "tool/delete_note");
    }

    #[test]
    fn a_form_that_is_refused_holds_and_so_does_one_that_nobody_passes() {
        let mut world = world(Passage::Held);
        world.attempt(ProbeId::MethodSpelling, "another", Passage::Closed);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_missing_answer_decides_nothing() {
        assert_eq!(world(Passage::Open).status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_refused_call_there_is_nothing_to_get_round() {
        let mut world = World::guarded();
        world.revision(Revision::R2026_07);
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.collected.bypass.skipped = Some("switched off".to_owned());
        let Verdict::Inconclusive { decided_by, .. } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(decided_by.is_some_and(|flag| flag.contains("--no-bypass")));
    }
}
