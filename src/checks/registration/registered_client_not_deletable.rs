//! REG-13: a client that was registered can be removed, and is gone when the server says so.
//!
//! RFC 7592 §2.3.

use super::registration_open::without_clients;
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::probe::ProbeId;
use crate::model::registration::{CreatedClient, Deletion};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads how the removal of every client of this run ended.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let registrations = &evidence.collected().registrations;
    let clients: Vec<_> = registrations.iter().flat_map(|it| &it.clients).collect();
    if clients.is_empty() {
        return without_clients(evidence);
    }
    let mut case = evidence.case();
    let mut spent = 0_usize;
    for client in &clients {
        match &client.deletion {
            Deletion::Deleted { exchange } => deleted(evidence, &mut case, *exchange),
            Deletion::Refused { exchange, what } => {
                let message = format!(
                    "the removal of a client was refused: {what}; it stays until the operator \
                     removes it"
                );
                let draft = Draft::new("deletion", message);
                case.advise(draft.at(*exchange, Part::Status, "refused"));
            }
            // What the run itself used up says nothing about the server.
            Deletion::Spent { .. } => spent += 1,
            Deletion::NotOffered => case.advise(not_offered(client)),
        }
    }
    if spent == clients.len() {
        case.doubt(
            "no client was left to be removed with a token of its own",
            None,
        );
    }
    case.verdict(Verdict::Held(format!(
        "{} client(s) were removed",
        clients.len().saturating_sub(spent)
    )))
}

fn deleted(evidence: &Evidence<'_>, case: &mut Case<'_>, deletion: ExchangeId) {
    let Some(removed) = evidence.exchange(deletion) else {
        return;
    };
    let alive = |exchange: &&Exchange| {
        exchange.id > deletion
            && exchange.request.url == removed.request.url
            && exchange
                .status()
                .is_some_and(|status| (200..300).contains(&status))
    };
    if let Some(read) = evidence.probed(ProbeId::ReadClient).find(alive) {
        let message = "the client can still be read after its removal was confirmed; \
                       expected HTTP 401";
        case.breach(
            Draft::new("removed client", message)
                .at(read.id, Part::Status, "still there")
                .at(deletion, Part::Status, "removal confirmed"),
        );
    }
    let status = removed.status();
    if status != Some(204) {
        let shown = status.map_or("nothing".to_owned(), |status| status.to_string());
        let message = format!("the removal was answered with {shown}, expected HTTP 204");
        let draft = Draft::new("deletion status", message).at(deletion, Part::Status, "not 204");
        case.advise(draft.at_most(Severity::Info, "the client is gone all the same"));
    }
}

fn not_offered(client: &CreatedClient) -> Draft {
    let message = "the registration answer offers no way to remove the client \
                   (`registration_client_uri` with a registration token)";
    Draft::new("client management", message)
        .at(client.exchange, Part::Status, "registered")
        .at_most(Severity::Info, "RFC 7592 is optional")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::probe::ProbeKey;
    use crate::model::registration::Posture;
    use crate::model::verdict::Status;

    const ID: &str = "registered-client-not-deletable";
    const CLIENT: &str = "https://auth.example.com/register/c1";

    fn world(deletion: impl FnOnce(&mut World) -> Deletion) -> World {
        let mut world = World::new();
        let exchange = world.registration(Posture::D3).exchanges[0];
        let deletion = deletion(&mut world);
        let registration = &mut world.collected.registrations[0];
        registration.clients.push(CreatedClient {
            client_id: "c1".to_owned(),
            variant: "native-loopback".to_owned(),
            exchange,
            manageable: true,
            expires_at: None,
            usable: None,
            deletion,
        });
        world
    }

    fn delete(world: &mut World, status: u16) -> ExchangeId {
        let key = ProbeKey::new(ProbeId::DeleteClient);
        world.ask(key, "anonymous", CLIENT, response(status, &[], ""))
    }

    #[test]
    fn a_removed_client_holds() {
        let world = world(|world| Deletion::Deleted {
            exchange: delete(world, 204),
        });
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_client_that_lives_on_is_broken() {
        let mut world = world(|world| Deletion::Deleted {
            exchange: delete(world, 204),
        });
        let key = ProbeKey::new(ProbeId::ReadClient);
        world.ask(key.clone(), "anonymous", CLIENT, response(401, &[], ""));
        assert_eq!(world.status(ID), Status::Pass);
        world.ask(key, "anonymous", CLIENT, response(200, &[], "{}"));
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_refused_or_missing_removal_warns() {
        let refused = world(|world| Deletion::Refused {
            exchange: delete(world, 405),
            what: "HTTP 405".to_owned(),
        });
        assert_eq!(refused.status(ID), Status::Warn);
        assert_eq!(world(|_| Deletion::NotOffered).status(ID), Status::Warn);
    }

    #[test]
    fn a_token_that_the_run_used_up_is_not_held_against_the_server() {
        let world = world(|world| Deletion::Spent {
            exchange: delete(world, 401),
        });
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_client_there_is_nothing_to_remove() {
        let mut world = World::new();
        world.registration(Posture::D1);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
