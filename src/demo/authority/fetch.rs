//! A small HTTP client for documents; TLS is left to a forwarder, as a demo has no certificates.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::{Host, Url};

/// An answer to a fetch.
pub(crate) struct Fetched {
    pub(crate) status: u16,
    pub(crate) media_type: String,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Fetches a URL from the forwarder of its host, or from loopback over plain http; nowhere else.
pub(crate) async fn get(
    url: &Url,
    forwarded: Option<SocketAddr>,
    max_bytes: usize,
    deadline_ms: u64,
) -> io::Result<Fetched> {
    let talk = converse(url, forwarded, max_bytes);
    if deadline_ms == 0 {
        return talk.await;
    }
    tokio::time::timeout(Duration::from_millis(deadline_ms), talk)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn converse(
    url: &Url,
    forwarded: Option<SocketAddr>,
    max_bytes: usize,
) -> io::Result<Fetched> {
    let direct = match (url.scheme(), url.host(), url.port_or_known_default()) {
        ("http", Some(Host::Ipv4(ip)), Some(port)) if ip.is_loopback() => {
            Some(SocketAddr::from((ip, port)))
        }
        _ => None,
    };
    let address = forwarded
        .or(direct)
        .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
    let mut stream = TcpStream::connect(address).await?;
    let query = url.query().map(|it| format!("?{it}")).unwrap_or_default();
    let request = format!(
        "GET {}{query} HTTP/1.1\r\nHost: {}\r\nUser-Agent: demo-authority\r\n\
         Accept: application/json\r\nConnection: close\r\n\r\n",
        url.path(),
        url.host_str().unwrap_or_default()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let most = if max_bytes == 0 {
        UNLIMITED
    } else {
        max_bytes + HEAD
    };
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
        if answer.len() > most {
            return Err(too_large());
        }
    }
    let fetched = parse(&answer)?;
    if max_bytes > 0 && fetched.body.len() > max_bytes {
        return Err(too_large());
    }
    Ok(fetched)
}

fn parse(answer: &[u8]) -> io::Result<Fetched> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(broken)?;
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).into_owned();
    let body = answer.get(end + 4..).unwrap_or_default().to_vec();
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .ok_or_else(broken)?;
    let field = |name: &str| {
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let media_type = field("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    Ok(Fetched {
        status,
        media_type: media_type.to_ascii_lowercase(),
        location: field("location"),
        body,
    })
}

fn too_large() -> io::Error {
    io::Error::from(io::ErrorKind::FileTooLarge)
}

/// Room for the head of an answer.
const HEAD: usize = 4096;
/// What even a careless server cannot read.
const UNLIMITED: usize = 16 * 1024 * 1024;
