use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

async fn host() -> DocumentHost {
    let bounds = Bounds {
        patience: Duration::from_millis(300),
        most_bytes: 64 * 1024,
    };
    DocumentHost::bind((Ipv4Addr::LOCALHOST, 0).into(), None, bounds)
        .await
        .unwrap()
}

fn document(pace: Pace) -> Served {
    Served {
        status: 200,
        media_type: "application/json",
        location: None,
        body: b"{\"a\":1}".to_vec(),
        pace,
    }
}

async fn say(host: &DocumentHost, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the last byte is as good as an end.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn ended(host: &DocumentHost, path: &str) -> DocumentFetch {
    loop {
        let found = host.fetches(path);
        if let Some(fetch) = found
            .first()
            .filter(|fetch| fetch.ended_ms > fetch.began_ms)
        {
            return fetch.clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_document_is_served_and_its_fetch_is_on_record_without_header_values() {
    let host = host().await;
    host.put("/c/one.json", document(Pace::Whole));
    let request = b"GET /c/one.json?x=1 HTTP/1.1\r\nUser-Agent: tester\r\nCookie: s=1\r\n\r\n";
    let answer = say(&host, request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("{\"a\":1}"), "{answer}");
    let fetch = ended(&host, "/c/one.json").await;
    assert_eq!(fetch.method, "GET");
    assert_eq!(fetch.user_agent.as_deref(), Some("tester"));
    assert_eq!(fetch.headers, ["User-Agent", "Cookie"]);
    assert_eq!((fetch.status, fetch.bytes), (200, 7));
    assert!(!format!("{fetch:?}").contains("s=1"));
}

#[tokio::test]
async fn a_prefix_of_a_forwarder_is_seen_through_and_other_paths_are_answered_with_404() {
    let host = host().await;
    host.put("/c/one.json", document(Pace::Whole));
    let answer = say(&host, b"GET /audit/c/one.json HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(host.fetches("/c/one.json").len(), 1);
    let answer = say(&host, b"GET /c/two.json HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert_eq!(host.fetches("/c/two.json")[0].status, 404);
}

#[tokio::test]
async fn a_peer_that_hangs_up_is_told_from_one_that_takes_everything() {
    let host = host().await;
    host.put("/endless", document(Pace::Endless));
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    stream
        .write_all(b"GET /endless HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let mut taken = vec![0; 2048];
    stream.read_exact(&mut taken).await.unwrap();
    drop(stream);
    let cut = ended(&host, "/endless").await;
    assert!(!cut.outlasted, "{cut:?}");
    assert!(cut.bytes < 64 * 1024, "{cut:?}");

    host.put("/patient", document(Pace::Endless));
    let answer = say(&host, b"GET /patient HTTP/1.1\r\n\r\n").await;
    assert!(answer.len() >= 64 * 1024);
    let whole = ended(&host, "/patient").await;
    assert!(whole.outlasted, "{whole:?}");
    assert_eq!(whole.bytes, 64 * 1024);
}

#[tokio::test]
async fn a_slow_document_is_whole_in_the_end() {
    let host = host().await;
    host.put("/slow", document(Pace::Slow));
    let answer = say(&host, b"GET /slow HTTP/1.1\r\n\r\n").await;
    assert!(answer.ends_with(" {\"a\":1}"), "{answer}");
    assert!(ended(&host, "/slow").await.outlasted);
}

#[tokio::test]
async fn a_tls_handshake_is_noted_as_such_and_other_noise_is_no_fetch() {
    let host = host().await;
    say(&host, b"\x16\x03\x01\x00\x05hello").await;
    assert_eq!(host.handshakes().len(), 1);
    say(&host, b"noise\r\n\r\n").await;
    assert_eq!(host.handshakes().len(), 1);
    assert!(host.fetches("noise").is_empty());
}
