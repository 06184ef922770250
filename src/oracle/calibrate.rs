//! How each subject may be asked: valid, schema-invalid, as the operator listed, or not at all (§7).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::exchange::Ledger;
use crate::model::matrix::Calibration;
use crate::model::probe::Tier;
use crate::model::settings::ToolRule;
use crate::model::surface::{Subject, Surface};

/// How a subject is asked about.
#[derive(Clone, Debug, PartialEq)]
pub enum Treatment {
    /// A valid call of something that only reads.
    Valid {
        /// The arguments.
        arguments: Value,
    },
    /// A call that breaks every required property.
    Invalid {
        /// The arguments.
        arguments: Value,
        /// The properties they break.
        broken: Vec<String>,
    },
    /// A call that the operator listed.
    ListedCall {
        /// The arguments.
        arguments: Value,
    },
    /// Nothing is sent.
    NotTested {
        /// Why.
        reason: String,
        /// What would allow it.
        decided_by: Option<String>,
    },
}

/// What the operator permits.
#[derive(Clone, Copy, Debug)]
pub struct Permissions<'a> {
    /// What the operator says about tools.
    pub rules: &'a [ToolRule],
    /// Whether valid calls of clearly read-only tools may run.
    pub reads: bool,
    /// Tiers that may run.
    pub tiers: &'a BTreeSet<Tier>,
    /// What the pre-flight showed.
    pub calibration: &'a Calibration,
    /// Goes into generated arguments.
    pub canary: &'a str,
}

/// A schema-invalid call of a read-only tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Preflight<'a> {
    /// The tool.
    pub subject: &'a Subject,
    /// The arguments.
    pub arguments: Value,
    /// The properties they break.
    pub broken: Vec<String>,
}

/// Chooses how to ask about a subject.
pub fn treatment(_subject: &Subject, _permissions: &Permissions<'_>) -> Treatment {
    Treatment::NotTested {
        reason: String::new(),
        decided_by: None,
    }
}

/// The read-only tool that shows whether arguments are validated centrally (ProbeId::Calibrate).
pub fn preflight<'a>(_subjects: &'a [Subject], _rules: &[ToolRule]) -> Option<Preflight<'a>> {
    None
}

/// What the pre-flight answers show.
pub fn calibration(_ledger: &Ledger, _surface: &Surface, _baseline: Option<&str>) -> Calibration {
    Calibration::default()
}
