//! Cells: what one identity could do with one subject, how sure that is, and what it rests on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;
use super::probe::Tier;
use super::target::{Revision, Transport};

/// What the bytes of one answer mean in their context.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The invocation ran and returned a result.
    ExecutedOk,
    /// The invocation ran and reported a failure of its own.
    ExecutedError,
    /// The arguments were refused.
    InvalidArguments,
    /// No or no valid credential.
    Unauthenticated,
    /// A machine-readable challenge for this call while listing works.
    StepUpChallenge,
    /// The gate that refuses this call refuses the list as well.
    DeniedServerScope,
    /// A refusal of this tool for want of scope, without a challenge.
    DeniedToolScope,
    /// A refusal by another policy: role, tenant, host, firewall.
    DeniedOtherPolicy,
    /// Answered like an unknown name although the privileged identity can use it.
    HiddenUnknownTool,
    /// The name is not registered.
    UnknownTool,
    /// A backend refused the server's own or the caller's upstream identity.
    UpstreamAuthFailure,
    /// A limit, not a decision.
    RateLimited,
    /// The server or a proxy failed.
    ServerFault,
    /// The session, not the caller, was refused.
    SessionError,
    /// The protocol version or envelope was refused.
    VersionError,
    /// The server asks for more input before it goes on.
    ElicitationOrInputRequired,
    /// Even the recorded context does not decide.
    Ambiguous,
}

/// What an answer shows about the call, given its context (oracle question 1).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Inference {
    /// The call got through.
    CallPassed,
    /// The call was refused.
    CallRefused,
    /// A backend refused.
    RefusedDownstream,
    /// Refused, for a reason that cannot be told from outside.
    RefusedCauseUnknown,
    /// Nothing can be concluded.
    Inconclusive,
    /// The answer is itself a control.
    ControlObservation,
}

/// How sure a statement is (oracle §6.4).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A control is missing.
    Inconclusive,
    /// Compatible, with at least one ordinary other cause.
    Weak,
    /// A repeated differential result, the causal factor not isolated.
    Strong,
    /// A witness that needs no assumption beyond the controls.
    Proven,
}

/// The word a cell shows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// A witnessed execution or disclosure.
    Allowed,
    /// The call got as far as the privileged one got, without executing.
    Reached,
    /// The call was refused.
    Denied,
    /// A control is missing or the answers do not decide.
    Inconclusive,
    /// Nothing was sent.
    NotTested,
}

impl Access {
    /// Whether the cell decides the question: allowed or denied, not merely reached.
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Allowed | Self::Denied)
    }

    /// The word used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Reached => "reached",
            Self::Denied => "denied",
            Self::Inconclusive => "inconclusive",
            Self::NotTested => "not_tested",
        }
    }
}

/// Which layer decided (oracle §6.3).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// A proxy in front.
    Edge,
    /// The HTTP or server gate: lists are refused as well.
    ServerGate,
    /// The tool gate, before argument validation.
    ToolGateBeforeValidation,
    /// The tool gate, after argument validation.
    ToolGateAfterValidation,
    /// The tool gate; its order relative to validation was not seen.
    ToolGate,
    /// A backend behind the server.
    Backend,
    /// Only the list differs.
    ListingOnly,
    /// Not known.
    Unknown,
}

/// One identity, one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// Subject id.
    pub subject: String,
    /// Identity name.
    pub identity: String,
    /// Whether the identity's list names the subject; absent when the list is not known.
    pub listed: Option<bool>,
    /// The verdict word.
    pub access: Access,
    /// What the deciding answer means.
    pub class: Option<Class>,
    /// Which layer decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
    /// How sure.
    pub confidence: Confidence,
    /// Highest tier used for it.
    pub tier: Option<Tier>,
    /// The row of the decision table it rests on (`D12`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why it is not decided, or what limits the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The flag or configuration that would decide it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Equal outcomes seen in how many attempts.
    #[serde(default)]
    pub attempts: u16,
    /// Scopes the refusal itself named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub challenged_scopes: Vec<String>,
    /// Scopes each of which, added alone to what this token holds, got the same call through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flips: Vec<String>,
    /// The identity's own answers first, then the controls.
    pub exchanges: Vec<ExchangeId>,
}

/// What a door did with a credential, one entry each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GateObservation {
    /// Identity name.
    pub identity: String,
    /// `open-session`, `list-tools`, `unknown-name`, `call-valid`, ….
    pub door: String,
    /// Subject id for calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What it did.
    pub outcome: GateOutcome,
    /// What the answer means.
    pub class: Option<Class>,
    /// The answer.
    pub exchange: ExchangeId,
}

/// Whether a door let a credential past its authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// Refused at the HTTP layer: 401, 403, 400 with a challenge, or a login redirect.
    Refused,
    /// Refused inside an HTTP 200.
    RefusedInBand,
    /// The protocol layer answered: a result, a validation error, an unknown-name error.
    Accepted,
    /// Neither can be told.
    Unclear,
}

/// The cells of one revision and transport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// The revision spoken.
    pub revision: Revision,
    /// The transport used.
    pub transport: Transport,
    /// Identity names in column order.
    pub identities: Vec<String>,
    /// Cells, row by row in subject order.
    pub cells: Vec<Cell>,
    /// How calls were chosen and what the pre-flight showed.
    pub calibration: Calibration,
}

impl Matrix {
    /// A matrix without cells, for a target that could not be asked.
    pub fn empty() -> Self {
        Self {
            revision: Revision::R2026_07,
            transport: Transport::StreamableHttp,
            identities: Vec::new(),
            cells: Vec::new(),
            calibration: Calibration::default(),
        }
    }

    /// The cell of a subject and an identity.
    pub fn cell(&self, subject: &str, identity: &str) -> Option<&Cell> {
        self.cells
            .iter()
            .find(|cell| cell.subject == subject && cell.identity == identity)
    }
}

/// What the pre-flight showed about argument validation (oracle §7.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// What was seen.
    pub validation: ValidationSeen,
    /// The tool that showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The answers it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<ExchangeId>,
    /// One sentence for the report.
    #[serde(default)]
    pub reason: String,
}

/// Whether the server validates arguments before it runs a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidationSeen {
    /// A schema-invalid call of a read-only tool was answered with a validation error.
    Central,
    /// A schema-invalid call executed.
    Lenient,
    /// No read-only tool could show it.
    #[default]
    Unknown,
}
