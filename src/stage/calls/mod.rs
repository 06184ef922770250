//! Calls: baselines, pre-flight, the rounds of the matrix, and the repeats it still wants.

mod controls;
mod follow_up;
mod question;
mod renew;

use std::collections::BTreeMap;

use super::enumerate::Sessions;
use question::question;
pub(crate) use renew::MOST_RENEWALS;

use super::rpc;
use super::{Run, file, together};
use crate::mcp::header;
use crate::model::audit::Collected;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::Calibration;
use crate::model::probe::ProbeId;
use crate::model::surface::Subject;
use crate::model::target::{Revision, Transport};
use crate::oracle::calibrate::{self, Permissions, Treatment};
use crate::oracle::matrix::MatrixInput;
use crate::oracle::wants::{self};
use crate::wire::{Pending, Sent};

/// How each subject is asked, by subject id.
pub type Treatments = BTreeMap<String, Treatment>;

/// The calibration and the treatments that the matrix is built from.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// What the pre-flight showed.
    pub calibration: Calibration,
    /// How each subject was asked.
    pub treatments: Treatments,
}

/// Sends the controls and the pre-flight, then every call in rounds: baseline, others, baseline
/// again, and what the answers leave open.
pub async fn call(run: &Run<'_>, collected: &mut Collected, sessions: &mut Sessions) -> Asked {
    controls::controls(run, collected, sessions).await;
    if collected.discovery.audited.is_none() {
        return Asked::default();
    }
    let baseline = collected.identities.baseline.clone();
    let calibration =
        calibrate::calibration(&collected.ledger, &collected.surface, baseline.as_deref());
    let treatments = treatments(run, collected, &calibration);
    let asked = Asked {
        calibration,
        treatments,
    };
    (run.progress)("call", planned(collected, &asked.treatments));
    round(
        run,
        collected,
        sessions,
        &asked.treatments,
        Arm::Baseline(0),
    )
    .await;
    round(run, collected, sessions, &asked.treatments, Arm::Others).await;
    round(
        run,
        collected,
        sessions,
        &asked.treatments,
        Arm::Baseline(1),
    )
    .await;
    settle(run, collected, sessions, &asked).await;
    asked
}

/// Sends what the answers leave open, until nothing is.
async fn settle(run: &Run<'_>, collected: &mut Collected, sessions: &mut Sessions, asked: &Asked) {
    for _ in 0..MOST_ROUNDS {
        renew::renew(run, collected, sessions, asked).await;
        let wanted = wants::wants(&input(collected, asked));
        if wanted.is_empty() {
            break;
        }
        follow_up::follow_up(run, collected, sessions, &asked.treatments, &wanted).await;
    }
}

/// Identities that came later: their random names, the calls of some subjects, and what the answers
/// leave open. Returns how many calls were sent, repeats not counted.
pub(crate) async fn later(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &mut Sessions,
    asked: &Asked,
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
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
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
            if let Some(ask) = question(subject, treatment, identity, session, 0, None) {
                let id = run.next_id();
                pending.push(Box::pin(rpc::send(run, ask, id)));
            }
        }
    }
    let calls = pending.len();
    for sent in together(pending).await {
        file(collected, sent);
    }
    settle(run, collected, sessions, asked).await;
    calls
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
    }
}

/// How every subject would be asked with the given calibration.
pub(crate) fn treatments(
    run: &Run<'_>,
    collected: &Collected,
    calibration: &Calibration,
) -> Treatments {
    let canary = format!("mcpaudit-{}", run.entropy.word("canary", 12));
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
        let treatment = match problem {
            Some(problem) => Treatment::NotTested {
                reason: problem,
                decided_by: None,
            },
            None => calibrate::treatment(subject, &permissions),
        };
        (subject.id.clone(), treatment)
    };
    collected.surface.subjects.iter().map(treat).collect()
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

enum Arm {
    Baseline(u16),
    Others,
}

async fn round(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    treatments: &Treatments,
    arm: Arm,
) {
    let baseline = collected.identities.baseline.clone();
    let columns = columns(collected);
    let (attempt, asking): (u16, Vec<&Identity>) = match arm {
        Arm::Baseline(attempt) => (
            attempt,
            columns
                .iter()
                .filter(|i| Some(&i.name) == baseline.as_ref())
                .collect(),
        ),
        Arm::Others => (
            0,
            columns
                .iter()
                .filter(|i| Some(&i.name) != baseline.as_ref())
                .collect(),
        ),
    };
    let subjects = collected.surface.subjects.clone();
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for subject in &subjects {
        let Some(treatment) = treatments.get(&subject.id) else {
            continue;
        };
        // A second look at the baseline is a control for what may have changed: reads only.
        if attempt > 0 && matches!(treatment, Treatment::ListedCall { .. }) {
            continue;
        }
        for identity in &asking {
            let Some(session) = sessions.get(&identity.name) else {
                continue;
            };
            if let Some(ask) = question(subject, treatment, identity, session, attempt, None) {
                let id = run.next_id();
                pending.push(Box::pin(rpc::send(run, ask, id)));
            }
        }
    }
    for sent in together(pending).await {
        file(collected, sent);
    }
}

/// Requests of the three rounds; what the answers leave open comes on top.
pub(crate) fn planned(collected: &Collected, treatments: &Treatments) -> usize {
    let asked = treatments
        .values()
        .filter(|t| !matches!(t, Treatment::NotTested { .. }))
        .count();
    asked * (columns(collected).len() + usize::from(collected.identities.baseline.is_some()))
}

/// Rounds of repeats and confirmations.
const MOST_ROUNDS: usize = 6;
