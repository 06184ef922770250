//! What judges of ways round share: the attempts of one way, grouped by the tool they reached.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::bypass::{Attempt, Passage};
use crate::model::matrix::Confidence;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};

use super::case::{Case, Draft};
use super::evidence::Evidence;
use super::scopes;

/// Reads what a way came to; `how` completes "… when it is asked".
pub(crate) fn judge(evidence: &Evidence<'_>, way: ProbeId, how: &str) -> Verdict {
    if let Some(verdict) = untried(evidence, way) {
        return verdict;
    }
    let mut case = evidence.case();
    weigh(&mut case, evidence, way, how);
    case.verdict(held(evidence, way))
}

/// The attempts of a way, in order.
pub(crate) fn attempts<'a>(
    evidence: &Evidence<'a>,
    way: ProbeId,
) -> impl Iterator<Item = &'a Attempt> {
    let attempts = evidence.collected().bypass.attempts.iter();
    attempts.filter(move |attempt| attempt.way == way)
}

/// Why a way was not tried with anything that was refused.
pub(crate) fn untried(evidence: &Evidence<'_>, way: ProbeId) -> Option<Verdict> {
    let bypass = &evidence.collected().bypass;
    if let Some(reason) = &bypass.skipped {
        return Some(Verdict::Inconclusive {
            reason: reason.clone(),
            decided_by: Some(SWITCH.to_owned()),
        });
    }
    let tried = attempts(evidence, way).any(|attempt| attempt.identity.is_some());
    (!tried).then(|| {
        Verdict::NotApplicable(
            "no tool, resource or prompt was refused to one token and open to another, so there is no \
             gate to get round in this way"
                .to_owned(),
        )
    })
}

/// Files what got through and what stays open; `how` completes "… when it is asked".
pub(crate) fn weigh(case: &mut Case<'_>, evidence: &Evidence<'_>, way: ProbeId, how: &str) {
    let mut through: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    for attempt in attempts(evidence, way).filter(|attempt| attempt.identity.is_some()) {
        match attempt.passage {
            Passage::Through => through.entry(&attempt.subject).or_default().push(attempt),
            Passage::Open => case.doubt(open(attempt), None),
            Passage::Held | Passage::Closed => {}
        }
    }
    for (subject, attempts) in through {
        case.breach(found(subject, &attempts, how));
    }
}

/// What is said when every form was refused.
fn held(evidence: &Evidence<'_>, way: ProbeId) -> Verdict {
    let tried = || attempts(evidence, way).filter(|attempt| attempt.identity.is_some());
    let refused = tried()
        .filter(|attempt| attempt.passage == Passage::Held)
        .count();
    let closed = tried()
        .filter(|attempt| attempt.passage == Passage::Closed)
        .count();
    Verdict::Held(format!(
        "{refused} form(s) of refused calls were refused as well, and {closed} got nobody through"
    ))
}

fn found(subject: &str, attempts: &[&Attempt], how: &str) -> Draft {
    let forms: BTreeSet<&str> = attempts
        .iter()
        .map(|attempt| attempt.form.as_str())
        .collect();
    let who: BTreeSet<&str> = attempts
        .iter()
        .filter_map(|attempt| attempt.identity.as_deref())
        .collect();
    let ran = attempts.iter().any(|attempt| attempt.valid);
    let tool = subject.starts_with("tool/");
    let far = if ran && !tool {
        "was given"
    } else if ran {
        "ran"
    } else {
        "got as far as its arguments"
    };
    let name = subject.split_once('/').map_or(subject, |(_, name)| name);
    let message = format!(
        "`{name}` is refused to {}, and {far} for it when it is asked {how} ({}); expected the \
         same refusal",
        scopes::names(who),
        scopes::names(forms),
    );
    let confirmed = attempts.iter().any(|attempt| attempt.again.is_some());
    let sure = if ran && confirmed {
        Confidence::Proven
    } else {
        Confidence::Strong
    };
    let mut draft = Draft::new(subject, message).confidence(sure);
    for attempt in attempts {
        draft = draft.also(&attempt.weak, "the same call in another form got through");
    }
    for attempt in attempts.iter().take(1) {
        draft = draft
            .also(&attempt.strong, "the control in the same form")
            .also(&attempt.refused, "the plain call was refused")
            .also(&attempt.granted, "the plain call of the control");
        if let Some(again) = attempt.again {
            draft = draft
                .at(again.form, Part::Status, "again in a second session")
                .at(
                    again.plain,
                    Part::Status,
                    "the plain call there was refused",
                );
        }
    }
    draft
}

fn open(attempt: &Attempt) -> String {
    let who = attempt.identity.as_deref().unwrap_or_default();
    format!(
        "`{}` as `{}` of {}: {}",
        attempt.form, who, attempt.subject, attempt.reason
    )
}

/// What lets a way be tried.
const SWITCH: &str = "a run without `--no-bypass`";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    /// The checks whose judge is [`judge`].
    const CHECKS: [(&str, ProbeId); 5] = [
        ("second-token-decides", ProbeId::TwoTokens),
        ("argument-form-not-checked", ProbeId::ArgumentsForm),
        ("method-spelling-not-checked", ProbeId::MethodSpelling),
        ("name-spelling-not-checked", ProbeId::NameSpelling),
        ("batched-call-not-checked", ProbeId::CallInArray),
    ];

    fn world(way: ProbeId, passage: Passage) -> World {
        let mut world = World::guarded();
        world.revision(Revision::R2026_07);
        world.attempt(way, "a-form", passage);
        world
    }

    #[test]
    fn a_form_that_gets_through_is_broken() {
        for (id, way) in CHECKS {
            let Verdict::Broken(findings) = world(way, Passage::Through).verdict(id) else {
                panic!("{id}: expected a finding");
            };
            assert!(
                findings[0].message.contains("`a-form`"),
                "{id}: {}",
                findings[0].message
            );
            assert_eq!(findings[0].subject, "tool/delete_note", "{id}");
        }
    }

    #[test]
    fn a_form_that_is_refused_holds_and_so_does_one_that_nobody_passes() {
        for (id, way) in CHECKS {
            let mut world = world(way, Passage::Held);
            world.attempt(way, "another", Passage::Closed);
            assert_eq!(world.status(id), Status::Pass, "{id}");
        }
    }

    #[test]
    fn a_missing_answer_decides_nothing() {
        for (id, way) in CHECKS {
            let status = world(way, Passage::Open).status(id);
            assert_eq!(status, Status::Inconclusive, "{id}");
        }
    }

    #[test]
    fn without_a_refused_call_there_is_nothing_to_get_round() {
        for (id, _) in CHECKS {
            let mut world = World::guarded();
            world.revision(Revision::R2026_07);
            assert_eq!(world.status(id), Status::NotApplicable, "{id}");
            world.collected.bypass.skipped = Some("switched off".to_owned());
            let Verdict::Inconclusive { decided_by, .. } = world.verdict(id) else {
                panic!("{id}: expected an inconclusive verdict");
            };
            let named = decided_by.is_some_and(|flag| flag.contains("--no-bypass"));
            assert!(named, "{id}");
        }
    }
}
