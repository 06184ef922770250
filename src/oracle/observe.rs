//! One answer's bytes: structural class, the message that answers, and a masked signature.

use serde_json::Value;

use super::signature::Signature;
use crate::model::discovery::Challenges;
use crate::model::exchange::{Exchange, ExchangeId};

/// Structural classes; no natural language needed (oracle §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// A refusal with a Bearer or DPoP challenge.
    Challenge,
    /// An HTTP status of 400 or more without a JSON-RPC answer and without a challenge.
    Bare,
    /// A JSON-RPC error.
    RpcError,
    /// A result with `isError`.
    ResultError,
    /// A result.
    ResultOk,
    /// A result without content.
    ResultEmpty,
    /// A result that carries a challenge in `_meta`.
    MetaChallenge,
    /// The server asks for input.
    InputRequired,
    /// A task handle.
    Task,
    /// An HTML page.
    Html,
    /// A redirect.
    Redirect,
    /// Nothing where an answer belongs.
    Empty,
    /// A message that answers another request.
    Foreign,
    /// Both `result` and `error`, or bytes that are no message.
    Broken,
    /// No HTTP answer, or a truncated one.
    NoAnswer,
}

/// What was sent, as far as it matters for reading the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    /// JSON-RPC id.
    pub id: Option<Value>,
    /// JSON-RPC method.
    pub method: Option<String>,
    /// Tool or prompt name, or resource URI.
    pub name: Option<String>,
    /// Tool or prompt arguments.
    pub arguments: Option<Value>,
    /// The session it was sent on, as labelled in the ledger.
    pub session: Option<String>,
}

/// One parsed answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The exchange it was read from.
    pub exchange: ExchangeId,
    /// What was asked.
    pub sent: Sent,
    /// HTTP status; zero when there was no answer.
    pub status: u16,
    /// Media type of the body.
    pub media: String,
    /// Challenges of the HTTP answer.
    pub challenges: Challenges,
    /// Structural class.
    pub shape: Shape,
    /// The JSON-RPC message that answers, or another JSON body.
    pub message: Option<Value>,
    /// Human-readable text of the answer, JSON escapes decoded.
    pub text: String,
    /// Masked form for comparisons.
    pub signature: Signature,
}

/// Reads an exchange.
pub fn observe(_exchange: &Exchange) -> Answer {
    todo_skeleton()
}
fn todo_skeleton() -> Answer {
    Answer {
        exchange: ExchangeId(0),
        sent: Sent::default(),
        status: 0,
        media: String::new(),
        challenges: Challenges::default(),
        shape: Shape::NoAnswer,
        message: None,
        text: String::new(),
        signature: Signature {
            shape: Shape::NoAnswer,
            status: 0,
            code: None,
            challenge_error: None,
            challenge_scopes: std::collections::BTreeSet::new(),
            text: String::new(),
            contents: std::collections::BTreeSet::new(),
            skeleton: String::new(),
        },
    }
}
