//! XPT-16: other spellings of the path, and overridden verbs, lead to the same gate.
//!
//! CWE-288, CWE-425.

use crate::checks::answers::{describe, is_served, status};
use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::model::discovery::AnonymousAccess;
use crate::model::exchange::Exchange;
use crate::model::probe::ProbeId;
use crate::model::target::Transport;
use crate::model::verdict::{Part, Verdict};

/// Looks for an answer without a token at a spelling of a path whose own gate refuses.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable("no door of this server asks for a token".to_owned());
    }
    let asked: Vec<&Exchange> = evidence.probed(ProbeId::RouteVariant).collect();
    if asked.is_empty() {
        return untried(evidence);
    }
    // The same question at the path itself: the list, or the request that opens a session.
    let control = |it: &&Exchange| {
        it.identity == "anonymous"
            && it.request.url == evidence.endpoint()
            && matches!(it.probe.id, ProbeId::ListTools | ProbeId::DetectLegacy)
    };
    let mut ledger = evidence.collected().ledger.iter().filter(control);
    if ledger.any(is_served) {
        return Verdict::NotApplicable(
            "the path itself answers the same question without a token".to_owned(),
        );
    }
    let mut case = evidence.case();
    for exchange in &asked {
        let variant = exchange.probe.variant.as_deref().unwrap_or_default();
        if is_served(exchange) {
            let message = format!(
                "{} at {} ({variant}) without a token, expected 401 or 404",
                describe(exchange),
                exchange.request.url
            );
            let draft = Draft::new(variant, message);
            case.breach(draft.at(exchange.id, Part::Status, "answered without a token"));
        }
    }
    if asked.iter().all(|it| status(it).is_none()) {
        case.doubt("no other spelling of the path was answered", None);
    }
    case.verdict(Verdict::Held(format!(
        "{} spelling(s) of the path and the verb answer nothing without a token",
        asked.len()
    )))
}

fn untried(evidence: &Evidence<'_>) -> Verdict {
    let audited = evidence.discovery().audited.as_ref();
    if audited.is_some_and(|served| served.transport == Transport::HttpSse) {
        return Verdict::NotApplicable(
            "the path is that of an event stream; `legacy-stream-unguarded` asks for its gate"
                .to_owned(),
        );
    }
    if evidence.discovery().anonymous == AnonymousAccess::Served {
        return Verdict::NotApplicable(
            "the path itself answers the same question without a token".to_owned(),
        );
    }
    Verdict::inconclusive("no other spelling of the path was tried")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, failure, response};
    use crate::model::exchange::{FailureKind, Outcome};
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "gate-dodged-by-path";
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

    fn world(outcome: Outcome) -> World {
        let mut world = World::new();
        let key = ProbeKey::new(ProbeId::RouteVariant).variant("trailing-slash");
        world.ask(key, "anonymous", &format!("{ENDPOINT}/"), outcome);
        world
    }

    #[test]
    fn an_answer_at_another_spelling_is_found() {
        assert_eq!(world(response(200, &[], RESULT)).status(ID), Status::Warn);
    }

    #[test]
    fn refusals_redirects_and_strangers_hold() {
        for (status, body) in [(401, ""), (404, "Not Found"), (307, ""), (200, "<html>")] {
            let seen = world(response(status, &[], body)).status(ID);
            assert_eq!(seen, Status::Pass, "{status}");
        }
    }

    #[test]
    fn a_question_that_is_public_anyway_shows_nothing() {
        let mut world = world(response(200, &[], RESULT));
        world.answer(ProbeId::ListTools, "anonymous", 401, &[], "");
        assert_eq!(world.status(ID), Status::Warn);
        world.answer(ProbeId::ListTools, "anonymous", 200, &[], RESULT);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn silence_decides_nothing_and_an_open_server_has_no_gate() {
        assert_eq!(
            world(failure(FailureKind::Reset)).status(ID),
            Status::Inconclusive
        );
        let mut open = world(response(200, &[], RESULT));
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(open.status(ID), Status::NotApplicable);
        assert_eq!(World::new().status(ID), Status::Inconclusive);
    }
}
