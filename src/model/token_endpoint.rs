//! The token endpoint as observed without a user: each question with its answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;
use super::identity::ScopeSet;

/// What a token request wanted to know.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TokenQuestion {
    /// A grant type that does not exist: the control of every other question.
    UnknownGrant,
    /// The password grant, for a user who does not exist.
    Password,
    /// The client's secret in the other place: header instead of body, or the reverse.
    OtherMethod,
    /// The operator's client with a wrong secret.
    WrongSecret,
    /// The operator's client without a secret.
    NoSecret,
    /// A scope that does not exist.
    UnknownScope,
    /// Every scope that is published.
    EveryScope,
    /// A client assertion made as it should be.
    GenuineAssertion,
    /// A client assertion that must be refused (RFC 7523 §3).
    ClientAssertion,
    /// An identity assertion that must be refused (enterprise-managed authorization §5.1).
    IdentityAssertion,
    /// A workload's token that nobody trusts.
    WorkloadAssertion,
}

/// What a token request was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum TokenOutcome {
    /// An access token.
    Issued,
    /// An OAuth error (RFC 6749 §5.2).
    Refused {
        /// HTTP status.
        status: u16,
        /// The `error` member.
        error: String,
    },
    /// 429 or another limit.
    Limited,
    /// Nothing that RFC 6749 knows: HTML, 5xx, redirect, no answer.
    Unclear {
        /// What came.
        what: String,
    },
}

impl TokenOutcome {
    /// The OAuth error, when that is what came.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Refused { error, .. } => Some(error),
            _ => None,
        }
    }

    /// The answer in a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Issued => "a token was issued".to_owned(),
            Self::Refused { status, error } => format!("HTTP {status} {error}"),
            Self::Limited => "limited".to_owned(),
            Self::Unclear { what } => what.clone(),
        }
    }
}

/// One token request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenAttempt {
    /// What it wanted to know.
    pub question: TokenQuestion,
    /// In which form: `unsigned`, `foreign-key`, `client_secret_post`, ….
    pub form: String,
    /// The operator's client that asked; absent for a client that does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Scopes asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<ScopeSet>,
    /// The `scope` member of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<ScopeSet>,
    /// Scopes that the token itself names, when it is a JWT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<ScopeSet>,
    /// The answer, classified.
    #[serde(flatten)]
    pub outcome: TokenOutcome,
    /// The exchange.
    pub exchange: ExchangeId,
}

impl TokenAttempt {
    /// The scopes the token has as far as can be seen: what the token names, else the response,
    /// else what was asked for (RFC 6749 §5.1).
    pub fn scopes(&self) -> Option<&ScopeSet> {
        self.seen().or(self.requested.as_ref())
    }

    /// The scopes that the token or the response names.
    pub fn seen(&self) -> Option<&ScopeSet> {
        self.claimed.as_ref().or(self.granted.as_ref())
    }
}

/// What the introspection endpoint told somebody without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum IntrospectionOutcome {
    /// It said whether the token is active.
    Answered,
    /// It refused.
    Refused {
        /// HTTP status.
        status: u16,
    },
    /// Nothing that RFC 7662 knows.
    Unclear {
        /// What came.
        what: String,
    },
}

/// One introspection request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Introspection {
    /// Where it was sent.
    pub endpoint: String,
    /// The answer, classified.
    #[serde(flatten)]
    pub outcome: IntrospectionOutcome,
    /// The exchange.
    pub exchange: ExchangeId,
}

/// A client of the operator that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorClient {
    /// Its identifier.
    pub client_id: String,
    /// How it authenticated when it got the token that serves as control.
    pub method: String,
    /// Scopes it was seen or said to have.
    pub scopes: ScopeSet,
    /// The exchange that got it a token.
    pub control: ExchangeId,
}

/// Everything observed about one token endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenEndpoint {
    /// The issuer.
    pub issuer: String,
    /// The token endpoint.
    pub endpoint: String,
    /// The operator's clients.
    pub clients: Vec<OperatorClient>,
    /// Every token request.
    pub attempts: Vec<TokenAttempt>,
    /// The introspection request, where an endpoint is advertised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection: Option<Introspection>,
}

impl TokenEndpoint {
    /// The attempts at one question.
    pub fn asked(&self, question: TokenQuestion) -> impl Iterator<Item = &TokenAttempt> {
        let attempts = self.attempts.iter();
        attempts.filter(move |attempt| attempt.question == question)
    }

    /// The control of a client's questions: a grant type that does not exist.
    pub fn control(&self, client: Option<&str>) -> Option<&TokenAttempt> {
        self.asked(TokenQuestion::UnknownGrant)
            .find(|attempt| attempt.client.as_deref() == client)
    }
}
