//! SCP-06: one challenge names every scope that the operation takes.
//!
//! MCP §Runtime Insufficient Scope Errors, §Step-Up Authorization Flow.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::ladder::{ChallengeFit, ChallengeTrial};
use crate::model::matrix::Confidence;
use crate::model::verdict::{Part, Verdict};

/// Reads what tokens were told that hold what was held and everything that was named.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let trials = &evidence.collected().ladder.trials;
    if trials.is_empty() {
        return Verdict::NotApplicable("no refusal of a valid token names scopes".to_owned());
    }
    let mut case = evidence.case();
    let (mut exact, mut more) = (0_usize, 0_usize);
    for trial in trials {
        match &trial.fit {
            ChallengeFit::TooLittle { again } => {
                if let Some(draft) = draft(trial, again) {
                    case.breach(draft);
                }
            }
            ChallengeFit::Exact => exact += 1,
            ChallengeFit::TooMuch { .. } => more += 1,
            ChallengeFit::Untried { reason } => case.doubt(
                format!(
                    "`{}` was refused `{}` for want of {}: {reason}",
                    trial.identity,
                    trial.subject,
                    scopes::list(&trial.challenged)
                ),
                Some(LADDER),
            ),
        }
    }
    let held = format!(
        "{exact} challenge(s) name what it takes; {more} name more, which opens it as well"
    );
    // A challenge that was tried speaks for those that could not be.
    if exact + more > 0 {
        return match case.verdict(Verdict::Held(held.clone())) {
            Verdict::Inconclusive { .. } => Verdict::Held(held),
            verdict => verdict,
        };
    }
    case.verdict(Verdict::Held(held))
}

fn draft(trial: &ChallengeTrial, again: &crate::model::identity::ScopeSet) -> Option<Draft> {
    let first = trial.exchanges.first()?;
    let new: Vec<&String> = again.difference(&trial.challenged).collect();
    let told = if again.is_empty() {
        "was refused without being told what is missing".to_owned()
    } else if new.is_empty() {
        "was refused with the same challenge again".to_owned()
    } else {
        format!("was then asked for {}", scopes::list(new))
    };
    let message = format!(
        "`{}` asked `{}` for {}; `{}`, which holds that, {told}",
        trial.subject,
        trial.identity,
        scopes::list(&trial.challenged),
        trial.with.as_deref().unwrap_or("a token")
    );
    let draft = Draft::new(trial.subject.clone(), message)
        .confidence(Confidence::Strong)
        .at(*first, Part::Status, "the challenge");
    Some(draft.also(&trial.exchanges, "the answer after stepping up"))
}

const LADDER: &str = "[mint] scopes = \"each\"";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::identity::ScopeSet;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "challenge-incomplete";

    fn set(scopes: &[&str]) -> ScopeSet {
        scopes.iter().map(|&scope| scope.to_owned()).collect()
    }

    fn world(fits: &[ChallengeFit]) -> World {
        let mut world = World::new();
        for (at, fit) in fits.iter().enumerate() {
            let refusal = world.answer(ProbeId::CallInvalid, "none", 403, &[], "");
            let answer = world.answer(ProbeId::CallInvalid, "writer", 403, &[], "");
            world.collected.ladder.trials.push(ChallengeTrial {
                subject: format!("tool/{at}"),
                identity: "none".to_owned(),
                held: ScopeSet::new(),
                challenged: set(&["w"]),
                with: Some("writer".to_owned()),
                fit: fit.clone(),
                exchanges: vec![refusal, answer],
            });
        }
        world
    }

    #[test]
    fn a_second_demand_is_a_shortfall_that_names_both() {
        let again = set(&["d"]);
        let world = world(&[ChallengeFit::Exact, ChallengeFit::TooLittle { again }]);
        assert_eq!(world.status(ID), Status::Warn);
        let verdict = world.verdict(ID);
        let finding = &verdict.findings()[0];
        assert!(
            finding.message.contains("then asked for `d`"),
            "{}",
            finding.message
        );
        assert_eq!(finding.cites.len(), 2);
    }

    #[test]
    fn the_same_demand_again_is_a_loop() {
        for (again, words) in [
            (set(&["w"]), "the same challenge again"),
            (ScopeSet::new(), "without being told"),
        ] {
            let world = world(&[ChallengeFit::TooLittle { again }]);
            let verdict = world.verdict(ID);
            assert!(verdict.findings()[0].message.contains(words), "{words}");
        }
    }

    #[test]
    fn what_opens_it_holds_although_others_were_not_tried() {
        let reason = "no token".to_owned();
        let enough = ScopeSet::new();
        let world = world(&[
            ChallengeFit::TooMuch { enough },
            ChallengeFit::Untried { reason },
        ]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn nothing_tried_is_open_and_nothing_named_does_not_apply() {
        let reason = "no token holds exactly `w`".to_owned();
        let tried = world(&[ChallengeFit::Untried { reason }]);
        assert_eq!(tried.status(ID), Status::Inconclusive);
        assert_eq!(world(&[]).status(ID), Status::NotApplicable);
    }
}
