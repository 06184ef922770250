//! A server of literal bytes: says what it is told, right or wrong.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

/// One thing that the server does on a connection.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Writes these bytes.
    Say(Vec<u8>),
    /// Writes these bytes again and again.
    Endless(Vec<u8>),
    /// Writes these bytes one by one, slowly, again and again.
    Drip(Vec<u8>),
    /// Writes whatever is published, until the connection ends.
    Follow,
    /// Publishes these bytes to every follower.
    Publish(Vec<u8>),
    /// Waits a little, so that requests overlap.
    Linger,
    /// Says nothing until the peer goes away.
    Hang,
    /// Closes the connection.
    Close,
}

/// What it does for the n-th request, counted from zero over all connections.
pub(super) type Script = dyn Fn(usize, &str) -> Vec<Step> + Send + Sync;

pub(super) struct Responder {
    pub(super) address: SocketAddr,
    seen: Arc<Seen>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
pub(super) struct Seen {
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    busy: AtomicUsize,
    busiest: AtomicUsize,
}

impl Responder {
    pub(super) async fn start(
        script: impl Fn(usize, &str) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let script: Arc<Script> = Arc::new(script);
        let (news, _) = broadcast::channel(64);
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(
                    stream,
                    Arc::clone(&shared),
                    Arc::clone(&script),
                    news.clone(),
                ));
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    /// Answers every request with the same bytes.
    pub(super) async fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |_, _| vec![Step::Say(bytes.clone())]).await
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(SeqCst)
    }

    pub(super) fn busiest(&self) -> usize {
        self.seen.busiest.load(SeqCst)
    }

    /// Waits until this many requests arrived.
    pub(super) async fn until_requests(&self, count: usize) {
        while self.requests().len() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until no connection is open.
    pub(super) async fn until_quiet(&self) {
        while self.seen.open.load(SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection until it ends.
pub(super) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: Arc<Seen>,
    script: Arc<Script>,
    news: broadcast::Sender<Vec<u8>>,
) {
    seen.connections.fetch_add(1, SeqCst);
    seen.open.fetch_add(1, SeqCst);
    while let Some(request) = read_request(&mut stream).await {
        let number = {
            let mut requests = seen.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        let busy = seen.busy.fetch_add(1, SeqCst) + 1;
        seen.busiest.fetch_max(busy, SeqCst);
        let mut open = true;
        for step in script(number, &request) {
            open = perform(&mut stream, step, &news).await.is_some();
            if !open {
                break;
            }
        }
        seen.busy.fetch_sub(1, SeqCst);
        if !open {
            break;
        }
    }
    drop(stream);
    seen.open.fetch_sub(1, SeqCst);
}

/// Performs a step; nothing when the connection is over.
async fn perform(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    step: Step,
    news: &broadcast::Sender<Vec<u8>>,
) -> Option<()> {
    match step {
        Step::Say(bytes) => say(stream, &bytes).await,
        Step::Endless(bytes) => loop {
            say(stream, &bytes).await?;
        },
        Step::Drip(bytes) => loop {
            for byte in &bytes {
                say(stream, &[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        },
        Step::Follow => {
            let mut news = news.subscribe();
            let mut end = [0];
            loop {
                tokio::select! {
                    bytes = news.recv() => say(stream, &bytes.ok()?).await?,
                    _ = stream.read(&mut end) => return None,
                }
            }
        }
        Step::Publish(bytes) => {
            let _ = news.send(bytes);
            Some(())
        }
        Step::Linger => {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some(())
        }
        Step::Hang => {
            let _ = stream.read(&mut [0]).await;
            None
        }
        Step::Close => None,
    }
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

/// A complete answer.
pub(super) fn ok(fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{fields}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// The head of an event stream, and its first events.
pub(super) fn events(first: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{first}").into_bytes()
}
