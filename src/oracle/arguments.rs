//! What answers to schema-invalid calls show about validation, and repeated calls about limits.

use super::call_steps;
use super::cascade::{Arguments, Context, Principal, classify};
use super::matrix::was_sent;
use super::observe::{Answer, Hint, Shape, observe};
use super::wording;
use crate::codec::schema;
use crate::model::arguments::{InvalidCall, InvalidOutcome, LimitSeen};
use crate::model::exchange::{Exchange, Ledger};
use crate::model::identity::{Identities, IdentityKind};
use crate::model::matrix::Class;
use crate::model::probe::ProbeId;
use crate::model::surface::{Subject, SubjectKind, Surface};

/// Every schema-invalid call by a valid identity, and those of others that ran.
pub fn invalid_calls(
    ledger: &Ledger,
    surface: &Surface,
    identities: &Identities,
) -> Vec<InvalidCall> {
    let calls = ledger.iter().filter(|exchange| {
        matches!(exchange.probe.id, ProbeId::Calibrate | ProbeId::CallInvalid) && was_sent(exchange)
    });
    let read = calls.filter_map(|exchange| {
        let subject = surface.subject(exchange.probe.subject.as_deref()?)?;
        let call = invalid_call(exchange, subject)?;
        let valid = identities
            .named(&exchange.identity)
            .is_some_and(|identity| identity.kind == IdentityKind::Valid);
        (valid || call.outcome == InvalidOutcome::Ran).then_some(call)
    });
    read.collect()
}

/// The first of these exchanges whose answer is a limit.
pub fn first_limit<'a>(series: impl Iterator<Item = &'a Exchange>) -> Option<LimitSeen> {
    series.enumerate().find_map(|(after, exchange)| {
        let answer = observe(exchange);
        let seen = classify(&answer, &Context::default());
        (seen.class == Class::RateLimited).then(|| LimitSeen {
            exchange: exchange.id,
            after,
            status: answer.status,
            retry_after: exchange
                .response()
                .is_some_and(|response| response.header("retry-after").is_some()),
        })
    })
}

/// A random tool name that ran: whatever is asked of this server runs something.
pub fn catch_all(ledger: &Ledger) -> Option<&Exchange> {
    ledger.iter().find(|exchange| {
        exchange.probe.id == ProbeId::UnknownName && was_sent(exchange) && {
            let answer = observe(exchange);
            call_steps::is_plausible_success(&answer)
                && !answer.signature.is_empty()
                // A refusal in the form of an ordinary result is no execution.
                && !wording::unknown_name(&answer.text)
                && !wording::authorization(&answer.text)
                && !wording::other_policy(&answer.text)
                && !wording::validation(&answer.text)
        }
    })
}

fn invalid_call(exchange: &Exchange, subject: &Subject) -> Option<InvalidCall> {
    if subject.kind != SubjectKind::Tool {
        return None;
    }
    let broken = schema::required(subject.input_schema.as_ref()?);
    let answer = observe(exchange);
    Some(InvalidCall {
        subject: subject.id.clone(),
        tool: subject.name.clone(),
        identity: exchange.identity.clone(),
        exchange: exchange.id,
        outcome: outcome(&answer, &broken),
        broken,
    })
}

fn outcome(answer: &Answer, broken: &[String]) -> InvalidOutcome {
    if call_steps::shows_execution(answer) {
        return InvalidOutcome::Ran;
    }
    // A gateway that cannot reach its backend says 502 to 504; a program that stumbles says 500.
    if answer.status == 500 && !answer.has(Hint::Limited) && !answer.has(Hint::Edge) {
        return InvalidOutcome::Failed { status: 500 };
    }
    let broken: Vec<&str> = broken.iter().map(String::as_str).collect();
    let context = Context {
        principal: Some(Principal::Privileged),
        arguments: Some(Arguments::SchemaInvalid),
        broken: broken.clone(),
        ..Context::default()
    };
    let seen = classify(answer, &context);
    if seen.class != Class::InvalidArguments || !call_steps::shows_validation(answer, &broken) {
        return InvalidOutcome::Unclear;
    }
    match (answer.shape, answer.code()) {
        (Shape::ResultError, _) => InvalidOutcome::RefusedAsResult,
        (_, Some(code)) => InvalidOutcome::RefusedAsError { code },
        _ => InvalidOutcome::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::exchange::Outcome;
    use crate::model::probe::ProbeKey;
    use crate::oracle::testing::{call, failed, http, identities, rpc_error, said, tool};

    fn outcomes(identity: &str, answers: Vec<Outcome>) -> Vec<InvalidOutcome> {
        let mut ledger = Ledger::default();
        let mut reading = tool("read_note", Some(true));
        reading.input_schema = Some(
            json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}),
        );
        let surface = Surface {
            subjects: vec![reading],
            ..Surface::default()
        };
        for answer in answers {
            let key = ProbeKey::new(ProbeId::Calibrate).about("tool/read_note");
            ledger.file(call(key, identity, "read_note", &json!({"id": {}}), answer));
        }
        let calls = invalid_calls(&ledger, &surface, &identities(&[("admin", &["r"])]));
        calls.into_iter().map(|call| call.outcome).collect()
    }

    #[test]
    fn each_channel_of_a_refusal_is_told_from_the_others() {
        let found = outcomes(
            "admin",
            vec![
                failed("'id' is not of type 'string'"),
                rpc_error(-32602, "Invalid params: id must be a string"),
                said("2 notes found"),
                http(500, &[], "oops"),
                http(503, &[], "busy"),
                failed("There is no note"),
            ],
        );
        assert_eq!(
            found,
            [
                InvalidOutcome::RefusedAsResult,
                InvalidOutcome::RefusedAsError { code: -32602 },
                InvalidOutcome::Ran,
                InvalidOutcome::Failed { status: 500 },
                InvalidOutcome::Unclear,
                InvalidOutcome::Unclear,
            ]
        );
    }

    #[test]
    fn strangers_count_only_where_the_tool_ran() {
        let refused = failed("'id' is not of type 'string'");
        assert!(outcomes("garbage", vec![refused]).is_empty());
        assert_eq!(
            outcomes("garbage", vec![said("2 notes found")]),
            [InvalidOutcome::Ran]
        );
    }

    #[test]
    fn a_limit_is_found_with_what_came_before_it() {
        let mut ledger = Ledger::default();
        for answer in [
            said("fine"),
            http(429, &[("retry-after", "3")], ""),
            said("fine"),
        ] {
            let key = ProbeKey::new(ProbeId::CallBurst).about("tool/a");
            ledger.file(call(key, "admin", "a", &json!({}), answer));
        }
        let limit = first_limit(ledger.iter()).unwrap();
        assert_eq!(
            (limit.after, limit.status, limit.retry_after),
            (1, 429, true)
        );
        assert!(first_limit(ledger.iter().take(1)).is_none());
    }

    #[test]
    fn a_random_name_that_returns_data_is_a_catch_all_and_an_empty_result_is_not() {
        let random = |answer: Outcome| {
            let mut ledger = Ledger::default();
            let key = ProbeKey::new(ProbeId::UnknownName).about("zq7f");
            ledger.file(call(key, "admin", "zq7f", &json!({}), answer));
            catch_all(&ledger).is_some()
        };
        assert!(random(said("3 rows were changed by zq7f")));
        assert!(!random(rpc_error(-32602, "Unknown tool: zq7f")));
        assert!(!random(said("")));
        assert!(!random(said(r#"{"error": "no such tool"}"#)));
    }
}
