//! What the ways round cost at most: forms × refused calls, and as much for the control.

use super::forms::MOST_FORMS;
use super::{doors, kept, sessions, tokens};
use crate::model::audit::Collected;
use crate::model::identity::IdentityKind;
use crate::model::probe::{PlannedGroup, ProbeId};
use crate::model::settings::Settings;
use crate::model::surface::SubjectKind;
use crate::oracle::bypass::{MOST_DOORS, MOST_IDENTITIES, MOST_SUBJECTS};
use crate::stage::eras;

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
    // Where narrower tokens come later, the control had been alone before.
    let alone = usize::from(settings.mint.is_some() || calls == 0);
    let forms = |forms: usize| forms * (3 * calls + alone);
    let all: usize = MOST_FORMS.iter().map(|(_, most)| most).sum();
    let mut bounds: Vec<(ProbeId, usize)> = MOST_FORMS
        .into_iter()
        .map(|(way, most)| {
            // Arrays go to a second revision as well.
            let places = if way == ProbeId::CallInArray { 2 } else { 1 };
            let of_doors = doors::MOST_FORMS.iter().find(|(door, _)| *door == way);
            let of_doors = of_doors.map_or(0, |(_, most)| 3 * MOST_DOORS * most);
            (way, forms(places * most) + of_doors)
        })
        .collect();
    let of_doors: usize = doors::MOST_FORMS.iter().map(|(_, most)| most).sum();
    bounds.extend([
        (
            ProbeId::PlainAgain,
            2 * calls + all * calls + of_doors * MOST_DOORS,
        ),
        // Arrays, confirmations in two revisions and of kept answers, and the session that is lent.
        (ProbeId::PassingSession, 2 * (4 * who.len() + 4)),
        (ProbeId::CloseSession, 4 * who.len() + 4 + tokens::MOST),
        (ProbeId::BorrowedSession, sessions::MOST),
        (ProbeId::KeptAnswer, kept::MOST),
        (
            ProbeId::QueryToken,
            2 + 3 * usize::from(settings.bypass.query_token),
        ),
        (ProbeId::TwoTokens, 2),
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

/// The other revisions: sessions, lists, random names, and each call twice.
pub(crate) fn eras(settings: &Settings, collected: &Collected) -> Vec<PlannedGroup> {
    let others = eras::others(collected).len();
    let names: Vec<String> = eras::who(collected).into_iter().map(|it| it.name).collect();
    if !settings.bypass.allowed || others == 0 || names.len() < 2 {
        return Vec::new();
    }
    let tools = collected.surface.subjects.iter();
    let tools = tools
        .filter(|subject| subject.kind == SubjectKind::Tool)
        .count();
    let asked = names.len() * others;
    [
        (ProbeId::EraSession, 3 * asked),
        (ProbeId::EraList, asked),
        (ProbeId::EraUnknown, 2 * asked),
        (ProbeId::EraCall, 2 * asked * tools.min(eras::MOST_TOOLS)),
        (ProbeId::CloseSession, asked),
    ]
    .into_iter()
    .map(|(probe, requests)| PlannedGroup {
        probe,
        tier: probe.tier(),
        identities: names.clone(),
        subjects: Vec::new(),
        requests,
        per: None,
        conditional: true,
    })
    .collect()
}
