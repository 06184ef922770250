//! A run on disk: exchanges, bodies, facts, rules, plan and report, each under its digest, so that
//! somebody else can check that nothing was changed and judge it again without a network.
//!
//! [`Folder`] writes it, [`Saved`] reads it, [`signature`] vouches for it. Everything in it is as
//! redacted as the report is.

mod bodies;
pub mod deep;
mod files;
mod folder;
mod line;
mod manifest;
mod saved;
pub mod signature;

pub use bodies::Bodies;
pub use folder::Folder;
pub use manifest::{FORMAT, Listed, Manifest, VERSION};
pub use saved::Saved;

use crate::model::report::Report;
use crate::report::RenderError;

/// Whether this is the very report that the run wrote.
///
/// # Errors
/// When the report does not serialise.
pub fn is_report(manifest: &Manifest, report: &Report) -> Result<bool, RenderError> {
    let mut out = files::Measured::new(std::io::sink());
    crate::report::write_json(report, &mut out)?;
    let (size, sha256) = out.result();
    let listed = manifest.file(REPORT);
    Ok(listed.is_some_and(|file| (file.size, &file.sha256) == (size, &sha256)))
}

const EXCHANGES: &str = "exchanges.jsonl";
const FACTS: &str = "facts.json";
const RULES: &str = "rules.json";
const PLAN: &str = "plan.json";
const REPORT: &str = "report.json";
const BASELINE: &str = "baseline.json";
const ABOUT: &str = "README.txt";
const BODIES: &str = "bodies";
const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.json.sig";
const UNFINISHED: &str = "UNFINISHED";
