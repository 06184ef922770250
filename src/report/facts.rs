//! What several renderers ask of a report: findings with their rows and pages, places, names.

use crate::checks::page::Page;
use crate::checks::requirements::{Area, requirement};
use crate::checks::{self, Check};
use crate::model::exchange::{Exchange, Outcome};
use crate::model::report::{AcceptedFinding, CoverageRow, Report};
use crate::model::verdict::{Cite, Finding, Part, Severity, Status};

use super::exit;

/// A finding with everything that is known about it.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) finding: &'a Finding,
    pub(super) row: Option<&'a CoverageRow>,
    pub(super) page: Option<&'static Page>,
    /// The operator's acceptance, when there is one.
    pub(super) acceptance: Option<&'a AcceptedFinding>,
}

impl Item<'_> {
    /// The defect in words.
    pub(super) fn title(&self) -> &str {
        self.row.map_or(&*self.finding.check, |row| &*row.title)
    }
}

/// Every finding, open ones first, worst first; accepted ones follow.
pub(super) fn items(report: &Report) -> Vec<Item<'_>> {
    let open = report.findings.iter().map(|finding| (finding, None));
    let accepted = report.accepted.iter();
    let accepted = accepted.map(|accepted| (&accepted.finding, Some(accepted)));
    open.chain(accepted)
        .map(|(finding, acceptance)| Item {
            finding,
            row: row(report, &finding.check),
            page: page(&finding.check),
            acceptance,
        })
        .collect()
}

/// The coverage row of a check.
pub(super) fn row<'a>(report: &'a Report, check: &str) -> Option<&'a CoverageRow> {
    report.coverage.iter().find(|row| row.check == check)
}

/// The page of a check; a report of another version may know checks that are gone.
pub(super) fn page(check: &str) -> Option<&'static Page> {
    checks::find(check)
        .map(Check::page)
        .or_else(|| checks::own::page(check))
}

/// The area of a row: that of its first requirement.
pub(super) fn area(row: &CoverageRow) -> Option<Area> {
    let id = row.requirements.first()?;
    if let Some(known) = requirement(id) {
        return Some(known.area);
    }
    let prefix = id.split('-').next()?;
    Area::ALL.into_iter().find(|area| area.prefix() == prefix)
}

/// The exchanges behind a finding, the primary one first, each once.
pub(super) fn exchanges<'a>(report: &'a Report, finding: &Finding) -> Vec<&'a Exchange> {
    let mut cites: Vec<&Cite> = finding.cites.iter().collect();
    cites.sort_by_key(|cite| !cite.primary);
    let mut found: Vec<&Exchange> = Vec::new();
    for cite in cites {
        if let Some(exchange) = report.ledger.exchange(cite.exchange)
            && !found.iter().any(|known| known.id == exchange.id)
        {
            found.push(exchange);
        }
    }
    found
}

/// The part of an exchange in words.
pub(super) fn part(part: &Part) -> String {
    match part {
        Part::Status => "status".to_owned(),
        Part::Header(name) => name.clone(),
        Part::AbsentHeader(name) => format!("no {name}"),
        Part::Pointer(pointer) => pointer.clone(),
        Part::Body => "body".to_owned(),
        Part::Request => "request".to_owned(),
    }
}

/// What came of an exchange, in a word or two.
pub(super) fn outcome(exchange: &Exchange) -> String {
    match &exchange.outcome {
        Outcome::Response(response) => response.status.to_string(),
        Outcome::Failure(failure) => failure.text.clone(),
    }
}

/// What an exchange asked and as whom.
pub(super) fn asked(exchange: &Exchange) -> String {
    format!("{} as {}", exchange.probe.id.as_str(), exchange.identity)
}

/// The part of an exchange that a cite points at, unless that is its status.
pub(super) fn beside_status(cite: &Cite) -> Option<String> {
    (cite.part != Part::Status).then(|| part(&cite.part))
}

/// Host and port of the target.
pub(super) fn host(report: &Report) -> String {
    let url = url::Url::parse(&report.target.url).ok();
    let host = url.as_ref().and_then(|url| {
        let host = url.host_str()?;
        Some(
            url.port()
                .map_or(host.to_owned(), |port| format!("{host}:{port}")),
        )
    });
    host.unwrap_or_else(|| "unknown".to_owned())
}

/// The revision that was audited.
pub(super) fn revision(report: &Report) -> &'static str {
    let audited = report.discovery.audited.as_ref();
    audited.map_or("not negotiated", |served| served.revision.as_str())
}

/// The name of the exit code.
pub(super) fn ending(report: &Report) -> &'static str {
    exit::name(report.outcome.exit_code)
}

/// The rows of checks of the target; what is said about the operator's own entries is none.
pub(super) fn checks(report: &Report) -> impl Iterator<Item = &CoverageRow> {
    let rows = report.coverage.iter();
    rows.filter(|row| checks::own::page(&row.check).is_none())
}

/// How many checks ended with each word, in the order of the words.
pub(super) fn tally(report: &Report) -> Vec<(Status, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for row in checks(report) {
        *counts.entry(row.status).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// Open findings by severity, worst first, severities without findings left out.
pub(super) fn severities(report: &Report) -> Vec<(Severity, usize)> {
    let count = |severity: Severity| {
        let findings = report.findings.iter();
        findings
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let all = Severity::ALL.into_iter().rev();
    all.map(|severity| (severity, count(severity)))
        .filter(|(_, n)| *n > 0)
        .collect()
}
