//! TOK-19: fields that a proxy or another scheme sets do not stand in for a token.
//!
//! No clause; MCP §Auth permits other schemes.

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::tokens::OPEN;
use crate::model::discovery::AnonymousAccess;
use crate::model::exchange::Exchange;
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::gates::admits;

/// Reads the answers to requests without a token that carry such fields.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    let tried: Vec<(&Exchange, GateOutcome)> = evidence
        .probed(ProbeId::SpoofedIdentity)
        .map(|exchange| (exchange, admits(exchange)))
        .collect();
    let Some((first, outcome)) = tried.first() else {
        if evidence.discovery().anonymous == AnonymousAccess::Served {
            return Verdict::NotApplicable(
                "the first door answers without a token, so such fields would show nothing there"
                    .to_owned(),
            );
        }
        return Verdict::inconclusive("no door was seen to refuse a request without a token");
    };
    let mut case = evidence.case();
    match outcome {
        GateOutcome::Accepted => {}
        GateOutcome::Refused | GateOutcome::RefusedInBand => {
            return Verdict::Held(
                "a request without a token was refused with every such field at once".to_owned(),
            );
        }
        GateOutcome::Unclear => {
            return Verdict::inconclusive(
                "the request with such fields got no answer that can be read as a yes or a no",
            );
        }
    }
    let alone: Vec<_> = tried
        .iter()
        .skip(1)
        .filter(|(_, outcome)| *outcome == GateOutcome::Accepted)
        .collect();
    for (exchange, _) in &alone {
        let field = exchange.probe.variant.as_deref().unwrap_or_default();
        let message = format!(
            "the field `{field}` alone opens the server without a token; expected HTTP 401"
        );
        case.breach(Draft::new(field, message).at(exchange.id, Part::Status, "accepted"));
    }
    if alone.is_empty() {
        let message = "several such fields together open the server without a token, none of them \
                       alone; expected HTTP 401";
        case.breach(Draft::new("all fields", message).at(first.id, Part::Status, "accepted"));
    }
    case.verdict(Verdict::inconclusive(
        "no finding could be made of an accepted request",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;
    use crate::oracle::testing::{call, http};

    const ID: &str = "spoofed-identity-accepted";
    const OPENED: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}"#;

    fn world(answers: &[(&str, u16)]) -> World {
        let mut world = World::new();
        for (variant, status) in answers {
            let body = if *status == 200 { OPENED } else { "" };
            let key = ProbeKey::new(ProbeId::SpoofedIdentity).variant(*variant);
            let answer = http(*status, &[], body);
            let exchange = call(key, "anonymous", "a", &serde_json::json!({}), answer);
            world.collected.ledger.file(exchange);
        }
        world
    }

    #[test]
    fn refusal_of_all_at_once_holds() {
        assert_eq!(world(&[("all", 401)]).status(ID), Status::Pass);
    }

    #[test]
    fn the_field_that_opens_is_named() {
        let world = world(&[("all", 200), ("X-Forwarded-User", 200), ("Cookie", 401)]);
        let verdict = world.verdict(ID);
        let subjects: Vec<_> = verdict
            .findings()
            .iter()
            .map(|it| it.subject.as_str())
            .collect();
        assert_eq!(subjects, ["X-Forwarded-User"]);
    }

    #[test]
    fn fields_that_open_only_together_are_one_finding() {
        let world = world(&[("all", 200), ("Cookie", 401)]);
        assert_eq!(world.status(ID), Status::Warn);
        assert_eq!(world.verdict(ID).findings()[0].subject, "all fields");
    }

    #[test]
    fn a_public_list_leaves_nothing_to_open() {
        let mut world = world(&[]);
        world.collected.discovery.anonymous = AnonymousAccess::Served;
        world.gate("anonymous", "call-valid", GateOutcome::Refused, 401);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn an_outage_and_a_missing_answer_decide_nothing() {
        assert_eq!(world(&[("all", 503)]).status(ID), Status::Inconclusive);
        assert_eq!(world(&[]).status(ID), Status::Inconclusive);
    }
}
