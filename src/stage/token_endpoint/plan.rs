//! What the token endpoints will be asked, counted before it is sent.

use std::collections::BTreeSet;

use super::ask::Place;
use crate::model::audit::Collected;
use crate::model::grant::Grant;
use crate::model::probe::{PlannedGroup, ProbeId};
use crate::model::settings::{CredentialSource, Settings};

/// The groups of requests, upper bounds all of them.
pub(crate) fn planned(settings: &Settings, collected: &Collected) -> Vec<PlannedGroup> {
    let mut clients = BTreeSet::new();
    let mut names = Vec::new();
    for source in &settings.identities {
        if let CredentialSource::Grant(request) = &source.credential
            && matches!(request.grant, Grant::ClientCredentials)
            && request.client.secret().is_some()
            && clients.insert(request.client.id.as_str())
        {
            names.push(source.name.clone());
        }
    }
    let anonymous = vec!["anonymous".to_owned()];
    let mut groups = Vec::new();
    for server in &collected.discovery.authorization_servers {
        let mut add = |probe: ProbeId, who: &[String], requests: usize| {
            groups.push(PlannedGroup {
                probe,
                tier: probe.tier(),
                identities: who.to_vec(),
                subjects: vec![server.issuer.clone()],
                requests,
                per: None,
                conditional: true,
            });
        };
        let introspects = server
            .chosen()
            .is_some_and(|metadata| metadata.text("introspection_endpoint").is_some());
        let Some(place) = Place::of(server, collected) else {
            continue;
        };
        add(ProbeId::TokenGrant, &anonymous, 2);
        let count = |present: bool, requests: usize| if present { requests } else { 0 };
        let forged =
            count(place.takes_client_assertions, 1) + count(place.takes_assertion_grants, 2);
        add(ProbeId::ForgedAssertion, &anonymous, forged);
        add(ProbeId::Introspect, &anonymous, count(introspects, 1));
        let each = names.len();
        let assertions = count(place.takes_client_assertions, 2)
            + count(place.takes_shared_key_assertions, 3)
            + count(place.takes_assertion_grants, 3);
        add(ProbeId::ClientGrant, &names, 2 * each);
        add(ProbeId::ClientMethod, &names, each);
        add(ProbeId::ClientScope, &names, 2 * each);
        add(ProbeId::ClientSecret, &names, 2 * each);
        add(ProbeId::ClientAssertion, &names, assertions * each);
        let tokens = forged + 2 + (7 + assertions) * each;
        let tokens = count(place.revocation.is_some(), tokens);
        add(ProbeId::RevokeToken, &anonymous, tokens);
    }
    groups
}
