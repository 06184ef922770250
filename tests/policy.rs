//! The effective policy of the embedded server, written, read back and compared with the same server.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop"
)]

mod support;

use std::collections::BTreeSet;
use std::io::Write as _;

use mcp_assay::config::source::ProcessSecrets;
use mcp_assay::config::{self, Flags};
use mcp_assay::demo::Behaviour;
use mcp_assay::model::policy::{Conformity, Gate};
use mcp_assay::model::report::Report;
use mcp_assay::model::settings::{PolicyEntry, Settings};
use mcp_assay::rehearsal::{Rehearsal, audit_url};
use mcp_assay::report::policy_file::policy_file;

use support::rehearse;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_ladder_tells_the_policy_of_the_server_and_the_file_conforms() {
    let first = rehearse(&ladder("")).await;
    let gates: Vec<(&str, Gate, bool, Vec<String>)> = first
        .report
        .effective_policy
        .subjects
        .iter()
        .filter(|rule| rule.subject.starts_with("tool/"))
        .map(|rule| {
            let sets = rule.opened_by.iter();
            let sets = sets.map(|set| set.iter().cloned().collect::<Vec<_>>().join(" "));
            (rule.subject.as_str(), rule.gate, rule.exact, sets.collect())
        })
        .collect();
    let scopes = |subject, scope: &str| (subject, Gate::Scopes, true, vec![scope.to_owned()]);
    assert_eq!(
        gates,
        [
            scopes("tool/create_note", "notes:write"),
            scopes("tool/delete_note", "notes:delete"),
            scopes("tool/list_notes", "notes:read"),
            scopes("tool/list_revisions", "notes:write"),
            scopes("tool/read_note", "notes:read"),
            scopes("tool/search_notes", "notes:read"),
            ("tool/whoami", Gate::AnyToken, true, vec![String::new()]),
        ]
    );
    let policy = read_back(&first.report);
    let second = again(&first, policy).await;
    let comparison = second.policy.as_ref().unwrap();
    let words: BTreeSet<Conformity> = comparison.counts.keys().copied().collect();
    assert!(comparison.counts[&Conformity::Conforms] >= 7 * 5);
    for subject in comparison.subjects.iter().filter(|it| it.entry.is_some()) {
        for (identity, word) in &subject.cells {
            assert_eq!(
                *word,
                Conformity::Conforms,
                "{} {identity}",
                subject.subject
            );
        }
    }
    assert!(!words.contains(&Conformity::TooOpen) && !words.contains(&Conformity::TooClosed));
    assert!(comparison.idle_entries.is_empty() && comparison.shadowed_entries.is_empty());
    assert!(
        comparison
            .without_entry
            .iter()
            .all(|id| !id.starts_with("tool/"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_of_a_sound_server_accuses_one_that_forgets_a_check() {
    let sound = rehearse(&ladder("")).await;
    let policy = read_back(&sound.report);
    let leaky = rehearse(&ladder("[enforcement]\nunguarded = [\"list_revisions\"]\n")).await;
    let report = again(&leaky, policy).await;
    let comparison = report.policy.as_ref().unwrap();
    let open: Vec<&str> = comparison
        .subjects
        .iter()
        .filter(|it| it.cells.values().any(|word| *word == Conformity::TooOpen))
        .map(|it| it.subject.as_str())
        .collect();
    assert_eq!(open, ["tool/list_revisions"]);
    assert!(
        report.matrices[0]
            .breaks
            .iter()
            .any(|it| it.identity == "only-read")
    );
}

fn ladder(more: &str) -> Behaviour {
    let text = format!(
        "title = \"Does everything right\"\nextends = \"compliant\"\n{more}\n\
         [audit]\nidentities = [\"bare\", \"only-read\", \"only-write\", \"only-delete\", \
         \"not-read\", \"not-write\", \"not-delete\", \"admin\"]\n\
         [identities.bare]\nscopes = []\n\
         [identities.only-read]\nscopes = [\"notes:read\"]\n\
         [identities.only-write]\nscopes = [\"notes:write\"]\n\
         [identities.only-delete]\nscopes = [\"notes:delete\"]\n\
         [identities.not-read]\nscopes = [\"notes:write\", \"notes:delete\"]\n\
         [identities.not-write]\nscopes = [\"notes:read\", \"notes:delete\"]\n\
         [identities.not-delete]\nscopes = [\"notes:read\", \"notes:write\"]\n"
    );
    Behaviour::from_toml("ladder", &text).unwrap()
}

/// Through the file, as an operator would.
fn read_back(report: &Report) -> Vec<PolicyEntry> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(policy_file(report).as_bytes()).unwrap();
    let flags = Flags {
        url: Some(report.target.url.clone()),
        config: Some(file.path().to_owned()),
        ..Flags::default()
    };
    let read = config::settings(
        &flags,
        &mut ProcessSecrets::default(),
        "00000000",
        "2026-11-23",
    );
    read.unwrap().1.policy
}

async fn again(rehearsal: &Rehearsal, policy: Vec<PolicyEntry>) -> Report {
    let settings = Settings {
        policy,
        ..rehearsal.settings.clone()
    };
    let url = &rehearsal.running.mcp_url;
    audit_url(url, &settings, [7; 32], "2026-11-23T08:00:00Z")
        .await
        .unwrap()
}
