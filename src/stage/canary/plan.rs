//! What calls on objects of the run's own may cost, counted before they are sent.

use super::MOST_TOOLS;
use crate::model::audit::Collected;
use crate::model::canary::CanaryRule;
use crate::model::identity::IdentityKind;
use crate::model::probe::{PlannedGroup, ProbeId, Tier};
use crate::model::settings::Settings;
use crate::oracle::calibrate::{self, Treatment};
use crate::oracle::wants::MOST_CANARIES;
use crate::stage::calls::{self, Treatments};

/// Upper bounds for these identities and for the rungs of a ladder; another user's part is counted
/// where there is one.
pub(crate) fn planned(
    settings: &Settings,
    collected: &Collected,
    columns: &[String],
    treatments: Option<&Treatments>,
) -> Vec<PlannedGroup> {
    if !settings.allows(Tier::Destructive) {
        return Vec::new();
    }
    let rules = rules(settings, treatments);
    let rungs = collected.ladder.rungs.len();
    let mut sources = settings.identities.iter();
    let others = usize::from(sources.any(|source| source.kind == IdentityKind::OtherUser));
    // What is asked once more over a second session, and once more for the other user.
    let asking = calls::columns(collected).len().max(columns.len());
    let turns = (asking + rungs) * (MOST_CANARIES + 2) + others;
    let subjects: Vec<String> = rules.iter().map(|(id, _)| id.clone()).collect();
    let each = |count: fn(&CanaryRule) -> usize| -> usize {
        rules.iter().map(|(_, rule)| count(rule)).sum::<usize>()
    };
    let makes = each(|rule| usize::from(rule.make.is_some()));
    let reads = each(|rule| usize::from(rule.read_back.is_some()));
    let undoes = each(|rule| usize::from(rule.undo.is_some()));
    let calls = rules.len();
    let groups = [
        (ProbeId::MakeCanary, makes * turns),
        (ProbeId::CallCanary, calls * (turns - others)),
        (ProbeId::ReadCanary, reads * (3 * turns + 2)),
        (ProbeId::AskCanary, others * (calls + 4 * reads)),
        (ProbeId::RemoveCanary, undoes * turns),
    ];
    let groups = groups.into_iter().map(|(probe, requests)| PlannedGroup {
        probe,
        tier: probe.tier(),
        identities: columns.to_vec(),
        subjects: subjects.clone(),
        requests,
        per: None,
        conditional: true,
    });
    groups.collect()
}

/// The rules that apply, by subject: before the tools are known, all of them.
pub(crate) fn rules<'s>(
    settings: &'s Settings,
    treatments: Option<&Treatments>,
) -> Vec<(String, &'s CanaryRule)> {
    let named = settings.tools.iter().filter(|rule| rule.canary.is_some());
    let named = named.filter_map(|rule| {
        let id = crate::model::surface::SubjectKind::Tool.subject_id(&rule.name);
        let canary = calibrate::canary_of(&settings.tools, &rule.name)?;
        let treated =
            treatments.is_none_or(|known| matches!(known.get(&id), Some(Treatment::Canary { .. })));
        treated.then_some((id, canary))
    });
    let mut named: Vec<(String, &CanaryRule)> = named.collect();
    named.dedup_by(|one, other| one.0 == other.0);
    named.truncate(MOST_TOOLS);
    named
}
