//! ASE-06: a client that nobody registered gets no further than an error page.
//!
//! RFC 6749 §4.1.2.1; MCP §Open Redirection.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::{FrontAnswer, FrontAsk, FrontChannel};
use crate::model::verdict::{Part, Verdict};
use crate::oracle::front_channel::{self, Taken, describe};

/// Compares two clients that cannot exist with a request that is none, and with a known client.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let channels = &evidence.collected().front_channels;
    if channels.is_empty() {
        return Verdict::NotApplicable("no authorization endpoint is known".to_owned());
    }
    let mut case = evidence.case();
    for channel in channels {
        let (Some(one), Some(other)) = (
            channel.stranger(FrontAsk::UnknownClient),
            channel.stranger(FrontAsk::UnknownClientAgain),
        ) else {
            case.doubt("no request was made in the name of an unknown client", None);
            continue;
        };
        match (taken(channel, one), taken(channel, other)) {
            (Taken::Yes, Taken::Yes) => case.breach(draft(channel, one, other)),
            (Taken::No, Taken::No) => {}
            (Taken::Open(reason), _) | (_, Taken::Open(reason)) => {
                case.doubt(reason, Some(front::NAME_A_CLIENT));
            }
            _ => case.doubt("two unknown clients were answered differently", None),
        }
    }
    case.verdict(Verdict::Held("unknown clients were refused".to_owned()))
}

/// What also appears for no request at all says nothing about clients.
fn taken(channel: &FrontChannel, answer: &FrontAnswer) -> Taken {
    let nothing = channel.stranger(FrontAsk::NoRequest);
    match front_channel::stranger_taken(channel, answer) {
        Taken::Yes if nothing.is_some_and(|nothing| nothing.end == answer.end) => {
            Taken::Open(format!(
                "an unknown client gets {}, and so does a request without any parameter",
                describe(&answer.end)
            ))
        }
        taken => taken,
    }
}

fn draft(channel: &FrontChannel, one: &FrontAnswer, other: &FrontAnswer) -> Draft {
    let message = format!(
        "requests of two clients that nobody registered ended with {}, as those of a known client \
         do; expected an error page",
        describe(&one.end)
    );
    Draft::new(channel.endpoint.clone(), message)
        .at(one.request(), Part::Request, "a client that cannot exist")
        .also(&[one.last()], "where it ended")
        .also(&[other.last()], "another client that cannot exist")
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, login, refusal, upstream};
    use crate::model::authorization::FrontAsk;
    use crate::model::verdict::Status;

    const ID: &str = "unknown-client-accepted";

    #[test]
    fn the_login_page_of_a_known_client_is_broken_where_mistakes_are_refused() {
        let mut world = World::new();
        world.front(&[(FrontAsk::MethodUnknown, refusal())]);
        world.stranger_end(&login());
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn being_sent_to_another_server_is_broken_without_any_client() {
        let mut world = World::new();
        world.front(&[]);
        world.collected.front_channels[0].clients.clear();
        world.stranger_end(&upstream());
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_page_without_a_known_client_beside_it_decides_nothing() {
        let mut world = World::new();
        world.front(&[]);
        world.collected.front_channels[0].clients.clear();
        world.stranger_end(&login());
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn an_error_page_holds() {
        let mut world = World::new();
        world.front(&[]);
        assert_eq!(world.status(ID), Status::Pass);
    }
}
