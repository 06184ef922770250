//! SCP-04: the challenge says which scopes to ask for, in the syntax of the RFC.
//!
//! MCP §Protected Resource Metadata Discovery Requirements; RFC 6750 §3; RFC 6749 §3.3.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::codec::challenge::scope_set;
use crate::model::verdict::{Part, Verdict};

/// Reads the `scope` parameter of every token challenge to a request without a token.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut read = 0_usize;
    let mut bare = None;
    for sourced in &evidence.discovery().challenges {
        let Some(challenge) = sourced.value.token_challenge() else {
            if sourced.value.raw.is_empty() {
                bare.get_or_insert(sourced.exchange);
            }
            continue;
        };
        read += 1;
        let values: Vec<&str> = challenge
            .params
            .iter()
            .filter(|(name, _)| name == "scope")
            .map(|(_, value)| value.as_str())
            .collect();
        let draft = |message: String| {
            let part = Part::Header(FIELD.to_owned());
            Draft::new("scope", message).at(sourced.exchange, part, "the challenge")
        };
        match values.as_slice() {
            [] => case.advise(draft(
                "the challenge has no `scope`, so a client must guess what to ask for".to_owned(),
            )),
            [value] => {
                if let Err(problem) = scope_set(value) {
                    case.breach(draft(problem));
                }
            }
            many => {
                let count = many.len();
                case.breach(draft(format!(
                    "`scope` appears {count} times, expected once"
                )));
            }
        }
    }
    if let Some(at) = bare.filter(|at| read == 0 && evidence.status(*at) == Some(401)) {
        let message = "HTTP 401 without a challenge, so a client must guess what to ask for";
        let part = Part::AbsentHeader(FIELD.to_owned());
        case.advise(Draft::new("scope", message).at(at, part, "no challenge"));
    } else if read == 0 {
        return Verdict::NotApplicable("no request without a token was challenged".to_owned());
    }
    case.verdict(Verdict::Held(
        "the challenge names the scopes to ask for".to_owned(),
    ))
}

const FIELD: &str = "WWW-Authenticate";

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::discovery::{Challenges, Sourced};
    use crate::model::probe::ProbeId;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    const ID: &str = "challenge-without-scope";

    fn world(params: &[(&str, &str)]) -> World {
        let mut world = World::new();
        world.challenge("Bearer", params);
        world
    }

    #[test]
    fn one_well_formed_scope_holds() {
        assert_eq!(
            world(&[("scope", "notes:read notes:write")]).status(ID),
            Status::Pass
        );
    }

    #[test]
    fn an_absent_scope_only_warns() {
        assert_eq!(world(&[("realm", "x")]).status(ID), Status::Warn);
    }

    #[test]
    fn a_refusal_without_any_challenge_names_no_scope_either() {
        let mut world = World::new();
        let id = world.answer(ProbeId::DetectModern, "anonymous", 401, &[], "");
        world.collected.discovery.challenges.push(Sourced {
            value: Challenges::default(),
            exchange: id,
        });
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_doubled_or_malformed_scope_is_broken() {
        assert_eq!(
            world(&[("scope", "a"), ("scope", "b")]).status(ID),
            Status::Fail
        );
        assert_eq!(world(&[("scope", "a\\b")]).status(ID), Status::Fail);
    }

    #[test]
    fn older_revisions_and_silent_servers_do_not_apply() {
        let mut old = world(&[("realm", "x")]);
        old.revision(Revision::R2025_06);
        assert_eq!(old.status(ID), Status::NotApplicable);
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
