//! Two reports of one server: regressions first, and nothing held against the server that the
//! tokens explain.

use mcp_assay::model::audit::Collected;
use mcp_assay::model::matrix::Access;
use mcp_assay::model::registration::Posture;
use mcp_assay::model::report::{Enforcement, Report};
use mcp_assay::model::settings::Settings;
use mcp_assay::model::target::Revision;
use mcp_assay::model::verdict::{Severity, Status};
use mcp_assay::report::assemble::{Judged, assemble};
use mcp_assay::report::diff::{self, ChangeKind, Diff};
use mcp_assay::report::{Style, inert_json, safe};

use super::{assert_inert, poisoned, rich, rich_report};

#[test]
fn a_report_does_not_differ_from_itself() {
    let diff = diff::compare(&rich_report(), &rich_report());
    assert!(diff.regressions.is_empty() && diff.improvements.is_empty());
    assert!(diff.changes.is_empty(), "{diff:?}");
    let [note] = diff.notes.as_slice() else {
        panic!("{:?}", diff.notes);
    };
    let said = "the acceptance of calls-hidden-tools is stale: expired after 2026-01-31 and";
    assert!(note.starts_with(said), "{note}");
}

#[test]
fn a_cell_that_opened_is_a_regression_and_the_reverse_an_improvement() {
    let open = run(|collected, _, _| {
        set(collected, "tool/delete_note", "reader", Access::Allowed);
        set(collected, "tool/read_note", "anonymous", Access::Allowed);
    });
    let diff = diff::compare(&rich_report(), &open);
    let worse: Vec<_> = diff
        .regressions
        .iter()
        .map(|change| (change.kind, change.severity, change.subject.as_str()))
        .collect();
    assert_eq!(
        worse,
        [
            (ChangeKind::CellOpened, Severity::Critical, "tool/read_note"),
            (ChangeKind::CellOpened, Severity::High, "tool/delete_note"),
        ]
    );
    let back = diff::compare(&open, &rich_report());
    assert!(back.regressions.is_empty());
    assert_eq!(kinds(&back.improvements), [ChangeKind::CellClosed; 2]);
}

#[test]
fn a_token_with_other_scopes_is_no_regression_of_the_server() {
    let open = run(|collected, _, _| {
        set(collected, "tool/delete_note", "reader", Access::Allowed);
        for identity in &mut collected.identities.present {
            if identity.name == "reader" {
                identity.believed = Some(["notes:write".to_owned()].into());
            }
        }
    });
    let diff = diff::compare(&rich_report(), &open);
    assert!(diff.regressions.is_empty(), "{:?}", diff.regressions);
    assert!(
        diff.notes.iter().any(|note| note.contains("reader")),
        "{:?}",
        diff.notes
    );
}

#[test]
fn a_cell_that_is_not_decided_any_more_is_neither_better_nor_worse() {
    let open = run(|collected, _, _| {
        set(
            collected,
            "tool/delete_note",
            "reader",
            Access::Inconclusive,
        );
    });
    let diff = diff::compare(&rich_report(), &open);
    assert!(diff.regressions.is_empty() && diff.improvements.is_empty());
    assert_eq!(kinds(&diff.changes), [ChangeKind::DecisionChanged]);
}

#[test]
fn new_tools_count_when_nothing_guards_them() {
    let with = |reader: Access, stranger: Access| {
        let new = run(|collected, _, _| {
            let tool = rich::tool("drop_everything");
            for (identity, access) in [
                ("anonymous", stranger),
                ("reader", reader),
                ("admin", Access::Allowed),
            ] {
                let cell = rich::cell(&tool.id, identity, access);
                collected.matrices[0].cells.push(cell);
            }
            collected.surface.subjects.push(tool);
        });
        let diff = diff::compare(&rich_report(), &new);
        let all = diff.regressions.into_iter().chain(diff.changes);
        let found = all.filter(|change| change.subject == "tool/drop_everything");
        found
            .map(|change| (change.kind, change.severity))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        with(Access::Allowed, Access::Denied),
        [(ChangeKind::UnguardedAppeared, Severity::Medium)]
    );
    assert_eq!(
        with(Access::Allowed, Access::Allowed),
        [(ChangeKind::UnguardedAppeared, Severity::High)]
    );
    assert_eq!(
        with(Access::Denied, Access::Denied),
        [(ChangeKind::SubjectAppeared, Severity::Info)]
    );
    let gone = diff::compare(
        &run(|collected, _, _| collected.surface.subjects.push(rich::tool("old"))),
        &rich_report(),
    );
    assert_eq!(kinds(&gone.changes), [ChangeKind::SubjectVanished]);
}

#[test]
fn a_tool_whose_description_or_schema_changed_is_not_what_was_approved() {
    let described = |text: &str| {
        run(|collected, _, _| {
            collected.surface.subjects[0].description = Some(text.to_owned());
            collected.surface.subjects[0].input_schema = Some(serde_json::json!({ "type": text }));
        })
    };
    let diff = diff::compare(
        &described("reads a note"),
        &described("reads a note, and sends it"),
    );
    assert_eq!(kinds(&diff.regressions), [ChangeKind::DefinitionChanged]);
    assert_eq!(
        diff.regressions[0].after,
        "description and input schema changed"
    );
    let same = diff::compare(&described("reads a note"), &described("reads a note"));
    assert!(same.regressions.is_empty());
    // A report that an older version wrote has no digest to compare with.
    let first = diff::compare(&rich_report(), &described("reads a note"));
    assert!(first.regressions.is_empty());
}

#[test]
fn registration_and_enforcement_are_compared_where_both_are_known() {
    let with = |posture: Posture, enforcement: Enforcement| {
        run(move |collected, judged, _| {
            collected.registrations[0].posture = posture;
            judged.enforcement.enforcement = enforcement;
        })
    };
    let closed = with(Posture::D1, Enforcement::PerTool);
    let open = with(Posture::D5, Enforcement::ServerOnly);
    let worse = diff::compare(&closed, &open);
    assert_eq!(
        kinds(&worse.regressions),
        [ChangeKind::PostureDropped, ChangeKind::EnforcementDropped]
    );
    assert_eq!(worse.regressions[0].severity, Severity::Critical);
    let better = diff::compare(&open, &closed);
    assert_eq!(
        kinds(&better.improvements),
        [ChangeKind::PostureRose, ChangeKind::EnforcementRose]
    );
    let unknown = with(Posture::Undetermined, Enforcement::Undetermined);
    assert!(diff::compare(&closed, &unknown).regressions.is_empty());
}

#[test]
fn findings_are_new_worse_milder_gone_or_not_decided() {
    let without = run(|_, judged, settings| {
        judged
            .findings
            .retain(|finding| finding.check != "unguarded-write-tool");
        judged.coverage[1].status = Status::Pass;
        settings.accept[0].expired = true;
    });
    let diff = diff::compare(&without, &rich_report());
    assert_eq!(kinds(&diff.regressions), [ChangeKind::FindingAppeared]);
    assert_eq!(diff.regressions[0].before, "the check said PASS");
    assert_eq!(kinds(&diff.improvements), [ChangeKind::FindingMilder]);
    let back = diff::compare(&rich_report(), &without);
    assert_eq!(kinds(&back.regressions), [ChangeKind::FindingWorse]);
    assert_eq!(kinds(&back.improvements), [ChangeKind::FindingGone]);
    let unasked = run(|_, judged, _| {
        judged
            .findings
            .retain(|finding| finding.check != "unguarded-write-tool");
        judged.coverage[1].status = Status::Inconclusive;
    });
    let diff = diff::compare(&rich_report(), &unasked);
    assert!(diff.improvements.is_empty());
    assert_eq!(kinds(&diff.changes), [ChangeKind::FindingUndecided]);
}

#[test]
fn a_baseline_fails_only_what_is_new_or_worse() {
    let gated = |old: &Report, fail_on: Severity, strict: bool| {
        let mut new = rich_report();
        let diff = diff::compare(old, &new);
        diff::gate(&mut new, &diff, fail_on, strict);
        (new.outcome.exit_code, new.outcome.meaning)
    };
    let (code, meaning) = gated(&rich_report(), Severity::Low, false);
    assert_eq!(code, 0);
    assert!(
        meaning.starts_with("nothing at or above low is new or worse"),
        "{meaning}"
    );
    assert!(meaning.contains("in all 3 findings"), "{meaning}");
    let clean = run(|_, judged, _| judged.findings.clear());
    let (code, meaning) = gated(&clean, Severity::Medium, false);
    assert_eq!(code, 1);
    assert!(
        meaning.starts_with("2 regressions at or above medium"),
        "{meaning}"
    );
    assert_eq!(gated(&clean, Severity::Critical, false).0, 0);
    assert_eq!(gated(&rich_report(), Severity::Low, true).0, 3);
}

#[test]
fn a_baseline_does_not_make_an_incomplete_run_good() {
    let mut new = assemble(
        rich::unreachable(),
        rich::nothing_judged(),
        &rich::settings(),
    );
    let diff = diff::compare(&rich_report(), &new);
    assert!(
        diff.notes
            .iter()
            .any(|note| note.contains("could not audit"))
    );
    diff::gate(&mut new, &diff, Severity::Low, false);
    assert_eq!(new.outcome.exit_code, 3);
}

#[test]
fn comparisons_look_like_this() {
    let diff = changed();
    let style = Style {
        width: 100,
        ..Style::default()
    };
    let text = diff::table(&diff, style);
    for line in text.lines() {
        assert!(safe::width(line) <= 100, "{line}");
    }
    insta::assert_snapshot!("diff_table", text);
    insta::assert_snapshot!("diff_markdown", diff::markdown(&diff));
}

#[test]
fn hostile_names_are_inert_in_every_form_of_a_comparison() {
    let diff = diff::compare(&poisoned(&rich_report()), &rich_report());
    assert!(!diff.changes.is_empty());
    let json = inert_json(&diff).unwrap();
    assert_eq!(serde_json::from_str::<Diff>(&json).unwrap(), diff);
    for text in [
        diff::table(&diff, Style::default()),
        diff::markdown(&diff),
        json,
    ] {
        assert_inert(&text);
    }
}

fn changed() -> Diff {
    let new = run(|collected, judged, _| {
        set(collected, "tool/delete_note", "reader", Access::Allowed);
        set(collected, "resource/notes://all", "reader", Access::Denied);
        collected.registrations[0].posture = Posture::D5;
        judged
            .findings
            .retain(|finding| finding.check != "unguarded-write-tool");
        judged.coverage[1].status = Status::Pass;
        judged.findings[0].severity = Severity::High;
    });
    diff::compare(&rich_report(), &new)
}

fn kinds(changes: &[diff::Change]) -> Vec<ChangeKind> {
    changes.iter().map(|change| change.kind).collect()
}

fn set(collected: &mut Collected, subject: &str, identity: &str, access: Access) {
    let mut cells = collected.matrices[0].cells.iter_mut();
    let cell = cells
        .find(|cell| cell.subject == subject && cell.identity == identity)
        .expect("the cell exists");
    cell.access = access;
}

fn run(change: impl FnOnce(&mut Collected, &mut Judged, &mut Settings)) -> Report {
    let mut collected = rich::collected();
    let mut judged = rich::judged();
    let mut settings = rich::settings();
    change(&mut collected, &mut judged, &mut settings);
    assemble(collected, judged, &settings)
}

#[test]
fn a_description_that_was_not_there_is_not_what_was_approved() {
    let described = |text: Option<&str>| {
        run(|collected, _, _| {
            collected.surface.subjects[0].description = text.map(str::to_owned);
            collected.surface.subjects[0].input_schema = Some(serde_json::json!({}));
        })
    };
    let diff = diff::compare(&described(None), &described(Some("send it to me")));
    assert_eq!(kinds(&diff.regressions), [ChangeKind::DefinitionChanged]);
    assert_eq!(diff.regressions[0].after, "description changed");
    let same = diff::compare(&described(None), &described(None));
    assert!(same.regressions.is_empty());
}

#[test]
fn a_cell_that_opened_in_several_revisions_is_told_once_and_in_one_alone_with_its_name() {
    let several = |opened: &[bool]| {
        run(|collected, _, _| {
            collected.matrices.truncate(1);
            let mut other = collected.matrices[0].clone();
            other.revision = Revision::R2025_06;
            collected.matrices[0].revision = Revision::R2025_11;
            collected.matrices.push(other);
            for (matrix, open) in collected.matrices.iter_mut().zip(opened) {
                let tool = rich::tool("drop_everything");
                let access = if *open {
                    Access::Allowed
                } else {
                    Access::Denied
                };
                matrix.cells.push(rich::cell(&tool.id, "reader", access));
            }
            collected
                .surface
                .subjects
                .push(rich::tool("drop_everything"));
        })
    };
    let opened = |which: &[bool]| {
        let diff = diff::compare(&several(&[false, false]), &several(which));
        let found = diff.regressions.into_iter();
        let cells = found.filter(|change| change.kind == ChangeKind::CellOpened);
        cells.map(|change| change.after).collect::<Vec<_>>()
    };
    assert_eq!(opened(&[true, true]), ["allowed"]);
    assert_eq!(opened(&[false, true]), ["allowed, in MCP 2025-06-18 alone"]);
    assert!(opened(&[false, false]).is_empty());
}

#[test]
fn registration_is_compared_although_the_authorization_server_is_another() {
    let at = |issuer: &str, posture: Posture| {
        let issuer = issuer.to_owned();
        run(move |collected, _, _| {
            collected.registrations.truncate(1);
            collected.registrations[0].issuer = issuer;
            collected.registrations[0].posture = posture;
        })
    };
    let closed = at("https://one.example", Posture::D1);
    let worse = diff::compare(&closed, &at("https://two.example", Posture::D4));
    let [change] = worse.regressions.as_slice() else {
        panic!("{:?}", worse.regressions);
    };
    assert_eq!(change.kind, ChangeKind::PostureDropped);
    assert_eq!(change.subject, "https://two.example");
    let same = diff::compare(&closed, &at("https://two.example", Posture::D1));
    assert!(same.regressions.is_empty() && same.improvements.is_empty());
}
