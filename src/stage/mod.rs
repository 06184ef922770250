//! The collecting stages: they talk through [`Wire`] and form no opinion.

pub mod beside;
pub mod bypass;
pub mod calls;
pub(crate) mod canary;
pub mod certificates;
pub mod client;
pub mod client_documents;
mod clock;
pub mod close;
mod demand;
pub mod detect;
pub mod discover;
pub mod doors;
pub mod enrol;
pub mod enumerate;
pub mod eras;
pub mod every_door;
pub mod forge;
mod front;
pub mod hardening;
pub mod ladder;
pub mod login;
pub mod metadata;
pub mod mint;
mod obtain;
pub mod plan;
pub mod proofs;
pub mod register;
pub mod reply;
pub mod revoked;
pub mod rpc;
pub mod schemes;
pub mod session;
pub mod stranger;
#[cfg(test)]
pub(crate) mod testing;
pub mod token_endpoint;
pub mod transport;
pub mod wrong_tokens;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::StreamExt;

use crate::model::audit::Collected;
use crate::model::exchange::ExchangeId;
use crate::model::hex::hex;
use crate::model::settings::{IdentitySource, Settings};
use crate::wire::documents::DocumentHost;
use crate::wire::{Pending, ProofKey, Sent, Wire};

pub use login::person::{Person, Visit};

/// What every stage needs: the wire, the settings, and the random bytes of this run.
pub struct Run<'a> {
    /// Where requests go.
    pub wire: &'a dyn Wire,
    /// What the operator allows.
    pub settings: &'a Settings,
    /// Random bytes for names that cannot exist and tokens nobody issued.
    pub entropy: Entropy,
    /// Told which stage runs and how many requests it will send.
    pub progress: &'a (dyn Fn(&str, usize) + Send + Sync),
    /// Told how many requests the whole run will send at most, each time more is known.
    pub forecast: Option<&'a (dyn Fn(usize) + Send + Sync)>,
    /// The person who signs in, when there is one to ask.
    pub person: Option<Person<'a>>,
    /// Serves documents of this run, with consent to register.
    pub documents: Option<&'a DocumentHost>,
    proof_key: OnceLock<Option<Arc<ProofKey>>>,
    signed_in: OnceLock<login::SignedIn>,
    next_id: AtomicU64,
}

impl<'a> Run<'a> {
    /// A run over a wire.
    pub fn new(
        wire: &'a dyn Wire,
        settings: &'a Settings,
        entropy: Entropy,
        progress: &'a (dyn Fn(&str, usize) + Send + Sync),
    ) -> Self {
        Self {
            wire,
            settings,
            entropy,
            progress,
            forecast: None,
            person: None,
            documents: None,
            proof_key: OnceLock::new(),
            signed_in: OnceLock::new(),
            next_id: AtomicU64::new(1),
        }
    }

    /// The same run with a person who can be asked to sign in.
    #[must_use]
    pub fn with_person(mut self, person: Person<'a>) -> Self {
        self.person = Some(person);
        self
    }

    /// The same run with somebody who wants to know how much is to come.
    #[must_use]
    pub const fn with_forecast(mut self, told: &'a (dyn Fn(usize) + Send + Sync)) -> Self {
        self.forecast = Some(told);
        self
    }

    /// The same run with a server of documents.
    #[must_use]
    pub const fn with_documents(mut self, documents: Option<&'a DocumentHost>) -> Self {
        self.documents = documents;
        self
    }

    /// The key that bound tokens of this run are bound to; `now` dates its first proof.
    pub(crate) fn proof_key(&self, now: i64) -> Option<Arc<ProofKey>> {
        let made = || ProofKey::generate(now).map(Arc::new);
        self.proof_key.get_or_init(made).clone()
    }

    /// The identity that tokens are obtained for or from: the operator's, or that of `--login` once
    /// somebody has signed in.
    pub(crate) fn source(&self, name: &str) -> Option<&IdentitySource> {
        let login = self.signed_in.get().map(|login| &login.source);
        let mut sources = self.settings.identities.iter().chain(login);
        sources.find(|source| source.name == name)
    }

    /// Whether an identity is the one of `--login`.
    pub(crate) fn is_login(&self, name: &str) -> bool {
        let login = self.signed_in.get();
        login.is_some_and(|login| login.source.name == name)
    }

    /// The next JSON-RPC request id; allotted in plan order, so that runs compare.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

/// The random bytes of one run; expanded deterministically, so that a fixed seed repeats a run.
#[derive(Clone, Debug)]
pub struct Entropy {
    seed: [u8; 32],
}

impl Entropy {
    /// From a seed.
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// Thirty-two bytes for one purpose; equal purposes give equal bytes.
    pub fn bytes(&self, purpose: &str) -> [u8; 32] {
        use sha2::Digest;
        let mut hash = sha2::Sha256::new();
        hash.update(self.seed);
        hash.update(purpose.as_bytes());
        hash.finalize().into()
    }

    /// The name of the run: eight hexadecimal digits.
    pub fn run_id(&self) -> String {
        let [first, second, third, fourth, ..] = self.seed;
        hex(&[first, second, third, fourth])
    }

    /// Lower-case letters and digits for one purpose.
    pub fn word(&self, purpose: &str, length: usize) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        self.bytes(purpose)
            .iter()
            .take(length)
            .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
            .map(|byte| char::from(*byte))
            .collect()
    }
}

/// Sends what does not depend on each other at once and returns the outcomes in plan order; how
/// many are really in flight is the wire's business.
pub(crate) async fn together<T: Send>(asks: Vec<Pending<'_, T>>) -> Vec<T> {
    futures_util::stream::iter(asks)
        .buffered(WINDOW)
        .collect()
        .await
}

/// Files an outcome and returns its id.
pub(crate) fn file(collected: &mut Collected, sent: Sent) -> ExchangeId {
    let mut exchange = sent.exchange;
    if let Some(before) = sent.before {
        exchange.caused_by = Some(collected.ledger.file(*before));
    }
    collected.ledger.file(exchange)
}

/// Futures polled at once; bounds memory, not the requests in flight.
const WINDOW: usize = 64;
