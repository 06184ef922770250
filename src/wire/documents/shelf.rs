//! What is served, and who came for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::{Bounds, Served};
use crate::model::client_documents::DocumentFetch;

/// Documents by path, and the record of every connection.
pub(super) struct Shelf {
    bounds: Bounds,
    began: Instant,
    served: Mutex<HashMap<String, Served>>,
    seen: Mutex<Vec<DocumentFetch>>,
}

/// A place in the record; filled in as the connection goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry(Option<usize>);

impl Shelf {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            began: Instant::now(),
            served: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    pub(super) const fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn put(&self, path: &str, served: Served) {
        hold(&self.served).insert(path.to_owned(), served);
    }

    pub(super) fn find(&self, path: &str) -> Option<Served> {
        let served = hold(&self.served);
        let exact = served.get(path);
        let forwarded = || {
            let found = served.iter().find(|(known, _)| leads_to(path, known));
            found.map(|(_, served)| served)
        };
        exact.or_else(forwarded).cloned()
    }

    pub(super) fn note(&self, fetch: DocumentFetch) -> Entry {
        let mut seen = hold(&self.seen);
        if seen.len() >= RECORDS {
            return Entry(None);
        }
        seen.push(fetch);
        Entry(Some(seen.len() - 1))
    }

    pub(super) fn amend(&self, entry: Entry, change: impl FnOnce(&mut DocumentFetch)) {
        let mut seen = hold(&self.seen);
        if let Some(fetch) = entry.0.and_then(|at| seen.get_mut(at)) {
            change(fetch);
        }
    }

    pub(super) fn fetches(&self, path: &str) -> Vec<DocumentFetch> {
        let seen = hold(&self.seen);
        let wanted = |fetch: &&DocumentFetch| fetch.path == path || leads_to(&fetch.path, path);
        seen.iter().filter(wanted).cloned().collect()
    }

    pub(super) fn handshakes(&self) -> Vec<DocumentFetch> {
        let seen = hold(&self.seen);
        seen.iter().filter(|it| it.handshake).cloned().collect()
    }
}

/// Whether a path is a known one with a forwarder's prefix before it.
fn leads_to(path: &str, known: &str) -> bool {
    known.len() > 1 && path.ends_with(known)
}

/// Takes a lock, whatever became of the task that held it before.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections kept on record.
const RECORDS: usize = 2000;
