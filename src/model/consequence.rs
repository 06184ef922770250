//! What a registration led to: terms asked for and given, questions to the authorization endpoint,
//! access to client records, and which limits held.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;
use super::registration::StrangerToken;

/// Client metadata beside redirect URIs (RFC 7591 §2), as asked for or as echoed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientTerms {
    /// `client_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `grant_types`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<String>>,
    /// `response_types`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses: Option<Vec<String>>,
    /// `scope`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `application_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Redirect URIs inside a software statement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stated_redirects: Vec<String>,
    /// Name inside a software statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_name: Option<String>,
}

/// Everything that followed from registering clients at one authorization server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consequences {
    /// Questions to the authorization endpoint, each beside a control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorizations: Vec<AuthorizationTrial>,
    /// Requests for the record of one of our clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<RecordTrial>,
    /// Registrations that were wanted and not sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untried: Vec<Untried>,
    /// How many registrations in a row were accepted, when that was to be observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Burst>,
    /// Which limits an open endpoint should have, and whether each was seen to hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hardening: Vec<Hardening>,
    /// What came of a code that the authorization endpoint gave at once, without any login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unattended: Option<StrangerToken>,
}

/// One question to the authorization endpoint, without cookies or login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuthorizationTrial {
    /// `no-redirect`, `other-port`, `every-scope`, `unknown-scope`, `claimed-name`.
    pub variant: String,
    /// The redirect URI or the scope that was asked for.
    pub asked: String,
    /// Whether the request went on as that of the control, absent when the answer does not tell.
    pub accepted: Option<bool>,
    /// What was seen.
    pub what: String,
    /// Whether the page names the client, when a page came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows_name: Option<bool>,
    /// Whether the page names the host it will redirect to, when a page came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows_host: Option<bool>,
    /// The exchange.
    pub exchange: ExchangeId,
}

/// Whose registration token went with a request for a client's record.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKey {
    /// None.
    Missing,
    /// One that nobody issued.
    Garbage,
    /// That of another client of ours.
    Foreign,
    /// The client's own: the control.
    Own,
}

impl RecordKey {
    /// The word used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "no token",
            Self::Garbage => "a token nobody issued",
            Self::Foreign => "another client's token",
            Self::Own => "its own token",
        }
    }
}

/// One request for the record of a client (RFC 7592 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordTrial {
    /// Whether removal was asked for rather than reading.
    pub removal: bool,
    /// Whose token went along.
    pub key: RecordKey,
    /// Whether the record was opened, or removed: absent when the answer does not tell.
    pub opened: Option<bool>,
    /// The exchange.
    pub exchange: ExchangeId,
}

/// A registration that was wanted and not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Untried {
    /// Which one.
    pub variant: String,
    /// Why not.
    pub why: String,
}

/// Registrations in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Burst {
    /// How many were to be sent.
    pub wanted: usize,
    /// How many were accepted.
    pub accepted: usize,
    /// Whether a limit answered.
    pub limited: bool,
    /// The exchanges.
    pub exchanges: Vec<ExchangeId>,
}

/// A limit that makes open registration bearable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hardening {
    /// Which limit.
    pub what: String,
    /// Whether it was seen to hold; absent when nothing was seen.
    pub held: Option<bool>,
    /// What that rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<ExchangeId>,
}
