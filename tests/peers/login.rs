//! A whole audit with a login against an authorization server that we did not write. What it must
//! say is in that server's documentation: PKCE is verified, codes work once, refresh tokens of public
//! clients rotate.

use std::collections::BTreeMap;

use mcp_assay::model::probe::Tier;
use mcp_assay::model::report::Report;
use mcp_assay::model::settings::LoginRequest;
use mcp_assay::rehearsal;
use mcp_assay::stage::Visit;
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use url::Url;

use crate::harness::{Outcome, named};

/// Fixed, so that run id and canaries repeat.
const SEED: [u8; 32] = *b"a fixed seed for signing people!";

/// Signs a person in at `oidc-open` with a client of the run's own, and lists every disagreement.
pub async fn disagreements() -> Outcome<Vec<String>> {
    let peer = named("oidc-open")?.start()?;
    let mut settings = rehearsal::defaults(&SEED);
    settings.tiers.insert(Tier::Register);
    settings.login = Some(LoginRequest {
        timeout: std::time::Duration::from_secs(20),
        grace: std::time::Duration::ZERO,
        ..LoginRequest::named("user")
    });
    let visit = |visit: &Visit<'_>| {
        let page = visit.url.to_owned();
        tokio::spawn(async move {
            if let Err(error) = sign_in(&page).await {
                println!("the person gave up: {error}");
            }
        });
    };
    let started = "2026-11-23T00:00:00Z";
    let url = &peer.expected.url;
    let report = rehearsal::audit_as(url, &settings, SEED, started, &visit).await?;
    for login in &report.logins {
        println!(
            "{} authorizations, {} redemptions, {} refreshes at {}",
            login.rounds.len(),
            login.redemptions.len(),
            login.refreshes.len(),
            login.issuer
        );
    }
    Ok(compare(&report))
}

fn compare(report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    if report.identities.named("user").is_none() {
        found.push(format!("nobody signed in: {:?}", report.identities.missing));
    }
    for (check, expected) in TRUTH {
        let row = report.coverage.iter().find(|row| row.check == check);
        let status = row.map_or("missing", |row| row.status.as_str());
        if status != expected {
            let reason = row.map_or("", |row| row.reason.as_str());
            found.push(format!(
                "{check} is {status}, expected {expected}: {reason}"
            ));
        }
    }
    // RFC 7009 §2.2.1: its JWT access tokens cannot be revoked; its refresh tokens and clients can.
    // RFC 7592 §2.1: it revokes a registration token that was tried at another client's record, and
    // with it the way to delete that client.
    for item in &report.residue {
        let known = match item.kind.as_str() {
            "token" => item.reason.contains("unsupported_token_type"),
            "client" => item.reason.contains("revoked its registration token"),
            _ => false,
        };
        if !known {
            found.push(format!("left behind: {item:?}"));
        }
    }
    found
}

/// A person with a browser: follows redirects, keeps cookies, signs in and consents.
async fn sign_in(page: &str) -> Outcome<()> {
    let http = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()?;
    let mut cookies = BTreeMap::new();
    let mut url = Url::parse(page)?;
    let mut form: Option<String> = None;
    for _ in 0..20 {
        let jar: Vec<String> = cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = match form.take() {
            Some(body) => http
                .post(url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body),
            None => http.get(url.clone()),
        };
        let answer = request.header(COOKIE, jar.join("; ")).send().await?;
        remember(&mut cookies, &answer);
        if let Some(location) = answer.headers().get(LOCATION) {
            url = url.join(location.to_str()?)?;
            continue;
        }
        if url.path() == "/callback" {
            return Ok(());
        }
        let text = answer.text().await?;
        let action = between(&text, "action=\"", "\"").ok_or("a page without a form")?;
        let prompt = between(&text, "name=\"prompt\" value=\"", "\"").unwrap_or_default();
        url = url.join(&action)?;
        form = Some(format!("prompt={prompt}&login=somebody&password=anything"));
    }
    Err("too many pages".into())
}

fn remember(cookies: &mut BTreeMap<String, String>, answer: &Response) {
    let lines = answer.headers().get_all(SET_COOKIE).iter();
    for line in lines.filter_map(|line| line.to_str().ok()) {
        let pair = line.split(';').next().unwrap_or_default();
        if let Some((name, value)) = pair.split_once('=') {
            if value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0.to_owned())
}

/// The server speaks 2025-11-25 at most, which does not know `iss`.
const TRUTH: [(&str, &str); 8] = [
    ("code-without-verifier-accepted", "PASS"),
    ("code-replay-accepted", "PASS"),
    ("code-not-bound", "PASS"),
    ("refresh-token-not-rotated", "PASS"),
    ("refresh-widens-grant", "PASS"),
    ("token-response-cacheable", "PASS"),
    ("grant-differs-silently", "PASS"),
    ("issuer-missing-in-response", "N/A"),
];
