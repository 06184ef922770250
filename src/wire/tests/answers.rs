use super::responder::{Step, events, ok};
use super::*;

#[tokio::test]
async fn what_is_filed_is_what_was_sent() {
    let server = Responder::saying(ok("", "{}")).await;
    let wire = wire_to(&server);
    let mut outgoing = ask(server.url("/mcp?x=1"));
    outgoing.headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-twice".to_owned(), "a".to_owned()),
        ("x-twice".to_owned(), "b".to_owned()),
    ];
    outgoing.body = Some(b"{\"id\":1}".to_vec());
    let exchange = wire.send(outgoing).await.exchange;
    let raw = &server.requests()[0];
    assert!(raw.starts_with("POST /mcp?x=1 HTTP/1.1\r\n"), "{raw}");
    assert!(raw.ends_with("\r\n\r\n{\"id\":1}"), "{raw}");
    for field in &exchange.request.headers {
        let line = format!("{}: {}\r\n", field.name, field.value);
        assert!(raw.contains(&line), "{line} in {raw}");
    }
    let unfiled: Vec<&str> = raw
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| {
            let name = line.split(':').next().unwrap();
            let fields = &exchange.request.headers;
            fields.iter().all(|field| &*field.name != name)
        })
        .collect();
    let host = format!("host: {}", server.address);
    assert_eq!(unfiled, [host.as_str(), "content-length: 8"]);
    assert_eq!(&*exchange.request.body.unwrap().bytes(), b"{\"id\":1}");
    assert_eq!(wire.sent(), 1);
}

#[tokio::test]
async fn fields_keep_their_order_and_duplicates() {
    let fields = "b: 1\r\nset-cookie: x=1; Path=/\r\nset-cookie: y=2\r\na: 2\r\n";
    let server = Responder::saying(ok(fields, "hello")).await;
    let response = answer(&wire_to(&server), ask(server.url("/"))).await;
    let shown: Vec<String> = response
        .headers
        .iter()
        .map(|field| format!("{}: {}", field.name, field.value))
        .collect();
    let expected = [
        "b: 1",
        "set-cookie: x={secret}; Path=/",
        "set-cookie: y={secret}",
        "a: 2",
        "content-length: 5",
    ];
    assert_eq!(shown, expected);
    assert_eq!(response.body.text(), "hello");
    assert!(!response.body.truncated);
    assert_eq!(response.body.length, 5);
    assert_eq!(
        response.body.sha256,
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    );
}

#[tokio::test]
async fn one_connection_serves_several_requests() {
    let server = Responder::saying(ok("", "x")).await;
    let wire = wire_to(&server);
    for _ in 0..3 {
        answer(&wire, ask(server.url("/"))).await;
    }
    assert_eq!(server.requests().len(), 3);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_recorded_and_not_followed() {
    let server = Responder::start(|_, _| {
        let location = "location: /elsewhere?code=abc&state=s\r\n";
        let head = format!("HTTP/1.1 302 Found\r\n{location}content-length: 0\r\n\r\n");
        vec![Step::Say(head.into_bytes())]
    })
    .await;
    let response = answer(&wire_to(&server), ask(server.url("/"))).await;
    assert_eq!(response.status, 302);
    assert_eq!(
        response.header("location"),
        Some("/elsewhere?code={secret}&state=s")
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn bytes_that_are_not_http_are_malformed() {
    for garbage in [
        &b"SSH-2.0-OpenSSH_9.6\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"<html>hello</html>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    ] {
        let garbage = garbage.to_vec();
        let server =
            Responder::start(move |_, _| vec![Step::Say(garbage.clone()), Step::Close]).await;
        let failure = failure(&wire_to(&server), ask(server.url("/"))).await;
        assert_eq!(failure.kind, FailureKind::Malformed, "{}", failure.text);
    }
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_reset_and_not_retried() {
    let server = Responder::start(|_, _| vec![Step::Close]).await;
    let failure = failure(&wire_to(&server), ask(server.url("/"))).await;
    assert_eq!(failure.kind, FailureKind::Reset, "{}", failure.text);
    assert!(failure.partial.is_none());
    assert_eq!(server.requests().len(), 1);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_error_status_is_an_answer_and_not_retried() {
    let server = Responder::saying("HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno").await;
    let response = answer(&wire_to(&server), ask(server.url("/"))).await;
    assert_eq!((response.status, &*response.body.text()), (500, "no"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_body_cut_by_the_peer_is_reset_with_what_arrived() {
    for head in ["content-length: 100", "transfer-encoding: chunked"] {
        let text = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nhello\r\n5\r\nhe");
        let server =
            Responder::start(move |_, _| vec![Step::Say(text.clone().into_bytes()), Step::Close])
                .await;
        let failure = failure(&wire_to(&server), ask(server.url("/"))).await;
        assert_eq!(failure.kind, FailureKind::Reset, "{}", failure.text);
        let partial = failure.partial.unwrap();
        assert_eq!(partial.status, 200);
        assert!(partial.body.truncated);
        assert!(contains(&partial.body.bytes(), "hello"));
    }
}

#[tokio::test]
async fn a_broken_chunk_is_malformed() {
    let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n";
    let server = Responder::saying(text).await;
    let failure = failure(&wire_to(&server), ask(server.url("/"))).await;
    assert_eq!(failure.kind, FailureKind::Malformed, "{}", failure.text);
    assert_eq!(failure.partial.unwrap().body.text(), "hello");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_connect_failure() {
    let server = Responder::saying(ok("", "")).await;
    let wire = wire_to(&server);
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let failure = failure(&wire, ask(url)).await;
    assert_eq!(failure.kind, FailureKind::Connect, "{}", failure.text);
    assert!(failure.text.contains("127.0.0.1"), "{}", failure.text);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_dns_failure() {
    let wire = wire("https://no-such-host.invalid/mcp", &network());
    let failure = failure(&wire, ask("https://no-such-host.invalid/mcp")).await;
    assert_eq!(failure.kind, FailureKind::Dns, "{}", failure.text);
    assert!(
        failure.text.contains("no-such-host.invalid"),
        "{}",
        failure.text
    );
}

#[tokio::test]
async fn what_http_forbids_is_not_sent() {
    let server = Responder::saying(ok("", "")).await;
    let wire = wire_to(&server);
    let mut outgoing = ask(server.url("/"));
    outgoing.headers = vec![("mcp-name".to_owned(), "a\r\nx: b".to_owned())];
    let failure = failure(&wire, outgoing).await;
    assert_eq!(failure.kind, FailureKind::Blocked);
    assert!(failure.text.contains("mcp-name"), "{}", failure.text);
    assert_eq!((server.connections(), wire.sent()), (0, 0));
}

#[tokio::test]
async fn a_compressed_body_is_neither_decoded_nor_kept() {
    let mut bytes =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 10\r\n\r\n".to_vec();
    bytes.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    let server = Responder::saying(bytes).await;
    let response = answer(&wire_to(&server), ask(server.url("/"))).await;
    assert_eq!(response.header("content-encoding"), Some("gzip"));
    assert!(response.body.bytes.is_empty() && response.body.truncated);
    assert_eq!(response.body.length, 10);
    assert!(server.requests()[0].contains("accept-encoding: identity\r\n"));
}

#[tokio::test]
async fn the_stop_condition_ends_an_endless_stream() {
    let server = Responder::start(|_, _| {
        let first = events("data: {\"id\":1,\"result\":{}}\n\n");
        vec![Step::Say(first), Step::Endless(b": still here\n".to_vec())]
    })
    .await;
    let until = |bytes: &[u8]| contains(bytes, "\"id\":1");
    let mut outgoing = ask(server.url("/"));
    outgoing.until = Some(&until);
    let response = answer(&wire_to(&server), outgoing).await;
    assert!(contains(&response.body.bytes(), "\"result\":{}"));
}

#[tokio::test]
async fn the_stop_condition_holds_against_a_deadline_that_follows() {
    let server = Responder::start(|_, _| vec![Step::Say(events("data: 1\n\n")), Step::Hang]).await;
    let until = |bytes: &[u8]| contains(bytes, "data: 1");
    let mut outgoing = ask(server.url("/"));
    outgoing.until = Some(&until);
    let response = answer(&wire_to(&server), outgoing).await;
    assert_eq!(response.body.text(), "data: 1\n\n");
    assert!(!response.body.truncated);
}

#[tokio::test]
async fn a_stream_that_ends_with_its_answer_gives_its_connection_back() {
    let server = Responder::start(|_, _| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let chunk = "9\r\ndata: 1\n\n\r\n";
        vec![
            Step::Say(format!("{head}{chunk}").into_bytes()),
            Step::Linger,
            Step::Say(b"0\r\n\r\n".to_vec()),
        ]
    })
    .await;
    let wire = wire_to(&server);
    let until = |bytes: &[u8]| contains(bytes, "data: 1");
    for _ in 0..8 {
        let mut outgoing = ask(server.url("/"));
        outgoing.until = Some(&until);
        answer(&wire, outgoing).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.requests().len(), 8);
    assert!(server.connections() < 8, "{}", server.connections());
}

#[tokio::test]
async fn a_proxy_is_used_when_asked_for() {
    let proxy = Responder::saying(ok("", "through the proxy")).await;
    let network = Network {
        proxy: Some(proxy.url("")),
        ..network()
    };
    let wire = wire("http://mcp.invalid/mcp", &network);
    let response = answer(&wire, ask("http://mcp.invalid/mcp")).await;
    assert_eq!(response.body.text(), "through the proxy");
    assert!(proxy.requests()[0].starts_with("POST http://mcp.invalid/mcp HTTP/1.1\r\n"));
}
