//! The state of a call that asks back: given back as it was, altered, and by another caller
//! (MCP 2026-07-28 §Multi Round-Trip Requests). Every question of the server is declined.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::send::{Extra, learned, send};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::handles::{HandleAsk, Role, StateTrial};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::SubjectKind;
use crate::oracle::calibrate::Treatment;
use crate::oracle::observe::{Shape, observe};
use crate::stage::calls::Treatments;
use crate::stage::enumerate::Sessions;
use crate::stage::session::Session;
use crate::stage::{Run, file, reply};
use crate::wire::{Learned, RawAnswer};

/// Tries the state of one read-only call that asked the baseline back.
pub(super) async fn give_back(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    treatments: &Treatments,
) {
    let Some(identity) = collected.identities.baseline().cloned() else {
        return;
    };
    let Some(session) = sessions
        .get(&identity.name)
        .filter(|it| it.revision.is_modern())
    else {
        return;
    };
    let asking = collected.ledger.iter().find(|it| {
        it.probe.id == ProbeId::CallValid
            && it.identity == identity.name
            && observe(it).shape == Shape::InputRequired
    });
    let Some(tool) = asking.and_then(|it| it.probe.subject.clone()) else {
        return;
    };
    let Some(Treatment::Valid { arguments }) = treatments.get(&tool) else {
        return;
    };
    let call = Call {
        schema: schema(collected, &tool),
        name: name(collected, &tool),
        tool,
        arguments: arguments.clone(),
    };
    // Asked again, since the state of the first answer may have been redacted.
    let Some((trial, state, answers)) = issue(run, collected, &identity, session, &call).await
    else {
        return;
    };
    let mut trial = trial;
    let altered = altered(state.expose_secret());
    run.wire.know("state-altered", &altered);
    let mut asks: Vec<(Role, Identity, &SecretString)> = vec![
        (Role::Altered, identity.clone(), &altered),
        (Role::Owner, identity.clone(), &state),
    ];
    if let Some((role, other)) = other(collected) {
        asks.insert(1, (role, other, &state));
    }
    for (role, who, state) in asks {
        let Some(session) = sessions.get(&who.name) else {
            continue;
        };
        let key = ProbeKey::new(ProbeId::GiveBackState)
            .about(call.tool.clone())
            .variant(match role {
                Role::Altered => "altered",
                Role::Owner => "owner",
                _ => "other",
            });
        let operation = call.again(&answers, state);
        let sent = send(run, key, &who, session, &operation, Extra::none()).await;
        let exchange = file(collected, sent);
        trial.asks.push(HandleAsk {
            identity: who.name.clone(),
            role,
            what: "tools/call".to_owned(),
            exchange,
        });
    }
    collected.handles.states.push(trial);
}

/// Upper bound on requests.
pub(crate) const MOST_GIVEN_BACK: usize = 4;

struct Call {
    tool: String,
    name: String,
    arguments: Value,
    schema: Option<Value>,
}

impl Call {
    fn again(&self, answers: &Value, state: &SecretString) -> Operation<'static> {
        Operation::Raw {
            method: "tools/call",
            params: json!({
                "name": self.name,
                "arguments": self.arguments,
                "inputResponses": answers,
                "requestState": state.expose_secret(),
            }),
        }
    }
}

async fn issue(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
    session: &Session,
    call: &Call,
) -> Option<(StateTrial, SecretString, Value)> {
    let key = ProbeKey::new(ProbeId::GiveBackState)
        .about(call.tool.clone())
        .variant("issue");
    let operation = Operation::CallTool {
        name: &call.name,
        arguments: &call.arguments,
        schema: call.schema.as_ref(),
    };
    let learn = |answer: &RawAnswer<'_>| state_of(answer);
    let extra = Extra {
        learn: Some(&learn),
        ..Extra::none()
    };
    let sent = send(run, key, identity, session, &operation, extra).await;
    let state = sent.learned.first().map(|it| it.secret.clone());
    let result = reply::result(&sent.exchange);
    let issued = file(collected, sent);
    let trial = StateTrial {
        tool: call.tool.clone(),
        issued,
        asks: Vec::new(),
    };
    let answers = declined(&result?);
    Some((trial, state?, answers))
}

/// Every question declined by its own name.
fn declined(result: &Value) -> Value {
    let asked = result.get("inputRequests").and_then(Value::as_object);
    let answers: Map<String, Value> = asked
        .into_iter()
        .flatten()
        .take(MOST_QUESTIONS)
        .map(|(name, _)| (name.clone(), json!({"action": "decline"})))
        .collect();
    Value::Object(answers)
}

fn state_of(answer: &RawAnswer<'_>) -> Vec<Learned> {
    learned(answer, "state", LONGEST, |it| {
        it.pointer("/result/requestState")
    })
}

/// The same state with one character in the middle changed for another of its kind.
fn altered(state: &str) -> SecretString {
    let middle = state.chars().count() / 2;
    let changed: String = state
        .chars()
        .enumerate()
        .map(|(at, c)| match c {
            _ if at != middle => c,
            'a' | 'A' | '0' => 'b',
            c if c.is_ascii_digit() => '0',
            c if c.is_ascii_uppercase() => 'A',
            _ => 'a',
        })
        .collect();
    SecretString::from(changed)
}

/// Another user, else another valid token.
fn other(collected: &Collected) -> Option<(Role, Identity)> {
    let identities = &collected.identities;
    if let Some(other) = identities.other_user() {
        return Some((Role::OtherUser, other.clone()));
    }
    let baseline = identities.baseline.as_deref();
    let weaker = identities
        .valid()
        .find(|it| Some(it.name.as_str()) != baseline && it.invalid.is_none());
    let anonymous = || {
        let present = identities.present.iter();
        present
            .clone()
            .find(|it| it.kind == IdentityKind::Anonymous)
    };
    weaker
        .map(|it| (Role::Weaker, it.clone()))
        .or_else(|| anonymous().map(|it| (Role::Anonymous, it.clone())))
}

fn schema(collected: &Collected, tool: &str) -> Option<Value> {
    collected.surface.subject(tool)?.input_schema.clone()
}

fn name(collected: &Collected, tool: &str) -> String {
    let prefix = format!("{}/", SubjectKind::Tool.as_str());
    let subject = collected.surface.subject(tool);
    subject.map_or_else(
        || tool.strip_prefix(&prefix).unwrap_or(tool).to_owned(),
        |subject| subject.name.clone(),
    )
}

/// Questions that are declined in one answer.
const MOST_QUESTIONS: usize = 32;

/// Bytes of a state.
const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_state_differs_in_one_character() {
        for state in ["abc", "0", "AAAA", "x9y", "über"] {
            let changed = altered(state);
            let pairs = state.chars().zip(changed.expose_secret().chars());
            assert_eq!(pairs.filter(|(a, b)| a != b).count(), 1, "{state}");
        }
        assert!(altered("").expose_secret().is_empty());
    }

    #[test]
    fn every_question_is_declined() {
        let asked = json!({"inputRequests": {"chapter": {}, "page": {}}, "requestState": "s"});
        let answers = declined(&asked);
        assert_eq!(answers["chapter"]["action"], "decline");
        assert_eq!(answers.as_object().unwrap().len(), 2);
        assert_eq!(declined(&json!({})), json!({}));
    }

    #[test]
    fn a_state_is_learned_from_json_and_from_a_stream() {
        let body = r#"{"jsonrpc":"2.0","id":1,"result":{"requestState":"s-1"}}"#;
        let stream = format!("data: {body}\n\n");
        for (media, body) in [
            ("application/json; charset=utf-8", body),
            ("text/event-stream", stream.as_str()),
        ] {
            let headers = [("Content-Type".to_owned(), media.as_bytes().to_vec())];
            let learned = state_of(&RawAnswer {
                status: 200,
                headers: &headers,
                body: body.as_bytes(),
            });
            assert_eq!(learned[0].secret.expose_secret(), "s-1", "{media}");
        }
        let nothing = RawAnswer {
            status: 200,
            headers: &[],
            body: b"{",
        };
        assert!(state_of(&nothing).is_empty());
    }
}
