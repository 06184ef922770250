//! TOK-09: an ID token or a refresh token in place of an access token is refused.
//!
//! MCP §Token Handling; RFC 9068 §4; RFC 8725 §3.11.

use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, refused};
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads the answers to either; one of them that was tried decides for itself.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let tried = KINDS
        .iter()
        .filter(|kind| evidence.identities(kind.kind).next().is_some());
    let mut verdicts: Vec<Verdict> = tried.map(|kind| refused(evidence, *kind)).collect();
    if verdicts.is_empty() {
        return refused(evidence, KINDS[0]);
    }
    let broken: Vec<_> = verdicts
        .iter()
        .flat_map(Verdict::findings)
        .cloned()
        .collect();
    if !broken.is_empty() {
        return Verdict::Broken(broken);
    }
    let open = verdicts
        .iter()
        .position(|verdict| !matches!(verdict, Verdict::Held(_)));
    match open {
        Some(open) => verdicts.swap_remove(open),
        None => Verdict::Held(told(&verdicts)),
    }
}

fn told(verdicts: &[Verdict]) -> String {
    let told = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Held(reason) => Some(reason.as_str()),
        _ => None,
    });
    told.collect::<Vec<_>>().join("; ")
}

const KINDS: [Credential; 2] = [
    Credential {
        kind: IdentityKind::IdToken,
        what: "an ID token",
        name: "id-token",
        decided_by: Some(DECIDED_BY),
        jwt_only: false,
    },
    Credential {
        kind: IdentityKind::RefreshToken,
        what: "a refresh token",
        name: "refresh-token",
        decided_by: Some(DECIDED_BY),
        jwt_only: false,
    },
];

const DECIDED_BY: &str = "an [[identity]] with kind = \"id-token\" or \"refresh-token\", or \
                          `--login` (with the scope `openid` for an ID token)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::GateOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "wrong-kind-accepted";

    fn world(id: Option<GateOutcome>, refresh: Option<GateOutcome>) -> World {
        let mut world = World::new();
        if let Some(outcome) = id {
            world.identity("id", IdentityKind::IdToken, &[]);
            world.gate("id", "list-tools", outcome, 200);
        }
        if let Some(outcome) = refresh {
            world.identity("long", IdentityKind::RefreshToken, &[]);
            world.gate("long", "list-tools", outcome, 200);
        }
        world
    }

    #[test]
    fn either_of_them_decides_for_itself() {
        use GateOutcome::{Accepted, Refused, Unclear};
        for (id, refresh, expected) in [
            (Some(Refused), Some(Refused), Status::Pass),
            (Some(Refused), None, Status::Pass),
            (None, Some(Accepted), Status::Fail),
            (Some(Accepted), Some(Refused), Status::Fail),
            (Some(Refused), Some(Unclear), Status::Inconclusive),
            (None, None, Status::Inconclusive),
        ] {
            assert_eq!(
                world(id, refresh).status(ID),
                expected,
                "{id:?} {refresh:?}"
            );
        }
    }

    #[test]
    fn what_was_tried_is_said() {
        let world = world(None, Some(GateOutcome::Refused));
        let Verdict::Held(reason) = world.verdict(ID) else {
            panic!("expected a held verdict");
        };
        assert!(reason.contains("a refresh token") && !reason.contains("an ID token"));
    }
}
