//! `audit`: the main job.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::{AuditArgs, Global};
use super::browser::{self, Keyboard};
use super::progress::Progress;
use super::session::{self, Prepared, Usage};
use super::{Outcome, diff, ending, evidence, fleet, targets};
use crate::audit;
use crate::checks;
use crate::config::cache;
use crate::config::source::ProcessSecrets;
use crate::config::targets::Planned;
use crate::model::audit::Collected;
use crate::model::rules::Rules;
use crate::stage::{Person, Run, Visit};
use crate::wire::Wire as _;
use crate::wire::documents::DocumentHost;
use crate::wire::http::HttpWire;

pub(crate) fn run(args: &AuditArgs, global: &Global) -> Outcome {
    let flags = args.target.flags(Some(&args.output));
    let selected = checks::select(
        &flags.only.iter().cloned().collect(),
        &flags.skip.iter().cloned().collect(),
    )
    .map_err(|unknown| Usage(unknown.to_string()))?;
    session::destinations(&args.output)?;
    let planned = targets::all(&args.target, &flags)?;
    match planned.as_slice() {
        [planned] => one(args, global, planned, &selected),
        several => fleet::run(args, global, several, &selected),
    }
}

fn one(
    args: &AuditArgs,
    global: &Global,
    planned: &Planned,
    selected: &[&'static checks::Check],
) -> Outcome {
    let mut prepared = session::prepare(planned, &mut ProcessSecrets::default())?;
    let key = targets::key(planned.name.as_deref(), &prepared.url);
    session::remember(&mut prepared, planned, &key)?;
    let output = args.output.aimed(&key);
    let destinations = session::destinations(&output)?;
    let resource = audit::target(&prepared.url).resource;
    let baseline = args.baseline.as_deref();
    let baseline = baseline.map(|path| targets::aimed_path(path, &key));
    let baseline = baseline
        .map(|path| diff::baseline(&path, &resource.0))
        .transpose()?;
    let (wire, cancel) = session::wire(&prepared)?;
    let mut rules = Rules::from(&prepared.settings);
    rules.exit_zero = args.output.exit_zero;
    let runtime = session::runtime()?;
    let open = !args.target.login.no_browser;
    let progress = Progress::new(global);
    let show = |visit: &Visit<'_>| progress.pause(|| browser::show(visit, open));
    let documents = runtime.block_on(session::documents(&prepared.settings))?;
    let mut keeper = args.evidence.begin(&key)?;
    let wire = wire.with_bodies(keeper.store());
    let report = runtime.block_on(async {
        let interrupted = session::cancel_on_interrupt(&cancel);
        let person = prepared
            .settings
            .needs_a_person()
            .then(|| browser::person(&show, &Keyboard::new(), &cancel));
        let job = Job {
            prepared: &prepared,
            wire: &wire,
            documents: documents.as_ref(),
            person,
            told: &|stage, requests| progress.stage(stage, requests),
            planned: &|requests| progress.planned(requests),
            interrupted: &interrupted,
        };
        let collected = progress.during(|| wire.sent(), collect(job)).await;
        progress.finish();
        keeper.collected(&collected, &rules);
        evidence::judged(collected, selected, &rules, baseline.as_ref())
    });
    keeper.finish(&report, baseline.as_ref());
    session::write_reports(&report, &destinations, global, &output)?;
    keeper.done()?;
    let code = evidence::code(&report, &rules);
    ending::tell(&report, code, &destinations, global, &output);
    Ok(code)
}

/// What the audit of one target takes.
pub(crate) struct Job<'a> {
    /// What the operator said.
    pub(crate) prepared: &'a Prepared,
    /// Where requests go.
    pub(crate) wire: &'a HttpWire,
    /// The server of documents, with consent to register.
    pub(crate) documents: Option<&'a DocumentHost>,
    /// Who signs in.
    pub(crate) person: Option<Person<'a>>,
    /// Told which stage runs.
    pub(crate) told: &'a (dyn Fn(&str, usize) + Send + Sync),
    /// Told how many requests there will be at most.
    pub(crate) planned: &'a (dyn Fn(usize) + Send + Sync),
    /// Whether the operator has had enough.
    pub(crate) interrupted: &'a AtomicBool,
}

/// Collects what is to be known about one target, and keeps the refresh tokens where that is wanted.
pub(crate) async fn collect(job: Job<'_>) -> Collected {
    let Job {
        prepared,
        wire,
        documents,
        person,
        told,
        planned,
        interrupted,
    } = job;
    let settings = &prepared.settings;
    let mut run = Run::new(wire, settings, prepared.entropy.clone(), told)
        .with_forecast(planned)
        .with_documents(documents);
    if let Some(person) = person {
        run = run.with_person(person);
    }
    let target = audit::target(&prepared.url);
    let work = audit::collect(&run, target, prepared.engagement.clone());
    let mut collected = Box::pin(work).await;
    // A run that never got so far has spent nothing.
    let unused = BTreeMap::new();
    let used = if collected.identities.present.is_empty() {
        &unused
    } else {
        &settings.upkeep.cached
    };
    if let Some(path) = &settings.upkeep.cache
        && let Err(error) = cache::write(path, &prepared.url, used, &collected.refresh)
    {
        let path = path.display();
        session::note(&format!("--token-cache: {path} was not written: {error}\n"));
    }
    collected.interrupted = interrupted.load(Ordering::Relaxed);
    collected
}
