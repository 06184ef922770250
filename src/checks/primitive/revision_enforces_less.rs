//! PRIM-08: every revision and transport that is served enforces the same policy.
//!
//! MCP §Backward Compatibility with Initialization-Based Versions.

use std::collections::BTreeMap;

use crate::checks::case::{Case, Draft};
use crate::checks::entrances;
use crate::checks::evidence::Evidence;
use crate::checks::revisions;
use crate::checks::ways;
use crate::model::bypass::Passage;
use crate::model::door_trials::Door;
use crate::model::matrix::{Access, Cell, Confidence, Matrix};
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};

/// Compares refusals of the audited revision with the same calls in the others, and with requests
/// that name no revision.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let matrices = &evidence.collected().matrices;
    if let Some(reason) = &evidence.collected().bypass.skipped {
        return Verdict::Inconclusive {
            reason: reason.clone(),
            decided_by: Some("a run without `--no-bypass`".to_owned()),
        };
    }
    let fields = ways::attempts(evidence, ProbeId::VersionField);
    let fields = fields.filter(|it| it.identity.is_some()).count();
    let Some((first, others)) = matrices.split_first() else {
        return Verdict::NotApplicable("nothing was called".to_owned());
    };
    let compared: usize = others.iter().map(|other| pairs(first, other).count()).sum();
    if compared + fields == 0 {
        return Verdict::NotApplicable(
            "no refusal of a token could be compared: one revision is served, or nothing was refused"
                .to_owned(),
        );
    }
    let mut case = evidence.case();
    let ungated = revisions::without_gate(evidence);
    let forgotten = entrances::entrances(evidence);
    let mut following = 0_usize;
    for other in others {
        let open = ungated.contains(&other.revision.to_string())
            || forgotten.tells(other.revision, Door::Call, "anonymous");
        following += compare(&mut case, first, other, open);
    }
    versionless(&mut case, evidence);
    let left_out = match following {
        0 => String::new(),
        _ => format!(
            "; {following} more are open to everybody there, which `revision-asks-no-token` or \
             `gate-inconsistent` tells"
        ),
    };
    case.verdict(if compared == following && fields == 0 {
        Verdict::NotApplicable(format!("no refusal is left to compare{left_out}"))
    } else {
        Verdict::Held(format!(
            "{} refusal(s) were compared in {} other revision(s), and {fields} request(s) named \
             another revision or none{left_out}",
            compared - following,
            others.len()
        ))
    })
}

/// Refusals that are sure, beside the same cell in another revision.
fn pairs<'a>(first: &'a Matrix, other: &'a Matrix) -> impl Iterator<Item = (&'a Cell, &'a Cell)> {
    other.cells.iter().filter_map(|cell| {
        let refused = first.cell(&cell.subject, &cell.identity)?;
        let sure = refused.access == Access::Denied && refused.confidence >= Confidence::Strong;
        sure.then_some((refused, cell))
    })
}

/// How many cells are left to the finding about a revision without a gate: what strangers get there
/// says nothing about scopes.
fn compare(case: &mut Case<'_>, first: &Matrix, other: &Matrix, open: bool) -> usize {
    let mut weaker: BTreeMap<&str, Vec<(&Cell, &Cell)>> = BTreeMap::new();
    let mut following = 0;
    for (refused, cell) in pairs(first, other) {
        let stranger = other.cell(&cell.subject, "anonymous");
        if open && stranger.is_none_or(|stranger| stranger.access != Access::Denied) {
            following += 1;
            continue;
        }
        match cell.access {
            Access::Allowed | Access::Reached => {
                weaker
                    .entry(&cell.subject)
                    .or_default()
                    .push((refused, cell));
            }
            Access::Denied => {}
            Access::Inconclusive | Access::NotTested => case.doubt(
                format!(
                    "{} as `{}` in {}: {}",
                    cell.subject,
                    cell.identity,
                    other.revision,
                    cell.reason.as_deref().unwrap_or("not decided")
                ),
                None,
            ),
        }
    }
    for (subject, cells) in weaker {
        let who: Vec<&str> = cells
            .iter()
            .map(|(_, cell)| cell.identity.as_str())
            .collect();
        let Some((refused, cell)) = cells.first() else {
            continue;
        };
        let message = format!(
            "{subject} is refused to {} in {} and {} in {}; expected the same answer in every \
             revision",
            crate::checks::scopes::names(who),
            first.revision,
            cell.access.as_str(),
            other.revision
        );
        let mut draft = Draft::new(format!("{subject} in {}", other.revision), message)
            .confidence(cell.confidence);
        if let Some(answer) = cell.exchanges.first() {
            draft = draft.at(*answer, Part::Status, "let through in this revision");
        }
        case.breach(
            draft
                .also(&refused.exchanges, "refused in the audited revision")
                .also(&cell.exchanges, "a control in this revision"),
        );
    }
    following
}

fn versionless(case: &mut Case<'_>, evidence: &Evidence<'_>) {
    let way = ProbeId::VersionField;
    let worked = ways::attempts(evidence, way).any(|it| it.passage == Passage::Through);
    if worked {
        ways::weigh(
            case,
            evidence,
            way,
            "by a request that names another revision or none",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::Calibration;
    use crate::model::target::{Revision, Transport};
    use crate::model::verdict::Status;

    const ID: &str = "revision-enforces-less";

    fn world(elsewhere: Access) -> World {
        let mut world = World::guarded();
        let cells = world.collected.matrix().map(|it| it.cells.clone());
        let mut cells = cells.unwrap_or_default();
        cells[0].access = elsewhere;
        world.collected.matrices.push(Matrix {
            revision: Revision::R2025_03,
            transport: Transport::StreamableHttp,
            identities: Vec::new(),
            cells,
            calibration: Calibration::default(),
        });
        world
    }

    #[test]
    fn a_refusal_that_another_revision_does_not_know_is_broken() {
        assert_eq!(world(Access::Allowed).status(ID), Status::Fail);
        assert_eq!(world(Access::Reached).status(ID), Status::Fail);
        assert_eq!(world(Access::Denied).status(ID), Status::Pass);
    }

    #[test]
    fn calls_that_need_no_token_elsewhere_are_left_to_the_finding_about_that_door() {
        let mut open = world(Access::Allowed);
        open.at_door(Revision::R2025_03, Door::Call, "anonymous", true);
        assert_eq!(open.status("gate-inconsistent"), Status::Fail);
        assert_eq!(open.status(ID), Status::NotApplicable);
        let mut guarded = world(Access::Allowed);
        guarded.at_door(Revision::R2025_03, Door::Call, "anonymous", false);
        assert_eq!(guarded.status(ID), Status::Fail);
    }

    #[test]
    fn an_undecided_cell_leaves_it_open() {
        assert_eq!(world(Access::Inconclusive).status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_weak_refusal_is_nothing_to_compare() {
        let mut world = world(Access::Allowed);
        world.collected.matrices[0].cells[0].confidence = Confidence::Weak;
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn one_revision_does_not_apply_and_a_missing_field_does() {
        let mut world = World::guarded();
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.attempt(ProbeId::VersionField, "absent", Passage::Held);
        assert_eq!(world.status(ID), Status::Pass);
        world.attempt(ProbeId::VersionField, "absent", Passage::Through);
        assert_eq!(world.status(ID), Status::Fail);
    }
}
