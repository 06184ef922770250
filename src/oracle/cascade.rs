//! One answer in its context: the ordered cascade of oracle §5. A candidate, never a verdict alone.

use super::observe::Answer;
use super::signature::{Noise, Signature};
use super::{call_steps, transport_steps};
use crate::model::matrix::{Class, Confidence, Inference, Layer};

/// Who sent the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The positive control.
    Privileged,
    /// A valid token under test.
    Underprivileged,
    /// No credential.
    Anonymous,
    /// A credential that must be refused.
    Garbage,
}

/// What kind of arguments were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// They fit the schema.
    Valid,
    /// They break every required property.
    SchemaInvalid,
    /// The name is random.
    UnknownName,
    /// The envelope itself is broken.
    MalformedEnvelope,
    /// The method takes no name and no arguments.
    NotApplicable,
}

/// What the privileged identity got for the same call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// It ran.
    Executed,
    /// It was refused.
    Denied,
    /// It failed.
    Error,
    /// Its arguments were refused.
    InvalidArguments,
    /// The tool itself answered with an error, for example that the object does not exist.
    Answered,
    /// The name was unknown.
    UnknownTool,
}

/// Everything beside the answer that the cascade may use; the default knows nothing.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    /// Who asked; without it nothing is inferred.
    pub principal: Option<Principal>,
    /// With what arguments.
    pub arguments: Option<Arguments>,
    /// HTTP status that the same principal's list got; zero when it got no answer.
    pub list_status: Option<u16>,
    /// Whether the principal's list names the tool.
    pub listed: Option<bool>,
    /// Whether the privileged list names it.
    pub listed_for_privileged: Option<bool>,
    /// What the privileged identity got.
    pub control: Option<Control>,
    /// Answers of this principal to random names.
    pub unknown: Vec<&'a Signature>,
    /// Answers of the privileged identity to the same call.
    pub privileged: Vec<&'a Signature>,
    /// Answers to a credential that nobody issued.
    pub garbage: Vec<&'a Signature>,
    /// Schema properties that the arguments broke.
    pub broken: Vec<&'a str>,
}

impl Context<'_> {
    /// Whether the privileged identity got through with the same call, as far as it can get.
    pub(super) fn is_comparable(&self) -> bool {
        matches!(self.control, Some(Control::Executed | Control::Answered))
            || (self.control == Some(Control::InvalidArguments)
                && self.arguments == Some(Arguments::SchemaInvalid))
    }

    /// Whether the principal's credential is one that no server should accept.
    pub(super) const fn is_stranger(&self) -> bool {
        matches!(
            self.principal,
            Some(Principal::Anonymous | Principal::Garbage)
        )
    }

    /// Whether the same principal's list was refused for authorization.
    pub(super) const fn list_refused(&self) -> bool {
        matches!(self.list_status, Some(401 | 403))
    }

    /// Whether the same principal's list was answered.
    pub(super) const fn list_served(&self) -> bool {
        matches!(self.list_status, Some(200..=299))
    }

    /// Whether an answer equals this principal's answer to a random name.
    pub(super) fn equals_unknown(&self, signature: &Signature) -> Option<bool> {
        equals(&self.unknown, signature)
    }

    /// Whether an answer equals the privileged one.
    pub(super) fn equals_privileged(&self, signature: &Signature) -> Option<bool> {
        equals(&self.privileged, signature)
    }
}

/// What one answer means in its context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What the bytes mean.
    pub class: Class,
    /// What that shows about the call.
    pub inference: Inference,
    /// How sure.
    pub confidence: Confidence,
    /// The step of the cascade that matched (`S8`).
    pub rule: &'static str,
    /// Which layer answered.
    pub layer: Layer,
}

impl Observation {
    pub(super) const fn new(class: Class, rule: &'static str, layer: Layer) -> Self {
        Self {
            class,
            inference: Inference::Inconclusive,
            confidence: Confidence::Inconclusive,
            rule,
            layer,
        }
    }

    pub(super) const fn shows(mut self, inference: Inference, confidence: Confidence) -> Self {
        self.inference = inference;
        self.confidence = confidence;
        self
    }

    /// The same inference, but only when the differential backs it.
    pub(super) fn shows_if(
        self,
        backed: bool,
        inference: Inference,
        confidence: Confidence,
    ) -> Self {
        if backed {
            self.shows(inference, confidence)
        } else {
            self
        }
    }
}

/// Classifies an answer; first hit wins.
///
/// Without a principal the class is a candidate and nothing is inferred: answers with equal bytes
/// mean different things for different callers (oracle §1).
pub fn classify(answer: &Answer, context: &Context<'_>) -> Observation {
    let mut observation = transport_steps::classify(answer, context)
        .unwrap_or_else(|| call_steps::classify(answer, context));
    match context.principal {
        None => {
            observation.inference = Inference::Inconclusive;
            observation.confidence = Confidence::Inconclusive;
        }
        Some(Principal::Privileged) => {
            observation.inference = Inference::ControlObservation;
            observation.confidence = Confidence::Weak;
        }
        Some(_) => {}
    }
    observation
}

fn equals(baselines: &[&Signature], signature: &Signature) -> Option<bool> {
    let noise = Noise::learn(baselines);
    let mut known = baselines.iter().peekable();
    known.peek()?;
    Some(known.any(|baseline| noise.equal(baseline, signature)))
}

#[cfg(test)]
#[path = "cascade_tests.rs"]
mod tests;
