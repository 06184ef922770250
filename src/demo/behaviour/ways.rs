//! Knobs of reading: what the gate takes a message for, and what the dispatcher does.

use schemars::JsonSchema;
use serde::Deserialize;

use super::server::Revision;

/// How a message is read, first by the gate and then by whatever runs it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ways {
    /// What the header fields that mirror the body are good for (2026-07-28).
    pub headers: HeaderReading,
    /// How an array of messages is read (2025-03-26).
    pub arrays: ArrayReading,
    /// How the name of a tool is read.
    pub names: NameReading,
    /// How the names of prompts and the URIs of resources are read.
    pub doors: DoorReading,
    /// How the method is read.
    pub methods: MethodReading,
    /// How arguments that are no object are read.
    pub arguments: ArgumentReading,
    /// What a request without `MCP-Protocol-Version` is taken for (2026-07-28).
    pub versions: VersionReading,
    /// Which answers of tools that read are kept.
    pub answers: AnswerKeeping,
    /// Whose a session is.
    pub sessions: SessionReading,
    /// What two `Authorization` lines are taken for.
    pub token_lines: TokenLines,
    /// Whether a token in the query string counts.
    pub query_tokens: QueryTokens,
    /// Revisions in which the gate was forgotten.
    pub unguarded_revisions: Vec<Revision>,
    /// Revisions in which no token is asked for.
    pub tokenless_revisions: Vec<Revision>,
}

/// What the header fields that mirror the body are good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderReading {
    /// They must equal the body.
    #[default]
    Checked,
    /// Nothing; the body decides.
    Unchecked,
    /// The gate reads them and the dispatcher the body.
    GateReadsThem,
    /// The dispatcher reads them and the gate the body.
    DispatchReadsThem,
}

/// How an array of messages is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArrayReading {
    /// The gate looks at every message.
    #[default]
    Every,
    /// The gate looks at the first message.
    FirstOnly,
    /// The gate sees no message in an array.
    Unread,
}

/// How the name of a tool is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NameReading {
    /// As it is.
    #[default]
    Exact,
    /// The dispatcher trims, lower-cases and decodes it.
    FoldedByDispatch,
    /// The gate looks for it in the undecoded bytes.
    RawAtGate,
    /// Of two names the gate takes the first and the dispatcher the last.
    FirstAtGate,
}

/// How the names of prompts and the URIs of resources are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DoorReading {
    /// As they are.
    #[default]
    Exact,
    /// Behind the gate they are trimmed, lower-cased, decoded and resolved.
    FoldedByDispatch,
}

/// How the method is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MethodReading {
    /// As it is.
    #[default]
    Exact,
    /// The dispatcher trims and lower-cases it.
    FoldedByDispatch,
}

/// How arguments that are no object are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArgumentReading {
    /// As they are.
    #[default]
    Exact,
    /// The gate lets them pass, and the dispatcher makes an object of them.
    ObjectsOnlyAtGate,
}

/// What a request without `MCP-Protocol-Version` is taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VersionReading {
    /// It is refused.
    #[default]
    Required,
    /// It is served, and the gate does not look at it.
    MissingIsTrusted,
}

/// Which answers of tools that read are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerKeeping {
    /// None.
    #[default]
    None,
    /// All, for everybody who sends the same arguments.
    ForEverybody,
    /// The same, and the answer says so in its fields.
    ForEverybodyMarked,
    /// All, for the caller alone, and the answer says so in its fields.
    PerCallerMarked,
}

/// Whose a session is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionReading {
    /// Its opener's, with the token that opened it.
    #[default]
    Bound,
    /// Everybody's who has a token, with the rights of that token.
    Unbound,
    /// Everybody's who has a token, with the rights of the opener.
    OpenerDecides,
}

/// What two `Authorization` lines are taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenLines {
    /// A malformed request.
    #[default]
    Refused,
    /// The last one counts.
    LastCounts,
    /// The first one is verified, and what the last one says is believed.
    LastIsBelieved,
}

/// Whether a token in the query string counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueryTokens {
    /// It does not.
    #[default]
    Ignored,
    /// It does, as `access_token`.
    Accepted,
}
