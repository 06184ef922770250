//! XPT-15: a browser cannot be made to act: no request that needs no preflight is served.
//!
//! CWE-352; compare MCP §Token Requirements.

use crate::checks::answers::{describe, is_served, response, status};
use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::model::exchange::ExchangeId;
use crate::model::identity::IdentityKind;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads the answer to a body that is declared to be plain text, and looks for cookies.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(asked) = evidence.probed(ProbeId::TextBody).next() else {
        return Verdict::Inconclusive {
            reason: "nobody was let in to send a body of plain text".to_owned(),
            decided_by: Some("--identity".to_owned()),
        };
    };
    let mut case = evidence.case();
    if is_served(asked) {
        let kind = evidence.identity(&asked.identity).map(|it| it.kind);
        let open =
            evidence.protection() != Protection::Required || kind == Some(IdentityKind::Anonymous);
        let message = format!(
            "{} to a body declared as text/plain, expected 415",
            describe(asked)
        );
        let draft = Draft::new("plain text served", message);
        let draft = draft.at(asked.id, Part::Status, "answered");
        if open {
            case.breach(draft);
        } else {
            let why = "a foreign page has no token to send";
            case.advise(draft.at_most(Severity::Low, why));
        }
        if let Some(cookie) = cookie(evidence).filter(|_| !open) {
            let message = "the endpoint sets cookies and serves requests that need no preflight; \
                           whether the cookie alone opens it needs a browser's login to tell";
            let draft = Draft::new("cookie beside it", message);
            let part = Part::Header("set-cookie".to_owned());
            case.advise(draft.at(cookie, part, "a cookie"));
        }
    } else if !matches!(status(asked), Some(400..500)) {
        case.doubt(format!("{} to a body of plain text", describe(asked)), None);
    } else if matches!(status(asked), Some(401 | 403 | 429)) {
        let reason = format!("{} before the media type was looked at", describe(asked));
        case.doubt(reason, None);
    }
    case.verdict(Verdict::Held(format!(
        "a body of plain text is refused: {}",
        describe(asked)
    )))
}

/// An answer of the endpoint that sets a cookie.
fn cookie(evidence: &Evidence<'_>) -> Option<ExchangeId> {
    let mut ledger = evidence.collected().ledger.iter();
    let found = ledger.find(|exchange| {
        exchange.request.url == evidence.endpoint()
            && response(exchange).is_some_and(|answer| answer.header("set-cookie").is_some())
    })?;
    Some(found.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::discovery::AnonymousAccess;
    use crate::model::verdict::Status;

    const ID: &str = "simple-request-accepted";
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

    fn world(identity: &str, status: u16, body: &str) -> World {
        let mut world = World::new();
        world.valid("admin", &["a"]);
        world.answer(ProbeId::TextBody, identity, status, &[], body);
        world
    }

    #[test]
    fn a_refused_media_type_holds() {
        assert_eq!(world("admin", 415, "").status(ID), Status::Pass);
        assert_eq!(world("admin", 400, "").status(ID), Status::Pass);
    }

    #[test]
    fn plain_text_warns_and_matters_more_without_a_gate() {
        let guarded = world("admin", 200, RESULT);
        assert_eq!(guarded.status(ID), Status::Warn);
        assert_eq!(guarded.verdict(ID).findings()[0].severity, Severity::Low);
        let mut open = world("anonymous", 200, RESULT);
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert!(open.verdict(ID).findings()[0].severity > Severity::Low);
    }

    #[test]
    fn a_cookie_beside_it_is_named() {
        let mut world = world("admin", 200, RESULT);
        assert_eq!(world.verdict(ID).findings().len(), 1);
        let headers = [("Set-Cookie", "sid=1; HttpOnly")];
        world.answer(ProbeId::ListTools, "admin", 200, &headers, RESULT);
        assert_eq!(world.verdict(ID).findings().len(), 2);
    }

    #[test]
    fn a_gate_a_fault_or_silence_decides_nothing() {
        assert_eq!(world("admin", 403, "").status(ID), Status::Inconclusive);
        assert_eq!(world("admin", 500, "").status(ID), Status::Inconclusive);
        assert_eq!(World::new().status(ID), Status::Inconclusive);
    }
}
