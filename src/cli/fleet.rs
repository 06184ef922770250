//! Several targets in one run: everything is checked first, hosts run side by side, and the reports
//! come out in the order of the targets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::args::{AuditArgs, Global, OutputArgs};
use super::audit::{Job, collect};
use super::browser::{self, Keyboard};
use super::evidence::{self, Keeper};
use super::gather::Gathered;
use super::progress::Progress;
use super::session::{self, Destination, Prepared};
use super::{Outcome, diff, targets};
use crate::audit;
use crate::checks::Check;
use crate::config;
use crate::config::source::ProcessSecrets;
use crate::config::targets::{Planned, TARGET};
use crate::model::fleet::TargetOutcome;
use crate::model::probe::Tier;
use crate::model::report::Report;
use crate::model::rules::Rules;
use crate::model::settings::Settings;
use crate::report::fleet::{self, Combined};
use crate::report::{Format, exit, safe};
use crate::stage::Visit;
use crate::wire::documents::DocumentHost;
use crate::wire::http::{Hosts, HttpWire};
use crate::wire::redact::Beside;
use crate::wire::{BuildError, Wire};

/// One target, ready to be audited.
pub(crate) struct Target {
    /// What the operator calls it, or its URL.
    pub(crate) name: String,
    /// What stands for it in paths.
    pub(crate) key: String,
    /// What the operator said about it.
    pub(crate) prepared: Prepared,
}

/// Reads the configuration of every target before anything is sent.
///
/// # Errors
/// Whatever the operator got wrong about any of them.
pub(crate) fn prepare(planned: &[Planned]) -> anyhow::Result<Vec<Target>> {
    let mut secrets = ProcessSecrets::default();
    let mut targets: Vec<Target> = Vec::new();
    let mut resources = BTreeMap::new();
    for plan in planned {
        let prepared = session::prepare(plan, &mut secrets)?;
        let name = plan.name.clone();
        let name = name.unwrap_or_else(|| prepared.url.to_string());
        let place = prepared.settings.named_at.as_ref();
        let place = place.map_or_else(|| format!("target {name}"), ToString::to_string);
        if let Some(first) =
            resources.insert(audit::target(&prepared.url).resource.0, place.clone())
        {
            let problem = format!("`{}` is named already ({first})", prepared.url);
            let remedy = "name each server once";
            return Err(config::Error::value(place, problem, remedy).into());
        }
        targets.push(Target {
            key: targets::key(plan.name.as_deref(), &prepared.url),
            name,
            prepared,
        });
    }
    let keys = targets.iter().map(|target| target.key.clone()).collect();
    let keys = targets::distinct(keys).into_iter();
    for ((target, plan), key) in targets.iter_mut().zip(planned).zip(keys) {
        session::remember(&mut target.prepared, plan, &key)?;
        target.key = key;
    }
    Ok(targets)
}

/// The wires of a run, which share the pace of every host and hide each other's secrets.
///
/// # Errors
/// What the network settings of a target got wrong.
pub(crate) fn wires(
    targets: &[Target],
    cancel: &CancellationToken,
) -> Result<Vec<HttpWire>, BuildError> {
    let hosts = Hosts::default();
    let beside = Beside::default();
    let prepared = targets.iter().map(|target| &target.prepared.settings);
    for (_, secret) in prepared.flat_map(Settings::secrets) {
        beside.know(secret);
    }
    let wire = |target: &Target| {
        let network = &target.prepared.settings.network;
        let wire = HttpWire::new(&target.prepared.url, network, cancel.clone())?;
        Ok(wire.with_hosts(&hosts).with_beside(&beside))
    };
    targets.iter().map(wire).collect()
}

/// Audits several targets.
pub(crate) fn run(
    args: &AuditArgs,
    global: &Global,
    planned: &[Planned],
    selected: &[&'static Check],
) -> Outcome {
    let combined = combined(args, planned.len())?;
    let targets = prepare(planned)?;
    for target in &targets {
        session::destinations(&own(&args.output, &target.key))?;
        baseline(args, target)?;
        args.evidence.is_free(&target.key)?;
    }
    let cancel = CancellationToken::new();
    let runtime = session::runtime()?;
    listeners(&targets)?;
    let mut wires = Vec::new();
    let mut keepers = Vec::new();
    for (target, wire) in targets.iter().zip(self::wires(&targets, &cancel)?) {
        let keeper = args.evidence.begin(&target.key)?;
        wires.push(wire.with_bodies(keeper.store()));
        keepers.push(Mutex::new(Some(keeper)));
    }
    let fleet = Fleet {
        args,
        global,
        selected,
        progress: Progress::new(global),
        planned: targets.iter().map(|_| AtomicUsize::new(0)).collect(),
        targets: &targets,
        wires: &wires,
        keepers,
        gathered: Mutex::new(Gathered::new(combined, global, &args.output)),
        cancel,
        alone: tokio::sync::Mutex::new(()),
        keyboard: OnceLock::new(),
    };
    let interrupted = runtime.block_on(fleet.audit());
    let Fleet { gathered, .. } = fleet;
    let gathered = gathered
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let code = gathered.finish(global)?;
    let cut = interrupted.then_some(exit::INTERRUPTED);
    Ok(exit::worst(cut.into_iter().chain([code])))
}

/// Everything that the audits of a run have in common.
struct Fleet<'a> {
    args: &'a AuditArgs,
    global: &'a Global,
    selected: &'a [&'static Check],
    progress: Progress,
    planned: Vec<AtomicUsize>,
    targets: &'a [Target],
    wires: &'a [HttpWire],
    keepers: Vec<Mutex<Option<Keeper>>>,
    gathered: Mutex<Gathered>,
    cancel: CancellationToken,
    /// Held by a target that needs the person, or a port that the operator named.
    alone: tokio::sync::Mutex<()>,
    keyboard: OnceLock<Keyboard>,
}

impl Fleet<'_> {
    /// Audits every target; whether the operator interrupted it.
    async fn audit(&self) -> bool {
        let interrupted = session::cancel_on_interrupt(&self.cancel);
        let hosts = self
            .targets
            .iter()
            .map(|target| target.prepared.url.host_str());
        let lanes = futures_util::stream::iter(lanes(hosts));
        let interrupted = &*interrupted;
        let work = lanes.for_each_concurrent(SIDE_BY_SIDE, |lane| async move {
            for at in lane {
                // Boxed: the future of a whole audit is large.
                Box::pin(self.target(at, interrupted)).await;
            }
        });
        let sent = || self.wires.iter().map(Wire::sent).sum();
        self.progress.during(sent, work).await;
        self.progress.finish();
        interrupted.load(Ordering::Relaxed)
    }

    /// Audits one target, reports it, and forgets what it found.
    async fn target(&self, at: usize, interrupted: &AtomicBool) {
        let (Some(target), Some(wire)) = (self.targets.get(at), self.wires.get(at)) else {
            return;
        };
        let settings = &target.prepared.settings;
        let needs_person = settings.needs_a_person();
        let _alone = if needs_person || needs_port(&target.prepared) {
            Some(self.alone.lock().await)
        } else {
            None
        };
        let mut prepared = target.prepared.clone();
        prepared.engagement.started = session::now();
        let documents = match documents(&target.prepared).await {
            Ok(documents) => documents,
            Err(error) => return self.failed(at, target, &error),
        };
        let open = !self.args.target.login.no_browser;
        let show = |visit: &Visit<'_>| {
            self.progress.pause(|| {
                session::note(&format!("For {}: ", safe::line(&target.name)));
                browser::show(visit, open);
            });
        };
        let person = needs_person.then(|| {
            let keyboard = self.keyboard.get_or_init(Keyboard::new);
            browser::person(&show, keyboard, &self.cancel)
        });
        let job = Job {
            prepared: &prepared,
            wire,
            documents: documents.as_ref(),
            person,
            told: &|stage, requests| self.told(target, stage, requests),
            planned: &|requests| self.planned(at, requests),
            interrupted,
        };
        let collected = collect(job).await;
        let mut rules = Rules::from(settings);
        rules.exit_zero = self.args.output.exit_zero;
        let baseline = match baseline(self.args, target) {
            Ok(baseline) => baseline,
            Err(error) => return self.failed(at, target, &error.into()),
        };
        let mut keeper = self.keeper(at);
        if let Some(keeper) = &mut keeper {
            keeper.collected(&collected, &rules);
        }
        let report = evidence::judged(collected, self.selected, &rules, baseline.as_ref());
        let mut code = evidence::code(&report, &rules);
        let mut kept = Ok(());
        if let Some(mut keeper) = keeper {
            keeper.finish(&report, baseline.as_ref());
            kept = keeper.done();
        }
        for outcome in [self.write(target, &report), kept] {
            if let Err(error) = outcome {
                self.progress
                    .pause(|| session::note(&trouble(target, &error)));
                code = exit::worst([code, exit::BUG]);
            }
        }
        let row = fleet::row(&target.name, &target.key, &report, code);
        self.gathered().add(at, row, Some(&report));
    }

    /// Writes the files that are this target's alone.
    fn write(&self, target: &Target, report: &Report) -> anyhow::Result<()> {
        let output = own(&self.args.output, &target.key);
        let destinations = if output.reports.is_empty() {
            Vec::new()
        } else {
            session::destinations(&output)?
        };
        session::write_reports(report, &destinations, self.global, &output)
    }

    /// A target without a report: told at once, and in the overview.
    fn failed(&self, at: usize, target: &Target, error: &anyhow::Error) {
        self.progress
            .pause(|| session::note(&trouble(target, error)));
        let row = TargetOutcome {
            name: target.name.clone(),
            key: target.key.clone(),
            url: target.prepared.url.to_string(),
            exit_code: exit::INCOMPLETE,
            meaning: format!("the target was not audited: {error}"),
            answers: None,
        };
        self.gathered().add(at, row, None);
    }

    fn told(&self, target: &Target, stage: &str, requests: usize) {
        let done = self.gathered().done();
        let line = format!(
            "{done} of {} targets done, {}: {stage}",
            self.targets.len(),
            safe::fit_middle(&target.name, SHOWN)
        );
        self.progress.stage(&line, requests);
    }

    fn planned(&self, at: usize, requests: usize) {
        if let Some(planned) = self.planned.get(at) {
            planned.store(requests, Ordering::Relaxed);
        }
        let all = self.planned.iter().map(|it| it.load(Ordering::Relaxed));
        self.progress.planned(all.sum());
    }

    fn keeper(&self, at: usize) -> Option<Keeper> {
        let keeper = self.keepers.get(at)?;
        keeper.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The targets of each host, one after the other; the hosts in the order in which they are named.
fn lanes<'a>(hosts: impl Iterator<Item = Option<&'a str>>) -> Vec<Vec<usize>> {
    let mut lanes: Vec<(Option<&str>, Vec<usize>)> = Vec::new();
    for (at, host) in hosts.enumerate() {
        match lanes.iter_mut().find(|(known, _)| *known == host) {
            Some((_, lane)) => lane.push(at),
            None => lanes.push((host, vec![at])),
        }
    }
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

/// The reports that hold every target, once it is clear that nothing else needs a file of each.
fn combined(args: &AuditArgs, count: usize) -> Result<Vec<Destination>, config::Error> {
    let output = &args.output;
    let each = |flag: &str, path: &str, what: &str| {
        let problem = format!("`{path}` holds one {what}, and {count} targets are given");
        let remedy = format!("put `{TARGET}` into the path, which stands for each target's name");
        Err(config::Error::value(flag, problem, remedy))
    };
    let paths: [(&str, Option<PathBuf>, &str); 3] = [
        ("--evidence", args.evidence.evidence.clone(), "run"),
        ("--baseline", args.baseline.clone(), "report"),
        (
            "--write-policy",
            output.write_policy.as_ref().map(PathBuf::from),
            "policy",
        ),
    ];
    for (flag, path, what) in paths {
        if let Some(path) = path.filter(|path| !targets::is_aimed(path)) {
            return each(flag, &path.display().to_string(), what);
        }
    }
    let shared = OutputArgs {
        reports: shared(&output.reports).cloned().collect(),
        write_policy: None,
        ..output.clone()
    };
    if shared.reports.is_empty() && !output.reports.is_empty() {
        return Ok(Vec::new());
    }
    let destinations = session::destinations(&shared)?;
    for Destination { format, path } in &destinations {
        if !Combined::holds(*format) {
            return each("--report", &format!("{format}={path}"), "target");
        }
        if *format == Format::Sarif && count > MOST_RUNS {
            let problem =
                format!("a SARIF file takes {MOST_RUNS} runs, and {count} targets are given");
            let remedy = format!("write one for each, `sarif={TARGET}.sarif`, or audit fewer");
            return Err(config::Error::value("--report", problem, remedy));
        }
    }
    Ok(destinations)
}

fn shared(reports: &[String]) -> impl Iterator<Item = &String> {
    reports.iter().filter(|given| !given.contains(TARGET))
}

/// The output of one target alone.
fn own(output: &OutputArgs, key: &str) -> OutputArgs {
    let reports = output.reports.iter();
    let reports = reports.filter(|given| given.contains(TARGET)).cloned();
    let own = OutputArgs {
        reports: reports.collect(),
        ..output.clone()
    };
    own.aimed(key)
}

/// The baseline of one target. It is read twice, at the start to refuse a wrong one and at the end,
/// since twenty of them would be a lot to hold.
fn baseline(args: &AuditArgs, target: &Target) -> Result<Option<Report>, config::Error> {
    let path = args.baseline.as_deref();
    let path = path.map(|path| targets::aimed_path(path, &target.key));
    let resource = audit::target(&target.prepared.url).resource;
    path.map(|path| diff::baseline(&path, &resource.0))
        .transpose()
}

/// Whether the run listens at a port that the operator named, which only one target at a time can.
fn needs_port(prepared: &Prepared) -> bool {
    let settings = &prepared.settings;
    settings.allows(Tier::Register) && settings.callback.listen.port() != 0
}

/// Tries every port before the first request.
fn listeners(targets: &[Target]) -> Result<(), config::Error> {
    for target in targets.iter().filter(|it| needs_port(&it.prepared)) {
        let listen = target.prepared.settings.callback.listen;
        if let Err(error) = std::net::TcpListener::bind(listen) {
            let problem = format!("{listen}: {error}");
            let remedy = "name a free port, or stop what listens there";
            return Err(config::Error::value("--callback-listen", problem, remedy));
        }
    }
    Ok(())
}

/// The server of documents; the one of the target before may take a moment to leave its port.
async fn documents(prepared: &Prepared) -> anyhow::Result<Option<DocumentHost>> {
    for _ in 0..ATTEMPTS {
        match session::documents(&prepared.settings).await {
            Err(_) if needs_port(prepared) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    session::documents(&prepared.settings).await
}

fn trouble(target: &Target, error: &anyhow::Error) -> String {
    format!(
        "error: {}: {}\n",
        safe::line(&target.name),
        safe::line(&format!("{error:#}"))
    )
}

/// Hosts that are audited at the same time.
const SIDE_BY_SIDE: usize = 4;
/// How often a port is tried.
const ATTEMPTS: usize = 40;
const PAUSE: Duration = Duration::from_millis(50);
/// What code scanning takes in one file.
const MOST_RUNS: usize = 20;
const SHOWN: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_one_host_follow_each_other_and_hosts_go_side_by_side() {
        let hosts = ["a", "b", "a", "c", "b"].map(Some);
        assert_eq!(lanes(hosts.into_iter()), [vec![0, 2], vec![1, 4], vec![3]]);
        assert!(lanes(std::iter::empty()).is_empty());
    }
}
