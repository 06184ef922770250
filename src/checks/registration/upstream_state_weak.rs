//! REG-26: the `state` of a proxy's own requests is random, its own, and says nothing.
//!
//! MCP Security Best Practices §OAuth State Parameter Validation.

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::checks::grant::upstream_pkce_missing::not_forwarded;
use crate::model::authorization::{FrontAnswer, FrontAsk, FrontClient, FrontEnd, UpstreamState};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads the state of the server's own requests to the server behind it.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    let mut seen = false;
    for (_, client, good) in front::good(evidence, &mut case) {
        let FrontEnd::Upstream(upstream) = &good.end else {
            continue;
        };
        seen = true;
        match &upstream.state {
            None => case.breach(draft(good, "no state", "it carries no `state`")),
            Some(state) => weigh(&mut case, client, good, state),
        }
    }
    if !seen {
        return case.verdict(not_forwarded());
    }
    case.verdict(Verdict::Held(
        "the state of requests to the other server is fresh, long and opaque".to_owned(),
    ))
}

fn weigh(case: &mut Case<'_>, client: &FrontClient, good: &FrontAnswer, state: &UpstreamState) {
    if state.passed_on {
        let problem = "its `state` is the client's own, so this server cannot tell whose answer \
                       comes back";
        case.breach(draft(good, "passed on", problem));
        return;
    }
    let again = client.answer(FrontAsk::GoodAgain).map(|again| &again.end);
    if let Some(FrontEnd::Upstream(again)) = again
        && again.state.as_ref().map(|it| &it.digest) == Some(&state.digest)
    {
        let problem = "its `state` is the same in two flows";
        case.breach(draft(good, "repeated", problem));
    }
    if !state.carries.is_empty() && !state.signed {
        let problem = format!(
            "its `state` holds {} of the client's request in an encoding that anybody can write",
            state.carries.join(" and ")
        );
        case.breach(draft(good, "nested", &problem));
    } else if state.bits < ENOUGH {
        let problem = format!(
            "its `state` holds at most {} bits, expected {ENOUGH}",
            state.bits
        );
        case.breach(draft(good, "short", &problem).at_most(Severity::Low, "it may be single-use"));
    }
}

fn draft(good: &FrontAnswer, subject: &str, problem: &str) -> Draft {
    let message = format!(
        "the server sends users on to another authorization server, and {problem}; expected a \
         random value of its own for each flow"
    );
    Draft::new(format!("upstream state: {subject}"), message).at(
        good.last(),
        Part::Header("location".to_owned()),
        "the request to the other server",
    )
}

const ENOUGH: u32 = 128;

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, upstream};
    use crate::model::authorization::{FrontEnd, UpstreamState};
    use crate::model::verdict::Status;

    const ID: &str = "upstream-state-weak";

    fn status(change: impl FnOnce(&mut UpstreamState)) -> Status {
        let mut world = World::new();
        world.front(&[]);
        let mut end = upstream();
        if let FrontEnd::Upstream(upstream) = &mut end {
            upstream.state.as_mut().map(change);
        }
        world.good_end(end);
        world.status(ID)
    }

    #[test]
    fn a_random_state_holds() {
        assert_eq!(status(|_| {}), Status::Pass);
    }

    #[test]
    fn a_state_of_the_client_warns_plain_or_nested() {
        assert_eq!(status(|state| state.passed_on = true), Status::Warn);
        let nested = |state: &mut UpstreamState| state.carries = vec!["redirect_uri".to_owned()];
        assert_eq!(status(nested), Status::Warn);
        let signed = |state: &mut UpstreamState| {
            nested(state);
            state.signed = true;
        };
        assert_eq!(status(signed), Status::Pass);
    }

    #[test]
    fn a_short_or_repeated_or_missing_state_warns() {
        assert_eq!(status(|state| state.bits = 32), Status::Warn);
        let mut world = World::new();
        world.front(&[]);
        world.good_end(upstream());
        let client = &mut world.collected.front_channels[0].clients[0];
        let again = client.answers[1].ask;
        client.answers[1] = client.answers[0].clone();
        client.answers[1].ask = again;
        assert_eq!(world.status(ID), Status::Warn);
        let client = &mut world.collected.front_channels[0].clients[0];
        if let FrontEnd::Upstream(upstream) = &mut client.answers[0].end {
            upstream.state = None;
        }
        assert_eq!(world.status(ID), Status::Warn);
    }
}
