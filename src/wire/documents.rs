//! The run's own server of documents: tiny, bounded, and a witness of whoever fetches from it.
//!
//! It serves what the run put there, under the path it was put at, and keeps a record of every
//! connection. It speaks plain HTTP/1.1, one request per connection; TLS is the business of what the
//! operator puts before it.

mod answer;
mod shelf;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::model::client_documents::DocumentFetch;
use shelf::Shelf;

/// A running server of documents; it ends, with its connections, when it is dropped.
pub struct DocumentHost {
    address: SocketAddr,
    base: Option<Url>,
    shelf: Arc<Shelf>,
    _stop: DropGuard,
}

/// What is served at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Status of the answer.
    pub status: u16,
    /// Media type of the body.
    pub media_type: &'static str,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// How the body is handed out.
    pub pace: Pace,
}

/// How a body is handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// At once, its length said beforehand.
    #[default]
    Whole,
    /// Without a length, followed by filler up to the bound of this server.
    Endless,
    /// After spaces that arrive one by one for as long as this server has patience.
    Slow,
}

/// The bounds of a document server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How long a slow answer is drawn out.
    pub patience: Duration,
    /// Bytes after which an endless answer ends.
    pub most_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            most_bytes: 256 * 1024,
        }
    }
}

impl DocumentHost {
    /// Starts to listen; `base` is the operator's https address that leads here, when there is one.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(listen: SocketAddr, base: Option<Url>, bounds: Bounds) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let shelf = Arc::new(Shelf::new(bounds));
        let stop = CancellationToken::new();
        let accepting = accept(listener, Arc::clone(&shelf), stop.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(accepting));
        Ok(Self {
            address,
            base,
            shelf,
            _stop: stop.drop_guard(),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The operator's https address that leads here.
    pub const fn base(&self) -> Option<&Url> {
        self.base.as_ref()
    }

    /// Serves something at a path; the last one counts.
    pub fn put(&self, path: &str, served: Served) {
        self.shelf.put(path, served);
    }

    /// Every fetch of a path so far, whatever a forwarder put before it.
    pub fn fetches(&self, path: &str) -> Vec<DocumentFetch> {
        self.shelf.fetches(path)
    }

    /// Every TLS handshake so far; which document it wanted cannot be told.
    pub fn handshakes(&self) -> Vec<DocumentFetch> {
        self.shelf.handshakes()
    }

    /// Milliseconds since the start, on the clock of the records.
    pub fn now_ms(&self) -> u64 {
        self.shelf.now_ms()
    }

    /// The bounds of its answers.
    pub fn bounds(&self) -> Bounds {
        self.shelf.bounds()
    }
}

async fn accept(listener: TcpListener, shelf: Arc<Shelf>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors, for example: the next moment may be better.
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let shelf = Arc::clone(&shelf);
        let serving = async move {
            answer::serve(stream, peer, &shelf).await;
            drop(place);
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(serving));
    }
}

/// Connections at one time.
const CONNECTIONS: usize = 16;
/// Pause after a failed accept.
const BREATH: Duration = Duration::from_millis(50);
