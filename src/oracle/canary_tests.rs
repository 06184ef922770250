use serde_json::json;

use super::*;
use crate::model::exchange::Outcome;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::oracle::testing::{call, failed, http, reset, rpc_error, said, unauthorized};

const OURS: &str = "mcpaudit-abcdefghijkl";
const OTHER: &str = "mcpaudit-zzzzzzzzzzzz";

fn exchange(outcome: Outcome) -> Exchange {
    let key = ProbeKey::new(ProbeId::CallCanary);
    call(
        key,
        "reader",
        "create_note",
        &json!({"title": OURS}),
        outcome,
    )
}

fn structured(text: &str) -> Outcome {
    let body = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{text}}}"#);
    http(200, &[("content-type", "application/json")], &body)
}

fn filled(template: &Value, made: Outcome) -> Result<Value, String> {
    let made = exchange(made);
    let bindings = Bindings {
        canary: OURS,
        made: Some(&made),
        ..Bindings::default()
    };
    fill(template, &bindings, None)
}

#[test]
fn words_and_places_in_answers_fill_the_holes() {
    let id = json!({"id": "{made:Created note *}", "title": "a {canary}", "keep": [1, true]});
    assert_eq!(
        filled(&id, said("Well.\nCreated note 17.\nBye")).unwrap(),
        json!({"id": "17", "title": format!("a {OURS}"), "keep": [1, true]})
    );
    let between = json!("{made:note <*> was}");
    let text = said("note <a b> was made");
    assert_eq!(filled(&between, text).unwrap(), json!("a b"));
}

#[test]
fn pointers_lead_into_structures_and_into_texts_that_are_json() {
    let answer = || structured(r#"{"content":[{"type":"text","text":"{\"note\":{\"id\":5}}"}]}"#);
    let whole = json!("{made:/content/0/text/note/id}");
    assert_eq!(filled(&whole, answer()).unwrap(), json!(5));
    let inside = json!("note-{made:/content/0/text/note/id}");
    assert_eq!(filled(&inside, answer()).unwrap(), json!("note-5"));
    for missing in ["{made:/content/1/text}", "{made:/content}", "{made:/x~1y}"] {
        let problem = filled(&json!(missing), answer()).unwrap_err();
        assert!(problem.contains(missing), "{problem}");
    }
}

#[test]
fn nothing_is_taken_from_refusals_nor_from_odd_values() {
    let id = json!("{made:note *}");
    assert!(filled(&id, failed("no note 1 for you")).is_err());
    assert!(filled(&id, rpc_error(-32602, "note 1")).is_err());
    assert!(filled(&id, unauthorized()).is_err());
    assert!(filled(&id, said("note {token-reader}")).is_err());
    assert!(filled(&id, said(&format!("note {}", "x".repeat(600)))).is_err());
    assert!(filled(&id, said("note \u{7}1")).is_err());
    assert!(filled(&id, said("nothing of it")).is_err());
}

#[test]
fn what_a_search_finds_is_ours_only_beside_our_word() {
    let found = |template: &str, outcome: Outcome| {
        let found = exchange(outcome);
        let bindings = Bindings {
            canary: OURS,
            found: Some(&found),
            ..Bindings::default()
        };
        fill(&json!(template), &bindings, None)
    };
    let text = || said(&format!("2 notes\n1: Shopping\n9: {OURS}"));
    assert_eq!(found("{found:*: mcpaudit}", text()).unwrap(), json!("9"));
    assert!(found("{found:*: Shopping}", text()).is_err());
    let hits = |first: &str| {
        structured(&format!(
            r#"{{"structuredContent":{{"notes":[{{"id":1,"title":"{first}"}},{{"id":9,"title":"{OURS}"}}]}}}}"#
        ))
    };
    let first = "{found:/structuredContent/notes/0/id}";
    assert!(found(first, hits("Shopping")).is_err());
    assert_eq!(found(first, hits(OURS)).unwrap(), json!(1));
}

#[test]
fn values_take_the_type_that_the_schema_asks_for() {
    let made = exchange(said("Created note 17"));
    let bindings = Bindings {
        made: Some(&made),
        ..Bindings::default()
    };
    let schema = json!({"properties": {
        "id": {"type": "integer"}, "ratio": {"type": "number"}, "plain": {"type": "integer"},
    }});
    let template = json!({"id": "{made:note *}", "ratio": "{made:note *}", "plain": "3"});
    let found = fill(&template, &bindings, Some(&schema)).unwrap();
    assert_eq!(found, json!({"id": 17, "ratio": 17.0, "plain": "3"}));
}

fn effect_of(call: Outcome, before: Option<Outcome>, after: Option<Outcome>) -> Effect {
    let (call, before, after) = (exchange(call), before.map(exchange), after.map(exchange));
    effect(&Seen {
        canary: OURS,
        gone: None,
        read_back: true,
        call: &call,
        before: before.as_ref(),
        after: after.as_ref(),
    })
}

#[test]
fn an_effect_is_what_was_read_back_whatever_the_answer_says() {
    let ours = || Some(said(&format!("Title: {OURS}")));
    for answer in [said("OK"), failed("no"), reset()] {
        assert_eq!(effect_of(answer, None, ours()), Effect::Shown);
    }
    let missing = || Some(failed("There is no note 17"));
    assert_eq!(effect_of(said("OK"), None, missing()), Effect::Absent);
    assert_eq!(
        effect_of(said("OK"), None, Some(said("nothing"))),
        Effect::Absent
    );
    for unclear in [
        reset(),
        http(429, &[], ""),
        unauthorized(),
        failed("Permission denied"),
        rpc_error(-32603, "Internal error: TypeError at line 3"),
    ] {
        assert_eq!(effect_of(said("OK"), None, Some(unclear)), Effect::Unknown);
    }
    assert_eq!(effect_of(said("OK"), None, None), Effect::Unknown);
}

#[test]
fn a_search_that_repeats_its_question_shows_nothing_by_that() {
    let none = || Some(said(&format!("No notes for {OURS}")));
    assert_eq!(effect_of(said("OK"), none(), none()), Effect::Absent);
    let hit = Some(said(&format!("Notes for {OURS}: 3 {OURS}")));
    assert_eq!(effect_of(said("OK"), none(), hit), Effect::Shown);
    let other = Some(said(&format!("Searched for {OURS} in two stores")));
    assert_eq!(effect_of(said("OK"), none(), other), Effect::Unknown);
}

#[test]
fn the_end_of_an_object_counts_for_a_call_that_was_not_refused() {
    let ended = |call: Outcome, after: Outcome| {
        let (call, after) = (exchange(call), exchange(after));
        effect(&Seen {
            canary: OTHER,
            gone: Some(OURS),
            read_back: true,
            call: &call,
            before: None,
            after: Some(&after),
        })
    };
    let still = || said(&format!("Title: {OURS}"));
    assert_eq!(
        ended(said("Deleted"), failed("no such note")),
        Effect::Shown
    );
    assert_eq!(ended(said("Deleted"), said("{}")), Effect::Shown);
    assert_eq!(ended(said("Deleted"), still()), Effect::Absent);
    assert_eq!(ended(failed("denied"), still()), Effect::Absent);
    assert_eq!(
        ended(failed("denied"), failed("no such note")),
        Effect::Unknown
    );
    assert_eq!(ended(said("Deleted"), unauthorized()), Effect::Unknown);
}

#[test]
fn without_a_way_to_read_back_only_the_own_word_counts() {
    let alone = |outcome: Outcome| {
        let call = exchange(outcome);
        effect(&Seen {
            canary: OURS,
            gone: None,
            read_back: false,
            call: &call,
            before: None,
            after: None,
        })
    };
    assert_eq!(alone(said(&format!("Sent {OURS}"))), Effect::Echoed);
    assert_eq!(alone(said("Sent")), Effect::Unknown);
    assert_eq!(alone(failed(&format!("{OURS} refused"))), Effect::Unknown);
}

#[test]
fn words_of_the_run_are_found_and_masked() {
    let text = format!("a {OURS}, b {OTHER}! mcpaudit-SHORT mcpaudit-abc");
    assert_eq!(words(&text), BTreeSet::from([OURS, OTHER]));
    assert_eq!(masked(&text, "*"), "a *, b *! mcpaudit-SHORT mcpaudit-abc");
    assert_eq!(
        masked("mcpaudit-äbcdefghijkl", "*"),
        "mcpaudit-äbcdefghijkl"
    );
}

#[test]
fn calls_fit_their_template_whatever_fills_the_holes() {
    let template = json!({"title": "x {canary}", "id": "{made:/id}", "n": 1});
    let sent = |title: &str, id: Value, n: u8| json!({"title": title, "id": id, "n": n});
    let ours = format!("x {OURS}");
    assert!(fits(&template, &sent(&ours, json!(4), 1)));
    assert!(fits(&template, &sent(&format!("x {OTHER}"), json!("9"), 1)));
    assert!(!fits(&template, &sent(&ours, json!(4), 2)));
    assert!(!fits(&template, &sent("y", json!(4), 1)));
    assert!(!fits(&template, &sent(&ours, json!({}), 1)));
    assert!(!fits(&template, &json!({"title": ours})));
}

#[test]
fn an_object_is_in_other_hands_when_its_word_is() {
    let ours = || exchange(said(&format!("Title: {OURS}")));
    let come_to = |other: Outcome, anonymous: Outcome, again: Outcome| {
        let (first, other, anonymous, again) = (
            ours(),
            exchange(other),
            exchange(anonymous),
            exchange(again),
        );
        let answers = [
            (Role::Owner, &first),
            (Role::OtherUser, &other),
            (Role::Anonymous, &anonymous),
            (Role::Owner, &again),
        ];
        handed(&answers, OURS, 0).0
    };
    let text = || said(&format!("Title: {OURS}"));
    let missing = || failed("There is no note 3");
    assert_eq!(
        come_to(missing(), unauthorized(), text()),
        ObjectOutcome::OwnerOnly
    );
    assert_eq!(
        come_to(said("0 notes"), unauthorized(), text()),
        ObjectOutcome::OwnerOnly
    );
    assert_eq!(
        come_to(text(), unauthorized(), text()),
        ObjectOutcome::OtherUser
    );
    assert_eq!(come_to(missing(), text(), text()), ObjectOutcome::Anyone);
    assert_eq!(
        come_to(reset(), unauthorized(), text()),
        ObjectOutcome::Undecided
    );
    assert_eq!(
        come_to(missing(), unauthorized(), missing()),
        ObjectOutcome::Undecided
    );
}
