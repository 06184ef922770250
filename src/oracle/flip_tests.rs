use super::tests::{DATA, assert_cell, readable, refusal};
use super::*;
use crate::model::matrix::Confidence;
use crate::oracle::testing::{Bench, rpc_error, said, scopes, step_up};

const RUNGS: &[(&str, &[&str])] = &[
    ("only-a", &["a"]),
    ("only-c", &["c"]),
    ("without-b", &["a", "c"]),
    ("all", &["a", "b", "c"]),
];

fn refused_at(names: &[&str]) -> Bench {
    names.iter().fold(readable(RUNGS), |bench, name| {
        bench.got(name, vec![refusal(), refusal()])
    })
}

fn flips(bench: &Bench, identity: &str) -> Vec<String> {
    bench.cell(identity).flips
}

#[test]
fn a_leave_one_out_rung_is_turned_by_the_scope_it_lacks() {
    let bench = refused_at(&["only-a", "only-c", "without-b"]);
    assert_cell(
        &bench,
        "without-b",
        Access::Denied,
        Confidence::Proven,
        "D2",
    );
    assert_eq!(flips(&bench, "without-b"), ["b"]);
    let reason = bench.cell("without-b").reason.unwrap_or_default();
    assert!(reason.contains("adding only `b` (`all`)"), "{reason}");
}

#[test]
fn two_scopes_more_prove_nothing_about_either() {
    let bench = refused_at(&["only-a", "only-c", "without-b"]);
    assert_cell(&bench, "only-a", Access::Denied, Confidence::Strong, "D3");
    assert!(flips(&bench, "only-a").is_empty());
}

#[test]
fn the_same_number_of_other_scopes_is_no_flip() {
    let other: &[(&str, &[&str])] = &[("only-a", &["a"]), ("others", &["b", "c"])];
    let bench = readable(other).got("only-a", vec![refusal(), refusal()]);
    assert_cell(&bench, "only-a", Access::Denied, Confidence::Strong, "D3");
}

#[test]
fn equal_realised_scopes_are_no_flip_whatever_was_asked_for() {
    let bench = refused_at(&["without-b"]).identity("without-b", |identity| {
        identity.requested = Some(scopes(&["a", "c"]));
        if let Some(claims) = identity.claims.as_mut() {
            claims.scopes = Some(scopes(&["a", "b", "c"]));
        }
    });
    assert_cell(
        &bench,
        "without-b",
        Access::Denied,
        Confidence::Strong,
        "D3",
    );
}

#[test]
fn every_scope_that_turns_it_alone_is_named_once() {
    let any: &[(&str, &[&str])] = &[
        ("none", &[]),
        ("only-a", &["a"]),
        ("again-a", &["a"]),
        ("only-b", &["b"]),
        ("all", &["a", "b"]),
    ];
    let bench = ["only-a", "again-a", "only-b"]
        .iter()
        .fold(readable(any), |bench, name| {
            bench.got(name, vec![said(DATA)])
        })
        .got("none", vec![step_up("a"), step_up("a")]);
    assert_cell(&bench, "none", Access::Denied, Confidence::Proven, "D1");
    assert_eq!(flips(&bench, "none"), ["a", "b"]);
}

#[test]
fn a_token_that_gets_in_now_and_then_turns_nothing() {
    let rungs: &[(&str, &[&str])] = &[("none", &[]), ("only-a", &["a"]), ("all", &["a", "b"])];
    let bench = readable(rungs)
        .got("none", vec![refusal(), refusal()])
        .got("only-a", vec![said(DATA), refusal()]);
    assert_eq!(bench.cell("only-a").rule.as_deref(), Some("D27"));
    assert!(flips(&bench, "none").is_empty());
    assert_cell(&bench, "none", Access::Denied, Confidence::Strong, "D3");
}

#[test]
fn an_invalid_token_turns_nothing() {
    let two: &[(&str, &[&str])] = &[("none", &[]), ("only-a", &["a"]), ("all", &["a", "b"])];
    let bench = readable(two)
        .got("none", vec![refusal(), refusal()])
        .got("only-a", vec![said(DATA)]);
    assert_eq!(flips(&bench, "none"), ["a"]);
    let bench = bench.identity("only-a", |identity| {
        identity.invalid = Some("it holds more".into());
    });
    assert!(flips(&bench, "none").is_empty());
    assert_cell(&bench, "none", Access::Denied, Confidence::Strong, "D3");
}

#[test]
fn another_persons_token_turns_nothing() {
    let bench = refused_at(&["without-b"]).identity("all", |identity| {
        if let Some(claims) = identity.claims.as_mut() {
            claims.subject = Some("bob".into());
        }
    });
    assert_cell(&bench, "without-b", Access::Denied, Confidence::Weak, "D3");
    assert!(flips(&bench, "without-b").is_empty());
}

#[test]
fn a_refusal_seen_once_stays_weak_although_a_scope_turns_it() {
    let bench = readable(RUNGS).got("without-b", vec![refusal()]);
    let cell = bench.cell("without-b");
    assert_eq!(cell.confidence, Confidence::Weak);
    assert_eq!(cell.flips, ["b"]);
}

#[test]
fn a_masked_error_that_one_scope_turns_is_strong() {
    let masked = || rpc_error(-32603, "Error while executing tool");
    let bench = readable(RUNGS).got("without-b", vec![masked(), masked()]);
    assert_cell(
        &bench,
        "without-b",
        Access::Denied,
        Confidence::Strong,
        "D9",
    );
    assert_eq!(flips(&bench, "without-b"), ["b"]);
}
