//! PRIM-03: a refused call stays refused whatever form its arguments have.
//!
//! MCP §Calling Tools: `arguments` is an object.

use crate::checks::evidence::Evidence;
use crate::checks::ways;
use crate::model::probe::ProbeId;
use crate::model::verdict::Verdict;

/// Reads what the forms of refused calls came to.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    ways::judge(
        evidence,
        ProbeId::ArgumentsForm,
        "with its arguments in another form",
    )
}
