//! REG-22: which hosts may name clients is a policy, and a gate before registration has one.
//!
//! MCP §Trust Policies; Client ID Metadata Document §6.4.

use crate::checks::case::Draft;
use crate::checks::documents::advertised;
use crate::checks::evidence::Evidence;
use crate::model::client_documents::{ClientDocuments, DocumentAdmission};
use crate::model::exchange::ExchangeId;
use crate::model::registration::{Posture, Registration};
use crate::model::verdict::{Part, Verdict};

/// Lays the gate of registration beside the admission of documents.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let advertised = match advertised(evidence) {
        Ok(advertised) => advertised,
        Err(verdict) => return verdict,
    };
    let registrations = &evidence.collected().registrations;
    let mut case = evidence.case();
    let mut open = false;
    for documents in advertised {
        let registration = registrations
            .iter()
            .find(|it| it.issuer == documents.issuer);
        match documents.admission {
            DocumentAdmission::AnyClient => {
                open = true;
                if let Some((registration, gate)) = registration.and_then(gated) {
                    case.breach(bypass(documents, registration, gate));
                }
            }
            DocumentAdmission::DomainPolicy | DocumentAdmission::NotAdvertised => {}
            DocumentAdmission::Undetermined => {
                case.doubt(documents.reason.clone(), documents.decided_by.as_deref());
            }
        }
    }
    let observed = if open {
        "any https host may name a client; the user's login and consent are the only gate"
    } else {
        "a document on a host that nobody approved was refused before any fetch: a domain policy"
    };
    case.verdict(Verdict::Observed(observed.to_owned()))
}

fn gated(registration: &Registration) -> Option<(&Registration, &'static str)> {
    let gate = match registration.posture {
        Posture::D1 => "an initial access token",
        Posture::D1p => "a trusted source",
        Posture::D2 => "a trusted software statement",
        _ => return None,
    };
    Some((registration, gate))
}

fn bypass(documents: &ClientDocuments, registration: &Registration, gate: &str) -> Draft {
    let message = format!(
        "{}: registration asks for {gate}, and a client on a host that nobody approved is admitted \
         by its document without one ({}); expected one policy for both",
        documents.issuer, documents.reason
    );
    let first = documents.exchanges.last().copied().unwrap_or(ExchangeId(0));
    Draft::new(documents.issuer.clone(), message)
        .at(first, Part::Status, "the client goes on")
        .also(
            &documents.exchanges,
            "compared with a client that nobody knows",
        )
        .also(&registration.exchanges, "registration is gated")
        .confidence(documents.confidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "registration-gate-bypassed";

    fn world(posture: Posture, admission: DocumentAdmission) -> World {
        let mut world = World::new();
        world.registration(posture);
        world.documents(&[]).admission = admission;
        world
    }

    #[test]
    fn a_gate_beside_an_open_door_warns() {
        for posture in [Posture::D1, Posture::D1p, Posture::D2] {
            let world = world(posture, DocumentAdmission::AnyClient);
            assert_eq!(world.status(ID), Status::Warn, "{posture:?}");
        }
    }

    #[test]
    fn without_a_gate_or_with_a_policy_it_is_a_fact() {
        for (posture, admission) in [
            (Posture::D0, DocumentAdmission::AnyClient),
            (Posture::D4, DocumentAdmission::AnyClient),
            (Posture::D1, DocumentAdmission::DomainPolicy),
        ] {
            assert_eq!(world(posture, admission).status(ID), Status::Observed);
        }
    }

    #[test]
    fn an_undetermined_admission_stays_open_and_none_does_not_apply() {
        let open = world(Posture::D1, DocumentAdmission::Undetermined);
        assert_eq!(open.status(ID), Status::Inconclusive);
        let none = world(Posture::D1, DocumentAdmission::NotAdvertised);
        assert_eq!(none.status(ID), Status::NotApplicable);
    }
}
