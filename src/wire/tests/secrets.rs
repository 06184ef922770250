use secrecy::SecretString;

use super::responder::{Step, ok};
use super::*;
use crate::wire::client::Clients;
use crate::wire::failure::before_answer;
use crate::wire::guard::{Bounds, Route};

const TOKEN: &str = "reader-token-5f0c2b7e";

fn with_token(url: String) -> Outgoing<'static> {
    let mut outgoing = ask(url);
    outgoing.identity = "reader".to_owned();
    outgoing.credential = Some(SecretString::from(TOKEN));
    outgoing
}

/// Says back everything it was sent.
async fn echo() -> Responder {
    Responder::start(|_, request| {
        let authorization = request
            .lines()
            .find_map(|line| line.strip_prefix("authorization: "))
            .unwrap_or("none");
        vec![Step::Say(ok(
            &format!("x-echo: {authorization}\r\n"),
            request,
        ))]
    })
    .await
}

#[tokio::test]
async fn a_token_is_sent_to_the_target_and_filed_as_its_label() {
    let server = echo().await;
    let wire = wire_to(&server);
    wire.know("token-of-the-reader", &SecretString::from(TOKEN));
    let exchange = wire.send(with_token(server.url("/mcp"))).await.exchange;
    assert!(server.requests()[0].contains(&format!("authorization: Bearer {TOKEN}\r\n")));
    let filed = serde_json::to_string(&exchange).unwrap();
    assert!(!filed.contains(TOKEN), "{filed}");
    assert_eq!(
        filed.matches("Bearer {token-of-the-reader}").count(),
        3,
        "{filed}"
    );
}

#[tokio::test]
async fn a_credential_that_nobody_registered_is_recognised_when_it_comes_back() {
    let server = echo().await;
    let exchange = wire_to(&server)
        .send(with_token(server.url("/mcp")))
        .await
        .exchange;
    let filed = serde_json::to_string(&exchange).unwrap();
    assert!(!filed.contains(TOKEN), "{filed}");
    assert!(filed.contains("{token-reader}"), "{filed}");
}

#[tokio::test]
async fn a_token_never_reaches_a_foreign_host() {
    let server = echo().await;
    let wire = wire("https://mcp.example.com/mcp", &network());
    wire.know("token-reader", &SecretString::from(TOKEN));
    let url = server.url("/");
    let flagged = Outgoing {
        carries_secret: true,
        ..ask(url.clone())
    };
    let mut in_field = ask(url.clone());
    in_field.headers = vec![("cookie".to_owned(), "sid=1".to_owned())];
    let mut in_body = ask(url.clone());
    in_body.body = Some(format!("client_secret={TOKEN}").into_bytes());
    let in_url = ask(format!("{url}?x={TOKEN}"));
    for outgoing in [with_token(url.clone()), flagged, in_field, in_body, in_url] {
        let failure = failure(&wire, outgoing).await;
        assert_eq!(failure.kind, FailureKind::Blocked);
        assert!(failure.text.contains("plain http"), "{}", failure.text);
        assert!(!failure.text.contains(TOKEN));
    }
    assert_eq!((server.connections(), wire.sent()), (0, 0));
    assert_eq!(answer(&wire, ask(url)).await.status, 200);
}

#[tokio::test]
async fn an_allowed_host_may_have_the_token() {
    let server = echo().await;
    let elsewhere = "http://127.0.0.2:1/mcp";
    let strict = wire(elsewhere, &network());
    let refused = failure(&strict, with_token(server.url("/"))).await;
    assert!(
        refused.text.contains("--allow-host 127.0.0.1"),
        "{}",
        refused.text
    );
    let network = Network {
        allow_hosts: [server.address.to_string()].into(),
        ..network()
    };
    let response = answer(&wire(elsewhere, &network), with_token(server.url("/"))).await;
    assert_eq!(response.header("x-echo"), Some("Bearer {token-reader}"));
}

#[tokio::test]
async fn a_learned_secret_is_filed_as_its_label_and_may_go_back_where_it_came_from() {
    let server = Responder::start(|_, _| {
        vec![Step::Say(ok(
            "mcp-session-id: s-1234567\r\n",
            "you are s-1234567",
        ))]
    })
    .await;
    let wire = wire("http://127.0.0.2:1/mcp", &network());
    let learn = |answer: &RawAnswer<'_>| {
        let field = answer
            .headers
            .iter()
            .find(|(name, _)| name == "mcp-session-id");
        let value = String::from_utf8(field.unwrap().1.clone()).unwrap();
        vec![Learned {
            label: "session-a".to_owned(),
            secret: SecretString::from(value),
        }]
    };
    let mut outgoing = ask(server.url("/register"));
    outgoing.learn = Some(&learn);
    let sent = wire.send(outgoing).await;
    let response = sent.exchange.response().unwrap();
    assert_eq!(response.header("mcp-session-id"), Some("{session-a}"));
    assert_eq!(response.body.text(), "you are {session-a}");
    let mut back = ask(server.url("/register/1"));
    back.credential = Some(sent.learned[0].secret.clone());
    assert_eq!(answer(&wire, back.clone()).await.status, 200);
    back.body = Some(b"client_secret=operator-secret".to_vec());
    wire.know("client-secret", &SecretString::from("operator-secret"));
    assert_eq!(failure(&wire, back).await.kind, FailureKind::Blocked);
    let other = echo().await;
    let mut elsewhere = ask(other.url("/"));
    elsewhere.credential = Some(sent.learned[0].secret.clone());
    assert_eq!(failure(&wire, elsewhere).await.kind, FailureKind::Blocked);
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_url_that_a_public_target_names_does_not_lead_inside() {
    let server = echo().await;
    let wire = wire("https://mcp.example.com/mcp", &network());
    let port = server.address.port();
    for (url, expected) in [
        (format!("http://127.0.0.1:{port}/"), "plain http"),
        (format!("https://127.0.0.1:{port}/"), "a loopback address"),
        (format!("https://localhost:{port}/"), "a loopback address"),
        (
            format!("https://[::ffff:127.0.0.1]:{port}/"),
            "a loopback address",
        ),
        (
            "https://169.254.169.254/latest".to_owned(),
            "a cloud metadata service",
        ),
    ] {
        let mut outgoing = ask(url.clone());
        outgoing.destination = Destination::Discovered;
        let failure = failure(&wire, outgoing).await;
        let kind = match expected {
            "plain http" => FailureKind::Blocked,
            _ => FailureKind::Inside,
        };
        assert_eq!(failure.kind, kind, "{url}");
        assert!(failure.text.contains(expected), "{}", failure.text);
        assert!(failure.text.contains("--allow-host"), "{}", failure.text);
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_url_that_a_loopback_target_names_may_be_on_loopback() {
    let target = echo().await;
    let other = echo().await;
    let wire = wire_to(&target);
    let mut outgoing = ask(format!("http://localhost:{}/", other.address.port()));
    outgoing.destination = Destination::Discovered;
    assert_eq!(answer(&wire, outgoing).await.status, 200);
}

#[tokio::test]
async fn a_name_is_checked_when_it_resolves_and_nothing_is_connected() {
    let server = echo().await;
    let target = Url::parse("https://mcp.example.com/").unwrap();
    let bounds = Bounds::new(&target, &std::collections::BTreeSet::new()).unwrap();
    let clients = Clients::new(&network(), &bounds).unwrap();
    let url = Url::parse(&format!("http://localhost:{}/", server.address.port())).unwrap();
    let request = || reqwest::Request::new(reqwest::Method::GET, url.clone());
    let error = clients
        .execute(Route::Filtered, false, None, request())
        .await
        .unwrap_err();
    let (kind, text) = before_answer(error, "localhost", LONG);
    assert_eq!(kind, FailureKind::Inside, "{text}");
    assert_eq!(server.connections(), 0);
    let response = clients
        .execute(Route::Open, false, None, request())
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn behind_a_proxy_a_discovered_name_is_checked_as_far_as_it_resolves_here() {
    let proxy = echo().await;
    let network = Network {
        proxy: Some(proxy.url("")),
        allow_hosts: ["as.invalid".to_owned()].into(),
        ..network()
    };
    let wire = wire("http://127.0.0.2:1/mcp", &network);
    let discovered = |url: &str| Outgoing {
        destination: Destination::Discovered,
        ..ask(url)
    };
    let private = failure(&wire, discovered("http://10.0.0.1/")).await;
    assert_eq!(private.kind, FailureKind::Inside);
    assert_eq!(proxy.connections(), 0);
    for url in [
        "http://as.invalid/",
        "http://other.invalid/",
        "http://127.0.0.3/",
    ] {
        assert_eq!(answer(&wire, discovered(url)).await.status, 200, "{url}");
    }
}
