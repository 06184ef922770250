//! What was seen of argument validation, of limits on calls, and of resource paths.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;

/// One call with arguments that break the tool's schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvalidCall {
    /// Subject id.
    pub subject: String,
    /// Tool name.
    pub tool: String,
    /// Identity name.
    pub identity: String,
    /// The answer.
    pub exchange: ExchangeId,
    /// Required properties that the arguments break.
    pub broken: Vec<String>,
    /// What came of it.
    pub outcome: InvalidOutcome,
}

/// What came of arguments that break a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum InvalidOutcome {
    /// The tool ran.
    Ran,
    /// Refused in a result with `isError`.
    RefusedAsResult,
    /// Refused with a JSON-RPC error.
    RefusedAsError {
        /// Its code.
        code: i64,
    },
    /// The server failed over them.
    Failed {
        /// HTTP status.
        status: u16,
    },
    /// Nothing was said about arguments: another failure, a refusal of the caller, a limit.
    Unclear,
}

/// The same call many times in a row, on request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallSeries {
    /// Subject id; absent where no call could be repeated safely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Identity name.
    pub identity: String,
    /// How many calls were asked for.
    pub wanted: usize,
    /// How many were answered.
    pub answered: usize,
    /// Milliseconds between the first request and the last answer.
    pub elapsed_ms: u64,
    /// The first answer that is a limit, and how many calls came before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitSeen>,
    /// Every call.
    pub exchanges: Vec<ExchangeId>,
    /// Why nothing was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<String>,
}

/// An answer that is a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitSeen {
    /// The answer.
    pub exchange: ExchangeId,
    /// Calls before it.
    pub after: usize,
    /// HTTP status.
    pub status: u16,
    /// Whether it says when to come back (`Retry-After`).
    pub retry_after: bool,
}

/// Resource URIs that leave what the server offers, on request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraversalProbes {
    /// Identity name.
    pub identity: String,
    /// One entry per URI.
    pub probes: Vec<TraversalProbe>,
    /// Why nothing was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<String>,
}

/// One URI that leaves what the server offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraversalProbe {
    /// How it leaves (`absolute-file`, `climbing`, `climbing-encoded`, `inside-address`, `template`).
    pub form: String,
    /// The URI.
    pub uri: String,
    /// The answer.
    pub exchange: ExchangeId,
    /// A random URI of the same scheme, read by the same identity.
    pub control: ExchangeId,
    /// What came of it.
    pub outcome: TraversalOutcome,
}

/// What came of a URI that leaves what the server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraversalOutcome {
    /// Contents that neither the control nor any listed resource has.
    Contents,
    /// The contents of a listed resource: the path was cut back to what is offered.
    Contained,
    /// Contents as for the random URI: any URI is answered alike.
    LikeControl,
    /// Refused or not found.
    Refused,
    /// No usable answer.
    Unclear,
}
