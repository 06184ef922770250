use serde_json::json;

use crate::model::canary::{CanaryTrial, Effect, Fate};
use crate::model::exchange::Outcome;
use crate::model::matrix::{Access, Cell, Confidence};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::oracle::calibrate::Treatment;
use crate::oracle::testing::{Bench, call, failed, said};

const HELD: &[(&str, &[&str])] = &[("reader", &["read"]), ("admin", &["read", "write"])];

/// A tool called on objects of the run's own, each call with a word and an id of its own.
fn bench(answers: &[(&str, Outcome, Effect)]) -> Bench {
    let mut bench = Bench::valid(HELD);
    for treatment in bench.treatments.values_mut() {
        *treatment = Treatment::Canary {
            arguments: json!({"title": "{canary}", "id": "{made:/id}"}),
        };
    }
    for (number, (identity, outcome, effect)) in answers.iter().enumerate() {
        let letter = char::from(b'a' + u8::try_from(number).unwrap());
        let word = format!("mcpaudit-{}", letter.to_string().repeat(12));
        let earlier = answers.iter().take(number);
        let attempt = earlier.filter(|(who, _, _)| who == identity).count();
        let key = ProbeKey::new(ProbeId::CallCanary)
            .about("tool/read_note")
            .attempt(u16::try_from(attempt).unwrap());
        let arguments = json!({"title": word, "id": number});
        let exchange = call(key, identity, "read_note", &arguments, outcome.clone());
        let id = bench.ledger.file(exchange);
        bench.canaries.push(CanaryTrial {
            subject: "tool/read_note".into(),
            identity: (*identity).to_owned(),
            attempt: u16::try_from(attempt).unwrap(),
            canary: word,
            made: None,
            before: None,
            call: Some(id),
            after: None,
            undo: None,
            removed: None,
            effect: *effect,
            fate: Fate::Removed,
            obstacle: None,
        });
    }
    bench
}

fn reader(control: Effect, answer: Outcome, effect: Effect) -> Cell {
    let ok = || said("OK");
    bench(&[
        ("admin", ok(), control),
        ("reader", answer.clone(), effect),
        ("reader", answer, effect),
        ("admin", ok(), control),
    ])
    .cell("reader")
}

#[test]
fn an_effect_that_was_read_back_passes_even_where_the_answer_is_a_bare_ok() {
    let cell = reader(Effect::Shown, said("OK"), Effect::Shown);
    assert_eq!(cell.access, Access::Allowed, "{cell:?}");
    assert!(cell.confidence >= Confidence::Strong);
    assert!(cell.reason.unwrap().contains("read back"));
}

#[test]
fn an_effect_behind_a_refusal_passes() {
    let cell = reader(Effect::Shown, failed("Permission denied"), Effect::Shown);
    assert_eq!(cell.access, Access::Allowed, "{cell:?}");
    assert!(cell.reason.unwrap().contains("no success"));
}

#[test]
fn a_success_without_effect_beside_a_control_with_one_is_a_refusal_that_is_never_proven() {
    let cell = reader(Effect::Shown, said("OK"), Effect::Absent);
    assert_eq!(
        (cell.access, cell.rule.as_deref()),
        (Access::Denied, Some("D18"))
    );
    assert!(cell.confidence < Confidence::Proven);
    assert!(cell.reason.unwrap().contains("nothing came of it"));
}

#[test]
fn a_success_whose_effect_nobody_saw_decides_nothing() {
    let cell = reader(Effect::Shown, said("OK"), Effect::Unknown);
    assert_eq!(cell.rule.as_deref(), Some("D17"), "{cell:?}");
    assert_eq!(cell.access, Access::Inconclusive);
    assert!(cell.decided_by.unwrap().contains("--allow destructive"));
}

#[test]
fn without_a_control_that_had_an_effect_nothing_is_decided() {
    for effect in [Effect::Absent, Effect::Unknown] {
        for own in [effect, Effect::Unknown] {
            let cell = reader(effect, said("OK"), own);
            assert_eq!(cell.access, Access::Inconclusive, "{cell:?}");
            let refused = reader(effect, failed("Permission denied"), own);
            assert_eq!(refused.access, Access::Inconclusive, "{refused:?}");
        }
    }
}

#[test]
fn a_plain_refusal_is_refused_as_everywhere() {
    for effect in [Effect::Absent, Effect::Unknown] {
        let cell = reader(Effect::Shown, failed("Permission denied"), effect);
        assert_eq!(cell.access, Access::Denied, "{cell:?}");
    }
}

#[test]
fn an_own_word_in_the_answer_counts_where_the_answer_is_like_the_controls() {
    let told = |word: char| said(&format!("Sent mcpaudit-{}", word.to_string().repeat(12)));
    let bench = bench(&[
        ("admin", told('a'), Effect::Echoed),
        ("reader", told('b'), Effect::Echoed),
        ("admin", told('c'), Effect::Echoed),
    ]);
    assert_eq!(bench.cell("reader").access, Access::Allowed);
    let sorry = said("Sorry, mcpaudit-bbbbbbbbbbbb is beyond what your plan includes");
    let bench = super::tests::bench(&[
        ("admin", told('a'), Effect::Echoed),
        ("reader", sorry, Effect::Echoed),
        ("admin", told('c'), Effect::Echoed),
    ]);
    assert_ne!(bench.cell("reader").access, Access::Allowed);
}

#[test]
fn the_answer_of_another_caller_is_taken_for_a_cached_one() {
    let told = |word: char| said(&format!("Sent mcpaudit-{}", word.to_string().repeat(12)));
    let bench = bench(&[
        ("admin", told('a'), Effect::Echoed),
        ("reader", told('a'), Effect::Unknown),
        ("admin", told('c'), Effect::Echoed),
    ]);
    let cell = bench.cell("reader");
    assert_eq!(cell.access, Access::Inconclusive, "{cell:?}");
}
