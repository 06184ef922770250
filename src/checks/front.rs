//! What judges ask of the authorization endpoint: which changed requests were taken.

use super::case::{Case, Draft};
use super::evidence::Evidence;
use crate::model::authorization::{FrontAnswer, FrontAsk, FrontChannel, FrontClient, FrontEnd};
use crate::model::identity::Provenance;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::front_channel::{self, Taken, describe};

/// Every known client with the endpoint that was asked in its name.
pub(crate) fn clients<'a>(
    evidence: &Evidence<'a>,
) -> impl Iterator<Item = (&'a FrontChannel, &'a FrontClient)> {
    let channels = evidence.collected().front_channels.iter();
    channels.flat_map(|channel| channel.clients.iter().map(move |client| (channel, client)))
}

/// The good request of every known client, where it went on; the others leave the case in doubt.
pub(crate) fn good<'a>(
    evidence: &Evidence<'a>,
    case: &mut Case<'a>,
) -> Vec<(&'a FrontChannel, &'a FrontClient, &'a FrontAnswer)> {
    let mut found = Vec::new();
    for (channel, client) in clients(evidence) {
        match front_channel::good(client) {
            Ok(good) => found.push((channel, client, good)),
            Err(_) if another_went_on(channel) => {}
            Err(reason) => case.doubt(reason, remedy(client)),
        }
    }
    found
}

/// What follows when no client is known in whose name one could ask.
pub(crate) fn without_client(evidence: &Evidence<'_>) -> Option<Verdict> {
    if evidence.collected().front_channels.is_empty() {
        let reason = "no authorization endpoint is known".to_owned();
        return Some(Verdict::NotApplicable(reason));
    }
    if clients(evidence).next().is_some() {
        return None;
    }
    let (reason, decided_by) = match nowhere_to_go(evidence) {
        Some((identity, client)) => (
            format!(
                "of client `{client}` of `{identity}` no redirect URI is known, and requests with \
                 one that is not registered are refused for that alone"
            ),
            NAME_A_REDIRECT.to_owned(),
        ),
        None => (
            "no client of the authorization server is known, and requests in the name of an \
             unknown one are refused for that alone"
                .to_owned(),
            NAME_A_CLIENT.to_owned(),
        ),
    };
    Some(Verdict::Inconclusive {
        reason,
        decided_by: Some(decided_by),
    })
}

/// An identity whose client stands for people, so that it may have a redirect URI.
fn nowhere_to_go<'a>(evidence: &Evidence<'a>) -> Option<(&'a str, &'a str)> {
    let mut present = evidence.collected().identities.present.iter();
    present.find_map(|identity| match &identity.provenance {
        Provenance::Minted {
            grant, client_id, ..
        } if OF_PEOPLE.contains(&grant.as_str()) => {
            Some((identity.name.as_str(), client_id.as_str()))
        }
        _ => None,
    })
}

/// Calls `found` for each of these requests that was taken, notes what stays open, and returns how
/// many were refused.
pub(crate) fn look<'a>(
    evidence: &Evidence<'a>,
    case: &mut Case<'a>,
    asks: &[FrontAsk],
    mut found: impl FnMut(&mut Case<'a>, &'a FrontClient, &'a FrontAnswer),
) -> usize {
    let mut refused = 0;
    for (channel, client) in clients(evidence) {
        if let Err(reason) = front_channel::good(client) {
            if !another_went_on(channel) {
                case.doubt(reason, remedy(client));
            }
            continue;
        }
        for answer in asks.iter().filter_map(|ask| client.answer(*ask)) {
            match front_channel::taken(channel, client, answer.ask) {
                Taken::Yes => found(case, client, answer),
                Taken::No => refused += 1,
                Taken::Open(reason) => case.doubt(reason, Some(LOG_IN)),
            }
        }
    }
    refused
}

/// A finding about a request that was taken, with the good request beside it.
pub(crate) fn draft(client: &FrontClient, answer: &FrontAnswer, expected: &str) -> Draft {
    let message = format!(
        "a request with {} ended with {}, as the good one does; expected {expected}",
        answer.ask.what(),
        describe(&answer.end),
    );
    let draft = Draft::new(answer.ask.what(), message).at(
        answer.request(),
        Part::Request,
        "what was asked",
    );
    let draft = draft.also(&[answer.last()], "where it ended");
    match client.answer(FrontAsk::Good) {
        Some(good) => draft.also(&[good.last()], "where the good request ended"),
        None => draft,
    }
}

/// The verdict when nothing was taken: held only when something was refused.
pub(crate) fn verdict(case: Case<'_>, refused: usize, held: &str) -> Verdict {
    let otherwise = if refused == 0 {
        Verdict::inconclusive("no request of this kind makes sense for the known clients")
    } else {
        Verdict::Held(held.to_owned())
    };
    case.verdict(otherwise)
}

/// Whether an answer went straight to another server's authorization endpoint.
pub(crate) fn is_upstream(answer: &FrontAnswer) -> bool {
    matches!(answer.end, FrontEnd::Upstream(_))
}

/// One client that goes on shows what the endpoint does, whatever is wrong with the others.
fn another_went_on(channel: &FrontChannel) -> bool {
    let mut clients = channel.clients.iter();
    clients.any(|it| front_channel::good(it).is_ok())
}

/// Another client helps where this one was refused, and not where nothing could be read.
fn remedy(client: &FrontClient) -> Option<&'static str> {
    let good = client.answer(FrontAsk::Good)?;
    let refused = match &good.end {
        FrontEnd::Page(page) => (400..500).contains(&page.status),
        FrontEnd::Returned(_) => true,
        FrontEnd::Upstream(_) | FrontEnd::Elsewhere { .. } | FrontEnd::Unreadable { .. } => false,
    };
    refused.then_some(NAME_A_CLIENT)
}

/// What would name a client.
pub(crate) const NAME_A_CLIENT: &str =
    "--client-id ID --redirect-uri URI, or --allow register where registration is open";
/// What would name where that client is sent back to.
const NAME_A_REDIRECT: &str = "`redirect_uri` in that [[identity]], a registered one of its client";
/// Grants of clients that act for a person.
const OF_PEOPLE: [&str; 3] = [
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
];
/// What would show what happens after a login.
pub(crate) const LOG_IN: &str = "--login";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;

    const ID: &str = "pkce-not-required";

    fn minted_by(grant: &str) -> World {
        let mut world = World::new();
        world.front(&[]);
        world.collected.front_channels[0].clients.clear();
        world.valid("user", &[]).provenance = Provenance::Minted {
            grant: grant.to_owned(),
            client_id: "app".to_owned(),
            token_endpoint: "https://auth.example.com/token".to_owned(),
        };
        world
    }

    #[test]
    fn a_client_whose_redirect_uri_is_not_known_is_named() {
        for grant in OF_PEOPLE {
            let Verdict::Inconclusive { reason, decided_by } = minted_by(grant).verdict(ID) else {
                panic!("{grant} decides it");
            };
            assert!(reason.contains("`app` of `user`"), "{reason}");
            assert_eq!(decided_by.as_deref(), Some(NAME_A_REDIRECT));
        }
    }

    #[test]
    fn a_client_that_acts_for_itself_has_nowhere_to_be_sent_back_to() {
        let Verdict::Inconclusive { reason, decided_by } =
            minted_by("client_credentials").verdict(ID)
        else {
            panic!("it is decided");
        };
        assert!(reason.contains("no client"), "{reason}");
        assert_eq!(decided_by.as_deref(), Some(NAME_A_CLIENT));
    }
}
