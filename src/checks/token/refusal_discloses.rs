//! TOK-14: a refusal says nothing of what it guards.
//!
//! MCP §Access Token Privilege Restriction.

use std::collections::BTreeMap;

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::tokens::OPEN;
use crate::model::exchange::Exchange;
use crate::model::matrix::GateObservation;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::observe::observe;

/// Reads the bodies of refusals: what they quote, and whether they tell existing names from others.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    let refusals: Vec<(&GateObservation, &Exchange)> = evidence
        .collected()
        .gates
        .iter()
        .filter_map(|gate| Some((gate, evidence.exchange(gate.exchange)?)))
        .filter(|(_, exchange)| matches!(exchange.status(), Some(401 | 403)))
        .collect();
    if refusals.is_empty() {
        return Verdict::NotApplicable("nothing was refused over HTTP for its token".to_owned());
    }
    let mut case = evidence.case();
    quotes(evidence, &mut case, &refusals);
    tells_apart(&mut case, &refusals);
    traces(&mut case, &refusals);
    case.verdict(Verdict::Held(format!(
        "none of {} refusals quotes what it guards or tells existing tools from unknown ones",
        refusals.len()
    )))
}

/// Descriptions of tools, and results.
fn quotes(
    evidence: &Evidence<'_>,
    case: &mut Case<'_>,
    refusals: &[(&GateObservation, &Exchange)],
) {
    for (gate, exchange) in refusals {
        let answer = observe(exchange);
        let described = evidence
            .collected()
            .surface
            .subjects
            .iter()
            .find(|subject| {
                let description = subject.description.as_deref().unwrap_or_default();
                description.chars().count() >= SHORTEST_QUOTE && answer.text.contains(description)
            });
        let what = match described {
            Some(subject) => format!("the description of `{}`", subject.name),
            None if answer.result().is_some() => "a JSON-RPC result".to_owned(),
            None => continue,
        };
        let message = format!(
            "the refusal of `{}` at `{}` contains {what}; expected an answer without content",
            gate.identity, gate.door
        );
        case.breach(Draft::new(format!("content at {}", gate.door), message).at(
            exchange.id,
            Part::Body,
            "quoted",
        ));
    }
}

/// Existing tools are refused alike, and a random name in other words.
fn tells_apart(case: &mut Case<'_>, refusals: &[(&GateObservation, &Exchange)]) {
    let mut existing: BTreeMap<&str, Vec<&Exchange>> = BTreeMap::new();
    let mut unknown: BTreeMap<&str, &Exchange> = BTreeMap::new();
    for (gate, exchange) in refusals {
        match exchange.probe.id {
            ProbeId::CallValid | ProbeId::CallInvalid | ProbeId::CallListed => {
                existing.entry(&gate.identity).or_default().push(exchange);
            }
            ProbeId::UnknownName => drop(unknown.insert(&gate.identity, exchange)),
            _ => {}
        }
    }
    for (identity, known) in existing {
        let (Some(random), [first, second, ..]) = (unknown.get(identity), known.as_slice()) else {
            continue;
        };
        let (one, other, random_one) = (words(first), words(second), words(random));
        if one != other || one == random_one {
            continue;
        }
        let message = format!(
            "existing tools are refused for `{identity}` in other words than a random name, which \
             tells a caller without access what exists; expected the same refusal"
        );
        let draft = Draft::new(format!("existence for {identity}"), message);
        let draft = draft.at(first.id, Part::Body, "an existing tool");
        let draft = draft.at(random.id, Part::Body, "a random name");
        case.breach(draft.at_most(Severity::Low, "names only"));
    }
}

/// Status and masked text; the scopes of a challenge are meant to be told.
fn words(exchange: &Exchange) -> (u16, String) {
    let signature = observe(exchange).signature;
    (signature.status, signature.text)
}

fn traces(case: &mut Case<'_>, refusals: &[(&GateObservation, &Exchange)]) {
    for (gate, exchange) in refusals {
        let text = observe(exchange).text;
        if let Some(mark) = TRACES.iter().find(|mark| text.contains(**mark)) {
            let message = format!(
                "the refusal at `{}` contains a stack trace (`{}`); expected none",
                gate.door,
                mark.trim()
            );
            let draft = Draft::new(format!("trace at {}", gate.door), message);
            let draft = draft.at(exchange.id, Part::Body, "the trace");
            case.advise(draft.at_most(Severity::Low, "it describes the server, not its data"));
        }
    }
}

/// Shorter descriptions may be words of the refusal itself.
const SHORTEST_QUOTE: usize = 12;
/// Lines that only a runtime writes.
const TRACES: [&str; 4] = [
    "Traceback (most recent call last)",
    "\n    at ",
    "goroutine 1 [running]",
    "' panicked at ",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response};
    use crate::model::identity::IdentityKind;
    use crate::model::matrix::GateOutcome;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "refusal-discloses";

    fn refuse(world: &mut World, probe: ProbeId, name: &str, body: &str) {
        let key = ProbeKey::new(probe).about(name);
        let json = [("content-type", "application/json")];
        let id = world.ask(key, "garbage", ENDPOINT, response(401, &json, body));
        let gate = world.gate("garbage", probe.as_str(), GateOutcome::Refused, 401);
        gate.exchange = id;
    }

    fn world(existing: [&str; 2], random: &str) -> World {
        let mut world = World::new();
        world.identity("garbage", IdentityKind::Garbage, &[]);
        world.tool("read_note").description = Some("Read one note by its id".to_owned());
        for body in existing {
            refuse(&mut world, ProbeId::CallInvalid, "tool/read_note", body);
        }
        refuse(&mut world, ProbeId::UnknownName, "zq7f", random);
        world
    }

    const PLAIN: &str = r#"{"error":"invalid_token"}"#;

    #[test]
    fn equal_refusals_hold() {
        assert_eq!(world([PLAIN, PLAIN], PLAIN).status(ID), Status::Pass);
    }

    #[test]
    fn a_refusal_that_tells_existing_names_from_random_ones_is_broken() {
        let known = r#"{"error":"this tool needs a token"}"#;
        let world = world([known, known], PLAIN);
        assert_eq!(world.status(ID), Status::Fail);
        assert_eq!(world.verdict(ID).findings()[0].severity, Severity::Low);
    }

    #[test]
    fn refusals_that_vary_by_themselves_tell_nothing() {
        let other = r#"{"error":"come back another day"}"#;
        assert_eq!(world([PLAIN, other], "{}").status(ID), Status::Pass);
    }

    #[test]
    fn a_quoted_description_is_broken() {
        let quoting = r#"{"error":"no token for: Read one note by its id"}"#;
        assert_eq!(world([quoting, quoting], quoting).status(ID), Status::Fail);
    }

    #[test]
    fn a_stack_trace_only_warns() {
        let trace = r#"{"error":"Traceback (most recent call last)"}"#;
        assert_eq!(world([trace, trace], trace).status(ID), Status::Warn);
    }
}
