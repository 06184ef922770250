//! XPT-06: a session belongs to the person who opened it.
//!
//! MCP Security Best Practices §Session Hijacking: bind session ids to user-specific information.

use crate::checks::borrowed;
use crate::checks::evidence::Evidence;
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads what another person's token got on the control's session.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let nobody = evidence.collected().identities.other_user().is_none();
    if nobody && !evidence.collected().bypass.sessions.is_empty() {
        return Verdict::Inconclusive {
            reason: "only one person's tokens are known, so nobody else could use the session"
                .to_owned(),
            decided_by: Some("an [[identity]] entry with `kind = \"other-user\"`".to_owned()),
        };
    }
    borrowed::judge(evidence, &[IdentityKind::OtherUser], |used| {
        format!(
            "a session of `{}` served `{}`, another person; expected HTTP 404 or 403",
            used.opener, used.user
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::bypass::Passage;
    use crate::model::verdict::Status;

    const ID: &str = "session-of-another-user";

    fn world(passage: Passage) -> World {
        let mut world = World::guarded();
        world.identity("colleague", IdentityKind::OtherUser, &["notes:read"]);
        world.borrowed("colleague", "tools/list", passage);
        world
    }

    #[test]
    fn a_session_that_serves_another_person_is_broken() {
        assert_eq!(world(Passage::Through).status(ID), Status::Warn);
        assert_eq!(world(Passage::Held).status(ID), Status::Pass);
        assert_eq!(world(Passage::Open).status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_second_person_the_configuration_that_decides_it_is_named() {
        let mut world = World::guarded();
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.borrowed("anonymous", "tools/list", Passage::Held);
        let Verdict::Inconclusive { decided_by, .. } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(decided_by.is_some_and(|text| text.contains("other-user")));
    }
}
