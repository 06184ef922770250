use super::responder::{Step, events, ok};
use super::*;

#[tokio::test]
async fn an_endless_header_is_too_large() {
    for (first, again) in [
        (
            "HTTP/1.1 200 OK\r\n",
            "x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nx: ",
            "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
        ),
    ] {
        let server = Responder::start(move |_, _| {
            let again = again.repeat(100).into_bytes();
            vec![Step::Say(first.as_bytes().to_vec()), Step::Endless(again)]
        })
        .await;
        let failure = failure(&wire_to(&server), ask(server.url("/"))).await;
        assert_eq!(failure.kind, FailureKind::TooLarge, "{}", failure.text);
    }
}

#[tokio::test]
async fn the_header_cap_is_the_one_of_the_settings() {
    let field = format!("x-big: {}\r\n", "y".repeat(2000));
    let server = Responder::saying(ok(&field, "body")).await;
    let small = Network {
        max_header_bytes: 1000,
        ..network()
    };
    let refused = failure(&wire(&server.url("/"), &small), ask(server.url("/"))).await;
    assert_eq!(refused.kind, FailureKind::TooLarge);
    assert!(refused.text.contains("1000"), "{}", refused.text);
    assert_eq!(
        answer(&wire_to(&server), ask(server.url("/"))).await.status,
        200
    );
}

#[tokio::test]
async fn an_endless_body_is_cut_and_its_beginning_kept() {
    let server = Responder::start(|_, _| {
        let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        vec![Step::Say(head), Step::Endless(vec![b'x'; 1000])]
    })
    .await;
    let network = Network {
        max_body_bytes: 1024,
        max_read_bytes: 64 * 1024,
        ..network()
    };
    let wire = wire(&server.url("/"), &network);
    let response = answer(&wire, ask(server.url("/"))).await;
    assert!(response.body.truncated);
    assert_eq!(response.body.bytes.len(), 1024);
    assert!(response.body.length >= 64 * 1024);
    server.until_quiet().await;
}

#[tokio::test]
async fn a_body_within_the_read_cap_is_hashed_beyond_what_is_kept() {
    let body = "x".repeat(5000);
    let server = Responder::saying(ok("", &body)).await;
    let network = Network {
        max_body_bytes: 100,
        ..network()
    };
    let kept = answer(&wire(&server.url("/"), &network), ask(server.url("/")))
        .await
        .body;
    let whole = answer(&wire_to(&server), ask(server.url("/"))).await.body;
    assert_eq!(
        (kept.bytes.len(), kept.length, kept.truncated),
        (100, 5000, true)
    );
    assert_eq!(
        (whole.bytes.len(), whole.length, whole.truncated),
        (5000, 5000, false)
    );
    assert_eq!(kept.sha256, whole.sha256);
}

#[tokio::test]
async fn a_stream_whose_answer_lies_beyond_the_cap_is_cut() {
    let server = Responder::start(|_, _| {
        let head = events("");
        vec![Step::Say(head), Step::Endless(b": noise\n".to_vec())]
    })
    .await;
    let network = Network {
        max_body_bytes: 1024,
        ..network()
    };
    let until = |_: &[u8]| false;
    let mut outgoing = ask(server.url("/"));
    outgoing.until = Some(&until);
    let response = answer(&wire(&server.url("/"), &network), outgoing).await;
    assert!(response.body.truncated);
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let server = Responder::start(|_, _| vec![Step::Hang]).await;
    let mut outgoing = ask(server.url("/"));
    outgoing.deadline = Some(SHORT);
    let failure = failure(&wire_to(&server), outgoing).await;
    assert_eq!(failure.kind, FailureKind::Timeout);
    assert!(failure.text.contains("400 ms") && failure.text.contains("--timeout"));
    assert!(failure.partial.is_none());
}

#[tokio::test]
async fn a_slow_drip_does_not_outlast_the_deadline() {
    for head in ["", "HTTP/1.1 200 OK\r\n\r\n"] {
        let server = Responder::start(move |_, _| {
            vec![
                Step::Say(head.as_bytes().to_vec()),
                Step::Drip(b"HTTP/1.1 200 OK ".to_vec()),
            ]
        })
        .await;
        let mut outgoing = ask(server.url("/"));
        outgoing.deadline = Some(SHORT);
        let failure = failure(&wire_to(&server), outgoing).await;
        assert_eq!(failure.kind, FailureKind::Timeout, "{}", failure.text);
        let partial = failure
            .partial
            .map(|partial| (partial.status, partial.body.truncated));
        assert_eq!(partial, (!head.is_empty()).then_some((200, true)));
    }
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_allowed() {
    let server = Responder::start(|_, _| vec![Step::Linger, Step::Say(ok("", "x"))]).await;
    let network = Network {
        concurrency: 3,
        ..network()
    };
    let wire = wire(&server.url("/"), &network);
    let sends = (0..20).map(|_| answer(&wire, ask(server.url("/"))));
    let answers = futures_util::future::join_all(sends).await;
    assert_eq!(answers.len(), 20);
    assert!(
        server.busiest() > 1 && server.busiest() <= 3,
        "{}",
        server.busiest()
    );
}

#[tokio::test]
async fn a_host_that_asks_for_a_pause_gets_it() {
    let server = Responder::start(|number, _| {
        let slow = "HTTP/1.1 429 Slow down\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n";
        vec![Step::Say(if number == 0 {
            slow.into()
        } else {
            ok("", "")
        })]
    })
    .await;
    let target = Url::parse(&server.url("/")).unwrap();
    let cancel = CancellationToken::new();
    let wire = HttpWire::new(&target, &network(), cancel.clone()).unwrap();
    assert_eq!(answer(&wire, ask(server.url("/"))).await.status, 429);
    let held = wire.send(ask(server.url("/")));
    let waited = tokio::time::timeout(SHORT, held).await;
    assert!(waited.is_err());
    assert_eq!(server.requests().len(), 1);
    let held = wire.send(ask(server.url("/")));
    cancel.cancel();
    let failure = held.await.exchange.failure().cloned().unwrap();
    assert_eq!(failure.kind, FailureKind::Cancelled);
    assert_eq!((server.requests().len(), wire.sent()), (1, 1));
}

#[tokio::test]
async fn the_budget_stops_everything_but_cleaning_up() {
    let server = Responder::saying(ok("", "")).await;
    let network = Network {
        max_requests: 2,
        ..network()
    };
    let wire = wire(&server.url("/"), &network);
    for _ in 0..2 {
        answer(&wire, ask(server.url("/"))).await;
    }
    let refused = failure(&wire, ask(server.url("/"))).await;
    assert_eq!(refused.kind, FailureKind::Budget);
    assert!(refused.text.contains("--max-requests"), "{}", refused.text);
    assert_eq!((server.requests().len(), wire.sent()), (2, 2));
    let mut cleanup = ask(server.url("/"));
    cleanup.cleanup = true;
    assert_eq!(answer(&wire, cleanup).await.status, 200);
    assert_eq!(wire.sent(), 3);
}

#[tokio::test]
async fn cancelling_ends_what_is_in_flight_and_lets_cleaning_up_through() {
    let server = Responder::start(|number, _| match number {
        0 => vec![Step::Hang],
        _ => vec![Step::Say(ok("", ""))],
    })
    .await;
    let target = Url::parse(&server.url("/")).unwrap();
    let cancel = CancellationToken::new();
    let wire = HttpWire::new(&target, &network(), cancel.clone()).unwrap();
    let in_flight = wire.send(ask(server.url("/")));
    let interrupt = async {
        server.until_requests(1).await;
        cancel.cancel();
    };
    let (sent, ()) = tokio::join!(in_flight, interrupt);
    let kind = sent.exchange.failure().map(|failure| failure.kind);
    assert_eq!(kind, Some(FailureKind::Cancelled));
    let late = failure(&wire, ask(server.url("/"))).await;
    assert_eq!(late.kind, FailureKind::Cancelled);
    assert_eq!(server.requests().len(), 1);
    let mut cleanup = ask(server.url("/"));
    cleanup.cleanup = true;
    assert_eq!(answer(&wire, cleanup).await.status, 200);
}
