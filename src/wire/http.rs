//! The wire over real sockets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::address::Reach;
use super::answer::{Came, End, Limits, Raw, drain, read_body};
pub use super::client::BuildError;
use super::client::{Clients, resolve};
use super::compose::{Ready, blocked, fields, permit};
use super::failure::{Trouble, before_answer, seconds};
use super::guard::{Blocked, Bounds, Route, check_address, host_key};
pub use super::pace::Hosts;
use super::pace::{Advice, Pacer, Slot};
use super::proof::{ProofKey, proven};
use super::record::{Timing, conclude, put_away};
use super::redact::{Beside, Redactor, Source};
use super::stream::{EventStream, Streams};
use super::{ClientCertificate, Opened, Outgoing, Pending, Sent, StreamId, Wire};
use crate::model::body::BodyStore;
use crate::model::exchange::FailureKind;
use crate::model::probe::ProbeId;
use crate::model::settings::Network;

/// Sends requests over HTTP/1.1, exactly as given, each once.
pub struct HttpWire {
    clients: Clients,
    bounds: Bounds,
    pacer: Pacer,
    redactor: RwLock<Redactor>,
    bound: RwLock<HashMap<String, Arc<ProofKey>>>,
    certified: RwLock<HashMap<String, SecretString>>,
    network: Network,
    streams: Streams,
    bodies: Option<Arc<dyn BodyStore>>,
    sent: AtomicUsize,
    began: Instant,
    cancel: CancellationToken,
    alive: CancellationToken,
}

impl HttpWire {
    /// A wire for a run against one target.
    ///
    /// # Errors
    ///
    /// Settings that no client can be built from; the text names the flag and the remedy.
    pub fn new(
        target_url: &Url,
        network: &Network,
        cancel: CancellationToken,
    ) -> Result<Self, BuildError> {
        if !matches!(target_url.scheme(), "http" | "https") || host_key(target_url).is_empty() {
            return Err(BuildError::Target(target_url.to_string()));
        }
        if reqwest::header::HeaderValue::from_str(&network.user_agent).is_err() {
            return Err(BuildError::UserAgent(network.user_agent.clone()));
        }
        let bounds = Bounds::new(target_url, &network.allow_hosts)?;
        Ok(Self {
            clients: Clients::new(network, &bounds)?,
            bounds,
            pacer: Pacer::new(network.concurrency, network.rate),
            redactor: RwLock::default(),
            bound: RwLock::default(),
            certified: RwLock::default(),
            network: network.clone(),
            streams: Streams::new(network.max_body_bytes, network.max_read_bytes),
            bodies: None,
            sent: AtomicUsize::new(0),
            began: Instant::now(),
            cancel,
            alive: CancellationToken::new(),
        })
    }

    /// The same wire with a store that redacted bodies go to as they arrive.
    #[must_use]
    pub fn with_bodies(mut self, bodies: Option<Arc<dyn BodyStore>>) -> Self {
        self.bodies = bodies;
        self
    }

    /// The same wire, at one pace with every other wire towards the hosts they have in common.
    #[must_use]
    pub fn with_hosts(mut self, hosts: &Hosts) -> Self {
        self.pacer.share(hosts);
        self
    }

    /// The same wire, hiding what the other targets of the run are told as well.
    #[must_use]
    pub fn with_beside(mut self, beside: &Beside) -> Self {
        self.redactor = RwLock::new(Redactor::default().with_beside(beside.clone()));
        self
    }

    /// The bounds of the run, to explain beforehand what would be refused.
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    async fn exchange(&self, outgoing: &Outgoing<'_>, opening: bool) -> (Sent, Option<Live>) {
        self.know_credential(outgoing);
        let outgoing = &self.with_certificate(outgoing);
        let key = self.proof_key(outgoing);
        let (sent, live, again) = self.once(outgoing, opening, key.as_deref()).await;
        if !again {
            return (sent, live);
        }
        let mut before = sent.exchange;
        before.probe.id = ProbeId::ProofNonce;
        let (mut sent, live, _) = self.once(outgoing, opening, key.as_deref()).await;
        sent.before = Some(Box::new(before));
        (sent, live)
    }

    /// The same with the certificate that comes with its token, which is for the target alone.
    fn with_certificate<'a>(&self, outgoing: &Outgoing<'a>) -> Outgoing<'a> {
        let mut outgoing = outgoing.clone();
        let url = Url::parse(&outgoing.url).ok();
        let to_target = url.is_some_and(|url| self.bounds.is_target_origin(&url));
        if to_target && matches!(outgoing.certificate, ClientCertificate::OfToken) {
            let known = self.certified.read();
            let known = known.unwrap_or_else(PoisonError::into_inner);
            let token = outgoing.credential.as_ref();
            let own = token.and_then(|token| known.get(token.expose_secret()));
            if let Some(own) = own {
                outgoing.certificate = ClientCertificate::Shown(own.clone());
            }
        }
        outgoing
    }

    /// The key that proofs of a request are made with.
    fn proof_key(&self, outgoing: &Outgoing<'_>) -> Option<Arc<ProofKey>> {
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        let credential = outgoing.credential.as_ref();
        let of_token = credential.and_then(|token| bound.get(token.expose_secret()));
        of_token.or(outgoing.proof.as_ref()).cloned()
    }

    /// Sends a request; whether the answer asks for the same with a nonce.
    async fn once(
        &self,
        outgoing: &Outgoing<'_>,
        opening: bool,
        key: Option<&ProofKey>,
    ) -> (Sent, Option<Live>, bool) {
        let held = key.and_then(|key| key.held(&outgoing.url));
        let fields = proven(key, outgoing, fields(outgoing, &self.network.user_agent));
        let clock = OnceLock::new();
        let (url, came, live) = match self.permit(outgoing, &fields) {
            Err(trouble) => (None, Came::Trouble(trouble, None), None),
            Ok(ready) => {
                let talk = self.converse(outgoing, &ready, opening, &clock);
                let (came, live) = self.unless_cancelled(outgoing.cleanup, talk).await;
                (Some(ready.url), came, live)
            }
        };
        let again = match (&came, &url, key) {
            (Came::Answer(raw), Some(url), Some(key)) => key.learn(url, raw, held.as_deref()),
            _ => false,
        };
        let timing = self.timing(clock.get());
        let mut sent = conclude(
            &self.redactor,
            outgoing,
            url.as_ref(),
            &fields,
            came,
            timing,
        );
        if let Some(bodies) = &self.bodies {
            put_away(&mut sent.exchange, bodies);
        }
        (sent, live, again)
    }

    fn permit(
        &self,
        outgoing: &Outgoing<'_>,
        fields: &[(String, String)],
    ) -> Result<Ready, Trouble> {
        let redactor = self.redactor.read().unwrap_or_else(PoisonError::into_inner);
        permit(&self.bounds, &redactor, outgoing, fields)
    }

    async fn converse(
        &self,
        outgoing: &Outgoing<'_>,
        ready: &Ready,
        opening: bool,
        clock: &OnceLock<Instant>,
    ) -> (Came, Option<Live>) {
        let stream = match self.stream_of(outgoing) {
            Ok(stream) => stream,
            Err(trouble) => return (Came::Trouble(trouble, None), None),
        };
        let _turn = match &stream {
            Some(stream) => Some(stream.turn.lock().await),
            None => None,
        };
        let slot = self.admit(outgoing, ready).await;
        if let Err(trouble) = self.spend(outgoing.cleanup, stream.as_deref()) {
            return (Came::Trouble(trouble, None), None);
        }
        let now = Instant::now();
        clock.get_or_init(|| now);
        let limits = self.limits(outgoing, ready, now);
        if let Some(stream) = &stream {
            stream.begin();
        }
        let (came, live) = self.ask(outgoing, ready, &limits, opening).await;
        drop(slot);
        match &stream {
            None => (came, live),
            Some(stream) => (stream.reply(came, outgoing, &limits).await, None),
        }
    }

    /// Sends the request and reads the answer to it.
    async fn ask(
        &self,
        outgoing: &Outgoing<'_>,
        ready: &Ready,
        limits: &Limits<'_>,
        opening: bool,
    ) -> (Came, Option<Live>) {
        let mut response = match self.head(ready, limits).await {
            Ok(response) => response,
            Err(trouble) => return (Came::Trouble(trouble, None), None),
        };
        let mut raw = Raw::head(&response);
        let advice = Advice {
            status: raw.status,
            retry_after: raw.header("retry-after"),
            date: raw.header("date"),
        };
        self.pacer.note(&ready.host, ready.loopback, advice);
        if let Err(trouble) = raw.check_size(limits) {
            return (Came::Trouble(trouble, None), None);
        }
        let live = |response| Some(Live(response, ready.host.clone()));
        if opening && raw.is_success() && outgoing.until.is_none() {
            return (Came::Answer(raw), live(response));
        }
        // With `reply_on` the condition speaks of the stream, not of this body.
        let until = outgoing.until.filter(|_| outgoing.reply_on.is_none());
        let (body, end) = read_body(&mut response, until, limits).await;
        raw.body = body;
        match end {
            End::Complete => (Came::Answer(raw), None),
            End::Cut => {
                raw.truncated = true;
                (Came::Answer(raw), None)
            }
            End::Answered if opening && raw.is_success() => (Came::Answer(raw), live(response)),
            End::Answered => {
                drain(response, self.alive.clone());
                (Came::Answer(raw), None)
            }
            End::Broken(trouble) => {
                raw.truncated = true;
                (Came::Trouble(trouble, Some(raw)), None)
            }
        }
    }

    async fn head(&self, ready: &Ready, limits: &Limits<'_>) -> Result<reqwest::Response, Trouble> {
        let late = |_| {
            let waited = seconds(limits.wait);
            let text = format!(
                "no answer from `{}` within {waited}. `--timeout` gives it longer",
                ready.host
            );
            (FailureKind::Timeout, text)
        };
        let request = ready.request.try_clone().ok_or_else(|| {
            let text = "the request cannot be written as HTTP".to_owned();
            (FailureKind::Blocked, text)
        })?;
        let send = async {
            if self.network.proxy.is_some() && ready.route == Route::Filtered {
                self.check_behind_proxy(&ready.host).await?;
            }
            let sent = self
                .clients
                .execute(
                    ready.route,
                    ready.fresh,
                    ready.certificate.as_ref(),
                    request,
                )
                .await;
            let connect = self.network.connect_timeout;
            sent.map_err(|error| before_answer(error, &ready.host, connect))
        };
        let response = timeout_at(limits.deadline, send).await.map_err(late)??;
        if self.network.proxy.is_none()
            && let Some(address) = response.remote_addr()
        {
            if self.bounds.is_target_origin(&ready.url) {
                self.bounds.settle(Reach::of(address.ip()));
            }
            if ready.route == Route::Filtered {
                check_address(&self.bounds, &ready.host, address.ip()).map_err(blocked)?;
            }
        }
        Ok(response)
    }

    /// A proxy resolves names itself; what this machine can resolve is checked all the same.
    async fn check_behind_proxy(&self, host: &str) -> Result<(), Trouble> {
        match resolve(host, Some(&self.bounds)).await {
            Err(error) => match error.downcast::<Blocked>() {
                Ok(refusal) => Err(blocked(*refusal)),
                Err(_) => Ok(()),
            },
            Ok(_) => Ok(()),
        }
    }

    async fn admit(&self, outgoing: &Outgoing<'_>, ready: &Ready) -> Option<Slot> {
        let slot = self.pacer.admit(&ready.host, ready.loopback);
        if outgoing.cleanup {
            // Cleaning up must not wait for long behind what no longer matters.
            return timeout(CLEANUP_WAIT, slot).await.ok();
        }
        Some(slot.await)
    }

    fn stream_of(&self, outgoing: &Outgoing<'_>) -> Result<Option<Arc<EventStream>>, Trouble> {
        let Some(id) = outgoing.reply_on else {
            return Ok(None);
        };
        self.streams.find(id).map(Some).ok_or_else(|| {
            let text = "the event stream for the answer is not open; nothing was sent".to_owned();
            (FailureKind::Reset, text)
        })
    }

    /// Counts a request that is about to go out.
    fn spend(&self, cleanup: bool, stream: Option<&EventStream>) -> Result<(), Trouble> {
        if let Some(reason) = stream.and_then(EventStream::ended) {
            return Err((FailureKind::Reset, format!("{reason}; nothing was sent")));
        }
        let most = self.network.max_requests;
        let counted = self
            .sent
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sent| {
                (cleanup || sent < most).then_some(sent + 1)
            });
        counted.map(|_| ()).map_err(|_| {
            let text = format!(
                "the budget of {most} requests is used up; nothing was sent. Raise \
                 `--max-requests` to go on"
            );
            (FailureKind::Budget, text)
        })
    }

    fn limits<'a>(&self, outgoing: &Outgoing<'_>, ready: &'a Ready, now: Instant) -> Limits<'a> {
        let wait = outgoing.deadline.unwrap_or(self.network.timeout);
        let wait = if outgoing.cleanup {
            wait.min(CLEANUP_DEADLINE)
        } else {
            wait
        };
        Limits {
            host: &ready.host,
            header_bytes: self.network.max_header_bytes,
            keep: self.network.max_body_bytes,
            read: self.network.max_read_bytes,
            wait,
            deadline: now + wait,
        }
    }

    async fn unless_cancelled(
        &self,
        cleanup: bool,
        talk: impl Future<Output = (Came, Option<Live>)>,
    ) -> (Came, Option<Live>) {
        if cleanup {
            return talk.await;
        }
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => {
                let text = "the run was cancelled before the answer was complete".to_owned();
                (Came::Trouble((FailureKind::Cancelled, text), None), None)
            }
            came = talk => came,
        }
    }

    /// A credential that nobody registered must not come back in an answer unnoticed.
    fn know_credential(&self, outgoing: &Outgoing<'_>) {
        if let Some(credential) = &outgoing.credential {
            let label = format!("token-{}", outgoing.identity);
            self.know(&label, credential);
        }
    }

    fn timing(&self, sent_at: Option<&Instant>) -> Timing {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let began = *sent_at.unwrap_or(&Instant::now());
        Timing {
            started_ms: millis(began.duration_since(self.began)),
            elapsed_ms: millis(began.elapsed()),
        }
    }
}

impl Wire for HttpWire {
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> Pending<'a, Sent> {
        Box::pin(async move { self.exchange(&outgoing, false).await.0 })
    }

    fn open<'a>(&'a self, outgoing: Outgoing<'a>) -> Pending<'a, Opened> {
        Box::pin(async move {
            let (sent, live) = self.exchange(&outgoing, true).await;
            let stream = live.map(|Live(response, host)| self.streams.adopt(response, host));
            Opened { sent, stream }
        })
    }

    fn close(&self, stream: StreamId) {
        self.streams.close(stream);
    }

    fn know(&self, label: &str, secret: &SecretString) {
        {
            let redactor = self.redactor.read().unwrap_or_else(PoisonError::into_inner);
            if redactor.source_of(secret).is_some() {
                return;
            }
        }
        let mut redactor = self
            .redactor
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        redactor.know(label, secret, Source::Run);
    }

    fn bind(&self, token: &SecretString, key: &Arc<ProofKey>) {
        let mut bound = self.bound.write().unwrap_or_else(PoisonError::into_inner);
        bound.insert(token.expose_secret().to_owned(), Arc::clone(key));
    }

    fn certify(&self, token: &SecretString, certificate: &SecretString) {
        let certified = self.certified.write();
        let mut certified = certified.unwrap_or_else(PoisonError::into_inner);
        certified.insert(token.expose_secret().to_owned(), certificate.clone());
    }

    fn alike(&self, copy: &SecretString, model: &SecretString) {
        follow(&self.bound, copy, model);
        follow(&self.certified, copy, model);
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
}

fn follow<T: Clone>(known: &RwLock<HashMap<String, T>>, copy: &SecretString, model: &SecretString) {
    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(own) = known.get(model.expose_secret()).cloned() {
        known.insert(copy.expose_secret().to_owned(), own);
    }
}

impl Drop for HttpWire {
    fn drop(&mut self) {
        self.alive.cancel();
    }
}

/// An answer that goes on, and the host it comes from.
struct Live(reqwest::Response, String);

const CLEANUP_DEADLINE: Duration = Duration::from_secs(5);
const CLEANUP_WAIT: Duration = Duration::from_secs(1);
