//! Discovery, the revisions, the transport, and the clean-up.

use super::{Who, add, group, group_of};
use crate::codec::uri;
use crate::model::audit::Collected;
use crate::model::probe::{Plan, ProbeId, Tier};
use crate::stage::calls::MOST_RENEWALS;
use crate::stage::enumerate::MOST_LOOKS;
use crate::stage::{
    beside, every_door, forge, hardening, metadata, proofs, revoked, schemes, wrong_tokens,
};

/// Where nobody without a token sees which revisions are served, tokens look; and the key set is read
/// to forge what must be refused.
pub(super) fn looks(plan: &mut Plan, who: &Who, collected: &Collected) {
    let looking = who.valid.len().min(MOST_LOOKS);
    let servers = collected.discovery.authorization_servers.len().max(1);
    for (probe, requests) in [
        (ProbeId::DetectModern, looking),
        (ProbeId::DetectLegacy, looking + OLDER_REVISIONS),
        (ProbeId::DetectSse, 3 * looking),
        (ProbeId::KeySet, servers * looking.min(1)),
    ] {
        add(plan, probe, &who.valid, requests, true);
    }
}

pub(super) fn discovery(plan: &mut Plan, collected: &Collected) {
    let anonymous = vec!["anonymous".to_owned()];
    add(plan, ProbeId::DetectModern, &anonymous, 1, false);
    add(plan, ProbeId::DetectLegacy, &anonymous, 1, false);
    add(plan, ProbeId::DetectSse, &anonymous, 3, true);
    let places = metadata::resource_routes(&collected.discovery.endpoint);
    // One more where a challenge points somewhere else.
    let urls = places
        .iter()
        .map(|(_, url)| url.clone())
        .collect::<Vec<_>>();
    group(
        plan,
        ProbeId::ResourceMetadata,
        &anonymous,
        urls,
        places.len() + 1,
        false,
    );
    let servers = &collected.discovery.authorization_servers;
    let routes = servers.iter().map(|server| {
        uri::server_metadata_candidates(&server.issuer).map_or(0, |routes| routes.len())
    });
    let issuers = servers
        .iter()
        .map(|server| server.issuer.clone())
        .collect::<Vec<_>>();
    // Before anything is known: one server with the three routes of an issuer with a path.
    let requests = if servers.is_empty() { 3 } else { routes.sum() };
    group(
        plan,
        ProbeId::ServerMetadata,
        &anonymous,
        issuers,
        requests,
        servers.is_empty(),
    );
    if servers.is_empty() {
        add(plan, ProbeId::DefaultEndpoint, &anonymous, 2, true);
    }
}

pub(super) fn transport(plan: &mut Plan, collected: &Collected) {
    let baseline = collected.identities.baseline.clone();
    let who = baseline.clone().unwrap_or_else(|| "anonymous".to_owned());
    let mut origins = group_of(ProbeId::ForeignOrigin, &[who], Vec::new(), 4, false);
    if baseline.is_some() {
        origins.tier = Tier::Authenticated;
    }
    plan.groups.push(origins);
    let plain = hardening::plain_http(&collected.discovery.endpoint).is_some();
    add(
        plan,
        ProbeId::PlaintextEndpoint,
        &["anonymous".to_owned()],
        usize::from(plain),
        false,
    );
}

/// Doors beside the usual ones: spoofed fields without a token, and a wrong token elsewhere.
pub(super) fn wrong_tokens(plan: &mut Plan, who: &Who, collected: &Collected) {
    let anonymous = vec!["anonymous".to_owned()];
    add(
        plan,
        ProbeId::SpoofedIdentity,
        &anonymous,
        wrong_tokens::MOST_SPOOFS,
        true,
    );
    if who.valid.is_empty() {
        return;
    }
    add(
        plan,
        ProbeId::ForeignScheme,
        &anonymous,
        schemes::MOST,
        true,
    );
    if collected.identities.present.is_empty() {
        // Before any token is read, nobody knows how many copies it has.
        add(
            plan,
            ProbeId::ListTools,
            &who.refused,
            forge::MOST_MORE,
            true,
        );
    }
    add(
        plan,
        ProbeId::WrongTokenDoor,
        &who.all(),
        every_door::most(collected),
        true,
    );
    for (probe, requests) in [
        (ProbeId::ListTools, beside::MOST),
        (ProbeId::OpenSession, beside::MOST),
        (ProbeId::FlawedProof, proofs_of(who, collected)),
        (
            ProbeId::CloseSession,
            wrong_tokens::MOST_SPOOFS + every_door::closings(collected),
        ),
    ] {
        add(plan, probe, &who.valid, requests, true);
    }
}

/// Only tokens that the run obtained are bound to a key that it holds.
fn proofs_of(who: &Who, collected: &Collected) -> usize {
    let logged_in = collected.logins.is_empty();
    if who.minted.is_empty() && logged_in {
        0
    } else {
        proofs::MOST
    }
}

pub(super) fn closing(plan: &mut Plan, who: &Who, collected: &Collected) {
    let all = who.all();
    add(plan, ProbeId::CloseSession, &all, all.len(), true);
    add(
        plan,
        ProbeId::RevokeToken,
        &who.minted,
        // Its own and a refresh token, and those that both replaced.
        2 * (1 + MOST_RENEWALS) * who.minted.len(),
        true,
    );
    if !who.minted.is_empty() {
        let tries = revoked::most(collected);
        add(plan, ProbeId::RevokedToken, &who.minted, tries, true);
        add(plan, ProbeId::CloseSession, &who.minted, tries, true);
    }
}

/// Legacy revisions that are asked for one by one once a legacy one is served.
const OLDER_REVISIONS: usize = 2;
