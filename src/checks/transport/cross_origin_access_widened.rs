//! XPT-12: cross-origin sharing lets no foreign page read answers with the visitor's credentials.
//!
//! CWE-942; Fetch §CORS protocol.

use crate::checks::answers::response;
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::model::exchange::Exchange;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads what a preflight, and what simple requests of foreign origins are told.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut answered = 0_usize;
    let preflights = evidence.probed(ProbeId::Preflight);
    let foreign = evidence.probed(ProbeId::ForeignOrigin);
    let foreign = foreign.filter(|it| it.probe.variant.as_deref() != Some("control"));
    for exchange in preflights.chain(foreign) {
        if response(exchange).is_some() {
            answered += 1;
            shared(&mut case, exchange);
        }
    }
    if answered == 0 {
        return Verdict::inconclusive("no preflight and no foreign origin was answered");
    }
    case.verdict(Verdict::Held(format!(
        "{answered} answer(s) to foreign origins share nothing with them"
    )))
}

fn shared(case: &mut Case<'_>, exchange: &Exchange) {
    let Some(answer) = response(exchange) else {
        return;
    };
    let Some(allowed) = answer.header(ALLOW_ORIGIN) else {
        return;
    };
    let credentials = answer.header(ALLOW_CREDENTIALS);
    let credentials = credentials.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    let sent = exchange.request.headers.iter();
    let mut sent = sent.filter(|field| field.name.eq_ignore_ascii_case("origin"));
    let origin = sent.next().map_or("", |field| field.value.trim());
    let reflected = allowed.trim() == origin && !origin.is_empty();
    let told = format!(
        "`{ALLOW_ORIGIN}: {allowed}`{} to the origin {origin}",
        if credentials { " with credentials" } else { "" }
    );
    let part = || Part::Header(ALLOW_ORIGIN.to_owned());
    match (reflected, allowed.trim() == "*", credentials) {
        (true, _, true) => {
            let message =
                format!("{told}, expected no such field: a foreign page reads as its visitor");
            let draft = Draft::new("credentials shared", message);
            case.breach(draft.at(exchange.id, part(), "the foreign origin"));
        }
        (true, ..) => {
            let message = format!("{told}, expected no such field or a list of origins");
            let draft = Draft::new("origin reflected", message);
            let draft = draft.at(exchange.id, part(), "the foreign origin");
            case.advise(draft.at_most(Severity::Low, "no cookie goes along"));
        }
        (false, true, _) => {
            let message = format!("{told}, expected no such field or a list of origins");
            let draft = Draft::new("any origin", message);
            let draft = draft.at(exchange.id, part(), "any origin");
            case.advise(draft.at_most(Severity::Low, "no cookie goes along"));
        }
        (false, false, _) => {}
    }
}

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response as answer};
    use crate::model::exchange::HeaderField;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "cross-origin-access-widened";

    fn world(origin: &str, headers: &[(&str, &str)]) -> World {
        let mut world = World::new();
        let key = ProbeKey::new(ProbeId::Preflight);
        let id = world.ask(key, "anonymous", ENDPOINT, answer(204, headers, ""));
        let mut exchange = world.collected.ledger.exchange(id).unwrap().clone();
        exchange.request.headers = vec![HeaderField::new("Origin", origin)];
        world.collected.ledger = crate::model::exchange::Ledger::default();
        world.collected.ledger.file(exchange);
        world
    }

    #[test]
    fn a_reflected_origin_with_credentials_is_broken() {
        for origin in ["https://x.invalid", "null"] {
            let fields = [
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Allow-Credentials", "true"),
            ];
            let world = world(origin, &fields);
            assert_eq!(world.status(ID), Status::Warn);
            assert!(world.verdict(ID).findings()[0].severity > Severity::Low);
        }
    }

    #[test]
    fn a_wildcard_or_a_reflection_without_credentials_matters_less() {
        for allowed in ["*", "https://x.invalid"] {
            let world = world(
                "https://x.invalid",
                &[("Access-Control-Allow-Origin", allowed)],
            );
            assert_eq!(world.status(ID), Status::Warn, "{allowed}");
            assert_eq!(world.verdict(ID).findings()[0].severity, Severity::Low);
        }
    }

    #[test]
    fn a_list_or_nothing_holds() {
        let fields = [
            ("Access-Control-Allow-Origin", "https://app.example.com"),
            ("Access-Control-Allow-Credentials", "true"),
        ];
        assert_eq!(world("https://x.invalid", &fields).status(ID), Status::Pass);
        assert_eq!(world("https://x.invalid", &[]).status(ID), Status::Pass);
    }

    #[test]
    fn silence_decides_nothing() {
        assert_eq!(World::new().status(ID), Status::Inconclusive);
    }
}
