//! PRIM-24: arguments that break a tool's schema are refused, over the channel of the revision.
//!
//! MCP tools page §Security Considerations, §Error Handling; SEP-1303.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::arguments::{InvalidCall, InvalidOutcome};
use crate::model::exchange::ExchangeId;
use crate::model::target::Revision;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads what came of calls that break every required property.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let calls = &evidence.collected().invalid_calls;
    let mut case = evidence.case();
    if let Some(exchange) = evidence.collected().catch_all {
        let message = "a random name that no list has ran something; expected an error that says the \
                       tool is unknown, and no tool was called afterwards";
        case.breach(Draft::new("tools/call", message).at(exchange, Part::Body, "the result"));
    }
    if calls.is_empty() && case.is_clean() {
        return nothing_sent(evidence);
    }
    let mut refused: Vec<&str> = Vec::new();
    let mut by_error: Vec<(&InvalidCall, i64)> = Vec::new();
    let mut unclear: Vec<&InvalidCall> = Vec::new();
    for call in calls {
        match call.outcome {
            InvalidOutcome::Ran => case.breach(ran(call)),
            InvalidOutcome::Failed { status } if answered_otherwise(evidence, call) => {
                case.breach(failed(call, status));
            }
            InvalidOutcome::RefusedAsResult => refused.push(&call.tool),
            InvalidOutcome::RefusedAsError { code } => {
                refused.push(&call.tool);
                by_error.push((call, code));
            }
            InvalidOutcome::Failed { .. } | InvalidOutcome::Unclear => unclear.push(call),
        }
    }
    // SEP-1303: input validation became a tool result with 2025-11-25.
    if evidence.since(Revision::R2025_11)
        && let Some((call, code)) = by_error.first()
    {
        let message = format!(
            "arguments that break a schema were refused with JSON-RPC error {code} for {} tool \
             call(s); expected a result with `isError: true`, which a model can read",
            by_error.len()
        );
        let others: Vec<ExchangeId> = by_error.iter().map(|(call, _)| call.exchange).collect();
        case.advise(
            Draft::new("error channel", message)
                .at(call.exchange, Part::Body, "the refusal")
                .also(&others, "another")
                .at_most(Severity::Info, "the revisions contradict each other here"),
        );
    }
    refused.sort_unstable();
    refused.dedup();
    let open = unclear
        .iter()
        .find(|call| !refused.contains(&call.tool.as_str()));
    if let Some(call) = open.filter(|_| refused.is_empty()) {
        case.doubt(
            format!(
                "`{}` answered arguments that break its schema with something else than a refusal of \
                 them, which tells neither validation nor its absence",
                call.tool
            ),
            Some("a `[[tool]]` entry with `safe = true` for a tool whose errors name its arguments"),
        );
    }
    case.verdict(Verdict::Held(format!(
        "arguments that break the schema were refused by {}",
        scopes::names(refused)
    )))
}

fn ran(call: &InvalidCall) -> Draft {
    let message = format!(
        "`{}` ran for `{}` with arguments that break {}; expected a refusal, and no such call was \
         sent afterwards",
        call.tool,
        call.identity,
        scopes::names(call.broken.iter().map(String::as_str))
    );
    Draft::new(call.subject.clone(), message).at(
        call.exchange,
        Part::Body,
        "the result of the call",
    )
}

fn failed(call: &InvalidCall, status: u16) -> Draft {
    let message = format!(
        "`{}` answered arguments that break {} with HTTP {status}; expected a refusal that names them",
        call.tool,
        scopes::names(call.broken.iter().map(String::as_str))
    );
    Draft::new(call.subject.clone(), message)
        .at(call.exchange, Part::Status, "the failure")
        .at_most(Severity::Low, "nothing was seen to run")
}

/// Whether the same identity got a sound answer to another call, so that the failure is no outage.
fn answered_otherwise(evidence: &Evidence<'_>, call: &InvalidCall) -> bool {
    let mut ledger = evidence.collected().ledger.iter();
    ledger.any(|exchange| {
        exchange.identity == call.identity
            && exchange.id > call.exchange
            && exchange.status().is_some_and(|status| status < 500)
    })
}

fn nothing_sent(evidence: &Evidence<'_>) -> Verdict {
    if evidence.baseline().is_none() {
        return Verdict::Inconclusive {
            reason: "no valid token was given, and a call without one says nothing about arguments"
                .to_owned(),
            decided_by: Some("--identity NAME=env:VARIABLE".to_owned()),
        };
    }
    Verdict::NotApplicable(
        "no tool that only reads has a required argument that could be broken".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "arguments-not-validated";

    fn world(outcomes: &[InvalidOutcome]) -> World {
        let mut world = World::new();
        world.valid("admin", &["r"]);
        for outcome in outcomes {
            let status = match outcome {
                InvalidOutcome::Failed { status } => *status,
                _ => 200,
            };
            let exchange = world.answer(ProbeId::Calibrate, "admin", status, &[], "{}");
            world.collected.invalid_calls.push(InvalidCall {
                subject: "tool/read_note".to_owned(),
                tool: "read_note".to_owned(),
                identity: "admin".to_owned(),
                exchange,
                broken: vec!["id".to_owned()],
                outcome: outcome.clone(),
            });
        }
        world
    }

    #[test]
    fn a_tool_that_runs_with_broken_arguments_breaks_the_rule() {
        let verdict = world(&[InvalidOutcome::RefusedAsResult, InvalidOutcome::Ran]).verdict(ID);
        assert!(matches!(&verdict, Verdict::Broken(found) if found.len() == 1));
        assert!(verdict.findings()[0].message.contains("`id`"));
    }

    #[test]
    fn a_random_name_that_runs_breaks_the_rule() {
        let mut world = world(&[]);
        let exchange = world.answer(ProbeId::UnknownName, "admin", 200, &[], "{}");
        world.collected.catch_all = Some(exchange);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_refusal_in_a_result_holds() {
        let refused = world(&[InvalidOutcome::RefusedAsResult, InvalidOutcome::Unclear]);
        assert_eq!(refused.status(ID), Status::Pass);
    }

    #[test]
    fn the_error_channel_is_advice_since_2025_11_25_and_right_before() {
        let mut by_error = world(&[InvalidOutcome::RefusedAsError { code: -32602 }]);
        assert_eq!(by_error.status(ID), Status::Warn);
        by_error.revision(Revision::R2025_06);
        assert_eq!(by_error.status(ID), Status::Pass);
    }

    #[test]
    fn a_failure_counts_only_where_the_server_is_up() {
        let mut down = world(&[InvalidOutcome::Failed { status: 500 }]);
        assert_eq!(down.status(ID), Status::Inconclusive);
        down.answer(ProbeId::ListTools, "admin", 200, &[], "{}");
        assert_eq!(down.status(ID), Status::Fail);
    }

    #[test]
    fn an_answer_about_something_else_decides_nothing() {
        assert_eq!(
            world(&[InvalidOutcome::Unclear]).status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn without_a_token_the_flag_is_named_and_without_a_tool_it_does_not_apply() {
        assert_eq!(World::new().status(ID), Status::Inconclusive);
        assert_eq!(world(&[]).status(ID), Status::NotApplicable);
    }
}
