//! Tokens by every grant, as a configuration asks for them: what comes, what is said when none
//! comes, and that the audit goes on with the others.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test may stop"
)]

#[path = "../support/mod.rs"]
mod support;

mod ladders;
mod login;
mod machine;
mod mistakes;
mod people;
mod sibling;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Duration;

use mcp_assay::config::login::LoginFlags;
use mcp_assay::config::{self, Flags, Secrets, TokenSource};
use mcp_assay::demo::{self, Running, visitor};
use mcp_assay::model::exchange::Exchange;
use mcp_assay::model::identity::{Identity, Provenance};
use mcp_assay::model::matrix::Access;
use mcp_assay::model::probe::ProbeId;
use mcp_assay::model::report::Report;
use mcp_assay::rehearsal;
use mcp_assay::stage::Visit;

use support::{SEED, variation};

const CLIENT_KEY: &str = include_str!("../../fixtures/keys/demo-client.pem");
const OTHER_KEY: &str = include_str!("../../fixtures/keys/demo-es256.pem");

/// What somebody decides who never looks at the page.
const AWAY: &str = "walk away";

/// Answers `env:NAME` from a list.
struct Fake(BTreeMap<String, String>);

impl Secrets for Fake {
    fn text(&mut self, source: &TokenSource) -> Result<String, String> {
        let known = self.0.get(&source.to_string()).cloned();
        known.ok_or_else(|| "is not set".to_owned())
    }
}

/// A server, and what an operator would have for it.
struct Bench {
    running: Running,
    secrets: BTreeMap<String, String>,
}

impl Bench {
    async fn start(knobs: &str) -> Self {
        let running = demo::start(&variation(knobs)).await.expect("servers");
        let all = ["notes:read", "notes:write", "notes:delete"];
        let pairs = [
            ("env:READER", running.token("reader").unwrap().value.clone()),
            ("env:ADMIN", running.token("admin").unwrap().value.clone()),
            (
                "env:EXPIRED",
                running.token("expired").unwrap().value.clone(),
            ),
            ("env:SECRET", "demo-admin-secret".to_owned()),
            ("env:KEY", CLIENT_KEY.to_owned()),
            ("env:OTHER_KEY", OTHER_KEY.to_owned()),
            ("env:REFRESH", running.refresh_token("admin-client", &all)),
            ("env:CLI_REFRESH", running.refresh_token("demo-cli", &all)),
            ("env:WRONG", "not-the-secret".to_owned()),
        ];
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self {
            secrets: pairs.collect(),
            running,
        }
    }

    /// The audit of a configuration; the person does as told.
    async fn audit(&self, text: &str, decision: &'static str) -> Report {
        self.audit_with(text, Flags::default(), decision).await
    }

    /// The same with flags.
    async fn audit_with(&self, text: &str, flags: Flags, decision: &'static str) -> Report {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        // One identity that always works, so that there is something to go on with.
        let witness = "[[identity]]\nname = \"witness\"\ntoken = \"env:READER\"\n";
        write!(file, "{text}\n{witness}").unwrap();
        let flags = Flags {
            url: Some(self.running.mcp_url.clone()),
            config: Some(file.path().to_owned()),
            ..flags
        };
        let mut secrets = Fake(self.secrets.clone());
        let read = config::settings(&flags, &mut secrets, "00000000", "2026-11-23");
        let (_, mut settings) = read.unwrap_or_else(|error| panic!("{error}"));
        settings.network.timeout = Duration::from_secs(20);
        let started = jiff::Timestamp::now().to_string();
        let show = move |visit: &Visit<'_>| {
            let page = visit.url.to_owned();
            if decision != AWAY {
                tokio::spawn(async move { visitor::visit(&page, decision).await });
            }
        };
        let audited = rehearsal::audit_as(&self.running.mcp_url, &settings, SEED, &started, &show);
        audited.await.expect("the audit runs")
    }
}

fn identity(name: &str, rest: &str) -> String {
    format!("[[identity]]\nname = \"{name}\"\n{rest}\n")
}

fn present<'r>(report: &'r Report, name: &str) -> &'r Identity {
    let found = report.identities.named(name);
    found.unwrap_or_else(|| panic!("{:?}", report.identities.missing))
}

fn missing(report: &Report, name: &str) -> String {
    assert!(report.identities.named(name).is_none(), "{name} is there");
    let mut missing = report.identities.missing.iter();
    let found = missing.find(|it| it.name == name);
    // The others were audited all the same.
    assert!(report.identities.named("witness").is_some());
    assert!(report.outcome.decided_cells > 0);
    found
        .unwrap_or_else(|| panic!("{name} is nowhere"))
        .reason
        .clone()
}

fn grant_of(identity: &Identity) -> &str {
    match &identity.provenance {
        Provenance::Minted { grant, .. } => grant,
        other => panic!("{other:?}"),
    }
}

/// Bodies of the requests to the token endpoint for one identity.
fn asked(report: &Report, name: &str) -> Vec<String> {
    let exchanges = report.ledger.iter().filter(|exchange| {
        exchange.probe.id == ProbeId::MintToken && exchange.probe.variant.as_deref() == Some(name)
    });
    let bodies = exchanges.filter_map(|exchange| exchange.request.body.clone());
    bodies
        .map(|body| String::from_utf8_lossy(&body.bytes()).into_owned())
        .collect()
}

/// What was sent for tokens is what the plan said, at most.
fn is_within_plan(report: &Report) {
    for probe in [
        ProbeId::MintToken,
        ProbeId::LoginReturn,
        ProbeId::DeviceAuthorization,
        ProbeId::RedeemCode,
        ProbeId::RefreshToken,
        ProbeId::RevokeToken,
    ] {
        let groups = report.plan.groups.iter().filter(|it| it.probe == probe);
        let planned: usize = groups.map(|it| it.requests).sum();
        let sent = report.ledger.iter().filter(|it| it.probe.id == probe);
        let sent = sent.count();
        assert!(sent <= planned, "{probe}: {sent} sent, {planned} planned");
    }
}

const MACHINE: &str = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_secret = \"env:SECRET\"\nscopes = [\"notes:read\", \"notes:write\"]\n";
const REFRESHED: &str = "grant = \"refresh_token\"\nrefresh_token = \"env:CLI_REFRESH\"\nclient_id = \"demo-cli\"\nscopes = [\"notes:read\", \"notes:write\"]\n";
const BROWSER: &str = "grant = \"authorization_code\"\nclient_id = \"demo-cli\"\nscopes = [\"notes:read\", \"notes:write\"]\n";
const LADDER: &str = "[mint]\nscopes = \"each\"\n";
