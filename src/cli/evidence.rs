//! `--evidence`, and `judge`: a run on disk, and back.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use super::args::{Global, OutputArgs};
use super::session::{self, Usage};
use super::{DONE, Outcome, ending, targets};
use crate::audit;
use crate::checks::{self, Check};
use crate::config::{self, ConfigFile};
use crate::evidence::signature::{SigningKey, VerifyingKey};
use crate::evidence::{self, Folder, Saved};
use crate::model::audit::Collected;
use crate::model::body::BodyStore;
use crate::model::report::Report;
use crate::model::rules::Rules;
use crate::report::{diff, exit};

/// What to keep of a run.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct EvidenceOptions {
    /// Keep the evidence in this folder, which is new or empty: every exchange, redacted, with
    /// bodies by digest, the plan, the report and a manifest. `mcp-assay judge` reads it again, and
    /// large answers go there instead of into memory.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) evidence: Option<PathBuf>,
    /// Sign the manifest with this Ed25519 private key (PEM, as `openssl genpkey -algorithm ed25519`
    /// writes it); `openssl pkeyutl -verify` checks the signature.
    #[arg(
        long,
        value_name = "KEY",
        requires = "evidence",
        help_heading = "Output"
    )]
    pub(crate) sign: Option<PathBuf>,
}

impl EvidenceOptions {
    /// Whether the folder can be started: none is, where another target's cannot.
    ///
    /// # Errors
    /// A path that holds something already.
    pub(crate) fn is_free(&self, target: &str) -> Result<(), config::Error> {
        let folder = self.evidence.as_deref();
        let folder = folder.map(|path| targets::aimed_path(path, target));
        let entries = folder
            .as_ref()
            .and_then(|path| std::fs::read_dir(path).ok());
        match (folder, entries.and_then(|mut entries| entries.next())) {
            (Some(path), Some(_)) => {
                let problem = format!("`{}` is not empty", path.display());
                let remedy = "name a new folder, or an empty one";
                Err(config::Error::value("--evidence", problem, remedy))
            }
            _ => Ok(()),
        }
    }

    /// Starts the folder, when one is wanted.
    ///
    /// # Errors
    /// A key or a folder that cannot be used.
    pub(crate) fn begin(&self, target: &str) -> Result<Keeper, config::Error> {
        let key = self.sign.as_deref().map(SigningKey::read).transpose()?;
        let folder = self.evidence.as_deref();
        let folder = folder.map(|path| targets::aimed_path(path, target));
        let folder = folder.map(|path| Folder::begin(&path, key)).transpose()?;
        Ok(Keeper {
            folder,
            trouble: None,
        })
    }
}

/// The folder of a run. Trouble with it must not cost the reports, so that it waits for them.
pub(crate) struct Keeper {
    folder: Option<Folder>,
    trouble: Option<std::io::Error>,
}

impl Keeper {
    /// Where the wire puts bodies.
    pub(crate) fn store(&self) -> Option<Arc<dyn BodyStore>> {
        self.folder.as_ref().map(Folder::store)
    }

    /// The folder itself.
    pub(crate) const fn take(&mut self) -> Option<Folder> {
        self.folder.take()
    }

    /// Keeps what was collected.
    pub(crate) fn collected(&mut self, collected: &Collected, rules: &Rules) {
        let kept = self
            .folder
            .as_mut()
            .map(|it| it.collected(collected, rules));
        if let Some(Err(error)) = kept {
            self.folder = None;
            self.trouble = Some(error);
        }
    }

    /// Keeps the report and closes the folder.
    pub(crate) fn finish(&mut self, report: &Report, baseline: Option<&Report>) {
        if let Some(Err(error)) = self.take().map(|it| it.finish(report, baseline)) {
            self.trouble = Some(error);
        }
    }

    /// What went wrong on the way.
    ///
    /// # Errors
    /// The first trouble.
    pub(crate) fn done(self) -> anyhow::Result<()> {
        let done = self.trouble.map_or(Ok(()), Err);
        done.context("the evidence was not kept completely, and its folder says `UNFINISHED`")
    }
}

/// `judge`.
#[derive(Args, Debug)]
pub(crate) struct JudgeArgs {
    /// The folder that `audit --evidence` wrote.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Insist on a signature of the manifest by the owner of this public key (PEM).
    #[arg(long, value_name = "KEY")]
    pub(crate) verify: Option<PathBuf>,
    /// Judge by `[[policy]]`, `[[accept]]` and `[output]` of this configuration instead of those of
    /// the run; of a list of targets, by those of the target that the evidence is about.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to print.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

pub(crate) fn judge(args: &JudgeArgs, global: &Global) -> Outcome {
    session::destinations(&args.output)?;
    let key = args.verify.as_deref().map(VerifyingKey::read).transpose()?;
    let file = args.config.as_deref().map(ConfigFile::read).transpose()?;
    let mut saved = Saved::open(&args.folder, key.as_ref())?;
    let file = file
        .map(|file| config::targets::about(&file, &saved.manifest.target))
        .transpose()?;
    let url = url::Url::parse(&saved.manifest.target).ok();
    let named = url.map_or_else(String::new, |url| targets::key(None, &url));
    let output = args.output.aimed(&named);
    let destinations = session::destinations(&output)?;
    let mut rules = saved.rules.clone();
    if let Some(file) = &file {
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
        let judging = config::judging(file, &today.date().to_string())?;
        saved.collected.policy.clone_from(&judging.policy);
        rules.policy = judging.policy;
        rules.accept = judging.accept;
        rules.fail_on = judging.fail_on.unwrap_or(rules.fail_on);
        rules.strict = judging.strict;
    }
    if let Some(severity) = args.output.fail_on {
        rules.fail_on = severity.severity();
    }
    rules.strict |= args.output.strict;
    rules.exit_zero |= args.output.exit_zero;
    let unchanged = rules == saved.rules;
    let selected = selected(&rules.only, &rules.skip)?;
    let (bodies, manifest) = (Arc::clone(&saved.bodies), saved.manifest.clone());
    let report = judged(saved.collected, &selected, &rules, saved.baseline.as_ref());
    let written = session::write_reports(&report, &destinations, global, &output);
    if let Some(trouble) = bodies.trouble() {
        let remedy = "get an unchanged copy, and let nothing write to it meanwhile";
        return Err(config::Error::value("judge", trouble, remedy).into());
    }
    written?;
    if unchanged && !evidence::is_report(&manifest, &report)? {
        let text = format!(
            "note: mcp-assay {} wrote another report about this evidence; this is {}\n",
            manifest.tool.version, report.tool.version
        );
        session::note(&crate::report::safe::lines(&text));
    }
    let code = code(&report, &rules);
    ending::tell(&report, code, &destinations, global, &output);
    Ok(code)
}

/// Judges, and holds the report against an earlier one.
pub(crate) fn judged(
    collected: Collected,
    checks: &[&'static Check],
    rules: &Rules,
    baseline: Option<&Report>,
) -> Report {
    let mut report = audit::judge(collected, checks, rules);
    if let Some(old) = baseline {
        let diff = diff::compare(old, &report);
        diff::gate(&mut report, &diff, rules.fail_on, rules.strict);
    }
    report
}

/// The exit code of a report.
pub(crate) const fn code(report: &Report, rules: &Rules) -> u8 {
    match report.outcome.exit_code {
        exit::FINDINGS if rules.exit_zero => DONE,
        code => code,
    }
}

fn selected(
    only: &BTreeSet<String>,
    skip: &BTreeSet<String>,
) -> Result<Vec<&'static Check>, Usage> {
    checks::select(only, skip).map_err(|unknown| Usage(unknown.to_string()))
}
