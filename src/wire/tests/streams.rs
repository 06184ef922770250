use super::responder::{Step, events, ok};
use super::*;

const ENDPOINT: &str = "event: endpoint\ndata: /messages?sessionId=abc\n\n";

fn has_endpoint(bytes: &[u8]) -> bool {
    contains(bytes, "sessionId=abc\n\n")
}

/// A 2024-11-05 server: GET opens the stream, each POST is answered on it.
async fn legacy(reply: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static) -> Responder {
    Responder::start(move |_, request| {
        if request.starts_with("GET") {
            return vec![Step::Say(events(ENDPOINT)), Step::Follow];
        }
        let body = request.split("\r\n\r\n").nth(1).unwrap_or_default();
        let accepted = b"HTTP/1.1 202 Accepted\r\ncontent-length: 8\r\n\r\nAccepted".to_vec();
        let mut steps = vec![Step::Say(accepted)];
        steps.extend(reply(body));
        steps
    })
    .await
}

async fn open(wire: &HttpWire, server: &Responder) -> StreamId {
    let mut outgoing = ask(server.url("/sse"));
    outgoing.method = "GET";
    outgoing.until = Some(&has_endpoint);
    let opened = wire.open(outgoing).await;
    let response = opened.sent.exchange.response().unwrap().clone();
    assert_eq!(response.body.text(), ENDPOINT);
    opened.stream.unwrap()
}

async fn post(wire: &HttpWire, server: &Responder, stream: StreamId, id: u32) -> Sent {
    let wanted = format!("\"id\":{id},");
    let until = move |bytes: &[u8]| contains(bytes, &wanted);
    let mut outgoing = ask(server.url("/messages?sessionId=abc"));
    outgoing.body = Some(id.to_string().into_bytes());
    outgoing.reply_on = Some(stream);
    outgoing.until = Some(&until);
    outgoing.deadline = Some(LONG);
    wire.send(outgoing).await
}

fn publish(text: &str) -> Step {
    Step::Publish(text.as_bytes().to_vec())
}

#[tokio::test]
async fn each_answer_on_the_stream_goes_to_the_request_it_answers() {
    let server = legacy(|id| {
        vec![
            publish(": ping\n\n"),
            publish("event: message\ndata: {\"method\":\"notifications/x\"}\n\nevent: mess"),
            Step::Linger,
            publish(&format!("age\ndata: {{\"id\":{id},\"result\":{{}}}}\n\n")),
        ]
    })
    .await;
    let wire = wire_to(&server);
    let stream = open(&wire, &server).await;
    let sends = (1..=6).map(|id| post(&wire, &server, stream, id));
    let all = futures_util::future::join_all(sends).await;
    for (id, sent) in (1..=6).zip(all) {
        let response = sent.exchange.response().unwrap().clone();
        assert_eq!((response.status, &*response.body.text()), (202, "Accepted"));
        let reply = response.stream.unwrap();
        assert!(
            contains(&reply.bytes(), &format!("\"id\":{id},")),
            "{}",
            reply.text()
        );
        assert_eq!(
            reply.text().matches("\"result\"").count(),
            1,
            "{}",
            reply.text()
        );
        assert!(!reply.truncated);
        assert_eq!(reply.length, reply.bytes.len() as u64);
    }
    assert_eq!(server.requests().len(), 7);
}

#[tokio::test]
async fn a_reply_that_does_not_come_is_a_timeout_with_what_came() {
    let server = legacy(|_| vec![publish(": ping\n\n")]).await;
    let wire = wire_to(&server);
    let stream = open(&wire, &server).await;
    let until = |_: &[u8]| false;
    let mut outgoing = ask(server.url("/messages"));
    outgoing.reply_on = Some(stream);
    outgoing.until = Some(&until);
    outgoing.deadline = Some(SHORT);
    let failure = failure(&wire, outgoing).await;
    assert_eq!(failure.kind, FailureKind::Timeout);
    let partial = failure.partial.unwrap();
    assert_eq!(partial.status, 202);
    let seen = partial.stream.unwrap();
    assert_eq!((&*seen.text(), seen.truncated), (": ping\n\n", true));
}

#[tokio::test]
async fn a_refused_post_is_answered_by_its_own_body() {
    let server = Responder::start(|_, request| {
        if request.starts_with("GET") {
            return vec![Step::Say(events(ENDPOINT)), Step::Follow];
        }
        vec![Step::Say(
            b"HTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\nno".to_vec(),
        )]
    })
    .await;
    let wire = wire_to(&server);
    let stream = open(&wire, &server).await;
    let exchange = post(&wire, &server, stream, 1).await.exchange;
    let response = exchange.response().unwrap();
    assert_eq!((response.status, &*response.body.text()), (401, "no"));
    assert!(response.stream.is_none());
}

#[tokio::test]
async fn a_notification_does_not_wait_for_an_answer() {
    let server = legacy(|_| Vec::new()).await;
    let wire = wire_to(&server);
    let stream = open(&wire, &server).await;
    let mut outgoing = ask(server.url("/messages"));
    outgoing.reply_on = Some(stream);
    let response = answer(&wire, outgoing).await;
    assert_eq!(response.status, 202);
    assert!(response.stream.is_none());
}

#[tokio::test]
async fn a_stream_that_the_server_closes_takes_no_further_requests() {
    let server = Responder::start(|number, _| match number {
        0 => vec![Step::Say(events(ENDPOINT)), Step::Linger, Step::Close],
        _ => vec![Step::Say(
            b"HTTP/1.1 202 Ok\r\ncontent-length: 0\r\n\r\n".to_vec(),
        )],
    })
    .await;
    let wire = wire_to(&server);
    let stream = open(&wire, &server).await;
    let mut last = None;
    for id in 1..=2 {
        let sent = post(&wire, &server, stream, id).await;
        last = sent.exchange.failure().cloned();
    }
    let failure = last.unwrap();
    assert_eq!(failure.kind, FailureKind::Reset);
    assert!(
        failure.text.contains("nothing was sent"),
        "{}",
        failure.text
    );
    assert!(server.requests().len() <= 2);
}

#[tokio::test]
async fn a_closed_stream_takes_no_requests_and_lets_the_connection_go() {
    let server = legacy(|_| Vec::new()).await;
    let wire = wire_to(&server);
    let stream = open(&wire, &server).await;
    wire.close(stream);
    server.until_quiet().await;
    let sent = post(&wire, &server, stream, 1).await;
    let kind = sent.exchange.failure().map(|failure| failure.kind);
    assert_eq!(kind, Some(FailureKind::Reset));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn everything_closes_when_the_wire_is_dropped() {
    let server = legacy(|_| Vec::new()).await;
    let wire = wire_to(&server);
    open(&wire, &server).await;
    open(&wire, &server).await;
    assert_eq!(server.connections(), 2);
    drop(wire);
    server.until_quiet().await;
}

#[tokio::test]
async fn a_flood_on_an_idle_stream_is_cut() {
    let server = Responder::start(|_, _| {
        let flood = Step::Endless(b": flood\n".repeat(100));
        vec![Step::Say(events(ENDPOINT)), flood]
    })
    .await;
    let network = Network {
        max_read_bytes: 64 * 1024,
        ..network()
    };
    let wire = wire(&server.url("/"), &network);
    let mut outgoing = ask(server.url("/sse"));
    outgoing.until = Some(&has_endpoint);
    let opened = wire.open(outgoing).await;
    assert!(opened.stream.is_some());
    server.until_quiet().await;
}

#[tokio::test]
async fn what_is_no_stream_does_not_open_one() {
    let server = Responder::saying(ok("content-type: application/json\r\n", "{}")).await;
    let wire = wire_to(&server);
    let mut outgoing = ask(server.url("/sse"));
    outgoing.until = Some(&has_endpoint);
    let opened = wire.open(outgoing).await;
    assert!(opened.stream.is_none());
    assert_eq!(opened.sent.exchange.status(), Some(200));
    let refused = Responder::saying("HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n").await;
    let opened = wire.open(ask(refused.url("/sse"))).await;
    assert!(opened.stream.is_none());
    assert_eq!(opened.sent.exchange.status(), Some(405));
}
