//! Exit codes, acceptances, counts and the list of open questions.

use mcp_assay::model::audit::Collected;
use mcp_assay::model::exchange::{Failure, FailureKind, Ledger, Outcome};
use mcp_assay::model::matrix::Access;
use mcp_assay::model::probe::ProbeId;
use mcp_assay::model::report::Report;
use mcp_assay::model::settings::Settings;
use mcp_assay::model::surface::ListOutcome;
use mcp_assay::model::verdict::{Severity, Status};
use mcp_assay::report::assemble::{Judged, assemble};
use mcp_assay::report::exit;

use super::rich;

#[test]
fn findings_fail_only_at_or_above_the_threshold() {
    assert_eq!(run(|_, _, _| {}).outcome.exit_code, 1);
    let high = |_: &mut Collected, _: &mut Judged, settings: &mut Settings| {
        settings.fail_on = Severity::High;
    };
    let report = run(high);
    assert_eq!(report.outcome.exit_code, 1);
    let short = "; audited without `auditor`";
    let found = format!("1 finding at or above high{short}");
    assert_eq!(report.outcome.meaning, found);
    let critical = run(|_, _, settings| settings.fail_on = Severity::Critical);
    assert_eq!(critical.outcome.exit_code, 0);
    let found = format!("no finding at or above critical{short}");
    assert_eq!(critical.outcome.meaning, found);
}

#[test]
fn only_broken_checks_count_as_findings() {
    let observed = run(|_, judged, settings| {
        settings.accept.clear();
        for row in &mut judged.coverage {
            row.status = Status::Observed;
        }
    });
    assert_eq!(observed.outcome.exit_code, 0);
}

#[test]
fn an_audit_that_could_not_be_done_never_exits_zero() {
    let unusable = run(|collected, _, _| {
        collected.discovery.unusable = Some("HTML came back".to_owned());
    });
    assert_eq!(unusable.outcome.exit_code, 3);
    assert!(unusable.outcome.meaning.contains("HTML came back"));

    let silent = run(|collected, _, _| collected.ledger = Ledger::default());
    assert_eq!(silent.outcome.exit_code, 3);

    let expired = run(|collected, _, _| {
        for listing in &mut collected.surface.listings {
            listing.outcome = ListOutcome::Refused { status: 401 };
        }
        for cell in collected.matrices.iter_mut().flat_map(|m| &mut m.cells) {
            cell.access = Access::Denied;
        }
    });
    assert_eq!(expired.outcome.exit_code, 3);
    assert!(expired.outcome.meaning.contains("no identity got through"));

    // Everybody gets the list, so that it does not show that a token works.
    let public_list = run(|collected, _, _| {
        let mut listing = collected.surface.listings[0].clone();
        listing.identity = "anonymous".to_owned();
        collected.surface.listings.push(listing);
        for cell in collected.matrices.iter_mut().flat_map(|m| &mut m.cells) {
            cell.access = Access::Denied;
        }
    });
    assert_eq!(public_list.outcome.exit_code, 3);

    let too_strong = run(|collected, _, _| {
        for identity in &mut collected.identities.present {
            identity.invalid = Some("holds more than was asked for".to_owned());
        }
    });
    assert_eq!(too_strong.outcome.exit_code, 3);

    let undecided = run(|collected, _, _| {
        for cell in collected.matrices.iter_mut().flat_map(|m| &mut m.cells) {
            cell.access = Access::Reached;
        }
    });
    assert_eq!(undecided.outcome.exit_code, 3);
    assert!(undecided.outcome.meaning.contains("none of 32 cells"));

    let empty = run(|collected, _, _| collected.matrices.clear());
    assert_eq!(empty.outcome.exit_code, 3);
}

#[test]
fn an_anonymous_audit_needs_no_decided_cell() {
    let anonymous = |collected: &mut Collected, judged: &mut Judged, settings: &mut Settings| {
        settings.identities.clear();
        settings.accept.clear();
        collected.matrices.clear();
        collected.identities.present.truncate(2);
        judged.findings.clear();
    };
    assert_eq!(run(anonymous).outcome.exit_code, 0);
    let with_findings = run(|collected, judged, settings| {
        let findings = judged.findings.clone();
        anonymous(collected, judged, settings);
        judged.findings = findings;
    });
    assert_eq!(with_findings.outcome.exit_code, 1);
}

#[test]
fn strictness_turns_open_checks_into_failure_but_findings_come_first() {
    let clean = |judged: &mut Judged, settings: &mut Settings| {
        judged.findings.clear();
        settings.accept.clear();
    };
    let lenient = run(|_, judged, settings| clean(judged, settings));
    assert_eq!(lenient.outcome.exit_code, 0);
    let strict = run(|_, judged, settings| {
        clean(judged, settings);
        settings.strict = true;
    });
    assert_eq!(strict.outcome.exit_code, 3);
    assert!(strict.outcome.meaning.contains("--strict"));
    let both = run(|_, _, settings| settings.strict = true);
    assert_eq!(both.outcome.exit_code, 1);
}

#[test]
fn what_the_guard_refused_counts_when_the_operator_asked_for_it() {
    let blocked = |probe: ProbeId| {
        run(move |collected, _, _| {
            let mut exchange = rich::exchange(probe, "reader");
            exchange.request.url = "http://10.0.0.1/x".to_owned();
            exchange.outcome = Outcome::Failure(Failure {
                kind: FailureKind::Blocked,
                text: "10.0.0.1 is private; --allow-host 10.0.0.1 permits it".to_owned(),
                partial: None,
            });
            collected.ledger.file(exchange);
        })
    };
    let asked = blocked(ProbeId::MintToken);
    assert_eq!(asked.outcome.exit_code, 4);
    assert!(asked.outcome.meaning.contains("--allow-host"));
    // Named by the target, not by the operator.
    let named = blocked(ProbeId::ResourceMetadata);
    assert_eq!(named.outcome.exit_code, 1);
    // A refused request was never sent.
    assert_eq!(asked.requests.total, run(|_, _, _| {}).requests.total);
}

#[test]
fn an_interruption_outranks_everything() {
    let report = run(|collected, _, _| {
        collected.interrupted = true;
        collected.discovery.unusable = Some("cut off".to_owned());
    });
    assert_eq!(report.outcome.exit_code, 130);
    assert!(report.outcome.interrupted);
}

#[test]
fn every_code_that_can_be_chosen_is_in_the_table() {
    let codes: Vec<u8> = exit::EXIT_CODES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes, [0, 1, 2, 3, 4, 70, 130]);
    assert!(exit::meaning(3).is_some());
    assert!(exit::meaning(5).is_none());
}

#[test]
fn acceptances_move_findings_aside_and_expired_ones_do_not() {
    let report = run(|_, _, _| {});
    let accepted: Vec<&str> = report
        .accepted
        .iter()
        .map(|item| item.finding.check.as_str())
        .collect();
    assert_eq!(accepted, ["registration-open"]);
    let open: Vec<&str> = report
        .findings
        .iter()
        .map(|finding| finding.check.as_str())
        .collect();
    // Worst first.
    assert_eq!(
        open,
        [
            "calls-hidden-tools",
            "unguarded-write-tool",
            "acceptance-expired"
        ]
    );
    assert_eq!(report.stale_acceptances.len(), 1);
    assert!(report.stale_acceptances[0].problem.contains("2026-01-31"));
    assert_eq!(
        report.stale_acceptances[0].finding,
        report.findings[2].fingerprint
    );
    assert_eq!(report.answers.clients.findings, ["22cc33dd44ee55ff"]);
}

#[test]
fn an_acceptance_that_matches_nothing_is_stale() {
    let report = run(|_, _, settings| {
        settings.accept[0].subject = Some("https://other.*".to_owned());
        settings.accept[1].check = "no-such-check".to_owned();
        settings.accept[1].expired = false;
    });
    assert!(report.accepted.is_empty());
    let problems: Vec<&str> = report
        .stale_acceptances
        .iter()
        .map(|stale| stale.problem.as_str())
        .collect();
    assert!(problems[0].contains("matches no finding"));
    assert!(problems[1].contains("`no-such-check`"));
    assert!(
        report
            .findings
            .iter()
            .any(|it| it.check == "acceptance-unused")
    );
}

#[test]
fn acceptances_fail_a_run_only_when_low_findings_do() {
    let code = |fail_on: Severity, accept: usize| {
        let report = run(|_, judged, settings| {
            judged.findings.retain(|it| it.check == "registration-open");
            settings.fail_on = fail_on;
            settings.accept.truncate(accept);
        });
        report.outcome.exit_code
    };
    assert_eq!(code(Severity::Low, 2), 1);
    assert_eq!(code(Severity::Medium, 2), 0);
    assert_eq!(code(Severity::Low, 1), 0);
}

#[test]
fn an_acceptance_is_not_called_stale_by_an_audit_that_did_not_get_that_far() {
    let stale = |change: fn(&mut Collected, &mut Judged, &mut Settings)| {
        let report = run(|collected, judged, settings| {
            settings.accept.truncate(1);
            judged.findings.clear();
            change(collected, judged, settings);
        });
        report.stale_acceptances.len()
    };
    assert_eq!(stale(|_, _, _| {}), 1);
    assert_eq!(stale(|collected, _, _| collected.interrupted = true), 0);
    assert_eq!(
        stale(|_, judged, _| judged.coverage[2].status = Status::Inconclusive),
        0
    );
    assert_eq!(
        stale(|_, judged, settings| {
            judged.coverage.clear();
            settings.skip.insert("registration-open".to_owned());
        }),
        0
    );
}

#[test]
fn requests_are_counted_by_tier_and_probe_and_controls_apart() {
    let report = run(|collected, _, _| {
        let mut repeat = rich::exchange(ProbeId::CallValid, "reader");
        repeat.probe.attempt = 1;
        collected.ledger.file(repeat);
        let mut confirmation = rich::exchange(ProbeId::CallValid, "reader");
        confirmation.probe.variant = Some("fresh-session".to_owned());
        collected.ledger.file(confirmation);
    });
    let counts = &report.requests;
    assert_eq!(counts.total, 9);
    assert_eq!(counts.by_probe["call-valid"], 3);
    assert_eq!(counts.by_tier["authenticated"], 6);
    assert_eq!(counts.by_tier.values().sum::<usize>(), counts.total);
    assert_eq!((counts.cell_requests, counts.control_requests), (1, 3));
}

#[test]
fn each_open_question_is_listed_once_with_its_flag() {
    let report = run(|_, _, _| {});
    let what: Vec<&str> = report
        .undecided
        .iter()
        .map(|item| item.what.as_str())
        .collect();
    assert_eq!(
        what,
        [
            "tool/create_note",
            "tool/export_notes",
            "prompt/summarise",
            "identity/auditor",
            "accepts-foreign-audience",
            "other-users-data"
        ]
    );
    assert_eq!(
        report.undecided[0].decided_by.as_deref(),
        Some("--allow call with arguments for the tool")
    );
}

#[test]
fn differences_name_the_cells_that_changed_between_revisions() {
    let report = run(|_, _, _| {});
    assert_eq!(report.differences.len(), 1);
    assert_eq!(report.differences[0].subject, "tool/delete_note");
    assert_eq!(report.differences[0].identity, "reader");
    assert_eq!(report.matrices[0].subjects.len(), 8);
    assert_eq!(report.matrices[1].subjects.len(), 1);
    let same = run(|collected, _, _| {
        let first = collected.matrices[0].clone();
        collected.matrices[1].cells.clone_from(&first.cells);
    });
    assert!(same.differences.is_empty());
}

fn run(change: impl FnOnce(&mut Collected, &mut Judged, &mut Settings)) -> Report {
    let mut collected = rich::collected();
    let mut judged = rich::judged();
    let mut settings = rich::settings();
    change(&mut collected, &mut judged, &mut settings);
    assemble(collected, judged, &settings)
}
