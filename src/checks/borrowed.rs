//! What judges of borrowed sessions share.

use crate::model::bypass::{Passage, SessionUse};
use crate::model::identity::IdentityKind;
use crate::model::verdict::{Part, Verdict};

use super::case::Draft;
use super::evidence::Evidence;

/// Reads the uses of a session by identities of these kinds.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    kinds: &[IdentityKind],
    message: impl Fn(&SessionUse) -> String,
) -> Verdict {
    judge_but(evidence, kinds, |_| false, message)
}

/// The same without what another finding tells.
pub(crate) fn judge_but(
    evidence: &Evidence<'_>,
    kinds: &[IdentityKind],
    told: impl Fn(&SessionUse) -> bool,
    message: impl Fn(&SessionUse) -> String,
) -> Verdict {
    let bypass = &evidence.collected().bypass;
    if let Some(reason) = &bypass.skipped {
        return Verdict::Inconclusive {
            reason: reason.clone(),
            decided_by: Some("a run without `--no-bypass`".to_owned()),
        };
    }
    let theirs = |used: &&SessionUse| {
        let user = evidence.identity(&used.user);
        user.is_some_and(|user| kinds.contains(&user.kind))
    };
    let uses: Vec<&SessionUse> = bypass.sessions.iter().filter(theirs).collect();
    if uses.is_empty() {
        return Verdict::NotApplicable(
            "no session was opened that anybody else could have used".to_owned(),
        );
    }
    let mut case = evidence.case();
    let (elsewhere, uses): (Vec<_>, Vec<_>) = uses.into_iter().partition(|used| told(used));
    for used in &uses {
        match used.passage {
            Passage::Through => case.breach(
                Draft::new(format!("{} as {}", used.request, used.user), message(used))
                    .at(used.exchange, Part::Status, used.reason.clone())
                    .at(used.control, Part::Status, "the opener's own request")
                    .also(&used.refused, "refused on a session of its own"),
            ),
            Passage::Open => case.doubt(
                format!("{} as `{}`: {}", used.request, used.user, used.reason),
                None,
            ),
            Passage::Held | Passage::Closed => {}
        }
    }
    case.verdict(Verdict::Held(format!(
        "{} request(s) on somebody else's session were refused{}",
        uses.len(),
        if elsewhere.is_empty() {
            ""
        } else {
            ", and what a single door forgets is left to `gate-inconsistent`"
        }
    )))
}
