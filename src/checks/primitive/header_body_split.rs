//! PRIM-06: header fields and body name the same method and tool.
//!
//! MCP 2026-07-28 §Server Validation: HTTP 400 with code -32020 where they differ.

use std::collections::BTreeSet;

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::{scopes, ways};
use crate::model::bypass::{Attempt, Passage};
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::observe::{Answer, Shape, observe};

/// Reads what refused calls came to, then whether the control was served in forms that disagree.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let untried = ways::untried(evidence, WAY);
    if let Some(verdict @ Verdict::Inconclusive { .. }) = untried {
        return verdict;
    }
    let split: Vec<(&Attempt, Answer)> = ways::attempts(evidence, WAY)
        .filter(|attempt| SPLIT.contains(&attempt.form.as_str()))
        .filter_map(|attempt| {
            let strong = evidence.exchange(*attempt.strong.first()?)?;
            Some((attempt, observe(strong)))
        })
        .collect();
    if split.is_empty() {
        return untried.unwrap_or_else(|| {
            Verdict::NotApplicable("no message with header fields of its own was sent".to_owned())
        });
    }
    let mut case = evidence.case();
    ways::weigh(
        &mut case,
        evidence,
        WAY,
        "with header fields that say something else",
    );
    let worked = ways::attempts(evidence, WAY).any(|it| it.passage == Passage::Through);
    if !worked {
        served(&mut case, &split);
        other_codes(&mut case, &split);
    }
    case.verdict(Verdict::Held(format!(
        "{} request(s) whose header fields and body disagree were refused with code -32020",
        split.len()
    )))
}

fn served(case: &mut Case<'_>, split: &[(&Attempt, Answer)]) {
    let served = |answer: &Answer| {
        answer.status < 300 && (answer.shape.is_success() || answer.shape == Shape::ResultError)
    };
    let accepted: Vec<_> = split.iter().filter(|(_, answer)| served(answer)).collect();
    let Some((first, answer)) = accepted.first() else {
        return;
    };
    let forms: BTreeSet<&str> = accepted.iter().map(|(it, _)| it.form.as_str()).collect();
    let message = format!(
        "a call of `{}` whose header fields and body disagree ({}) was served to `{}`; expected \
         HTTP 400 with code -32020",
        first.subject,
        scopes::names(forms),
        first.control
    );
    case.breach(
        Draft::new("header fields", message)
            .at(answer.exchange, Part::Status, "served all the same")
            .at_most(
                Severity::Medium,
                "nobody was seen to get round a refusal by it",
            ),
    );
}

fn other_codes(case: &mut Case<'_>, split: &[(&Attempt, Answer)]) {
    let other = split.iter().find(|(_, answer)| {
        let client_error = (400..500).contains(&answer.status) || answer.shape == Shape::RpcError;
        client_error && !is_limit(answer) && answer.code() != Some(HEADER_MISMATCH)
    });
    let Some((attempt, answer)) = other else {
        return;
    };
    let code = answer
        .code()
        .map_or("no code".to_owned(), |code| format!("code {code}"));
    let message = format!(
        "header fields and body that disagree (`{}`) were refused with HTTP {} and {code}; \
         expected HTTP 400 and code -32020",
        attempt.form, answer.status
    );
    case.advise(
        Draft::new("header fields", message)
            .at(answer.exchange, Part::Status, "refused in another way")
            .at_most(Severity::Low, "it was refused"),
    );
}

/// Refusals that say nothing about the fields.
const fn is_limit(answer: &Answer) -> bool {
    matches!(answer.status, 401 | 403 | 429)
}

const WAY: ProbeId = ProbeId::HeaderSplit;
const HEADER_MISMATCH: i64 = -32020;

/// Forms in which the fields contradict the body; the others may be served.
const SPLIT: [&str; 6] = [
    "method-of-list",
    "two-methods",
    "name-of-allowed",
    "name-of-refused",
    "two-names-allowed-first",
    "two-names-refused-first",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    const ID: &str = "header-body-split";

    fn world(passage: Passage, status: u16, body: &str) -> World {
        let mut world = World::guarded();
        world.revision(Revision::R2026_07);
        let strong = world.answer(WAY, "admin", status, &[], body);
        world.attempt(WAY, "name-of-allowed", passage).strong = vec![strong];
        world
    }

    const MISMATCH: &str =
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"Header mismatch"}}"#;
    const INVALID: &str =
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid request"}}"#;
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":null,"result":{"content":[]}}"#;

    #[test]
    fn a_refused_call_that_gets_through_is_broken_at_full_severity() {
        let verdict = world(Passage::Through, 200, RESULT).verdict(ID);
        assert!(matches!(verdict, Verdict::Broken(_)), "{verdict:?}");
        assert_eq!(verdict.findings()[0].severity, Severity::High);
        assert_eq!(verdict.findings().len(), 1);
    }

    #[test]
    fn a_contradiction_that_is_served_to_the_control_is_broken_at_less() {
        let verdict = world(Passage::Held, 200, RESULT).verdict(ID);
        assert!(matches!(verdict, Verdict::Broken(_)), "{verdict:?}");
        assert_eq!(verdict.findings()[0].severity, Severity::Medium);
    }

    #[test]
    fn the_named_code_holds_and_another_is_a_shortfall() {
        assert_eq!(
            world(Passage::Closed, 400, MISMATCH).status(ID),
            Status::Pass
        );
        assert_eq!(
            world(Passage::Closed, 400, INVALID).status(ID),
            Status::Warn
        );
    }

    #[test]
    fn a_form_that_does_not_contradict_is_not_asked_for_a_code() {
        let mut world = world(Passage::Closed, 400, MISMATCH);
        world.attempt(WAY, "name-base64", Passage::Held);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn an_older_revision_has_no_such_fields() {
        let mut world = world(Passage::Through, 200, RESULT);
        world.revision(Revision::R2025_11);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
