//! XPT-07: a session that was ended is answered with 404, and a request without its id with 400.
//!
//! MCP transports page §Session Management, items 2 to 5.

use crate::checks::answers::{describe, is_served, status};
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::model::exchange::Exchange;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads the answer on a session after its DELETE, and the one to a request without a session.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let of = |variant: &str| {
        let mut asked = evidence.probed(ProbeId::SessionReuse);
        asked.find(|it| it.probe.variant.as_deref() == Some(variant))
    };
    let Some(before) = of("before") else {
        let token = evidence.usable().next().is_some();
        return if token && !evidence.collected().sessions.is_empty() {
            Verdict::NotApplicable("the server issues no session ids".to_owned())
        } else {
            Verdict::Inconclusive {
                reason: "no session was opened to be ended".to_owned(),
                decided_by: Some("--identity".to_owned()),
            }
        };
    };
    let mut case = evidence.case();
    match of("after") {
        Some(after) => ended(&mut case, before, after),
        None => case.doubt(
            "the session did not answer before its end, or the server refused to end it",
            None,
        ),
    }
    for asked in evidence.probed(ProbeId::SessionMissing) {
        without_id(&mut case, asked);
    }
    case.verdict(Verdict::Held(
        "a session that was ended is not found again, and a request without its id is refused"
            .to_owned(),
    ))
}

fn ended(case: &mut Case<'_>, before: &Exchange, after: &Exchange) {
    match status(after) {
        Some(404) => {}
        Some(200..300) => {
            let message = format!(
                "{} on a session after its DELETE, expected 404",
                describe(after)
            );
            let draft = Draft::new("ended session", message);
            let draft = draft.at(after.id, Part::Status, "answered after the end");
            case.breach(draft.also(&[before.id], "answered before the end"));
        }
        Some(seen @ 400..500) if !matches!(seen, 401 | 403 | 429) => {
            let message = format!("HTTP {seen} on a session after its DELETE, expected 404");
            let why = "it is refused all the same";
            let draft = Draft::new("status of an ended session", message);
            let draft = draft.at(after.id, Part::Status, "refused");
            case.advise(draft.at_most(Severity::Info, why));
        }
        _ => case.doubt(format!("{} after the end", describe(after)), None),
    }
}

fn without_id(case: &mut Case<'_>, asked: &Exchange) {
    if is_served(asked) {
        let message = format!(
            "{} to a request without the session id that the server issued, expected 400",
            describe(asked)
        );
        let draft = Draft::new("request without a session", message);
        let draft = draft.at(asked.id, Part::Status, "answered");
        case.advise(draft.at_most(Severity::Low, "the token was looked at"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response};
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "ended-session-alive";
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

    fn world(after: u16) -> World {
        let mut world = World::new();
        world.valid("admin", &["a"]);
        for (variant, status) in [("before", 200), ("after", after)] {
            let key = ProbeKey::new(ProbeId::SessionReuse).variant(variant);
            world.ask(key, "admin", ENDPOINT, response(status, &[], RESULT));
        }
        world
    }

    #[test]
    fn an_ended_session_that_answers_is_broken_and_404_holds() {
        assert_eq!(world(200).status(ID), Status::Fail);
        assert_eq!(world(404).status(ID), Status::Pass);
    }

    #[test]
    fn another_refusal_warns_and_a_gate_decides_nothing() {
        assert_eq!(world(400).status(ID), Status::Warn);
        assert_eq!(world(401).status(ID), Status::Inconclusive);
        assert_eq!(world(503).status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_request_without_the_id_that_is_served_warns() {
        let mut world = world(404);
        world.answer(ProbeId::SessionMissing, "admin", 400, &[], "{}");
        assert_eq!(world.status(ID), Status::Pass);
        world.answer(ProbeId::SessionMissing, "admin", 200, &[], RESULT);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn without_an_end_nothing_is_said() {
        let mut world = World::new();
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.valid("admin", &["a"]);
        let key = ProbeKey::new(ProbeId::SessionReuse).variant("before");
        world.ask(key, "admin", ENDPOINT, response(200, &[], RESULT));
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
