//! The report: one contract, many renderers. Serialised as `report.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::audit::{Engagement, ResidueItem, SessionRecord};
use super::authorization::FrontChannel;
use super::bypass::Bypass;
use super::canary::CanaryTrial;
use super::client_documents::ClientDocuments;
use super::consequence::Hardening;
use super::discovery::Discovery;
use super::doors::Doors;
use super::exchange::{ExchangeId, Ledger};
use super::handles::{Handles, ObjectTrial};
use super::identity::Identities;
use super::key_documents::KeyDocuments;
use super::ladder::Ladder;
use super::login::Login;
use super::matrix::{Access, Calibration, Cell, Confidence, GateObservation};
use super::place::Place;
use super::policy::{CellBreak, EffectivePolicy, PolicyComparison};
use super::probe::{Plan, Unsettleable};
use super::registration::{Posture, Registration};
use super::surface::{Annotations, DeclaredScheme, Listing, SubjectKind};
use super::target::{Revision, Target, Transport};
use super::token_endpoint::TokenEndpoint;
use super::verdict::{Basis, Finding, Level, Severity, Status};

/// The version of this contract; raised when a member changes its meaning or disappears.
pub const SCHEMA_VERSION: &str = "1.0";

/// The whole report.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of the report format.
    pub schema_version: String,
    /// Name and version of the tool.
    pub tool: ToolInfo,
    /// What was audited.
    pub target: Target,
    /// The rules of the run.
    pub engagement: Engagement,
    /// How the run ended.
    pub outcome: RunOutcome,
    /// The three questions.
    pub answers: Answers,
    /// One matrix per revision and transport.
    pub matrices: Vec<ReportMatrix>,
    /// Differences between matrices.
    pub differences: Vec<MatrixDifference>,
    /// What was seen to open each subject.
    pub effective_policy: EffectivePolicy,
    /// The ladder of narrower tokens, and what challenges are worth.
    #[serde(default, skip_serializing_if = "Ladder::is_empty")]
    pub ladder: Ladder,
    /// The cells against the operator's policy, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyComparison>,
    /// A row for every check, passes included.
    pub coverage: Vec<CoverageRow>,
    /// What is broken.
    pub findings: Vec<Finding>,
    /// Findings the operator accepted.
    pub accepted: Vec<AcceptedFinding>,
    /// Acceptances that match nothing any more, or have expired.
    pub stale_acceptances: Vec<StaleAcceptance>,
    /// What was not decided, and what would decide it.
    pub undecided: Vec<Unsettleable>,
    /// What the run left behind.
    pub residue: Vec<ResidueItem>,
    /// Sessions opened and whether they were closed.
    pub sessions: Vec<SessionRecord>,
    /// Who asked.
    pub identities: Identities,
    /// What the target publishes.
    pub discovery: Discovery,
    /// Registration per authorization server.
    pub registrations: Vec<Registration>,
    /// Token endpoints, asked without a user.
    pub token_endpoints: Vec<TokenEndpoint>,
    /// What each authorization endpoint does before a login.
    #[serde(default)]
    pub front_channels: Vec<FrontChannel>,
    /// Logins of people, and what was tried with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logins: Vec<Login>,
    /// Client ID metadata documents per authorization server.
    #[serde(default)]
    pub client_documents: Vec<ClientDocuments>,
    /// Keys that wrong tokens pointed at; absent where no such token was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_documents: Option<KeyDocuments>,
    /// What was learned at the doors beside tools.
    #[serde(default)]
    pub doors: Doors,
    /// Calls on objects of the run's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canaries: Vec<CanaryTrial>,
    /// Objects that the operator named, and who got them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectTrial>,
    /// What was handed to one identity and tried with another.
    #[serde(default)]
    pub handles: Handles,
    /// What was tried to get round refusals, and what came of it.
    #[serde(default)]
    pub bypass: Bypass,
    /// Lists as each identity sees them.
    pub listings: Vec<Listing>,
    /// What each door did with each credential.
    pub gates: Vec<GateObservation>,
    /// What was planned.
    pub plan: Plan,
    /// How many requests went out.
    pub requests: RequestCounts,
    /// Every exchange, redacted.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub ledger: Ledger,
}

/// Name and version of the tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolInfo {
    /// `mcp-assay`.
    pub name: String,
    /// Semantic version.
    pub version: String,
}

/// How the run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunOutcome {
    /// The process exit code.
    pub exit_code: u8,
    /// What that code means here, one sentence.
    pub meaning: String,
    /// Whether the operator interrupted the run.
    pub interrupted: bool,
    /// Decided cells (allowed or denied) in the first matrix.
    pub decided_cells: usize,
    /// All cells in the first matrix.
    pub cells: usize,
}

/// The three questions a buyer asks.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Answers {
    /// Which clients can connect?
    pub clients: ClientsAnswer,
    /// Which tools can an agent invoke?
    pub tools: ToolsAnswer,
    /// What data can those tools access?
    pub data: DataAnswer,
}

/// Which clients can connect?
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClientsAnswer {
    /// One sentence that a person could say aloud.
    pub sentence: String,
    /// How sure.
    pub confidence: Confidence,
    /// Admission paths with their gates.
    pub paths: Vec<AdmissionPath>,
    /// Dynamic client registration.
    pub registration: RegistrationAnswer,
    /// What MCP says about registration in the audited revision.
    pub specification: String,
    /// Findings behind the answer, by fingerprint.
    pub findings: Vec<String>,
    /// Exchanges behind the answer.
    pub exchanges: Vec<ExchangeId>,
}

/// One way for a client to be admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdmissionPath {
    /// `dynamic registration`, `client ID metadata document`, `unregistered client`,
    /// `enterprise-managed authorization`, `pre-registration`, `no authorization`.
    pub path: String,
    /// `none`, `consent only`, `domain policy`, `initial access token`, `software statement`,
    /// `source policy`, `operator-registered`, `enterprise IdP`, `not determined`. `consent only`
    /// stands for the user's login and consent, which admit a user, not a client.
    pub gate: String,
    /// The issuer it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The exchanges that show the way and its gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<ExchangeId>,
}

/// The posture of dynamic client registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistrationAnswer {
    /// `D0`…`D5` or `undetermined`.
    pub posture: Posture,
    /// How sure.
    pub confidence: Confidence,
    /// Why, or what would determine it.
    pub reason: String,
    /// The flag that would determine it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// The exchanges it rests on.
    pub exchanges: Vec<ExchangeId>,
    /// Limits that make an open endpoint bearable, as far as they were seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hardening: Vec<Hardening>,
}

/// How tools are guarded.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// Scope decides tool by tool.
    PerTool,
    /// Some tools are guarded by scope and others that should be are not.
    Partial,
    /// One gate for the whole server.
    ServerOnly,
    /// Nothing depends on the token's scopes.
    None,
    /// Not decided.
    Undetermined,
}

impl Enforcement {
    /// The word used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PerTool => "per_tool",
            Self::Partial => "partial",
            Self::ServerOnly => "server_only",
            Self::None => "none",
            Self::Undetermined => "undetermined",
        }
    }
}

/// Which tools can an agent invoke?
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ToolsAnswer {
    /// One sentence that a person could say aloud.
    pub sentence: String,
    /// The word for the whole server.
    pub enforcement: Enforcement,
    /// How sure.
    pub confidence: Confidence,
    /// How many tools stand behind which word.
    pub counts: ToolCounts,
    /// Tools that break enforcement, by name.
    pub broken_by: Vec<String>,
    /// How much of it was decided.
    pub coverage: CellCoverage,
    /// Findings behind the answer, by fingerprint.
    pub findings: Vec<String>,
    /// Exchanges behind the answer: those of the findings, and for each tool a call that was let in
    /// and one that was refused, as far as there is room.
    pub exchanges: Vec<ExchangeId>,
}

/// How many cells stand behind an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CellCoverage {
    /// Cells that are allowed or denied.
    pub decided: usize,
    /// All of them.
    pub cells: usize,
}

/// What the cells say about tools, before the findings are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolEnforcement {
    /// The word for the whole server.
    pub enforcement: Enforcement,
    /// How sure.
    pub confidence: Confidence,
    /// How many tools stand behind which word.
    pub counts: ToolCounts,
    /// Tools that break enforcement, by name.
    pub broken_by: Vec<String>,
    /// How much of it was decided.
    pub coverage: CellCoverage,
    /// For each tool a call that was let in and one that was refused, as far as there is room.
    pub exchanges: Vec<ExchangeId>,
    /// One sentence that a person could say aloud.
    pub sentence: String,
}

/// Tools by what was seen of their gate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCounts {
    /// Refused to at least one valid identity and allowed to another.
    pub guarded_by_scope: usize,
    /// Allowed to every valid identity that was tested.
    pub open_to_every_token: usize,
    /// Allowed without a token.
    pub open_without_token: usize,
    /// Not decided.
    pub undecided: usize,
    /// All tools.
    pub total: usize,
}

/// What data can those tools access?
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DataAnswer {
    /// One sentence that a person could say aloud.
    pub sentence: String,
    /// How sure.
    pub confidence: Confidence,
    /// Whether tokens for other resources were refused.
    pub audience: String,
    /// Whether another tenant's or user's data was reachable.
    pub tenant: String,
    /// Results for resources and resource templates.
    pub resources: String,
    /// Results for prompts.
    pub prompts: String,
    /// How much of it was decided, beside the audience.
    pub coverage: CellCoverage,
    /// Findings behind the answer, by fingerprint.
    pub findings: Vec<String>,
    /// Exchanges behind the answer.
    pub exchanges: Vec<ExchangeId>,
}

/// A row label of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportSubject {
    /// `tool/delete_note`.
    pub id: String,
    /// What it is.
    pub kind: SubjectKind,
    /// Its name.
    pub name: String,
    /// Behaviour hints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Scopes it declares for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Vec<DeclaredScheme>>,
    /// SHA-256 of its title and description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_sha256: Option<String>,
    /// SHA-256 of its input schema, members sorted, or of a prompt's arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_sha256: Option<String>,
}

/// The cells of one revision and transport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportMatrix {
    /// The revision spoken.
    pub revision: Revision,
    /// The transport used.
    pub transport: Transport,
    /// Identity names in column order.
    pub identities: Vec<String>,
    /// Row labels in order.
    pub subjects: Vec<ReportSubject>,
    /// Cells, row by row.
    pub cells: Vec<Cell>,
    /// What the pre-flight showed.
    pub calibration: Calibration,
    /// Cells that are not as they should be, by the word of the policy or of the server itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<CellBreak>,
}

/// A cell that differs between two matrices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixDifference {
    /// Subject id.
    pub subject: String,
    /// Identity name.
    pub identity: String,
    /// The word in each matrix, by revision.
    pub access: Vec<(Revision, Access)>,
}

/// One check's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageRow {
    /// Check id.
    pub check: String,
    /// Title.
    pub title: String,
    /// Requirement ids.
    pub requirements: Vec<String>,
    /// The word.
    pub status: Status,
    /// Default severity of its findings.
    pub severity: Severity,
    /// Strength of the requirement in the audited revision.
    pub level: Level,
    /// What it rests on.
    pub basis: Basis,
    /// The words a report may use for a breach: `violates MCP 2025-11-25`, `posture`, ….
    pub wording: String,
    /// Why this word.
    pub reason: String,
    /// The flag or configuration that would decide it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Fingerprints of its findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// A finding with the operator's reason for living with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptedFinding {
    /// The finding.
    pub finding: Finding,
    /// The reason given.
    pub reason: String,
    /// Last day of validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// An acceptance that no longer does anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaleAcceptance {
    /// Check id.
    pub check: String,
    /// Subject pattern; every subject when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The reason given.
    pub reason: String,
    /// Why it is stale: matches nothing, or expired.
    pub problem: String,
    /// Where the configuration says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Fingerprint of the finding that it is.
    #[serde(default)]
    pub finding: String,
}

/// How many requests went out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestCounts {
    /// All of them.
    pub total: usize,
    /// By tier.
    pub by_tier: std::collections::BTreeMap<String, usize>,
    /// By probe.
    pub by_probe: std::collections::BTreeMap<String, usize>,
    /// Cells asked about directly, without the controls.
    pub cell_requests: usize,
    /// Controls: baselines, repeats, calibration, liveness.
    pub control_requests: usize,
}
