//! Calls on objects of the run's own: what they prove, what they leave, and what they never touch.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may stop, and a budget is printed"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use mcp_assay::model::canary::{Effect, Fate};
use mcp_assay::model::matrix::Cell;
use mcp_assay::model::probe::{ProbeId, Tier};
use mcp_assay::model::report::Report;
use mcp_assay::model::verdict::Status;
use mcp_assay::rehearsal::Rehearsal;
use support::{access, behaviour, rehearse, with_status};

async fn audited(name: &str) -> Rehearsal {
    let behaviour = behaviour(name);
    let ran = Box::pin(rehearse(&behaviour)).await;
    within_plan(&ran.report);
    let found = with_status(&ran.report, &[Status::Fail, Status::Warn]);
    assert_eq!(found, behaviour.trips, "{name}");
    ran
}

fn cell<'r>(report: &'r Report, tool: &str, identity: &str) -> &'r Cell {
    let id = format!("tool/{tool}");
    let mut cells = report.matrices[0].cells.iter();
    cells
        .find(|cell| cell.subject == id && cell.identity == identity)
        .expect("the cell exists")
}

fn objects(report: &Report) -> Vec<&str> {
    let items = report.residue.iter().filter(|item| item.kind == "object");
    items.map(|item| item.reason.as_str()).collect()
}

/// No probe was sent more often than planned.
fn within_plan(report: &Report) {
    let mut planned: BTreeMap<ProbeId, usize> = BTreeMap::new();
    for group in &report.plan.groups {
        *planned.entry(group.probe).or_default() += group.requests;
    }
    let mut sent: BTreeMap<ProbeId, usize> = BTreeMap::new();
    for exchange in report.ledger.iter() {
        *sent.entry(exchange.probe.id).or_default() += 1;
    }
    for (probe, count) in sent {
        let most = planned.get(&probe).copied().unwrap_or_default();
        assert!(count <= most, "{probe}: {count} sent, {most} planned");
    }
}

#[tokio::test]
async fn a_sound_store_is_proven_tool_by_tool_and_left_as_it_was() {
    let ran = audited("canary-objects").await;
    let report = &ran.report;
    for tool in ["create_note", "delete_note"] {
        let id = format!("tool/{tool}");
        assert_eq!(access(report, &id, "admin"), "allowed", "{tool}");
        for identity in ["reader", "anonymous", "garbage", "expired", "foreign"] {
            let found = cell(report, tool, identity);
            assert_eq!(
                found.access.as_str(),
                "denied",
                "{tool} {identity}: {found:?}"
            );
        }
        let admin = cell(report, tool, "admin");
        assert_eq!(admin.tier, Some(Tier::Destructive));
    }
    assert_eq!(ran.running.changed_notes(), 0);
    assert!(objects(report).is_empty(), "{:?}", report.residue);
    let words: BTreeSet<&str> = report
        .canaries
        .iter()
        .map(|it| it.canary.as_str())
        .collect();
    assert_eq!(
        words.len(),
        report.canaries.len(),
        "every call has its own word"
    );
    let left = report.canaries.iter().filter(|it| it.fate == Fate::Left);
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn an_open_tool_that_writes_is_proven_by_what_was_read_back() {
    let ran = audited("canary-write-tool-open").await;
    let reader = cell(&ran.report, "create_note", "reader");
    assert_eq!(reader.access.as_str(), "allowed", "{reader:?}");
    assert!(
        reader.reason.as_deref().unwrap().contains("read back"),
        "{reader:?}"
    );
    let shown = ran.report.canaries.iter().filter(|trial| {
        trial.identity == "reader" && trial.effect == Effect::Shown && trial.fate == Fate::Removed
    });
    assert!(shown.count() >= 1);
    assert_eq!(ran.running.changed_notes(), 0);
}

#[tokio::test]
async fn an_open_tool_that_deletes_is_proven_by_what_is_gone() {
    let ran = audited("canary-delete-tool-open").await;
    let reader = cell(&ran.report, "delete_note", "reader");
    assert_eq!(reader.access.as_str(), "allowed", "{reader:?}");
    assert_eq!(access(&ran.report, "tool/create_note", "reader"), "denied");
    assert_eq!(ran.running.changed_notes(), 0);
}

#[tokio::test]
async fn a_success_without_effect_is_a_weak_refusal_beside_a_control_that_had_one() {
    let ran = audited("canary-refusal-pretends").await;
    let reader = cell(&ran.report, "create_note", "reader");
    assert_eq!(reader.rule.as_deref(), Some("D18"), "{reader:?}");
    assert_eq!(reader.access.as_str(), "denied");
    assert_eq!(access(&ran.report, "tool/create_note", "admin"), "allowed");
    assert_eq!(ran.running.changed_notes(), 0);
}

#[tokio::test]
async fn a_success_without_effect_for_everybody_decides_nothing() {
    let ran = audited("canary-write-without-effect").await;
    for identity in ["reader", "admin"] {
        let found = cell(&ran.report, "create_note", identity);
        assert_eq!(found.access.as_str(), "inconclusive", "{found:?}");
    }
    let admin = cell(&ran.report, "create_note", "admin");
    assert_eq!(admin.rule.as_deref(), Some("D17"), "{admin:?}");
}

#[tokio::test]
async fn an_object_is_found_by_its_word_where_the_answer_names_none() {
    let ran = audited("canary-receipt-bare").await;
    assert_eq!(access(&ran.report, "tool/create_note", "admin"), "allowed");
    assert_eq!(access(&ran.report, "tool/create_note", "reader"), "denied");
    assert_eq!(ran.running.changed_notes(), 0);
    assert!(objects(&ran.report).is_empty(), "{:?}", ran.report.residue);
}

#[tokio::test]
async fn what_cannot_be_removed_is_listed_with_its_id() {
    for (name, part) in [
        ("canary-left-behind", "still there"),
        ("canary-delete-refused", "was refused"),
    ] {
        let ran = audited(name).await;
        let left = objects(&ran.report);
        assert!(!left.is_empty(), "{name}");
        assert_eq!(left.len(), ran.running.changed_notes(), "{name}");
        assert!(
            left.iter().all(|why| why.contains(part)),
            "{name}: {left:?}"
        );
        for item in ran.report.residue.iter().filter(|it| it.kind == "object") {
            assert!(item.name.contains("mcpaudit-"), "{item:?}");
            assert!(item.undo.contains("delete_note"), "{item:?}");
        }
    }
}

#[tokio::test]
async fn another_user_is_shown_what_one_made_and_no_cell_speaks_of_it() {
    for (name, tripped) in [
        ("canary-kept-to-its-maker", false),
        ("canary-read-by-other-user", true),
        ("canary-deleted-by-other-user", true),
    ] {
        let ran = audited(name).await;
        let report = &ran.report;
        let found = with_status(report, &[Status::Fail, Status::Warn]);
        let wanted = "foreign-object-readable".to_owned();
        assert_eq!(
            found.contains(&wanted),
            tripped,
            "{name}: {:?}",
            report.objects
        );
        assert!(
            !report.matrices[0]
                .identities
                .contains(&"colleague".to_owned())
        );
        assert!(report.objects.len() >= 3, "{name}: {:?}", report.objects);
        assert_eq!(ran.running.changed_notes(), 0, "{name}");
    }
}

#[tokio::test]
async fn nothing_of_it_is_sent_without_consent() {
    let mut behaviour = behaviour("canary-objects");
    behaviour.audit.allow.clear();
    let ran = Box::pin(rehearse(&behaviour)).await;
    assert_eq!(ran.running.executed_state_changing(), 0);
    assert!(ran.report.canaries.is_empty());
    let tiers = ran.report.ledger.iter().map(|exchange| exchange.tier);
    assert!(tiers.into_iter().all(|tier| tier != Tier::Destructive));
}
