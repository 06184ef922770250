//! TOK-12: of two tokens in one request, the one that is not verified does not decide.
//!
//! RFC 6750 §2 and §3.1: HTTP 400 `invalid_request`.

use crate::checks::evidence::Evidence;
use crate::checks::ways;
use crate::model::probe::ProbeId;
use crate::model::verdict::Verdict;

/// Reads what refused calls came to that carried a forged token beside the caller's own.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    ways::judge(
        evidence,
        ProbeId::TwoTokens,
        "with a copy of the stronger token beside the caller's own, its signature broken",
    )
}
