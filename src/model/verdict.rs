//! What a judge returns, what a report shows, and the rule between the two.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;
use super::matrix::Confidence;
use super::place::Place;

/// How much a finding matters when it is true.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Weakens one layer of several.
    Low,
    /// A guarantee is missing.
    Medium,
    /// A guarantee is broken for some callers.
    High,
    /// A stranger gets what only a chosen caller should.
    Critical,
}

impl Severity {
    /// Every severity, least first.
    pub const ALL: [Self; 5] = [
        Self::Info,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The word used in flags and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a requirement rests on; it bounds the words a report may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Basis {
    /// A normative sentence of a dated MCP revision.
    N,
    /// An RFC that the revision tells the party to follow.
    R,
    /// MCP guidance outside the specification.
    G,
    /// An optional extension that the target claims.
    X,
    /// Hardening without any MUST behind it.
    H,
}

/// The strength of the requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// MUST, MUST NOT, REQUIRED.
    Must,
    /// SHOULD, SHOULD NOT, RECOMMENDED.
    Should,
    /// MAY, or a posture fact.
    May,
}

/// The words a coverage row shows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The requirement holds.
    Pass,
    /// A binding requirement is broken.
    Fail,
    /// A recommendation, guidance or hardening rule is not met.
    Warn,
    /// Not decided.
    Inconclusive,
    /// Does not apply to this target.
    NotApplicable,
    /// A fact without a verdict.
    Observed,
}

impl Status {
    /// The word used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Warn => "WARN",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::NotApplicable => "N/A",
            Self::Observed => "OBSERVED",
        }
    }
}

/// The part of an exchange a citation points at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The status line, or the failure when there is no response.
    Status,
    /// A response header field.
    Header(String),
    /// That a response header field is absent.
    AbsentHeader(String),
    /// A JSON pointer into the response body (RFC 6901).
    Pointer(String),
    /// The response body as a whole.
    Body,
    /// The request.
    Request,
}

/// A pointer from a finding into the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cite {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The part.
    pub part: Part,
    /// What it shows, in a few words.
    pub says: String,
    /// Whether this is the one place to look first.
    #[serde(default)]
    pub primary: bool,
}

/// One broken thing, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Check id.
    pub check: String,
    /// What it is about: a tool, an endpoint, a metadata member, an identity.
    pub subject: String,
    /// One sentence with the actual and the expected value.
    pub message: String,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// Where to look; exactly one primary. None where the finding is about the configuration.
    pub cites: Vec<Cite>,
    /// The line of the configuration it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Stable across runs: hash of check, subject and target resource. Set by the audit.
    #[serde(default)]
    pub fingerprint: String,
}

/// What a judge returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The requirement holds.
    Held(String),
    /// It does not; at least one finding.
    Broken(Vec<Finding>),
    /// A shortfall that does not break the requirement, whatever its level; at least one finding.
    Advisory(Vec<Finding>),
    /// It cannot be decided.
    Inconclusive {
        /// Why.
        reason: String,
        /// The flag or configuration that would decide it.
        decided_by: Option<String>,
    },
    /// It does not apply.
    NotApplicable(String),
    /// A fact worth reporting.
    Observed(String),
}

impl Verdict {
    /// An inconclusive verdict that no flag would settle.
    pub fn inconclusive(reason: impl Into<String>) -> Self {
        Self::Inconclusive {
            reason: reason.into(),
            decided_by: None,
        }
    }

    /// An inconclusive verdict that a flag or a configuration would settle.
    pub fn undecided(reason: impl Into<String>, decided_by: impl Into<String>) -> Self {
        Self::Inconclusive {
            reason: reason.into(),
            decided_by: Some(decided_by.into()),
        }
    }

    /// The findings it carries.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Broken(findings) | Self::Advisory(findings) => findings,
            _ => &[],
        }
    }

    /// The status that a report shows: a pure function of verdict, level and basis.
    pub const fn status(&self, level: Level, basis: Basis) -> Status {
        match self {
            Self::Held(_) => Status::Pass,
            Self::Broken(_) => match (level, basis) {
                (Level::Must, Basis::N | Basis::R | Basis::X) => Status::Fail,
                _ => Status::Warn,
            },
            Self::Advisory(_) => Status::Warn,
            Self::Inconclusive { .. } => Status::Inconclusive,
            Self::NotApplicable(_) => Status::NotApplicable,
            Self::Observed(_) => Status::Observed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_binding_requirements_fail() {
        let broken = Verdict::Broken(Vec::new());
        assert_eq!(broken.status(Level::Must, Basis::N), Status::Fail);
        assert_eq!(broken.status(Level::Must, Basis::R), Status::Fail);
        assert_eq!(broken.status(Level::Should, Basis::N), Status::Warn);
        assert_eq!(broken.status(Level::Must, Basis::G), Status::Warn);
        assert_eq!(broken.status(Level::Must, Basis::H), Status::Warn);
        assert_eq!(
            Verdict::Held(String::new()).status(Level::Must, Basis::N),
            Status::Pass
        );
    }

    #[test]
    fn an_advisory_warns_even_inside_a_binding_requirement() {
        let advisory = Verdict::Advisory(Vec::new());
        assert_eq!(advisory.status(Level::Must, Basis::N), Status::Warn);
        assert_eq!(advisory.status(Level::May, Basis::H), Status::Warn);
    }
}
