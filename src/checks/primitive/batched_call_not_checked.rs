//! PRIM-07: a refused call stays refused inside a JSON array.
//!
//! MCP 2025-03-26 §Batching; one message per request from 2025-06-18 on.

use crate::checks::evidence::Evidence;
use crate::checks::ways;
use crate::model::probe::ProbeId;
use crate::model::verdict::Verdict;

/// Reads what the forms of refused calls came to.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    ways::judge(evidence, ProbeId::CallInArray, "inside a JSON array")
}
