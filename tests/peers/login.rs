//! A whole audit with a login against an authorization server that we did not write. What it must
//! say is in that server's documentation: PKCE is verified, codes work once, refresh tokens of public
//! clients rotate.

use mcp_assay::model::probe::Tier;
use mcp_assay::model::report::Report;
use mcp_assay::model::settings::LoginRequest;
use mcp_assay::rehearsal;
use mcp_assay::stage::Visit;

use crate::harness::{Outcome, named};
use crate::person::{self, Decision};

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
            if let Err(error) = person::visit(&page, Decision::Approve).await {
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
