//! A wire over a saved ledger: the same questions get the same answers, and nothing is sent.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use super::compose::fields;
use super::record::request;
use super::redact::{Redactor, Source};
use super::{Learned, Opened, Outgoing, Pending, ProofKey, RawAnswer, Sent, StreamId, Wire};
use crate::model::exchange::{
    Exchange, ExchangeId, Failure, FailureKind, Ledger, Outcome, Response,
};
use crate::model::probe::{ProbeKey, Tier};

/// Answers from a saved ledger; equal questions in the order in which they were asked.
pub struct ReplayWire {
    answers: Mutex<HashMap<Question, VecDeque<Exchange>>>,
    redactor: Mutex<Redactor>,
    sent: AtomicUsize,
    streams: AtomicU64,
}

type Question = (ProbeKey, String, Tier);

impl ReplayWire {
    /// A wire that knows the answers of this ledger.
    pub fn new(ledger: &Ledger) -> Self {
        let mut answers: HashMap<Question, VecDeque<Exchange>> = HashMap::new();
        for exchange in ledger.iter() {
            let question = (
                exchange.probe.clone(),
                exchange.identity.clone(),
                exchange.tier,
            );
            answers
                .entry(question)
                .or_default()
                .push_back(exchange.clone());
        }
        Self {
            answers: Mutex::new(answers),
            redactor: Mutex::default(),
            sent: AtomicUsize::new(0),
            streams: AtomicU64::new(1),
        }
    }

    fn answer(&self, outgoing: &Outgoing<'_>) -> Sent {
        let question = (
            outgoing.key.clone(),
            outgoing.identity.clone(),
            outgoing.tier,
        );
        let saved = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.get_mut(&question).and_then(VecDeque::pop_front)
        };
        let Some(mut exchange) = saved else {
            return self.unknown(outgoing);
        };
        self.sent.fetch_add(1, Ordering::Relaxed);
        exchange.id = ExchangeId(0);
        exchange.caused_by = outgoing.caused_by;
        let answer = match &exchange.outcome {
            Outcome::Response(response) => Some(response),
            Outcome::Failure(failure) => failure.partial.as_deref(),
        };
        let learned = answer.map(|answer| learn(outgoing, answer));
        let learned = learned.unwrap_or_default();
        for Learned { label, secret } in &learned {
            self.know(label, secret);
        }
        Sent {
            exchange,
            learned,
            before: None,
        }
    }

    fn unknown(&self, outgoing: &Outgoing<'_>) -> Sent {
        let redactor = self.redactor.lock().unwrap_or_else(PoisonError::into_inner);
        let text = format!(
            "not in the saved ledger: `{}` by `{}`, attempt {}; nothing was sent",
            outgoing.key.id, outgoing.identity, outgoing.key.attempt
        );
        let exchange = Exchange {
            id: ExchangeId(0),
            probe: outgoing.key.clone(),
            identity: outgoing.identity.clone(),
            tier: outgoing.tier,
            request: request(&redactor, outgoing, &fields(outgoing, "")),
            outcome: Outcome::Failure(Failure {
                kind: FailureKind::Blocked,
                text,
                partial: None,
            }),
            started_ms: 0,
            elapsed_ms: 0,
            caused_by: outgoing.caused_by,
        };
        Sent {
            exchange,
            learned: Vec::new(),
            before: None,
        }
    }
}

impl Wire for ReplayWire {
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> Pending<'a, Sent> {
        Box::pin(async move { self.answer(&outgoing) })
    }

    fn open<'a>(&'a self, outgoing: Outgoing<'a>) -> Pending<'a, Opened> {
        Box::pin(async move {
            let sent = self.answer(&outgoing);
            let accepted = sent.exchange.status().is_some_and(is_success);
            let stream = accepted.then(|| StreamId(self.streams.fetch_add(1, Ordering::Relaxed)));
            Opened { sent, stream }
        })
    }

    fn close(&self, _stream: StreamId) {}

    fn know(&self, label: &str, secret: &SecretString) {
        let mut redactor = self.redactor.lock().unwrap_or_else(PoisonError::into_inner);
        redactor.know(label, secret, Source::Run);
    }

    fn bind(&self, _token: &SecretString, _key: &Arc<ProofKey>) {}

    fn certify(&self, _token: &SecretString, _certificate: &SecretString) {}

    fn alike(&self, _copy: &SecretString, _model: &SecretString) {}

    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
}

/// The saved answer is redacted, so that what is learned from it are the labels.
fn learn(outgoing: &Outgoing<'_>, answer: &Response) -> Vec<Learned> {
    let Some(learn) = outgoing.learn else {
        return Vec::new();
    };
    let fields = answer.headers.iter();
    let headers: Vec<(String, Vec<u8>)> = fields
        .map(|field| (field.name.to_string(), field.value.as_bytes().to_vec()))
        .collect();
    learn(&RawAnswer {
        status: answer.status,
        headers: &headers,
        body: &answer.stream.as_ref().unwrap_or(&answer.body).bytes(),
    })
}

const fn is_success(status: u16) -> bool {
    status >= 200 && status < 300
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::model::exchange::{Body, HeaderField, Request};
    use crate::model::probe::ProbeId;

    fn saved(probe: ProbeId, identity: &str, status: u16, text: &str) -> Exchange {
        let key = ProbeKey::new(probe);
        Exchange {
            id: ExchangeId(0),
            tier: probe.tier(),
            probe: key,
            identity: identity.to_owned(),
            request: Request {
                method: "POST".to_owned(),
                url: "https://mcp.example.com/mcp".to_owned(),
                headers: Vec::new(),
                body: None,
            },
            outcome: Outcome::Response(Response {
                status,
                headers: vec![HeaderField::new("mcp-session-id", "{session-a}")],
                body: Body {
                    bytes: text.as_bytes().into(),
                    truncated: false,
                    length: 0,
                    sha256: String::new(),
                },
                stream: None,
            }),
            started_ms: 0,
            elapsed_ms: 0,
            caused_by: None,
        }
    }

    fn ask(identity: &str) -> Outgoing<'static> {
        let key = ProbeKey::new(ProbeId::ListTools);
        let mut outgoing = Outgoing::new(key, "POST", "https://mcp.example.com/mcp");
        outgoing.identity = identity.to_owned();
        outgoing
    }

    fn wire() -> ReplayWire {
        let mut ledger = Ledger::default();
        ledger.file(saved(ProbeId::ListTools, "reader", 200, "first"));
        ledger.file(saved(ProbeId::ListTools, "writer", 200, "other"));
        ledger.file(saved(ProbeId::ListTools, "reader", 401, "second"));
        ReplayWire::new(&ledger)
    }

    #[tokio::test]
    async fn equal_questions_get_their_answers_in_order() {
        let wire = wire();
        let mut statuses = Vec::new();
        for identity in ["reader", "reader", "writer"] {
            let sent = wire.send(ask(identity)).await;
            assert_eq!(sent.exchange.id, ExchangeId(0));
            statuses.push(sent.exchange.status());
        }
        assert_eq!(statuses, [Some(200), Some(401), Some(200)]);
        assert_eq!(wire.sent(), 3);
    }

    #[tokio::test]
    async fn an_unknown_question_is_blocked() {
        let wire = wire();
        let mut outgoing = ask("stranger");
        outgoing.credential = Some(SecretString::from("a-real-token"));
        let exchange = wire.send(outgoing).await.exchange;
        let failure = exchange.failure().unwrap();
        assert_eq!(failure.kind, FailureKind::Blocked);
        assert!(failure.text.contains("not in the saved ledger"));
        assert!(!format!("{exchange:?}").contains("a-real-token"));
        assert_eq!(wire.sent(), 0);
    }

    #[tokio::test]
    async fn what_is_learned_from_a_saved_answer_is_its_label() {
        let wire = wire();
        let mut outgoing = ask("reader");
        let learn = |answer: &RawAnswer<'_>| {
            let (_, value) = &answer.headers[0];
            vec![Learned {
                label: "session-a".to_owned(),
                secret: SecretString::from(String::from_utf8_lossy(value).into_owned()),
            }]
        };
        outgoing.learn = Some(&learn);
        let learned = wire.send(outgoing).await.learned;
        assert_eq!(learned[0].secret.expose_secret(), "{session-a}");
    }

    #[tokio::test]
    async fn a_saved_stream_opens_when_the_saved_answer_was_a_success() {
        let wire = wire();
        assert!(wire.open(ask("reader")).await.stream.is_some());
        assert!(wire.open(ask("reader")).await.stream.is_none());
    }
}
