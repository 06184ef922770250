//! REG-11: registration by strangers is limited in rate or number.
//!
//! RFC 7591 §3.

use super::registration_open::without_clients;
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::registration::{Registration, RegistrationOutcome};
use crate::model::verdict::Verdict;

/// Reads whether a limit answered, in a series that was asked for or before it.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut limits = Vec::new();
    for registration in &evidence.collected().registrations {
        if let Some(after) = limited(registration) {
            limits.push(format!("a limit answered after {after} client(s)"));
            continue;
        }
        let untried = registration.consequences.untried.iter();
        let skipped = untried.clone().find(|it| it.variant == VARIANT);
        match (&registration.consequences.burst, skipped) {
            (Some(burst), _) if burst.accepted >= burst.wanted => {
                let message = format!(
                    "{} registrations in a row were accepted without a limit; expected 429 or \
                     another refusal before that",
                    burst.accepted
                );
                let draft = Draft::new(registration.issuer.clone(), message);
                case.advise(draft.also(&burst.exchanges, "accepted"));
            }
            (Some(burst), _) => case.doubt(
                format!(
                    "the series ended after {} of {} registrations without a limit",
                    burst.accepted, burst.wanted
                ),
                None,
            ),
            (None, Some(skipped)) => {
                case.doubt(format!("no series was sent: {}", skipped.why), None);
            }
            (None, None) if !registration.clients.is_empty() => {
                case.doubt("no series of registrations was asked for", Some(FLAG));
            }
            (None, None) => {}
        }
    }
    if limits.is_empty() && case.is_clean() {
        return without_clients(evidence);
    }
    case.verdict(Verdict::Held(limits.join("; ")))
}

/// How many clients came to be before a limit answered.
fn limited(registration: &Registration) -> Option<usize> {
    let burst = registration.consequences.burst.as_ref();
    let registered = registration.clients.len();
    let mut attempts = registration.attempts.iter();
    let seen = attempts.any(|attempt| attempt.outcome == RegistrationOutcome::Limited)
        || burst.is_some_and(|burst| burst.limited);
    (seen && registered > 0).then_some(registered)
}

const VARIANT: &str = "burst";
const FLAG: &str = "--observe-rate-limit 10";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, client, response};
    use crate::model::consequence::Burst;
    use crate::model::exchange::ExchangeId;
    use crate::model::registration::Posture;
    use crate::model::verdict::Status;

    const ID: &str = "registration-unlimited";

    fn world(burst: Option<(usize, bool)>) -> World {
        let mut world = World::new();
        world.registration(Posture::D3);
        let answer = response(201, &[], "{}");
        let registered = RegistrationOutcome::Registered;
        let exchange = world
            .registered("native-loopback", registered, &[], answer)
            .exchange;
        let registration = &mut world.collected.registrations[0];
        let made = client("native-loopback", exchange, None, ExchangeId(1));
        registration.clients = vec![made];
        registration.consequences.burst = burst.map(|(accepted, limited)| Burst {
            wanted: 5,
            accepted,
            limited,
            exchanges: vec![exchange],
        });
        world
    }

    #[test]
    fn a_series_without_a_limit_warns_and_a_limit_holds() {
        assert_eq!(world(Some((5, false))).status(ID), Status::Warn);
        assert_eq!(world(Some((3, true))).status(ID), Status::Pass);
        assert_eq!(world(Some((3, false))).status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_series_the_flag_is_named_unless_a_limit_answered_anyway() {
        let mut world = world(None);
        let Verdict::Inconclusive { decided_by, .. } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert_eq!(decided_by.as_deref(), Some(FLAG));
        let limited = RegistrationOutcome::Limited;
        world.registered("wildcard", limited, &[], response(429, &[], ""));
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_closed_endpoint_needs_no_limit() {
        let mut world = World::new();
        world.registration(Posture::D1);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
