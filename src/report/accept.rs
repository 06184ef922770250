//! Accepted findings: which stay, which go, and what each acceptance is still good for.

use crate::checks;
use crate::model::report::{AcceptedFinding, CoverageRow};
use crate::model::rules::Rules;
use crate::model::settings::Acceptance;
use crate::model::verdict::{Finding, Status};

/// Findings split by the operator's acceptances.
pub(super) struct Split {
    pub(super) open: Vec<Finding>,
    pub(super) accepted: Vec<AcceptedFinding>,
    /// What became of each acceptance, in the operator's order.
    pub(super) standings: Vec<Standing>,
}

/// What an acceptance is still good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It covers a finding.
    Used,
    /// Its day has passed.
    Expired,
    /// It covers nothing, and its check was judged.
    Unused,
    /// There is no such check.
    Unknown,
    /// Its check was not decided, or the audit was cut short.
    Undecided,
    /// Its check was left out.
    LeftOut,
}

/// Splits findings by acceptances; an expired acceptance accepts nothing. `complete` tells
/// whether the audit was carried through, so that a missing finding means something.
pub(super) fn split(
    findings: Vec<Finding>,
    rules: &Rules,
    coverage: &[CoverageRow],
    complete: bool,
) -> Split {
    let acceptances = &rules.accept;
    let standing = |acceptance| standing(acceptance, &findings, rules, coverage, complete);
    let mut split = Split {
        standings: acceptances.iter().map(standing).collect(),
        open: Vec::new(),
        accepted: Vec::new(),
    };
    for finding in findings {
        let acceptance = acceptances
            .iter()
            .find(|acceptance| !acceptance.expired && covers(acceptance, &finding));
        match acceptance {
            Some(acceptance) => split.accepted.push(AcceptedFinding {
                finding,
                reason: acceptance.reason.clone(),
                expires: acceptance.expires.clone(),
            }),
            None => split.open.push(finding),
        }
    }
    split
}

fn standing(
    acceptance: &Acceptance,
    findings: &[Finding],
    rules: &Rules,
    coverage: &[CoverageRow],
    complete: bool,
) -> Standing {
    let check = &acceptance.check;
    if acceptance.expired {
        return Standing::Expired;
    }
    if findings.iter().any(|finding| covers(acceptance, finding)) {
        return Standing::Used;
    }
    let row = coverage.iter().find(|row| row.check == *check);
    match row.map(|row| row.status) {
        _ if !complete => Standing::Undecided,
        Some(Status::Inconclusive) => Standing::Undecided,
        Some(_) => Standing::Unused,
        None if checks::find(check).is_some() || rules.skip.contains(check) => Standing::LeftOut,
        None => Standing::Unknown,
    }
}

fn covers(acceptance: &Acceptance, finding: &Finding) -> bool {
    acceptance.check == finding.check
        && acceptance
            .subject
            .as_deref()
            .is_none_or(|pattern| matches_pattern(pattern, &finding.subject))
}

/// `*` stands for any run of characters; everything else for itself.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let Some(tail) = parts.pop() else {
        return true;
    };
    for part in parts {
        let Some((_, after)) = text.split_once(part) else {
            return false;
        };
        text = after;
    }
    text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_any_run_and_nothing_else_is_special() {
        for (pattern, text) in [
            ("tool/a", "tool/a"),
            ("tool/*", "tool/delete_note"),
            ("*_note", "tool/delete_note"),
            ("tool/*_*te", "tool/delete_note"),
            ("*", ""),
            ("**", "x"),
            ("a*", "a"),
        ] {
            assert!(matches_pattern(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("tool/a", "tool/ab"),
            ("tool/*x", "tool/delete_note"),
            ("a*a", "a"),
            ("tool/?", "tool/a"),
            ("*b*", "aca"),
            ("", "a"),
        ] {
            assert!(!matches_pattern(pattern, text), "{pattern} {text}");
        }
    }
}
