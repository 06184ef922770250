//! What judges of ways round share: the attempts of one way, grouped by the tool they reached.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::bypass::{Attempt, Passage};
use crate::model::matrix::Confidence;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};

use super::case::{Case, Draft};
use super::evidence::Evidence;
use super::scopes;

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
            "no tool was refused to one token and open to another, so there is no gate to get \
             round in this way"
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
pub(crate) fn held(evidence: &Evidence<'_>, way: ProbeId) -> Verdict {
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
    let far = if ran {
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
