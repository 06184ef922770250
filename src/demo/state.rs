//! What both servers share while they run: the behaviour, the counters and the stores.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::authority::{Clients, Named};
use super::behaviour::{Behaviour, Party};
use super::resource::{Notes, Replays, Sessions, Started};
use super::tls::ClientCertificate;
use super::tokens::{Claims, Keys};

/// Everything the handlers of both servers can see.
pub(crate) struct Shared {
    pub(crate) behaviour: Behaviour,
    pub(crate) mcp_origin: String,
    pub(crate) mcp_url: String,
    pub(crate) issuer: String,
    pub(crate) initial_access_token: String,
    pub(crate) keys: Keys,
    /// What the tokens of clients are bound to, where the MCP server looks at certificates.
    pub(crate) certificate: Option<ClientCertificate>,
    pub(crate) ids: Ids,
    pub(crate) opaque_tokens: Mutex<HashMap<String, Claims>>,
    pub(crate) revoked: Mutex<HashSet<String>>,
    pub(crate) token_uses: Mutex<HashMap<String, usize>>,
    pub(crate) clients: Mutex<Clients>,
    pub(crate) documents: Mutex<HashMap<String, Named>>,
    pub(crate) forwards: Mutex<HashMap<String, SocketAddr>>,
    pub(crate) fetched_keys: Mutex<HashMap<String, Vec<u8>>>,
    pub(crate) sessions: Mutex<Sessions>,
    pub(crate) notes: Mutex<Notes>,
    pub(crate) replays: Mutex<Replays>,
    pub(crate) tasks: Mutex<Started>,
    pub(crate) stop: CancellationToken,
    requests: AtomicUsize,
    certified: [AtomicUsize; 2],
    credentials: Mutex<BTreeSet<String>>,
    list_requests: AtomicUsize,
    executed: Mutex<BTreeMap<String, usize>>,
    calls: Mutex<HashMap<String, usize>>,
    locked_out: AtomicBool,
    connections: Mutex<HashMap<SocketAddr, usize>>,
    lapses: Mutex<HashMap<(String, String), bool>>,
    kept: Mutex<HashMap<String, serde_json::Value>>,
}

impl Shared {
    pub(crate) fn new(
        behaviour: Behaviour,
        mcp_origin: String,
        issuer_origin: &str,
    ) -> io::Result<Self> {
        let ids = Ids::new()?;
        let sees = behaviour.token_endpoint.binding.sees_certificates();
        let certificate = sees.then(ClientCertificate::generate).transpose()?;
        Ok(Self {
            mcp_url: format!("{mcp_origin}{MCP_PATH}"),
            issuer: format!("{issuer_origin}{}", behaviour.authorization.issuer_path),
            initial_access_token: ids.next("iat"),
            keys: Keys::load().map_err(io::Error::other)?,
            certificate,
            opaque_tokens: Mutex::default(),
            revoked: Mutex::default(),
            token_uses: Mutex::default(),
            clients: Mutex::new(Clients::preregistered(&behaviour)),
            documents: Mutex::default(),
            forwards: Mutex::default(),
            fetched_keys: Mutex::default(),
            sessions: Mutex::default(),
            notes: Mutex::default(),
            replays: Mutex::default(),
            tasks: Mutex::default(),
            stop: CancellationToken::new(),
            requests: AtomicUsize::new(0),
            certified: <[AtomicUsize; 2]>::default(),
            credentials: Mutex::default(),
            list_requests: AtomicUsize::new(0),
            executed: Mutex::default(),
            calls: Mutex::default(),
            locked_out: AtomicBool::new(false),
            connections: Mutex::default(),
            lapses: Mutex::default(),
            kept: Mutex::default(),
            behaviour,
            mcp_origin,
            ids,
        })
    }

    /// The answer that was kept under a key.
    pub(crate) fn kept(&self, key: &str) -> Option<serde_json::Value> {
        lock(&self.kept).get(key).cloned()
    }

    /// Keeps an answer, unless there are too many.
    pub(crate) fn keep(&self, key: String, answer: &serde_json::Value) {
        let mut kept = lock(&self.kept);
        if kept.len() < MOST_KEPT {
            kept.insert(key, answer.clone());
        }
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn count_certificate(&self, party: Party) {
        let [resource, authority] = &self.certified;
        let count = match party {
            Party::Resource => resource,
            Party::Authority => authority,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn certified(&self) -> (usize, usize) {
        let [resource, authority] = &self.certified;
        let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (read(resource), read(authority))
    }

    pub(crate) fn note_credential(&self, value: &str) {
        lock(&self.credentials).insert(value.to_owned());
    }

    pub(crate) fn credentials(&self) -> BTreeSet<String> {
        lock(&self.credentials).clone()
    }

    /// How many tool lists were served before this one.
    pub(crate) fn next_list(&self) -> usize {
        self.list_requests.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn count_execution(&self, tool: &str) {
        *lock(&self.executed).entry(tool.to_owned()).or_default() += 1;
    }

    pub(crate) fn lock_out(&self) {
        self.locked_out.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_locked_out(&self) -> bool {
        self.locked_out.load(Ordering::Relaxed)
    }

    /// How many equal calls were made, this one included.
    pub(crate) fn count_call(&self, call: &str) -> usize {
        let mut calls = lock(&self.calls);
        let count = calls.entry(call.to_owned()).or_default();
        *count += 1;
        *count
    }

    pub(crate) fn executed(&self) -> BTreeMap<String, usize> {
        lock(&self.executed).clone()
    }

    /// Lets every second refusal of a name to a principal lapse; whether this one does.
    pub(crate) fn lapse(&self, principal: &str, name: &str) -> bool {
        let mut lapses = lock(&self.lapses);
        let place = (principal.to_owned(), name.to_owned());
        let lapsed = lapses.entry(place).or_insert(true);
        *lapsed = !*lapsed;
        *lapsed
    }

    /// Whether the last refusal of a name to a principal lapsed.
    pub(crate) fn lapsed(&self, principal: &str, name: &str) -> bool {
        let place = (principal.to_owned(), name.to_owned());
        lock(&self.lapses).get(&place).is_some_and(|lapsed| *lapsed)
    }

    /// How many connections the MCP server had seen before this one.
    pub(crate) fn connection_ordinal(&self, peer: Option<SocketAddr>) -> usize {
        let Some(peer) = peer else { return 0 };
        let mut connections = lock(&self.connections);
        let next = connections.len();
        *connections.entry(peer).or_insert(next)
    }
}

/// Names nobody can guess, from one random seed.
pub(crate) struct Ids {
    seed: [u8; 32],
    next: AtomicU64,
}

impl Ids {
    fn new() -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        Ok(Self {
            seed,
            next: AtomicU64::new(0),
        })
    }

    /// A fresh number, and how many came before it.
    pub(crate) fn ordinal(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A fresh name, `<prefix>-<32 hex digits>`.
    pub(crate) fn next(&self, prefix: &str) -> String {
        let ordinal = self.ordinal();
        let digest = Sha256::new()
            .chain_update(self.seed)
            .chain_update(ordinal.to_le_bytes());
        let bytes = digest.finalize();
        let mut name = format!("{prefix}-");
        for byte in bytes.iter().take(16) {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// Takes a lock, whatever became of the thread that held it before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Path of the MCP endpoint.
pub(crate) const MCP_PATH: &str = "/mcp";

/// Answers that are kept at most.
const MOST_KEPT: usize = 10_000;
