//! A random true policy and a random ladder: what is derived never contradicts the truth, and says
//! it whole when the ladder is long enough.

use proptest::prelude::*;

use super::*;
use crate::oracle::testing::{cell, identity, matrix, valid};

/// Who is let in.
#[derive(Clone, Debug)]
enum Truth {
    Public,
    AnyOf(Vec<ScopeSet>),
}

impl Truth {
    fn admits(&self, held: &ScopeSet) -> bool {
        match self {
            Self::Public => true,
            Self::AnyOf(sets) => sets.iter().any(|set| set.is_subset(held)),
        }
    }
}

fn set() -> impl Strategy<Value = ScopeSet> {
    prop::collection::btree_set(prop::sample::select(&NAMES[..]), 0..=3)
        .prop_map(|set| set.into_iter().map(str::to_owned).collect())
}

fn truth() -> impl Strategy<Value = Truth> {
    prop_oneof![
        1 => Just(Truth::Public),
        9 => prop::collection::vec(set(), 0..4).prop_map(Truth::AnyOf),
    ]
}

/// What the cells of these tokens give; a token that is `muted` gave no usable answer.
fn derive(truth: &Truth, ladder: &[ScopeSet], muted: &[bool]) -> EffectiveRule {
    let anonymous = identity("anonymous", IdentityKind::Anonymous);
    let mut identities = Identities {
        present: vec![anonymous],
        ..Identities::default()
    };
    let access = |open: bool| {
        if open {
            Access::Allowed
        } else {
            Access::Denied
        }
    };
    let public = matches!(truth, Truth::Public);
    let mut cells = vec![cell("tool/a", "anonymous", access(public))];
    for (at, held) in ladder.iter().enumerate() {
        let name = format!("t{at}");
        let scopes: Vec<&str> = held.iter().map(String::as_str).collect();
        identities.present.push(valid(&name, &scopes));
        let mut cell = cell("tool/a", &name, access(truth.admits(held)));
        if muted.get(at) == Some(&true) {
            cell.access = Access::Inconclusive;
            cell.confidence = Confidence::Inconclusive;
        }
        cells.push(cell);
    }
    let policy = effective(&matrix(cells), &identities);
    policy.subjects.into_iter().next().unwrap()
}

fn every_set() -> Vec<ScopeSet> {
    (0..1_usize << NAMES.len())
        .map(|bits| {
            let held = NAMES
                .iter()
                .enumerate()
                .filter(|(at, _)| bits >> at & 1 == 1);
            held.map(|(_, name)| (*name).to_owned()).collect()
        })
        .collect()
}

proptest! {
    #[test]
    fn what_is_derived_never_contradicts_the_truth(
        truth in truth(),
        ladder in prop::collection::vec(set(), 0..9),
        muted in prop::collection::vec(prop::bool::weighted(0.15), 9),
    ) {
        let rule = derive(&truth, &ladder, &muted);
        prop_assert_ne!(rule.gate, Gate::Inconsistent);
        let none = ScopeSet::new();
        match rule.gate {
            Gate::NoToken => prop_assert!(matches!(truth, Truth::Public)),
            Gate::AnyToken => prop_assert!(truth.admits(&none)),
            Gate::Scopes => prop_assert!(!truth.admits(&none)),
            _ => {}
        }
        let tried: ScopeSet = ladder.iter().flatten().cloned().collect();
        for set in &rule.opened_by {
            prop_assert!(truth.admits(set));
        }
        for set in &rule.refused_for {
            prop_assert!(!truth.admits(set));
        }
        for held in every_set().iter().filter(|set| set.is_subset(&tried)) {
            let said = rule.opened_by.iter().any(|set| set.is_subset(held));
            prop_assert!(!said || truth.admits(held));
            if rule.exact && rule.gate == Gate::Scopes {
                prop_assert_eq!(said, truth.admits(held));
            }
            if rule.gate == Gate::Scopes && truth.admits(held) {
                prop_assert!(rule.required.is_subset(held));
            }
        }
    }

    #[test]
    fn every_set_tried_tells_the_whole_truth(truth in truth()) {
        let all = every_set();
        let rule = derive(&truth, &all, &[]);
        let nobody = !all.iter().any(|set| truth.admits(set));
        prop_assert_eq!(rule.exact, !nobody);
        prop_assert!(rule.settled_by.is_empty());
        if rule.gate == Gate::Scopes {
            for held in &all {
                let said = rule.opened_by.iter().any(|set| set.is_subset(held));
                prop_assert_eq!(said, truth.admits(held));
            }
        }
    }

    #[test]
    fn the_usual_ladder_settles_policies_of_all_scopes_of_one_set(wanted in set()) {
        let all: ScopeSet = NAMES.iter().map(|name| (*name).to_owned()).collect();
        let mut ladder = vec![ScopeSet::new(), all.clone()];
        for name in NAMES {
            ladder.push([name.to_owned()].into());
            ladder.push(all.iter().filter(|held| *held != name).cloned().collect());
        }
        let small = wanted.len() <= 1;
        let rule = derive(&Truth::AnyOf(vec![wanted.clone()]), &ladder, &[]);
        // Each scope of the set is seen to be needed; that no other is needed takes a token with
        // the set alone.
        if rule.gate == Gate::Scopes {
            prop_assert_eq!(&rule.required, &wanted);
        }
        if small {
            prop_assert!(rule.exact);
        }
        // The tokens that are named settle it, if need be in some rounds.
        let mut longer = ladder;
        let mut last = rule;
        for _ in 0..6 {
            longer.extend(last.settled_by.iter().cloned());
            last = derive(&Truth::AnyOf(vec![wanted.clone()]), &longer, &[]);
        }
        prop_assert!(last.exact, "{:?}", last.settled_by);
        prop_assert_eq!(last.opened_by, vec![wanted]);
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
