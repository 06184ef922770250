//! Clients: registration, the front channel, logins, documents, and tokens for identities.

use super::{Who, add};
use crate::model::audit::Collected;
use crate::model::client_documents::DocumentVariant;
use crate::model::grant::Grant;
use crate::model::probe::{Plan, ProbeId, Tier, Unsettleable};
use crate::model::settings::{CredentialSource, Settings};
use crate::oracle::client_documents;
use crate::stage::calls::MOST_RENEWALS;
use crate::stage::{front, login};

pub(super) fn registration(plan: &mut Plan, settings: &Settings, collected: &Collected) {
    let anonymous = vec!["anonymous".to_owned()];
    let servers = &collected.discovery.authorization_servers;
    let advertised = servers.iter().filter(|server| {
        server
            .chosen()
            .is_some_and(|metadata| metadata.text("registration_endpoint").is_some())
    });
    let advertised = advertised.count();
    let silent = servers.len() - advertised;
    let unknown = servers.is_empty() && collected.discovery.audited.is_none();
    add(
        plan,
        ProbeId::RegistrationGate,
        &anonymous,
        advertised.max(usize::from(unknown)),
        unknown,
    );
    add(
        plan,
        ProbeId::RegistrationPlaintext,
        &anonymous,
        advertised,
        true,
    );
    add(
        plan,
        ProbeId::ShadowRegistration,
        &anonymous,
        5 * silent,
        true,
    );
    front(plan, settings, collected);
    let burst = settings.observe_rate_limit.unwrap_or_default();
    if settings.allows(Tier::Register) {
        for (probe, requests) in [
            (ProbeId::Register, 3),
            (ProbeId::AuthorizeClient, 2),
            (ProbeId::RegisterHostile, 7),
            (ProbeId::RegisterMachine, 1),
            (ProbeId::RegisterBare, 1),
            (ProbeId::RegisterScopes, 1),
            (ProbeId::RegisterName, 1),
            (ProbeId::RegisterLoopback, 2),
            (ProbeId::RegisterGrants, 3),
            (ProbeId::RegisterStatement, 2),
            (ProbeId::RegisterBurst, burst),
            (ProbeId::AuthorizeRedirect, 10),
            (ProbeId::AuthorizeScope, 2),
            (ProbeId::MintStranger, 2),
            (ProbeId::RevokeStranger, 4),
            (ProbeId::ForeignRecord, 8),
            (ProbeId::DeleteClient, MOST_CLIENTS + burst),
            (ProbeId::ReadClient, MOST_CLIENTS + burst),
            (ProbeId::AuthorizeDocument, DocumentVariant::ALL.len()),
        ] {
            add(
                plan,
                probe,
                &anonymous,
                requests * servers.len().max(1),
                true,
            );
        }
    } else if advertised + usize::from(unknown) > 0 {
        plan.unsettleable.push(Unsettleable {
            what: "registration-open".to_owned(),
            reason: "no client is registered without consent, so an endpoint that is reachable \
                     without a token stays undetermined"
                .to_owned(),
            decided_by: Some("--allow register".to_owned()),
        });
    }
}

/// Authorization requests without a login: two clients of the run at most, and the operator's.
fn front(plan: &mut Plan, settings: &Settings, collected: &Collected) {
    let anonymous = vec!["anonymous".to_owned()];
    let servers = &collected.discovery.authorization_servers;
    let unknown = servers.is_empty();
    let asked = servers.iter().filter(|server| {
        server
            .chosen()
            .is_some_and(|metadata| metadata.text("authorization_endpoint").is_some())
    });
    let asked = asked.count().max(usize::from(unknown));
    let registered = if settings.allows(Tier::Register) {
        2 * asked
    } else {
        0
    };
    let clients = registered + usize::from(settings.client.is_some() && asked > 0);
    for (probe, requests, conditional) in [
        (
            ProbeId::AuthorizeStranger,
            asked * front::STRANGER_ASKS,
            unknown,
        ),
        (
            ProbeId::AuthorizeChanged,
            clients * front::ASKS_PER_CLIENT,
            true,
        ),
        (ProbeId::FollowRedirect, asked * front::FOLLOWED, true),
    ] {
        add(plan, probe, &anonymous, requests, conditional);
    }
}

/// Upper bounds: six authorizations, each code tried in up to six ways.
pub(super) fn the_login(plan: &mut Plan, settings: &Settings, collected: &Collected) {
    let Some(request) = &settings.login else {
        return;
    };
    let who = vec![request.name.clone()];
    let registers = request.client.is_none() && settings.allows(Tier::Register);
    let device = usize::from(request.device);
    let known = collected.logins.iter().map(|login| {
        let issued = |answer: &crate::model::login::TokenAnswer| usize::from(answer.issued);
        let redeemed = login.redemptions.iter().map(|it| issued(&it.answer));
        let refreshed = login.refreshes.iter().map(|it| issued(&it.answer));
        2 * (redeemed.sum::<usize>() + refreshed.sum::<usize>())
    });
    let tokens = known.max().unwrap_or(12);
    for (probe, requests) in [
        (ProbeId::RegisterLogin, 2 * usize::from(registers)),
        (ProbeId::LoginReturn, 6 * (1 - device)),
        (ProbeId::AuthorizeBare, 2 * (1 - device)),
        (ProbeId::DeviceAuthorization, device),
        (
            ProbeId::RedeemCode,
            if request.device {
                login::MOST_POLLS
            } else {
                25
            },
        ),
        (ProbeId::RefreshToken, 6),
        (ProbeId::RevokeToken, tokens),
        (ProbeId::DeleteClient, 2 * usize::from(registers)),
    ] {
        add(plan, probe, &who, requests, true);
    }
}

/// People who sign in for identities, and again where their token ends and nothing renews it.
pub(super) fn people(plan: &mut Plan, settings: &Settings) {
    for source in &settings.identities {
        let CredentialSource::Grant(request) = &source.credential else {
            continue;
        };
        let who = vec![source.name.clone()];
        let logins = 1 + MOST_RENEWALS;
        let groups = match request.grant {
            Grant::AuthorizationCode => vec![
                (ProbeId::LoginReturn, logins),
                // Once more where the server wants a proof first.
                (ProbeId::RedeemCode, 2 * logins),
            ],
            Grant::DeviceCode => vec![
                (ProbeId::DeviceAuthorization, logins),
                (ProbeId::RedeemCode, login::MOST_POLLS * logins),
            ],
            _ => Vec::new(),
        };
        for (probe, requests) in groups {
            add(plan, probe, &who, requests, true);
        }
    }
}

pub(super) fn documents(plan: &mut Plan, settings: &Settings, collected: &Collected) {
    let mut servers = collected.discovery.authorization_servers.iter();
    let advertised = servers.any(|server| {
        let metadata = server.chosen();
        metadata.is_some_and(|it| it.flag("client_id_metadata_document_supported") == Some(true))
    });
    if advertised && !settings.allows(Tier::Register) {
        plan.unsettleable.push(Unsettleable {
            what: "registration-gate-bypassed".to_owned(),
            reason: client_documents::WITHOUT_CONSENT.to_owned(),
            decided_by: Some("--allow register".to_owned()),
        });
    }
}

pub(super) fn minting(plan: &mut Plan, who: &Who) {
    add(
        plan,
        ProbeId::MintToken,
        &who.minted,
        who.minted.len(),
        false,
    );
    // A token that ends during the run is replaced.
    let again = MOST_RENEWALS * who.minted.len();
    add(plan, ProbeId::MintToken, &who.minted, again, true);
}

/// Requests that a server refuses because its nonce is not in the proof: once at each server for a
/// start, and again when the nonce changes.
pub(super) fn nonces(plan: &mut Plan, settings: &Settings, collected: &Collected, who: &Who) {
    let wanted = settings.identities.iter().any(|source| {
        matches!(&source.credential, CredentialSource::Grant(request) if request.dpop == Some(true))
    });
    let login = settings.login.as_ref();
    let wanted = wanted || login.is_some_and(|login| login.dpop == Some(true));
    let document = collected.discovery.chosen_resource_metadata();
    let demanded = document.and_then(|it| it.flag("dpop_bound_access_tokens_required"));
    // Who supports proofs may answer a request without one by asking for it.
    let mut servers = collected.discovery.authorization_servers.iter();
    let possible = servers.any(|server| {
        let metadata = server.chosen();
        metadata.is_some_and(|it| it.texts("dpop_signing_alg_values_supported").is_some())
    });
    let minting = !who.minted.is_empty();
    if wanted || demanded == Some(true) || (possible && minting) {
        // Requests under way together are each asked for the first nonce.
        let together = settings.network.concurrency;
        let requests = NONCES * (1 + who.minted.len()) + together;
        add(plan, ProbeId::ProofNonce, &who.minted, requests, true);
    }
}

/// Nonces that are asked for while one token is in use.
const NONCES: usize = 8;

/// Clients that one authorization server can be made to hold: one valid one and one per question.
const MOST_CLIENTS: usize = 19;
