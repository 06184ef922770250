//! TOK-02: what nobody issued is refused under every scheme, and under every spelling of the right one.
//!
//! RFC 6750 §3.1; RFC 9110 §11.1, §11.4.

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::tokens::OPEN;
use crate::model::discovery::AnonymousAccess;
use crate::model::identity::IdentityKind;
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::gates::admits;

/// Reads the answers to random characters under other schemes.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open
        || evidence.discovery().anonymous == AnonymousAccess::Served
    {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    let mut garbage = evidence.gates(IdentityKind::Garbage);
    if garbage
        .any(|gate| FIRST.contains(&gate.door.as_str()) && gate.outcome == GateOutcome::Accepted)
    {
        return Verdict::NotApplicable(
            "random characters open the server as a Bearer token, which `garbage-token-accepted` \
             reports"
                .to_owned(),
        );
    }
    let mut case = evidence.case();
    let mut refused = 0_usize;
    for exchange in evidence.probed(ProbeId::ForeignScheme) {
        let variant = exchange.probe.variant.as_deref().unwrap_or_default();
        match admits(exchange) {
            GateOutcome::Accepted => {
                let message = format!(
                    "random characters in `Authorization` open the server when they are sent as \
                     `{variant}`, expected HTTP 401 as for a request without a token"
                );
                let draft = Draft::new(variant, message);
                case.breach(draft.at(exchange.id, Part::Status, "accepted"));
            }
            GateOutcome::Refused | GateOutcome::RefusedInBand => refused += 1,
            // RFC 9110 §11.4: a field that cannot be read is a bad request.
            GateOutcome::Unclear if exchange.status() == Some(400) => refused += 1,
            GateOutcome::Unclear => case.doubt(
                format!("the answer to `{variant}` says neither yes nor no"),
                None,
            ),
        }
    }
    case.verdict(if refused == 0 {
        Verdict::undecided("no credential of another scheme was sent", "--identity")
    } else {
        Verdict::Held(format!(
            "random characters were refused under {refused} schemes and spellings"
        ))
    })
}

/// Doors that are tried first.
const FIRST: [&str; 2] = ["list-tools", "open-session"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;
    use crate::oracle::testing::{call, http};

    const ID: &str = "foreign-scheme-accepted";
    const OPENED: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}"#;

    fn world(answers: &[(&str, u16)]) -> World {
        let mut world = World::new();
        for (variant, status) in answers {
            let body = if *status == 200 { OPENED } else { "" };
            let key = ProbeKey::new(ProbeId::ForeignScheme).variant(*variant);
            let answer = http(*status, &[], body);
            let exchange = call(key, "anonymous", "a", &serde_json::json!({}), answer);
            world.collected.ledger.file(exchange);
        }
        world
    }

    #[test]
    fn a_scheme_that_opens_the_server_is_named() {
        let world = world(&[("Basic", 200), ("Token", 401)]);
        assert_eq!(world.status(ID), Status::Fail);
        assert_eq!(world.verdict(ID).findings()[0].subject, "Basic");
    }

    #[test]
    fn refusals_and_bad_requests_hold() {
        let world = world(&[("Basic", 401), ("Bearer and a tab", 400), ("Token", 403)]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn an_outage_and_silence_decide_nothing() {
        assert_eq!(
            world(&[("Basic", 503), ("Token", 401)]).status(ID),
            Status::Inconclusive
        );
        assert_eq!(world(&[]).status(ID), Status::Inconclusive);
    }

    #[test]
    fn an_open_server_and_one_that_takes_any_token_do_not_apply() {
        let mut open = world(&[("Basic", 200)]);
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(open.status(ID), Status::NotApplicable);
        let mut careless = world(&[("Basic", 200)]);
        careless.identity("garbage", IdentityKind::Garbage, &[]);
        careless.gate("garbage", "list-tools", GateOutcome::Accepted, 200);
        assert_eq!(careless.status(ID), Status::NotApplicable);
    }
}
