//! PRIM-08 for the outer gate: every revision that is served asks for a token where another one does.
//!
//! MCP §Error Handling of each revision; §Backward Compatibility with Initialization-Based Versions.

use crate::checks::answers::is_served;
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::revisions::{self, Seen};
use crate::model::matrix::Confidence;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Severity, Verdict};

/// Compares what lists without a token got, revision by revision.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let seen = revisions::seen(evidence);
    let mut case = evidence.case();
    if let Some(guarded) = seen.iter().find(|it| it.asks) {
        for open in seen.iter().filter(|it| !it.asks) {
            case.breach(draft(evidence, open, guarded));
        }
    }
    let mut unseen = evidence.discovery().demands.iter();
    if let Some(form) = unseen.find(|form| form.demanded && !form.served) {
        let reason = format!(
            "a request in the form of {} without a token was refused, and another form answered; \
             whether the refused one is served was not seen",
            form.revision
        );
        case.doubt(reason, Some(TOKEN));
    } else if seen.len() < 2 {
        return not_compared(evidence);
    }
    case.verdict(Verdict::Held(format!(
        "lists without a token are answered alike in {} revisions",
        seen.len()
    )))
}

fn draft(evidence: &Evidence<'_>, open: &Seen, guarded: &Seen) -> Draft {
    let status = evidence.status(guarded.exchange).unwrap_or(401);
    let message = format!(
        "`tools/list` is answered without a token in {}, and {} refuses it with HTTP {status}; \
         expected the same refusal in every revision",
        open.revision, guarded.revision
    );
    let draft = Draft::new(format!("tools/list in {}", open.revision), message)
        .confidence(Confidence::Proven)
        .at(open.exchange, Part::Status, "answered without a token")
        .at(guarded.exchange, Part::Status, "refused without a token");
    // Where nobody calls anything without a token, the names of tools are all that is given away.
    let called = evidence.probed(ProbeId::EraCall).any(|call| {
        let same = call.probe.variant.as_deref() == Some(open.revision.as_str());
        same && call.identity == "anonymous" && is_served(call)
    });
    if called {
        draft
    } else {
        draft.at_most(
            Severity::Medium,
            "no call without a token was answered there",
        )
    }
}

fn not_compared(evidence: &Evidence<'_>) -> Verdict {
    let collected = evidence.collected();
    if collected.discovery.revisions.len() < 2 {
        return Verdict::NotApplicable("one revision is served".to_owned());
    }
    if let Some(reason) = &collected.bypass.skipped {
        return Verdict::Inconclusive {
            reason: reason.clone(),
            decided_by: Some("a run without `--no-bypass`".to_owned()),
        };
    }
    Verdict::NotApplicable("no other revision was asked for a list without a token".to_owned())
}

const TOKEN: &str = "`--token`, or an `[[identity]]`, that works here";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response};
    use crate::model::discovery::{AnonymousAccess, ServedRevision, TokenDemand};
    use crate::model::exchange::ExchangeId;
    use crate::model::matrix::GateOutcome;
    use crate::model::probe::ProbeKey;
    use crate::model::target::{Revision, Transport};
    use crate::model::verdict::Status;

    const ID: &str = "revision-asks-no-token";
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#;

    fn served(world: &mut World, revisions: &[Revision]) {
        for revision in revisions {
            world.collected.discovery.revisions.push(ServedRevision {
                revision: *revision,
                transport: Transport::StreamableHttp,
                exchange: ExchangeId(0),
            });
        }
    }

    fn elsewhere(world: &mut World, probe: ProbeId, status: u16, body: &str) -> ExchangeId {
        let key = ProbeKey::new(probe).variant("2025-03-26");
        let json = [("content-type", "application/json")];
        world.ask(key, "anonymous", ENDPOINT, response(status, &json, body))
    }

    fn world(own: GateOutcome, status: u16, body: &str) -> World {
        let mut world = World::new();
        served(&mut world, &[Revision::R2025_11, Revision::R2025_03]);
        let status_of_own = if own == GateOutcome::Accepted {
            200
        } else {
            401
        };
        world.gate("anonymous", "list-tools", own, status_of_own);
        elsewhere(&mut world, ProbeId::EraList, status, body);
        world
    }

    #[test]
    fn one_revision_that_asks_for_nothing_is_broken_whichever_it_is() {
        let other = world(GateOutcome::Refused, 200, RESULT);
        assert_eq!(other.status(ID), Status::Fail);
        let own = world(GateOutcome::Accepted, 401, "");
        let verdict = own.verdict(ID);
        let finding = &verdict.findings()[0];
        assert_eq!(finding.subject, "tools/list in 2025-11-25");
    }

    #[test]
    fn revisions_that_agree_hold_whether_they_ask_or_not() {
        assert_eq!(
            world(GateOutcome::Refused, 401, "").status(ID),
            Status::Pass
        );
        let open = world(GateOutcome::Accepted, 200, RESULT);
        assert_eq!(open.status(ID), Status::Pass);
    }

    #[test]
    fn an_outage_elsewhere_is_no_answer_without_a_token() {
        for (status, body) in [(503, ""), (404, ""), (200, "<html></html>")] {
            let world = world(GateOutcome::Refused, status, body);
            assert_eq!(world.status(ID), Status::NotApplicable, "{status}");
        }
    }

    #[test]
    fn names_alone_are_less_than_calls() {
        let mut world = world(GateOutcome::Refused, 200, RESULT);
        let severity = |world: &World| world.verdict(ID).findings()[0].severity;
        let listed = severity(&world);
        elsewhere(&mut world, ProbeId::EraCall, 200, RESULT);
        assert!(severity(&world) > listed);
    }

    #[test]
    fn a_refusing_form_that_nobody_saw_served_decides_nothing() {
        let mut world = World::new();
        served(&mut world, &[Revision::R2025_11]);
        world.collected.discovery.anonymous = AnonymousAccess::Mixed;
        let exchange = world.answer(ProbeId::DetectModern, "anonymous", 401, &[], "");
        world.collected.discovery.demands.push(TokenDemand {
            revision: Revision::R2026_07,
            demanded: true,
            served: false,
            exchange,
        });
        let Verdict::Inconclusive { decided_by, .. } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(decided_by.unwrap().contains("--token"));
    }

    #[test]
    fn one_revision_does_not_apply_and_switched_off_ways_decide_nothing() {
        let mut world = World::new();
        served(&mut world, &[Revision::R2025_11]);
        assert_eq!(world.status(ID), Status::NotApplicable);
        served(&mut world, &[Revision::R2025_03]);
        world.collected.bypass.skipped = Some("switched off".to_owned());
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
