//! XPT-01: a request that carries a foreign `Origin` is refused with 403.
//!
//! MCP transports page §Security Warning; DNS rebinding.

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::model::exchange::Exchange;
use crate::model::identity::IdentityKind;
use crate::model::probe::ProbeId;
use crate::model::target::Revision;
use crate::model::verdict::{Part, Severity, Verdict};

/// Compares requests with foreign origins against a control without one.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let asked: Vec<&Exchange> = evidence.probed(ProbeId::ForeignOrigin).collect();
    let is_control = |it: &&&Exchange| it.probe.variant.as_deref() == Some("control");
    let Some(control) = asked
        .iter()
        .find(is_control)
        .and_then(|it| control(evidence, it))
    else {
        return Verdict::inconclusive("no control without a foreign origin was answered");
    };
    let mut case = evidence.case();
    let mut refused = 0_usize;
    for exchange in asked.iter().filter(|it| !is_control(it)) {
        let variant = exchange.probe.variant.as_deref().unwrap_or("random");
        match exchange.status() {
            Some(status @ 200..300) => case.breach(accepted(evidence, exchange, variant, status)),
            Some(403) if control != 403 => refused += 1,
            Some(401) if control == 401 => case.doubt(
                "every request needs a token, and the origin is not looked at before that",
                Some("--identity"),
            ),
            Some(status @ 400..500) if status != control => {
                refused += 1;
                if evidence.since(Revision::R2025_11) {
                    let message =
                        format!("the {variant} origin is refused with HTTP {status}, expected 403");
                    let draft = Draft::new("status of the refusal", message);
                    let draft = draft.at(exchange.id, Part::Status, "refused");
                    case.advise(draft.at_most(Severity::Info, "it is refused all the same"));
                }
            }
            Some(status) => case.doubt(
                format!("HTTP {status} with the {variant} origin, HTTP {control} without"),
                None,
            ),
            None => case.doubt(format!("no answer to the {variant} origin"), None),
        }
    }
    if refused == 0 {
        case.doubt("no foreign origin was tried", None);
    }
    case.verdict(Verdict::Held(format!(
        "{refused} foreign origin(s) were refused"
    )))
}

// A server may refuse every origin, its own included; then the plain list is the control.
fn control(evidence: &Evidence<'_>, own_origin: &Exchange) -> Option<u16> {
    let mut plain = evidence.probed(ProbeId::ListTools);
    let plain = plain.find(|it| it.identity == own_origin.identity);
    plain
        .and_then(Exchange::status)
        .or_else(|| own_origin.status())
}

fn accepted(evidence: &Evidence<'_>, exchange: &Exchange, variant: &str, status: u16) -> Draft {
    let origin = exchange.request.headers.iter();
    let mut origin = origin.filter(|field| field.name.eq_ignore_ascii_case("origin"));
    let shown = origin.next().map_or(variant, |field| &*field.value);
    let message = format!("HTTP {status} to a request with `Origin: {shown}`, expected 403");
    let draft = Draft::new(format!("{variant} origin"), message);
    let draft = draft.at(exchange.id, Part::Status, "answered");
    let kind = evidence.identity(&exchange.identity).map(|it| it.kind);
    let guarded = evidence.protection() == Protection::Required;
    if guarded && kind != Some(IdentityKind::Anonymous) {
        draft.at_most(Severity::Low, "a foreign page has no token to send")
    } else {
        draft
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response};
    use crate::model::discovery::AnonymousAccess;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "foreign-origin-accepted";

    fn world(identity: &str, control: u16, foreign: u16) -> World {
        let mut world = World::new();
        world.valid("admin", &["a"]);
        for (variant, status) in [("control", control), ("random", foreign), ("null", foreign)] {
            let key = ProbeKey::new(ProbeId::ForeignOrigin).variant(variant);
            world.ask(key, identity, ENDPOINT, response(status, &[], "{}"));
        }
        world
    }

    #[test]
    fn a_refused_origin_holds() {
        assert_eq!(world("admin", 200, 403).status(ID), Status::Pass);
        assert_eq!(world("anonymous", 401, 403).status(ID), Status::Pass);
    }

    #[test]
    fn an_accepted_origin_is_broken_and_matters_less_behind_a_token() {
        let guarded = world("admin", 200, 200);
        assert_eq!(guarded.status(ID), Status::Fail);
        assert_eq!(guarded.verdict(ID).findings()[0].severity, Severity::Low);
        let mut open = world("anonymous", 200, 200);
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert!(open.verdict(ID).findings()[0].severity > Severity::Low);
    }

    #[test]
    fn a_server_that_refuses_every_origin_holds() {
        let mut world = world("admin", 403, 403);
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.answer(ProbeId::ListTools, "admin", 200, &[], "{}");
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_missing_token_hides_the_answer() {
        assert_eq!(
            world("anonymous", 401, 401).status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn another_status_than_403_warns_since_2025_11_25() {
        let mut world = world("admin", 200, 400);
        assert_eq!(world.status(ID), Status::Warn);
        world.revision(Revision::R2025_06);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn without_a_control_nothing_is_said() {
        assert_eq!(World::new().status(ID), Status::Inconclusive);
    }
}
