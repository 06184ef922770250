//! `audit`: the main job.

use std::sync::atomic::Ordering;

use super::args::{AuditArgs, Global};
use super::progress::Progress;
use super::session::{self, Usage};
use super::{Outcome, browser, diff, evidence};
use crate::audit;
use crate::checks;
use crate::config::cache;
use crate::config::source::ProcessSecrets;
use crate::model::rules::Rules;
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
    let mut rules = Rules::from(&prepared.settings);
    rules.exit_zero = args.output.exit_zero;
    let runtime = session::runtime()?;
    let open = !args.target.login.no_browser;
    let progress = Progress::new(global);
    let show = |visit: &Visit<'_>| progress.pause(|| browser::show(visit, open));
    let documents = runtime.block_on(session::documents(&prepared.settings))?;
    let mut keeper = args.evidence.begin()?;
    let wire = wire.with_bodies(keeper.store());
    let report = runtime.block_on(async {
        let interrupted = session::cancel_on_interrupt(&cancel);
        let told = |stage: &str, requests: usize| progress.stage(stage, requests);
        let planned = |requests: usize| progress.planned(requests);
        let mut run = Run::new(&wire, &prepared.settings, prepared.entropy.clone(), &told)
            .with_forecast(&planned)
            .with_documents(documents.as_ref());
        if prepared.settings.needs_a_person() {
            run = run.with_person(browser::person(&show, &cancel));
        }
        let work = Box::pin(audit::collect(&run, target, prepared.engagement.clone()));
        let mut collected = progress.during(&wire, work).await;
        progress.finish();
        if let Some(path) = &prepared.settings.upkeep.cache
            && let Err(error) = cache::write(path, &collected.refresh)
        {
            let path = path.display();
            session::note(&format!("--token-cache: {path} was not written: {error}\n"));
        }
        collected.interrupted = interrupted.load(Ordering::Relaxed);
        keeper.collected(&collected, &rules);
        evidence::judged(collected, &selected, &rules, baseline.as_ref())
    });
    keeper.finish(&report, baseline.as_ref());
    session::write_reports(&report, &destinations, global, &args.output)?;
    keeper.done()?;
    Ok(evidence::code(&report, &rules))
}
