//! PRIM-03 without a policy: the same token and the same call get the same answer every time.
//!
//! OAuth 2.1 §5.2; no clause says so in words, but one of the two answers is wrong.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::matrix::Cell;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::relations::inconsistent;

/// Reads the cells whose repetitions differ.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(matrix) = evidence.collected().matrix() else {
        return Verdict::inconclusive("no subject was asked for");
    };
    let mut case = evidence.case();
    for cell in inconsistent(matrix) {
        case.advise(finding(evidence, cell));
    }
    let decided = matrix.cells.iter().filter(|cell| cell.access.is_decided());
    let repeated = decided.clone().filter(|cell| cell.attempts >= 2).count();
    if repeated == 0 && case.is_clean() {
        return if decided.count() == 0 {
            Verdict::inconclusive("no cell was decided")
        } else {
            Verdict::undecided("no decided cell was asked for twice", "--repeat 2")
        };
    }
    case.verdict(Verdict::Held(format!(
        "{repeated} cell(s) gave the same answer each time"
    )))
}

fn finding(evidence: &Evidence<'_>, cell: &Cell) -> Draft {
    let own = cell.exchanges.iter().filter(|id| {
        let exchange = evidence.exchange(**id);
        exchange.is_some_and(|exchange| exchange.identity == cell.identity)
    });
    let fresh = own.clone().any(|id| {
        let exchange = evidence.exchange(*id);
        exchange.is_some_and(|it| it.probe.variant.as_deref() == Some(FRESH))
    });
    let across = if fresh {
        ", a second session included"
    } else {
        ""
    };
    let reason = cell.reason.as_deref().unwrap_or("both let in and refused");
    let message = format!(
        "`{}` sent the same call to `{}` more than once{across}: {reason}; expected the same answer \
         each time",
        cell.identity, cell.subject
    );
    let subject = format!("{} for {}", cell.subject, cell.identity);
    let mut draft = Draft::new(subject, message).confidence(cell.confidence);
    for id in own {
        draft = draft.at(*id, Part::Status, "one of the answers");
    }
    draft
}

const FRESH: &str = "fresh-session";

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::matrix::Access;
    use crate::model::verdict::{Status, Verdict};

    const ID: &str = "access-changes-between-repeats";

    fn world(rule: Option<&str>) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.tool("read_note");
        let cell = world.cell("read_note", "reader", Access::Allowed);
        cell.rule = rule.map(str::to_owned);
        world
    }

    #[test]
    fn a_cell_that_was_both_refused_and_let_in_warns() {
        let world = world(Some("D27"));
        assert_eq!(world.status(ID), Status::Warn);
        assert_eq!(
            world.verdict(ID).findings()[0].subject,
            "tool/read_note for reader"
        );
    }

    #[test]
    fn equal_answers_hold_and_single_ones_decide_nothing() {
        assert_eq!(world(None).status(ID), Status::Pass);
        let mut once = world(None);
        once.collected.matrices[0].cells[0].attempts = 1;
        let verdict = once.verdict(ID);
        assert!(
            matches!(&verdict, Verdict::Inconclusive { decided_by: Some(flag), .. } if flag == "--repeat 2"),
            "{verdict:?}"
        );
        // Asking again what decides nothing decides nothing.
        once.collected.matrices[0].cells[0].access = Access::Inconclusive;
        let verdict = once.verdict(ID);
        assert!(
            matches!(
                &verdict,
                Verdict::Inconclusive {
                    decided_by: None,
                    ..
                }
            ),
            "{verdict:?}"
        );
    }
}
