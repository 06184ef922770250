//! Knobs of the MCP server's transport and surface.

use schemars::JsonSchema;
use serde::Deserialize;

/// Transport and surface of the MCP server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Protocol revisions served.
    pub revisions: Vec<Revision>,
    /// How an answer to a POST is framed.
    pub framing: Framing,
    /// How many sessions of the older revisions may be alive.
    pub sessions: SessionPolicy,
    /// Which tools a caller is shown.
    pub list: ToolListing,
    /// Whether the tool list is the same every time.
    pub list_stability: ListStability,
    /// Tools on a page of `tools/list`; 0 puts all of them on one page.
    pub page_size: usize,
    /// Whether cursors lead to an end.
    pub cursor: Cursor,
    /// Tools left out of every list although they can be called.
    pub hidden: Vec<String>,
    /// Tools that are listed a second time, with another schema.
    pub twins: Vec<String>,
    /// What the schemas of tools with a required `id` look like.
    pub input_schemas: InputSchemas,
    /// Where a tool's declared security schemes are written.
    pub schemes: SchemePlace,
    /// Extensions that the capabilities declare.
    pub extensions: Vec<String>,
    /// Tools added to the surface for measurements; every second one only reads.
    pub generated_tools: usize,
    /// Scopes of the added tools, one each in turn; empty for those of the notes.
    pub generated_scopes: Vec<String>,
    /// Milliseconds both servers wait before each answer.
    pub delay_ms: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            revisions: vec![
                Revision::R2026_07,
                Revision::R2025_11,
                Revision::R2025_06,
                Revision::R2025_03,
            ],
            framing: Framing::default(),
            sessions: SessionPolicy::default(),
            list: ToolListing::default(),
            list_stability: ListStability::default(),
            page_size: 0,
            cursor: Cursor::default(),
            hidden: Vec::new(),
            twins: Vec::new(),
            input_schemas: InputSchemas::default(),
            schemes: SchemePlace::default(),
            extensions: Vec::new(),
            generated_tools: 0,
            generated_scopes: Vec::new(),
            delay_ms: 0,
        }
    }
}

/// A protocol revision, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
pub enum Revision {
    /// HTTP+SSE with two endpoints.
    #[serde(rename = "2024-11-05")]
    R2024_11,
    /// First Streamable HTTP, with batches.
    #[serde(rename = "2025-03-26")]
    R2025_03,
    /// Version header, no batches.
    #[serde(rename = "2025-06-18")]
    R2025_06,
    /// Argument errors as tool results.
    #[serde(rename = "2025-11-25")]
    R2025_11,
    /// Stateless.
    #[serde(rename = "2026-07-28")]
    R2026_07,
}

impl Revision {
    /// The revision as it is written on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::R2024_11 => "2024-11-05",
            Self::R2025_03 => "2025-03-26",
            Self::R2025_06 => "2025-06-18",
            Self::R2025_11 => "2025-11-25",
            Self::R2026_07 => "2026-07-28",
        }
    }

    /// Whether the revision has Streamable HTTP with an `initialize` handshake.
    #[must_use]
    pub fn has_sessions(self) -> bool {
        matches!(self, Self::R2025_03 | Self::R2025_06 | Self::R2025_11)
    }
}

/// How an answer to a POST is framed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// One JSON object.
    #[default]
    Json,
    /// An event stream that ends with the answer.
    Sse,
}

/// How many sessions of the older revisions may be alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionPolicy {
    /// Any number.
    #[default]
    Many,
    /// The next `initialize` ends the session before it; a dead session is answered with 400.
    OneLive,
}

/// Which tools a caller is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ToolListing {
    /// All of them.
    #[default]
    All,
    /// Those that the caller's scopes open.
    ByScope,
}

/// Whether the tool list is the same every time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ListStability {
    /// The same for the same caller.
    #[default]
    Stable,
    /// Every second connection misses the last tool.
    PerConnection,
    /// Every second request misses the last tool.
    PerRequest,
}

/// Whether cursors lead to an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cursor {
    /// Every cursor leads one page further, and the last page has none.
    #[default]
    Advancing,
    /// Every page carries the same cursor.
    Repeating,
    /// Every page carries a new cursor, those behind the last tool as well.
    Endless,
}

/// Where a tool's declared security schemes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SchemePlace {
    /// As `securitySchemes` of the tool.
    #[default]
    TopLevel,
    /// Inside the tool's `_meta`.
    Meta,
}

/// Whether the `Origin` header is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OriginCheck {
    /// A foreign origin is answered with 403.
    #[default]
    Checked,
    /// Every origin is served.
    Ignored,
}

/// A tool of the MCP server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tool {
    /// What the tool does, for people.
    pub description: String,
    /// Whether the tool's body changes state.
    pub writes: bool,
    /// Scopes a caller needs, all of them; empty for any token.
    pub scopes: Vec<String>,
    /// Arguments the tool takes.
    pub input: Input,
    /// The `readOnlyHint` annotation.
    pub read_only: Option<bool>,
    /// The `destructiveHint` annotation.
    pub destructive: Option<bool>,
    /// Security schemes that the tool declares for itself; none declares nothing.
    pub declares: Vec<Scheme>,
    /// Scopes that it declares in place of those a caller needs.
    pub declared_scopes: Vec<String>,
}

/// Arguments a tool takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// No arguments, and no others allowed.
    #[default]
    None,
    /// A required `id`.
    Id,
    /// A required `query` and an optional `limit`.
    Query,
    /// A required `title` and `body`.
    Note,
    /// A required `id` and `mode`, one of `summary` and `full`.
    Mode,
    /// An object about which the schema says nothing.
    Anything,
}

/// What the schemas of tools with a required `id` look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InputSchemas {
    /// As they should.
    #[default]
    Sound,
    /// They contain themselves without an end.
    Recursive,
    /// They have six thousand members.
    Enormous,
    /// They are no schemas.
    Invalid,
    /// They are kept elsewhere.
    Elsewhere,
    /// They name another property than the tool wants.
    Lying,
}

/// A security scheme that a tool declares for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Callable without a token.
    Noauth,
    /// Callable with a token that holds the tool's scopes.
    Oauth2,
}
