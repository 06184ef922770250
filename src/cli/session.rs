//! What every command that sends requests shares: settings, clock, wire, cancellation, files.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::Arc;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::args::{Colour, Global, OutputArgs};
use super::targets;
use crate::checks;
use crate::config;
use crate::config::targets::{Planned, TARGET};
use crate::model::audit::Engagement;
use crate::model::probe::Tier;
use crate::model::report::Report;
use crate::model::settings::{Acceptance, Callback, Settings};
use crate::report::policy_file::policy_file;
use crate::report::{Format, RenderError, Style, exit};
use crate::stage::Entropy;
use crate::wire::BuildError;
use crate::wire::documents::{Bounds, DocumentHost};
use crate::wire::http::HttpWire;

/// A prepared run.
#[derive(Clone)]
pub(crate) struct Prepared {
    /// The endpoint.
    pub(crate) url: url::Url,
    /// What the operator allows.
    pub(crate) settings: Settings,
    /// The rules, as the report states them.
    pub(crate) engagement: Engagement,
    /// The random bytes.
    pub(crate) entropy: Entropy,
}

/// Reads configuration and flags, the clock and the random source.
///
/// # Errors
/// Everything the operator got wrong, with its place.
pub(crate) fn prepare(
    planned: &Planned,
    secrets: &mut dyn config::Secrets,
) -> anyhow::Result<Prepared> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    let now = jiff::Timestamp::now();
    let entropy = Entropy::new(seed);
    let run_id = entropy.run_id();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let Planned { flags, file, .. } = planned;
    let mut flags = flags.clone();
    // A file of the target's own is read when it is known what the target is called.
    flags.upkeep.cache.take_if(|path| targets::is_aimed(path));
    let (url, settings) = config::settings_with(&flags, file, secrets, &run_id, &today)?;
    for acceptance in &settings.accept {
        check_acceptance(acceptance)?;
    }
    let network = &settings.network;
    let engagement = Engagement {
        run_id,
        started: format!("{now:.3}"),
        named_at: settings.named_at.clone(),
        tiers: settings.tiers.iter().copied().collect(),
        reads: settings.reads,
        confirmed_hosts: network.allow_hosts.iter().cloned().collect(),
        insecure: network.insecure,
        cacert: network
            .cacert
            .as_ref()
            .map(|path| path.display().to_string()),
        proxy: network.proxy.clone(),
        concurrency: network.concurrency,
        rate: network.rate,
        max_requests: network.max_requests,
    };
    Ok(Prepared {
        url,
        settings,
        engagement,
        entropy,
    })
}

/// Reads what an earlier run kept in the target's own file, `{target}` in its path being the key.
///
/// # Errors
/// A file that cannot be read, or that others can read.
pub(crate) fn remember(
    prepared: &mut Prepared,
    planned: &Planned,
    key: &str,
) -> Result<(), config::Error> {
    let mut upkeep = planned.flags.upkeep.clone();
    if let Some(path) = upkeep.cache.take_if(|path| targets::is_aimed(path)) {
        upkeep.cache = Some(targets::aimed_path(&path, key));
        let identities = &prepared.settings.identities;
        prepared.settings.upkeep = config::cache::upkeep(&upkeep, &prepared.url, identities)?;
    }
    Ok(())
}

/// The present moment to the millisecond; more of it would say nothing.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// An acceptance of a check that does not exist would accept nothing and say nothing.
fn check_acceptance(acceptance: &Acceptance) -> Result<(), config::Error> {
    checks::known(&acceptance.check).map_err(|unknown| {
        let place = acceptance.place.as_ref();
        let place = place.map_or_else(|| "[[accept]]".to_owned(), ToString::to_string);
        config::Error::value(place, unknown.to_string(), "an entry names one check")
    })
}

/// The wire of a run, and the token that cancels it.
///
/// # Errors
/// What the network settings got wrong.
pub(crate) fn wire(prepared: &Prepared) -> Result<(HttpWire, CancellationToken), BuildError> {
    let cancel = CancellationToken::new();
    let wire = HttpWire::new(&prepared.url, &prepared.settings.network, cancel.clone())?;
    Ok((wire, cancel))
}

/// The server of documents that consent to register opens.
///
/// # Errors
/// An address that cannot be bound.
pub(crate) async fn documents(settings: &Settings) -> anyhow::Result<Option<DocumentHost>> {
    if !settings.allows(Tier::Register) {
        return Ok(None);
    }
    let Callback { base, listen } = settings.callback.clone();
    let host = DocumentHost::bind(listen, base, Bounds::default()).await;
    let host = host.map_err(|error| {
        let remedy = "name a free port, or stop what listens there";
        config::Error::value("--callback-listen", format!("{listen}: {error}"), remedy)
    })?;
    Ok(Some(host))
}

/// Cancels on the first interrupt; clean-up requests still go out, then the report is written.
pub(crate) fn cancel_on_interrupt(
    cancel: &CancellationToken,
) -> Arc<std::sync::atomic::AtomicBool> {
    let interrupted = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (flag, cancel) = (interrupted.clone(), cancel.clone());
    tokio::spawn(async move {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        let terminated = async {
            match &mut terminate {
                Ok(signal) => {
                    signal.recv().await;
                }
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            result = tokio::signal::ctrl_c() => if result.is_err() { return },
            () = terminated => {}
        }
        flag.store(true, std::sync::atomic::Ordering::Relaxed);
        cancel.cancel();
    });
    interrupted
}

/// A runtime for one command.
///
/// # Errors
/// When the operating system refuses threads.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime cannot start")
}

/// One `--report FORMAT=PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// The form.
    pub(crate) format: Format,
    /// A file, or `-`.
    pub(crate) path: String,
}

/// Reads the report flags before anything is sent.
///
/// # Errors
/// An unknown format, or a path in a folder that does not exist.
pub(crate) fn destinations(output: &OutputArgs) -> Result<Vec<Destination>, config::Error> {
    policy_destination(output)?;
    if output.reports.is_empty() {
        if output.write_policy.as_deref() == Some("-") {
            return Ok(Vec::new());
        }
        return Ok(vec![Destination {
            format: Format::Table,
            path: "-".to_owned(),
        }]);
    }
    let read = |given: &String| {
        let form = "write FORMAT=PATH, for example json=report.json or table=-";
        let (format, path) = given.split_once('=').unwrap_or((given.as_str(), "-"));
        let format = format
            .parse::<Format>()
            .map_err(|problem| config::Error::value("--report", problem, form))?;
        let folder = std::path::Path::new(path)
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if path.is_empty() || (path != "-" && folder.is_some_and(is_missing)) {
            let problem = format!("`{path}` is not a file that can be written");
            return Err(config::Error::value(
                "--report",
                problem,
                "name a file in a folder that exists",
            ));
        }
        Ok(Destination {
            format,
            path: path.to_owned(),
        })
    };
    output.reports.iter().map(read).collect()
}

/// Checks where the policy is to go, before anything is sent.
fn policy_destination(output: &OutputArgs) -> Result<(), config::Error> {
    let flag = "--write-policy";
    let Some(path) = output.write_policy.as_deref() else {
        return Ok(());
    };
    if path == "-" {
        let taken = |given: &String| given.split_once('=').is_none_or(|(_, path)| path == "-");
        if output.reports.iter().any(taken) {
            let problem = "standard output takes a report already";
            let remedy = "give one of the two a file";
            return Err(config::Error::value(flag, problem, remedy));
        }
        return Ok(());
    }
    let file = std::path::Path::new(path);
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    if path.is_empty() || folder.is_some_and(is_missing) {
        let problem = format!("`{path}` is not a file that can be written");
        let remedy = "name a file in a folder that exists";
        return Err(config::Error::value(flag, problem, remedy));
    }
    // What an operator has corrected by hand is not to be lost to the next run.
    if file.exists() {
        let problem = format!("`{path}` exists");
        let remedy = "name a new file, or move the old one away";
        return Err(config::Error::value(flag, problem, remedy));
    }
    Ok(())
}

/// A folder that is not there; one whose name depends on the target is looked for when it is known.
fn is_missing(folder: &std::path::Path) -> bool {
    let open = folder.to_str().is_some_and(|text| text.contains(TARGET));
    !open && !folder.is_dir()
}

/// Writes every report that was asked for.
///
/// # Errors
/// A file that cannot be written; the others are written all the same.
pub(crate) fn write_reports(
    report: &Report,
    destinations: &[Destination],
    global: &Global,
    output: &OutputArgs,
) -> anyhow::Result<()> {
    let mut trouble = None;
    if let Some(path) = &output.write_policy {
        let written = put(path, policy_file(report).as_bytes());
        trouble = written
            .err()
            .map(|error| error.context(format!("{path} was not written")));
    }
    for destination in destinations {
        let to_stdout = destination.path == "-";
        let style = style(global, to_stdout, output.full);
        let renderer = destination.format.renderer(&style);
        let written = stream(&destination.path, &mut |out| {
            renderer.render(report, out).map_err(|error| match error {
                RenderError::Io(error) => error,
                RenderError::Json(_) => io::Error::new(io::ErrorKind::InvalidData, error),
            })
        });
        if let Err(error) = written {
            trouble = Some(error.context(format!("{} was not written", destination.path)));
        }
    }
    trouble.map_or(Ok(()), Err)
}

/// Writes bytes to a path, or to standard output for `-`.
///
/// # Errors
/// As [`stream`].
pub(crate) fn put(path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    stream(path, &mut |out| out.write_all(bytes))
}

/// Writes to a path, or to standard output for `-`, as the bytes come.
///
/// # Errors
/// What the operating system answers; a closed pipe is no error.
pub(crate) fn stream(
    path: &str,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let to_stdout = path == "-";
    let destination: Box<dyn Write> = if to_stdout {
        Box::new(io::stdout().lock())
    } else {
        Box::new(File::create(path)?)
    };
    let mut out = BufWriter::with_capacity(1 << 16, destination);
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if to_stdout && error.kind() == io::ErrorKind::BrokenPipe => {
            // Dropping the buffer would try the closed pipe again.
            let _ = out.into_parts();
            Ok(())
        }
        other => other.map_err(anyhow::Error::from),
    }
}

/// Tells the operator something on stderr.
pub(crate) fn note(text: &str) {
    // Nothing useful can be done when stderr itself is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Width and colour for a destination.
pub(crate) fn style(global: &Global, to_stdout: bool, full: bool) -> Style {
    let terminal = to_stdout && io::stdout().is_terminal();
    let colour = match global.color {
        _ if global.plain => false,
        Colour::Always => to_stdout,
        Colour::Never => false,
        Colour::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            terminal && !refused
        }
    };
    let width = global
        .width
        .or_else(|| terminal.then(terminal_width).flatten())
        .unwrap_or(120);
    Style {
        width,
        colour,
        full,
    }
}

/// Prints a mistake with its chain and returns the exit code for it.
pub(crate) fn complain(error: &anyhow::Error) -> u8 {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  because {cause}"));
    }
    let mut stderr = io::stderr().lock();
    // Nothing useful can be done when stderr itself is gone.
    let _ = writeln!(stderr, "{}", crate::report::safe::lines(&text));
    if error.is::<config::Error>() || error.is::<BuildError>() || error.is::<Usage>() {
        exit::USAGE
    } else {
        exit::BUG
    }
}

/// A mistake in the arguments that clap cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Logs to stderr at the level of `-v`; `MCP_ASSAY_LOG` overrides it.
pub(crate) fn start_logging(verbose: u8) {
    let default = match verbose {
        0 => "off",
        1 => "mcp_assay=info",
        2 => "mcp_assay=debug",
        _ => "mcp_assay=trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("MCP_ASSAY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    // A second start (tests run commands in one process) keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .try_init();
}

fn terminal_width() -> Option<u16> {
    let (_, columns) = console::Term::stdout().size_checked()?;
    // A table needs some room; what is narrower wraps by itself.
    Some(columns.clamp(NARROWEST, WIDEST))
}

const NARROWEST: u16 = 48;
const WIDEST: u16 = 400;
