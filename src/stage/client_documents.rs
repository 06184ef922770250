//! Client ID metadata documents: the run names its own, watches who fetches them, and compares how
//! the authorization endpoint receives them. No login, no code, no token.

mod offers;

use url::Url;

use super::register::usable;
use super::{Run, file, mint, together};
use crate::model::audit::{Collected, ResidueItem};
use crate::model::client_documents::{
    ClientDocuments, DocumentAttempt, DocumentVariant, Reception,
};
use crate::model::discovery::AuthorizationServer;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::oracle::client_documents::{self as oracle, AdmissionInput, Answer};
use crate::wire::address::Reach;
use crate::wire::documents::DocumentHost;
use crate::wire::guard::literal_reach;
use crate::wire::{Destination, Outgoing, Pending, Sent};
use offers::{Maker, Offer};

/// Offers documents to every authorization server that says it takes them.
pub async fn observe(run: &Run<'_>, collected: &mut Collected) {
    for server in collected.discovery.authorization_servers.clone() {
        let observed = offer(run, collected, &server).await;
        collected.client_documents.push(observed);
    }
}

/// Where documents can be offered to one authorization server.
struct Stand<'a> {
    host: &'a DocumentHost,
    endpoint: Url,
    base: Url,
}

async fn offer(
    run: &Run<'_>,
    collected: &mut Collected,
    server: &AuthorizationServer,
) -> ClientDocuments {
    let metadata = server.chosen();
    let advertised =
        metadata.is_some_and(|it| it.flag("client_id_metadata_document_supported") == Some(true));
    let named_by = metadata.map_or(server.named_by, |it| it.exchange);
    let endpoint = metadata.and_then(|it| it.text("authorization_endpoint"));
    let may_register = run.settings.allows(Tier::Register);
    let stand = stand(run, endpoint);
    let mut obstacle = stand.as_ref().err().copied();
    let mut attempts = Vec::new();
    let mut base = None;
    if let Ok(stand) = &stand
        && advertised
        && may_register
    {
        base = Some(stand.base.to_string());
        let mut visit = Visit::new(run, collected, server, stand, named_by);
        visit.pay().await;
        let unconfirmed = visit.unconfirmed;
        attempts = visit.attempts;
        leave(collected, server, &attempts);
        if unconfirmed {
            obstacle = Some((
                "documents are offered to hosts that the operator confirmed, and to no other",
                Some("--allow-host"),
            ));
        }
    }
    let verdict = oracle::admission(&AdmissionInput {
        advertised,
        may_register,
        obstacle,
        plaintext: stand.as_ref().is_ok_and(|it| it.base.scheme() == "http"),
        attempts: &attempts,
    });
    ClientDocuments {
        issuer: server.issuer.clone(),
        admission: verdict.admission,
        confidence: verdict.confidence,
        reason: verdict.reason,
        decided_by: verdict.decided_by,
        base,
        attempts,
        exchanges: verdict.exchanges,
    }
}

fn stand<'a>(
    run: &Run<'a>,
    endpoint: Option<&str>,
) -> Result<Stand<'a>, (&'static str, Option<&'static str>)> {
    let endpoint = endpoint.and_then(|text| Url::parse(text).ok());
    let endpoint = endpoint.ok_or(("the metadata names no authorization endpoint", None))?;
    let host = run
        .documents
        .ok_or(("this run serves no documents", Some("--callback-listen")))?;
    let base = base_for(host, &endpoint).ok_or((
        "the authorization server is not on this machine and cannot fetch documents from it",
        Some("--callback-base"),
    ))?;
    Ok(Stand {
        host,
        endpoint,
        base,
    })
}

/// The address under which somebody who lives at `reader` can fetch documents of this run.
pub(super) fn base_for(host: &DocumentHost, reader: &Url) -> Option<Url> {
    match host.base() {
        Some(base) => Some(base.clone()),
        None if literal_reach(reader) == Some(Reach::Loopback) => {
            Url::parse(&format!("http://{}", host.address())).ok()
        }
        None => None,
    }
}

/// The requests to one authorization server.
struct Visit<'r, 'a, 'c> {
    run: &'r Run<'a>,
    collected: &'c mut Collected,
    stand: &'r Stand<'a>,
    issuer: String,
    named_by: ExchangeId,
    maker: Maker,
    attempts: Vec<DocumentAttempt>,
    /// Whether the egress rule kept the requests back.
    unconfirmed: bool,
}

/// An answer with the moment it came.
struct Answered {
    offer: Offer,
    exchange: Exchange,
    at_ms: u64,
}

impl<'r, 'a, 'c> Visit<'r, 'a, 'c> {
    fn new(
        run: &'r Run<'a>,
        collected: &'c mut Collected,
        server: &AuthorizationServer,
        stand: &'r Stand<'a>,
        named_by: ExchangeId,
    ) -> Self {
        let nth = collected.client_documents.len();
        Self {
            run,
            collected,
            stand,
            issuer: server.issuer.clone(),
            named_by,
            maker: Maker::new(&stand.base, &run.settings.run_id, nth, |purpose| {
                run.entropy.word(purpose, 20)
            }),
            attempts: Vec::new(),
            unconfirmed: false,
        }
    }

    /// Both controls, then everything that can be compared with them.
    async fn pay(&mut self) {
        (self.run.progress)("documents", 0);
        let controls = self
            .ask(&[DocumentVariant::UnknownClient, DocumentVariant::Good])
            .await;
        let [unknown, good] = controls.as_slice() else {
            return;
        };
        let failure = good.exchange.failure();
        self.unconfirmed = failure.is_some_and(|failure| failure.kind.is_refusal());
        let marker = self.maker.marker().to_owned();
        let (reception, what) = oracle::control(good.read(&marker), unknown.read(&marker));
        let (dismissed, answer) = dismissal(&unknown.exchange);
        self.note(unknown, dismissed, answer);
        self.note(good, reception, what);
        let fetched = !self.stand.host.fetches(&good.offer.path).is_empty();
        let more: Vec<DocumentVariant> = match reception {
            Reception::GoesOn => DocumentVariant::ALL
                .iter()
                .copied()
                .filter(|it| offers::is_comparable(*it, &self.stand.base))
                .filter(|it| fetched || offers::is_about_the_url(*it))
                .collect(),
            Reception::Refused if self.stand.base.scheme() == "http" => {
                vec![DocumentVariant::HttpsKnock]
            }
            Reception::Refused | Reception::Unclear => Vec::new(),
        };
        for answered in self.ask(&more).await {
            let (reception, what) = oracle::compared(
                answered.read(&marker),
                good.read(&marker),
                unknown.read(&marker),
            );
            self.note(&answered, reception, what);
        }
    }

    async fn ask(&mut self, variants: &[DocumentVariant]) -> Vec<Answered> {
        let offers: Vec<Offer> = variants
            .iter()
            .filter_map(|variant| self.maker.offer(*variant))
            .collect();
        let mut pending: Vec<Pending<'_, (Sent, u64)>> = Vec::new();
        for offer in &offers {
            for (path, served) in &offer.shelf {
                self.stand.host.put(path, served.clone());
            }
            let asked = self.run.wire.send(self.request(offer));
            let host = self.stand.host;
            pending.push(Box::pin(async move { (asked.await, host.now_ms()) }));
        }
        let answers = together(pending).await;
        let mut answered = Vec::new();
        for (offer, (sent, at_ms)) in offers.into_iter().zip(answers) {
            let mut exchange = sent.exchange.clone();
            exchange.id = file(self.collected, sent);
            answered.push(Answered {
                offer,
                exchange,
                at_ms,
            });
        }
        answered
    }

    fn request(&self, offer: &Offer) -> Outgoing<'static> {
        let resource = mint::resource(&self.collected.discovery);
        let url = usable::authorization_url(
            self.run,
            &self.stand.endpoint,
            &offer.client_id,
            &offer.redirect,
            &resource,
        );
        let key = ProbeKey::new(ProbeId::AuthorizeDocument)
            .about(self.issuer.clone())
            .variant(offer.variant.as_str());
        let mut outgoing = Outgoing::new(key, "GET", url);
        outgoing.destination = Destination::Discovered;
        outgoing.caused_by = Some(self.named_by);
        // It makes the server fetch and remember: the host must be one the operator named or confirmed.
        outgoing.carries_secret = true;
        outgoing
    }

    fn note(&mut self, answered: &Answered, reception: Reception, what: String) {
        let offer = &answered.offer;
        let host = self.stand.host;
        let mut fetches = if offer.path.is_empty() {
            Vec::new()
        } else {
            host.fetches(&offer.path)
        };
        if offer.variant == DocumentVariant::HttpsKnock {
            fetches = host.handshakes();
        }
        self.attempts.push(DocumentAttempt {
            variant: offer.variant,
            client_id: offer.client_id.clone(),
            reception,
            what,
            fetches,
            followed: offer
                .leads_to
                .as_deref()
                .map_or_else(Vec::new, |path| host.fetches(path)),
            answered_ms: answered.at_ms,
            exchange: answered.exchange.id,
        });
    }
}

impl Answered {
    fn read<'x>(&'x self, marker: &'x str) -> Answer<'x> {
        Answer {
            exchange: &self.exchange,
            redirect: &self.offer.redirect,
            marker,
        }
    }
}

fn dismissal(exchange: &Exchange) -> (Reception, String) {
    match exchange.status() {
        Some(status @ (429 | 503)) => (Reception::Unclear, format!("HTTP {status}")),
        Some(status @ 400..) => (Reception::Refused, format!("refused with HTTP {status}")),
        Some(status) => (Reception::Unclear, format!("HTTP {status}")),
        None => (Reception::Unclear, "no answer".to_owned()),
    }
}

/// Nothing can be deleted: what was fetched may be remembered until its cache time is over.
fn leave(collected: &mut Collected, server: &AuthorizationServer, attempts: &[DocumentAttempt]) {
    let read = attempts
        .iter()
        .find(|it| it.variant == DocumentVariant::Good && !it.fetches.is_empty());
    let Some(attempt) = read else { return };
    collected.residue.push(ResidueItem {
        kind: "document".to_owned(),
        name: attempt.client_id.clone(),
        location: server.issuer.clone(),
        reason: "the authorization server fetched client ID metadata documents of this run and \
                 may have cached them"
            .to_owned(),
        undo: "none needed: nobody answers at that address any more, and the cache expires"
            .to_owned(),
        exchange: Some(attempt.exchange),
    });
}
