//! Workflow annotations: a command per finding, escaped so that no text can start another one.

use std::io::Write;

use crate::model::place::Place;
use crate::model::report::Report;
use crate::model::verdict::{Severity, Status};

use super::facts::{self, Item};
use super::{RenderError, Renderer, locations, safe, words};

/// Renders the report as workflow commands, worst finding first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Github;

impl Renderer for Github {
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
        for item in facts::items(report) {
            finding(report, &item, out)?;
        }
        for item in &report.residue {
            let title = format!("Left behind: {}", item.kind);
            let text = format!(
                "{} at {}: {}; undo: {}",
                item.name, item.location, item.reason, item.undo
            );
            command(out, "warning", &title, &text)?;
        }
        for row in &report.coverage {
            if row.status == Status::Inconclusive {
                let flag = row.decided_by.as_deref().unwrap_or("no flag of this tool");
                let title = format!("Not decided: {}", row.title);
                let text = format!("{}; decided by: {flag} [{}]", row.reason, row.check);
                command(out, "notice", &title, &text)?;
            }
        }
        summary(report, out)
    }
}

/// How several targets ended.
pub(super) fn overview(text: &str, out: &mut dyn Write) -> Result<(), RenderError> {
    command(out, "notice", "Audit of several targets", text)
}

fn finding(report: &Report, item: &Item<'_>, out: &mut dyn Write) -> Result<(), RenderError> {
    let finding = item.finding;
    let level = match (item.acceptance, finding.severity) {
        (Some(_), _) | (None, Severity::Low | Severity::Info) => "notice",
        (None, Severity::Medium) => "warning",
        (None, Severity::High | Severity::Critical) => "error",
    };
    let accepted = item.acceptance.map(|accepted| &accepted.reason);
    let accepted = accepted.map_or(String::new(), |reason| format!("; accepted: {reason}"));
    let title = format!("{} ({})", item.title(), finding.severity.as_str());
    let text = format!(
        "{}: {} [{}; {}; id {}]{accepted}",
        safe::fit_middle(&finding.subject, NAME),
        finding.message,
        finding.check,
        words::confidence(finding.confidence),
        finding.fingerprint
    );
    placed(out, level, locations::place(report, finding), &title, &text)
}

fn summary(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let counts: Vec<String> = facts::severities(report)
        .into_iter()
        .map(|(severity, n)| format!("{n} {}", severity.as_str()))
        .collect();
    let findings = match counts.as_slice() {
        [] => "no open finding".to_owned(),
        some => format!("findings: {}", some.join(", ")),
    };
    let text = format!(
        "{}; exit {} {}: {}",
        findings,
        report.outcome.exit_code,
        facts::ending(report),
        report.outcome.meaning
    );
    let title = format!("Audit of {}", report.target.url);
    command(out, "notice", &title, &text)
}

fn command(out: &mut dyn Write, level: &str, title: &str, text: &str) -> Result<(), RenderError> {
    placed(out, level, None, title, text)
}

/// A command at a line of a file, where the runner shows it.
fn placed(
    out: &mut dyn Write,
    level: &str,
    place: Option<&Place>,
    title: &str,
    text: &str,
) -> Result<(), RenderError> {
    let title = property(&safe::fit(title, TITLE));
    let text = data(&safe::fit(text, TEXT));
    match place {
        Some(Place { path, line }) => {
            let path = property(&safe::fit_middle(path, TITLE));
            writeln!(
                out,
                "::{level} file={path},line={line},title={title}::{text}"
            )?;
        }
        None => writeln!(out, "::{level} title={title}::{text}")?,
    }
    Ok(())
}

/// A message, as the runner reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property, which ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

const NAME: usize = 200;
const TITLE: usize = 200;
const TEXT: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_a_command_or_start_another() {
        let mut out = Vec::new();
        let hostile = "x::y,z=1\n::stop-commands::t\r%0A";
        command(&mut out, "error", hostile, hostile).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line.lines().count(), 1);
        assert!(line.starts_with("::error title=x%3A%3Ay%2Cz=1\\n%3A%3Astop-commands"));
        assert!(line.trim_end().ends_with("\\r%250A"));
    }
}
