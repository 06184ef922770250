//! Sessions, lists, controls and calls.

use super::{Who, add, group, group_of};
use crate::model::audit::Collected;
use crate::model::probe::{Plan, ProbeId, Unsettleable};
use crate::model::settings::Settings;
use crate::model::surface::SubjectKind;
use crate::oracle::calibrate::{self, Treatment};
use crate::stage::calls::{MOST_RENEWALS, Treatments, outside, vectors};
use crate::stage::doors;

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
    // A doubtful token is looked at once a round, and after it was replaced.
    add(plan, ProbeId::Liveness, &all, LOOKS * all.len(), true);
    for probe in [
        ProbeId::ListResources,
        ProbeId::ListResourceTemplates,
        ProbeId::ListPrompts,
    ] {
        // Two more for the baseline, which reads each list again.
        let lists = who.columns().len() + 2 * usize::from(!who.valid.is_empty());
        add(plan, probe, &who.columns(), lists * pages, true);
    }
}

/// What is asked at the doors beside tools; calls, reads and completions are counted with the others.
pub(super) fn doors(plan: &mut Plan, settings: &Settings, who: &Who, collected: &Collected) {
    let modern = collected
        .discovery
        .revision()
        .is_none_or(crate::model::target::Revision::is_modern);
    let told = (who.valid.len() + 1).min(doors::MOST_GREETED);
    let greeted = usize::from(modern) * told;
    add(plan, ProbeId::Introduce, &who.columns(), greeted, true);
    let values = doors::values_asked(collected);
    add(plan, ProbeId::Complete, &who.columns(), values, true);
    let watched = doors::subscriptions_planned(collected);
    add(plan, ProbeId::Subscribe, &who.valid, watched, true);
    let undone = usize::from(!modern) * watched;
    add(plan, ProbeId::Unsubscribe, &who.valid, undone, true);
    let tokens = usize::from(!who.valid.is_empty() && settings.reads);
    let objects = settings.objects.len().min(doors::MOST_OBJECTS) * doors::PER_OBJECT;
    let [strange, started, asked] = doors::tasks_planned(collected, settings);
    for (probe, requests) in [
        (ProbeId::FollowLink, tokens * doors::MOST_FOLLOWED),
        (
            ProbeId::GiveBackState,
            usize::from(modern) * tokens * doors::MOST_GIVEN_BACK,
        ),
        (ProbeId::ReadObject, objects),
        (ProbeId::StrangeTask, strange),
        (ProbeId::StartTask, started),
        (ProbeId::AskTask, asked),
    ] {
        add(plan, probe, &who.columns(), requests, true);
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
    collected: &Collected,
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
        ProbeId::Complete,
    ] {
        let subjects = treatments
            .iter()
            .filter(|(id, treatment)| probe_of(id, treatment) == Some(probe));
        let subjects = subjects.map(|(id, _)| id.clone()).collect::<Vec<_>>();
        // A refusal is asked again, a pass is confirmed in a second session, and the control comes
        // before and after; what the operator listed runs once.
        let each = if probe == ProbeId::CallListed {
            1
        } else {
            usize::from(settings.calls.repeat).max(2)
        };
        let requests = subjects.len() * columns.len() * each;
        let again = subjects.len() * who.minted.len() * MOST_RENEWALS;
        group(plan, probe, &columns, subjects, requests, each > 1);
        // What a token that ended was asked is asked again with its successor.
        add(plan, probe, &who.minted, again, true);
    }
    let vectors = vectors::all(settings, collected, treatments);
    for (probe, listed) in [(ProbeId::CallValid, false), (ProbeId::CallListed, true)] {
        let of_kind = vectors
            .iter()
            .filter(|vector| matches!(vector.treatment, Treatment::ListedCall { .. }) == listed);
        let subjects: Vec<String> = of_kind.map(|vector| vector.subject.clone()).collect();
        let requests = subjects.len() * (columns.len() + 1);
        group(plan, probe, &columns, subjects, requests, false);
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
        Treatment::NotTested { .. } | Treatment::Canary { .. } => None,
        Treatment::Invalid { .. } => Some(ProbeId::CallInvalid),
        Treatment::ListedCall { .. } => Some(ProbeId::CallListed),
        Treatment::Valid { .. } if is(SubjectKind::Tool) => Some(ProbeId::CallValid),
        Treatment::Valid { .. } if is(SubjectKind::Prompt) => Some(ProbeId::PromptGet),
        Treatment::Valid { .. } if is(SubjectKind::Completion) => Some(ProbeId::Complete),
        Treatment::Valid { .. } => Some(ProbeId::ReadResource),
    }
}

/// Looks at one token: doubts, replacements, and doubts about these.
const LOOKS: usize = 6;
