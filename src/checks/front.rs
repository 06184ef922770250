//! What judges ask of the authorization endpoint: which changed requests were taken.

use super::case::{Case, Draft};
use super::evidence::Evidence;
use crate::model::authorization::{FrontAnswer, FrontAsk, FrontChannel, FrontClient, FrontEnd};
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
    clients(evidence)
        .next()
        .is_none()
        .then(|| Verdict::Inconclusive {
            reason: "no client of the authorization server is known, and requests in the name of \
                     an unknown one are refused for that alone"
                .to_owned(),
            decided_by: Some(NAME_A_CLIENT.to_owned()),
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
/// What would show what happens after a login.
pub(crate) const LOG_IN: &str = "--login";
