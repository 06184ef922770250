//! What one user gets of what belongs to another.

use super::data::Statement;
use super::words;
use crate::model::audit::Collected;
use crate::model::exchange::ExchangeId;
use crate::model::handles::{ObjectOutcome, ObjectTrial};
use crate::model::matrix::Confidence;

/// Reads the trials of objects; without any it says what they need.
pub(super) fn tenant(collected: &Collected) -> Statement {
    let trials = &collected.objects;
    if trials.is_empty() {
        return untested(collected);
    }
    let count = |wanted: &[ObjectOutcome]| {
        let of = trials.iter().filter(|it| wanted.contains(&it.outcome));
        of.count()
    };
    let kept = count(&[ObjectOutcome::OwnerOnly]);
    let shared = count(&[ObjectOutcome::OtherUser, ObjectOutcome::Anyone]);
    let all = words::count(trials.len(), "object");
    let exchanges = trials.iter().flat_map(exchanges).collect();
    let (word, sentence, confidence) = match (shared, kept) {
        (0, 0) => (
            format!(
                "not decided: none of {all} was handed to its owner and clearly refused or given to another user"
            ),
            "Whether one user's data is out of another user's reach was not decided.".to_owned(),
            None,
        ),
        (0, n) if n == trials.len() => (
            format!("refused to another user: {n} of {all}"),
            format!("Another user was refused what belongs to somebody else ({all} tried)."),
            Some(Confidence::Strong),
        ),
        (0, n) => (
            format!("refused to another user: {n} of {all}; the rest is undecided"),
            format!(
                "Another user was refused {n} of {all} that belong to somebody else; the rest was not decided."
            ),
            Some(Confidence::Weak),
        ),
        (n, _) => (
            format!("given to another user: {n} of {all}"),
            format!("Another user was given {n} of {all} that belong to somebody else."),
            Some(Confidence::Proven),
        ),
    };
    Statement {
        word,
        sentence,
        confidence,
        exchanges,
    }
}

fn untested(collected: &Collected) -> Statement {
    let needed = if collected.identities.other_user().is_none() {
        "needs a second user with the same scopes, and objects that the configuration names or \
         creates"
    } else {
        "needs objects that the configuration names or creates"
    };
    Statement::untested(
        format!("not tested: {needed}"),
        format!(
            "Whether one user's data is out of another user's reach was not tested: that {needed}."
        ),
    )
}

fn exchanges(trial: &ObjectTrial) -> impl Iterator<Item = ExchangeId> {
    trial.asks.iter().map(|ask| ask.exchange)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(outcome: ObjectOutcome) -> ObjectTrial {
        ObjectTrial {
            name: "note://1".to_owned(),
            owner: "admin".to_owned(),
            private: true,
            asks: Vec::new(),
            outcome,
            reason: String::new(),
            decided_by: None,
        }
    }

    fn read(outcomes: &[ObjectOutcome]) -> Statement {
        tenant(&Collected {
            objects: outcomes.iter().map(|it| trial(*it)).collect(),
            ..Collected::default()
        })
    }

    #[test]
    fn one_object_in_other_hands_is_proof_and_refusals_are_counted() {
        use ObjectOutcome::{Anyone, OtherUser, OwnerOnly, Undecided};
        for (outcomes, word, confidence) in [
            (
                &[OwnerOnly, OtherUser][..],
                "given to another user: 1 of 2 objects",
                Some(Confidence::Proven),
            ),
            (
                &[Anyone],
                "given to another user: 1 of 1 object",
                Some(Confidence::Proven),
            ),
            (
                &[OwnerOnly, OwnerOnly],
                "refused to another user: 2 of 2 objects",
                Some(Confidence::Strong),
            ),
            (
                &[OwnerOnly, Undecided],
                "refused to another user: 1 of 2 objects",
                Some(Confidence::Weak),
            ),
            (&[Undecided], "not decided", None),
            (&[], "not tested: needs a second user", None),
        ] {
            let found = read(outcomes);
            assert!(found.word.starts_with(word), "{}", found.word);
            assert_eq!(found.confidence, confidence, "{word}");
        }
    }
}
