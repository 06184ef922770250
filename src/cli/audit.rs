//! `audit`: the main job.

use std::sync::atomic::Ordering;

use super::args::{AuditArgs, Global};
use super::progress::Progress;
use super::session::{self, Usage};
use super::{DONE, Outcome, browser, diff};
use crate::audit;
use crate::checks;
use crate::config::source::ProcessSecrets;
use crate::report::{self, exit};
use crate::stage::{Run, Visit};

pub(crate) fn run(args: &AuditArgs, global: &Global) -> Outcome {
    let flags = args.target.flags(Some(&args.output));
    let selected = checks::select(
        &flags.only.iter().cloned().collect(),
        &flags.skip.iter().cloned().collect(),
    )
    .map_err(|unknown| Usage(unknown.to_string()))?;
    let destinations = session::destinations(&args.output)?;
    let prepared = session::prepare(&flags, &mut ProcessSecrets::default())?;
    let target = audit::target(&prepared.url);
    let baseline = match &args.baseline {
        Some(path) => Some(diff::baseline(path, &target.resource.0)?),
        None => None,
    };
    let (wire, cancel) = session::wire(&prepared)?;
    let runtime = session::runtime()?;
    let open = !args.target.login.no_browser;
    let progress = Progress::new(global);
    let show = |visit: &Visit<'_>| progress.pause(|| browser::show(visit, open));
    let documents = runtime.block_on(session::documents(&prepared.settings))?;
    let (report, code) = runtime.block_on(async {
        let interrupted = session::cancel_on_interrupt(&cancel);
        let told = |stage: &str, requests: usize| progress.stage(stage, requests);
        let planned = |requests: usize| progress.planned(requests);
        let mut run = Run::new(&wire, &prepared.settings, prepared.entropy.clone(), &told)
            .with_forecast(&planned)
            .with_documents(documents.as_ref());
        if prepared.settings.login.is_some() {
            run = run.with_person(browser::person(&show, &cancel));
        }
        let work = Box::pin(audit::collect(&run, target, prepared.engagement.clone()));
        let mut collected = progress.during(&wire, work).await;
        progress.finish();
        collected.interrupted = interrupted.load(Ordering::Relaxed);
        let mut report = audit::judge(collected, &selected, &prepared.settings);
        if let Some(old) = &baseline {
            let (fail_on, strict) = (prepared.settings.fail_on, prepared.settings.strict);
            let diff = report::diff::compare(old, &report);
            report::diff::gate(&mut report, &diff, fail_on, strict);
        }
        let code = report.outcome.exit_code;
        (report, code)
    });
    session::write_reports(&report, &destinations, global, &args.output)?;
    let lenient = args.output.exit_zero && code == exit::FINDINGS;
    Ok(if lenient { DONE } else { code })
}
