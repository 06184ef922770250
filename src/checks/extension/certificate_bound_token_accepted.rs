//! EXT-07: a token that is bound to a client certificate opens nothing without that certificate.
//!
//! RFC 8705 §3; the MCP profile speaks of DPoP only, so that a breach warns.

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::tokens;
use crate::model::exchange::{ExchangeId, FailureKind};
use crate::model::identity::Identity;
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::certificates::{self, Certificates};
use crate::oracle::gates::admits;

/// Where the operator lets the target see the certificate, both kinds of refusal are compared with a
/// control; else every list that a bound token opened is one too many.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let bound: Vec<&Identity> = evidence.usable().filter(|it| is_bound(it)).collect();
    if bound.is_empty() {
        return Verdict::NotApplicable(
            "no token of the audit names a client certificate (`cnf`, `x5t#S256`)".to_owned(),
        );
    }
    let mut case = evidence.case();
    if let Some(shown) = certificates::read(&evidence.collected().ledger) {
        return compared(evidence, case, &shown);
    }
    let mut unknown = 0_usize;
    for identity in &bound {
        let lists = evidence.probed(ProbeId::ListTools);
        let mut own = lists.filter(|exchange| exchange.identity == identity.name);
        let Some(opened) = own.find(|list| admits(list) == GateOutcome::Accepted) else {
            unknown += 1;
            continue;
        };
        if tokens::is_list_open(evidence) {
            case.doubt("the lists are open without a token as well", None);
            continue;
        }
        let message = format!(
            "the token of `{}` is bound to a client certificate (`cnf`, `x5t#S256`) and opened the \
             tool list without one, expected HTTP 401 `invalid_token`",
            identity.name
        );
        let draft = Draft::new(format!("token of {}", identity.name), message);
        case.advise(draft.at(opened.id, Part::Status, "accepted without a certificate"));
    }
    if unknown > 0 {
        case.doubt(
            "a bound token opened no list; without a certificate that it works with, its refusal may \
             have other reasons",
            Some("`target_certificate` in its [[identity]]"),
        );
    }
    case.verdict(Verdict::inconclusive("no bound token was judged"))
}

fn handshake_failed(evidence: &Evidence<'_>, exchange: ExchangeId) -> bool {
    let exchange = evidence.exchange(exchange);
    let failure = exchange.and_then(|exchange| exchange.failure());
    failure.is_some_and(|failure| failure.kind == FailureKind::Tls)
}

/// What the token opened beside what it opens with its certificate.
fn compared(evidence: &Evidence<'_>, mut case: Case<'_>, shown: &Certificates<'_>) -> Verdict {
    let Some(control) = shown.control else {
        return Verdict::undecided(
            "the bound token opened nothing with the certificate that was given for it either",
            "the certificate that the token is bound to, as `target_certificate`",
        );
    };
    if tokens::is_list_open(evidence) {
        case.doubt("the first door is open without a token as well", None);
    }
    let mut refused = 0_usize;
    for (variant, outcome, exchange) in &shown.tried {
        let what = if *variant == certificates::OTHER {
            "with another certificate, which signed itself"
        } else {
            "without one"
        };
        match outcome {
            GateOutcome::Accepted if tokens::is_list_open(evidence) => {}
            GateOutcome::Accepted => {
                let message = format!(
                    "the token of `{}` is bound to a client certificate (`cnf`, `x5t#S256`) and \
                     opened the server {what}, expected HTTP 401 `invalid_token`",
                    shown.identity
                );
                let subject = format!("token of {} {what}", shown.identity);
                let draft = Draft::new(subject, message)
                    .at(*exchange, Part::Status, "accepted")
                    .at(control, Part::Status, "accepted with its certificate");
                case.advise(draft);
            }
            GateOutcome::Refused | GateOutcome::RefusedInBand => refused += 1,
            // The handshake itself may ask for the right certificate: nobody is let in that way.
            GateOutcome::Unclear if handshake_failed(evidence, *exchange) => refused += 1,
            GateOutcome::Unclear => case.doubt(
                format!("the answer to the token {what} says neither yes nor no"),
                None,
            ),
        }
    }
    if refused > 0 && !shown.lasts {
        case.doubt(
            "the token was refused with its certificate as well once the others had been tried",
            Some("another run"),
        );
    }
    case.verdict(Verdict::Held(format!(
        "the token of `{}` opened the server with its certificate, and was refused {refused} times \
         without it or with another",
        shown.identity
    )))
}

fn is_bound(identity: &Identity) -> bool {
    let claims = identity.claims.as_ref();
    claims.is_some_and(|claims| claims.certificate_bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, failure, response};
    use crate::model::discovery::AnonymousAccess;
    use crate::model::identity::Claims;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "certificate-bound-token-accepted";
    const LISTED: &str = r#"{"jsonrpc":"2.0","id":null,"result":{"tools":[]}}"#;

    fn world(bound: bool, status: u16) -> World {
        let mut world = World::new();
        world.valid("machine", &["notes:read"]).claims = Some(Claims {
            certificate_bound: bound,
            ..Claims::default()
        });
        let body = if status == 200 { LISTED } else { "" };
        world.answer(ProbeId::ListTools, "machine", status, &[], body);
        world
    }

    #[test]
    fn a_bound_token_that_opens_a_list_without_its_certificate_falls_short() {
        assert_eq!(world(true, 200).status(ID), Status::Warn);
        assert_eq!(world(true, 200).verdict(ID).findings().len(), 1);
    }

    #[test]
    fn a_refusal_alone_proves_nothing_about_the_certificate() {
        assert_eq!(world(true, 401).status(ID), Status::Inconclusive);
        assert_eq!(world(true, 503).status(ID), Status::Inconclusive);
    }

    #[test]
    fn ordinary_tokens_and_open_lists_break_nothing() {
        assert_eq!(world(false, 200).status(ID), Status::NotApplicable);
        let mut open = world(true, 200);
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(open.status(ID), Status::Inconclusive);
    }

    /// A bound token that was shown with its certificate before and after, without it, and with another.
    fn shown(before: u16, without: u16, other: u16, after: u16) -> World {
        let mut world = World::new();
        world.valid("machine", &["notes:read"]).claims = Some(Claims {
            certificate_bound: true,
            ..Claims::default()
        });
        for (variant, status) in [
            (certificates::BEFORE, before),
            (certificates::WITHOUT, without),
            (certificates::OTHER, other),
            (certificates::AFTER, after),
        ] {
            let key = ProbeKey::new(ProbeId::BoundCertificate).variant(variant);
            let body = if status == 200 { LISTED } else { "" };
            let answer = response(status, &[], body);
            world.ask(key, "machine", ENDPOINT, answer);
        }
        world
    }

    #[test]
    fn refusals_beside_a_certificate_that_works_hold() {
        assert_eq!(shown(200, 401, 401, 200).status(ID), Status::Pass);
        assert_eq!(shown(200, 403, 401, 200).status(ID), Status::Pass);
    }

    #[test]
    fn what_opens_without_the_certificate_or_with_another_falls_short() {
        assert_eq!(shown(200, 200, 401, 200).status(ID), Status::Warn);
        let other = shown(200, 401, 200, 200);
        assert_eq!(other.status(ID), Status::Warn);
        let verdict = other.verdict(ID);
        assert!(
            verdict.findings()[0]
                .message
                .contains("another certificate")
        );
        assert_eq!(shown(200, 200, 200, 200).verdict(ID).findings().len(), 2);
    }

    #[test]
    fn a_handshake_that_fails_is_a_refusal_and_a_lost_answer_is_none() {
        for (kind, expected) in [
            (FailureKind::Tls, Status::Pass),
            (FailureKind::Timeout, Status::Inconclusive),
            (FailureKind::Reset, Status::Inconclusive),
        ] {
            let mut world = shown(200, 401, 401, 200);
            let key = ProbeKey::new(ProbeId::BoundCertificate).variant(certificates::OTHER);
            world.ask(key, "machine", ENDPOINT, failure(kind));
            assert_eq!(world.status(ID), expected, "{kind:?}");
        }
    }

    #[test]
    fn without_a_control_before_and_after_nothing_is_decided() {
        for world in [
            shown(401, 401, 401, 401),
            shown(200, 401, 401, 401),
            shown(200, 503, 401, 200),
        ] {
            assert_eq!(world.status(ID), Status::Inconclusive);
        }
        let mut open = shown(200, 200, 401, 200);
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(open.status(ID), Status::Inconclusive);
    }
}
