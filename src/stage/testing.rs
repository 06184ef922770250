//! A wire without a network for the tests of stages: answers from a list, requests kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use crate::model::exchange::{Exchange, ExchangeId, Outcome, Request};
use crate::oracle::testing::{body, reset};
use crate::wire::{Opened, Outgoing, Pending, ProofKey, RawAnswer, Sent, StreamId, Wire};

/// Gives its answers in order; when none is left, connections break.
pub(crate) struct Scripted {
    answers: Mutex<VecDeque<Outcome>>,
    asked: Mutex<Vec<Asked>>,
}

/// A request as it left the stage.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) url: String,
    pub(crate) body: String,
    pub(crate) certified: bool,
}

impl Scripted {
    pub(crate) fn new(answers: Vec<Outcome>) -> Self {
        Self {
            answers: Mutex::new(answers.into()),
            asked: Mutex::default(),
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }

    fn answer(&self, outgoing: &Outgoing<'_>) -> Sent {
        let text = String::from_utf8_lossy(outgoing.body.as_deref().unwrap_or_default());
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(Asked {
            url: outgoing.url.clone(),
            body: text.clone().into_owned(),
            certified: outgoing.certificate.shown().is_some(),
        });
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = answers.pop_front().unwrap_or_else(reset);
        let learned = match (&outcome, outgoing.learn) {
            (Outcome::Response(response), Some(learn)) => learn(&RawAnswer {
                status: response.status,
                headers: &[],
                body: &response.body.bytes(),
            }),
            _ => Vec::new(),
        };
        let exchange = Exchange {
            id: ExchangeId(0),
            probe: outgoing.key.clone(),
            identity: outgoing.identity.clone(),
            tier: outgoing.tier,
            request: Request {
                method: outgoing.method.to_owned(),
                url: outgoing.url.clone(),
                headers: Vec::new(),
                body: Some(body(&text)),
            },
            outcome,
            started_ms: 0,
            elapsed_ms: 0,
            caused_by: outgoing.caused_by,
        };
        Sent {
            exchange,
            learned,
            before: None,
        }
    }
}

impl Wire for Scripted {
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> Pending<'a, Sent> {
        Box::pin(async move { self.answer(&outgoing) })
    }

    fn open<'a>(&'a self, outgoing: Outgoing<'a>) -> Pending<'a, Opened> {
        Box::pin(async move {
            Opened {
                sent: self.answer(&outgoing),
                stream: None,
            }
        })
    }

    fn close(&self, _stream: StreamId) {}

    fn know(&self, _label: &str, _secret: &SecretString) {}

    fn bind(&self, _token: &SecretString, _key: &Arc<ProofKey>) {}

    fn certify(&self, _token: &SecretString, _certificate: &SecretString) {}

    fn alike(&self, _copy: &SecretString, _model: &SecretString) {}

    fn sent(&self) -> usize {
        self.asked().len()
    }
}
