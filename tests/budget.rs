//! Round trips are the cost of an audit: counted, printed, bounded.
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

use mcp_assay::model::probe::ProbeId;
use mcp_assay::model::report::Report;

use mcp_assay::rehearsal::audit_url;
use support::{rehearse, variation};

/// Probes of the answer to "is registration open", with everything before them.
const DISCOVERY: &[ProbeId] = &[
    ProbeId::DetectModern,
    ProbeId::DetectLegacy,
    ProbeId::DetectSse,
    ProbeId::ResourceMetadata,
    ProbeId::ServerMetadata,
    ProbeId::DefaultEndpoint,
    ProbeId::RegistrationGate,
    ProbeId::RegistrationPlaintext,
    ProbeId::ShadowRegistration,
];

fn count(report: &Report, probes: &[ProbeId]) -> usize {
    report
        .ledger
        .iter()
        .filter(|exchange| probes.contains(&exchange.probe.id))
        .count()
}

#[tokio::test]
async fn an_anonymous_audit_stays_within_its_budget_and_its_plan() {
    let behaviour = variation(
        "[audit]\nidentities = []\nclient = { id = \"\" }\n[registration]\nmode = \"open\"\n",
    );
    let rehearsal = rehearse(&behaviour).await;
    let report = &rehearsal.report;
    let discovery = count(report, DISCOVERY);
    let total = report.ledger.len();
    println!(
        "anonymous audit: {discovery} requests for discovery and registration, {total} in all"
    );
    assert!(
        discovery <= 10,
        "{discovery} requests for discovery and registration posture"
    );
    assert!(total <= 40, "{total} requests in all");
    assert_eq!(
        rehearsal.running.requests(),
        total,
        "every request is in the ledger"
    );
    within_plan(report);
}

#[tokio::test]
async fn registering_stays_within_its_plan_whatever_the_server_accepts() {
    for (name, knobs) in [
        ("sound", ""),
        (
            "careless",
            "redirects = \"any\"\nredirect_need = \"optional\"\ngrants = \"client-credentials\"\n\
             scopes = \"kept\"\nmanagement = \"shared\"\n",
        ),
        ("outdated", "grants = \"outdated\"\nredirects = \"any\"\n"),
    ] {
        let behaviour = variation(&format!(
            "[audit]\nidentities = []\nallow = [\"register\"]\nobserve_rate_limit = 4\n\
             [registration]\nmode = \"open\"\n{knobs}"
        ));
        let rehearsal = rehearse(&behaviour).await;
        let report = &rehearsal.report;
        let created = report.registrations.iter().map(|one| one.clients.len());
        println!(
            "{name}: {} clients, {} requests in all",
            created.sum::<usize>(),
            report.ledger.len()
        );
        within_plan(report);
        assert_eq!(rehearsal.running.registered_clients(), 0, "{name}");
    }
}

#[tokio::test]
async fn audits_with_tokens_stay_within_their_plan() {
    let mut over = Vec::new();
    for name in [
        "compliant",
        "every-revision",
        "revision-2024-11-05",
        "revision-2025-06-18",
        "paginated",
        "framing-sse-sessions",
        "minted-tokens",
        "proofs-checked",
        "login-kinds-accepted",
        "ladder",
        "challenge-incomplete",
        "ladder-above-a-gate",
        "every-token-kind",
        "denial-in-handler",
        "token-endpoint-extensions",
        "consent-skipped-by-proxy",
        "scopes-only-at-server",
        "authorization-without-login",
    ] {
        let rehearsal = rehearse(&support::behaviour(name)).await;
        let beyond = beyond_plan(&rehearsal.report).into_iter();
        over.extend(beyond.map(|what| format!("{name}: {what}")));
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
}

fn within_plan(report: &Report) {
    let beyond = beyond_plan(report);
    assert!(beyond.is_empty(), "{}", beyond.join("\n"));
}

/// Probes of which more was sent than planned.
fn beyond_plan(report: &Report) -> Vec<String> {
    let mut planned: BTreeMap<ProbeId, usize> = BTreeMap::new();
    for group in &report.plan.groups {
        *planned.entry(group.probe).or_default() += group.requests;
    }
    let mut sent: BTreeMap<ProbeId, usize> = BTreeMap::new();
    for exchange in report.ledger.iter() {
        *sent.entry(exchange.probe.id).or_default() += 1;
    }
    let bound = |probe: &ProbeId| planned.get(probe).copied().unwrap_or_default();
    sent.iter()
        .filter(|(probe, requests)| **requests > bound(probe))
        .map(|(probe, requests)| format!("{probe}: {requests} sent, {} planned", bound(probe)))
        .collect()
}

#[tokio::test]
async fn the_arms_of_a_pair_take_turns_a_few_subjects_at_a_time() {
    let behaviour = variation("[server]\ngenerated_tools = 40\n");
    let rehearsal = rehearse(&behaviour).await;
    let report = &rehearsal.report;
    let calls: Vec<(&str, &str, u16)> = report
        .ledger
        .iter()
        .filter(|exchange| exchange.probe.id == ProbeId::CallValid)
        .filter(|exchange| exchange.probe.variant.is_none())
        .filter_map(|exchange| {
            let subject = exchange.probe.subject.as_deref()?;
            Some((subject, exchange.identity.as_str(), exchange.probe.attempt))
        })
        .collect();
    let place = |subject: &str, who: &str, attempt: u16| {
        let wanted = (subject, who, attempt);
        let at = calls.iter().position(|call| *call == wanted);
        at.unwrap_or_else(|| panic!("{wanted:?} was not asked"))
    };
    let subjects: Vec<&str> = calls
        .iter()
        .filter(|(_, who, attempt)| *who == "admin" && *attempt == 0)
        .map(|(subject, _, _)| *subject)
        .collect();
    assert!(subjects.len() > 20, "{} subjects", subjects.len());
    for subject in &subjects {
        let before = place(subject, "admin", 0);
        let between = ["anonymous", "garbage", "reader"].map(|who| place(subject, who, 0));
        let after = place(subject, "admin", 1);
        assert!(
            between.iter().all(|at| before < *at && *at < after),
            "{subject}"
        );
    }
    let refused = place("tool/list_revisions", "reader", 1);
    assert!(place("tool/list_revisions", "admin", 1) < refused);
    let (first, last) = (subjects[0], subjects[subjects.len() - 1]);
    assert!(place(first, "admin", 1) < place(last, "admin", 0));
    assert!(refused < place(last, "admin", 0));
    within_plan(report);
}

#[tokio::test]
async fn a_machine_client_costs_two_failed_authentications_and_leaves_no_token() {
    let rehearsal = rehearse(&support::behaviour("minted-tokens")).await;
    let report = &rehearsal.report;
    let [endpoint] = report.token_endpoints.as_slice() else {
        panic!("expected one token endpoint");
    };
    let failed = endpoint.attempts.iter().filter(|attempt| {
        attempt.client.is_some() && attempt.outcome.error() == Some("invalid_client")
    });
    assert_eq!(failed.count(), 2, "{:?}", endpoint.attempts);
    let kinds = report.residue.iter().map(|item| item.kind.as_str());
    assert!(
        kinds.into_iter().all(|kind| kind != "token"),
        "{:?}",
        report.residue
    );
    let planned = |probe: ProbeId| {
        let groups = report.plan.groups.iter();
        groups
            .filter(|group| group.probe == probe)
            .map(|group| group.requests)
            .sum::<usize>()
    };
    for probe in [
        ProbeId::TokenGrant,
        ProbeId::ClientGrant,
        ProbeId::ClientMethod,
        ProbeId::ClientScope,
        ProbeId::ClientSecret,
        ProbeId::RevokeToken,
    ] {
        let sent = count(report, &[probe]);
        assert!(sent > 0, "{probe}: nothing was sent");
        assert!(sent <= planned(probe), "{probe}: {sent} sent");
    }
}

#[tokio::test]
async fn every_extension_at_once_stays_within_six_anonymous_requests() {
    let rehearsal = rehearse(&support::behaviour("token-endpoint-extensions")).await;
    let probes = [
        ProbeId::TokenGrant,
        ProbeId::ForgedAssertion,
        ProbeId::Introspect,
    ];
    assert_eq!(count(&rehearsal.report, &probes), 6);
}

#[tokio::test]
async fn a_wide_surface_costs_one_request_per_cell() {
    let behaviour = variation("[server]\ngenerated_tools = 99\n");
    let rehearsal = rehearse(&behaviour).await;
    let report = &rehearsal.report;
    let matrix = report.matrices.first().expect("a matrix");
    let (subjects, identities) = (matrix.subjects.len(), matrix.identities.len());
    let calls = report.requests.cell_requests;
    println!(
        "{subjects} subjects × {identities} identities: {calls} cell requests, {} controls, {} in all",
        report.requests.control_requests, report.requests.total
    );
    assert!(
        calls <= subjects * identities,
        "{calls} for {subjects} × {identities}"
    );
    for name in ["reader", "admin"] {
        let opened = report.ledger.iter().filter(|exchange| {
            exchange.identity == name
                && exchange.probe.id == ProbeId::OpenSession
                && exchange.probe.variant.as_deref() == Some("session")
        });
        assert!(opened.count() <= 1, "one session per identity");
    }
}

#[tokio::test]
async fn a_legacy_server_sees_one_session_per_identity() {
    let behaviour = variation("[server]\nrevisions = [\"2025-11-25\"]\n");
    let rehearsal = rehearse(&behaviour).await;
    for name in ["reader", "admin"] {
        let opened = rehearsal.report.ledger.iter().filter(|exchange| {
            exchange.identity == name
                && exchange.probe.id == ProbeId::OpenSession
                // A spare one, so that DELETE with a wrong token ends nobody's own.
                && exchange.probe.variant.as_deref() != Some("doors")
        });
        assert_eq!(opened.count(), 1, "{name}");
    }
    assert_eq!(
        rehearsal.running.open_sessions(),
        0,
        "every session is closed"
    );
}

#[tokio::test]
async fn documents_are_offered_within_the_plan_and_to_confirmed_hosts_only() {
    let behaviour = variation("[audit]\nallow = [\"register\"]\n");
    let rehearsal = rehearse(&behaviour).await;
    let report = &rehearsal.report;
    let offered = count(report, &[ProbeId::AuthorizeDocument]);
    let planned: usize = report
        .plan
        .groups
        .iter()
        .filter(|group| group.probe == ProbeId::AuthorizeDocument)
        .map(|group| group.requests)
        .sum();
    println!("client ID metadata documents: {offered} requests, {planned} planned");
    assert!(offered > 15 && offered <= planned, "{offered} of {planned}");
    assert_eq!(rehearsal.running.requests(), report.ledger.len());

    // The same servers under another name: the authorization server is not the target's host.
    let url = rehearsal.running.mcp_url.replace("127.0.0.1", "localhost");
    let started = &report.engagement.started;
    let other = audit_url(&url, &rehearsal.settings, support::SEED, started)
        .await
        .expect("the audit runs");
    let documents = other.client_documents.first().expect("documents");
    assert!(documents.attempts.iter().all(|it| it.fetches.is_empty()));
    assert_eq!(documents.decided_by.as_deref(), Some("--allow-host"));
}

#[tokio::test]
async fn a_ladder_of_ten_scopes_over_forty_tools_stays_within_its_budget() {
    let scopes: Vec<String> = (0..10).map(|number| format!("\"s:{number}\"")).collect();
    let scopes = scopes.join(", ");
    let behaviour = variation(&format!(
        "tools = {{}}\n\
         [server]\ngenerated_tools = 40\ngenerated_scopes = [{scopes}]\n\
         [audit]\nidentities = []\nladder = {{ from = \"machine\", keep = [\"profile\"] }}\n\
         [[audit.mint]]\nidentity = \"machine\"\nclient = \"wide\"\n\
         scopes = [\"profile\", {scopes}]\n\
         [clients.wide]\nsecret = \"demo-wide-secret\"\nscopes = [\"profile\", {scopes}]\n"
    ));
    let rehearsal = rehearse(&behaviour).await;
    let report = &rehearsal.report;
    let ladder = &report.ladder;
    let matrix = report.matrices.first().expect("a matrix");
    let open = matrix.subjects.iter().filter(|subject| {
        let mut cells = matrix
            .cells
            .iter()
            .filter(|cell| cell.subject == subject.id);
        cells.any(|cell| cell.identity == "machine" && cell.tier.is_some())
    });
    let subjects = open.count();
    println!(
        "10 scopes × {subjects} subjects: {} of {} calls, {} rungs, {} requests in all",
        ladder.calls,
        ladder.budget,
        ladder.rungs.len(),
        report.requests.total
    );
    assert_eq!(ladder.budget, (2 * 10 + 2) * subjects);
    assert!(ladder.calls <= ladder.budget, "{} calls", ladder.calls);
    let strangers = 2 * subjects;
    assert!(report.requests.cell_requests <= ladder.budget + strangers);
    assert_eq!(ladder.rungs.len(), 20);
    assert!(ladder.open.is_empty(), "{:?}", ladder.open);
    within_plan(report);
}
