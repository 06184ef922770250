//! Knobs of reading: what the gate takes a message for, and what the dispatcher does.

use schemars::JsonSchema;
use serde::Deserialize;

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
    /// How the method is read.
    pub methods: MethodReading,
    /// How arguments that are no object are read.
    pub arguments: ArgumentReading,
    /// What a request without `MCP-Protocol-Version` is taken for (2026-07-28).
    pub versions: VersionReading,
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
