//! Ways round a gate: calls that were refused, asked again in another form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;
use super::probe::ProbeId;
use super::target::Revision;

/// Everything that was tried with calls that were refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bypass {
    /// Why nothing was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// One entry per form, call and identity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// What sessions were good for without the token that opened them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<SessionUse>,
    /// Calls whose answer may be one that the server gave to somebody else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptAnswer>,
    /// Requests with a token in another place, or with two of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<TokenUse>,
}

/// One refused call in another form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Which way.
    pub way: ProbeId,
    /// The form (`name-of-allowed`, `case-upper`, …).
    pub form: String,
    /// The revision spoken.
    pub revision: Revision,
    /// Subject id of the refused call.
    pub subject: String,
    /// Who was refused; absent when only the control could be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Who is let through.
    pub control: String,
    /// Whether the arguments fit the schema; otherwise validation is as far as anybody gets.
    pub valid: bool,
    /// Schema properties that the arguments break.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<String>,
    /// The plain call, refused.
    pub refused: Vec<ExchangeId>,
    /// The plain call of the control.
    pub granted: Vec<ExchangeId>,
    /// The control's plain call of the other subject that the form names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cover: Vec<ExchangeId>,
    /// The form, sent by the control.
    pub strong: Vec<ExchangeId>,
    /// The form, sent by whoever was refused.
    pub weak: Vec<ExchangeId>,
    /// The form and the plain call again in a second session, when the form seemed to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
    /// What came of it.
    pub passage: Passage,
    /// Why, in one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Again {
    /// The form.
    pub form: ExchangeId,
    /// The plain call.
    pub plain: ExchangeId,
}

/// What a form of a refused call came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Passage {
    /// The call ran, or got as far as its arguments allow anybody.
    Through,
    /// It was refused.
    Held,
    /// Nobody gets through in this form, so it is no way round.
    Closed,
    /// The answers do not decide.
    #[default]
    Open,
}

/// One request on a session that somebody else opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionUse {
    /// The revision of the session.
    pub revision: Revision,
    /// Who opened it.
    pub opener: String,
    /// Who used it.
    pub user: String,
    /// `tools/list`, `GET`, `DELETE`, or the subject id of a call that the user was refused.
    pub request: String,
    /// The same request by the opener, on the same session, before.
    pub control: ExchangeId,
    /// The request.
    pub exchange: ExchangeId,
    /// The user's own refusal of the same call on a session of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<ExchangeId>,
    /// What came of it.
    pub passage: Passage,
    /// Why, in one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A call that reads, with arguments that nobody had sent before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptAnswer {
    /// Subject id.
    pub subject: String,
    /// Who asked first and last.
    pub identity: String,
    /// Who asked in between.
    pub control: String,
    /// The questions; a second series went over second sessions, with other arguments.
    pub series: Vec<KeptSeries>,
    /// What came of it.
    pub passage: Passage,
    /// Why, in one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The same question before and after somebody else was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptSeries {
    /// Before anybody else asked.
    pub before: ExchangeId,
    /// The control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ExchangeId>,
    /// Arguments that the control never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<ExchangeId>,
    /// The first question again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ExchangeId>,
}

/// One request whose token is not where it belongs, or not alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenUse {
    /// Which probe.
    pub probe: ProbeId,
    /// The form (`access_token`, `garbage-first`, …).
    pub form: String,
    /// Whose token works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The request.
    pub exchange: ExchangeId,
    /// The same request without a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<ExchangeId>,
}
