//! A run held to an earlier one: only what is new or worse fails it.

use crate::model::report::Report;
use crate::model::verdict::{Severity, Status};

use super::Diff;
use crate::report::exit;
use crate::report::words;

/// Sets the outcome by what is new or worse; a run that is incomplete, refused or interrupted
/// stays so.
pub fn gate(report: &mut Report, diff: &Diff, fail_on: Severity, strict: bool) {
    let outcome = &mut report.outcome;
    if !matches!(outcome.exit_code, exit::CLEAN | exit::FINDINGS) {
        return;
    }
    let worse = diff.regressions.iter();
    let worse = worse.filter(|change| change.severity >= fail_on).count();
    let open = report.coverage.iter();
    let open = open
        .filter(|row| row.status == Status::Inconclusive)
        .count();
    let since = format!("since the baseline of {}", diff.old.started);
    let old = std::mem::take(&mut outcome.meaning);
    let threshold = fail_on.as_str();
    (outcome.exit_code, outcome.meaning) = if worse > 0 {
        let n = words::count(worse, "regression");
        (
            exit::FINDINGS,
            format!("{n} at or above {threshold} {since}; in all {old}"),
        )
    } else if strict && open > 0 {
        let n = words::count(open, "check");
        (
            exit::INCOMPLETE,
            format!("{n} not decided, and --strict is set; nothing worse {since}"),
        )
    } else {
        (
            exit::CLEAN,
            format!("nothing at or above {threshold} is new or worse {since}; in all {old}"),
        )
    };
}
