//! Which forms of the protocol ask for a token: one may be guarded and another forgotten.

use super::detect::Sighting;
use super::reply;
use crate::codec::challenge;
use crate::model::discovery::{AnonymousAccess, Discovery, TokenDemand};
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::target::Revision;

/// What an answer to a request without a token says; nothing where it is neither a result nor a
/// demand for a token.
pub(crate) fn of(revision: Revision, exchange: &Exchange, id: ExchangeId) -> Option<TokenDemand> {
    let answered = reply::result(exchange).is_some();
    (answered || asks_for_token(exchange)).then_some(TokenDemand {
        revision,
        demanded: !answered,
        served: answered,
        exchange: id,
    })
}

/// The forms, where one asked for a token and another answered without.
pub(crate) fn differing(forms: &[TokenDemand]) -> Vec<TokenDemand> {
    let demanded = |wanted: bool| forms.iter().any(|form| form.demanded == wanted);
    if demanded(true) && demanded(false) {
        forms.to_vec()
    } else {
        Vec::new()
    }
}

/// Whether a form asked for a token and nobody has seen what it does with one.
pub(crate) fn is_open(discovery: &Discovery) -> bool {
    let mut demands = discovery.demands.iter();
    demands.any(|form| form.demanded && !form.served)
}

/// Whether a revision is served, and to those with a token only.
pub(crate) fn is_guarded(demands: &[TokenDemand], revision: Revision) -> bool {
    let mut demands = demands.iter();
    demands.any(|form| form.demanded && form.served && form.revision == revision)
}

/// Reads what the forms that asked for a token do with one. A form that does not know the protocol
/// even then had a gate in front of it and nothing behind: no revision differs.
pub(crate) fn weigh(discovery: &mut Discovery, with_token: &Sighting) {
    for form in discovery.demands.iter_mut().filter(|form| form.demanded) {
        let modern = form.revision.is_modern();
        let mut served = with_token.served.iter();
        if let Some(found) = served.find(|served| served.revision.is_modern() == modern) {
            form.served = true;
            form.revision = found.revision;
        }
    }
    let refused_again = |form: &TokenDemand| {
        let mut seen = with_token.forms.iter();
        seen.any(|it| it.demanded && it.revision.is_modern() == form.revision.is_modern())
    };
    discovery
        .demands
        .retain(|form| !form.demanded || form.served || refused_again(form));
    if !discovery.demands.iter().any(|form| form.demanded) {
        discovery.demands.clear();
    }
}

/// What happens without a token, said of the audited revision where the forms differ.
pub(crate) fn note(discovery: &mut Discovery) {
    let Some(audited) = discovery.revision() else {
        return;
    };
    let mixed = discovery.anonymous == AnonymousAccess::Mixed;
    if !discovery.demands.is_empty() {
        discovery.anonymous = if is_guarded(&discovery.demands, audited) {
            AnonymousAccess::Refused
        } else {
            AnonymousAccess::Mixed
        };
    } else if mixed {
        discovery.anonymous = AnonymousAccess::Served;
    }
}

/// A bare 403 may be a firewall's; a token is asked for by 401, or by a challenge.
fn asks_for_token(exchange: &Exchange) -> bool {
    let Some(response) = exchange.response() else {
        return false;
    };
    let challenges = || {
        let values: Vec<&str> = response.header_values("www-authenticate").collect();
        challenge::parse(&values)
    };
    response.status == 401 || (response.status == 403 && challenges().token_challenge().is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::discovery::ServedRevision;
    use crate::model::exchange::Outcome;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::target::Transport;
    use crate::oracle::testing::{call, http, reset, said, unauthorized};

    const OLD: Revision = Revision::R2025_11;
    const NEW: Revision = Revision::R2026_07;

    fn answer(outcome: Outcome) -> Exchange {
        let key = ProbeKey::new(ProbeId::DetectModern);
        call(key, "anonymous", "x", &json!({}), outcome)
    }

    fn seen(revision: Revision, outcome: Outcome) -> Option<TokenDemand> {
        of(revision, &answer(outcome), ExchangeId(1))
    }

    fn discovery() -> Discovery {
        let forms: Vec<TokenDemand> = [seen(NEW, unauthorized()), seen(OLD, said("hello"))]
            .into_iter()
            .flatten()
            .collect();
        Discovery {
            demands: differing(&forms),
            revisions: vec![served(OLD)],
            audited: Some(served(OLD)),
            anonymous: AnonymousAccess::Served,
            ..Discovery::default()
        }
    }

    fn served(revision: Revision) -> ServedRevision {
        ServedRevision {
            revision,
            transport: Transport::StreamableHttp,
            exchange: ExchangeId(1),
        }
    }

    fn with_token(revisions: &[Revision], refused: Option<Revision>) -> Sighting {
        Sighting {
            served: revisions.iter().map(|it| served(*it)).collect(),
            forms: refused
                .and_then(|it| seen(it, unauthorized()))
                .into_iter()
                .collect(),
            ..Sighting::default()
        }
    }

    #[test]
    fn a_demand_is_a_401_or_a_challenge_and_never_a_bare_403() {
        assert!(seen(NEW, unauthorized()).is_some_and(|it| it.demanded));
        let challenged = http(403, &[("www-authenticate", "Bearer scope=\"a\"")], "");
        assert!(seen(NEW, challenged).is_some_and(|it| it.demanded));
        assert!(seen(NEW, http(403, &[], "")).is_none());
        assert!(seen(NEW, http(404, &[], "")).is_none());
        assert!(seen(NEW, reset()).is_none());
        assert!(seen(NEW, said("hello")).is_some_and(|it| !it.demanded && it.served));
    }

    #[test]
    fn forms_that_agree_are_no_difference() {
        let both = [seen(NEW, said("a")), seen(OLD, said("a"))];
        assert!(differing(&both.into_iter().flatten().collect::<Vec<_>>()).is_empty());
        let none = [seen(NEW, unauthorized()), seen(OLD, unauthorized())];
        assert!(differing(&none.into_iter().flatten().collect::<Vec<_>>()).is_empty());
    }

    #[test]
    fn until_a_token_was_tried_the_server_is_neither_open_nor_guarded() {
        let mut discovery = discovery();
        note(&mut discovery);
        assert_eq!(discovery.anonymous, AnonymousAccess::Mixed);
        assert!(is_open(&discovery));
        assert!(!is_guarded(&discovery.demands, NEW));
    }

    #[test]
    fn a_form_that_answers_with_a_token_is_guarded() {
        let mut discovery = discovery();
        weigh(&mut discovery, &with_token(&[NEW, OLD], None));
        assert!(is_guarded(&discovery.demands, NEW) && !is_open(&discovery));
        discovery.audited = Some(served(NEW));
        note(&mut discovery);
        assert_eq!(discovery.anonymous, AnonymousAccess::Refused);
        discovery.audited = Some(served(OLD));
        note(&mut discovery);
        assert_eq!(discovery.anonymous, AnonymousAccess::Mixed);
    }

    #[test]
    fn a_gate_with_nothing_behind_it_is_no_revision() {
        let mut discovery = discovery();
        note(&mut discovery);
        weigh(&mut discovery, &with_token(&[OLD], None));
        note(&mut discovery);
        assert!(discovery.demands.is_empty());
        assert_eq!(discovery.anonymous, AnonymousAccess::Served);
    }

    #[test]
    fn a_token_that_is_refused_as_well_decides_nothing() {
        let mut discovery = discovery();
        weigh(&mut discovery, &with_token(&[OLD], Some(NEW)));
        note(&mut discovery);
        assert!(is_open(&discovery));
        assert_eq!(discovery.anonymous, AnonymousAccess::Mixed);
    }

    #[test]
    fn the_revision_that_an_older_form_settles_on_is_taken_over() {
        let mut discovery = Discovery {
            demands: [seen(OLD, unauthorized()), seen(NEW, said("hello"))]
                .into_iter()
                .flatten()
                .collect(),
            ..Discovery::default()
        };
        weigh(
            &mut discovery,
            &with_token(&[NEW, Revision::R2025_06], None),
        );
        assert!(is_guarded(&discovery.demands, Revision::R2025_06));
    }
}
