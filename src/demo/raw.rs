//! A responder that writes literal bytes, for answers that no HTTP library would send.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::state::lock;

/// A running responder; it ends, with its connections, when it is dropped.
pub struct RawServer {
    /// Where it listens, `http://127.0.0.1:<port>`.
    pub url: String,
    log: Arc<Mutex<Vec<Vec<u8>>>>,
    _stop: DropGuard,
}

/// What a responder does with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawScript {
    /// Reads one request, writes these bytes, closes.
    Respond(Vec<u8>),
    /// Like `Respond` with the bytes of the first entry whose `METHOD /path` starts the request
    /// line; closes without an answer when there is none.
    RespondPerPath(Vec<(String, Vec<u8>)>),
    /// Reads one request, then writes the bytes one by one.
    Drip {
        /// What is written.
        bytes: Vec<u8>,
        /// Milliseconds between two bytes.
        every_ms: u64,
    },
    /// Reads one request, writes the head, then the chunk again and again.
    Endless {
        /// What is written first.
        head: Vec<u8>,
        /// What is repeated until the peer is gone.
        chunk: Vec<u8>,
    },
    /// Closes the connection as soon as it is made.
    CloseAtOnce,
    /// Reads whatever comes and never says anything.
    Hang,
}

impl RawServer {
    /// Starts a responder on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(script: RawScript) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let log = Arc::new(Mutex::new(Vec::new()));
        let stop = CancellationToken::new();
        let accepting = accept(listener, Arc::new(script), Arc::clone(&log), stop.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(accepting));
        Ok(Self {
            url,
            log,
            _stop: stop.drop_guard(),
        })
    }

    /// The bytes of every request that was read, heads and bodies, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<u8>> {
        lock(&self.log).clone()
    }
}

async fn accept(
    listener: TcpListener,
    script: Arc<RawScript>,
    log: Arc<Mutex<Vec<Vec<u8>>>>,
    stop: CancellationToken,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (script, log) = (Arc::clone(&script), Arc::clone(&log));
        let connection = async move {
            // A peer that hangs up is what these scripts are for.
            let _ = converse(stream, &script, &log).await;
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(connection));
    }
}

async fn converse(
    mut stream: TcpStream,
    script: &RawScript,
    log: &Mutex<Vec<Vec<u8>>>,
) -> io::Result<()> {
    if *script == RawScript::CloseAtOnce {
        return Ok(());
    }
    let request = read_request(&mut stream).await?;
    let line = request.clone();
    lock(log).push(request);
    match script {
        RawScript::CloseAtOnce => {}
        RawScript::Respond(bytes) => stream.write_all(bytes).await?,
        RawScript::RespondPerPath(answers) => {
            let found = answers
                .iter()
                .find(|(prefix, _)| line.starts_with(prefix.as_bytes()));
            if let Some((_, bytes)) = found {
                stream.write_all(bytes).await?;
            }
        }
        RawScript::Drip { bytes, every_ms } => {
            for byte in bytes {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(*every_ms)).await;
            }
        }
        RawScript::Endless { head, chunk } => {
            stream.write_all(head).await?;
            while !chunk.is_empty() {
                stream.write_all(chunk).await?;
            }
        }
        RawScript::Hang => {
            let mut sink = [0; 1024];
            while stream.read(&mut sink).await? > 0 {}
        }
    }
    stream.shutdown().await
}

/// Reads a request to the end of its body, as far as `Content-Length` tells it.
async fn read_request(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    while request.len() < REQUEST_LIMIT {
        if let Some(length) = whole_length(&request)
            && request.len() >= length
        {
            break;
        }
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    Ok(request)
}

/// Length of head and body together, once the head is complete.
fn whole_length(request: &[u8]) -> Option<usize> {
    let head = request
        .windows(4)
        .position(|window| window == b"\r\n\r\n")?
        .saturating_add(4);
    let text = String::from_utf8_lossy(request.get(..head)?).to_ascii_lowercase();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let body: usize = body
        .and_then(|length| length.trim().parse().ok())
        .unwrap_or(0);
    Some(head.saturating_add(body))
}

const REQUEST_LIMIT: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    async fn exchange(script: RawScript, request: &[u8]) -> (Vec<u8>, RawServer) {
        let server = RawServer::start(script).await.unwrap();
        let address = server.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the last byte is as good as an end.
        let _ = stream.read_to_end(&mut answer).await;
        (answer, server)
    }

    #[tokio::test]
    async fn bytes_are_written_as_they_are_and_requests_are_logged_whole() {
        let script = RawScript::Respond(b"HTTP/1.1 299 Odd\r\nX: \x01\r\n\r\ngarbage".to_vec());
        let request = b"POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
        let (answer, server) = exchange(script, request).await;
        assert_eq!(answer, b"HTTP/1.1 299 Odd\r\nX: \x01\r\n\r\ngarbage");
        assert_eq!(server.requests(), [request.to_vec()]);
    }

    #[tokio::test]
    async fn answers_differ_by_request_line() {
        let script = RawScript::RespondPerPath(vec![
            ("GET /a".to_owned(), b"first".to_vec()),
            ("GET /b".to_owned(), b"second".to_vec()),
        ]);
        let (answer, _) = exchange(script.clone(), b"GET /b HTTP/1.1\r\n\r\n").await;
        assert_eq!(answer, b"second");
        let (answer, _) = exchange(script, b"GET /c HTTP/1.1\r\n\r\n").await;
        assert_eq!(answer, b"");
    }

    #[tokio::test]
    async fn drip_ends_and_close_at_once_says_nothing() {
        let script = RawScript::Drip {
            bytes: b"slow".to_vec(),
            every_ms: 1,
        };
        let (answer, _) = exchange(script, b"GET / HTTP/1.1\r\n\r\n").await;
        assert_eq!(answer, b"slow");
        let (answer, server) = exchange(RawScript::CloseAtOnce, b"").await;
        assert_eq!(answer, b"");
        assert!(server.requests().is_empty());
    }

    #[tokio::test]
    async fn endless_answer_outlives_any_reader_until_the_server_is_dropped() {
        let script = RawScript::Endless {
            head: b"head".to_vec(),
            chunk: vec![b'x'; 1024],
        };
        let server = RawServer::start(script).await.unwrap();
        let address = server.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 64 * 1024];
        stream.read_exact(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"headxxx"));
        drop(server);
        let _ = stream.read_to_end(&mut answer).await;
    }

    #[tokio::test]
    async fn hang_reads_and_says_nothing_until_the_server_is_dropped() {
        let server = RawServer::start(RawScript::Hang).await.unwrap();
        let address = server.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        while server.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        drop(server);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty());
    }
}
