//! Logins in whole audits: what they cost, what they leave, and what happens when they go wrong.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test may stop, and a budget is printed"
)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_assay::demo::{self, Behaviour, Running};
use mcp_assay::model::probe::ProbeId;
use mcp_assay::model::report::Report;
use mcp_assay::model::verdict::Status;
use mcp_assay::rehearsal;
use mcp_assay::report::{Format, Style, render};
use mcp_assay::stage::Visit;

use support::{SEED, behaviour, rehearse, variation, with_status};

const LOGIN: &str = "[audit]\nlogin = \"approve\"\n";

const OF_A_LOGIN: [ProbeId; 6] = [
    ProbeId::RegisterLogin,
    ProbeId::LoginReturn,
    ProbeId::RedeemCode,
    ProbeId::RefreshToken,
    ProbeId::RevokeToken,
    ProbeId::DeleteClient,
];

async fn audit(behaviour: &Behaviour, show: &(dyn Fn(&Visit<'_>) + Send + Sync)) -> Report {
    let running: Running = demo::start(behaviour).await.expect("the servers start");
    let mut settings = rehearsal::settings(behaviour, &running, &SEED).expect("settings");
    if let Some(login) = &mut settings.login {
        login.timeout = Duration::from_millis(300);
    }
    let started = jiff::Timestamp::now().to_string();
    rehearsal::audit_as(&running.mcp_url, &settings, SEED, &started, show)
        .await
        .expect("the audit runs")
}

fn missing(report: &Report) -> String {
    let missing = report.identities.missing.iter();
    let user = missing.filter(|it| it.name == "user");
    user.map(|it| it.reason.clone()).collect()
}

/// The others were audited all the same.
fn goes_on(report: &Report) {
    assert!(report.identities.named("reader").is_some());
    assert!(report.outcome.decided_cells > 0);
}

#[tokio::test]
async fn a_login_stays_within_its_plan_and_leaves_nothing() {
    for name in ["login", "login-registered", "refresh-token-old-accepted"] {
        let rehearsal = rehearse(&behaviour(name)).await;
        let report = &rehearsal.report;
        let mut planned: BTreeMap<ProbeId, usize> = BTreeMap::new();
        for group in &report.plan.groups {
            *planned.entry(group.probe).or_default() += group.requests;
        }
        let mut sent: BTreeMap<ProbeId, usize> = BTreeMap::new();
        for exchange in report.ledger.iter() {
            *sent.entry(exchange.probe.id).or_default() += 1;
        }
        for probe in OF_A_LOGIN {
            let requests = sent.get(&probe).copied().unwrap_or_default();
            let bound = planned.get(&probe).copied().unwrap_or_default();
            assert!(
                requests <= bound,
                "{name}: {probe}: {requests} sent, {bound} planned"
            );
        }
        let of_login = |probe| sent.get(&probe).copied().unwrap_or_default();
        println!(
            "{name}: {} authorizations, {} redemptions, {} refreshes, {} revocations",
            of_login(ProbeId::LoginReturn),
            of_login(ProbeId::RedeemCode),
            of_login(ProbeId::RefreshToken),
            of_login(ProbeId::RevokeToken)
        );
        // Documents are none of the login's: the server fetched them before.
        let mut left = report.residue.iter().filter(|it| it.kind != "document");
        assert!(left.next().is_none(), "{name}: {:?}", report.residue);
        assert_eq!(rehearsal.running.registered_clients(), 0, "{name}");
    }
}

#[tokio::test]
async fn no_code_verifier_or_refresh_token_appears_in_any_report() {
    for name in ["login", "login-registered", "code-replay-accepted"] {
        let report = rehearse(&behaviour(name)).await.report;
        let mut written: Vec<Vec<u8>> = Format::ALL
            .into_iter()
            .map(|format| render(format, &report, &Style::default()).expect("renders"))
            .collect();
        written.push(format!("{report:?}").into_bytes());
        for bytes in written {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for prefix in ["code-", "refresh-"] {
                for (at, _) in text.match_indices(prefix) {
                    let rest = &text.as_bytes()[at + prefix.len()..];
                    let hex = rest
                        .iter()
                        .take_while(|byte| byte.is_ascii_hexdigit())
                        .count();
                    assert!(hex < 32, "{name}: a secret of the demo appears");
                }
            }
            // Pages of checks, which SARIF carries, show the first letters of one.
            let mut starts = text.match_indices("eyJ");
            let token = starts.any(|(at, _)| is_signed(&text[at..]));
            assert!(!token, "{name}: a token appears");
        }
    }
}

/// Whether a text starts with three dotted parts, each as long as those of a signed JWT.
fn is_signed(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let token = text.split(|c: char| !is_part(c) && c != '.').next();
    let parts: Vec<&str> = token.unwrap_or_default().split('.').collect();
    parts.len() >= 3 && parts.iter().take(3).all(|part| part.len() >= 16)
}

#[tokio::test]
async fn a_login_that_nobody_finishes_costs_its_identity_only() {
    let report = audit(&variation(LOGIN), &|_: &Visit<'_>| {}).await;
    assert!(
        missing(&report).contains("nobody finished"),
        "{}",
        missing(&report)
    );
    goes_on(&report);
    let open = with_status(&report, &[Status::Inconclusive]);
    assert!(
        open.contains(&"code-replay-accepted".to_owned()),
        "{open:?}"
    );
}

#[tokio::test]
async fn an_answer_with_another_state_is_turned_away() {
    let forge = |visit: &Visit<'_>| {
        let url = url::Url::parse(visit.url).expect("a URL");
        let pairs: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let back = format!("{}?code=stolen&state=forged", pairs["redirect_uri"]);
        tokio::spawn(async move { demo::visitor::visit(&back, "approve").await });
    };
    let report = audit(&variation(LOGIN), &forge).await;
    let reason = missing(&report);
    assert!(
        reason.contains("1 answer(s) with another `state`"),
        "{reason}"
    );
    goes_on(&report);
}

#[tokio::test]
async fn further_authorizations_that_nobody_finishes_leave_their_checks_open() {
    let once = |visit: &Visit<'_>| {
        let page = visit.url.to_owned();
        if visit.number == 1 {
            tokio::spawn(async move { demo::visitor::visit(&page, "approve").await });
        }
    };
    let report = audit(&variation(LOGIN), &once).await;
    assert!(report.identities.named("user").is_some());
    let open = with_status(&report, &[Status::Inconclusive]);
    assert!(
        open.contains(&"code-without-verifier-accepted".to_owned()),
        "{open:?}"
    );
    // Refresh tokens need no further code.
    assert!(
        !open.contains(&"refresh-token-not-rotated".to_owned()),
        "{open:?}"
    );
}

#[tokio::test]
async fn a_page_instead_of_a_token_is_told_as_such() {
    let text = format!(
        "{LOGIN}\n[[raw]]\nparty = \"authority\"\nmethod = \"POST\"\npath = \"/token\"\n\
         status = 200\nheaders = {{ content-type = \"text/html\" }}\nbody = \"<p>Hello</p>\"\n"
    );
    let report = rehearse(&variation(&text)).await.report;
    let reason = missing(&report);
    assert!(
        reason.contains("text/html") && reason.contains("JSON"),
        "{reason}"
    );
    goes_on(&report);
}

#[tokio::test]
async fn a_refused_consent_and_a_mix_up_are_told_apart() {
    let denied = rehearse(&behaviour("login-denied")).await.report;
    assert!(
        missing(&denied).contains("access_denied"),
        "{}",
        missing(&denied)
    );
    let mixed = rehearse(&behaviour("response-issuer-foreign")).await.report;
    assert!(missing(&mixed).contains("mix-up"), "{}", missing(&mixed));
    let redeemed = mixed
        .ledger
        .iter()
        .filter(|it| it.probe.id == ProbeId::RedeemCode);
    assert_eq!(redeemed.count(), 0, "the code goes nowhere");
    for report in [&denied, &mixed] {
        goes_on(report);
    }
}

#[tokio::test]
async fn a_client_does_not_go_on_without_pkce_or_a_client() {
    let bare = format!("{LOGIN}[authorization]\npkce = \"absent\"\n");
    let report = rehearse(&variation(&bare)).await.report;
    assert!(missing(&report).contains("S256"), "{}", missing(&report));
    goes_on(&report);
    let unasked = "[audit]\nlogin = \"registered\"\n[registration]\nmode = \"open\"\n";
    let report = rehearse(&variation(unasked)).await.report;
    let reason = missing(&report);
    assert!(
        reason.contains("--client-id") && reason.contains("--allow register"),
        "{reason}"
    );
    goes_on(&report);
}
