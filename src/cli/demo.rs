//! `demo`: embedded servers on loopback, audited, so that every finding can be seen in seconds.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;

use super::args::{DemoArgs, Global};
use super::progress::Progress;
use super::session::{self, Usage};
use super::{DONE, Outcome, ending, targets};
use crate::checks;
use crate::demo::{self, Behaviour, Running};
use crate::rehearsal::{self, Watch};

pub(crate) fn run(args: &DemoArgs, global: &Global) -> Outcome {
    if args.list {
        session::put("-", listing().as_bytes())?;
        return Ok(DONE);
    }
    let behaviour = behaviour(&args.behaviour)?;
    session::destinations(&args.output)?;
    let key = targets::plain(&args.behaviour);
    let runtime = session::runtime()?;
    if args.serve {
        return runtime.block_on(serve(&behaviour));
    }
    let mut keeper = args.evidence.begin(&key)?;
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    let started = session::now();
    let progress = Progress::new(global);
    let sent = AtomicUsize::new(0);
    let watch = Watch {
        stage: &|stage, requests, before| {
            sent.store(before, Ordering::Relaxed);
            progress.stage(stage, requests);
        },
        planned: &|requests| progress.planned(requests),
    };
    let folder = keeper.take();
    let work = Box::pin(rehearsal::rehearse_before(
        &behaviour, seed, &started, folder, &watch,
    ));
    let rehearsal = runtime.block_on(progress.during(|| sent.load(Ordering::Relaxed), work));
    progress.finish();
    let rehearsal = rehearsal.context("the embedded servers cannot be audited")?;
    let output = args.output.aimed(&key);
    let destinations = session::destinations(&output)?;
    session::write_reports(&rehearsal.report, &destinations, global, &output)?;
    runtime.block_on(rehearsal.running.shutdown());
    let code = rehearsal.report.outcome.exit_code;
    ending::tell(&rehearsal.report, code, &destinations, global, &output);
    // A demonstration that found what it was to show has succeeded.
    Ok(DONE)
}

fn behaviour(name: &str) -> anyhow::Result<Behaviour> {
    if let Some(builtin) = Behaviour::builtin(name) {
        return builtin.map_err(|error| Usage(error.to_string()).into());
    }
    let path = Path::new(name);
    if path
        .extension()
        .is_some_and(|extension| extension == "toml")
    {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Usage(format!("{name}: cannot be read: {error}")))?;
        return Behaviour::from_toml(name, &text).map_err(|error| Usage(error.to_string()).into());
    }
    let near = checks::nearest(name, Behaviour::names());
    let near = near.map_or(String::new(), |it| format!(" (did you mean `{it}`?)"));
    Err(Usage(format!(
        "`{name}` is not a behaviour{near}; `mcp-assay demo --list` names them, or give a TOML file"
    ))
    .into())
}

fn listing() -> String {
    let mut out = String::new();
    for name in Behaviour::names() {
        let title = Behaviour::builtin(name)
            .and_then(Result::ok)
            .map(|it| it.title);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:<44} {}", title.unwrap_or_default());
    }
    out
}

async fn serve(behaviour: &Behaviour) -> Outcome {
    let running = demo::start(behaviour)
        .await
        .context("the embedded servers cannot start")?;
    session::put("-", served(behaviour, &running).as_bytes())?;
    tokio::signal::ctrl_c()
        .await
        .context("the interrupt cannot be awaited")?;
    running.shutdown().await;
    Ok(DONE)
}

fn served(behaviour: &Behaviour, running: &Running) -> String {
    let mut out = format!(
        "{}\n\nMCP endpoint          {}\nauthorization server  {}\n\n",
        behaviour.title, running.mcp_url, running.issuer
    );
    for token in &running.tokens {
        let name = token.name.to_ascii_uppercase().replace(['-', '.'], "_");
        let _ = writeln!(out, "export {name}_TOKEN={}", token.value);
    }
    for client in &running.clients {
        let _ = writeln!(
            out,
            "client {} secret {} scopes {}",
            client.id,
            client.secret,
            client.scopes.join(" ")
        );
    }
    let mut flags =
        "--identity reader=env:READER_TOKEN --identity admin=env:ADMIN_TOKEN".to_owned();
    if let Some(certificate) = &running.certificate {
        let _ = writeln!(out, "export CLIENT_CERTIFICATE='{certificate}'");
        flags.push_str(" --insecure");
    }
    let _ = writeln!(
        out,
        "\nmcp-assay audit {} {flags}\n\nCtrl-C stops the servers.",
        running.mcp_url
    );
    out
}
