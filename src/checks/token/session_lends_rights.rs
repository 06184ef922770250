//! TOK-13: what a request may do is decided by its own token, not by the one that opened the session.
//!
//! MCP §Token Requirements: every request is authorized, even within one logical session.

use crate::checks::borrowed;
use crate::checks::evidence::Evidence;
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads what a weak token got on the control's session.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    borrowed::judge(evidence, &[IdentityKind::Valid], |used| {
        format!(
            "{} is refused to `{}` on a session of its own and open to it on one of `{}`; expected \
             the rights of the token that comes with the request",
            used.request, used.user, used.opener
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::bypass::Passage;
    use crate::model::verdict::Status;

    const ID: &str = "session-lends-rights";

    #[test]
    fn a_lent_right_is_broken_and_a_refusal_holds() {
        let mut world = World::guarded();
        world.borrowed("reader", "tool/delete_note", Passage::Held);
        assert_eq!(world.status(ID), Status::Pass);
        world.borrowed("reader", "tool/delete_note", Passage::Through);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn strangers_are_another_question() {
        let mut world = World::guarded();
        world.borrowed("anonymous", "tools/list", Passage::Through);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn switched_off_it_stays_open() {
        let mut world = World::guarded();
        world.collected.bypass.skipped = Some("switched off".to_owned());
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
