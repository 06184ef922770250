use super::*;
use crate::model::consequence::ClientTerms;
use crate::model::registration::{Deletion, Usability};

const ENDPOINT: &str = "https://as.example.com/register";
const LOOPBACK: &str = "http://127.0.0.1:9/callback";

fn attempt(variant: &str, outcome: RegistrationOutcome, redirects: &[&str]) -> RegistrationAttempt {
    RegistrationAttempt {
        variant: variant.into(),
        endpoint: ENDPOINT.into(),
        outcome,
        requested_redirects: redirects.iter().map(|uri| (*uri).to_owned()).collect(),
        echoed_redirects: None,
        requested: ClientTerms::default(),
        echoed: ClientTerms::default(),
        client: None,
        exchange: ExchangeId(9),
    }
}

fn refused() -> RegistrationOutcome {
    RegistrationOutcome::RefusedMetadata {
        error: "invalid_redirect_uri".into(),
    }
}

fn client(id: &str, accepted: Option<bool>) -> CreatedClient {
    CreatedClient {
        client_id: id.into(),
        variant: "native-loopback".into(),
        exchange: ExchangeId(9),
        manageable: true,
        expires_at: None,
        usable: Some(Usability {
            accepted,
            what: String::new(),
            exchange: ExchangeId(10),
        }),
        deletion: Deletion::NotOffered,
    }
}

struct Known {
    metadata_read: bool,
    advertised: bool,
    attempts: Vec<RegistrationAttempt>,
    clients: Vec<CreatedClient>,
    stranger: Option<StrangerToken>,
    unattended: Option<StrangerToken>,
}

fn known(attempts: Vec<RegistrationAttempt>) -> Known {
    Known {
        metadata_read: true,
        advertised: true,
        attempts,
        clients: Vec::new(),
        stranger: None,
        unattended: None,
    }
}

impl Known {
    fn with(mut self, clients: Vec<CreatedClient>) -> Self {
        self.clients = clients;
        self
    }

    fn verdict(&self) -> PostureVerdict {
        posture(&PostureInput {
            unattended: self.unattended.as_ref(),
            metadata_read: self.metadata_read,
            advertised: self.advertised.then_some(ENDPOINT),
            attempts: &self.attempts,
            clients: &self.clients,
            stranger: self.stranger.as_ref(),
            may_register: false,
        })
    }

    fn posture(&self) -> Posture {
        self.verdict().posture
    }
}

use RegistrationOutcome::{
    Absent, Limited, NeedsSoftwareStatement, NeedsToken, RefusedBySource, Registered,
};

#[test]
fn a_gate_before_the_parser_is_d1_and_a_refused_truncated_body_is_not() {
    let gated = known(vec![attempt("truncated", NeedsToken, &[])]);
    assert_eq!(gated.posture(), Posture::D1);
    assert_eq!(gated.verdict().confidence, Confidence::Strong);
    let read = known(vec![attempt("truncated", refused(), &[])]);
    assert_eq!(read.posture(), Posture::Undetermined);
    assert_eq!(
        read.verdict().decided_by.as_deref(),
        Some("`--allow register`")
    );
}

#[test]
fn a_gate_behind_the_parser_is_d1_too() {
    let gated = known(vec![
        attempt("truncated", refused(), &[]),
        attempt("native-loopback", NeedsToken, &[LOOPBACK]),
    ]);
    assert_eq!(gated.posture(), Posture::D1);
}

#[test]
fn one_refused_client_does_not_close_the_door() {
    let one = known(vec![attempt("native-loopback", refused(), &[LOOPBACK])]);
    assert_eq!(one.posture(), Posture::Undetermined);
    let other = known(vec![
        attempt("native-loopback", refused(), &[LOOPBACK]),
        attempt("https-confidential", Registered, &["https://a.example/cb"]),
    ])
    .with(vec![client("c1", Some(true))]);
    assert_eq!(other.posture(), Posture::D3);
    assert_eq!(other.verdict().confidence, Confidence::Proven);
}

#[test]
fn a_bare_403_is_weakly_a_source_policy() {
    let verdict = known(vec![attempt("truncated", RefusedBySource, &[])]).verdict();
    assert_eq!(
        (verdict.posture, verdict.confidence),
        (Posture::D1p, Confidence::Weak)
    );
    let statement = known(vec![attempt(
        "native-loopback",
        NeedsSoftwareStatement,
        &[],
    )]);
    assert_eq!(statement.posture(), Posture::D2);
}

#[test]
fn an_advertised_endpoint_that_is_absent_or_limited_is_undetermined() {
    for outcome in [Absent, Limited] {
        assert_eq!(
            known(vec![attempt("truncated", outcome, &[])]).posture(),
            Posture::Undetermined
        );
    }
    assert_eq!(known(Vec::new()).posture(), Posture::Undetermined);
}

#[test]
fn nothing_advertised_is_d0_and_a_guessed_401_is_no_gate() {
    let mut none = known(Vec::new());
    none.advertised = false;
    assert_eq!(none.posture(), Posture::D0);
    none.attempts = vec![attempt("shadow", NeedsToken, &[])];
    assert_eq!(none.posture(), Posture::D0);
    none.attempts = vec![attempt("shadow-live", refused(), &[])];
    assert_eq!(none.posture(), Posture::Undetermined);
    none.attempts = vec![attempt("shadow", NeedsToken, &[])];
    none.metadata_read = false;
    assert_eq!(none.posture(), Posture::Undetermined);
    none.attempts = vec![attempt("truncated", Absent, &[])];
    assert_eq!(none.posture(), Posture::D0);
}

#[test]
fn a_kept_hostile_redirect_is_d4_and_a_dropped_one_is_not() {
    let hostile = "http://evil.invalid/cb";
    let benign = attempt("native-loopback", Registered, &[LOOPBACK]);
    let kept = known(vec![
        benign.clone(),
        attempt("foreign-http", Registered, &[hostile]),
    ])
    .with(vec![client("c1", Some(true)), client("c2", Some(true))]);
    assert_eq!(kept.posture(), Posture::D4);
    let mut dropped = attempt("mixed", Registered, &[LOOPBACK, hostile]);
    dropped.echoed_redirects = Some(vec![LOOPBACK.into()]);
    let dropped = known(vec![benign.clone(), dropped]).with(vec![client("c1", Some(true))]);
    assert_eq!(dropped.posture(), Posture::D3);
    let private = known(vec![
        benign,
        attempt("private-use", Registered, &["com.example:/cb"]),
    ]);
    assert_eq!(private.posture(), Posture::D3);
}

#[test]
fn one_client_for_everybody_is_no_registration() {
    let twice = vec![
        attempt("native-loopback", Registered, &[LOOPBACK]),
        attempt("https-public", Registered, &["https://a.example/cb"]),
    ];
    let same = known(twice.clone()).with(vec![client("fixed", None), client("fixed", None)]);
    assert_eq!(same.posture(), Posture::Undetermined);
    let works = known(twice.clone()).with(vec![client("fixed", Some(true)), client("fixed", None)]);
    assert_eq!(works.posture(), Posture::D3);
    let own = known(twice).with(vec![client("c1", None), client("c2", None)]);
    assert_eq!(own.posture(), Posture::D3);
}

#[test]
fn a_client_that_authorization_refuses_is_undetermined() {
    let registered = || vec![attempt("native-loopback", Registered, &[LOOPBACK])];
    let refused = known(registered()).with(vec![client("c1", Some(false))]);
    assert_eq!(refused.posture(), Posture::Undetermined);
    let unknown = known(registered()).with(vec![client("c1", None)]);
    assert_eq!(unknown.posture(), Posture::D3);
}

#[test]
fn a_strangers_token_is_d5_only_when_the_server_takes_it() {
    let token = |accepted| {
        Some(StrangerToken {
            exchange: ExchangeId(11),
            issued: true,
            accepted,
            list_exchange: Some(ExchangeId(12)),
        })
    };
    let mut open = known(vec![attempt("native-loopback", Registered, &[LOOPBACK])])
        .with(vec![client("c1", Some(true))]);
    open.stranger = token(Some(true));
    assert_eq!(open.posture(), Posture::D5);
    open.stranger = token(Some(false));
    assert_eq!(open.posture(), Posture::D4);
    open.unattended = token(Some(true));
    assert_eq!(open.posture(), Posture::D5);
    assert!(open.verdict().reason.contains("without any login"));
    open.unattended = token(None);
    assert_eq!(open.posture(), Posture::D4);
}

#[test]
fn a_hostile_uri_that_authorization_refuses_later_does_not_make_it_unconstrained() {
    let hostile = || attempt("foreign-http", Registered, &["http://a.invalid/cb"]);
    let stored = known(vec![hostile()]).with(vec![client("c1", Some(false))]);
    assert_ne!(stored.posture(), Posture::D4);
    let honoured = known(vec![hostile()]).with(vec![client("c1", Some(true))]);
    assert_eq!(honoured.posture(), Posture::D4);
}

#[test]
fn grants_without_consent_and_every_scope_make_it_unconstrained() {
    let with = |grants: &[&str], scope: Option<&str>| {
        let mut only = attempt("every-grant", Registered, &[LOOPBACK]);
        only.requested.scope = Some("notes:read admin".to_owned());
        only.echoed.grants = Some(grants.iter().map(|&grant| grant.to_owned()).collect());
        only.echoed.scope = scope.map(str::to_owned);
        let one = known(vec![only]).with(vec![client("c1", Some(true))]);
        one.posture()
    };
    let code = "authorization_code";
    assert_eq!(with(&[code], Some("notes:read")), Posture::D3);
    assert_eq!(with(&[code], None), Posture::D3);
    assert_eq!(with(&["client_credentials"], None), Posture::D3);
    assert_eq!(with(&[code, "password"], None), Posture::D4);
    assert_eq!(with(&[], Some("admin notes:read")), Posture::D4);
}

#[test]
fn unread_answers_to_hostile_uris_weaken_the_posture_and_are_named() {
    let first = || attempt("native-loopback", Registered, &[LOOPBACK]);
    let refusal = || attempt("data", refused(), &["data:text/html,x"]);
    let limited = || attempt("wildcard", Limited, &["https://*.a.invalid/cb"]);
    let clear = known(vec![first(), refusal()]).with(vec![client("c1", Some(true))]);
    assert_eq!(clear.verdict().confidence, Confidence::Proven);
    let unread = known(vec![first(), refusal(), limited()]).with(vec![client("c1", Some(true))]);
    let verdict = unread.verdict();
    assert_eq!(verdict.posture, Posture::D3);
    assert_eq!(verdict.confidence, Confidence::Weak);
    assert!(verdict.reason.contains("wildcard"), "{}", verdict.reason);
}
