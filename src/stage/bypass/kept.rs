//! Calls that read, with arguments that nobody sent before: first for whoever holds less, then for
//! the control, then for the first again.

use serde_json::Value;

use super::passing::Passing;
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::bypass::{KeptAnswer, KeptSeries, Passage};
use crate::model::exchange::ExchangeId;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::{Access, Matrix};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::{Subject, SubjectKind};
use crate::oracle::bypass as sample;
use crate::oracle::calibrate::Treatment;
use crate::stage::calls::Treatments;
use crate::stage::enumerate::Sessions;
use crate::stage::rpc::{self, Ask};
use crate::stage::session::Session;
use crate::stage::{Run, file, together};
use crate::wire::{Pending, Sent};

/// Tries a few weaker callers with a few tools, and what seemed to be kept once more in second
/// sessions.
pub(super) async fn kept(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    treatments: &Treatments,
    matrix: &Matrix,
) {
    let Some(control) = collected.identities.baseline().cloned() else {
        return;
    };
    let pairs = pairs(collected, treatments, matrix, &control);
    let session = |name: &str| sessions.get(name);
    let mut trials = series(run, collected, &control, &pairs, 0, session).await;
    let seeming: Vec<(Identity, Subject)> = pairs
        .into_iter()
        .zip(&trials)
        .filter(|(_, trial)| sample::kept(&collected.ledger, trial).0 == Passage::Through)
        .map(|(pair, _)| pair)
        .collect();
    if let Some(served) = collected.discovery.audited.clone()
        && !seeming.is_empty()
    {
        let names = seeming.iter().map(|(identity, _)| identity.name.as_str());
        let names: Vec<&str> = names.chain([control.name.as_str()]).collect();
        let passing = Passing::open(run, collected, &served, &names).await;
        let session = |name: &str| passing.get(name);
        let again = series(run, collected, &control, &seeming, 1, session).await;
        for second in again {
            let first = trials
                .iter_mut()
                .find(|first| first.subject == second.subject && first.identity == second.identity);
            if let Some(first) = first {
                first.series.extend(second.series);
            }
        }
        passing.close(run, collected).await;
    }
    for trial in &mut trials {
        (trial.passage, trial.reason) = sample::kept(&collected.ledger, trial);
    }
    collected.bypass.kept = trials;
}

/// Whoever holds less than the control, and no token; for each the tools that it is the least likely
/// to be let into.
fn pairs(
    collected: &Collected,
    treatments: &Treatments,
    matrix: &Matrix,
    control: &Identity,
) -> Vec<(Identity, Subject)> {
    let weaker = collected.identities.present.iter().filter(|identity| {
        let usable = identity.invalid.is_none() && identity.name != control.name;
        usable && matches!(identity.kind, IdentityKind::Anonymous | IdentityKind::Valid)
    });
    let reads = collected.surface.subjects.iter().filter(|subject| {
        let valid = matches!(treatments.get(&subject.id), Some(Treatment::Valid { .. }));
        let granted = matrix.cell(&subject.id, &control.name);
        subject.kind == SubjectKind::Tool
            && valid
            && granted.is_some_and(|cell| cell.access == Access::Allowed)
            && sample::fresh(subject, CANARY).is_some()
    });
    let reads: Vec<&Subject> = reads.collect();
    let of = |identity: &Identity| -> Vec<(Identity, Subject)> {
        let mut mine = reads.clone();
        mine.sort_by_key(|subject| match matrix.cell(&subject.id, &identity.name) {
            Some(cell) if cell.rule.as_deref() == Some("D29") => 0,
            Some(cell) if cell.access == Access::Denied || cell.listed == Some(false) => 1,
            _ => 2,
        });
        let mine = mine.into_iter().take(MOST_TOOLS);
        mine.map(|subject| (identity.clone(), subject.clone()))
            .collect()
    };
    weaker.take(MOST_CALLERS).flat_map(of).collect()
}

/// One series for each pair: everybody's first question before the control's, which is before
/// everything that follows.
async fn series<'s>(
    run: &Run<'_>,
    collected: &mut Collected,
    control: &Identity,
    pairs: &[(Identity, Subject)],
    attempt: u16,
    session: impl Fn(&str) -> Option<&'s Session>,
) -> Vec<KeptAnswer> {
    let canary = |pair: usize, which: &str| {
        let purpose = format!("kept-{attempt}-{pair}-{which}");
        format!("mcpaudit-{}", run.entropy.word(&purpose, 12))
    };
    let mut trials: Vec<(usize, KeptAnswer)> = Vec::new();
    let first: Vec<Option<Call<'_>>> = pairs
        .iter()
        .enumerate()
        .map(|(at, (identity, subject))| {
            Call::of(
                identity,
                subject,
                session(&identity.name)?,
                &canary(at, "a"),
            )
        })
        .collect();
    let before = ask(run, collected, &first, "before", attempt).await;
    for (at, ((identity, subject), before)) in pairs.iter().zip(before).enumerate() {
        let Some(before) = before else { continue };
        let series = KeptSeries {
            before,
            control: None,
            other: None,
            after: None,
        };
        let trial = KeptAnswer {
            subject: subject.id.clone(),
            identity: identity.name.clone(),
            control: control.name.clone(),
            series: vec![series],
            passage: Passage::default(),
            reason: String::new(),
        };
        trials.push((at, trial));
    }
    for (which, variant) in [("a", "control"), ("b", "other"), ("a", "after")] {
        let calls: Vec<Option<Call<'_>>> = trials
            .iter()
            .map(|(at, trial)| {
                let (identity, subject) = pairs.get(*at)?;
                let series = trial.series.first()?;
                let identity = if variant == "control" {
                    sample::begins(&collected.ledger, series.before).then_some(control)?
                } else {
                    // Whoever is answered as the control is has nothing to get round.
                    let (seen, _) = sample::kept(&collected.ledger, trial);
                    (seen != Passage::Closed && series.control.is_some()).then_some(identity)?
                };
                Call::of(
                    identity,
                    subject,
                    session(&identity.name)?,
                    &canary(*at, which),
                )
            })
            .collect();
        let answers = ask(run, collected, &calls, variant, attempt).await;
        for ((_, trial), answer) in trials.iter_mut().zip(answers) {
            let Some(series) = trial.series.first_mut() else {
                continue;
            };
            match variant {
                "control" => series.control = answer,
                "other" => series.other = answer,
                _ => series.after = answer,
            }
        }
    }
    trials.into_iter().map(|(_, trial)| trial).collect()
}

/// A call with arguments that nobody sent before.
struct Call<'a> {
    identity: &'a Identity,
    subject: &'a Subject,
    session: &'a Session,
    arguments: Value,
}

impl<'a> Call<'a> {
    fn of(
        identity: &'a Identity,
        subject: &'a Subject,
        session: &'a Session,
        canary: &str,
    ) -> Option<Self> {
        Some(Self {
            identity,
            subject,
            session,
            arguments: sample::fresh(subject, canary)?,
        })
    }
}

async fn ask(
    run: &Run<'_>,
    collected: &mut Collected,
    calls: &[Option<Call<'_>>],
    variant: &str,
    attempt: u16,
) -> Vec<Option<ExchangeId>> {
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for call in calls.iter().flatten() {
        let key = ProbeKey::new(ProbeId::KeptAnswer)
            .about(call.subject.id.clone())
            .variant(variant)
            .attempt(attempt);
        let operation = Operation::CallTool {
            name: &call.subject.name,
            arguments: &call.arguments,
            schema: call.subject.input_schema.as_ref(),
        };
        let ask = Ask::new(key, call.identity, call.session, operation);
        pending.push(Box::pin(rpc::send(run, ask, run.next_id())));
    }
    let mut answers = together(pending).await.into_iter();
    let mut filed = Vec::new();
    for call in calls {
        let sent = call.as_ref().and_then(|_| answers.next());
        filed.push(sent.map(|sent| file(collected, sent)));
    }
    filed
}

/// Callers that are tried, and tools for each.
const MOST_CALLERS: usize = 3;
const MOST_TOOLS: usize = 3;

/// Stands for every canary where it is asked whether a tool takes one.
const CANARY: &str = "mcpaudit-aaaaaaaaaaaa";

/// Requests at most: two series of four for each pair.
pub(super) const MOST: usize = 2 * 4 * MOST_CALLERS * MOST_TOOLS;
