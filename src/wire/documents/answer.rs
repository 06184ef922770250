//! One connection: a bounded request in, one answer out, everything noted.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::shelf::{Entry, Shelf};
use super::{Pace, Served};
use crate::model::client_documents::DocumentFetch;

/// Answers one request; trouble ends the connection and stays in the record.
pub(super) async fn serve(mut stream: TcpStream, peer: SocketAddr, shelf: &Shelf) {
    // Without it a small answer waits for an acknowledgement; losing it only costs time.
    let _ = stream.set_nodelay(true);
    let mut fetch = DocumentFetch {
        peer: peer.ip().to_string(),
        began_ms: shelf.now_ms(),
        ..DocumentFetch::default()
    };
    fetch.ended_ms = fetch.began_ms;
    let head = timeout(HEAD_TIME, read_head(&mut stream)).await;
    let head = head.ok().and_then(Result::ok).unwrap_or_default();
    // RFC 8446 §5.1: a handshake record begins with 22.
    if head.first() == Some(&22) {
        fetch.handshake = true;
        shelf.note(fetch);
        return;
    }
    if !understand(&mut fetch, &head) {
        shelf.note(fetch);
        return;
    }
    let served = shelf.find(&fetch.path).unwrap_or_else(nothing);
    fetch.status = served.status;
    let bodiless = fetch.method == "HEAD";
    let entry = shelf.note(fetch);
    let most = shelf.bounds().patience + GRACE;
    let talk = hand_out(&mut stream, &served, bodiless, shelf, entry);
    let cut = matches!(timeout(most, talk).await, Ok(Err(_)));
    // Before the peer can see the end, so that its own answer never comes before this record.
    let ended_ms = shelf.now_ms();
    shelf.amend(entry, |fetch| {
        fetch.ended_ms = ended_ms;
        fetch.outlasted = served.pace != Pace::Whole && !cut;
    });
    // The peer reads what is left, or is gone already.
    let _ = stream.shutdown().await;
}

async fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        let room = u64::try_from(HEAD_BYTES.saturating_sub(before)).unwrap_or(0);
        let read = (&mut *stream).take(room).read_buf(&mut head).await?;
        let complete = head.windows(4).any(|window| window == b"\r\n\r\n");
        if read == 0 || complete || head.first() == Some(&22) {
            return Ok(head);
        }
    }
}

/// Reads the request line and the names of the fields; whether it is HTTP.
fn understand(fetch: &mut DocumentFetch, head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let mut request = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version)) =
        (request.next(), request.next(), request.next())
    else {
        return false;
    };
    if !version.starts_with("HTTP/1.") {
        return false;
    }
    fetch.method = shown(method);
    fetch.path = shown(target.split(['?', '#']).next().unwrap_or_default());
    for line in lines.take_while(|line| !line.is_empty()).take(FIELDS) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("user-agent") {
            fetch.user_agent = Some(shown(value.trim()));
        }
        fetch.headers.push(shown(name));
    }
    true
}

async fn hand_out(
    stream: &mut TcpStream,
    served: &Served,
    bodiless: bool,
    shelf: &Shelf,
    entry: Entry,
) -> io::Result<()> {
    stream.write_all(&head(served)).await?;
    if bodiless {
        return Ok(());
    }
    let took = |bytes: &[u8]| {
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        shelf.amend(entry, |fetch| fetch.bytes += count);
    };
    if served.pace == Pace::Slow {
        let end = Instant::now() + shelf.bounds().patience;
        while Instant::now() < end {
            // White space before a JSON text means nothing (RFC 8259 §2).
            say(stream, b" ", DRIP).await?;
            took(b" ");
        }
    }
    for chunk in served.body.chunks(CHUNK) {
        stream.write_all(chunk).await?;
        sleep(STEP).await;
        took(chunk);
    }
    if served.pace == Pace::Endless {
        let mut left = shelf.bounds().most_bytes.saturating_sub(served.body.len());
        while left > 0 {
            let filler = FILLER.get(..left.min(CHUNK)).unwrap_or(FILLER);
            say(stream, filler, STEP).await?;
            took(filler);
            left = left.saturating_sub(filler.len());
        }
    }
    Ok(())
}

/// Writes a little and waits: what the network takes in before the peer can protest stays small.
async fn say(stream: &mut TcpStream, bytes: &[u8], pause: Duration) -> io::Result<()> {
    stream.write_all(bytes).await?;
    sleep(pause).await;
    // A peer that closed its side has had enough.
    let mut unexpected = [0; 64];
    match stream.try_read(&mut unexpected) {
        Ok(0) => Err(io::ErrorKind::ConnectionReset.into()),
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}

fn head(served: &Served) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 {} Answer\r\nContent-Type: {}\r\nCache-Control: max-age=60\r\nConnection: close\r\n",
        served.status, served.media_type
    );
    if let Some(location) = &served.location {
        head.push_str(&format!("Location: {location}\r\n"));
    }
    if served.pace == Pace::Whole {
        head.push_str(&format!("Content-Length: {}\r\n", served.body.len()));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn nothing() -> Served {
    Served {
        status: 404,
        media_type: "text/plain",
        location: None,
        body: b"nothing here\n".to_vec(),
        pace: Pace::Whole,
    }
}

fn shown(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(SHOWN)
        .collect()
}

/// Deadline for a request's head.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Fields of a request that are kept.
const FIELDS: usize = 50;
/// Characters of a text of the peer that are kept.
const SHOWN: usize = 200;
/// What every answer may take beyond a slow one's time.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes written at a time.
const CHUNK: usize = 1024;
/// Pause after each.
const STEP: Duration = Duration::from_millis(1);
/// Pause between two bytes of a slow answer.
const DRIP: Duration = Duration::from_millis(100);
/// What an endless answer goes on with.
const FILLER: &[u8] = &[b'a'; CHUNK];
