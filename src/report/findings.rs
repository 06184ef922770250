//! The findings section: what is broken, how sure that is, and what to do. No finding is dropped.

use crate::model::report::{CoverageRow, Report};
use crate::model::verdict::{Finding, Part, Severity};

use super::text::{Page, Tone};
use super::words;

/// Writes findings by check, then those that were accepted.
pub(super) fn write(page: &mut Page, report: &Report) {
    let unusable = report.discovery.unusable.is_some();
    page.section(&match (report.findings.len(), unusable) {
        (0, false) => "FINDINGS: none".to_owned(),
        (0, true) => "FINDINGS: none, since nothing could be audited".to_owned(),
        (n, false) => format!("FINDINGS ({n})"),
        // What can be said without a server is about the configuration alone.
        (n, true) => format!("FINDINGS ({n}), of the configuration; nothing could be audited"),
    });
    for group in by_check(&report.findings) {
        let row = group.first().and_then(|finding| {
            report
                .coverage
                .iter()
                .find(|row| row.check == finding.check)
        });
        check(page, &group, row);
    }
    accepted(page, report);
}

/// Findings of one check side by side, checks in the order of their worst finding.
fn by_check(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        let known = groups
            .iter_mut()
            .find(|group| group.iter().any(|first| first.check == finding.check));
        match known {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups.sort_by_key(|group| {
        let worst = group.iter().map(|finding| finding.severity).max();
        std::cmp::Reverse(worst)
    });
    groups
}

fn check(page: &mut Page, findings: &[&Finding], row: Option<&CoverageRow>) {
    let Some(first) = findings.first() else {
        return;
    };
    let worst = findings
        .iter()
        .map(|finding| finding.severity)
        .max()
        .unwrap_or(first.severity);
    page.blank();
    let title = row.map_or(first.check.as_str(), |row| row.title.as_str());
    page.pair(
        2,
        LEFT,
        (tone(worst), &worst.as_str().to_uppercase()),
        (Tone::Heading, title),
    );
    if let Some(row) = row {
        let text = format!("{}; {}", row.status.as_str(), row.wording);
        page.text(BODY, Tone::Plain, &text);
    }
    for finding in findings {
        let mut text = format!("{}: {}", finding.subject, finding.message);
        if finding.severity != worst {
            text = format!("{text} ({})", finding.severity.as_str());
        }
        page.pair(BODY, 2, (Tone::Plain, "-"), (Tone::Plain, &text));
        let text = format!(
            "{}; evidence {}; id {}",
            words::confidence(finding.confidence),
            evidence(finding),
            finding.fingerprint
        );
        page.text(BODY + 2, Tone::Muted, &text);
    }
    let text = format!("mcp-assay explain {}", first.check);
    page.labelled(BODY, "what to do", Tone::Cool, &text);
}

/// Where to look, the primary place first.
fn evidence(finding: &Finding) -> String {
    let mut cites: Vec<_> = finding.cites.iter().collect();
    cites.sort_by_key(|cite| !cite.primary);
    let places: Vec<String> = cites
        .into_iter()
        .map(|cite| {
            let part = match &cite.part {
                Part::Status => "status".to_owned(),
                Part::Header(name) => name.clone(),
                Part::AbsentHeader(name) => format!("no {name}"),
                Part::Pointer(pointer) => pointer.clone(),
                Part::Body => "body".to_owned(),
                Part::Request => "request".to_owned(),
            };
            format!("{} {part} ({})", cite.exchange, cite.says)
        })
        .collect();
    match (&finding.place, places.as_slice()) {
        (Some(place), []) => place.to_string(),
        (None, []) => "-".to_owned(),
        _ => places.join(", "),
    }
}

fn accepted(page: &mut Page, report: &Report) {
    if !report.accepted.is_empty() {
        page.section(&format!("ACCEPTED ({})", report.accepted.len()));
    }
    for item in &report.accepted {
        let finding = &item.finding;
        let until = item
            .expires
            .as_ref()
            .map_or(String::new(), |day| format!(" until {day}"));
        let text = format!(
            "{} {} on {}, accepted{until}: {}; id {}",
            finding.severity.as_str(),
            finding.check,
            finding.subject,
            item.reason,
            finding.fingerprint
        );
        page.text(2, Tone::Plain, &text);
    }
}

const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical | Severity::High => Tone::Bad,
        Severity::Medium => Tone::Caution,
        Severity::Low | Severity::Info => Tone::Cool,
    }
}

const LEFT: usize = 10;
const BODY: usize = 2 + LEFT;
