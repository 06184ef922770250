//! TOK-10: a JWT of another type than `at+jwt` is refused where access tokens have that type.
//!
//! RFC 9068 §4.

use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, refused};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::verdict::Verdict;

/// Reads the answers to a JWT of another type that the right key signed for the right audience.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let typed = |identity: &Identity| {
        identity
            .claims
            .as_ref()
            .map(|it| is_access_token(it.typ.as_deref()))
    };
    let mut valid = evidence
        .identities(IdentityKind::Valid)
        .filter_map(typed)
        .peekable();
    if valid.peek().is_some() && !valid.any(|typed| typed) {
        let reason = "the valid tokens do not say they are of type `at+jwt`, so the authorization \
                      server does not follow RFC 9068";
        return Verdict::NotApplicable(reason.to_owned());
    }
    let mut given = evidence
        .identities(IdentityKind::WrongType)
        .filter_map(typed);
    if given.any(|typed| typed) {
        return Verdict::inconclusive(
            "the token given as one of another type says `typ` is `at+jwt`",
        );
    }
    refused(
        evidence,
        Credential {
            kind: IdentityKind::WrongType,
            what: "a JWT of another type",
            name: "wrong-type",
            decided_by: Some("an [[identity]] with kind = \"wrong-type\""),
            jwt_only: true,
        },
    )
}

/// RFC 9068 §2.1: with or without the media type's first half, in any case.
fn is_access_token(typ: Option<&str>) -> bool {
    let typ = typ.unwrap_or_default().to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == "at+jwt"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::identity::Claims;
    use crate::model::matrix::GateOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "token-type-unchecked";

    fn claims(typ: &str) -> Claims {
        Claims {
            typ: Some(typ.to_owned()),
            ..Claims::default()
        }
    }

    fn world(valid: &str, wrong: &str, outcome: GateOutcome) -> World {
        let mut world = World::new();
        world.valid("reader", &["notes:read"]).claims = Some(claims(valid));
        world
            .identity("mistyped", IdentityKind::WrongType, &[])
            .claims = Some(claims(wrong));
        world.gate("mistyped", "list-tools", outcome, 200);
        world
    }

    #[test]
    fn refusal_holds_and_acceptance_is_broken() {
        let judged = |outcome| world("application/AT+jwt", "JWT", outcome).status(ID);
        assert_eq!(judged(GateOutcome::Refused), Status::Pass);
        assert_eq!(judged(GateOutcome::Accepted), Status::Fail);
    }

    #[test]
    fn an_untyped_access_token_leaves_nothing_to_compare() {
        let world = world("JWT", "logout+jwt", GateOutcome::Accepted);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_token_of_the_right_type_is_no_witness() {
        let world = world("at+jwt", "at+jwt", GateOutcome::Accepted);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn opaque_tokens_have_no_type() {
        let mut world = World::new();
        world.valid("reader", &["notes:read"]);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
