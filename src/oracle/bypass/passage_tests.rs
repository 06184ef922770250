use serde_json::{Value, json};

use super::*;
use crate::model::bypass::Again;
use crate::model::exchange::Outcome;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::Revision;
use crate::oracle::testing::{body, call, failed, http, reset, rpc_error, said, step_up};

struct Bench {
    ledger: Ledger,
    attempt: Attempt,
}

impl Bench {
    /// `read_note` is open to `admin` and refused to `reader` with a challenge.
    fn new() -> Self {
        let mut bench = Self {
            ledger: Ledger::default(),
            attempt: Attempt {
                way: ProbeId::NameSpelling,
                form: "upper-case".into(),
                revision: Revision::R2025_11,
                subject: "tool/read_note".into(),
                identity: Some("reader".into()),
                control: "admin".into(),
                valid: true,
                broken: Vec::new(),
                refused: Vec::new(),
                granted: Vec::new(),
                cover: Vec::new(),
                strong: Vec::new(),
                weak: Vec::new(),
                again: None,
                passage: Passage::Open,
                reason: String::new(),
            },
        };
        bench.attempt.granted = vec![bench.asked("read_note", said("buy some milk"))];
        bench.attempt.refused = vec![bench.asked("read_note", step_up("notes:read"))];
        bench
    }

    /// `write_note`, whose broken arguments are as far as anybody gets.
    fn invalid() -> Self {
        let mut bench = Self::new();
        bench.attempt.valid = false;
        bench.attempt.broken = vec!["id".into()];
        let fault = failed("Invalid arguments for tool read_note: 'id' is not of type 'string'");
        bench.attempt.granted = vec![bench.asked("read_note", fault)];
        bench
    }

    fn asked(&mut self, name: &str, outcome: Outcome) -> ExchangeId {
        let key = ProbeKey::new(ProbeId::NameSpelling);
        let exchange = call(key, "reader", name, &json!({"id": "1"}), outcome);
        self.ledger.file(exchange)
    }

    fn answered(mut self, strong: Outcome, weak: Outcome) -> Self {
        self.attempt.strong = vec![self.asked("READ_NOTE", strong)];
        self.attempt.weak = vec![self.asked("READ_NOTE", weak)];
        self
    }

    fn again(mut self, form: Outcome, plain: Outcome) -> Self {
        self.attempt.again = Some(Again {
            form: self.asked("READ_NOTE", form),
            plain: self.asked("read_note", plain),
        });
        self
    }

    fn passage(&self) -> Passage {
        passage(&self.ledger, &self.attempt).0
    }
}

fn milk() -> Outcome {
    said("buy some milk")
}

fn denied() -> Outcome {
    step_up("notes:read")
}

#[test]
fn the_controls_own_result_is_through_and_wants_confirming() {
    let bench = Bench::new().answered(milk(), milk());
    assert_eq!(bench.passage(), Passage::Through);
    assert!(seems_open(&bench.ledger, &bench.attempt));
    let confirmed = bench.again(milk(), denied());
    assert_eq!(confirmed.passage(), Passage::Through);
    assert!(!seems_open(&confirmed.ledger, &confirmed.attempt));
}

#[test]
fn what_does_not_happen_again_decides_nothing() {
    let once = Bench::new()
        .answered(milk(), milk())
        .again(denied(), denied());
    assert_eq!(once.passage(), Passage::Open);
    let granted_meanwhile = Bench::new().answered(milk(), milk()).again(milk(), milk());
    assert_eq!(granted_meanwhile.passage(), Passage::Open);
    let lost = Bench::new().answered(milk(), milk()).again(milk(), reset());
    assert_eq!(lost.passage(), Passage::Open);
}

#[test]
fn a_refusal_in_the_form_holds() {
    assert_eq!(
        Bench::new().answered(milk(), denied()).passage(),
        Passage::Held
    );
    let worded = rpc_error(-32603, "internal");
    assert_eq!(
        Bench::new().answered(milk(), worded).passage(),
        Passage::Held
    );
}

#[test]
fn a_form_that_the_control_cannot_use_is_closed() {
    let unknown = || rpc_error(-32602, "Unknown tool: READ_NOTE");
    assert_eq!(
        Bench::new().answered(unknown(), unknown()).passage(),
        Passage::Closed
    );
    let other = || said("a list of all notes");
    assert_eq!(
        Bench::new().answered(other(), other()).passage(),
        Passage::Closed
    );
}

#[test]
fn a_result_that_is_not_the_controls_decides_nothing() {
    let bench = Bench::new().answered(milk(), said("something else entirely"));
    assert_eq!(bench.passage(), Passage::Open);
}

#[test]
fn missing_answers_decide_nothing() {
    for lost in [reset(), http(429, &[], ""), http(502, &[], "")] {
        assert_eq!(
            Bench::new().answered(milk(), lost.clone()).passage(),
            Passage::Open
        );
        assert_eq!(Bench::new().answered(lost, milk()).passage(), Passage::Open);
    }
    assert_eq!(Bench::new().passage(), Passage::Open);
}

#[test]
fn a_validation_error_counts_where_the_plain_call_is_refused_before_it() {
    let fault = || failed("Invalid arguments for tool READ_NOTE: 'id' is not of type 'string'");
    assert_eq!(
        Bench::invalid().answered(fault(), fault()).passage(),
        Passage::Through
    );
    assert_eq!(
        Bench::invalid().answered(fault(), denied()).passage(),
        Passage::Held
    );
}

#[test]
fn a_plain_refusal_that_looks_like_the_control_says_nothing() {
    let fault = "Invalid arguments for tool read_note: 'id' is not of type 'string'";
    let mut bench = Bench::invalid().answered(failed(fault), failed(fault));
    bench.attempt.refused = vec![bench.asked("read_note", failed(fault))];
    assert_eq!(bench.passage(), Passage::Held);
}

#[test]
fn two_tools_that_answer_alike_are_not_told_apart() {
    let mut bench = Bench::new().answered(milk(), milk());
    bench.attempt.cover = vec![bench.asked("list_notes", milk())];
    assert_eq!(bench.passage(), Passage::Open);
}

#[test]
fn a_control_that_never_got_through_is_no_control() {
    let mut bench = Bench::new().answered(denied(), milk());
    bench.attempt.granted = vec![bench.asked("read_note", denied())];
    assert_eq!(bench.passage(), Passage::Open);
}

#[test]
fn the_call_is_found_among_others_in_an_array() {
    let mut bench = Bench::new();
    let reply = json!([
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": []}},
        {"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": "buy some milk"}]}}
    ]);
    let mut in_array = |outcome: Outcome| {
        let key = ProbeKey::new(ProbeId::CallInArray);
        let mut exchange = call(key, "reader", "read_note", &json!({"id": "1"}), outcome);
        let own = exchange.request.body.as_ref().unwrap();
        let own: Value = serde_json::from_slice(&own.bytes()).unwrap();
        let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
        exchange.request.body = Some(body(&json!([list, own]).to_string()));
        bench.ledger.file(exchange)
    };
    let strong = in_array(http(200, &[], &reply.to_string()));
    let weak = in_array(http(200, &[], &reply.to_string()));
    bench.attempt.strong = vec![strong];
    bench.attempt.weak = vec![weak];
    assert_eq!(bench.passage(), Passage::Through);
}

#[test]
fn hostile_bytes_are_read_without_trouble() {
    for text in ["", "[]", "[[[[", "{\"result\":", "\u{0}", "[null,1,\"x\"]"] {
        let bench = Bench::new().answered(http(200, &[], text), http(200, &[], text));
        assert_ne!(bench.passage(), Passage::Through, "{text:?}");
    }
}
