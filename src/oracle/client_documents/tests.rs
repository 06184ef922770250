use super::*;
use crate::model::client_documents::DocumentFetch;
use crate::model::exchange::{Body, Failure, FailureKind, HeaderField, Outcome, Request};
use crate::model::probe::{ProbeId, ProbeKey, Tier};

const BACK: &str = "http://127.0.0.1:53682/callback";
const MARKER: &str = "only-in-the-document";

fn exchange(outcome: Outcome) -> Exchange {
    Exchange {
        id: ExchangeId(1),
        probe: ProbeKey::new(ProbeId::AuthorizeDocument),
        identity: "anonymous".to_owned(),
        tier: Tier::Register,
        request: Request {
            method: "GET".to_owned(),
            url: "https://as.example/authorize?client_id=x".to_owned(),
            headers: Vec::new(),
            body: None,
        },
        outcome,
        started_ms: 0,
        elapsed_ms: 0,
        caused_by: None,
    }
}

fn answer(status: u16, location: Option<&str>, body: &str) -> Exchange {
    exchange(Outcome::Response(Response {
        status,
        headers: location
            .map(|to| HeaderField::new("Location", to))
            .into_iter()
            .collect(),
        body: Body {
            bytes: body.as_bytes().into(),
            truncated: false,
            length: body.len() as u64,
            sha256: String::new(),
        },
        stream: None,
    }))
}

fn of(exchange: &Exchange) -> Answer<'_> {
    Answer {
        exchange,
        redirect: BACK,
        marker: MARKER,
    }
}

fn word(answer: &Exchange, good: &Exchange, unknown: &Exchange) -> Reception {
    compared(of(answer), of(good), of(unknown)).0
}

#[test]
fn a_good_document_goes_on_only_against_an_unknown_client() {
    let page = answer(200, None, MARKER);
    let plain = answer(200, None, "");
    let refused = answer(400, None, "");
    assert_eq!(control(of(&page), of(&refused)).0, Reception::GoesOn);
    assert_eq!(control(of(&plain), of(&plain)).0, Reception::Unclear);
    assert_eq!(control(of(&page), of(&plain)).0, Reception::GoesOn);
    assert_eq!(control(of(&refused), of(&refused)).0, Reception::Refused);
    let limited = answer(429, None, "");
    assert_eq!(control(of(&limited), of(&refused)).0, Reception::Unclear);
}

#[test]
fn an_error_about_the_client_is_a_refusal_and_one_about_the_login_is_not() {
    let refused = answer(400, None, "");
    for (error, expected) in [
        ("invalid_client", Reception::Refused),
        ("login_required", Reception::GoesOn),
    ] {
        let back = answer(302, Some(&format!("{BACK}?error={error}")), "");
        assert_eq!(control(of(&back), of(&refused)).0, expected, "{error}");
    }
}

#[test]
fn random_parts_of_a_login_address_do_not_tell_documents_apart() {
    let good = answer(302, Some("/interaction/a81f6c"), "");
    let other = answer(302, Some("/interaction/77be02"), "");
    let error = answer(302, Some("/error"), "");
    assert_eq!(word(&other, &good, &error), Reception::GoesOn);
    assert_eq!(word(&error, &good, &error), Reception::Refused);
    let elsewhere = answer(302, Some("https://idp.example/login"), "");
    assert_eq!(word(&elsewhere, &good, &error), Reception::Unclear);
}

#[test]
fn where_every_page_has_the_same_status_only_the_document_itself_tells() {
    let good = answer(200, None, MARKER);
    let unknown = answer(200, None, "no");
    assert_eq!(word(&good, &good, &unknown), Reception::GoesOn);
    assert_eq!(word(&unknown, &good, &unknown), Reception::Unclear);
    // With an unknown client refused by status, a page without the name still goes on.
    let refused = answer(400, None, "");
    assert_eq!(word(&unknown, &good, &refused), Reception::GoesOn);
    assert_eq!(word(&refused, &good, &refused), Reception::Refused);
}

#[test]
fn no_answer_decides_nothing() {
    let silent = exchange(Outcome::Failure(Failure {
        kind: FailureKind::Timeout,
        text: "no answer within 30 s".to_owned(),
        partial: None,
    }));
    let good = answer(200, None, MARKER);
    let refused = answer(400, None, "");
    assert_eq!(word(&silent, &good, &refused), Reception::Unclear);
    assert_eq!(word(&good, &silent, &refused), Reception::Unclear);
}

fn attempt(variant: DocumentVariant, reception: Reception, fetch: Option<bool>) -> DocumentAttempt {
    DocumentAttempt {
        variant,
        client_id: "https://client.example/c.json".to_owned(),
        reception,
        what: "refused with HTTP 400".to_owned(),
        fetches: fetch
            .map(|handshake| DocumentFetch {
                handshake,
                ..DocumentFetch::default()
            })
            .into_iter()
            .collect(),
        followed: Vec::new(),
        answered_ms: 0,
        exchange: ExchangeId(4),
    }
}

fn decided(attempts: &[DocumentAttempt], plaintext: bool) -> Admission {
    admission(&AdmissionInput {
        advertised: true,
        may_register: true,
        obstacle: None,
        plaintext,
        attempts,
    })
}

#[test]
fn the_admission_follows_from_reception_and_fetch() {
    use DocumentAdmission::{AnyClient, DomainPolicy, Undetermined};
    use Reception::{GoesOn, Refused, Unclear};
    for (reception, fetch, expected) in [
        (GoesOn, Some(false), AnyClient),
        (GoesOn, None, Undetermined),
        (Refused, None, DomainPolicy),
        (Refused, Some(false), Undetermined),
        (Unclear, Some(false), Undetermined),
    ] {
        let attempts = [attempt(DocumentVariant::Good, reception, fetch)];
        let found = decided(&attempts, false);
        assert_eq!(found.admission, expected, "{reception:?} {fetch:?}");
        assert_eq!(found.exchanges, [ExchangeId(4)]);
    }
}

#[test]
fn a_refusal_of_plain_http_names_the_address_that_would_decide() {
    let refused = attempt(DocumentVariant::Good, Reception::Refused, None);
    let knock = attempt(DocumentVariant::HttpsKnock, Reception::Refused, Some(true));
    let found = decided(std::slice::from_ref(&refused), true);
    assert_eq!(found.admission, DocumentAdmission::Undetermined);
    assert_eq!(found.decided_by.as_deref(), Some("--callback-base"));
    assert!(found.reason.contains("not fetched"), "{}", found.reason);
    let found = decided(&[refused, knock], true);
    assert!(found.reason.contains("certificate"), "{}", found.reason);
}

#[test]
fn without_consent_or_advertisement_nothing_is_claimed() {
    let input = AdmissionInput {
        advertised: true,
        may_register: false,
        obstacle: None,
        plaintext: false,
        attempts: &[],
    };
    let found = admission(&input);
    assert_eq!(found.decided_by.as_deref(), Some("--allow register"));
    let silent = AdmissionInput {
        advertised: false,
        ..input
    };
    let found = admission(&silent);
    assert_eq!(found.admission, DocumentAdmission::NotAdvertised);
    let stuck = AdmissionInput {
        may_register: true,
        obstacle: Some(("nothing leads here", Some("--callback-base"))),
        ..input
    };
    assert_eq!(admission(&stuck).reason, "nothing leads here");
}
