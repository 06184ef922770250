//! The two endpoints of 2024-11-05: the stream, and the place to which its questions go.
//!
//! Both legs need the token: a stream that opens without one, or a POST that is answered for whoever
//! knows the session, is a second door beside the audited one.

use secrecy::ExposeSecret;
use url::Url;

use super::super::{Run, file, session};
use super::Speaker;
use super::form::{Form, GLANCE};
use crate::codec::sse;
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::discovery::AnonymousAccess;
use crate::model::exchange::Exchange;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::target::{Revision, Transport};
use crate::stage::session::Session;
use crate::wire::{Outgoing, RawAnswer};

pub(super) async fn observe(
    run: &Run<'_>,
    collected: &mut Collected,
    anonymous: &Identity,
    speaker: Option<&Speaker>,
) {
    if collected.discovery.anonymous != AnonymousAccess::Refused {
        return;
    }
    if let Some(Speaker { identity, session }) = speaker
        && session.transport == Transport::HttpSse
    {
        // The audited stream itself: the first leg was tried when sessions were opened.
        second_leg(run, collected, anonymous, identity, session, "audited").await;
        return;
    }
    for (place, url) in places(&collected.discovery.endpoint) {
        let there = first_leg(run, collected, anonymous, speaker, place, &url).await;
        if let (Some(stream), Some(speaker)) = (there, speaker) {
            let identity = &speaker.identity;
            if say(run, collected, identity, &stream, "opening", place).await {
                second_leg(run, collected, anonymous, identity, &stream, place).await;
            }
            close(run, &stream);
        }
    }
}

/// Opens the stream without a token, and with one unless there is clearly nothing.
async fn first_leg(
    run: &Run<'_>,
    collected: &mut Collected,
    anonymous: &Identity,
    speaker: Option<&Speaker>,
    place: &str,
    url: &str,
) -> Option<Session> {
    let (open, nothing) = open(run, collected, anonymous, place, url).await;
    if let Some(stream) = open {
        say(run, collected, anonymous, &stream, "opening", place).await;
        say(run, collected, anonymous, &stream, "list", place).await;
        close(run, &stream);
    }
    if nothing {
        return None;
    }
    self::open(run, collected, &speaker?.identity, place, url)
        .await
        .0
}

/// The same list on one stream, with the token and without.
async fn second_leg(
    run: &Run<'_>,
    collected: &mut Collected,
    anonymous: &Identity,
    owner: &Identity,
    stream: &Session,
    place: &str,
) {
    say(run, collected, owner, stream, "list", place).await;
    say(run, collected, anonymous, stream, "list-on-other", place).await;
}

/// GET the stream; the session when it opened, and whether there is clearly none.
async fn open(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
    place: &str,
    url: &str,
) -> (Option<Session>, bool) {
    let until = |bytes: &[u8]| sse::endpoint_event(bytes).is_some();
    let label = format!("session-{}", identity.name);
    let learn = move |answer: &RawAnswer<'_>| session::stream_secrets(answer, &label);
    let key = ProbeKey::new(ProbeId::LegacyStream)
        .about(place)
        .variant("stream");
    let mut outgoing = Outgoing::new(key, "GET", url);
    if identity.credential.is_some() {
        outgoing.tier = Tier::Authenticated;
    }
    outgoing.identity.clone_from(&identity.name);
    outgoing.headers = vec![("Accept".to_owned(), "text/event-stream".to_owned())];
    outgoing.credential.clone_from(&identity.credential);
    outgoing.until = Some(&until);
    outgoing.learn = Some(&learn);
    outgoing.deadline = Some(GLANCE);
    let opened = run.wire.open(outgoing).await;
    let path = opened.sent.learned.first().map(|it| it.secret.clone());
    let nothing = is_nothing(&opened.sent.exchange);
    file(collected, opened.sent);
    let next = path.and_then(|path| Url::parse(url).ok()?.join(path.expose_secret()).ok());
    // MCP 2024-11-05 §HTTP with SSE: the POST URL stays on the origin of the stream.
    let next = next.filter(|next| session::same_origin(url, next));
    match (next, opened.stream) {
        (Some(next), Some(stream)) => {
            let session = Session {
                transport: Transport::HttpSse,
                stream: Some(stream),
                ..Session::stateless(Revision::R2024_11, next.as_str())
            };
            (Some(session), nothing)
        }
        (None, Some(stream)) => {
            run.wire.close(stream);
            (None, nothing)
        }
        _ => (None, nothing),
    }
}

/// One question to the place that the stream named; whether it was taken.
async fn say(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
    stream: &Session,
    variant: &str,
    place: &str,
) -> bool {
    let operation = match variant {
        "opening" => Operation::Initialize,
        _ => Operation::ListTools { cursor: None },
    };
    let key = ProbeKey::new(ProbeId::LegacyStream)
        .about(place)
        .variant(variant);
    let mut form = Form::new(run, key, identity, stream, &operation);
    form.endless = true;
    let sent = form.send(run).await;
    let taken = sent.exchange.status().is_some_and(|status| status < 300);
    file(collected, sent);
    taken
}

fn close(run: &Run<'_>, stream: &Session) {
    if let Some(stream) = stream.stream {
        run.wire.close(stream);
    }
}

/// No such page, no such verb.
fn is_nothing(exchange: &Exchange) -> bool {
    matches!(exchange.status(), Some(404 | 405 | 410 | 501))
}

/// Where the stream may be: the endpoint itself, and its neighbour `sse`.
fn places(endpoint: &str) -> Vec<(&'static str, String)> {
    let mut found = vec![("endpoint", endpoint.to_owned())];
    if let Ok(url) = Url::parse(endpoint) {
        let mut beside = url.clone();
        if let Ok(mut segments) = beside.path_segments_mut() {
            segments.pop_if_empty().pop().push("sse");
        }
        beside.set_query(None);
        if beside != url {
            found.push(("sse", beside.into()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn the_stream_is_looked_for_at_the_endpoint_and_beside_it() {
        let urls = |endpoint: &str| -> Vec<String> {
            places(endpoint).into_iter().map(|(_, url)| url).collect()
        };
        assert_eq!(urls("https://h/mcp"), ["https://h/mcp", "https://h/sse"]);
        assert_eq!(
            urls("https://h/a/mcp/?x=1"),
            ["https://h/a/mcp/?x=1", "https://h/a/sse"]
        );
        assert_eq!(urls("https://h/"), ["https://h/", "https://h/sse"]);
        assert_eq!(urls("https://h/sse"), ["https://h/sse"]);
    }
}
