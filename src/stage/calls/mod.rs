//! Calls: baselines, pre-flight, the rounds of the matrix, and the repeats it still wants.

mod controls;
mod follow_up;
pub(crate) mod outside;
mod question;
mod round;
mod series;

use std::collections::BTreeMap;

use super::enumerate::Sessions;
use round::Arm;

use super::Run;
use crate::mcp::header;
use crate::model::audit::Collected;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::Calibration;
use crate::model::probe::ProbeId;
use crate::model::surface::{Subject, SubjectKind};
use crate::model::target::{Revision, Transport};
use crate::oracle::arguments;
use crate::oracle::calibrate::{self, Permissions, Treatment};
use crate::oracle::matrix::MatrixInput;
use crate::oracle::wants::{self};

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
}

/// Sends the controls and the pre-flight, then every call in rounds: baseline, others, baseline
/// again, and what the answers leave open.
pub async fn call(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) -> Asked {
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
    };
    stop_at_a_catch_all(collected, &mut asked);
    (run.progress)("call", planned(collected, &asked.treatments));
    for arm in [Arm::Baseline(0), Arm::Others, Arm::Baseline(1)] {
        round::round(run, collected, sessions, &mut asked, arm).await;
    }
    for _ in 0..MOST_ROUNDS {
        let mut wanted = wants::wants(&input(collected, &asked));
        if asked.halted.is_some() {
            wanted.retain(|want| want.probe != ProbeId::CallInvalid);
        }
        if wanted.is_empty() {
            break;
        }
        follow_up::follow_up(run, collected, sessions, &mut asked, &wanted).await;
    }
    asked
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

/// Rounds of repeats and confirmations.
const MOST_ROUNDS: usize = 6;
