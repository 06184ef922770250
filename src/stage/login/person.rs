//! The person who signs in: shown an address, waited for, free to walk away.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::model::identity::ScopeSet;

/// How a run reaches the person who signs in.
pub struct Person<'a> {
    /// Shows the address to visit.
    pub show: &'a (dyn Fn(&Visit<'_>) + Send + Sync),
    /// Addresses that the person pastes, where the browser runs on another machine.
    pub pasted: Option<Arc<Mutex<mpsc::Receiver<String>>>>,
    /// Ends the waiting.
    pub cancel: CancellationToken,
}

/// One request to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit<'a> {
    /// The identity that comes of it.
    pub identity: &'a str,
    /// Scopes that are asked for; what the server gives by default when absent.
    pub asked: Option<&'a ScopeSet>,
    /// The address to open.
    pub url: &'a str,
    /// Which authorization this is, from one.
    pub number: usize,
    /// How many there are at most.
    pub most: usize,
    /// How long the person has.
    pub timeout: Duration,
    /// What it is for.
    pub purpose: &'a str,
    /// The code to type there (RFC 8628 §3.3).
    pub user_code: Option<&'a str>,
}

impl Person<'_> {
    /// The next pasted address; never resolves when nothing can be pasted.
    pub(crate) async fn paste(&self) -> String {
        if let Some(pasted) = &self.pasted
            && let Some(line) = pasted.lock().await.recv().await
        {
            return line;
        }
        std::future::pending().await
    }
}
