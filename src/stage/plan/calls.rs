//! Sessions, lists, controls and calls.

use super::{Who, add, group, group_of};
use crate::model::audit::Collected;
use crate::model::probe::{Plan, ProbeId, Unsettleable};
use crate::model::settings::Settings;
use crate::model::surface::SubjectKind;
use crate::oracle::calibrate::{self, Treatment};
use crate::stage::calls::{Treatments, outside};

pub(super) fn sessions(plan: &mut Plan, who: &Who, collected: &Collected) {
    let all = who.all();
    let modern = collected
        .discovery
        .revision()
        .is_none_or(crate::model::target::Revision::is_modern);
    let at_doors = who.refused.len() - 1;
    if modern {
        // Stateless: only credentials that must be refused try `server/discover` and `initialize`.
        let refused = &who.refused;
        let doors = if collected.discovery.audited.is_some() {
            at_doors
        } else {
            2 * at_doors
        };
        add(plan, ProbeId::OpenSession, refused, doors, false);
    } else {
        // A second session confirms what passed.
        add(plan, ProbeId::OpenSession, &all, 2 * all.len(), false);
        add(plan, ProbeId::OpenSession, &who.refused, at_doors, true);
        add(plan, ProbeId::Initialized, &all, 2 * all.len(), true);
    }
    let listings = collected.surface.listings.iter();
    let pages = listings.map(|listing| listing.exchanges.len()).max();
    let pages = pages.unwrap_or(1).max(1);
    add(
        plan,
        ProbeId::ListTools,
        &all,
        (all.len() + 4) * pages,
        false,
    );
    for probe in [
        ProbeId::ListResources,
        ProbeId::ListResourceTemplates,
        ProbeId::ListPrompts,
    ] {
        add(
            plan,
            probe,
            &who.columns(),
            who.columns().len() * pages,
            true,
        );
    }
}

pub(super) fn controls(plan: &mut Plan, who: &Who, collected: &Collected) {
    let all = who.all();
    let requests = who.refused.len() + 2 * who.valid.len();
    add(plan, ProbeId::UnknownName, &all, requests, false);
    add(
        plan,
        ProbeId::UnknownResource,
        &who.valid,
        who.valid.len(),
        true,
    );
    add(
        plan,
        ProbeId::UnknownPrompt,
        &who.valid,
        who.valid.len(),
        true,
    );
    if !who.valid.is_empty() {
        let baseline = collected
            .identities
            .baseline
            .iter()
            .cloned()
            .collect::<Vec<_>>();
        let preflights = calibrate::MOST_PREFLIGHTS;
        add(plan, ProbeId::Calibrate, &baseline, preflights, true);
    }
}

/// What is sent only where the operator asked for it.
pub(super) fn on_request(plan: &mut Plan, settings: &Settings, collected: &Collected) {
    let baseline: Vec<String> = collected.identities.baseline.iter().cloned().collect();
    let calls = settings.calls.observe_limit.unwrap_or_default();
    add(plan, ProbeId::CallBurst, &baseline, calls, true);
    if settings.calls.traversal {
        let reads = outside::planned(&collected.surface.subjects);
        add(plan, ProbeId::ReadOutside, &baseline, reads, true);
    }
}

pub(super) fn calls(
    plan: &mut Plan,
    settings: &Settings,
    who: &Who,
    treatments: Option<&Treatments>,
) {
    let columns = who.columns();
    let Some(treatments) = treatments else {
        for probe in [
            ProbeId::CallValid,
            ProbeId::CallInvalid,
            ProbeId::ReadResource,
            ProbeId::PromptGet,
        ] {
            if !who.valid.is_empty() && (settings.reads || probe == ProbeId::CallInvalid) {
                let mut planned = group_of(probe, &columns, Vec::new(), 2 * columns.len(), true);
                planned.per = Some("subject of its kind".to_owned());
                plan.groups.push(planned);
            }
        }
        return;
    };
    for probe in [
        ProbeId::CallValid,
        ProbeId::CallInvalid,
        ProbeId::CallListed,
        ProbeId::ReadResource,
        ProbeId::PromptGet,
    ] {
        let subjects = treatments
            .iter()
            .filter(|(id, treatment)| probe_of(id, treatment) == Some(probe));
        let subjects = subjects.map(|(id, _)| id.clone()).collect::<Vec<_>>();
        // A refusal is asked again, a pass is confirmed in a second session, and the control comes
        // before and after; what the operator listed runs once.
        let each = if probe == ProbeId::CallListed { 1 } else { 2 };
        let requests = subjects.len() * columns.len() * each;
        group(plan, probe, &columns, subjects, requests, each > 1);
    }
    for (id, treatment) in treatments {
        if let Treatment::NotTested { reason, decided_by } = treatment {
            plan.unsettleable.push(Unsettleable {
                what: id.clone(),
                reason: reason.clone(),
                decided_by: decided_by.clone(),
            });
        }
    }
}

fn probe_of(id: &str, treatment: &Treatment) -> Option<ProbeId> {
    let is = |kind: SubjectKind| id.starts_with(&format!("{}/", kind.as_str()));
    match treatment {
        Treatment::NotTested { .. } => None,
        Treatment::Invalid { .. } => Some(ProbeId::CallInvalid),
        Treatment::ListedCall { .. } => Some(ProbeId::CallListed),
        Treatment::Valid { .. } if is(SubjectKind::Tool) => Some(ProbeId::CallValid),
        Treatment::Valid { .. } if is(SubjectKind::Prompt) => Some(ProbeId::PromptGet),
        Treatment::Valid { .. } => Some(ProbeId::ReadResource),
    }
}
