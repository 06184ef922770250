//! DISC-06: a request that brought no credentials is not told that they were wrong.
//!
//! RFC 6750 §3.1; OAuth 2.1 §5.3.2.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Verdict};

/// Looks for error parameters in challenges to requests without a token.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let challenges = &evidence.discovery().challenges;
    let mut read = 0_usize;
    let mut case = evidence.case();
    for sourced in challenges {
        for challenge in &sourced.value.challenges {
            read += 1;
            let named = ERRORS
                .into_iter()
                .find_map(|name| Some((name, challenge.param(name)?)));
            let Some((name, value)) = named else {
                continue;
            };
            let message = format!(
                "the challenge says {name}=\"{value}\" although no token was sent; \
                 expected no error parameter"
            );
            let part = Part::Header("WWW-Authenticate".to_owned());
            case.breach(Draft::new(name, message).at(sourced.exchange, part, "the challenge"));
        }
    }
    if read == 0 {
        return Verdict::NotApplicable("no request without a token was challenged".to_owned());
    }
    case.verdict(Verdict::Held(
        "challenges to requests without a token name no error".to_owned(),
    ))
}

const ERRORS: [&str; 3] = ["error", "error_description", "error_uri"];

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "challenge-error-without-token";

    #[test]
    fn a_bare_challenge_holds() {
        let mut world = World::new();
        world.challenge("Bearer", &[("scope", "notes:read")]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn an_error_parameter_warns() {
        for name in ["error", "error_description", "error_uri"] {
            let mut world = World::new();
            world.challenge("Bearer", &[(name, "invalid_token")]);
            assert_eq!(world.status(ID), Status::Warn, "{name}");
        }
    }

    #[test]
    fn without_a_challenge_it_does_not_apply() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
