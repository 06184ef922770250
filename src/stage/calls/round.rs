//! One round of calls: reads at once, then schema-invalid calls in waves that end at the first one
//! that runs.

use super::question::{self, Own};
use super::{Asked, columns};
use crate::model::audit::Collected;
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::model::probe::ProbeId;
use crate::model::surface::Subject;
use crate::oracle::calibrate::{self, Treatment};
use crate::stage::enumerate::Sessions;
use crate::stage::{Run, canary, file, together};

/// Whose turn it is.
#[derive(Clone, Copy)]
pub(super) enum Arm {
    /// The strongest identity, for the nth time.
    Baseline(u16),
    /// Everybody else.
    Others,
}

/// Sends a round.
pub(super) async fn round(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &mut Asked,
    arm: Arm,
) {
    let baseline = collected.identities.baseline.clone();
    let is_baseline = |identity: &Identity| Some(&identity.name) == baseline.as_ref();
    let (attempt, of_baseline) = match arm {
        Arm::Baseline(attempt) => (attempt, true),
        Arm::Others => (0, false),
    };
    let columns = columns(collected);
    let columns = columns.into_iter();
    let asking: Vec<Identity> = columns
        .filter(|identity| is_baseline(identity) == of_baseline)
        .collect();
    let subjects = collected.surface.subjects.clone();
    let treated = |wanted: fn(&Treatment) -> bool| -> Vec<&Subject> {
        let treatments = &asked.treatments;
        let wanted = |subject: &&Subject| treatments.get(&subject.id).is_some_and(wanted);
        subjects.iter().filter(wanted).collect()
    };
    // What may change something runs once, and the strongest identity comes last: what it did could
    // decide what the others get.
    let listed = match arm {
        Arm::Baseline(0) => Vec::new(),
        Arm::Baseline(_) | Arm::Others => treated(|it| matches!(it, Treatment::ListedCall { .. })),
    };
    let plain = treated(|it| matches!(it, Treatment::Valid { .. }));
    let mut broken = treated(|it| matches!(it, Treatment::Invalid { .. }));
    broken.sort_by_key(|subject| risk(subject));
    send(run, collected, sessions, asked, &plain, &asking, attempt).await;
    send(run, collected, sessions, asked, &listed, &asking, 0).await;
    canary::round(run, collected, sessions, asked, &asking, attempt).await;
    for wave in waves(&broken) {
        if asked.halted.is_some() {
            return;
        }
        let sent = send(run, collected, sessions, asked, wave, &asking, attempt).await;
        halt_where_one_ran(collected, asked, &sent);
    }
}

/// Ends all schema-invalid calls when one of these ran; what was not asked that way by then stays
/// unasked.
pub(super) fn halt_where_one_ran(collected: &Collected, asked: &mut Asked, sent: &[ExchangeId]) {
    let ledger = &collected.ledger;
    let exchanges = sent.iter().filter_map(|id| ledger.exchange(*id));
    let Some(found) = calibrate::ran_although_invalid(exchanges, &collected.surface) else {
        return;
    };
    let reason = found.reason.clone();
    asked.calibration = found;
    asked.halted = Some(reason.clone());
    let was_asked = |id: &str| {
        ledger.iter().any(|exchange| {
            exchange.probe.id == ProbeId::CallInvalid
                && exchange.probe.subject.as_deref() == Some(id)
        })
    };
    for (id, treatment) in &mut asked.treatments {
        if matches!(treatment, Treatment::Invalid { .. }) && !was_asked(id) {
            *treatment = Treatment::NotTested {
                reason: format!("schema-invalid calls were stopped: {reason}"),
                decided_by: Some("`--allow call` with a `[[tool]]` entry for it".to_owned()),
            };
        }
    }
}

async fn send(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &Asked,
    subjects: &[&Subject],
    asking: &[Identity],
    attempt: u16,
) -> Vec<ExchangeId> {
    let mut own = Vec::new();
    for subject in subjects {
        let Some(treatment) = asked.treatments.get(&subject.id) else {
            continue;
        };
        for identity in asking {
            let Some(session) = sessions.get(&identity.name) else {
                continue;
            };
            own.push(Own::new(
                run, subject, treatment, identity, session, attempt, None,
            ));
        }
    }
    let answers = together(question::pending(run, &own)).await;
    answers
        .into_iter()
        .map(|sent| file(collected, sent))
        .collect()
}

/// One tool, then four, then sixteen at a time: what runs first is the least harmful of all.
fn waves<'s, 't>(subjects: &'s [&'t Subject]) -> Vec<&'s [&'t Subject]> {
    let mut waves = Vec::new();
    let mut rest = subjects;
    for size in [1, 4].into_iter().chain(std::iter::repeat(WIDEST_WAVE)) {
        if rest.is_empty() {
            break;
        }
        let (wave, behind) = rest.split_at(size.min(rest.len()));
        waves.push(wave);
        rest = behind;
    }
    waves
}

/// Tools that say they only read, then those that say they destroy nothing, then the others.
fn risk(subject: &Subject) -> u8 {
    match subject.annotations {
        Some(hints) if hints.read_only == Some(true) => 0,
        Some(hints) if !hints.effectively_destructive() => 1,
        _ => 2,
    }
}

const WIDEST_WAVE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::surface::{Annotations, SubjectKind};

    fn tool(name: &str, read_only: Option<bool>, destructive: Option<bool>) -> Subject {
        Subject {
            id: SubjectKind::Tool.subject_id(name),
            kind: SubjectKind::Tool,
            name: name.to_owned(),
            title: None,
            description: None,
            annotations: Some(Annotations {
                read_only,
                destructive,
                ..Annotations::default()
            }),
            schemes: None,
            input_schema: None,
            prompt_arguments: Vec::new(),
            exchange: ExchangeId(1),
        }
    }

    #[test]
    fn waves_grow_and_cover_every_tool_once() {
        let tools: Vec<Subject> = (0..40)
            .map(|number| tool(&number.to_string(), None, None))
            .collect();
        let all: Vec<&Subject> = tools.iter().collect();
        let sizes: Vec<usize> = waves(&all).iter().map(|wave| wave.len()).collect();
        assert_eq!(sizes, [1, 4, 16, 16, 3]);
        assert!(waves(&[]).is_empty());
    }

    #[test]
    fn what_reads_goes_before_what_destroys() {
        let mut tools = [
            tool("unknown", None, None),
            tool("adds", Some(false), Some(false)),
            tool("reads", Some(true), None),
        ];
        tools.sort_by_key(risk);
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["reads", "adds", "unknown"]);
    }
}
