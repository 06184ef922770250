//! TOK-11: a token in the query string has no effect.
//!
//! MCP §Token Requirements; RFC 6750 §5.3.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::bypass::TokenUse;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::observe::{Shape, observe};

/// Reads requests without a header whose token was in the URL.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let bypass = &evidence.collected().bypass;
    let sent: Vec<&TokenUse> = bypass
        .tokens
        .iter()
        .filter(|used| used.probe == ProbeId::QueryToken && used.without.is_some())
        .collect();
    if let (Some(reason), true) = (&bypass.skipped, sent.is_empty()) {
        return Verdict::inconclusive(reason.clone());
    }
    let Some(first) = sent.first() else {
        return Verdict::NotApplicable("no identity with a token takes part".to_owned());
    };
    let reply = |id| evidence.exchange(id).map(observe);
    let served = |id| reply(id).is_some_and(|it| it.status < 300 && it.shape.is_success());
    if first.without.is_some_and(served) {
        return Verdict::NotApplicable("the same request is served without any token".to_owned());
    }
    let mut case = evidence.case();
    for used in &sent {
        if served(used.exchange) {
            let what = if used.identity.is_some() {
                "a working"
            } else {
                "a useless"
            };
            let message = format!(
                "{what} token in the query string (`{}`) was taken for one in the header; expected \
                 HTTP 401",
                used.form
            );
            case.breach(
                Draft::new("query string", message)
                    .at(used.exchange, Part::Status, "served")
                    .also(used.without.as_slice(), "the same request without a token"),
            );
        } else if reply(used.exchange).is_none_or(|it| it.shape == Shape::NoAnswer) {
            case.doubt(
                "the request with a token in the query string was not answered",
                None,
            );
        }
    }
    if sent.iter().all(|used| used.identity.is_none()) {
        case.doubt(
            "a useless token in the query string was refused; a working one is not sent without \
             consent, since it ends up in logs",
            Some("--query-token"),
        );
    }
    case.verdict(Verdict::Held(
        "a working token in the query string was ignored".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "query-token-accepted";

    const RESULT: &str = r#"{"jsonrpc":"2.0","id":null,"result":{"tools":[]}}"#;

    fn world(plain: u16, status: u16, working: bool) -> World {
        let mut world = World::guarded();
        let body = |status: u16| if status < 300 { RESULT } else { "" };
        let without = world.answer(ProbeId::QueryToken, "anonymous", plain, &[], body(plain));
        let exchange = world.answer(ProbeId::QueryToken, "anonymous", status, &[], body(status));
        world.collected.bypass.tokens.push(TokenUse {
            probe: ProbeId::QueryToken,
            form: "access_token".to_owned(),
            identity: working.then(|| "admin".to_owned()),
            exchange,
            without: Some(without),
        });
        world
    }

    #[test]
    fn a_token_in_the_query_that_opens_is_broken() {
        assert_eq!(world(401, 200, true).status(ID), Status::Fail);
        assert_eq!(world(401, 200, false).status(ID), Status::Fail);
        assert_eq!(world(401, 401, true).status(ID), Status::Pass);
    }

    #[test]
    fn without_consent_the_flag_is_named() {
        let Verdict::Inconclusive { decided_by, .. } = world(401, 401, false).verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert_eq!(decided_by.as_deref(), Some("--query-token"));
    }

    #[test]
    fn an_open_server_does_not_show_it() {
        assert_eq!(world(200, 200, true).status(ID), Status::NotApplicable);
        assert_eq!(World::guarded().status(ID), Status::NotApplicable);
    }
}
