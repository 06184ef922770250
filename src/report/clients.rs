//! Which clients can connect? Registration, its gate, and the ways around it.

use crate::model::audit::Collected;
use crate::model::client_documents::{ClientDocuments, DocumentAdmission};
use crate::model::discovery::AnonymousAccess;
use crate::model::exchange::ExchangeId;
use crate::model::identity::Provenance;
use crate::model::matrix::Confidence;
use crate::model::registration::{CreatedClient, Posture, Registration};
use crate::model::report::{AdmissionPath, ClientsAnswer, RegistrationAnswer};
use crate::model::target::Revision;

use super::answers::{Behind, in_order};

/// Answers the question from discovery and the registration attempts.
pub(super) fn answer(collected: &Collected, behind: &Behind) -> ClientsAnswer {
    let registration = registration(collected);
    let paths = paths(collected, behind);
    let anonymous = collected.discovery.anonymous == AnonymousAccess::Served;
    let exchanges = behind.exchanges.iter().chain(&registration.exchanges);
    ClientsAnswer {
        sentence: sentence(collected, &registration, &paths),
        confidence: if anonymous {
            Confidence::Proven
        } else {
            registration.confidence
        },
        exchanges: in_order(exchanges.copied()),
        paths,
        registration,
        specification: specification(collected.discovery.revision()),
        findings: behind.findings.clone(),
    }
}

/// The least strict posture over all authorization servers: one open door is enough.
fn registration(collected: &Collected) -> RegistrationAnswer {
    let all = &collected.registrations;
    let decided = || {
        all.iter()
            .filter(|one| one.posture != Posture::Undetermined)
    };
    let open = decided()
        .filter(|one| one.posture.is_open())
        .max_by_key(|one| one.posture);
    let undetermined = || all.iter().find(|one| one.posture == Posture::Undetermined);
    let chosen = open
        .or_else(undetermined)
        .or_else(|| decided().max_by_key(|one| one.posture));
    chosen.map_or_else(
        || RegistrationAnswer {
            posture: Posture::Undetermined,
            confidence: Confidence::Inconclusive,
            reason: no_registration_seen(collected).to_owned(),
            decided_by: None,
            exchanges: Vec::new(),
            hardening: Vec::new(),
        },
        |one| RegistrationAnswer {
            posture: one.posture,
            confidence: one.confidence,
            reason: one.reason.clone(),
            decided_by: one.decided_by.clone(),
            exchanges: one.exchanges.clone(),
            hardening: one.consequences.hardening.clone(),
        },
    )
}

fn no_registration_seen(collected: &Collected) -> &'static str {
    if collected.discovery.unusable.is_some() {
        "the target could not be audited"
    } else if collected.discovery.authorization_servers.is_empty() {
        "no authorization server was found"
    } else {
        "registration was not looked at"
    }
}

fn paths(collected: &Collected, behind: &Behind) -> Vec<AdmissionPath> {
    let path =
        |path: &str, gate: &str, issuer: Option<&str>, exchanges: &[ExchangeId]| AdmissionPath {
            path: path.to_owned(),
            gate: gate.to_owned(),
            issuer: issuer.map(str::to_owned),
            exchanges: exchanges.to_vec(),
        };
    let mut paths = Vec::new();
    if collected.discovery.anonymous == AnonymousAccess::Served {
        paths.push(path("no authorization", "none", None, &[]));
    }
    let stranger = behind.checks.iter().find(|(id, _)| id == UNKNOWN_CLIENT);
    if let Some((_, exchange)) = stranger {
        let seen: Vec<ExchangeId> = exchange.iter().copied().collect();
        paths.push(path("unregistered client", "consent only", None, &seen));
    }
    for one in &collected.registrations {
        if let Some(gate) = gate(one) {
            let issuer = Some(one.issuer.as_str());
            paths.push(path("dynamic registration", gate, issuer, &one.exchanges));
        }
    }
    for server in &collected.discovery.authorization_servers {
        let documents = server
            .chosen()
            .and_then(|metadata| metadata.flag("client_id_metadata_document_supported"));
        if documents == Some(true) {
            let name = "client ID metadata document";
            let observed = observed(collected, &server.issuer);
            let gate = match observed.map(|one| one.admission) {
                Some(DocumentAdmission::AnyClient) if asks_nobody(collected, &server.issuer) => {
                    "none"
                }
                Some(DocumentAdmission::AnyClient) => "consent only",
                Some(DocumentAdmission::DomainPolicy) => "domain policy",
                _ => "not determined",
            };
            let seen = observed.map_or(&[][..], |one| one.exchanges.as_slice());
            paths.push(path(name, gate, Some(&server.issuer), seen));
        }
        if let Some(metadata) = server.chosen().filter(|it| it.takes_identity_assertions()) {
            let name = "enterprise-managed authorization";
            let issuer = Some(server.issuer.as_str());
            paths.push(path(name, "enterprise IdP", issuer, &[metadata.exchange]));
        }
    }
    // A token from the operator shows that some client was let in by hand.
    let by_hand = collected.identities.valid().any(|identity| {
        matches!(
            identity.provenance,
            Provenance::Operator { .. } | Provenance::Minted { .. }
        )
    });
    if by_hand {
        paths.push(path("pre-registration", "operator-registered", None, &[]));
    } else if !collected.discovery.authorization_servers.is_empty() {
        paths.push(path("pre-registration", "not determined", None, &[]));
    }
    paths
}

/// Whether the authorization endpoint was seen to give a code without any login.
fn asks_nobody(collected: &Collected, issuer: &str) -> bool {
    let mut all = collected.registrations.iter();
    all.any(|one| one.issuer == issuer && one.consequences.unattended.is_some())
}

fn observed<'a>(collected: &'a Collected, issuer: &str) -> Option<&'a ClientDocuments> {
    let mut all = collected.client_documents.iter();
    all.find(|one| one.issuer == issuer)
}

/// What a person would say of clients that name themselves by a document: one open door is enough.
fn documents(paths: &[AdmissionPath]) -> Option<&'static str> {
    let mut gates = paths
        .iter()
        .filter(|path| path.path.starts_with("client ID"));
    let first = gates.clone().next()?;
    Some(if gates.clone().any(|path| path.gate == "none") {
        "A client of any https host may identify itself by a metadata document, and the \
         authorization endpoint gives it a code without asking a user."
    } else if gates.any(|path| path.gate == "consent only") {
        "A client of any https host may identify itself by a metadata document; the user's login \
         and consent are its only gate."
    } else if first.gate == "domain policy" {
        "Clients may also identify themselves by a metadata document, if their host is approved."
    } else {
        "Clients may also identify themselves by a metadata document; which hosts are trusted for \
         that was not determined."
    })
}

fn gate(registration: &Registration) -> Option<&'static str> {
    match registration.posture {
        Posture::D0 => None,
        Posture::D1 => Some("initial access token"),
        Posture::D1p => Some("source policy"),
        Posture::D2 => Some("software statement"),
        Posture::D3 | Posture::D4 if asks_the_user(registration) => Some("consent only"),
        Posture::D3 | Posture::D4 | Posture::Undetermined => Some("not determined"),
        Posture::D5 => Some("none"),
    }
}

/// Whether a new client was seen to be sent to a user, or to get no token without one.
fn asks_the_user(registration: &Registration) -> bool {
    // A code that came at once, whatever it was worth, was asked of nobody.
    if registration.consequences.unattended.is_some() {
        return false;
    }
    let stranger = registration.stranger_token.as_ref();
    let sent_on = |client: &CreatedClient| {
        let usable = client.usable.as_ref();
        usable.is_some_and(|usable| usable.accepted == Some(true))
    };
    stranger.is_some_and(|token| !token.issued) || registration.clients.iter().any(sent_on)
}

fn sentence(
    collected: &Collected,
    registration: &RegistrationAnswer,
    paths: &[AdmissionPath],
) -> String {
    let mut parts = Vec::new();
    if collected.discovery.anonymous == AnonymousAccess::Served {
        parts.push("Any client can connect: the server answers without a token.".to_owned());
    }
    if collected.discovery.anonymous == AnonymousAccess::Mixed {
        let audited = collected.discovery.revision();
        let audited = audited.map_or_else(|| "One form".to_owned(), |it| it.to_string());
        parts.push(format!(
            "{audited} is answered without a token, and another form of the protocol asked for one."
        ));
    }
    parts.push(match registration.posture {
        Posture::D0 => "No client can register itself: the authorization server offers no \
                        registration endpoint."
            .to_owned(),
        Posture::D1 => "Nobody can register a client without an initial access token.".to_owned(),
        Posture::D1p => "Registration refused this host by a source policy; from another network \
                         the answer may differ."
            .to_owned(),
        Posture::D2 => {
            "Nobody can register a client without a trusted software statement.".to_owned()
        }
        Posture::D3 => "Anyone can register a client without being asked, within limits that the \
                        server sets."
            .to_owned(),
        Posture::D4 => "Anyone can register a client without being asked.".to_owned(),
        Posture::D5 => "Anyone can register a client without being asked and gets a working token \
                        without any user."
            .to_owned(),
        Posture::Undetermined => {
            let reason = clause(&registration.reason);
            match &registration.decided_by {
                Some(flag) => format!(
                    "Whether anyone can register a client was not determined: {reason}; \
                     {flag} would determine it."
                ),
                None => {
                    format!("Whether anyone can register a client was not determined: {reason}.")
                }
            }
        }
    });
    let servers = collected.registrations.len();
    if servers > 1 && registration.posture != Posture::Undetermined {
        parts.push(format!(
            "That is the least strict of {servers} authorization servers."
        ));
    }
    if paths.iter().any(|path| path.path == "unregistered client") {
        parts.push(
            "The authorization endpoint even serves clients that nobody registered.".to_owned(),
        );
    }
    if paths.iter().any(|path| path.gate == "enterprise IdP") {
        parts.push("Clients may also come with an assertion of an enterprise's IdP.".to_owned());
    }
    parts.extend(documents(paths).map(str::to_owned));
    if matches!(registration.posture, Posture::D3 | Posture::D4) {
        parts.push("What a user must then log in to and consent to was not tested.".to_owned());
    }
    parts.join(" ")
}

/// A reason without its final stop, ready to stand inside a sentence.
pub(super) fn clause(reason: &str) -> &str {
    reason.trim().trim_end_matches(['.', ';'])
}

/// What the specification says about registration, for the audited revision first.
fn specification(revision: Option<Revision>) -> String {
    let here = match revision {
        None => "Dynamic client registration has changed its standing in MCP. ".to_owned(),
        Some(revision) => {
            let word = match revision {
                Revision::R2024_11 => "is not mentioned",
                Revision::R2025_03 | Revision::R2025_06 => "is a SHOULD",
                Revision::R2025_11 => "is a MAY, kept for older clients",
                Revision::R2026_07 => "is a MAY and deprecated",
            };
            format!("In MCP {revision} dynamic client registration {word}. ")
        }
    };
    format!("{here}{TIMELINE}")
}

const UNKNOWN_CLIENT: &str = "unknown-client-accepted";
const TIMELINE: &str = "It began as a SHOULD (2025-03-26, 2025-06-18), became a MAY (2025-11-25) \
    and has been deprecated since 2026-07-28 in favour of client ID metadata documents; it is still \
    allowed. An open endpoint has never been a violation of MCP, and RFC 7591 §3 itself recommends \
    accepting requests without authorization: whether it is acceptable here is for the organization \
    to decide.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::consequence::Consequences;
    use crate::model::registration::StrangerToken;

    fn server(issuer: &str, posture: Posture) -> Registration {
        Registration {
            issuer: issuer.to_owned(),
            endpoint: None,
            attempts: Vec::new(),
            clients: Vec::new(),
            stranger_token: None,
            consequences: Consequences::default(),
            posture,
            confidence: Confidence::Strong,
            reason: "the endpoint answered 429.".to_owned(),
            decided_by: Some("--allow register".to_owned()),
            exchanges: Vec::new(),
        }
    }

    fn nothing() -> Behind {
        Behind {
            findings: Vec::new(),
            exchanges: Vec::new(),
            checks: Vec::new(),
        }
    }

    fn with(postures: &[Posture]) -> Collected {
        Collected {
            registrations: postures
                .iter()
                .map(|posture| server("https://as.example", *posture))
                .collect(),
            ..Collected::default()
        }
    }

    #[test]
    fn the_least_strict_posture_speaks_for_all_servers() {
        use Posture::{D0, D1, D2, D4, Undetermined};
        for (postures, expected) in [
            (&[D0, D4, D1][..], D4),
            (&[D0, D1, D2], D2),
            (&[D1, Undetermined], Undetermined),
            (&[Undetermined, D4], D4),
            (&[], Undetermined),
        ] {
            assert_eq!(registration(&with(postures)).posture, expected);
        }
    }

    #[test]
    fn open_registration_is_gated_by_consent_only_when_that_was_seen() {
        let mut open = server("https://as.example", Posture::D4);
        assert_eq!(gate(&open), Some("not determined"));
        open.stranger_token = Some(StrangerToken {
            exchange: ExchangeId(1),
            issued: false,
            accepted: None,
            list_exchange: None,
        });
        assert_eq!(gate(&open), Some("consent only"));
    }

    #[test]
    fn an_undetermined_posture_names_the_reason_and_the_flag() {
        let behind = nothing();
        let answer = answer(&with(&[Posture::Undetermined]), &behind);
        assert_eq!(
            answer.sentence,
            "Whether anyone can register a client was not determined: the endpoint answered 429; \
             --allow register would determine it."
        );
    }

    #[test]
    fn an_open_endpoint_is_never_called_a_violation() {
        for revision in Revision::ALL {
            let text = specification(Some(revision));
            assert!(text.contains(revision.as_str()));
            assert!(text.contains("never been a violation"));
        }
    }

    #[test]
    fn a_server_without_authorization_is_an_admission_path_and_one_with_it_is_not() {
        let mut collected = with(&[Posture::D1]);
        assert!(
            paths(&collected, &nothing())
                .iter()
                .all(|path| path.gate != "none")
        );
        collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(paths(&collected, &nothing())[0].path, "no authorization");
        assert_eq!(
            paths(&collected, &nothing())[1].gate,
            "initial access token"
        );
    }

    #[test]
    fn a_server_of_which_one_form_asks_for_a_token_is_not_called_open() {
        let mut collected = with(&[Posture::D1]);
        collected.discovery.anonymous = AnonymousAccess::Mixed;
        let answer = answer(&collected, &nothing());
        assert!(answer.paths.iter().all(|path| path.gate != "none"));
        assert!(
            !answer.sentence.contains("Any client"),
            "{}",
            answer.sentence
        );
        assert!(
            answer.sentence.contains("another form"),
            "{}",
            answer.sentence
        );
    }

    #[test]
    fn a_client_that_nobody_registered_is_a_way_in_when_it_was_served() {
        let mut behind = nothing();
        let seen = Some(ExchangeId(7));
        behind.checks.push((UNKNOWN_CLIENT.to_owned(), seen));
        let paths = paths(&with(&[Posture::D0]), &behind);
        assert_eq!(paths[0].path, "unregistered client");
        assert_eq!(paths[0].exchanges, [ExchangeId(7)]);
    }

    #[test]
    fn documents_are_spoken_of_by_the_widest_door() {
        let path = |gate: &str| AdmissionPath {
            path: "client ID metadata document".to_owned(),
            gate: gate.to_owned(),
            issuer: None,
            exchanges: Vec::new(),
        };
        let said = |gates: &[&str]| documents(&gates.iter().map(|it| path(it)).collect::<Vec<_>>());
        assert!(
            said(&["domain policy", "consent only"]).is_some_and(|it| it.contains("any https"))
        );
        assert!(said(&["domain policy"]).is_some_and(|it| it.contains("approved")));
        assert!(said(&["not determined"]).is_some_and(|it| it.contains("not determined")));
        assert_eq!(said(&[]), None);
    }
}
