//! One word and one sentence for how the tools are guarded.

use crate::model::identity::Identities;
use crate::model::matrix::{Confidence, Matrix};
use crate::model::report::{Enforcement, ToolCounts};
use crate::model::settings::PolicyEntry;
use crate::model::surface::Surface;

/// How the tools are guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnforcementAnswer {
    /// The word.
    pub enforcement: Enforcement,
    /// How sure.
    pub confidence: Confidence,
    /// How many tools stand behind which word.
    pub counts: ToolCounts,
    /// Tools that break enforcement, by name.
    pub broken_by: Vec<String>,
    /// One sentence that a person could say aloud.
    pub sentence: String,
}

/// Answers the question which tools an agent can invoke.
pub fn enforcement(
    _matrix: &Matrix,
    _identities: &Identities,
    _surface: &Surface,
    _policy: &[PolicyEntry],
) -> EnforcementAnswer {
    EnforcementAnswer {
        enforcement: Enforcement::Undetermined,
        confidence: Confidence::Inconclusive,
        counts: ToolCounts::default(),
        broken_by: Vec::new(),
        sentence: String::new(),
    }
}
