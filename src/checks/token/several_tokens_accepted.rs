//! TOK-12: a request with several tokens is malformed.
//!
//! RFC 6750 §2 and §3.1: HTTP 400 `invalid_request`.

use std::collections::BTreeSet;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::bypass::TokenUse;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::observe::{Shape, observe};

/// Reads requests with a working and a useless token, in both orders.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let bypass = &evidence.collected().bypass;
    let of = |probe: ProbeId| bypass.tokens.iter().filter(move |used| used.probe == probe);
    let sent: Vec<&TokenUse> = of(ProbeId::TwoTokens).collect();
    if let (Some(reason), true) = (&bypass.skipped, sent.is_empty()) {
        return Verdict::inconclusive(reason.clone());
    }
    if sent.is_empty() {
        return Verdict::NotApplicable("no identity with a token takes part".to_owned());
    }
    let reply = |used: &TokenUse| evidence.exchange(used.exchange).map(observe);
    let is_served =
        |used: &TokenUse| reply(used).is_some_and(|it| it.status < 300 && it.shape.is_success());
    let open = of(ProbeId::QueryToken).any(|used| used.without.is_none() && is_served(used));
    if open {
        return Verdict::NotApplicable("the same request is served without any token".to_owned());
    }
    let mut case = evidence.case();
    let served: Vec<&TokenUse> = sent
        .iter()
        .copied()
        .filter(|used| is_served(used))
        .collect();
    if let Some(first) = served.first() {
        let forms: BTreeSet<&str> = served.iter().map(|used| used.form.as_str()).collect();
        let message = format!(
            "a request with a working and a useless token in two `Authorization` lines was served \
             ({}); expected HTTP 400, since two readers may take different ones",
            scopes::names(forms)
        );
        case.breach(Draft::new("Authorization", message).at(
            first.exchange,
            Part::Status,
            "served",
        ));
    }
    let lost = |used: &&&TokenUse| reply(used).is_none_or(|it| it.shape == Shape::NoAnswer);
    if sent.iter().any(|used| lost(&used)) {
        case.doubt("a request with two tokens was not answered", None);
    }
    case.verdict(Verdict::Held(
        "requests with two `Authorization` lines were refused".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "several-tokens-accepted";

    const RESULT: &str = r#"{"jsonrpc":"2.0","id":null,"result":{"tools":[]}}"#;

    fn world(first: u16, last: u16) -> World {
        let mut world = World::guarded();
        for (form, status) in [("working-first", first), ("working-last", last)] {
            let body = if status < 300 { RESULT } else { "" };
            let exchange = world.answer(ProbeId::TwoTokens, "admin", status, &[], body);
            world.collected.bypass.tokens.push(TokenUse {
                probe: ProbeId::TwoTokens,
                form: form.to_owned(),
                identity: Some("admin".to_owned()),
                exchange,
                without: None,
            });
        }
        world
    }

    #[test]
    fn one_order_that_is_served_is_a_shortfall_and_refusals_hold() {
        assert_eq!(world(200, 401).status(ID), Status::Warn);
        assert_eq!(world(401, 200).status(ID), Status::Warn);
        assert_eq!(world(400, 401).status(ID), Status::Pass);
        assert_eq!(World::guarded().status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_server_that_serves_everybody_does_not_show_it() {
        let mut world = world(200, 200);
        let exchange = world.answer(ProbeId::QueryToken, "anonymous", 200, &[], RESULT);
        world.collected.bypass.tokens.push(TokenUse {
            probe: ProbeId::QueryToken,
            form: "no-token".to_owned(),
            identity: None,
            exchange,
            without: None,
        });
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
