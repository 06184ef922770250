//! What an audit would send, counted before it is sent. Pure.

mod calls;
mod clients;
mod listed;
mod target;

use crate::model::audit::Collected;
use crate::model::identity::IdentityKind;
use crate::model::probe::{Plan, PlannedGroup, ProbeId};
use crate::model::settings::{CredentialSource, Settings};

use super::calls::Treatments;

pub(crate) use listed::shown;

/// The plan from what is known: before the surface is read, calls are counted per subject.
pub fn plan(settings: &Settings, collected: &Collected, treatments: Option<&Treatments>) -> Plan {
    let who = Who::new(settings, collected);
    let mut plan = Plan::default();
    target::discovery(&mut plan, collected);
    target::looks(&mut plan, &who, collected);
    clients::registration(&mut plan, settings, collected);
    clients::the_login(&mut plan, settings, collected);
    clients::people(&mut plan, settings);
    clients::documents(&mut plan, settings, collected);
    clients::minting(&mut plan, &who);
    clients::nonces(&mut plan, settings, collected, &who);
    plan.groups
        .extend(super::token_endpoint::planned(settings, collected));
    calls::sessions(&mut plan, &who, collected);
    calls::controls(&mut plan, &who, collected);
    calls::calls(&mut plan, settings, &who, collected, treatments);
    let canaries = super::canary::plan::planned(settings, collected, &who.columns(), treatments);
    plan.groups.extend(canaries);
    listed::listed(&mut plan, settings, &who, collected, treatments);
    calls::doors(&mut plan, settings, &who, collected);
    let ladder = super::ladder::plan::planned(settings, collected, treatments);
    plan.groups.extend(ladder);
    calls::on_request(&mut plan, settings, collected);
    plan.groups
        .extend(super::bypass::plan::planned(settings, collected));
    plan.groups
        .extend(super::bypass::plan::eras(settings, collected));
    target::transport(&mut plan, collected);
    plan.groups.extend(super::transport::planned(collected));
    target::wrong_tokens(&mut plan, &who, collected);
    plan.groups.extend(super::certificates::planned(settings));
    target::closing(&mut plan, &who, collected);
    plan.groups.retain(|group| group.requests > 0);
    plan
}

/// Names of the identities that will take part, by what they do.
struct Who {
    refused: Vec<String>,
    /// Those of the refused that are a column of the matrix because the operator gave them.
    lent: Vec<String>,
    valid: Vec<String>,
    minted: Vec<String>,
}

impl Who {
    fn new(settings: &Settings, collected: &Collected) -> Self {
        // The rungs of a ladder are counted with the ladder.
        let rungs = &collected.ladder;
        let present = collected.identities.present.iter();
        let present: Vec<_> = present.filter(|it| !rungs.has(&it.name)).collect();
        if !present.is_empty() {
            let of = |wanted: bool| {
                let names = present
                    .iter()
                    .filter(|i| i.kind.must_be_refused() == wanted);
                names
                    .map(|identity| identity.name.clone())
                    .collect::<Vec<_>>()
            };
            let minted = present.iter().filter(|identity| {
                matches!(
                    identity.provenance,
                    crate::model::identity::Provenance::Minted { .. }
                )
            });
            let minted = minted.map(|identity| identity.name.clone()).collect();
            let lent = present.iter().filter(|identity| is_lent(identity.kind));
            return Self {
                refused: of(true),
                lent: lent.map(|identity| identity.name.clone()).collect(),
                valid: of(false),
                minted,
            };
        }
        let named = |wanted: fn(&CredentialSource) -> bool| {
            let sources = settings
                .identities
                .iter()
                .filter(move |s| wanted(&s.credential));
            sources
                .map(|source| source.name.clone())
                .collect::<Vec<_>>()
        };
        let of = |wanted: fn(IdentityKind) -> bool| {
            let sources = settings.identities.iter().filter(move |s| wanted(s.kind));
            sources.map(|source| source.name.clone()).collect()
        };
        Self {
            refused: ["anonymous", "garbage", "garbage-jwt"]
                .map(str::to_owned)
                .to_vec(),
            lent: of(is_lent),
            valid: of(|kind| kind == IdentityKind::Valid),
            minted: named(|source| matches!(source, CredentialSource::Grant(_)))
                .into_iter()
                .chain(settings.login.iter().map(|login| login.name.clone()))
                .collect(),
        }
    }

    fn columns(&self) -> Vec<String> {
        let mut names = vec!["anonymous".to_owned(), "garbage".to_owned()];
        names.extend(self.lent.iter().chain(&self.valid).cloned());
        names
    }

    fn all(&self) -> Vec<String> {
        self.refused.iter().chain(&self.valid).cloned().collect()
    }
}

const fn is_lent(kind: IdentityKind) -> bool {
    matches!(kind, IdentityKind::Expired | IdentityKind::ForeignAudience)
}

fn add(plan: &mut Plan, probe: ProbeId, who: &[String], requests: usize, conditional: bool) {
    group(plan, probe, who, Vec::new(), requests, conditional);
}

fn group(
    plan: &mut Plan,
    probe: ProbeId,
    who: &[String],
    subjects: Vec<String>,
    requests: usize,
    conditional: bool,
) {
    plan.groups
        .push(group_of(probe, who, subjects, requests, conditional));
}

fn group_of(
    probe: ProbeId,
    who: &[String],
    subjects: Vec<String>,
    requests: usize,
    conditional: bool,
) -> PlannedGroup {
    PlannedGroup {
        probe,
        tier: probe.tier(),
        identities: who.to_vec(),
        subjects,
        requests,
        per: None,
        conditional,
    }
}
