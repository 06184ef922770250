//! Credentials that must be refused, at every door of every revision that is served.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;
use super::target::Revision;

/// A way into the server: a method, or a verb of the transport.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// `initialize` (up to 2025-11-25).
    Initialize,
    /// `server/discover` (2026-07-28).
    Discover,
    /// `tools/list`.
    ToolList,
    /// `resources/list`.
    ResourceList,
    /// `resources/templates/list`.
    TemplateList,
    /// `prompts/list`.
    PromptList,
    /// `tools/call` of a random name.
    Call,
    /// `resources/read`.
    Read,
    /// `prompts/get`.
    Prompt,
    /// GET of the event stream.
    Stream,
    /// DELETE of a session.
    End,
}

impl Door {
    /// What a client writes to come through it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Discover => "server/discover",
            Self::ToolList => "tools/list",
            Self::ResourceList => "resources/list",
            Self::TemplateList => "resources/templates/list",
            Self::PromptList => "prompts/list",
            Self::Call => "tools/call",
            Self::Read => "resources/read",
            Self::Prompt => "prompts/get",
            Self::Stream => "GET",
            Self::End => "DELETE",
        }
    }

    /// Whether it comes before everything else, and gives away no more than a greeting.
    pub const fn is_greeting(self) -> bool {
        matches!(self, Self::Initialize | Self::Discover)
    }
}

/// One credential at one door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoorTrial {
    /// The revision spoken.
    pub revision: Revision,
    /// The door.
    pub door: Door,
    /// Whose credential.
    pub identity: String,
    /// What it got.
    pub exchange: ExchangeId,
    /// What the good token got at the same door; for [`Door::End`], on the session before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ExchangeId>,
    /// Whether it was sent on a session that the good token opened.
    #[serde(default)]
    pub borrowed: bool,
    /// What the good token got on the session afterwards; for [`Door::End`] alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ExchangeId>,
}
