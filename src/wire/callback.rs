//! The loopback address that a browser is sent back to after a login (RFC 8252 §7.3): one path, one
//! answer, everything else is turned away.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use url::Url;

/// A listener on 127.0.0.1 that waits for one redirect.
#[derive(Debug)]
pub struct Callback {
    listener: TcpListener,
    redirect_uri: String,
}

/// What came back in the query of the redirect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// Parameters in order, duplicates kept.
    pub parameters: Vec<(String, String)>,
}

impl Returned {
    /// The query of a URL.
    pub fn from_url(url: &Url) -> Self {
        let pairs = url.query_pairs().take(MAX_PARAMETERS);
        Self {
            parameters: pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        }
    }

    /// The only value of a parameter; none when it is missing or repeated (RFC 6749 §3.1).
    pub fn single(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().filter(|(key, _)| key == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

impl Callback {
    /// Binds a port of the loopback interface; a free one when none is given.
    ///
    /// # Errors
    /// What the operating system answers, for example that the port is in use.
    pub async fn bind(port: Option<u16>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
        let port = listener.local_addr()?.port();
        Ok(Self {
            listener,
            redirect_uri: format!("http://127.0.0.1:{port}{PATH}"),
        })
    }

    /// Where the browser is to be sent.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Waits for the redirect with the right `state`; every other request to the path is counted in
    /// `strays`. Ends only with an answer: deadline and cancellation are the caller's.
    pub async fn wait(&self, state: &str, strays: &mut usize) -> Returned {
        let mut talks = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if talks.len() < MAX_CONNECTIONS => {
                    if let Ok((stream, _)) = accepted {
                        talks.push(timeout(PATIENCE, answer(stream, state)));
                    }
                }
                Some(seen) = talks.next() => match seen {
                    Ok(Seen::Ours(returned)) => return returned,
                    Ok(Seen::Stray) => *strays += 1,
                    Ok(Seen::Nothing) | Err(_) => {}
                },
            }
        }
    }
}

enum Seen {
    Ours(Returned),
    Stray,
    Nothing,
}

/// Browsers open connections they never use, so silence is no error.
async fn answer(mut stream: TcpStream, state: &str) -> Seen {
    let Some(url) = request_target(&mut stream).await else {
        return Seen::Nothing;
    };
    if url.path() != PATH {
        say(&mut stream, "404 Not Found", "There is nothing here.").await;
        return Seen::Nothing;
    }
    let returned = Returned::from_url(&url);
    if returned.single("state") != Some(state) {
        say(&mut stream, "400 Bad Request", STRAY).await;
        return Seen::Stray;
    }
    say(&mut stream, "200 OK", DONE).await;
    Seen::Ours(returned)
}

/// The target of a GET request in origin form, when there is one within the caps.
async fn request_target(stream: &mut TcpStream) -> Option<Url> {
    let mut head = Vec::new();
    let mut chunk = [0_u8; 2048];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = stream.read(&mut chunk).await.ok()?;
        head.extend_from_slice(chunk.get(..read).filter(|bytes| !bytes.is_empty())?);
        if head.len() > MAX_HEAD {
            return None;
        }
    }
    let text = std::str::from_utf8(&head).ok()?;
    let mut words = text.lines().next()?.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some("GET"), Some(target), Some(version), None)
            if target.starts_with('/') && version.starts_with("HTTP/1.") =>
        {
            Url::parse(&format!("http://127.0.0.1{target}")).ok()
        }
        _ => None,
    }
}

async fn say(stream: &mut TcpStream, status: &str, sentence: &str) {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>mcp-assay</title>\
         </head>\n<body><p>{sentence}</p></body></html>\n"
    );
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    // The browser may be gone; what it sent has been read all the same.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Path of the redirect URI.
pub const PATH: &str = "/callback";
const DONE: &str = "The answer has arrived. You can close this page.";
const STRAY: &str =
    "This is not the answer that is waited for. Start again from the address in the terminal.";
const MAX_HEAD: usize = 16 * 1024;
const MAX_PARAMETERS: usize = 32;
const MAX_CONNECTIONS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    async fn send(uri: &str, request: &str) -> String {
        let url = Url::parse(uri).unwrap();
        let port = url.port().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn only_the_request_with_the_right_state_ends_the_wait() {
        let callback = Callback::bind(None).await.unwrap();
        let uri = callback.redirect_uri().to_owned();
        let browser = async {
            let other = send(&uri, "GET /favicon.ico HTTP/1.1\r\n\r\n").await;
            let forged = send(&uri, "GET /callback?code=a&state=x HTTP/1.1\r\n\r\n").await;
            let right = send(&uri, "GET /callback?code=b&state=s&iss=i HTTP/1.1\r\n\r\n").await;
            (other, forged, right)
        };
        let mut strays = 0;
        let (returned, (other, forged, right)) =
            tokio::join!(callback.wait("s", &mut strays), browser);
        assert_eq!(returned.single("code"), Some("b"));
        assert_eq!(returned.single("iss"), Some("i"));
        assert_eq!(strays, 1);
        assert!(other.starts_with("HTTP/1.1 404"), "{other}");
        assert!(forged.starts_with("HTTP/1.1 400"), "{forged}");
        assert!(right.contains("close this page"), "{right}");
    }

    #[tokio::test]
    async fn what_is_no_get_request_is_not_answered() {
        let callback = Callback::bind(None).await.unwrap();
        let uri = callback.redirect_uri().to_owned();
        let browser = async {
            let post = send(&uri, "POST /callback?state=s HTTP/1.1\r\n\r\n").await;
            let absolute = send(&uri, "GET http://x/callback?state=s HTTP/1.1\r\n\r\n").await;
            let _ = send(&uri, "GET /callback?state=s HTTP/1.1\r\n\r\n").await;
            (post, absolute)
        };
        let mut strays = 0;
        let (_, (post, absolute)) = tokio::join!(callback.wait("s", &mut strays), browser);
        assert_eq!((post.as_str(), absolute.as_str(), strays), ("", "", 0));
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error() {
        let first = Callback::bind(None).await.unwrap();
        let port = Url::parse(first.redirect_uri()).unwrap().port();
        assert!(Callback::bind(port).await.is_err());
    }

    #[test]
    fn a_repeated_parameter_has_no_value() {
        let url = Url::parse("http://127.0.0.1/callback?code=a&code=b&state=s").unwrap();
        let returned = Returned::from_url(&url);
        assert_eq!(returned.single("code"), None);
        assert_eq!(returned.single("state"), Some("s"));
    }
}
