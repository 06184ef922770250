//! ASE-18: the token endpoint refuses in the words that clients read.
//!
//! RFC 6749 §5.2.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::token_endpoint as reading;

/// Reads the form of every refusal.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let endpoints = &evidence.collected().token_endpoints;
    let mut case = evidence.case();
    let mut read = 0_usize;
    for endpoint in endpoints {
        for attempt in &endpoint.attempts {
            let Some(exchange) = evidence.exchange(attempt.exchange) else {
                continue;
            };
            read += usize::from(attempt.outcome.error().is_some());
            for flaw in reading::flaws(exchange) {
                // The same flaw in several answers is one finding.
                let subject = format!("{}: {flaw}", endpoint.issuer);
                let draft = Draft::new(subject, flaw).at_most(Severity::Low, "clients misread it");
                case.advise(draft.at(attempt.exchange, Part::Status, "the refusal"));
            }
        }
    }
    case.verdict(match read {
        0 => Verdict::NotApplicable("no token endpoint refused a request".to_owned()),
        _ => Verdict::Held(format!("{read} refusal(s) are well-formed")),
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, response};
    use crate::model::exchange::Outcome;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::token_endpoint::TokenQuestion;
    use crate::model::verdict::Status;

    const ID: &str = "token-error-malformed";

    fn world(answer: Outcome) -> World {
        let mut world = World::new();
        world.token_endpoint();
        let key = ProbeKey::new(ProbeId::TokenGrant);
        let exchange = world.ask(key, "anonymous", "https://auth.example.com/token", answer);
        let attempt = world.token_asked(TokenQuestion::UnknownGrant, None, "invalid_client");
        attempt.exchange = exchange;
        world
    }

    #[test]
    fn an_error_of_the_specification_holds() {
        let json = [("Content-Type", "application/json")];
        let world = world(response(401, &json, "{\"error\":\"invalid_client\"}"));
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_page_or_a_success_status_warns() {
        let json = [("Content-Type", "application/json")];
        let html = [("Content-Type", "text/html")];
        let world_of = |answer| world(answer).status(ID);
        let page = response(400, &html, "<html>");
        assert_eq!(world_of(page), Status::Warn);
        let success = response(200, &json, "{\"error\":\"invalid_client\"}");
        assert_eq!(world_of(success), Status::Warn);
    }

    #[test]
    fn without_a_refusal_it_does_not_apply() {
        let mut world = World::new();
        world.token_endpoint();
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
