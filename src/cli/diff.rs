//! `diff`, and the baseline of an audit: two reports side by side.

use std::path::Path;

use super::args::{DiffArgs, DiffFormat, Global, SeverityWord};
use super::{DONE, Outcome, session};
use crate::config;
use crate::evidence::deep;
use crate::model::report::{Report, SCHEMA_VERSION};
use crate::model::verdict::Severity;
use crate::report::diff::{self, Diff};
use crate::report::{exit, inert_json};

pub(crate) fn run(args: &DiffArgs, global: &Global) -> Outcome {
    let diff = diff::compare(&read(&args.old)?, &read(&args.new)?);
    let style = session::style(global, true, true);
    let text = match args.format {
        DiffFormat::Table => diff::table(&diff, style),
        DiffFormat::Json => inert_json(&diff)?,
        DiffFormat::Markdown => diff::markdown(&diff),
    };
    session::put("-", text.as_bytes())?;
    let threshold = args.fail_on.map_or(Severity::Low, SeverityWord::severity);
    let failed = regressed(&diff, threshold) && !args.exit_zero;
    Ok(if failed { exit::FINDINGS } else { DONE })
}

/// Reads a report that `--report json=PATH` wrote.
///
/// # Errors
/// A file that cannot be read, or is no report of this version.
pub(crate) fn read(path: &Path) -> Result<Report, config::Error> {
    let name = || path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| config::Error::Unreadable {
        path: name(),
        source,
    })?;
    let report: Report = deep::read(&bytes).map_err(|error| {
        let problem = format!("is no report of mcp-assay ({error})");
        config::Error::value(name(), problem, "write one with `--report json=PATH`")
    })?;
    // A minor version adds members; a major one changes what they mean.
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&report.schema_version) != major(SCHEMA_VERSION) {
        let problem = format!(
            "has report version {}, and this is {SCHEMA_VERSION}",
            report.schema_version
        );
        let remedy = "write it again with this version of mcp-assay";
        return Err(config::Error::value(name(), problem, remedy));
    }
    Ok(report)
}

/// The baseline of an audit, which has to be of the same server.
///
/// # Errors
/// As [`read`], and a report of another target.
pub(crate) fn baseline(path: &Path, resource: &str) -> Result<Report, config::Error> {
    let report = read(path)?;
    if report.target.resource.0 == resource {
        return Ok(report);
    }
    let problem = format!(
        "{} is a report of {}, and {resource} is to be audited",
        path.display(),
        report.target.resource
    );
    let remedy = "give a report of the same server; `mcp-assay diff` compares any two";
    Err(config::Error::value("--baseline", problem, remedy))
}

fn regressed(diff: &Diff, threshold: Severity) -> bool {
    let mut worse = diff.regressions.iter();
    worse.any(|change| change.severity >= threshold)
}
