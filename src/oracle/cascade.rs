//! One answer in its context: the ordered cascade of oracle §5. A candidate, never a verdict alone.

use super::observe::Answer;
use super::signature::Signature;
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
    /// The method takes no tool arguments.
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
    /// The name was unknown.
    UnknownTool,
}

/// Everything beside the answer that the cascade may use; the default knows nothing.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    /// Who asked.
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

/// What one answer means in its context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What the bytes mean.
    pub class: Class,
    /// What that shows about the call.
    pub inference: Inference,
    /// How sure.
    pub confidence: Confidence,
    /// The rule that matched.
    pub rule: &'static str,
    /// Which layer answered.
    pub layer: Layer,
}

/// Classifies an answer; first hit wins.
pub fn classify(_answer: &Answer, _context: &Context<'_>) -> Observation {
    Observation {
        class: Class::Ambiguous,
        inference: Inference::Inconclusive,
        confidence: Confidence::Inconclusive,
        rule: "S0",
        layer: Layer::Unknown,
    }
}
