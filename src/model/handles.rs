//! What belongs to one user, and what others got of it: objects the operator named, links that tools
//! handed out, the state of unfinished calls, tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;

/// An object that the operator named, asked for by its owner and by others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectTrial {
    /// What it is: a URI, or a tool with its arguments.
    pub name: String,
    /// Identity that owns it.
    pub owner: String,
    /// Whether the operator says that nobody else may have it.
    pub private: bool,
    /// Who asked, in order.
    pub asks: Vec<HandleAsk>,
    /// What it comes to.
    pub outcome: ObjectOutcome,
    /// Why, in one sentence.
    pub reason: String,
    /// The flag or configuration that would decide it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
}

/// What the answers for one object come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectOutcome {
    /// Its owner got it, and everybody else who asked was refused.
    OwnerOnly,
    /// Another user got what the owner got.
    OtherUser,
    /// Whoever asked without a token got what the owner got.
    Anyone,
    /// Not decided.
    Undecided,
}

/// Everything that the run was handed for one identity and tried with another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Handles {
    /// Links in the results of tools.
    pub links: Vec<LinkTrial>,
    /// States of calls that ask back (2026-07-28).
    pub states: Vec<StateTrial>,
    /// Tasks.
    pub tasks: Vec<TaskTrial>,
}

/// A link in the result of a tool, followed by others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkTrial {
    /// Subject id of the tool that handed it out.
    pub tool: String,
    /// Where it leads.
    pub uri: String,
    /// The result it stood in.
    pub handed_out: ExchangeId,
    /// Who followed it, in order.
    pub asks: Vec<HandleAsk>,
}

/// The state of a call that asks back, given back altered or by others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateTrial {
    /// Subject id of the tool.
    pub tool: String,
    /// The answer that asked back.
    pub issued: ExchangeId,
    /// Who gave it back, in order; `altered` is the owner's own with one character changed.
    pub asks: Vec<HandleAsk>,
}

/// A task, asked for by others; without consent the id is random.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskTrial {
    /// Subject id of the tool that started it; absent for a random id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The answer that handed out the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<ExchangeId>,
    /// Who asked for it, in order.
    pub asks: Vec<HandleAsk>,
    /// Whether its owner could cancel it at the end.
    pub cancelled: bool,
}

/// One question about a handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandleAsk {
    /// Who asked.
    pub identity: String,
    /// On whose behalf.
    pub role: Role,
    /// The method, or what was changed.
    pub what: String,
    /// The answer.
    pub exchange: ExchangeId,
}

/// Whom an identity stands for in such a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one the handle was made for: the control.
    Owner,
    /// The same with the handle altered.
    Altered,
    /// Another person with the same scopes.
    OtherUser,
    /// A valid token that was refused what handed the handle out.
    Weaker,
    /// No token.
    Anonymous,
}
