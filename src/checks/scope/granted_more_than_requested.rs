//! SCP-12: the authorization server does not add scopes to what was asked for.
//!
//! RFC 6749 §3.3; MCP security guidance §Scope Minimization.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::identity::{Identity, ScopeSet};
use crate::model::verdict::{Part, Verdict};

/// Compares requested scopes with those of the token response and of the token.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut compared = 0_usize;
    let mut asked = 0_usize;
    for identity in evidence.collected().identities.valid() {
        // RFC 6749 §3.3, §6: without `scope` the server gives its default, or all of the login.
        let requested = identity.requested.as_ref().filter(|it| !it.is_empty());
        let Some(requested) = requested else {
            continue;
        };
        asked += 1;
        let Some(granted) = granted(identity) else {
            continue;
        };
        compared += 1;
        let extra: ScopeSet = granted.difference(requested).cloned().collect();
        if extra.is_empty() {
            continue;
        }
        let message = format!(
            "`{}` asked for {} and got {} as well",
            identity.name,
            scopes::list(requested),
            scopes::list(&extra)
        );
        match evidence.first_use(identity) {
            Some(at) => case.breach(Draft::new(identity.name.clone(), message).at(
                at,
                Part::Status,
                "the token",
            )),
            None => case.doubt(message, None),
        }
    }
    for passed in &evidence.collected().ladder.passed_over {
        let Some(token) = &passed.token else {
            continue;
        };
        asked += 1;
        let Some(held) = &token.held else {
            continue;
        };
        compared += 1;
        let extra: ScopeSet = held.difference(&token.asked).cloned().collect();
        if !extra.is_empty() {
            let message = format!(
                "`{}` asked for {} by {} and got {} as well",
                passed.identity,
                scopes::list(&token.asked),
                passed.grant,
                scopes::list(&extra)
            );
            let draft = Draft::new(passed.identity.clone(), message);
            case.breach(draft.at(token.exchange, Part::Body, "the token answer"));
        }
    }
    match (asked, compared) {
        (0, _) => Verdict::NotApplicable("the run asked for no token itself".to_owned()),
        (_, 0) => Verdict::inconclusive("opaque tokens, and the response names no scope"),
        _ => case.verdict(Verdict::Held(format!(
            "{compared} token(s) hold what was asked for"
        ))),
    }
}

fn granted(identity: &Identity) -> Option<ScopeSet> {
    let claimed = identity
        .claims
        .as_ref()
        .and_then(|claims| claims.scopes.as_ref());
    let sources = [claimed, identity.granted.as_ref()];
    sources
        .into_iter()
        .flatten()
        .cloned()
        .reduce(|one, other| one.union(&other).cloned().collect())
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::ladder::{PassedOver, TriedToken};
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "granted-more-than-requested";

    fn world(requested: &[&str], granted: Option<&[&str]>) -> World {
        let set = |scopes: &[&str]| scopes.iter().map(|&it| it.to_owned()).collect();
        let mut world = World::new();
        let identity = world.valid("minted", &[]);
        identity.requested = Some(set(requested));
        identity.granted = granted.map(set);
        world.answer(ProbeId::MintToken, "minted", 200, &[], "{}");
        world
    }

    #[test]
    fn equal_or_fewer_scopes_hold() {
        assert_eq!(
            world(&["a", "b"], Some(&["a", "b"])).status(ID),
            Status::Pass
        );
        assert_eq!(world(&["a", "b"], Some(&["a"])).status(ID), Status::Pass);
    }

    #[test]
    fn an_added_scope_warns() {
        assert_eq!(world(&["a"], Some(&["a", "b"])).status(ID), Status::Warn);
    }

    fn passed_over(held: Option<&[&str]>) -> World {
        let set = |scopes: &[&str]| scopes.iter().map(|&it| it.to_owned()).collect();
        let mut world = World::new();
        let exchange = world.answer(ProbeId::MintToken, "person", 200, &[], "{}");
        world.collected.ladder.passed_over.push(PassedOver {
            identity: "person".to_owned(),
            grant: "refresh_token".to_owned(),
            reason: "it also holds `b`".to_owned(),
            token: Some(TriedToken {
                asked: set(&["a"]),
                held: held.map(set),
                exchange,
            }),
        });
        world
    }

    #[test]
    fn a_token_that_was_tried_for_a_ladder_counts_as_well() {
        assert_eq!(passed_over(Some(&["a", "b"])).status(ID), Status::Warn);
        assert_eq!(passed_over(Some(&["a"])).status(ID), Status::Pass);
        assert_eq!(passed_over(None).status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_default_is_not_more_than_was_asked_for() {
        assert_eq!(
            world(&[], Some(&["a", "b"])).status(ID),
            Status::NotApplicable
        );
    }

    #[test]
    fn an_opaque_token_without_echo_decides_nothing() {
        assert_eq!(world(&["a"], None).status(ID), Status::Inconclusive);
    }

    #[test]
    fn tokens_of_the_operator_do_not_apply() {
        let mut world = World::new();
        world.valid("given", &["a"]);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
