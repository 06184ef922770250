//! Whole audits against the embedded servers, with a chosen delay and size: prints requests, the
//! critical path and the wall time as a ratio to it. Asserts nothing.
//!
//! `cargo bench --bench audit` runs each case several times, `-- --once` once.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints and may stop"
)]

use std::time::{Duration, Instant};

use mcp_assay::demo::Behaviour;
use mcp_assay::evidence::Folder;
use mcp_assay::model::report::Report;
use mcp_assay::rehearsal;

const SEED: [u8; 32] = *b"a fixed seed for the benchmarks!";

struct Case {
    name: &'static str,
    behaviour: String,
    delay: Duration,
    on_disk: bool,
}

fn main() {
    let rounds = if std::env::args().any(|argument| argument == "--once") {
        1
    } else {
        5
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for case in cases() {
        let behaviour = Behaviour::from_toml(case.name, &case.behaviour).unwrap();
        for round in 0..rounds {
            let (report, wall) = runtime.block_on(once(&behaviour, case.on_disk));
            print(&case, round, &report, wall);
        }
    }
    println!(
        "peak memory of this process, servers included: {} MiB",
        peak_mib()
    );
}

fn cases() -> Vec<Case> {
    let identities = |count: usize| {
        let names = (0..count)
            .map(|n| format!("\"user{n}\""))
            .collect::<Vec<_>>()
            .join(", ");
        let mut text = format!("[audit]\nidentities = [{names}]\nclient = {{ id = \"\" }}\n");
        for n in 0..count {
            let scopes = ["notes:read", "notes:write", "notes:delete"];
            let held = scopes
                .iter()
                .take(1 + n % 3)
                .map(|s| format!("\"{s}\""))
                .collect::<Vec<_>>();
            text.push_str(&format!(
                "[identities.user{n}]\nscopes = [{}]\n",
                held.join(", ")
            ));
        }
        text
    };
    let case = |name, server: &str, tokens: usize, delay: u64| Case {
        name,
        behaviour: format!(
            "extends = \"compliant\"\n{}[server]\ndelay_ms = {delay}\n{server}",
            identities(tokens)
        ),
        delay: Duration::from_millis(delay),
        on_disk: false,
    };
    let mut cases = vec![
        case("anonymous", "", 0, 0),
        case(
            "109 subjects x 4 identities",
            "generated_tools = 99\n",
            2,
            0,
        ),
        case(
            "40 tools x 5 identities, 50 ms",
            "generated_tools = 33\n",
            3,
            50,
        ),
        case(
            "1,000 tools x 8 identities",
            "generated_tools = 993\n",
            6,
            0,
        ),
    ];
    cases.extend(ladders());
    cases
}

/// A ladder over ten scopes: none, each alone, all but each, all; in memory and on disk.
fn ladders() -> [Case; 2] {
    let scopes: Vec<String> = (0..10).map(|n| format!("\"scope:{n}\"")).collect();
    let scopes = scopes.join(", ");
    [
        ("1,000 tools x a ladder of 10 scopes", false),
        (
            "1,000 tools x a ladder of 10 scopes, evidence on disk",
            true,
        ),
    ]
    .map(|(name, on_disk)| Case {
        name,
        behaviour: format!(
            "extends = \"compliant\"\n\
             [server]\ngenerated_tools = 993\ngenerated_scopes = [{scopes}]\n\
             [audit]\nidentities = []\nclient = {{ id = \"\" }}\n\
             ladder = {{ from = \"machine\", keep = [\"profile\"] }}\n\
             [[audit.mint]]\nidentity = \"machine\"\nclient = \"machine\"\n\
             scopes = [\"profile\", {scopes}]\n\
             [clients.machine]\nsecret = \"demo-machine-secret\"\n\
             scopes = [\"profile\", {scopes}]\n"
        ),
        delay: Duration::ZERO,
        on_disk,
    })
}

async fn once(behaviour: &Behaviour, on_disk: bool) -> (Report, Duration) {
    let place = tempfile::tempdir().unwrap();
    let folder = on_disk.then(|| Folder::begin(&place.path().join("run"), None).unwrap());
    let start = Instant::now();
    let rehearsal = rehearsal::rehearse_into(behaviour, SEED, "2026-11-23T00:00:00Z", folder)
        .await
        .unwrap();
    let wall = start.elapsed();
    rehearsal.running.shutdown().await;
    (rehearsal.report, wall)
}

fn print(case: &Case, round: usize, report: &Report, wall: Duration) {
    let total = report.requests.total;
    print!(
        "{} [{round}]: {total} requests ({} cells, {} controls), wall {:.0} ms",
        case.name,
        report.requests.cell_requests,
        report.requests.control_requests,
        wall.as_secs_f64() * 1000.0
    );
    if case.delay.is_zero() {
        println!();
        return;
    }
    let path = critical_path(report);
    let ideal = (case.delay * u32::try_from(path).unwrap()).as_secs_f64();
    println!(
        ", critical path {path} answers = {:.0} ms, ratio {:.2}",
        ideal * 1000.0,
        wall.as_secs_f64() / ideal
    );
}

/// Answers that must follow each other: requests that overlap in time share a step, and a step holds
/// at most as many as may be in flight.
fn critical_path(report: &Report) -> usize {
    let limit = report.engagement.concurrency.max(1);
    let mut exchanges: Vec<(u64, u64)> = report
        .ledger
        .iter()
        .map(|x| (x.started_ms, x.started_ms + x.elapsed_ms))
        .collect();
    exchanges.sort_unstable();
    let mut steps = 0;
    let mut end = 0;
    let mut held = 0;
    for (start, finish) in exchanges {
        if start >= end || held == limit {
            steps += 1;
            held = 0;
            end = finish;
        }
        held += 1;
    }
    steps
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or_default()
        / 1024
}
