//! Several targets in one run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{Report, ToolInfo};

/// The reports of several targets in one document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Reports {
    /// Version of the report format; that of every report in it.
    pub schema_version: String,
    /// Name and version of the tool.
    pub tool: ToolInfo,
    /// One per target that was reported on, in the order in which the operator named them.
    pub reports: Vec<Report>,
    /// How the run ended.
    pub outcome: FleetOutcome,
}

/// How a run against several targets ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FleetOutcome {
    /// The process exit code: the worst of all targets.
    pub exit_code: u8,
    /// Every target, in the order in which the operator named them.
    pub targets: Vec<TargetOutcome>,
}

/// How the audit of one of them ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetOutcome {
    /// What the operator calls it, or its URL.
    pub name: String,
    /// What stands for it in names of files.
    pub key: String,
    /// The endpoint.
    pub url: String,
    /// Its exit code.
    pub exit_code: u8,
    /// What that code means here, one sentence.
    pub meaning: String,
    /// The three answers; none when there is no report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Sentences>,
}

/// The three answers in a sentence each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sentences {
    /// Which clients can connect?
    pub clients: String,
    /// Which tools can an agent invoke?
    pub tools: String,
    /// What data can those tools access?
    pub data: String,
}
