//! PRIM-03: a refused call stays refused when its method is spelled otherwise.
//!
//! JSON-RPC 2.0 §4: a method is a string and compared as one.

use crate::checks::evidence::Evidence;
use crate::checks::ways;
use crate::model::probe::ProbeId;
use crate::model::verdict::Verdict;

/// Reads what the forms of refused calls came to.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    ways::judge(
        evidence,
        ProbeId::MethodSpelling,
        "by another spelling of its method",
    )
}
