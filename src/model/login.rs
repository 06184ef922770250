//! A login as observed: how a person's token was obtained, and what the token endpoint did with
//! codes and refresh tokens that it should refuse.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;
use super::identity::{Claims, IdentityKind, ScopeSet};

/// A token that came beside an access token.
#[derive(Clone, Debug)]
pub struct BesideToken {
    /// The identity that the access token is for.
    pub identity: String,
    /// An ID token or a refresh token.
    pub kind: IdentityKind,
    /// The token itself.
    pub token: SecretString,
}

/// One login and everything tried with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Login {
    /// The identity it was made for.
    pub identity: String,
    /// The issuer of the authorization server.
    pub issuer: String,
    /// `authorization_code` or `urn:ietf:params:oauth:grant-type:device_code`.
    pub grant: String,
    /// The client that asked.
    pub client_id: String,
    /// How the client came to be.
    pub client: ClientOrigin,
    /// Whether the client has no secret.
    pub public: bool,
    /// Where the browser is sent back to.
    pub redirect_uri: String,
    /// Scopes asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<ScopeSet>,
    /// The `resource` asked for (RFC 8707).
    pub resource: String,
    /// Whether the metadata promises `iss` in authorization responses (RFC 9207 §3).
    pub issuer_promised: bool,
    /// Every authorization that a person was asked for.
    pub rounds: Vec<Round>,
    /// A request without a code challenge beside one with it, neither followed by a login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bare: Option<BareRequest>,
    /// Every attempt to redeem a code.
    pub redemptions: Vec<Redemption>,
    /// Every attempt to refresh.
    pub refreshes: Vec<Refresh>,
    /// Why the identity is missing, when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// A request without a code challenge beside one with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BareRequest {
    /// The one with a challenge.
    pub with: ExchangeId,
    /// The one without.
    pub without: ExchangeId,
    /// Whether only the latter was refused; absent when the pair does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<bool>,
}

/// How the client of a login came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientOrigin {
    /// The operator named it.
    Operator,
    /// The run registered it (RFC 7591).
    Registered,
}

/// One authorization that a person was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Round {
    /// Counted from one.
    pub number: usize,
    /// What it was asked for.
    pub purpose: String,
    /// How it ended.
    #[serde(flatten)]
    pub end: RoundEnd,
    /// The `iss` that came back (RFC 9207 §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The browser's return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeId>,
}

/// How an authorization ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum RoundEnd {
    /// A code came back, or the device was approved.
    Granted,
    /// An OAuth error came back.
    Refused {
        /// The error code, such as `access_denied`.
        error: String,
    },
    /// Another authorization server answered (RFC 9207 §2.4); the code was thrown away.
    ForeignIssuer,
    /// Nothing came back in time.
    Unfinished {
        /// What was seen instead.
        reason: String,
    },
}

/// What was wrong with a redemption.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// Nothing: the control.
    Proper,
    /// Another `code_verifier`.
    WrongVerifier,
    /// No `code_verifier`.
    NoVerifier,
    /// Another `redirect_uri`.
    OtherRedirect,
    /// Another client of ours.
    OtherClient,
    /// The code was redeemed before.
    Replay,
    /// A `code_verifier` for a code that was asked for without a challenge.
    Downgrade,
}

impl Trial {
    /// The word used in probe variants.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proper => "proper",
            Self::WrongVerifier => "wrong-verifier",
            Self::NoVerifier => "no-verifier",
            Self::OtherRedirect => "other-redirect",
            Self::OtherClient => "other-client",
            Self::Replay => "replay",
            Self::Downgrade => "downgrade",
        }
    }
}

/// One attempt to redeem a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redemption {
    /// What was wrong with it.
    pub trial: Trial,
    /// The authorization that the code came from.
    pub round: usize,
    /// Whether the code was known to be unspent when it was tried.
    pub fresh: bool,
    /// What came back.
    pub answer: TokenAnswer,
}

/// What was asked of a refresh.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RefreshTrial {
    /// Nothing special: the control.
    Proper,
    /// A scope that was not granted.
    WiderScope,
    /// A resource that the grant is not for.
    ForeignResource,
    /// The refresh token that was exchanged before.
    OldToken,
    /// The same once more, after a pause.
    OldTokenLater,
}

impl RefreshTrial {
    /// The word used in probe variants.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proper => "proper",
            Self::WiderScope => "wider-scope",
            Self::ForeignResource => "foreign-resource",
            Self::OldToken => "old-token",
            Self::OldTokenLater => "old-token-later",
        }
    }
}

/// One attempt to refresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refresh {
    /// What was asked.
    pub trial: RefreshTrial,
    /// The scope or resource asked for, when one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// What came back.
    pub answer: TokenAnswer,
}

/// What came back from the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenAnswer {
    /// The request.
    pub exchange: ExchangeId,
    /// Whether an access token came.
    pub issued: bool,
    /// The OAuth error, when one came (RFC 6749 §5.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The `scope` it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<ScopeSet>,
    /// Claims of the access token, when it is a JWT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Claims>,
    /// The refresh token in it.
    pub refresh: RefreshToken,
}

impl TokenAnswer {
    /// Whether it is a refusal in the protocol's own words, as opposed to a broken answer.
    pub fn is_refusal(&self) -> bool {
        !self.issued && self.error.is_some()
    }
}

/// Whether a token answer holds a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefreshToken {
    /// None.
    Absent,
    /// The one that was presented.
    Same,
    /// Another one.
    New,
}
