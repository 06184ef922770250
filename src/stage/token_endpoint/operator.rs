//! What the operator's own confidential client is told when it does something wrong.

use secrecy::SecretString;

use super::ask::{Ask, Operator, Place, UNKNOWN_GRANT, nobody};
use super::forge::{self, Clock};
use crate::model::audit::Collected;
use crate::model::grant::{Grant, OAuthClient};
use crate::model::identity::{Provenance, ScopeSet};
use crate::model::probe::ProbeId;
use crate::model::settings::{CredentialSource, Settings};
use crate::model::token_endpoint::{OperatorClient, TokenEndpoint, TokenOutcome, TokenQuestion};
use crate::stage::Run;

/// Asks on behalf of each client that got a token from this endpoint.
pub(super) async fn operators(
    run: &Run<'_>,
    collected: &mut Collected,
    place: &Place,
    facts: &mut TokenEndpoint,
    clock: Clock,
) {
    for operator in known(run.settings, collected, place) {
        facts.clients.push(OperatorClient {
            client_id: operator.client_id.to_owned(),
            method: method(operator.basic).to_owned(),
            scopes: operator.scopes.clone(),
            control: operator.control,
        });
        let wrong = Wrong::of(run, &operator);
        for asked in questions(run, place, &operator, &wrong) {
            let attempt = asked.send(run, collected, place, Some(&operator)).await;
            facts.attempts.push(attempt);
        }
        assertions(run, collected, place, facts, &operator, clock).await;
    }
}

/// Clients with the minted identity that shows their credentials to work.
pub(super) fn known<'s>(
    settings: &'s Settings,
    collected: &Collected,
    place: &Place,
) -> Vec<Operator<'s>> {
    let mut operators: Vec<Operator<'s>> = Vec::new();
    for (name, client, secret, wanted) in clients(settings) {
        let mut minted = collected.identities.present.iter().filter(|identity| {
            matches!(&identity.provenance, Provenance::Minted { client_id, token_endpoint, .. }
                if *client_id == client.id && *token_endpoint == place.endpoint)
        });
        let Some((identity, control)) =
            minted.find_map(|identity| Some((identity, identity.exchange?)))
        else {
            continue;
        };
        let held = identity.scopes().into_iter().flatten().cloned();
        let scopes: ScopeSet = wanted.into_iter().flatten().cloned().chain(held).collect();
        let again = operators
            .iter_mut()
            .find(|operator| operator.client_id == client.id);
        if let Some(again) = again {
            again.scopes.extend(scopes);
        } else if operators.len() < MOST_CLIENTS {
            let sent = collected.ledger.exchange(control);
            let fields = sent
                .into_iter()
                .flat_map(|exchange| &exchange.request.headers);
            operators.push(Operator {
                name: name.to_owned(),
                client_id: &client.id,
                secret,
                basic: fields
                    .into_iter()
                    .any(|field| field.name.eq_ignore_ascii_case("authorization")),
                scopes,
                control,
            });
        }
    }
    operators
}

/// Clients with a secret that ask in their own name: what they are told without a user is known.
fn clients(
    settings: &Settings,
) -> impl Iterator<Item = (&str, &OAuthClient, &SecretString, Option<&ScopeSet>)> {
    settings
        .identities
        .iter()
        .filter_map(|source| match &source.credential {
            CredentialSource::Grant(request) => {
                let secret = request.client.secret()?;
                let scopes = source.scopes.as_ref();
                matches!(request.grant, Grant::ClientCredentials).then_some((
                    source.name.as_str(),
                    &request.client,
                    secret,
                    scopes,
                ))
            }
            CredentialSource::Token { .. } => None,
        })
}

/// A secret that is not the client's.
pub(super) struct Wrong {
    secret: SecretString,
    label: String,
}

impl Wrong {
    pub(super) fn of(run: &Run<'_>, operator: &Operator<'_>) -> Self {
        Self {
            secret: run.entropy.word("wrong-secret", 32).into(),
            label: format!("wrong-{}", operator.name),
        }
    }
}

/// The questions that need no assertion, controls first.
pub(super) fn questions<'p>(
    run: &Run<'_>,
    place: &Place,
    operator: &'p Operator<'p>,
    wrong: &'p Wrong,
) -> Vec<Ask<'p>> {
    let proof = || operator.proof(operator.basic);
    let machine =
        |probe, question, form: &str| Ask::new(probe, question, form).grant("client_credentials");
    let other = method(!operator.basic);
    let id_alone = vec![("client_id", operator.client_id.to_owned())];
    let unknown = format!("mcp-assay:{}", run.entropy.word("unknown-scope", 12));
    let mut questions = vec![
        Ask::new(ProbeId::ClientGrant, TokenQuestion::UnknownGrant, "control")
            .grant(UNKNOWN_GRANT)
            .proven(proof()),
        Ask::new(ProbeId::ClientGrant, TokenQuestion::Password, "client")
            .grant("password")
            .with(nobody(run))
            .proven(proof()),
        machine(ProbeId::ClientMethod, TokenQuestion::OtherMethod, other)
            .proven(operator.proof(!operator.basic)),
        machine(
            ProbeId::ClientScope,
            TokenQuestion::UnknownScope,
            "one-scope",
        )
        .scopes(ScopeSet::from([unknown]))
        .proven(proof()),
        machine(
            ProbeId::ClientSecret,
            TokenQuestion::WrongSecret,
            method(operator.basic),
        )
        .proven(operator.shows(operator.basic, &wrong.secret, &wrong.label)),
        machine(ProbeId::ClientSecret, TokenQuestion::NoSecret, "none").with(id_alone),
    ];
    if !place.scopes.is_subset(&operator.scopes) {
        questions.push(
            machine(ProbeId::ClientScope, TokenQuestion::EveryScope, "published")
                .scopes(place.scopes.clone())
                .proven(proof()),
        );
    }
    questions
}

async fn assertions(
    run: &Run<'_>,
    collected: &mut Collected,
    place: &Place,
    facts: &mut TokenEndpoint,
    operator: &Operator<'_>,
    clock: Clock,
) {
    let mut forged = Vec::new();
    if place.takes_client_assertions {
        forged.extend(forge::in_the_clients_name(run, place, operator, clock));
    }
    if place.takes_assertion_grants {
        forged.extend(forge::grants(run, place, operator, clock));
    }
    if place.takes_shared_key_assertions
        && let Some(genuine) = forge::genuine(run, place, operator, clock)
    {
        let attempt = send(run, collected, place, operator, genuine).await;
        if attempt.outcome == TokenOutcome::Issued {
            forged.extend(forge::mutated(run, place, operator, clock));
        }
        facts.attempts.push(attempt);
    }
    for forged in forged {
        let attempt = send(run, collected, place, operator, forged).await;
        facts.attempts.push(attempt);
    }
}

async fn send(
    run: &Run<'_>,
    collected: &mut Collected,
    place: &Place,
    operator: &Operator<'_>,
    forged: forge::Forged,
) -> crate::model::token_endpoint::TokenAttempt {
    let asked = Ask::new(ProbeId::ClientAssertion, forged.question, forged.form);
    let asked = asked.grant(forged.grant);
    // An assertion grant is asked for by a client that proves itself as it always does.
    let asked = if forged.grant == super::ask::ASSERTION_GRANT {
        let members = forged.members.into_iter();
        let assertion = members.filter(|(name, _)| *name != "client_id").collect();
        asked.with(assertion).proven(operator.proof(operator.basic))
    } else {
        asked.with(forged.members)
    };
    asked.send(run, collected, place, Some(operator)).await
}

const fn method(basic: bool) -> &'static str {
    if basic {
        "client_secret_basic"
    } else {
        "client_secret_post"
    }
}

/// Clients that are asked about; each one costs two failed authentications.
const MOST_CLIENTS: usize = 3;
