//! A whole audit that mints its own tokens: what it says opens each tool must be what the server's
//! source says.

use std::collections::{BTreeMap, BTreeSet};

use mcp_assay::model::report::Report;
use mcp_assay::model::settings::Mint;
use mcp_assay::rehearsal;

use crate::audit::{SEED, settings};
use crate::harness::{Outcome, named};

/// Gives the auditor one client and nothing else to vary but its scopes, and lists every disagreement.
pub async fn disagreements(name: &str) -> Outcome<Vec<String>> {
    let peer = named(name)?.start()?;
    let mut settings = settings(&peer, false)?;
    settings.identities.retain(|source| source.privileged);
    let source = settings.identities.first().ok_or("nobody is privileged")?;
    settings.mint = Some(Mint {
        from: vec![source.name.clone()],
        by_login: false,
        scopes: None,
        keep: BTreeSet::new(),
    });
    let started = jiff::Timestamp::now().to_string();
    let report = rehearsal::audit_url(&peer.expected.url, &settings, SEED, &started).await?;
    let rungs = report.identities.valid().count();
    println!(
        "{name} with a ladder: {} requests, {rungs} tokens with different scopes",
        report.requests.total
    );
    let mut found = compare(&report, &peer.expected.expect.policy);
    if peer
        .executed()?
        .keys()
        .any(|tool| tool.contains("create") || tool.contains("delete"))
    {
        found.push(format!("a tool that writes ran: {:?}", peer.executed()?));
    }
    Ok(found)
}

fn compare(report: &Report, truth: &BTreeMap<String, Vec<BTreeSet<String>>>) -> Vec<String> {
    let mut found = Vec::new();
    if truth.is_empty() {
        found.push("the manifest names no policy".to_owned());
    }
    for (subject, sets) in truth {
        let rules = &report.effective_policy.subjects;
        let Some(rule) = rules.iter().find(|rule| rule.subject == *subject) else {
            found.push(format!("{subject} has no rule"));
            continue;
        };
        println!("  {subject}: {} {:?}", rule.gate.as_str(), rule.opened_by);
        if rule.gate.as_str() != "scopes" || rule.opened_by != *sets || !rule.exact {
            found.push(format!(
                "{subject} is opened by {:?} ({}, exact: {}), expected {sets:?}: {:?}",
                rule.opened_by,
                rule.gate.as_str(),
                rule.exact,
                rule.open
            ));
        }
    }
    found
}
