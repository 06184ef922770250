use super::*;
use crate::model::authorization::UpstreamState;
use crate::model::exchange::{ExchangeId, Outcome, Request};
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::oracle::testing::{http, reset};

const REDIRECT: &str = "https://app.example.com/cb";

fn read(outcome: Outcome) -> Step {
    let exchange = Exchange {
        id: ExchangeId(0),
        probe: ProbeKey::new(ProbeId::AuthorizeChanged),
        identity: "anonymous".to_owned(),
        tier: Tier::Anonymous,
        request: Request {
            method: "GET".to_owned(),
            url: "https://as.example.com/authorize".to_owned(),
            headers: Vec::new(),
            body: None,
        },
        outcome,
        started_ms: 0,
        elapsed_ms: 0,
        caused_by: None,
    };
    let endpoint = Url::parse("https://as.example.com/authorize").unwrap();
    let parameters = [
        ("redirect_uri", "https://evil.invalid/cb"),
        ("state", "a-state-of-ours"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let asked = Asked {
        url: &endpoint,
        endpoint: &endpoint,
        registered: REDIRECT,
        parameters: &parameters,
    };
    step(&exchange, None, &asked)
}

fn sent_to(location: &str) -> Step {
    read(http(302, &[("Location", location)], ""))
}

fn end(step: Step) -> FrontEnd {
    match step {
        Step::End(end) => end,
        Step::Onward(url) => panic!("went on to {url}"),
    }
}

#[test]
fn a_redirect_back_is_told_by_where_it_leads() {
    let location =
        format!("{REDIRECT}?error=invalid_request&state=a-state-of-ours&iss=https%3A%2F%2Fas");
    let FrontEnd::Returned(returned) = end(sent_to(&location)) else {
        panic!("not a return");
    };
    assert!(returned.registered && returned.state);
    assert_eq!(returned.error.as_deref(), Some("invalid_request"));
    assert_eq!(returned.iss.as_deref(), Some("https://as"));
    let FrontEnd::Returned(returned) = end(sent_to("https://evil.invalid/cb#access_token=x"))
    else {
        panic!("not a return");
    };
    assert!(!returned.registered && !returned.state);
    assert_eq!(returned.brought, Some(Brought::Token));
}

#[test]
fn a_redirect_within_the_origin_goes_on_and_one_to_a_foreign_server_ends() {
    assert_eq!(
        sent_to("/login?x=1"),
        Step::Onward(Url::parse("https://as.example.com/login?x=1").unwrap())
    );
    let upstream = end(sent_to(
        "https://idp.example.net/auth?client_id=static&response_type=code&state=12345678",
    ));
    let FrontEnd::Upstream(upstream) = upstream else {
        panic!("not upstream");
    };
    assert_eq!(upstream.client_id.as_deref(), Some("static"));
    assert!(!upstream.challenge);
    assert!(
        upstream
            .state
            .is_some_and(|state: UpstreamState| state.bits < 64)
    );
    assert!(matches!(
        end(sent_to("https://www.example.net/help")),
        FrontEnd::Elsewhere { .. }
    ));
}

#[test]
fn what_cannot_be_read_is_said() {
    for outcome in [
        reset(),
        http(302, &[], ""),
        http(302, &[("Location", "http://[")], ""),
    ] {
        assert!(matches!(end(read(outcome)), FrontEnd::Unreadable { .. }));
    }
}

#[test]
fn the_path_of_a_page_comes_from_what_may_be_shown() {
    let FrontEnd::Page(page) = end(read(http(200, &[], "<form></form>"))) else {
        panic!("not a page");
    };
    assert_eq!(page.path, "/authorize");
    assert_eq!(page.forms, 1);
}

fn page(status: u16, path: &str, forms: usize) -> FrontEnd {
    FrontEnd::Page(FrontPage {
        status,
        path: path.to_owned(),
        skeleton: format!("{forms}"),
        forms,
        typed_input: forms > 0,
    })
}

fn answer(ask: FrontAsk, end: FrontEnd) -> FrontAnswer {
    FrontAnswer {
        ask,
        redirect_uri: REDIRECT.to_owned(),
        end,
        exchanges: vec![ExchangeId(1)],
    }
}

fn channel(strangers: FrontEnd, answers: Vec<(FrontAsk, FrontEnd)>) -> FrontChannel {
    FrontChannel {
        issuer: "https://as.example.com".to_owned(),
        endpoint: "https://as.example.com/authorize".to_owned(),
        strangers: vec![answer(FrontAsk::UnknownClient, strangers)],
        clients: vec![FrontClient {
            client_id: "app".to_owned(),
            registered: false,
            redirect_uri: REDIRECT.to_owned(),
            answers: answers
                .into_iter()
                .map(|(ask, end)| answer(ask, end))
                .collect(),
        }],
    }
}

fn verdict(channel: &FrontChannel, ask: FrontAsk) -> Taken {
    taken(channel, &channel.clients[0], ask)
}

#[test]
fn a_request_is_taken_only_where_its_like_is_refused() {
    let refused = || page(400, "/authorize", 0);
    let login = || page(200, "/authorize", 1);
    let mut asked = channel(
        refused(),
        vec![
            (FrontAsk::Good, login()),
            (FrontAsk::ChallengeMissing, login()),
            (FrontAsk::MethodUnknown, login()),
        ],
    );
    assert!(matches!(
        verdict(&asked, FrontAsk::ChallengeMissing),
        Taken::Open(_)
    ));
    asked.clients[0].answers[2].end = refused();
    assert_eq!(verdict(&asked, FrontAsk::ChallengeMissing), Taken::Yes);
    asked.clients[0].answers[1].end = refused();
    assert_eq!(verdict(&asked, FrontAsk::ChallengeMissing), Taken::No);
}

#[test]
fn a_refused_good_request_leaves_everything_open() {
    let refused = || page(400, "/authorize", 0);
    let asked = channel(
        refused(),
        vec![
            (FrontAsk::Good, refused()),
            (FrontAsk::MethodPlain, refused()),
        ],
    );
    assert!(matches!(
        verdict(&asked, FrontAsk::MethodPlain),
        Taken::Open(_)
    ));
}

#[test]
fn an_error_page_with_status_200_is_known_from_the_stranger() {
    let asked = channel(
        page(200, "/authorize", 0),
        vec![
            (FrontAsk::Good, page(200, "/authorize", 1)),
            (FrontAsk::RedirectSubpath, page(200, "/authorize", 0)),
        ],
    );
    assert_eq!(verdict(&asked, FrontAsk::RedirectSubpath), Taken::No);
    let stranger = stranger_taken(&asked, &asked.strangers[0]);
    assert_eq!(stranger, Taken::No);
}

#[test]
fn a_path_that_varies_between_good_requests_may_vary() {
    let asked = channel(
        page(400, "/authorize", 0),
        vec![
            (FrontAsk::Good, page(200, "/interaction/one", 1)),
            (FrontAsk::GoodAgain, page(200, "/interaction/two", 1)),
            (
                FrontAsk::RedirectSubpath,
                page(200, "/interaction/three", 1),
            ),
            (FrontAsk::RedirectQuery, page(200, "/error/four", 1)),
        ],
    );
    assert_eq!(verdict(&asked, FrontAsk::RedirectSubpath), Taken::Yes);
    assert!(matches!(
        verdict(&asked, FrontAsk::RedirectQuery),
        Taken::Open(_)
    ));
}

#[test]
fn an_unknown_client_is_taken_when_it_gets_what_a_known_one_gets() {
    let login = || page(200, "/authorize", 1);
    let mut asked = channel(
        login(),
        vec![
            (FrontAsk::Good, login()),
            (FrontAsk::MethodUnknown, page(400, "/authorize", 0)),
        ],
    );
    let stranger = |asked: &FrontChannel| stranger_taken(asked, &asked.strangers[0]);
    assert_eq!(stranger(&asked), Taken::Yes);
    asked.clients[0].answers[1].end = login();
    assert!(matches!(stranger(&asked), Taken::Open(_)));
    asked.clients.clear();
    assert!(matches!(stranger(&asked), Taken::Open(_)));
}

#[test]
fn a_server_error_is_neither_refusal_nor_consent() {
    let asked = channel(
        page(400, "/authorize", 0),
        vec![
            (FrontAsk::Good, page(200, "/authorize", 1)),
            (FrontAsk::RedirectSubpath, page(500, "/authorize", 0)),
        ],
    );
    assert!(matches!(
        verdict(&asked, FrontAsk::RedirectSubpath),
        Taken::Open(_)
    ));
}
