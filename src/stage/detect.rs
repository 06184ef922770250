//! Which revisions the target serves, seen with one identity.

use serde_json::Value;
use url::Url;

use super::rpc::{self, Ask};
use super::session::{self, Session};
use super::{Run, close, demand, file, reply, together};
use crate::codec::uri;
use crate::mcp::Operation;
use crate::mcp::decode;
use crate::mcp::era::Era;
use crate::model::audit::Collected;
use crate::model::discovery::{AnonymousAccess, ServedRevision, Sourced, TokenDemand};
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::{Revision, Transport};
use crate::wire::{Pending, Sent};

/// What one look at the endpoint showed.
#[derive(Default)]
pub(crate) struct Sighting {
    /// Revisions seen.
    pub(crate) served: Vec<ServedRevision>,
    /// Refused for want of a credential.
    pub(crate) refused: bool,
    /// A protocol result came back.
    pub(crate) answered: bool,
    /// A redirect to follow by hand: same origin only.
    pub(crate) moved_to: Option<(String, ExchangeId)>,
    /// The exchanges, filed.
    pub(crate) exchanges: Vec<ExchangeId>,
    /// What each form of the protocol was answered.
    pub(crate) forms: Vec<TokenDemand>,
}

/// Asks in the modern and in the legacy form at once, then by event stream when both fail.
pub(crate) async fn look(
    run: &Run<'_>,
    identity: &Identity,
    collected: &mut Collected,
) -> Sighting {
    let endpoint = collected.discovery.endpoint.clone();
    let modern = Session::stateless(Revision::R2026_07, &endpoint);
    let legacy = Session::stateless(Revision::R2025_11, &endpoint);
    let (first, second) = (run.next_id(), run.next_id());
    let mut answers = together(vec![
        Box::pin(rpc::send(
            run,
            Ask::new(
                ProbeKey::new(ProbeId::DetectModern),
                identity,
                &modern,
                Operation::Discover,
            ),
            first,
        )) as Pending<'_, Sent>,
        Box::pin(rpc::send(
            run,
            Ask::new(
                ProbeKey::new(ProbeId::DetectLegacy),
                identity,
                &legacy,
                Operation::Initialize,
            ),
            second,
        )),
    ])
    .await
    .into_iter();
    let mut sighting = Sighting::default();
    let Some(modern_answer) = answers.next() else {
        return sighting;
    };
    read_modern(&modern_answer.exchange, collected, &mut sighting);
    if let Some(legacy_answer) = answers.next() {
        let session = Session {
            id: legacy_answer
                .learned
                .first()
                .map(|learned| learned.secret.clone()),
            ..legacy
        };
        let id = file(collected, legacy_answer);
        read_legacy(id, collected, &mut sighting);
        close::one(run, collected, identity, &session).await;
    }
    if sighting.served.is_empty() && !sighting.refused && sighting.moved_to.is_none() {
        look_for_stream(run, identity, collected, &mut sighting).await;
    }
    sighting
}

/// Asks for the older legacy revisions; a server that supports one echoes it.
pub(crate) async fn enumerate(run: &Run<'_>, identity: &Identity, collected: &mut Collected) {
    let speaks_legacy = |served: &ServedRevision| {
        !served.revision.is_modern() && served.transport == Transport::StreamableHttp
    };
    if !collected.discovery.revisions.iter().any(speaks_legacy) {
        return;
    }
    let endpoint = collected.discovery.endpoint.clone();
    let unknown = |revision: &Revision| {
        let mut known = collected.discovery.revisions.iter();
        !known.any(|served| served.revision == *revision)
    };
    let older = [Revision::R2025_06, Revision::R2025_03].into_iter();
    let mut sessions: Vec<Session> = older
        .filter(unknown)
        .map(|revision| Session::stateless(revision, &endpoint))
        .collect();
    let asks = sessions.iter().map(|session| {
        let revision = session.revision;
        let key = ProbeKey::new(ProbeId::DetectLegacy).variant(revision.as_str());
        let mut ask = Ask::new(key, identity, session, Operation::Initialize);
        ask.opens = Some(format!("{}-{revision}", identity.name));
        let id = run.next_id();
        Box::pin(rpc::send(run, ask, id)) as Pending<'_, Sent>
    });
    let answers = together(asks.collect()).await;
    for (session, sent) in sessions.iter_mut().zip(answers) {
        session.id = sent.learned.first().map(|learned| learned.secret.clone());
        let version = reply::result(&sent.exchange).and_then(|result| negotiated(&result));
        let exchange = file(collected, sent);
        if version == Some(session.revision) {
            let served = streamable(session.revision, exchange);
            add(&mut collected.discovery.revisions, served);
        }
    }
    let owners = sessions.iter().map(|session| (identity, session));
    close::all(run, collected, owners).await;
}

/// Adds what was seen to the discovery. The audited revision is the one asked for, else the newest
/// that asks for a token where the revisions differ in that, else the newest.
pub(crate) fn settle(run: &Run<'_>, collected: &mut Collected, sighting: Sighting) {
    let discovery = &mut collected.discovery;
    for served in sighting.served {
        add(&mut discovery.revisions, served);
    }
    let guarded =
        |served: &&ServedRevision| demand::is_guarded(&discovery.demands, served.revision);
    let candidates = || discovery.revisions.iter();
    discovery.audited = match run.settings.revision {
        Some(revision) => candidates()
            .find(|served| served.revision == revision)
            .cloned(),
        None => candidates()
            .find(guarded)
            .or_else(|| candidates().next())
            .cloned(),
    };
    demand::note(discovery);
}

/// The redirect target, when it stays on the origin of the endpoint.
pub(crate) fn same_origin_redirect(endpoint: &str, exchange: &Exchange) -> Option<String> {
    let response = exchange.response()?;
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let base = Url::parse(endpoint).ok()?;
    let next = base.join(response.header("location")?).ok()?;
    (uri::same_origin(&base, &next) && next != base).then(|| next.into())
}

fn add(revisions: &mut Vec<ServedRevision>, served: ServedRevision) {
    if !revisions
        .iter()
        .any(|known| known.revision == served.revision)
    {
        revisions.push(served);
        revisions.sort_by_key(|served| std::cmp::Reverse(served.revision));
    }
}

fn read_modern(exchange: &Exchange, collected: &mut Collected, sighting: &mut Sighting) {
    let endpoint = collected.discovery.endpoint.clone();
    let id = collected.ledger.file(exchange.clone());
    sighting.exchanges.push(id);
    note_refusal(exchange, sighting);
    sighting
        .forms
        .extend(demand::of(Revision::R2026_07, exchange, id));
    if let Some(next) = same_origin_redirect(&endpoint, exchange) {
        sighting.moved_to = Some((next, id));
    }
    let is_modern = match reply::era(exchange) {
        Era::Modern { supported } => {
            let named = |text: &String| text.parse::<Revision>().is_ok_and(Revision::is_modern);
            supported.is_empty() || supported.iter().any(named)
        }
        Era::ModernShape => true,
        Era::Legacy | Era::Unknown => false,
    };
    if is_modern {
        add(&mut sighting.served, streamable(Revision::R2026_07, id));
    }
    if let Some(result) = reply::result(exchange) {
        describe(collected, &result, id);
    }
}

fn read_legacy(id: ExchangeId, collected: &mut Collected, sighting: &mut Sighting) {
    let endpoint = collected.discovery.endpoint.clone();
    let Some(exchange) = collected.ledger.exchange(id).cloned() else {
        return;
    };
    sighting.exchanges.push(id);
    note_refusal(&exchange, sighting);
    let settled = reply::result(&exchange).and_then(|result| negotiated(&result));
    let revision = settled.unwrap_or(Revision::R2025_11);
    sighting.forms.extend(demand::of(revision, &exchange, id));
    if sighting.moved_to.is_none()
        && let Some(next) = same_origin_redirect(&endpoint, &exchange)
    {
        sighting.moved_to = Some((next, id));
    }
    if let Some(result) = reply::result(&exchange) {
        if let Some(revision) = negotiated(&result) {
            add(&mut sighting.served, streamable(revision, id));
        }
        describe(collected, &result, id);
    }
}

async fn look_for_stream(
    run: &Run<'_>,
    identity: &Identity,
    collected: &mut Collected,
    sighting: &mut Sighting,
) {
    let endpoint = collected.discovery.endpoint.clone();
    let served = ServedRevision {
        revision: Revision::R2024_11,
        transport: Transport::HttpSse,
        exchange: ExchangeId(0),
    };
    let opened = session::open(run, identity, &served, &endpoint, "detect").await;
    let mut last = None;
    for mut sent in opened.sent {
        sent.exchange.probe.id = ProbeId::DetectSse;
        note_refusal(&sent.exchange, sighting);
        let id = file(collected, sent);
        sighting.exchanges.push(id);
        last = last.or(Some(id));
    }
    if let Some(stream) = opened.session.stream {
        run.wire.close(stream);
    }
    if let (Some(result), Some(exchange)) = (opened.result, last) {
        add(&mut sighting.served, ServedRevision { exchange, ..served });
        describe(collected, &result, exchange);
    }
}

fn note_refusal(exchange: &Exchange, sighting: &mut Sighting) {
    sighting.refused |= reply::is_gate(exchange);
    sighting.answered |= reply::result(exchange).is_some();
}

fn describe(collected: &mut Collected, result: &Value, exchange: ExchangeId) {
    let discovery = &mut collected.discovery;
    if discovery.server_info.is_none()
        && let Some(info) = decode::server_info(result)
    {
        discovery.server_info = Some(Sourced {
            value: info.clone(),
            exchange,
        });
    }
    if discovery.capabilities.is_none()
        && let Some(capabilities) = decode::capabilities(result)
    {
        discovery.capabilities = Some(Sourced {
            value: capabilities.clone(),
            exchange,
        });
    }
}

/// Sets the anonymous access from what the look without a token showed.
pub(crate) fn anonymous_access(sighting: &Sighting) -> AnonymousAccess {
    match (sighting.answered, sighting.refused) {
        (true, _) => AnonymousAccess::Served,
        (false, true) => AnonymousAccess::Refused,
        (false, false) => AnonymousAccess::Unknown,
    }
}

fn negotiated(result: &Value) -> Option<Revision> {
    decode::negotiated_version(result)?.parse().ok()
}

const fn streamable(revision: Revision, exchange: ExchangeId) -> ServedRevision {
    ServedRevision {
        revision,
        transport: Transport::StreamableHttp,
        exchange,
    }
}
