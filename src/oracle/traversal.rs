//! What answers to resource URIs outside the offer show, read against a random URI and what is offered.

use std::collections::BTreeSet;

use serde_json::Value;

use super::matrix::was_sent;
use super::observe::{Answer, observe};
use crate::model::arguments::TraversalOutcome;
use crate::model::exchange::{Exchange, Ledger};
use crate::model::probe::ProbeId;

/// What came of one URI, given the answer to a random URI of the same scheme.
pub fn outcome(ledger: &Ledger, exchange: &Exchange, control: &Exchange) -> TraversalOutcome {
    let answer = observe(exchange);
    let Some(found) = contents(&answer) else {
        let decided = was_sent(exchange) && answer.status > 0 && answer.status < 500;
        return if decided {
            TraversalOutcome::Refused
        } else {
            TraversalOutcome::Unclear
        };
    };
    let random = observe(control);
    if !was_sent(control) || random.status == 0 {
        return TraversalOutcome::Unclear;
    }
    if contents(&random).is_some() {
        return TraversalOutcome::LikeControl;
    }
    if offered(ledger).contains(&found) {
        return TraversalOutcome::Contained;
    }
    TraversalOutcome::Contents
}

/// What was read of listed resources, by anybody.
fn offered(ledger: &Ledger) -> BTreeSet<String> {
    let reads = ledger
        .iter()
        .filter(|exchange| exchange.probe.id == ProbeId::ReadResource);
    reads
        .filter_map(|exchange| contents(&observe(exchange)))
        .collect()
}

/// The texts and blobs of a `resources/read` result; nothing where there are none.
fn contents(answer: &Answer) -> Option<String> {
    let parts = answer.result()?.get("contents")?.as_array()?;
    let mut all = String::new();
    for part in parts {
        let text = part.get("text").or_else(|| part.get("blob"));
        all.push_str(text.and_then(Value::as_str).unwrap_or_default());
    }
    (!all.trim().is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::exchange::Outcome;
    use crate::model::probe::ProbeKey;
    use crate::oracle::testing::{call, http, reset, rpc_error};

    fn read(text: &str) -> Outcome {
        let contents = json!([{"uri": "note://1", "text": text}]);
        let message = json!({"jsonrpc": "2.0", "id": 7, "result": {"contents": contents}});
        http(200, &[], &message.to_string())
    }

    fn judged(answer: Outcome, control: Outcome) -> TraversalOutcome {
        let mut ledger = Ledger::default();
        let mut ids = Vec::new();
        for (probe, outcome) in [
            (ProbeId::ReadResource, read("Milk and bread")),
            (ProbeId::UnknownResource, control),
            (ProbeId::ReadOutside, answer),
        ] {
            let key = ProbeKey::new(probe).about("x");
            ids.push(ledger.file(call(key, "admin", "x", &json!({}), outcome)));
        }
        let at = |index: usize| ledger.exchange(ids[index]).unwrap();
        outcome(&ledger, at(2), at(1))
    }

    fn missing() -> Outcome {
        rpc_error(-32602, "Resource not found")
    }

    #[test]
    fn contents_that_nobody_offers_are_told_from_all_else() {
        for (answer, control, expected) in [
            (read("web-7"), missing(), TraversalOutcome::Contents),
            (
                read("Milk and bread"),
                missing(),
                TraversalOutcome::Contained,
            ),
            (read("x"), read("y"), TraversalOutcome::LikeControl),
            (read(" "), missing(), TraversalOutcome::Refused),
            (missing(), missing(), TraversalOutcome::Refused),
            (http(403, &[], ""), missing(), TraversalOutcome::Refused),
            (http(502, &[], ""), missing(), TraversalOutcome::Unclear),
            (reset(), missing(), TraversalOutcome::Unclear),
            (read("web-7"), reset(), TraversalOutcome::Unclear),
        ] {
            assert_eq!(judged(answer, control), expected);
        }
    }
}
