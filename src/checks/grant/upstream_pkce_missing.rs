//! ASE-04: PKCE that the server asks of its clients does not end where it becomes a client itself.
//!
//! RFC 9700 §2.1.1, §4.8.2.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::{FrontAsk, FrontChannel, FrontClient, FrontEnd};
use crate::model::verdict::{Part, Verdict};
use crate::oracle::front_channel::{self, Taken};

/// Reads the server's own request to the server behind it.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    let mut seen = false;
    for (channel, client, good) in front::good(evidence, &mut case) {
        let FrontEnd::Upstream(upstream) = &good.end else {
            continue;
        };
        seen = true;
        if upstream.challenge {
            continue;
        }
        let message = format!(
            "the request of this server to `{}` carries no `code_challenge`{}; expected one",
            upstream.place,
            demanded(channel, client)
        );
        // RFC 9700 §2.1.1 recommends it to confidential clients, which a proxy may be.
        case.advise(Draft::new(upstream.host.clone(), message).at(
            good.last(),
            Part::Header("location".to_owned()),
            "the request to the other server",
        ));
    }
    if !seen {
        return case.verdict(not_forwarded());
    }
    case.verdict(Verdict::Held(
        "the request to the other server carries a challenge".to_owned(),
    ))
}

/// The verdict where no request led straight to another server.
pub(crate) fn not_forwarded() -> Verdict {
    Verdict::NotApplicable(
        "no request was sent on to another authorization server before a login".to_owned(),
    )
}

fn demanded(channel: &FrontChannel, client: &FrontClient) -> &'static str {
    match front_channel::taken(channel, client, FrontAsk::ChallengeMissing) {
        Taken::No => ", while it asks its own clients for one",
        Taken::Yes | Taken::Open(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, upstream};
    use crate::model::authorization::FrontEnd;
    use crate::model::verdict::Status;

    const ID: &str = "upstream-pkce-missing";

    #[test]
    fn a_request_without_a_challenge_warns_and_one_with_it_holds() {
        let mut world = World::new();
        world.front(&[]);
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.good_end(upstream());
        assert_eq!(world.status(ID), Status::Pass);
        let mut end = upstream();
        if let FrontEnd::Upstream(upstream) = &mut end {
            upstream.challenge = false;
        }
        world.good_end(end);
        assert_eq!(world.status(ID), Status::Warn);
    }
}
