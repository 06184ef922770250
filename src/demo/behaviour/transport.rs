//! Knobs of the MCP server's HTTP layer: hosts, paths, versions, sessions, streams and errors.

use schemars::JsonSchema;
use serde::Deserialize;

/// What the HTTP layer of the MCP server lets through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Transport {
    /// Whether the `Host` header is looked at.
    pub hosts: HostCheck,
    /// Which spellings of the path lead to the endpoint.
    pub paths: PathMatch,
    /// Which media types a body may have.
    pub media_types: MediaTypes,
    /// What foreign origins are told about sharing.
    pub sharing: Sharing,
    /// What becomes of a protocol version that is not served.
    pub versions: VersionCheck,
    /// What becomes of a 2026-07-28 request without its required fields.
    pub metadata: MetadataCheck,
    /// What becomes of a method that does not exist.
    pub unknown_methods: UnknownMethods,
    /// Whether 2026-07-28 issues session ids.
    pub stateless: StatelessSessions,
    /// What session ids look like.
    pub session_ids: SessionIdShape,
    /// What becomes of a session after its DELETE.
    pub ended_sessions: EndedSessions,
    /// Who may put questions to the event stream of 2024-11-05.
    pub stream_questions: StreamQuestions,
    /// Who gets the events of a stream again.
    pub resumption: Resumption,
    /// Whether a session may listen on a stream of its own.
    pub listening: Listening,
    /// What is looked at before the token.
    pub order: DoorOrder,
    /// How much an error says.
    pub errors: ErrorDetail,
}

/// Whether a session may listen on a stream of its own (GET).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Listening {
    /// It may not; GET is answered with 405.
    #[default]
    None,
    /// It may.
    Offered,
}

/// What is looked at before the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DoorOrder {
    /// Nothing.
    #[default]
    TokenFirst,
    /// The verb: GET and DELETE do not exist, whoever asks.
    VerbFirst,
    /// The session: one that nobody opened is not found, whoever asks.
    SessionFirst,
}

/// Whether the `Host` header is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostCheck {
    /// A foreign host is answered with 403.
    #[default]
    Checked,
    /// Every host is served.
    Ignored,
}

/// Which spellings of the path lead to the endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PathMatch {
    /// The path itself.
    #[default]
    Exact,
    /// Any spelling, and only the path itself is guarded.
    Loose,
}

/// Which media types a body may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MediaTypes {
    /// `application/json`.
    #[default]
    Json,
    /// Any.
    Any,
}

/// What foreign origins are told about sharing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Nothing.
    #[default]
    None,
    /// That any origin may read, without credentials.
    Any,
    /// Their own origin back, with credentials.
    Reflected,
}

/// What becomes of a protocol version that is not served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VersionCheck {
    /// It is refused.
    #[default]
    Checked,
    /// It is read as one that is served.
    Ignored,
}

/// What becomes of a 2026-07-28 request without its required fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MetadataCheck {
    /// It is refused.
    #[default]
    Required,
    /// It is served.
    Optional,
}

/// What becomes of a method that does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownMethods {
    /// It is refused.
    #[default]
    Refused,
    /// It has an empty result.
    Answered,
}

/// Whether 2026-07-28 issues session ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StatelessSessions {
    /// It does not.
    #[default]
    None,
    /// With each answer.
    Minted,
}

/// What session ids look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionIdShape {
    /// Random.
    #[default]
    Random,
    /// A running number.
    Counted,
}

/// What becomes of a session after its DELETE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndedSessions {
    /// It is gone.
    #[default]
    Forgotten,
    /// It goes on.
    Kept,
}

/// Who may put questions to the event stream of 2024-11-05.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StreamQuestions {
    /// The owner of the stream, with the token.
    #[default]
    Guarded,
    /// Whoever knows the session.
    Unguarded,
}

/// Who gets the events of a stream again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resumption {
    /// Nobody.
    #[default]
    None,
    /// The session in which they were sent.
    Own,
    /// Whoever names the event, with any token.
    Shared,
}

/// How much an error says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorDetail {
    /// What went wrong for the caller.
    #[default]
    Terse,
    /// Where in the program, and at which host behind it.
    Revealing,
}
