//! PRIM-03 for what a server keeps: an answer that one caller may have is not given to another.
//!
//! MCP §Tools, Security Considerations; oracle row D29.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::bypass::{KeptAnswer, Passage};
use crate::model::matrix::Confidence;
use crate::model::verdict::{Part, Verdict};

/// Reads the calls with arguments that nobody had sent before.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let bypass = &evidence.collected().bypass;
    if let Some(reason) = &bypass.skipped {
        return Verdict::Inconclusive {
            reason: reason.clone(),
            decided_by: Some("a run without `--no-bypass`".to_owned()),
        };
    }
    let guarded = bypass
        .kept
        .iter()
        .filter(|trial| trial.passage != Passage::Closed);
    let guarded: Vec<&KeptAnswer> = guarded.collect();
    if guarded.is_empty() {
        return Verdict::NotApplicable(
            "no tool that reads and takes a text of the caller's own was open to one caller and \
             closed to another"
                .to_owned(),
        );
    }
    let mut case = evidence.case();
    for trial in &guarded {
        match trial.passage {
            Passage::Through => case.breach(draft(trial)),
            Passage::Open => case.doubt(
                format!(
                    "{} as `{}`: {}",
                    trial.subject, trial.identity, trial.reason
                ),
                None,
            ),
            Passage::Held | Passage::Closed => {}
        }
    }
    case.verdict(Verdict::Held(format!(
        "{} refused call(s) were refused as well after the control had got an answer to the same \
         arguments",
        guarded.len()
    )))
}

fn draft(trial: &KeptAnswer) -> Draft {
    let (_, name) = trial
        .subject
        .split_once('/')
        .unwrap_or(("", &trial.subject));
    let message = format!(
        "`{name}` is refused to `{}` with arguments that nobody sent before, and answered once \
         `{}` has sent the same; expected the refusal again",
        trial.identity, trial.control
    );
    let sure = if trial.series.len() > 1 {
        Confidence::Proven
    } else {
        Confidence::Strong
    };
    let subject = format!("{} for {}", trial.subject, trial.identity);
    let mut draft = Draft::new(subject, message).confidence(sure);
    for series in &trial.series {
        let rest = [
            (series.after, "answered with what the control got"),
            (Some(series.before), "refused before the control asked"),
            (series.control, "the control's answer"),
            (
                series.other,
                "refused with arguments that the control never sent",
            ),
        ];
        for (exchange, note) in rest {
            if let Some(exchange) = exchange {
                draft = draft.at(exchange, Part::Status, note);
            }
        }
    }
    draft
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::bypass::KeptSeries;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "answers-shared-between-callers";

    fn world(passages: &[Passage]) -> World {
        let mut world = World::guarded();
        for passage in passages {
            let mut ask = |who| world.answer(ProbeId::KeptAnswer, who, 200, &[], "{}");
            let series = KeptSeries {
                before: ask("reader"),
                control: Some(ask("admin")),
                other: Some(ask("reader")),
                after: Some(ask("reader")),
            };
            world.collected.bypass.kept.push(KeptAnswer {
                subject: "tool/search_notes".to_owned(),
                identity: "reader".to_owned(),
                control: "admin".to_owned(),
                series: vec![series],
                passage: *passage,
                reason: "as it was seen".to_owned(),
            });
        }
        world
    }

    #[test]
    fn an_answer_that_was_the_controls_is_broken() {
        let world = world(&[Passage::Held, Passage::Through]);
        assert_eq!(world.status(ID), Status::Fail);
        let verdict = world.verdict(ID);
        let finding = &verdict.findings()[0];
        assert_eq!(finding.subject, "tool/search_notes for reader");
    }

    #[test]
    fn refusals_that_stay_hold_and_undecided_ones_leave_it_open() {
        let held = [Passage::Held, Passage::Closed];
        assert_eq!(world(&held).status(ID), Status::Pass);
        let open = [Passage::Held, Passage::Open];
        assert_eq!(world(&open).status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_refusal_there_is_nothing_to_share() {
        assert_eq!(world(&[Passage::Closed]).status(ID), Status::NotApplicable);
        let mut off = world(&[]);
        assert_eq!(off.status(ID), Status::NotApplicable);
        off.collected.bypass.skipped = Some("switched off".to_owned());
        assert_eq!(off.status(ID), Status::Inconclusive);
    }
}
