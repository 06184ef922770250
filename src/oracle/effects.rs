//! What a call was seen to bring about goes before what its answer says (oracle §6.2).

use super::call_steps;
use super::cascade::Observation;
use super::observe::Answer;
use crate::model::canary::Effect;
use crate::model::matrix::{Class, Confidence, Inference, Layer};

/// What an answer means once its effect was looked for.
pub(super) fn judged(seen: Observation, answer: &Answer) -> Observation {
    match answer.effect {
        Some(Effect::Shown) => Observation::new(Class::ExecutedOk, "S16", Layer::Unknown)
            .shows(Inference::CallPassed, Confidence::Proven),
        // Like the positive control, and with a word of its own: as good as read back.
        Some(Effect::Echoed) if seen.inference == Inference::CallPassed => seen,
        Some(Effect::Absent) if answer.shape.is_success() => refused_in_silence(seen),
        Some(_) if answer.shape.is_success() && seen.inference == Inference::CallPassed => {
            Observation::new(Class::Ambiguous, "S16", Layer::Unknown)
        }
        _ => seen,
    }
}

/// Whether a call of the positive control ran.
pub(super) fn ran(answer: &Answer, effect: Effect) -> bool {
    match effect {
        Effect::Shown => true,
        Effect::Echoed => call_steps::shows_execution(answer),
        Effect::Absent | Effect::Unknown => false,
    }
}

/// A success without an effect is a refusal that does not say so; what words it has name it.
fn refused_in_silence(seen: Observation) -> Observation {
    match seen.inference {
        Inference::CallRefused | Inference::RefusedDownstream => seen,
        _ => Observation::new(Class::Ambiguous, "S16", Layer::Unknown)
            .shows(Inference::RefusedCauseUnknown, Confidence::Weak),
    }
}

#[cfg(test)]
#[path = "effects_tests.rs"]
mod tests;
