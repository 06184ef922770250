//! PRIM-09: a tool's name means the same to the gate and to the dispatcher.
//!
//! MCP §Tool Names; RFC 8259 §4 for members of equal name.

use crate::checks::evidence::Evidence;
use crate::checks::ways;
use crate::model::probe::ProbeId;
use crate::model::verdict::Verdict;

/// Reads what the forms of refused calls came to.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    ways::judge(
        evidence,
        ProbeId::NameSpelling,
        "under another spelling of its name",
    )
}
