//! The rounds of calls: reads in blocks, then schema-invalid calls in waves that end at the first one
//! that runs; in both the arms take turns.

use sha2::{Digest, Sha256};

use super::follow_up::follow_up;
use super::question::{self, Own};
use super::{Asked, columns};
use crate::model::audit::Collected;
use crate::model::exchange::ExchangeId;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::probe::ProbeId;
use crate::model::surface::{Subject, Surface};
use crate::oracle::calibrate::{self, Treatment};
use crate::oracle::matrix::MatrixInput;
use crate::oracle::wants;
use crate::stage::enumerate::Sessions;
use crate::stage::{Run, canary, file, together};

/// Sends every call: to a few subjects at a time, the strongest identity, everybody else in random
/// order, the strongest identity again, and whoever was refused, so that an outage or a limit hits both
/// arms of a pair (oracle §3.4).
pub(super) async fn rounds(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &mut Asked,
) {
    let turns = Turns::of(collected);
    let subjects = collected.surface.subjects.clone();
    let treated = |wanted: fn(&Treatment) -> bool| -> Vec<&Subject> {
        let treatments = &asked.treatments;
        let wanted = |subject: &&Subject| treatments.get(&subject.id).is_some_and(wanted);
        subjects.iter().filter(wanted).collect()
    };
    let plain = treated(|it| matches!(it, Treatment::Valid { .. }));
    let listed = treated(|it| matches!(it, Treatment::ListedCall { .. }));
    let mut broken = treated(|it| matches!(it, Treatment::Invalid { .. }));
    broken.sort_by_key(|subject| risk(subject));
    for block in plain.chunks(PAIRED) {
        for (asking, attempt) in turns.paired() {
            send(run, collected, sessions, asked, block, asking, attempt).await;
        }
        repeat(run, collected, sessions, asked, block).await;
    }
    // What may change something runs once, and the strongest identity comes last: what it did could
    // decide what the others get.
    for asking in [&turns.others, &turns.baseline] {
        send(run, collected, sessions, asked, &listed, asking, 0).await;
    }
    for (asking, attempt) in turns.paired() {
        canary::round(run, collected, sessions, asked, asking, attempt).await;
    }
    for wave in waves(&broken) {
        for (asking, attempt) in turns.paired() {
            if asked.halted.is_some() {
                return;
            }
            let sent = send(run, collected, sessions, asked, wave, asking, attempt).await;
            halt_where_one_ran(collected, asked, &sent);
        }
        repeat(run, collected, sessions, asked, wave).await;
    }
}

/// What these subjects refused, once more beside the control's second turn.
async fn repeat(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &mut Asked,
    subjects: &[&Subject],
) {
    if asked.halted.is_some() {
        return;
    }
    let surface = Surface {
        subjects: subjects.iter().map(|subject| (*subject).clone()).collect(),
        listings: collected.surface.listings.clone(),
        ..Surface::default()
    };
    let input = MatrixInput {
        surface: &surface,
        ..super::input(collected, asked)
    };
    let mut wanted = wants::wants(&input);
    wanted.retain(|want| want.purpose == wants::REPEAT && want.attempt == 1);
    if !wanted.is_empty() {
        follow_up(run, collected, sessions, asked, &wanted).await;
    }
}

/// Who asks, in which order.
struct Turns {
    baseline: Vec<Identity>,
    others: Vec<Identity>,
}

impl Turns {
    /// Anonymous comes first among the others, where bad tokens may lock accounts; the order of the
    /// rest is drawn from their names, so that two runs ask in the same order.
    fn of(collected: &Collected) -> Self {
        let name = collected.identities.baseline.as_ref();
        let (baseline, mut others): (Vec<_>, Vec<_>) = columns(collected)
            .into_iter()
            .partition(|identity| Some(&identity.name) == name);
        others.sort_by_cached_key(|identity| {
            let drawn = Sha256::digest(&identity.name);
            (identity.kind != IdentityKind::Anonymous, drawn.to_vec())
        });
        Self { baseline, others }
    }

    /// Each turn with the number of its attempt.
    fn paired(&self) -> [(&[Identity], u16); 3] {
        [(&self.baseline, 0), (&self.others, 0), (&self.baseline, 1)]
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

/// Subjects whose arms take turns together: enough to keep every connection busy.
const PAIRED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::surface::{Annotations, SubjectKind};

    fn tool(name: &str, read_only: Option<bool>, destructive: Option<bool>) -> Subject {
        Subject {
            annotations: Some(Annotations {
                read_only,
                destructive,
                ..Annotations::default()
            }),
            ..Subject::new(SubjectKind::Tool, name, ExchangeId(1))
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
