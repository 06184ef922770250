//! SCP-11: a token with fewer scopes works for what its scopes cover.
//!
//! MCP security guidance §Scope Minimization.

use std::collections::BTreeSet;

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, ToolCell};
use crate::checks::logins;
use crate::checks::scopes;
use crate::model::identity::Identity;
use crate::model::ladder::{Rung, RungPurpose};
use crate::model::matrix::{Access, Confidence, Layer};
use crate::model::verdict::{Part, Verdict};

/// Asks whether anything that takes a scope is open to less than all of them.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(widest) = evidence.baseline().and_then(scopes::held) else {
        return logins::no_token(
            evidence,
            "the scopes of the strongest token are not known",
            "scopes = […] of the [[identity]]",
        );
    };
    let narrower = |identity: &Identity| {
        let held = scopes::held(identity);
        held.is_some_and(|held| !held.is_empty() && held.is_subset(&widest) && held != widest)
    };
    let cells: Vec<ToolCell<'_>> = evidence.valid_cells().collect();
    let guarded: BTreeSet<&str> = cells
        .iter()
        .filter(|it| it.is_refused() && it.cell.confidence >= Confidence::Strong)
        .map(|it| it.tool.id.as_str())
        .collect();
    if guarded.is_empty() {
        return Verdict::NotApplicable("no call was refused for want of a scope".to_owned());
    }
    let works = cells
        .iter()
        .find(|it| narrower(it.identity) && it.got_in() && guarded.contains(it.tool.id.as_str()));
    if let Some(it) = works {
        return Verdict::Held(format!(
            "`{}` is open to `{}`, which holds only {}",
            it.tool.name,
            it.identity.name,
            scopes::list(&scopes::held(it.identity).unwrap_or_default())
        ));
    }
    let ladder = &evidence.collected().ladder;
    let complete = ladder.varied.len() > 1
        && ladder.varied.iter().all(|scope| {
            let mut rungs = ladder.rungs.iter();
            rungs.any(|rung| lacks_only(rung, scope) && refused_everywhere(rung, &cells, &guarded))
        });
    if !complete {
        return Verdict::undecided(
            "no narrower token got in where a scope is asked for; that each scope is needed \
             everywhere was not shown",
            "[mint] scopes = \"each\"",
        );
    }
    let message = format!(
        "every one of {} tool(s) that take a scope takes all of {}; expected each to take its own",
        guarded.len(),
        scopes::list(&ladder.varied)
    );
    let mut draft = Draft::new("scopes", message).confidence(Confidence::Strong);
    for rung in &ladder.rungs {
        let answer = cells
            .iter()
            .find(|it| it.identity.name == rung.identity && it.is_refused())
            .and_then(ToolCell::answer)
            .or_else(|| listed(evidence, &rung.identity));
        if let Some(answer) = answer.filter(|_| rung.purpose == RungPurpose::AllButOne) {
            draft = draft.at(answer, Part::Status, "refused with all scopes but one");
        }
    }
    let mut case = evidence.case();
    case.breach(draft);
    case.verdict(Verdict::inconclusive("nothing was found"))
}

fn lacks_only(rung: &Rung, scope: &str) -> bool {
    let lacks = rung
        .realised
        .as_ref()
        .is_some_and(|held| !held.contains(scope));
    rung.purpose == RungPurpose::AllButOne && !rung.asked.contains(scope) && lacks
}

/// Behind the server's own gate, or refused at each guarded tool.
fn refused_everywhere(rung: &Rung, cells: &[ToolCell<'_>], guarded: &BTreeSet<&str>) -> bool {
    if rung.passes_gate == Some(false) {
        return true;
    }
    let refused: BTreeSet<&str> = cells
        .iter()
        .filter(|it| it.identity.name == rung.identity)
        .filter(|it| it.cell.access == Access::Denied && it.cell.layer != Some(Layer::Edge))
        .map(|it| it.tool.id.as_str())
        .collect();
    guarded.is_subset(&refused)
}

fn listed(evidence: &Evidence<'_>, identity: &str) -> Option<crate::model::exchange::ExchangeId> {
    let listings = evidence.collected().surface.listings.iter();
    let mut own = listings.filter(|listing| listing.identity == identity);
    own.next()?.exchanges.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::identity::ScopeSet;
    use crate::model::verdict::Status;

    const ID: &str = "narrow-token-refused";

    fn world(narrow: Access) -> World {
        let mut world = World::new();
        let all: ScopeSet = ["r", "w"].map(str::to_owned).into();
        world.collected.ladder.varied = all.clone();
        for (left_out, kept) in [("r", "w"), ("w", "r")] {
            let name = format!("without-{left_out}");
            world.valid(&name, &[kept]);
            let held = ScopeSet::from([kept.to_owned()]);
            world.collected.ladder.rungs.push(Rung {
                identity: name,
                purpose: RungPurpose::AllButOne,
                asked: held.clone(),
                realised: Some(held),
                passes_gate: Some(true),
                unused: None,
            });
        }
        world.valid("none", &["profile"]);
        world.valid("all", &["r", "w"]);
        world.tool("read_note");
        world.cell("read_note", "none", Access::Denied);
        world.cell("read_note", "without-r", Access::Denied);
        world.cell("read_note", "without-w", narrow);
        world.cell("read_note", "all", Access::Allowed);
        world
    }

    #[test]
    fn a_narrow_token_that_gets_in_where_others_are_refused_holds() {
        assert_eq!(world(Access::Allowed).status(ID), Status::Pass);
    }

    #[test]
    fn tools_that_all_take_every_scope_fall_short() {
        let world = world(Access::Denied);
        assert_eq!(world.status(ID), Status::Warn);
        let verdict = world.verdict(ID);
        assert_eq!(verdict.findings()[0].cites.len(), 2);
    }

    #[test]
    fn a_gate_that_takes_every_scope_falls_short_as_well() {
        let mut world = world(Access::Denied);
        world.collected.matrices[0].cells[2].access = Access::NotTested;
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.collected.ladder.rungs[1].passes_gate = Some(false);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn without_a_token_for_each_scope_left_out_it_stays_open() {
        let mut world = world(Access::Denied);
        world.collected.ladder.rungs.pop();
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn one_scope_alone_is_no_full_set() {
        let mut world = world(Access::Denied);
        world.collected.ladder.varied = ScopeSet::from(["r".to_owned()]);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn where_nothing_is_refused_it_does_not_apply() {
        let mut world = World::new();
        world.valid("all", &["r", "w"]);
        world.tool("read_note");
        world.cell("read_note", "all", Access::Allowed);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
