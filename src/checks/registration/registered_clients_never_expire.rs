//! REG-14: clients that strangers register expire, or can at least be removed. Posture.
//!
//! RFC 7591 §3.2.1 (`client_secret_expires_at`); SEP-991.

use super::registration_open::without_clients;
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::registration::CreatedClient;
use crate::model::verdict::{Part, Verdict};

/// Reads the expiry that came with each client, and whether it can be managed.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let (mut expiring, mut managed, mut shared) = (0_usize, 0_usize, 0_usize);
    for registration in &evidence.collected().registrations {
        let clients = &registration.clients;
        if is_one_for_all(clients) {
            shared += 1;
            continue;
        }
        let lasting: Vec<_> = clients
            .iter()
            .filter(|client| client.expires_at.is_none() && !client.manageable)
            .collect();
        expiring += clients.iter().filter(|it| it.expires_at.is_some()).count();
        managed += clients.iter().filter(|it| it.manageable).count();
        if let Some(first) = lasting.first() {
            let message = format!(
                "{} of {} client(s) came without an expiry and without a way to remove them; a \
                 clean-up inside the server cannot be seen from outside; expected a finite \
                 `client_secret_expires_at` or RFC 7592 management",
                lasting.len(),
                clients.len()
            );
            let draft = Draft::new(registration.issuer.clone(), message);
            let draft = draft.at(first.exchange, Part::Body, "no expiry");
            let others: Vec<_> = lasting.iter().map(|client| client.exchange).collect();
            case.breach(draft.also(&others, "no expiry"));
        }
    }
    if expiring + managed == 0 && case.is_clean() {
        return match shared {
            0 => without_clients(evidence),
            _ => Verdict::NotApplicable(
                "every request is answered with the same client: nothing is registered".to_owned(),
            ),
        };
    }
    case.verdict(Verdict::Held(format!(
        "{expiring} client(s) expire, {managed} can be removed through RFC 7592"
    )))
}

fn is_one_for_all(clients: &[CreatedClient]) -> bool {
    let Some((first, others)) = clients.split_first() else {
        return false;
    };
    let same = |other: &CreatedClient| other.client_id == first.client_id;
    !others.is_empty() && others.iter().all(same)
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, client, response};
    use crate::model::registration::{Posture, RegistrationOutcome};
    use crate::model::verdict::Status;

    const ID: &str = "registered-clients-never-expire";

    fn world(expires_at: Option<u64>, manageable: bool) -> World {
        let mut world = World::new();
        world.registration(Posture::D3);
        let registered = RegistrationOutcome::Registered;
        let answer = response(201, &[], "{}");
        let exchange = world
            .registered("native-loopback", registered, &[], answer)
            .exchange;
        let mut made = client("native-loopback", exchange, None, exchange);
        made.expires_at = expires_at;
        made.manageable = manageable;
        world.collected.registrations[0].clients = vec![made];
        world
    }

    #[test]
    fn a_client_that_stays_for_ever_warns() {
        assert_eq!(world(None, false).status(ID), Status::Warn);
    }

    #[test]
    fn one_identifier_for_everybody_is_no_registration() {
        let mut world = world(None, false);
        let clients = &mut world.collected.registrations[0].clients;
        clients.push(clients[0].clone());
        assert_eq!(world.status(ID), Status::NotApplicable);
        let clients = &mut world.collected.registrations[0].clients;
        clients[1].client_id = "another".to_owned();
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn an_expiry_or_a_way_to_remove_it_holds() {
        assert_eq!(world(Some(1_900_000_000), false).status(ID), Status::Pass);
        assert_eq!(world(None, true).status(ID), Status::Pass);
    }

    #[test]
    fn without_clients_there_is_nothing_to_expire() {
        let mut closed = World::new();
        closed.registration(Posture::D0);
        assert_eq!(closed.status(ID), Status::NotApplicable);
        let mut open = World::new();
        open.registration(Posture::Undetermined);
        assert_eq!(open.status(ID), Status::Inconclusive);
    }
}
