//! TOK-16: a missing or wrong token is refused with 401, not with 403, 404 or 500.
//!
//! MCP §Error Handling.

use std::collections::BTreeMap;

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::scopes;
use crate::checks::tokens::OPEN;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::identity::IdentityKind;
use crate::model::matrix::{Class, GateObservation};
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};

/// Counts the statuses of refusals that have no other cause than the token.
///
/// Refusals inside HTTP 200 are PRIM-11's, those for want of scope SCP-05's, and server errors for a
/// token that nobody issued TOK-02's.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    let mut right = 0_usize;
    let mut wrong: BTreeMap<u16, Vec<(&str, ExchangeId)>> = BTreeMap::new();
    for gate in &evidence.collected().gates {
        let Some(exchange) = evidence.exchange(gate.exchange) else {
            continue;
        };
        match exchange.status() {
            Some(401) => right += 1,
            Some(status) if is_wrong(evidence, gate, exchange, status) => {
                wrong
                    .entry(status)
                    .or_default()
                    .push((&gate.identity, exchange.id));
            }
            _ => {}
        }
    }
    let mut case = evidence.case();
    for (status, refusals) in wrong {
        let mut names: Vec<&str> = refusals.iter().map(|(name, _)| *name).collect();
        names.dedup();
        let message = format!(
            "{} of the refusals of a missing or wrong token came as HTTP {status} ({}); expected \
             HTTP 401",
            refusals.len(),
            scopes::names(names)
        );
        let others: Vec<ExchangeId> = refusals.iter().map(|(_, at)| *at).collect();
        if let Some(first) = others.first() {
            let draft = Draft::new(format!("HTTP {status}"), message);
            let draft = draft.at(*first, Part::Status, "a refusal");
            case.breach(draft.also(&others, "another"));
        }
    }
    if right == 0 && case.is_clean() {
        return Verdict::NotApplicable(
            "no refusal came as an HTTP status that speaks of the token".to_owned(),
        );
    }
    case.verdict(Verdict::Held(format!(
        "{right} refusals of a missing or wrong token came as HTTP 401"
    )))
}

fn is_wrong(
    evidence: &Evidence<'_>,
    gate: &GateObservation,
    exchange: &Exchange,
    status: u16,
) -> bool {
    let other_cause = matches!(
        gate.class,
        Some(
            Class::SessionError
                | Class::VersionError
                | Class::RateLimited
                | Class::DeniedOtherPolicy
                | Class::UnknownTool
                | Class::InvalidArguments
        )
    );
    let garbage =
        evidence.identity(&gate.identity).map(|it| it.kind) == Some(IdentityKind::Garbage);
    let suspect = match status {
        403 => true,
        404 => [ProbeId::OpenSession, ProbeId::ListTools].contains(&exchange.probe.id),
        500..=599 => !garbage && gate.class == Some(Class::ServerFault),
        _ => false,
    };
    suspect && !other_cause && works(evidence, exchange.probe.id)
}

/// Whether the same question is answered for the baseline, so that the token is the cause.
fn works(evidence: &Evidence<'_>, probe: ProbeId) -> bool {
    let Some(baseline) = evidence.baseline() else {
        return false;
    };
    evidence.probed(probe).any(|other| {
        other.identity == baseline.name && other.status().is_some_and(|status| status < 300)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::GateOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "refusal-status-wrong";

    fn world(kind: IdentityKind, status: u16) -> World {
        let mut world = World::new();
        world.identity("bad", kind, &[]);
        world
            .gate("bad", "list-tools", GateOutcome::Unclear, status)
            .class = Some(if status >= 500 {
            Class::ServerFault
        } else {
            Class::Unauthenticated
        });
        world.valid("admin", &["a"]);
        world.answer(ProbeId::ListTools, "admin", 200, &[], "{}");
        world
    }

    #[test]
    fn a_401_holds_and_other_statuses_are_broken() {
        assert_eq!(world(IdentityKind::Expired, 401).status(ID), Status::Pass);
        for status in [403, 404, 500] {
            assert_eq!(
                world(IdentityKind::Expired, status).status(ID),
                Status::Fail,
                "{status}"
            );
        }
    }

    #[test]
    fn a_server_error_for_garbage_is_counted_elsewhere() {
        assert_eq!(
            world(IdentityKind::Garbage, 500).status(ID),
            Status::NotApplicable
        );
    }

    #[test]
    fn another_cause_than_the_token_does_not_count() {
        let mut world = world(IdentityKind::Expired, 404);
        world.collected.gates[0].class = Some(Class::SessionError);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_door_that_works_for_nobody_says_nothing() {
        let mut world = world(IdentityKind::Expired, 403);
        world.collected.identities.baseline = None;
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
