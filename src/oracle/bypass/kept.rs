//! Answers that a server keeps and gives to others: the same call with arguments that nobody sent
//! before tells a kept answer from a call that ran (oracle D29).

use serde_json::Value;

use crate::codec::schema;
use crate::model::bypass::{KeptAnswer, KeptSeries, Passage};
use crate::model::exchange::{ExchangeId, Ledger};
use crate::model::matrix::{Access, Confidence, Matrix};
use crate::model::surface::Subject;
use crate::oracle::call_steps;
use crate::oracle::intent;
use crate::oracle::observe::{Hint, observe};
use crate::oracle::signature::{Noise, Signature};

use super::passage::is_passing;

/// Arguments of a tool that clearly reads, which name nothing that exists.
pub fn fresh(subject: &Subject, canary: &str) -> Option<Value> {
    let schema = subject.input_schema.as_ref()?;
    let reads = intent::doubt(subject).is_none();
    reads.then(|| schema::null_object(schema, canary)).flatten()
}

/// Whether the first answer of a series is one that a control's answer could differ from: a missing
/// one starts nothing.
pub fn begins(ledger: &Ledger, before: ExchangeId) -> bool {
    let answer = ledger.exchange(before).map(observe);
    answer.is_some_and(|answer| !is_passing(&answer))
}

/// What the series show, and why.
pub fn kept(ledger: &Ledger, trial: &KeptAnswer) -> (Passage, String) {
    let mut all = trial.series.iter().map(|series| read(ledger, series));
    let Some((first, reason)) = all.next() else {
        return (Passage::Open, "nothing was sent".to_owned());
    };
    if first != Passage::Through {
        return (first, reason);
    }
    match all.next() {
        Some((Passage::Through, _)) => (
            Passage::Through,
            format!("{reason}, again in a second session with another argument"),
        ),
        Some(_) => (
            Passage::Open,
            "it happened once, and not again in a second session".to_owned(),
        ),
        None => (
            Passage::Through,
            format!("{reason}; seen in one session only"),
        ),
    }
}

/// Corrects the cells of what was tried: an answer that was kept shows no execution, and one that
/// is marked as kept and comes for fresh arguments as well shows that the gate let the call in.
pub fn annotate(matrix: &mut Matrix, trials: &[KeptAnswer]) {
    for trial in trials {
        let cells = matrix.cells.iter_mut();
        let own =
            cells.filter(|cell| cell.subject == trial.subject && cell.identity == trial.identity);
        for cell in own {
            let is_cached = cell.rule.as_deref() == Some(CACHED);
            match trial.passage {
                Passage::Through if cell.access == Access::Allowed || is_cached => {
                    cell.access = Access::Inconclusive;
                    cell.confidence = Confidence::Inconclusive;
                    cell.rule = Some(CACHED.to_owned());
                    cell.reason = Some(format!(
                        "the answer is one that the server keeps from `{}`: with an argument that \
                         nobody had sent before, the call was refused",
                        trial.control
                    ));
                }
                Passage::Closed if is_cached => {
                    cell.access = Access::Allowed;
                    cell.confidence = Confidence::Strong;
                    cell.rule = Some("D12".to_owned());
                    cell.reason = Some(
                        "answers are marked as kept; with an argument that nobody had sent before \
                         the call got as far as the control's"
                            .to_owned(),
                    );
                }
                _ => {}
            }
        }
    }
}

fn read(ledger: &Ledger, series: &KeptSeries) -> (Passage, String) {
    let say = |passage, reason: &str| (passage, reason.to_owned());
    let answer = |id: Option<ExchangeId>| ledger.exchange(id?).map(observe);
    let Some(before) = answer(Some(series.before)) else {
        return say(Passage::Open, "nothing was sent");
    };
    let Some(control) = answer(series.control) else {
        return say(Passage::Open, "the control was not asked");
    };
    if [&before, &control].into_iter().any(is_passing) {
        return say(
            Passage::Open,
            "an answer is missing: a limit, an outage or a lost session",
        );
    }
    let says_something = call_steps::shows_execution(&control)
        || (control.status < 300 && control.signature.echoes_argument());
    if equal(&before.signature, &control.signature) {
        return if says_something {
            say(
                Passage::Closed,
                "with a fresh argument it is answered as the control is",
            )
        } else {
            say(
                Passage::Open,
                "with a fresh argument the control gets no further",
            )
        };
    }
    if !says_something {
        return say(
            Passage::Open,
            "with a fresh argument the control gets no further",
        );
    }
    if call_steps::shows_execution(&before) {
        return say(
            Passage::Open,
            "the first answer is a result, but not the control's",
        );
    }
    let (Some(other), Some(after)) = (answer(series.other), answer(series.after)) else {
        return say(Passage::Open, "it was not asked again after the control");
    };
    if [&other, &after].into_iter().any(is_passing) {
        return say(
            Passage::Open,
            "an answer is missing: a limit, an outage or a lost session",
        );
    }
    if !equal(&other.signature, &before.signature) {
        return say(
            Passage::Open,
            "fresh arguments are not refused alike, so the gate itself changes",
        );
    }
    if equal(&after.signature, &control.signature) {
        let marked = after.has(Hint::Cached);
        let marked = if marked {
            ", and says that it was kept"
        } else {
            ""
        };
        return (
            Passage::Through,
            format!("it is refused until the control has asked the same, then answered{marked}"),
        );
    }
    say(
        Passage::Held,
        "it is refused after the control has asked the same, too",
    )
}

fn equal(one: &Signature, other: &Signature) -> bool {
    Noise::default().equal(one, other)
}

/// The rule of cells whose answer may be a kept one.
const CACHED: &str = "D29";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::exchange::Outcome;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::oracle::testing::{call, cell, failed, http, matrix, reset, said, step_up};

    struct Bench {
        ledger: Ledger,
        trial: KeptAnswer,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                ledger: Ledger::default(),
                trial: KeptAnswer {
                    subject: "tool/search".to_owned(),
                    identity: "reader".to_owned(),
                    control: "admin".to_owned(),
                    series: Vec::new(),
                    passage: Passage::Open,
                    reason: String::new(),
                },
            }
        }

        fn series(mut self, answers: [Outcome; 4]) -> Self {
            let mut ids = answers.into_iter().enumerate().map(|(at, outcome)| {
                let text = if at == 2 { SECOND } else { FIRST };
                let key = ProbeKey::new(ProbeId::KeptAnswer);
                let arguments = json!({"query": text});
                self.ledger
                    .file(call(key, "reader", "search", &arguments, outcome))
            });
            let series = KeptSeries {
                before: ids.next().unwrap(),
                control: ids.next(),
                other: ids.next(),
                after: ids.next(),
            };
            self.trial.series.push(series);
            self
        }

        fn passage(&self) -> Passage {
            kept(&self.ledger, &self.trial).0
        }
    }

    const FIRST: &str = "mcpaudit-aaaaaaaaaaaa";
    const SECOND: &str = "mcpaudit-bbbbbbbbbbbb";

    fn refused() -> Outcome {
        step_up("notes:write")
    }

    fn nothing() -> Outcome {
        said("no notes match")
    }

    fn shared() -> [Outcome; 4] {
        [refused(), nothing(), refused(), nothing()]
    }

    #[test]
    fn what_is_refused_until_the_control_asked_is_kept_for_everybody() {
        let once = Bench::new().series(shared());
        let (passage, reason) = kept(&once.ledger, &once.trial);
        assert_eq!(passage, Passage::Through);
        assert!(reason.contains("one session only"), "{reason}");
        assert_eq!(once.series(shared()).passage(), Passage::Through);
    }

    #[test]
    fn a_refusal_that_stays_is_held_and_no_refusal_is_nothing_to_get_round() {
        let held = [refused(), nothing(), refused(), refused()];
        assert_eq!(Bench::new().series(held).passage(), Passage::Held);
        let open = [nothing(), nothing(), nothing(), nothing()];
        assert_eq!(Bench::new().series(open).passage(), Passage::Closed);
    }

    #[test]
    fn a_refusal_in_the_form_of_a_result_is_a_refusal() {
        let no = || said("{\"ok\":false,\"code\":40301,\"message\":\"not entitled\"}");
        let held = [no(), nothing(), no(), no()];
        assert_eq!(Bench::new().series(held).passage(), Passage::Held);
        let shared = [no(), nothing(), no(), nothing()];
        assert_eq!(Bench::new().series(shared).passage(), Passage::Through);
    }

    #[test]
    fn a_gate_that_forgets_every_other_time_is_no_cache() {
        let lapsing = [refused(), nothing(), nothing(), nothing()];
        assert_eq!(Bench::new().series(lapsing).passage(), Passage::Open);
    }

    #[test]
    fn what_happens_once_is_not_believed() {
        let held = [refused(), nothing(), refused(), refused()];
        let bench = Bench::new().series(shared()).series(held);
        assert_eq!(bench.passage(), Passage::Open);
    }

    #[test]
    fn missing_answers_and_a_control_that_fails_decide_nothing() {
        for answers in [
            [reset(), nothing(), refused(), nothing()],
            [refused(), http(429, &[], ""), refused(), nothing()],
            [refused(), nothing(), reset(), nothing()],
            [refused(), nothing(), refused(), http(503, &[], "")],
            [
                refused(),
                failed("something went wrong"),
                refused(),
                nothing(),
            ],
            [said("sorry, not for you"), nothing(), refused(), nothing()],
        ] {
            assert_eq!(Bench::new().series(answers).passage(), Passage::Open);
        }
    }

    #[test]
    fn cells_follow_what_fresh_arguments_showed() {
        let mut trial = Bench::new().trial;
        let mut built = matrix(vec![
            cell("tool/search", "reader", Access::Allowed),
            cell("tool/search", "admin", Access::Allowed),
            cell("tool/other", "reader", Access::Allowed),
        ]);
        trial.passage = Passage::Held;
        annotate(&mut built, std::slice::from_ref(&trial));
        assert!(
            built
                .cells
                .iter()
                .all(|cell| cell.access == Access::Allowed)
        );
        trial.passage = Passage::Through;
        annotate(&mut built, std::slice::from_ref(&trial));
        let words: Vec<Access> = built.cells.iter().map(|cell| cell.access).collect();
        assert_eq!(
            words,
            [Access::Inconclusive, Access::Allowed, Access::Allowed]
        );
        trial.passage = Passage::Closed;
        annotate(&mut built, std::slice::from_ref(&trial));
        assert_eq!(built.cells[0].access, Access::Allowed);
    }

    #[test]
    fn only_tools_that_clearly_read_and_take_text_get_fresh_arguments() {
        let mut tool = crate::oracle::testing::tool("search_notes", Some(true));
        let of = |property: Value| json!({"type": "object", "properties": {"query": property}, "required": ["query"]});
        tool.input_schema = Some(of(json!({"type": "string", "examples": ["milk"]})));
        assert_eq!(fresh(&tool, FIRST), Some(json!({"query": FIRST})));
        tool.input_schema = Some(of(json!({"type": "integer"})));
        assert_eq!(fresh(&tool, FIRST), None);
        let mut writes = crate::oracle::testing::tool("delete_notes", Some(false));
        writes.input_schema = Some(of(json!({"type": "string"})));
        assert_eq!(fresh(&writes, FIRST), None);
        tool.input_schema = None;
        assert_eq!(fresh(&tool, FIRST), None);
    }
}
