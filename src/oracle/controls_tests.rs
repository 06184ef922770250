use super::tests::{DATA, TWO, assert_cell, readable, refusal, refusing_arguments, unknown};
use super::*;
use crate::model::matrix::Confidence;
use crate::oracle::testing::{Bench, failed, said, unauthorized};

#[test]
fn c1_a_control_that_was_not_repeated_or_broke_decides_no_refusal() {
    let once = Bench::valid(TWO)
        .got("admin", vec![said(DATA)])
        .got("reader", vec![refusal(), refusal()]);
    assert_cell(
        &once,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "C1",
    );
    let broke = Bench::valid(TWO)
        .got("admin", vec![said(DATA), failed("database is down")])
        .got("reader", vec![refusal(), refusal()]);
    assert_cell(
        &broke,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "C1",
    );
}

#[test]
fn c2_a_token_that_nothing_was_seen_to_accept_decides_nothing() {
    let outcome = ListOutcome::Failed {
        reason: "timeout".into(),
    };
    let bench = Bench::valid(TWO)
        .got("admin", vec![said(DATA), said(DATA)])
        .got("reader", vec![refusal(), refusal()])
        .list("reader", &outcome, false);
    assert_cell(
        &bench,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "C2",
    );
}

#[test]
fn c7_other_arguments_are_another_question() {
    let mut bench = readable(TWO);
    let id = bench.surface.subjects[0].id.clone();
    bench.treatments.insert(
        id,
        Treatment::Valid {
            arguments: serde_json::json!({"id": "2"}),
        },
    );
    let bench = bench.got("reader", vec![said(DATA)]);
    assert_cell(
        &bench,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "C7",
    );
}

#[test]
fn an_invalid_token_has_no_verdict_and_flips_nothing() {
    let wide = |identity: &mut Identity| {
        identity.invalid = Some("it holds `write`, which was not asked for".into());
    };
    let bench = readable(TWO)
        .got("reader", vec![said(DATA)])
        .identity("reader", wide);
    let cell = bench.cell("reader");
    assert_eq!(cell.access, Access::Inconclusive);
    assert!(cell.reason.unwrap().starts_with("the token is invalid"));
}

#[test]
fn another_identity_stands_in_when_the_baseline_is_the_refused_one() {
    let held: &[(&str, &[&str])] = &[("mailer", &["mail"]), ("admin", &["read", "write"])];
    let bench = Bench::valid(held)
        .unknown("admin", unknown)
        .got("mailer", vec![said(DATA), said(DATA)])
        .got("admin", vec![refusal(), refusal()]);
    assert_cell(&bench, "mailer", Access::Allowed, Confidence::Strong, "C1");
    assert_cell(&bench, "admin", Access::Denied, Confidence::Strong, "D3");
}

#[test]
fn a_random_name_that_succeeds_is_no_control() {
    let empty = || said("{}");
    let bench = Bench::valid(TWO)
        .unknown("admin", |_| said("{}"))
        .got("admin", vec![empty(), empty()])
        .got("reader", vec![empty(), empty()]);
    assert_eq!(bench.cell("reader").access, Access::Inconclusive);
    assert_eq!(bench.cell("admin").access, Access::Inconclusive);
}

#[test]
fn nothing_sent_is_not_tested() {
    let bench = readable(TWO);
    assert_eq!(bench.cell("reader").access, Access::NotTested);
    let mut closed = readable(TWO);
    let id = closed.surface.subjects[0].id.clone();
    closed.treatments.insert(
        id,
        Treatment::NotTested {
            reason: "why".into(),
            decided_by: Some("flag".into()),
        },
    );
    let cell = closed.cell("admin");
    assert_eq!(
        (cell.access, cell.decided_by.as_deref()),
        (Access::NotTested, Some("flag"))
    );
}

#[test]
fn alarms_are_passes_that_somebody_else_or_the_list_contradicts() {
    let bench = readable(TWO).got("reader", vec![said(DATA)]);
    assert_eq!(bench.cell("reader").confidence, Confidence::Proven);
    let held: &[(&str, &[&str])] = &[
        ("none", &[]),
        ("reader", &["read"]),
        ("admin", &["read", "write"]),
    ];
    let bench = readable(held)
        .got("none", vec![said(DATA)])
        .got("reader", vec![refusal(), refusal()]);
    assert_eq!(bench.cell("none").confidence, Confidence::Strong);
    assert!(bench.cell("none").reason.unwrap().contains("one session"));
}

#[test]
fn refusals_before_validation_are_read_in_every_shape() {
    let bench = refusing_arguments().got("reader", vec![unauthorized(), unauthorized()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D19");
    let masked = || failed("Internal server error");
    let bench = refusing_arguments().got("reader", vec![masked(), masked()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Weak, "D9");
    let result = || said(r#"{"error":"no","code":1}"#);
    let bench = refusing_arguments().got("reader", vec![result(), result()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Weak, "D18");
    let ran = refusing_arguments().got("reader", vec![said(DATA)]);
    assert_cell(
        &ran,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "D18",
    );
}
