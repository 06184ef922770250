//! Ways round a gate: a small sample of refused calls, sent again in other forms by whoever was
//! refused and by the control.

mod doors;
mod forms;
mod kept;
mod messages;
mod passing;
pub(crate) mod plan;
mod second;
mod sessions;
mod tokens;

use super::Run;
use super::calls::{self, Asked};
use super::enumerate::Sessions;
use crate::model::audit::Collected;
use crate::oracle::bypass::{self as sample, Known};
use crate::oracle::matrix;

/// Tries every way with the sampled calls, confirms what seemed to work, and reads the answers.
pub async fn bypass(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions, asked: &Asked) {
    if !run.settings.bypass.allowed {
        collected.bypass.skipped = Some(SWITCHED_OFF.to_owned());
        return;
    }
    if collected.discovery.audited.is_none() {
        return;
    }
    let built = matrix::build(&calls::input(collected, asked));
    let known = Known {
        matrix: &built,
        identities: &collected.identities,
        surface: &collected.surface,
        treatments: &asked.treatments,
        ledger: &collected.ledger,
    };
    let guarded = sample::guarded(&known);
    let readable = sample::readable(&known).filter(|_| guarded.is_empty());
    let doors = sample::guarded_doors(&known);
    let calls: Vec<_> = guarded.into_iter().chain(readable).chain(doors).collect();
    (run.progress)("ways round", calls.len());
    kept::kept(run, collected, sessions, &asked.treatments, &built).await;
    messages::audited(run, collected, sessions, &calls).await;
    messages::batches(run, collected, &calls).await;
    messages::confirm(run, collected, &calls).await;
    sessions::sessions(run, collected, &calls).await;
    tokens::tokens(run, collected).await;
    read(collected);
}

/// The same once narrower tokens have come, where nothing had been refused to a token before.
pub async fn later(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions, asked: &Asked) {
    let tried = collected.bypass.attempts.iter();
    let tried = tried.filter(|attempt| attempt.identity.is_some()).count();
    if !run.settings.bypass.allowed || tried > 0 || collected.discovery.audited.is_none() {
        return;
    }
    let built = matrix::build(&calls::input(collected, asked));
    let known = Known {
        matrix: &built,
        identities: &collected.identities,
        surface: &collected.surface,
        treatments: &asked.treatments,
        ledger: &collected.ledger,
    };
    let guarded = sample::guarded(&known).into_iter();
    let calls: Vec<_> = guarded.chain(sample::guarded_doors(&known)).collect();
    if calls.is_empty() {
        return;
    }
    (run.progress)("ways round", calls.len());
    messages::audited(run, collected, sessions, &calls).await;
    messages::batches(run, collected, &calls).await;
    messages::confirm(run, collected, &calls).await;
    read(collected);
}

fn read(collected: &mut Collected) {
    for used in &mut collected.bypass.sessions {
        (used.passage, used.reason) = sample::borrowed(&collected.ledger, used);
    }
    for attempt in &mut collected.bypass.attempts {
        (attempt.passage, attempt.reason) = sample::passage(&collected.ledger, attempt);
    }
}

/// Why nothing was tried.
const SWITCHED_OFF: &str = "ways round were switched off with `--no-bypass`";
