//! What was learned at the doors beside tools: greetings, templates, completions, subscriptions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;

/// Everything learned at the doors beside tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Doors {
    /// What each identity was told about the server.
    pub greetings: Vec<Greeting>,
    /// With which values resource templates were asked about.
    pub expansions: Vec<Expansion>,
    /// What each identity was offered as the value of an argument.
    pub completions: Vec<Completion>,
    /// Whether resources could be watched.
    pub subscriptions: Vec<Subscription>,
}

/// What one identity was told by `initialize` or `server/discover`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Greeting {
    /// Who asked.
    pub identity: String,
    /// Names of the capabilities and extensions.
    pub capabilities: Vec<String>,
    /// `instructions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// `cacheScope` (2026-07-28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_scope: Option<String>,
    /// The answer.
    pub exchange: ExchangeId,
}

/// A resource template with values in the place of its variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expansion {
    /// Subject id of the template.
    pub subject: String,
    /// The URI that was asked for; absent when none was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Where the values came from, or why there are none.
    pub source: String,
}

/// What one identity was offered as the value of one argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Completion {
    /// Who asked.
    pub identity: String,
    /// Subject id of the completion.
    pub completion: String,
    /// Subject id of the prompt or template.
    pub subject: String,
    /// The argument or variable.
    pub argument: String,
    /// The values; absent when the answer was no completion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// The answer.
    pub exchange: ExchangeId,
}

/// Whether one identity could watch one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subscription {
    /// Who asked.
    pub identity: String,
    /// The URI.
    pub uri: String,
    /// Whether the resource exists only by chance: a random URI, as a control.
    pub control: bool,
    /// What came of it.
    pub outcome: SubscriptionOutcome,
    /// The answer.
    pub exchange: ExchangeId,
}

/// What came of asking to watch a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionOutcome {
    /// It is watched: a result, or an acknowledgement that names the URI.
    Accepted,
    /// It is not: an error, or an acknowledgement without the URI.
    Refused,
    /// The server knows no such method.
    NotOffered,
    /// Neither can be told.
    Unclear,
}
