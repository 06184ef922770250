//! What the ways round cost at most: forms × refused calls, and as much for the control.

use super::forms::MOST_FORMS;
use crate::model::audit::Collected;
use crate::model::identity::IdentityKind;
use crate::model::probe::{PlannedGroup, ProbeId};
use crate::model::settings::Settings;
use crate::oracle::bypass::{MOST_IDENTITIES, MOST_SUBJECTS};

/// Upper bounds; before anything is refused nothing is certain.
pub(crate) fn planned(settings: &Settings, collected: &Collected) -> Vec<PlannedGroup> {
    if !settings.bypass.allowed {
        return Vec::new();
    }
    let present = collected
        .identities
        .valid()
        .map(|identity| identity.name.clone());
    let mut who: Vec<String> = present.collect();
    if collected.identities.present.is_empty() {
        let sources = settings.identities.iter();
        let valid = sources.filter(|source| source.kind == IdentityKind::Valid);
        who = valid.map(|source| source.name.clone()).collect();
    }
    if who.is_empty() {
        return Vec::new();
    }
    // One call can be asked by the control alone, where nobody was refused.
    let calls = (who.len() - 1).min(MOST_IDENTITIES) * MOST_SUBJECTS;
    // The control and whoever was refused; then whoever was refused once more, beside the plain call.
    let forms = |forms: usize| forms * (3 * calls).max(1);
    let all: usize = MOST_FORMS.iter().map(|(_, most)| most).sum();
    let mut bounds: Vec<(ProbeId, usize)> = MOST_FORMS
        .into_iter()
        .map(|(way, most)| {
            // Arrays go to a second revision as well.
            let places = if way == ProbeId::CallInArray { 2 } else { 1 };
            (way, forms(places * most))
        })
        .collect();
    bounds.extend([
        (ProbeId::PlainAgain, 2 * calls + all * calls),
        (ProbeId::PassingSession, 2 * 3 * who.len()),
        (ProbeId::CloseSession, 3 * who.len()),
    ]);
    bounds
        .into_iter()
        .map(|(probe, requests)| PlannedGroup {
            probe,
            tier: probe.tier(),
            identities: who.clone(),
            subjects: Vec::new(),
            requests,
            per: None,
            conditional: true,
        })
        .collect()
}
