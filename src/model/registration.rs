//! Dynamic client registration as observed: attempts, what they left behind, and the posture.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::consequence::{ClientTerms, Consequences};
use super::exchange::ExchangeId;
use super::matrix::Confidence;

/// The ladder from no registration to self-sufficient strangers.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum Posture {
    /// No dynamic client registration.
    D0,
    /// Gated by an initial access token (RFC 7591 §3).
    D1,
    /// Gated by source policy: trusted hosts, address list, firewall.
    D1p,
    /// Gated by a trusted software statement (RFC 7591 §3.2.2).
    D2,
    /// Open but constrained.
    D3,
    /// Open, unconstrained.
    D4,
    /// Open and self-sufficient: a stranger's client gets a working token without any user.
    D5,
    /// Not determined.
    #[default]
    #[serde(rename = "undetermined")]
    Undetermined,
}

impl Posture {
    /// The code used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::D0 => "D0",
            Self::D1 => "D1",
            Self::D1p => "D1p",
            Self::D2 => "D2",
            Self::D3 => "D3",
            Self::D4 => "D4",
            Self::D5 => "D5",
            Self::Undetermined => "undetermined",
        }
    }

    /// Whether a stranger can register a client.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::D3 | Self::D4 | Self::D5)
    }
}

/// What a registration request was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum RegistrationOutcome {
    /// A client exists now: 201 or 200 with a `client_id`.
    Registered,
    /// 401, or 403 with a Bearer challenge or `invalid_token`.
    NeedsToken,
    /// 403 without a challenge.
    RefusedBySource,
    /// `invalid_software_statement` or `unapproved_software_statement`.
    NeedsSoftwareStatement,
    /// 400-class refusal of the metadata; reachable without a token.
    RefusedMetadata {
        /// The RFC 7591 §3.2.2 error code, or the status.
        error: String,
    },
    /// 404 or 405.
    Absent,
    /// 429 or another limit.
    Limited,
    /// Nothing that can be read: HTML, 5xx, redirect, no answer.
    Unclear {
        /// What came.
        what: String,
    },
}

/// One registration request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistrationAttempt {
    /// `truncated`, `native-loopback`, `https-confidential`, `hostile-http`, ….
    pub variant: String,
    /// Where it was sent.
    pub endpoint: String,
    /// The answer, classified.
    #[serde(flatten)]
    pub outcome: RegistrationOutcome,
    /// The redirect URIs asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requested_redirects: Vec<String>,
    /// The redirect URIs echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echoed_redirects: Option<Vec<String>>,
    /// What else was asked for.
    #[serde(default)]
    pub requested: ClientTerms,
    /// What else the answer says was registered.
    #[serde(default)]
    pub echoed: ClientTerms,
    /// The label of the client it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The exchange.
    pub exchange: ExchangeId,
}

/// A client that the run created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreatedClient {
    /// The `client_id` as answered (redacted where it is a secret by shape).
    pub client_id: String,
    /// Which attempt made it.
    pub variant: String,
    /// The registering exchange.
    pub exchange: ExchangeId,
    /// Whether a `registration_client_uri` and a registration token came with it.
    pub manageable: bool,
    /// When it or its secret expires, in seconds since the epoch; absent when never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// How the authorization endpoint answered it, when asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable: Option<Usability>,
    /// How its removal ended.
    pub deletion: Deletion,
}

/// Whether the authorization endpoint knows the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usability {
    /// `true` when it went on to login or consent, `false` when it refused the client,
    /// absent when the answer does not tell.
    pub accepted: Option<bool>,
    /// What was seen.
    pub what: String,
    /// The exchange.
    pub exchange: ExchangeId,
}

/// How the removal of a created client ended (RFC 7592 §2.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Deletion {
    /// 204 or another 2xx.
    Deleted {
        /// The exchange.
        exchange: ExchangeId,
    },
    /// Tried and refused.
    Refused {
        /// The exchange.
        exchange: ExchangeId,
        /// What was answered.
        what: String,
    },
    /// Its registration token was revoked when it was tried at another client's record, which
    /// RFC 7592 §2.1 allows the server to do.
    Spent {
        /// The exchange.
        exchange: ExchangeId,
    },
    /// The server offers no way.
    NotOffered,
}

/// Everything observed about one authorization server's registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Registration {
    /// The issuer.
    pub issuer: String,
    /// The advertised endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Every request.
    pub attempts: Vec<RegistrationAttempt>,
    /// Every client that came of it.
    pub clients: Vec<CreatedClient>,
    /// Whether a token was issued to a stranger's client without any user, and whether it worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stranger_token: Option<StrangerToken>,
    /// What followed from registering.
    #[serde(default)]
    pub consequences: Consequences,
    /// The posture.
    pub posture: Posture,
    /// How sure.
    pub confidence: Confidence,
    /// One sentence: why this posture, or what would determine it.
    pub reason: String,
    /// The flag that would determine it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// The exchanges the posture rests on.
    pub exchanges: Vec<ExchangeId>,
}

/// What `client_credentials` gave an anonymously registered client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StrangerToken {
    /// The token request.
    pub exchange: ExchangeId,
    /// Whether a token came back.
    pub issued: bool,
    /// Whether the MCP server listed tools for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// The list request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_exchange: Option<ExchangeId>,
}
