//! REG-12: the record of a client opens to that client's registration token only.
//!
//! RFC 7592 §2, §2.1, §3.

use super::registration_open::without_clients;
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::model::consequence::{RecordKey, RecordTrial};
use crate::model::registration::{CreatedClient, Registration};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads what each registration token did at the record of one of our own clients.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let registrations = &evidence.collected().registrations;
    if registrations.iter().all(|it| it.clients.is_empty()) {
        return without_clients(evidence);
    }
    let mut case = evidence.case();
    let mut tried = 0_usize;
    for registration in registrations {
        for client in &registration.clients {
            paired(evidence, &mut case, client);
        }
        tried += usize::from(isolated(&mut case, registration));
    }
    if tried == 0 && case.is_clean() {
        return Verdict::NotApplicable(
            "no client came with a `registration_client_uri` and a registration token".to_owned(),
        );
    }
    case.verdict(Verdict::Held(
        "the record was refused to everybody but its own client".to_owned(),
    ))
}

/// Whether the record of a client was asked for at all.
fn isolated(case: &mut Case<'_>, registration: &Registration) -> bool {
    let trials = &registration.consequences.records;
    let control = trials
        .iter()
        .find(|it| it.key == RecordKey::Own && it.opened == Some(true));
    for trial in trials.iter().filter(|it| it.key != RecordKey::Own) {
        match trial.opened {
            Some(true) => case.breach(draft(registration, trial, control)),
            Some(false) => {}
            None => case.doubt(
                format!(
                    "the answer to {} does not tell whether the record opened",
                    trial.key.as_str()
                ),
                None,
            ),
        }
    }
    if !trials.is_empty() && control.is_none() {
        case.doubt("the record does not open to its own client either", None);
    }
    let foreign = trials.iter().any(|it| it.key == RecordKey::Foreign);
    if control.is_some() && !foreign {
        let why = "no second client with a record of its own could be registered";
        case.doubt(why, None);
    }
    !trials.is_empty()
}

fn draft(registration: &Registration, trial: &RecordTrial, control: Option<&RecordTrial>) -> Draft {
    let done = if trial.removal { "removed" } else { "read" };
    let key = trial.key.as_str();
    let message = format!("the record of a client was {done} with {key}; expected HTTP 401 or 403");
    let subject = format!("{}: {done} with {key}", registration.issuer);
    let draft = Draft::new(subject, message).at(trial.exchange, Part::Status, "opened");
    match control {
        Some(control) => draft.at(control.exchange, Part::Status, "with its own token"),
        None => draft,
    }
}

/// URI and token come together or not at all (RFC 7592 §3).
fn paired(evidence: &Evidence<'_>, case: &mut Case<'_>, client: &CreatedClient) {
    let Some(answer) = evidence.exchange(client.exchange) else {
        return;
    };
    let has = |pointer: &str| {
        let part = Part::Pointer(pointer.to_owned());
        crate::checks::case::resolves(Some(answer), &part)
    };
    let (uri, token) = ("/registration_client_uri", "/registration_access_token");
    let (there, missing) = match (has(uri), has(token)) {
        (true, false) => (uri, token),
        (false, true) => (token, uri),
        _ => return,
    };
    let message = format!(
        "the answer has `{}` without `{}`; expected both or neither",
        there.trim_start_matches('/'),
        missing.trim_start_matches('/')
    );
    let draft = Draft::new("management members", message);
    let draft = draft.at(client.exchange, Part::Pointer(there.to_owned()), "alone");
    case.advise(draft.at_most(Severity::Low, "the client cannot be managed"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, client, response};
    use crate::model::probe::ProbeId;
    use crate::model::registration::{Posture, RegistrationOutcome};
    use crate::model::verdict::Status;

    const ID: &str = "client-record-exposed";

    fn world(body: &str) -> World {
        let mut world = World::new();
        world.registration(Posture::D3);
        let registered = RegistrationOutcome::Registered;
        let answer = response(201, &[], body);
        let exchange = world
            .registered("native-loopback", registered, &[], answer)
            .exchange;
        let made = client("native-loopback", exchange, None, exchange);
        world.collected.registrations[0].clients = vec![made];
        world
    }

    fn trial(world: &mut World, removal: bool, key: RecordKey, opened: Option<bool>) {
        let status = if opened == Some(true) { 200 } else { 401 };
        let exchange = world.answer(ProbeId::ForeignRecord, "anonymous", status, &[], "{}");
        let records = &mut world.collected.registrations[0].consequences.records;
        records.push(RecordTrial {
            removal,
            key,
            opened,
            exchange,
        });
    }

    fn sound() -> World {
        let mut world = world("{}");
        for key in [RecordKey::Missing, RecordKey::Garbage, RecordKey::Foreign] {
            trial(&mut world, false, key, Some(false));
        }
        trial(&mut world, false, RecordKey::Own, Some(true));
        world
    }

    #[test]
    fn a_record_that_opens_to_its_own_client_only_holds() {
        assert_eq!(sound().status(ID), Status::Pass);
    }

    #[test]
    fn every_other_key_that_opens_it_is_broken() {
        for key in [RecordKey::Missing, RecordKey::Garbage, RecordKey::Foreign] {
            for removal in [false, true] {
                let mut world = sound();
                trial(&mut world, removal, key, Some(true));
                assert_eq!(world.status(ID), Status::Fail, "{key:?}");
            }
        }
    }

    #[test]
    fn without_the_control_or_a_second_client_it_stays_open() {
        let mut alone = world("{}");
        trial(&mut alone, false, RecordKey::Missing, Some(false));
        assert_eq!(alone.status(ID), Status::Inconclusive);
        trial(&mut alone, false, RecordKey::Own, Some(true));
        assert_eq!(alone.status(ID), Status::Inconclusive);
    }

    #[test]
    fn half_a_pair_warns_and_none_does_not_apply() {
        let half = world("{\"registration_client_uri\":\"https://auth.example.com/c\"}");
        assert_eq!(half.status(ID), Status::Warn);
        assert_eq!(world("{}").status(ID), Status::NotApplicable);
        let mut closed = World::new();
        closed.registration(Posture::D1);
        assert_eq!(closed.status(ID), Status::NotApplicable);
    }
}
