//! Calls: baselines, pre-flight, the rounds of the matrix, and the repeats it still wants.

mod controls;
mod follow_up;
pub(crate) mod outside;
mod question;
mod renew;
mod round;
mod series;
pub(crate) mod vectors;
pub(crate) mod words;

use std::collections::BTreeMap;

use super::enumerate::Sessions;
use question::Own;
pub(crate) use renew::MOST_RENEWALS;

use super::{Run, canary, doors, file, together};
use crate::mcp::header;
use crate::model::audit::Collected;
use crate::model::exchange::ExchangeId;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::Calibration;
use crate::model::probe::ProbeId;
use crate::model::surface::{Subject, SubjectKind, Surface};
use crate::model::target::{Revision, Transport};
use crate::oracle::arguments;
use crate::oracle::calibrate::{self, Permissions, Treatment};
use crate::oracle::matrix::MatrixInput;
use crate::oracle::vectors::Vector;
use crate::oracle::wants;

/// How each subject is asked, by subject id.
pub type Treatments = BTreeMap<String, Treatment>;

/// The calibration and the treatments that the matrix is built from.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// What the pre-flight showed.
    pub calibration: Calibration,
    /// How each subject was asked.
    pub treatments: Treatments,
    /// Why no further schema-invalid call is sent.
    pub halted: Option<String>,
    /// Further arguments that tools were asked with.
    pub vectors: Vec<Vector>,
    /// How often each cell is asked at least.
    pub repeat: u16,
}

/// Sends the controls and the pre-flight, then every call, the arms of a pair in turn, and what the
/// answers leave open.
pub async fn call(run: &Run<'_>, collected: &mut Collected, sessions: &mut Sessions) -> Asked {
    controls::controls(run, collected, sessions).await;
    if collected.discovery.audited.is_none() {
        return Asked::default();
    }
    let baseline = collected.identities.baseline.clone();
    let calibration =
        calibrate::calibration(&collected.ledger, &collected.surface, baseline.as_deref());
    let treatments = treatments(run, collected, &calibration);
    let mut asked = Asked {
        calibration,
        treatments,
        halted: None,
        vectors: Vec::new(),
        repeat: run.settings.calls.repeat,
    };
    stop_at_a_catch_all(collected, &mut asked);
    (run.progress)("call", planned(collected, &asked.treatments));
    round::rounds(run, collected, sessions, &mut asked).await;
    settle(run, collected, sessions, &mut asked).await;
    vectors::send(run, collected, sessions, &mut asked).await;
    asked
}

/// Sends what the answers leave open, until nothing is.
async fn settle(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &mut Sessions,
    asked: &mut Asked,
) {
    for _ in 0..MOST_ROUNDS {
        renew::renew(run, collected, sessions, asked).await;
        let mut wanted = wants::wants(&input(collected, asked));
        if asked.halted.is_some() {
            wanted.retain(|want| want.probe != ProbeId::CallInvalid);
        }
        if wanted.is_empty() {
            break;
        }
        follow_up::follow_up(run, collected, sessions, asked, &wanted).await;
    }
}

/// Identities that came later: their random names, the calls of some subjects, and what the answers
/// leave open. Returns how many calls were sent, repeats not counted.
pub(crate) async fn later(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &mut Sessions,
    asked: &mut Asked,
    wanted: &[(Identity, Vec<String>)],
) -> usize {
    let known = |identity: &Identity| {
        collected.ledger.iter().any(|exchange| {
            exchange.probe.id == ProbeId::UnknownName && exchange.identity == identity.name
        })
    };
    let callers = wanted.iter().map(|(identity, _)| identity);
    let callers: Vec<Identity> = callers.filter(|it| !known(it)).cloned().collect();
    controls::random_names(run, collected, sessions, &callers).await;
    let subjects = collected.surface.subjects.clone();
    let mut own = Vec::new();
    for (identity, about) in wanted {
        let Some(session) = sessions.get(&identity.name) else {
            continue;
        };
        for subject in subjects
            .iter()
            .filter(|subject| about.contains(&subject.id))
        {
            let Some(treatment) = asked.treatments.get(&subject.id) else {
                continue;
            };
            if asked.halted.is_some() && matches!(treatment, Treatment::Invalid { .. }) {
                continue;
            }
            own.push(Own::new(
                run, subject, treatment, identity, session, 0, None,
            ));
        }
    }
    let pending = question::pending(run, &own);
    let mut calls = pending.len();
    let answers = together(pending).await.into_iter();
    let sent: Vec<ExchangeId> = answers.map(|sent| file(collected, sent)).collect();
    round::halt_where_one_ran(collected, asked, &sent);
    let changing = canary::subjects(collected, asked);
    for (identity, about) in wanted {
        let Some(session) = sessions.get(&identity.name) else {
            continue;
        };
        for subject in changing
            .iter()
            .filter(|subject| about.contains(&subject.id))
        {
            let turn = canary::Turn::new(identity, session, 0);
            canary::attempt(run, collected, sessions, subject, &turn).await;
            calls += 1;
        }
    }
    settle(run, collected, sessions, asked).await;
    calls
}

/// What was asked for beyond the matrix: equal calls in a row, and resources outside the offer.
pub async fn on_request(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &Asked,
) {
    if collected.discovery.audited.is_none() {
        return;
    }
    outside::outside(run, collected, sessions).await;
    series::series(run, collected, sessions, asked).await;
}

/// The input of the matrix, once everything is collected.
pub fn input<'a>(collected: &'a Collected, asked: &'a Asked) -> MatrixInput<'a> {
    let served = collected.discovery.audited.as_ref();
    MatrixInput {
        revision: served.map_or(Revision::R2026_07, |s| s.revision),
        transport: served.map_or(Transport::StreamableHttp, |served| served.transport),
        ledger: &collected.ledger,
        identities: &collected.identities,
        surface: &collected.surface,
        calibration: &asked.calibration,
        treatments: &asked.treatments,
        canaries: &collected.canaries,
        repeat: asked.repeat,
        vector: None,
    }
}

/// How every subject would be asked with the given calibration.
pub(crate) fn treatments(
    run: &Run<'_>,
    collected: &Collected,
    calibration: &Calibration,
) -> Treatments {
    let canary = words::of_the_run(run);
    let permissions = Permissions {
        rules: &run.settings.tools,
        reads: run.settings.reads,
        tiers: &run.settings.tiers,
        calibration,
        canary: &canary,
    };
    let modern = collected
        .discovery
        .revision()
        .is_some_and(Revision::is_modern);
    let treat = |subject: &Subject| {
        // MCP 2026-07-28: clients exclude tools whose `x-mcp-header` annotations are invalid.
        let problem = subject
            .input_schema
            .as_ref()
            .filter(|_| modern)
            .and_then(header::annotation_problem);
        let twin = has_twin(&collected.surface, subject);
        let problem = problem.or_else(|| twin.then(|| TWIN.to_owned()));
        let treatment = match problem {
            Some(problem) => Treatment::NotTested {
                reason: problem,
                decided_by: None,
            },
            None => words::filled(run, calibrate::treatment(subject, &permissions)),
        };
        (subject.id.clone(), treatment)
    };
    let mut treatments = collected.surface.subjects.iter().map(treat).collect();
    doors::treat(run, collected, &mut treatments);
    treatments
}

/// A random name that runs something makes every name a door to it: nothing is called any more.
fn stop_at_a_catch_all(collected: &mut Collected, asked: &mut Asked) {
    let Some(exchange) = arguments::catch_all(&collected.ledger) else {
        return;
    };
    let name = exchange.probe.subject.clone().unwrap_or_default();
    collected.catch_all = Some(exchange.id);
    for subject in &collected.surface.subjects {
        if subject.kind == SubjectKind::Tool {
            let reason = format!(
                "the server ran something for `{name}`, a random name that no list has, so no tool was \
                 called: what a call of any name sets off is not known"
            );
            let untested = Treatment::NotTested {
                reason,
                decided_by: None,
            };
            asked.treatments.insert(subject.id.clone(), untested);
        }
    }
}

/// Whether one list names the subject twice, with another schema each time.
fn has_twin(surface: &Surface, subject: &Subject) -> bool {
    let twice = surface
        .listings
        .iter()
        .any(|listing| listing.kind == subject.kind && listing.duplicates.contains(&subject.name));
    let differing = surface.differing.get(&subject.id);
    twice && differing.is_some_and(|members| members.iter().any(|it| it == "inputSchema"))
}

/// Identities that take part in the matrix: anonymous, one garbage token, every one the operator gave.
pub(crate) fn columns(collected: &Collected) -> Vec<Identity> {
    let takes_part = |identity: &&Identity| match identity.kind {
        IdentityKind::Anonymous
        | IdentityKind::Valid
        | IdentityKind::Expired
        | IdentityKind::ForeignAudience => true,
        IdentityKind::Garbage => identity.name == "garbage",
        _ => false,
    };
    collected
        .identities
        .present
        .iter()
        .filter(takes_part)
        .cloned()
        .collect()
}

/// Requests of the three rounds; what the answers leave open comes on top.
pub(crate) fn planned(collected: &Collected, treatments: &Treatments) -> usize {
    let asked = treatments
        .values()
        .filter(|t| !matches!(t, Treatment::NotTested { .. }))
        .count();
    asked * (columns(collected).len() + usize::from(collected.identities.baseline.is_some()))
}

/// Arguments that break one of two schemas may satisfy the other.
const TWIN: &str =
    "two tools of this name are listed, and which of them a call reaches is not known";

/// Rounds of repeats and confirmations.
const MOST_ROUNDS: usize = 6;
