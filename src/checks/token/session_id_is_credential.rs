//! TOK-13 and XPT-04: a session id does not take the place of a token.
//!
//! MCP §Token Requirements: every request is authorized, even within one logical session.

use crate::checks::borrowed;
use crate::checks::entrances;
use crate::checks::evidence::{Evidence, Protection};
use crate::model::bypass::SessionUse;
use crate::model::door_trials::Door;
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads what the control's session was good for without a token, and with a useless one.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    // Where nobody needs a token, a session id takes the place of none.
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable("the target asks for no token".to_owned());
    }
    let strangers = [IdentityKind::Anonymous, IdentityKind::Garbage];
    // Where the session is good for nothing else, one door forgot to ask for a token.
    let forgotten = entrances::entrances(evidence);
    let told = |used: &SessionUse| {
        let alone = used.request == Door::End.as_str();
        alone && forgotten.tells_of_ends(used.revision)
    };
    borrowed::judge_but(evidence, &strangers, told, |used| {
        format!(
            "on a session of `{}` a `{}` of `{}` was served; expected HTTP 401, since the session id \
             is no credential",
            used.opener, used.request, used.user
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::bypass::Passage;
    use crate::model::discovery::AnonymousAccess;
    use crate::model::verdict::Status;

    const ID: &str = "session-id-is-credential";

    #[test]
    fn a_list_without_a_token_is_broken_and_a_refusal_holds() {
        let mut world = World::guarded();
        world.borrowed("anonymous", "tools/list", Passage::Held);
        assert_eq!(world.status(ID), Status::Pass);
        world.borrowed("anonymous", "DELETE", Passage::Through);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_session_that_anybody_ends_is_left_to_the_finding_about_that_door() {
        let mut world = World::guarded();
        world.ended_by("anonymous");
        world.borrowed("anonymous", "DELETE", Passage::Through);
        assert_eq!(world.status("gate-inconsistent"), Status::Fail);
        assert_eq!(world.status(ID), Status::Pass);
        // A session that lists the tools to anybody is taken for a token, at DELETE as well.
        world.borrowed("anonymous", "tools/list", Passage::Through);
        assert_eq!(world.status("gate-inconsistent"), Status::NotApplicable);
        assert_eq!(world.verdict(ID).findings().len(), 2);
    }

    #[test]
    fn a_server_that_asks_for_no_token_has_none_to_replace() {
        let mut world = World::guarded();
        world.collected.discovery.anonymous = AnonymousAccess::Served;
        world.borrowed("anonymous", "tools/list", Passage::Through);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn what_a_valid_token_gets_is_another_question() {
        let mut world = World::guarded();
        world.borrowed("reader", "tool/delete_note", Passage::Through);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_lost_answer_decides_nothing_and_no_session_does_not_apply() {
        let mut world = World::guarded();
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.borrowed("anonymous", "tools/list", Passage::Open);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
