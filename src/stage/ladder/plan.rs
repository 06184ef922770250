//! What a ladder may cost, counted before it is climbed.

use super::rungs::MOST_RUNGS;
use super::{MOST_SCOPES, varied};
use crate::model::audit::Collected;
use crate::model::identity::ScopeSet;
use crate::model::probe::{PlannedGroup, ProbeId};
use crate::model::settings::{Mint, Settings};
use crate::oracle::calibrate::Treatment;
use crate::stage::calls::{MOST_RENEWALS, Treatments};
use crate::stage::obtain;

/// Calls of a ladder, repeats not counted: each scope alone, all but each, none and all.
pub(crate) const fn budget(scopes: usize, subjects: usize) -> usize {
    (2 * scopes + 2) * subjects
}

/// Upper bounds; calls are counted per subject before the subjects are known.
pub(crate) fn planned(
    settings: &Settings,
    collected: &Collected,
    treatments: Option<&Treatments>,
) -> Vec<PlannedGroup> {
    let Some(mint) = &settings.mint else {
        return Vec::new();
    };
    let chosen = Some(&collected.ladder.from).filter(|from| !from.is_empty());
    let Some(from) = chosen.or(mint.from.first()) else {
        return Vec::new();
    };
    let person = |name: &String| {
        let mut sources = settings.identities.iter();
        let source = sources.find(|source| source.name == *name);
        let own = source.and_then(obtain::own);
        own.is_none_or(|own| own.grant.needs_a_person())
    };
    let people = mint.from.iter().filter(|name| person(name)).count();
    // Where several ways could lead to narrower tokens, each is tried with one first.
    let trials = match (mint.from.len(), people) {
        (1, 0) => 0,
        (candidates, people) => candidates + people,
    };
    let scopes = scopes(settings, collected, mint, from);
    let made = collected.ladder.rungs.len();
    let rungs = if treatments.is_some() {
        made
    } else {
        (2 * scopes + EXTRA).min(MOST_RUNGS)
    };
    let modern = collected
        .discovery
        .revision()
        .is_none_or(crate::model::target::Revision::is_modern);
    let listings = collected.surface.listings.iter();
    let pages = listings.map(|listing| listing.exchanges.len()).max();
    let pages = pages.unwrap_or(1).max(1);
    let sessions = if modern { 0 } else { 2 * rungs };
    // The two ends of the ladder are minted with the other identities.
    let ends = if treatments.is_some() { 0 } else { 2 };
    let mut groups = Vec::new();
    for (probe, requests) in [
        (
            ProbeId::MintToken,
            rungs * (1 + MOST_RENEWALS) + ends + trials,
        ),
        (ProbeId::Liveness, rungs * (1 + MOST_RENEWALS)),
        (ProbeId::OpenSession, sessions),
        (ProbeId::Initialized, sessions),
        (ProbeId::ListTools, rungs * pages),
        (ProbeId::UnknownName, 2 * rungs),
        (ProbeId::UnknownResource, rungs),
        (ProbeId::UnknownPrompt, rungs),
        (ProbeId::CloseSession, sessions / 2),
        // Each with the refresh token that it was asked with.
        (
            ProbeId::RevokeToken,
            rungs * (2 + MOST_RENEWALS) + 2 * (ends + trials),
        ),
    ] {
        groups.push(group(probe, from, requests, None));
    }
    if mint.by_login && people > 0 {
        let logins = rungs * (1 + MOST_RENEWALS) + ends + trials;
        for (probe, each) in [(ProbeId::LoginReturn, 1), (ProbeId::RedeemCode, 2)] {
            groups.push(group(probe, from, each * logins, None));
        }
        // Each login may bring a refresh token of its own.
        groups.push(group(ProbeId::RevokeToken, from, logins, None));
    }
    for probe in [
        ProbeId::CallValid,
        ProbeId::CallInvalid,
        ProbeId::CallListed,
        ProbeId::ReadResource,
        ProbeId::PromptGet,
    ] {
        // A refusal is seen twice, and a pass is confirmed once.
        let each = if probe == ProbeId::CallListed { 1 } else { 2 };
        let (requests, per) = match treatments {
            None => (each * budget(scopes, 1), Some("subject of its kind")),
            Some(treatments) => (each * budget(scopes, asked(treatments, probe)), None),
        };
        let possible = treatments.is_some() || probe != ProbeId::CallListed;
        if possible {
            groups.push(group(probe, from, requests, per));
        }
    }
    groups
}

/// How many scopes will be varied, as far as is known before anybody has signed in.
fn scopes(settings: &Settings, collected: &Collected, mint: &Mint, from: &str) -> usize {
    let mut sources = settings.identities.iter();
    if let Some(source) = sources.find(|source| source.name == *from) {
        return varied(mint, source).len();
    }
    let login = settings.login.as_ref().and_then(|it| it.scopes.as_ref());
    let made = collected.logins.last().and_then(|it| it.requested.as_ref());
    let document = collected.discovery.chosen_resource_metadata();
    let listed = || document.and_then(|it| Some(it.texts("scopes_supported")?.len()));
    let known = mint.scopes.as_ref().or(login).or(made);
    let count = known.map(ScopeSet::len).or_else(listed);
    count.unwrap_or_default().min(MOST_SCOPES)
}

fn asked(treatments: &Treatments, probe: ProbeId) -> usize {
    let as_this = |(id, treatment): &(&String, &Treatment)| match treatment {
        Treatment::NotTested { .. } | Treatment::Canary { .. } => false,
        Treatment::Invalid { .. } => probe == ProbeId::CallInvalid,
        Treatment::ListedCall { .. } => probe == ProbeId::CallListed,
        Treatment::Valid { .. } if id.starts_with("tool/") => probe == ProbeId::CallValid,
        Treatment::Valid { .. } if id.starts_with("prompt/") => probe == ProbeId::PromptGet,
        Treatment::Valid { .. } => probe == ProbeId::ReadResource,
    };
    treatments.iter().filter(as_this).count()
}

fn group(probe: ProbeId, from: &str, requests: usize, per: Option<&str>) -> PlannedGroup {
    PlannedGroup {
        probe,
        tier: probe.tier(),
        identities: vec![format!("{from}-…")],
        subjects: Vec::new(),
        requests,
        per: per.map(str::to_owned),
        conditional: true,
    }
}

/// Rungs for gates, challenges and what stays open, before any of it is known.
const EXTRA: usize = 12;
