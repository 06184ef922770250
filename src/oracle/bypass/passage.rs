//! What a refused call in another form came to (oracle §6, C1 to C7 for the altered request).

use serde_json::Value;

use crate::model::bypass::{Attempt, Passage};
use crate::model::exchange::{Exchange, ExchangeId, Ledger};
use crate::model::matrix::Class;
use crate::model::surface::SubjectKind;
use crate::oracle::call_steps;
use crate::oracle::cascade::{Context, Principal, classify};
use crate::oracle::observe::{Answer, Shape, observe};
use crate::oracle::signature::{Noise, Signature};

/// What an attempt shows, and why.
///
/// A form works when the control is answered as it is in the plain form, and the refused identity
/// is answered alike: unlike its own plain refusal, and again so in a second session.
pub fn passage(ledger: &Ledger, attempt: &Attempt) -> (Passage, String) {
    let reader = Reader::new(ledger, attempt);
    match reader.first() {
        (Passage::Through, reason) => reader.confirmed(attempt, &reason),
        other => other,
    }
}

/// Whether a form seems to work and wants confirming in a second session.
pub fn seems_open(ledger: &Ledger, attempt: &Attempt) -> bool {
    attempt.again.is_none() && Reader::new(ledger, attempt).first().0 == Passage::Through
}

struct Reader<'a> {
    ledger: &'a Ledger,
    subject: &'a str,
    valid: bool,
    broken: Vec<&'a str>,
    granted: Vec<Answer>,
    refused: Vec<Signature>,
    cover: Vec<Signature>,
    strong: Vec<Reading>,
    weak: Vec<Reading>,
}

/// One answer, read with the name as it was sent and with the name as it is known.
struct Reading {
    sent: Answer,
    plain: Answer,
}

impl<'a> Reader<'a> {
    fn new(ledger: &'a Ledger, attempt: &'a Attempt) -> Self {
        let kinds = [
            SubjectKind::Tool,
            SubjectKind::Resource,
            SubjectKind::Prompt,
        ];
        let mut kinds = kinds.map(|kind| format!("{}/", kind.as_str())).into_iter();
        let subject = kinds.find_map(|kind| attempt.subject.strip_prefix(&kind));
        let subject = subject.unwrap_or(&attempt.subject);
        let plain = |ids: &[ExchangeId]| -> Vec<Answer> {
            let known = ids.iter().filter_map(|id| ledger.exchange(*id));
            known.map(observe).collect()
        };
        let signatures =
            |ids: &[ExchangeId]| plain(ids).into_iter().map(|it| it.signature).collect();
        let mut reader = Self {
            ledger,
            subject,
            valid: attempt.valid,
            broken: attempt.broken.iter().map(String::as_str).collect(),
            granted: plain(&attempt.granted),
            refused: signatures(&attempt.refused),
            cover: signatures(&attempt.cover),
            strong: Vec::new(),
            weak: Vec::new(),
        };
        reader.strong = attempt
            .strong
            .iter()
            .filter_map(|id| reader.read(*id))
            .collect();
        reader.weak = attempt
            .weak
            .iter()
            .filter_map(|id| reader.read(*id))
            .collect();
        reader
    }

    fn read(&self, id: ExchangeId) -> Option<Reading> {
        let exchange = self.ledger.exchange(id)?;
        Some(Reading {
            sent: observe(&single(exchange, None)),
            plain: observe(&single(exchange, Some(self.subject))),
        })
    }

    fn first(&self) -> (Passage, String) {
        let open = |reason: &str| (Passage::Open, reason.to_owned());
        if !self.granted.iter().any(|answer| self.got_through(answer)) {
            return open("the control's plain call did not get through");
        }
        let Some(strong) = self.strong.first() else {
            return open("the control was not asked in this form");
        };
        if is_passing(&strong.sent) {
            return open(
                "the control's answer in this form is missing: a limit, an outage or a lost session",
            );
        }
        if !self.is_granted(strong) {
            let reason = if strong.sent.shape.is_success() {
                "in this form the control gets another answer than in the plain one"
            } else {
                "in this form the control is refused as well"
            };
            return (Passage::Closed, reason.to_owned());
        }
        if self.cover.iter().any(|cover| self.equals_granted(cover)) {
            return open(
                "both tools that the form names answer alike, so it is not seen which ran",
            );
        }
        let Some(weak) = self.weak.first() else {
            return open("nobody who was refused could be asked");
        };
        if is_passing(&weak.sent) {
            return open("the answer is missing: a limit, an outage or a lost session");
        }
        let refused = self.refused.iter().any(|known| alike(known, weak));
        if !refused && self.is_granted(weak) && self.got_through(&weak.plain) {
            let far = if self.valid {
                "the call ran"
            } else {
                "the arguments were validated"
            };
            return (Passage::Through, far.to_owned());
        }
        if weak.sent.shape.is_success() && !refused && call_steps::shows_execution(&weak.sent) {
            return open("the answer is a result, but not the one that the control gets");
        }
        (Passage::Held, "refused in this form too".to_owned())
    }

    fn confirmed(&self, attempt: &Attempt, reason: &str) -> (Passage, String) {
        let Some(again) = attempt.again else {
            return (
                Passage::Through,
                format!("{reason}; seen in one session only"),
            );
        };
        let form = self.read(again.form);
        let plain = self.ledger.exchange(again.plain).map(observe);
        let still_refused = plain
            .is_some_and(|answer| !self.equals_granted(&answer.signature) && !is_passing(&answer));
        match form {
            Some(form) if self.is_granted(&form) && still_refused => {
                let reason = format!(
                    "{reason}, again in a second session, where the plain call was refused"
                );
                (Passage::Through, reason)
            }
            Some(form) if self.is_granted(&form) => (
                Passage::Open,
                "in a second session the plain call was not refused either".to_owned(),
            ),
            _ => (
                Passage::Open,
                "it worked once, and not again in a second session".to_owned(),
            ),
        }
    }

    /// A valid call shows that it ran; one with broken arguments that they were looked at.
    fn got_through(&self, answer: &Answer) -> bool {
        if self.valid {
            call_steps::shows_execution(answer)
        } else {
            answer.shape.is_error() && call_steps::shows_validation(answer, &self.broken)
        }
    }

    fn is_granted(&self, reading: &Reading) -> bool {
        self.equals_granted(&reading.sent.signature)
            || self.equals_granted(&reading.plain.signature)
    }

    fn equals_granted(&self, signature: &Signature) -> bool {
        let known: Vec<&Signature> = self.granted.iter().map(|it| &it.signature).collect();
        let noise = Noise::learn(&known);
        known.iter().any(|granted| noise.equal(granted, signature))
    }
}

/// Whether an answer equals a plain refusal.
fn alike(known: &Signature, reading: &Reading) -> bool {
    let noise = Noise::default();
    noise.equal(known, &reading.sent.signature) || noise.equal(known, &reading.plain.signature)
}

/// The exchange as if its one call had been sent alone, under the given name.
fn single(exchange: &Exchange, name: Option<&str>) -> Exchange {
    let mut single = exchange.clone();
    let body = exchange.request.body.as_ref();
    let Some(mut message) = body.and_then(|body| call_in(&body.bytes())) else {
        return single;
    };
    if let Some(name) = name
        && let Some(params) = message.get_mut("params").and_then(Value::as_object_mut)
    {
        let member = if params.contains_key("uri") {
            "uri"
        } else {
            "name"
        };
        params.insert(member.to_owned(), Value::from(name));
    }
    if let Some(body) = &mut single.request.body {
        body.bytes = message.to_string().into_bytes().into();
    }
    single
}

fn call_in(bytes: &[u8]) -> Option<Value> {
    match serde_json::from_slice(bytes).ok()? {
        Value::Array(messages) => messages
            .into_iter()
            .find(|one| one.get("method").and_then(Value::as_str) == Some("tools/call")),
        message => Some(message),
    }
}

/// Missing data rather than an answer (D25).
pub(super) fn is_passing(answer: &Answer) -> bool {
    let context = Context {
        principal: Some(Principal::Underprivileged),
        ..Context::default()
    };
    answer.shape == Shape::NoAnswer
        || matches!(
            classify(answer, &context).class,
            Class::RateLimited | Class::ServerFault | Class::SessionError
        )
}

#[cfg(test)]
#[path = "passage_tests.rs"]
mod tests;
