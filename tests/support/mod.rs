//! What several integration tests share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    reason = "each test binary uses its part, and a test may stop"
)]

use mcp_assay::demo::Behaviour;
use mcp_assay::model::report::Report;
use mcp_assay::model::verdict::Status;
use mcp_assay::rehearsal::{self, Rehearsal};

/// A fixed seed, so that run id, canaries and garbage are the same in every test run.
pub const SEED: [u8; 32] = *b"a fixed seed for repeating tests";

/// A built-in behaviour.
pub fn behaviour(name: &str) -> Behaviour {
    Behaviour::builtin(name)
        .expect("the behaviour exists")
        .expect("the behaviour parses")
}

/// A behaviour given as a difference from `compliant`.
pub fn variation(text: &str) -> Behaviour {
    let text = format!("extends = \"compliant\"\n{text}");
    Behaviour::from_toml("variation", &text).expect("the variation parses")
}

/// Starts the servers of a behaviour and audits them.
pub async fn rehearse(behaviour: &Behaviour) -> Rehearsal {
    // The real clock: the servers mint tokens that have just expired.
    let started = jiff::Timestamp::now().to_string();
    rehearsal::rehearse(behaviour, SEED, &started)
        .await
        .expect("the embedded servers start")
}

/// Ids of checks with one of these words.
pub fn with_status(report: &Report, wanted: &[Status]) -> Vec<String> {
    let rows = report
        .coverage
        .iter()
        .filter(|row| wanted.contains(&row.status));
    let mut ids: Vec<String> = rows.map(|row| row.check.clone()).collect();
    ids.sort();
    ids
}

/// The word of a cell, for short assertions.
pub fn access(report: &Report, subject: &str, identity: &str) -> String {
    let cell = report.matrices.first().and_then(|m| {
        m.cells
            .iter()
            .find(|c| c.subject == subject && c.identity == identity)
    });
    cell.map_or_else(
        || "missing".to_owned(),
        |cell| cell.access.as_str().to_owned(),
    )
}
