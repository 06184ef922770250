//! What each door did with each credential that no sound server accepts.

use std::collections::BTreeMap;

use super::arms;
use super::call_steps;
use super::cascade::{Arguments, Context, classify};
use super::matrix::was_sent;
use super::observe::{Answer, Hint, Shape, observe};
use super::signature::{Noise, Signature};
use super::wording;
use crate::codec::sse;
use crate::model::exchange::{Exchange, Ledger};
use crate::model::identity::{Identities, Identity};
use crate::model::matrix::{Class, GateObservation, GateOutcome};
use crate::model::probe::ProbeId;

/// One observation per identity, door and subject, in ledger order.
///
/// The first attempt that tells counts; later ones replace an unclear one.
pub fn gates(ledger: &Ledger, identities: &Identities) -> Vec<GateObservation> {
    let baseline = identities.baseline.as_deref();
    let mut accepted: BTreeMap<(ProbeId, Option<String>), Vec<Signature>> = BTreeMap::new();
    for exchange in ledger.iter().filter(|exchange| was_sent(exchange)) {
        if DOORS.contains(&exchange.probe.id) && Some(exchange.identity.as_str()) == baseline {
            let key = (
                exchange.probe.id,
                subject(exchange.probe.id, exchange.probe.subject.as_ref()),
            );
            accepted
                .entry(key)
                .or_default()
                .push(observe(exchange).signature);
        }
    }
    let mut found: Vec<GateObservation> = Vec::new();
    let mut places = BTreeMap::new();
    for exchange in ledger.iter().filter(|exchange| was_sent(exchange)) {
        let Some(identity) = identities.named(&exchange.identity) else {
            continue;
        };
        if !identity.kind.must_be_refused() || !DOORS.contains(&exchange.probe.id) {
            continue;
        }
        let about = subject(exchange.probe.id, exchange.probe.subject.as_ref());
        let key = (exchange.probe.id, about.clone());
        let answer = observe(exchange);
        let known: Vec<&Signature> = accepted.get(&key).into_iter().flatten().collect();
        let (mut outcome, class) = judge(&answer, identity, &known, exchange.probe.id);
        if opens_stream(exchange) {
            outcome = GateOutcome::Accepted;
        }
        let gate = GateObservation {
            identity: identity.name.clone(),
            door: exchange.probe.id.as_str().to_owned(),
            subject: about,
            outcome,
            class: Some(class),
            exchange: exchange.id,
        };
        let place = (gate.identity.clone(), key);
        match places.get(&place).and_then(|at: &usize| found.get_mut(*at)) {
            Some(known) if known.outcome == GateOutcome::Unclear => *known = gate,
            Some(known) if gate.outcome == GateOutcome::Accepted => *known = gate,
            Some(_) => {}
            None => {
                places.insert(place, found.len());
                found.push(gate);
            }
        }
    }
    found
}

/// Whether one answer to a session or list request let its credential in, without comparison.
pub(crate) fn admits(exchange: &Exchange) -> GateOutcome {
    let answer = observe(exchange);
    let class = classify(&answer, &Context::default()).class;
    outcome(&answer, class, &[], false)
}

/// The same beside what a good credential got at the same door: where that one did not come through,
/// there is no door. `called` where an error that both get lets in as far as a result.
pub(crate) fn beside(exchange: &Exchange, control: Option<&Exchange>, called: bool) -> GateOutcome {
    let answer = observe(exchange);
    let good = control.map(observe);
    let known: Vec<&Signature> = good.iter().map(|good| &good.signature).collect();
    let class = classify(&answer, &Context::default()).class;
    let seen = outcome(&answer, class, &known, called);
    if seen != GateOutcome::Accepted {
        return seen;
    }
    let own = shows_result(&answer);
    let works = good.is_some_and(|good| shows_result(&good) == own && (own || called));
    if works { seen } else { GateOutcome::Unclear }
}

fn shows_result(answer: &Answer) -> bool {
    let result = matches!(
        answer.shape,
        Shape::ResultOk | Shape::ResultEmpty | Shape::InputRequired | Shape::Task
    );
    result && answer.status < 300
}

fn judge(
    answer: &Answer,
    identity: &Identity,
    accepted: &[&Signature],
    door: ProbeId,
) -> (GateOutcome, Class) {
    let context = Context {
        principal: Some(arms::principal(identity.kind)),
        arguments: Some(match door {
            ProbeId::UnknownName | ProbeId::UnknownResource | ProbeId::UnknownPrompt => {
                Arguments::UnknownName
            }
            ProbeId::CallInvalid => Arguments::SchemaInvalid,
            _ => Arguments::Valid,
        }),
        ..Context::default()
    };
    let class = classify(answer, &context).class;
    let called = !LISTS.contains(&door);
    (outcome(answer, class, accepted, called), class)
}

fn outcome(answer: &Answer, class: Class, accepted: &[&Signature], called: bool) -> GateOutcome {
    if matches!(
        class,
        Class::RateLimited | Class::ServerFault | Class::SessionError | Class::VersionError
    ) {
        return GateOutcome::Unclear;
    }
    match answer.shape {
        Shape::Redirect => login_redirect(answer),
        Shape::Html if class == Class::Unauthenticated => GateOutcome::Refused,
        Shape::MetaChallenge => GateOutcome::RefusedInBand,
        // A refusal may come in the form of a result.
        Shape::ResultOk if called && !call_steps::shows_execution(answer) => {
            in_band(answer, accepted)
        }
        Shape::ResultOk | Shape::ResultEmpty | Shape::InputRequired | Shape::Task
            if answer.status < 300 =>
        {
            GateOutcome::Accepted
        }
        _ if answer.has(Hint::Edge) => GateOutcome::Unclear,
        _ if matches!(answer.status, 401 | 403) => GateOutcome::Refused,
        Shape::Challenge => GateOutcome::Refused,
        Shape::RpcError | Shape::ResultError => in_band(answer, accepted),
        _ => GateOutcome::Unclear,
    }
}

/// An error of the protocol layer lets a credential in only when a good one gets the same.
fn in_band(answer: &Answer, accepted: &[&Signature]) -> GateOutcome {
    let noise = Noise::learn(accepted);
    let same = accepted
        .iter()
        .any(|known| noise.equal(known, &answer.signature));
    if same {
        // Some gates refuse random names to everybody in the words of a refusal.
        return if wording::authorization(&answer.text) {
            GateOutcome::Unclear
        } else {
            GateOutcome::Accepted
        };
    }
    if !accepted.is_empty() && wording::authorization(&answer.text) {
        return GateOutcome::RefusedInBand;
    }
    if accepted.is_empty()
        && (wording::unknown_name(&answer.text) || wording::validation(&answer.text))
    {
        // Without a good credential to compare with, only the protocol's own errors count.
        return GateOutcome::Accepted;
    }
    if wording::authorization(&answer.text) {
        GateOutcome::RefusedInBand
    } else {
        GateOutcome::Unclear
    }
}

/// The event stream of 2024-11-05 opens with an `endpoint` event instead of a message.
fn opens_stream(exchange: &Exchange) -> bool {
    exchange.probe.id == ProbeId::OpenSession
        && exchange.response().is_some_and(|response| {
            response.status == 200 && sse::endpoint_event(&response.body.bytes()).is_some()
        })
}

/// A redirect is a refusal when it leads somewhere else than to the same path with a slash.
fn login_redirect(answer: &Answer) -> GateOutcome {
    if matches!(answer.status, 307 | 308) || answer.location.is_none() {
        GateOutcome::Unclear
    } else {
        GateOutcome::Refused
    }
}

/// Random names differ per identity and are no subjects.
fn subject(probe: ProbeId, subject: Option<&String>) -> Option<String> {
    match probe {
        ProbeId::CallValid
        | ProbeId::CallInvalid
        | ProbeId::CallListed
        | ProbeId::CallCanary
        | ProbeId::ReadResource
        | ProbeId::PromptGet => subject.cloned(),
        _ => None,
    }
}

const LISTS: [ProbeId; 5] = [
    ProbeId::OpenSession,
    ProbeId::ListTools,
    ProbeId::ListResources,
    ProbeId::ListResourceTemplates,
    ProbeId::ListPrompts,
];
const DOORS: [ProbeId; 14] = [
    ProbeId::OpenSession,
    ProbeId::ListTools,
    ProbeId::ListResources,
    ProbeId::ListResourceTemplates,
    ProbeId::ListPrompts,
    ProbeId::UnknownName,
    ProbeId::UnknownResource,
    ProbeId::UnknownPrompt,
    ProbeId::CallValid,
    ProbeId::CallInvalid,
    ProbeId::CallListed,
    ProbeId::CallCanary,
    ProbeId::ReadResource,
    ProbeId::PromptGet,
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::exchange::{HeaderField, Outcome};
    use crate::model::probe::ProbeKey;
    use crate::oracle::testing::{
        call, failed, http, identities, reset, rpc_error, said, unauthorized,
    };

    const ONE: &[(&str, &[&str])] = &[("admin", &["read"])];

    /// The outcome for `anonymous` at a door where `admin` gets the second answer.
    fn at(door: ProbeId, stranger: Outcome, admin: Option<Outcome>) -> GateOutcome {
        let mut ledger = Ledger::default();
        let key = || ProbeKey::new(door).about("tool/a");
        if let Some(admin) = admin {
            ledger.file(call(key(), "admin", "a", &json!({}), admin));
        }
        ledger.file(call(key(), "anonymous", "a", &json!({}), stranger));
        let found = gates(&ledger, &identities(ONE));
        assert_eq!(
            found.len(),
            1,
            "only credentials that must be refused have gates"
        );
        found[0].outcome
    }

    #[test]
    fn http_refusals_refuse_and_results_accept() {
        let result = http(
            200,
            &[],
            r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}"#,
        );
        assert_eq!(
            at(ProbeId::ListTools, unauthorized(), None),
            GateOutcome::Refused
        );
        assert_eq!(at(ProbeId::ListTools, result, None), GateOutcome::Accepted);
        assert_eq!(
            at(ProbeId::CallValid, said("data"), None),
            GateOutcome::Accepted
        );
        assert_eq!(
            at(ProbeId::CallValid, http(403, &[], "no"), None),
            GateOutcome::Refused
        );
        let challenged = http(
            400,
            &[("www-authenticate", "Bearer error=\"invalid_request\"")],
            "",
        );
        assert_eq!(
            at(ProbeId::OpenSession, challenged, None),
            GateOutcome::Refused
        );
    }

    #[test]
    fn an_error_accepts_only_when_a_good_credential_gets_the_same() {
        let unknown = || rpc_error(-32602, "Unknown tool: a");
        assert_eq!(
            at(ProbeId::UnknownName, unknown(), Some(unknown())),
            GateOutcome::Accepted
        );
        let refused = rpc_error(-32600, "Tool requires authentication, not authorized");
        assert_eq!(
            at(ProbeId::UnknownName, refused, Some(unknown())),
            GateOutcome::RefusedInBand
        );
        let validation = || failed("'id' is not of type 'string'");
        assert_eq!(
            at(ProbeId::CallInvalid, validation(), Some(validation())),
            GateOutcome::Accepted
        );
        assert_eq!(
            at(ProbeId::CallInvalid, failed("boom"), Some(validation())),
            GateOutcome::Unclear
        );
    }

    #[test]
    fn a_gate_that_denies_random_names_to_everybody_is_unclear() {
        let denied = || failed("not found or not authorized");
        assert_eq!(
            at(ProbeId::UnknownName, denied(), Some(denied())),
            GateOutcome::Unclear
        );
    }

    #[test]
    fn a_refusal_in_the_form_of_a_result_does_not_accept() {
        let refusal = said(r#"{"error":"unauthorized","code":401}"#);
        assert_eq!(
            at(ProbeId::CallValid, refusal, Some(said("data"))),
            GateOutcome::RefusedInBand
        );
        assert_eq!(
            at(
                ProbeId::CallValid,
                said("Access denied"),
                Some(said("data"))
            ),
            GateOutcome::RefusedInBand
        );
    }

    #[test]
    fn outages_limits_and_lost_answers_are_unclear() {
        for outcome in [
            http(500, &[], ""),
            http(429, &[], ""),
            reset(),
            http(202, &[], ""),
        ] {
            assert_eq!(at(ProbeId::ListTools, outcome, None), GateOutcome::Unclear);
        }
    }

    #[test]
    fn a_login_redirect_refuses_and_a_moved_path_does_not() {
        let login = http(302, &[("location", "https://idp.example.com/login")], "");
        assert_eq!(at(ProbeId::ListTools, login, None), GateOutcome::Refused);
        let moved = http(307, &[("location", "https://mcp.example.com/mcp/")], "");
        assert_eq!(at(ProbeId::ListTools, moved, None), GateOutcome::Unclear);
    }

    #[test]
    fn an_opened_event_stream_accepts() {
        let Outcome::Response(mut stream) =
            http(200, &[], "event: endpoint\ndata: /messages?s=1\n\n")
        else {
            panic!("a response")
        };
        stream.headers = vec![HeaderField::new("content-type", "text/event-stream")];
        assert_eq!(
            at(ProbeId::OpenSession, Outcome::Response(stream), None),
            GateOutcome::Accepted
        );
    }

    #[test]
    fn the_attempt_that_tells_replaces_the_unclear_one() {
        let mut ledger = Ledger::default();
        for outcome in [http(503, &[], ""), unauthorized(), http(503, &[], "")] {
            let key = ProbeKey::new(ProbeId::ListTools);
            ledger.file(call(key, "garbage", "a", &json!({}), outcome));
        }
        let found = gates(&ledger, &identities(ONE));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].outcome, GateOutcome::Refused);
    }
}
