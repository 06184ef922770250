//! Accepted findings: which stay, which go, and which acceptances have outlived their purpose.

use crate::model::report::{AcceptedFinding, CoverageRow, StaleAcceptance};
use crate::model::rules::Rules;
use crate::model::settings::Acceptance;
use crate::model::verdict::{Finding, Status};

/// Findings split by the operator's acceptances.
pub(super) struct Split {
    pub(super) open: Vec<Finding>,
    pub(super) accepted: Vec<AcceptedFinding>,
    pub(super) stale: Vec<StaleAcceptance>,
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
    let stale = acceptances.iter().filter_map(|acceptance| {
        let problem = expired(acceptance).or_else(|| {
            complete
                .then(|| pointless(acceptance, &findings, rules, coverage))
                .flatten()
        })?;
        Some(StaleAcceptance {
            check: acceptance.check.clone(),
            reason: acceptance.reason.clone(),
            problem,
        })
    });
    let mut split = Split {
        stale: stale.collect(),
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

fn expired(acceptance: &Acceptance) -> Option<String> {
    let day = acceptance.expires.as_deref().unwrap_or("an unknown day");
    acceptance
        .expired
        .then(|| format!("expired after {day}; renew or remove it"))
}

fn pointless(
    acceptance: &Acceptance,
    findings: &[Finding],
    rules: &Rules,
    coverage: &[CoverageRow],
) -> Option<String> {
    let check = &acceptance.check;
    if findings.iter().any(|finding| covers(acceptance, finding)) {
        return None;
    }
    match coverage.iter().find(|row| row.check == *check) {
        // A check that was left out or not decided says nothing about its acceptance.
        Some(row) if row.status == Status::Inconclusive => None,
        Some(_) => Some("matches no finding any more; remove it".to_owned()),
        None if rules.skip.contains(check) => None,
        None if !rules.only.is_empty() && !rules.only.contains(check) => None,
        None => Some(format!(
            "there is no check named `{check}`; see `mcp-assay checks`"
        )),
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
