//! PRIM-11: a refusal is an HTTP status, not the content of a success.
//!
//! MCP §Error Handling; SEP-1489 and SEP-2643 are drafts.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::checks::tokens::is_refusal;
use crate::model::exchange::ExchangeId;
use crate::model::identity::IdentityKind;
use crate::model::matrix::{Class, Confidence, Layer};
use crate::model::verdict::{Part, Verdict};

/// Looks at the HTTP status of everything that was refused.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let refusals = refusals(evidence);
    if refusals.is_empty() {
        return Verdict::NotApplicable("nothing was refused".to_owned());
    }
    let in_band: Vec<&(String, ExchangeId)> = refusals
        .iter()
        .filter(|(_, at)| {
            evidence
                .status(*at)
                .is_some_and(|it| (200..300).contains(&it))
        })
        .collect();
    let mut case = evidence.case();
    if let Some((_, first)) = in_band.first() {
        let mut names: Vec<&str> = in_band.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        let message = format!(
            "{} of {} refusals came inside HTTP 200 ({}); expected HTTP 401 or 403",
            in_band.len(),
            refusals.len(),
            scopes::names(names)
        );
        let others: Vec<ExchangeId> = in_band.iter().map(|(_, at)| *at).collect();
        case.advise(
            Draft::new("refusals", message)
                .at(*first, Part::Status, "a refusal")
                .also(&others, "another"),
        );
    }
    case.verdict(Verdict::Held(format!(
        "all {} refusals are HTTP refusals",
        refusals.len()
    )))
}

fn refusals(evidence: &Evidence<'_>) -> Vec<(String, ExchangeId)> {
    let cells = evidence.tool_cells().filter(|it| {
        let masked = it.cell.class == Some(Class::HiddenUnknownTool);
        let upstream = it.cell.layer == Some(Layer::Backend);
        it.is_refused() && it.cell.confidence >= Confidence::Strong && !masked && !upstream
    });
    let cells = cells.filter_map(|it| Some((it.tool.name.clone(), it.answer()?)));
    let strangers = [IdentityKind::Anonymous, IdentityKind::Garbage];
    let gates = strangers.into_iter().flat_map(|kind| evidence.gates(kind));
    let gates = gates
        .filter(|gate| is_refusal(gate))
        .map(|gate| (gate.door.clone(), gate.exchange));
    let mut all: Vec<(String, ExchangeId)> = cells.chain(gates).collect();
    all.sort_by_key(|(_, at)| *at);
    all.dedup_by_key(|(_, at)| *at);
    all
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::matrix::{Access, Class, Confidence, GateOutcome};
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "denial-in-band";

    fn world(status: u16) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.tool("create_note");
        let probe = ProbeId::CallInvalid;
        world.cell_answered("create_note", "reader", Access::Denied, probe, status);
        world
    }

    #[test]
    fn an_http_refusal_holds() {
        assert_eq!(world(403).status(ID), Status::Pass);
    }

    #[test]
    fn a_refusal_inside_200_warns_although_the_requirement_binds() {
        assert_eq!(world(200).status(ID), Status::Warn);
    }

    #[test]
    fn a_tool_that_answers_as_unknown_is_hiding_not_refusing() {
        let mut world = world(200);
        world.collected.matrices[0].cells[0].class = Some(Class::HiddenUnknownTool);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn an_answer_that_may_be_a_refusal_does_not_count() {
        let mut world = world(200);
        world.collected.matrices[0].cells[0].confidence = Confidence::Weak;
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn doors_count_as_well() {
        let mut world = world(403);
        world.gate("anonymous", "list-tools", GateOutcome::RefusedInBand, 200);
        assert_eq!(world.status(ID), Status::Warn);
    }
}
