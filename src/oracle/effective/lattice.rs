//! What a few scope sets, let in or refused, say about every other set.
//!
//! More scopes are taken to open no less: where the answers contradict that, nothing is derived.

use std::collections::BTreeSet;

use crate::model::identity::ScopeSet;

/// Scope sets that were let in, and scope sets that were refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Lattice {
    opened: BTreeSet<ScopeSet>,
    refused: BTreeSet<ScopeSet>,
    universe: ScopeSet,
}

impl Lattice {
    /// Nothing seen yet, among these scopes.
    pub(super) fn over(universe: &ScopeSet) -> Self {
        Self {
            universe: universe.clone(),
            ..Self::default()
        }
    }

    pub(super) fn open(&mut self, scopes: ScopeSet) {
        self.opened.insert(scopes);
    }

    pub(super) fn refuse(&mut self, scopes: ScopeSet) {
        self.refused.insert(scopes);
    }

    /// A set that was let in although a larger or equal one was refused.
    pub(super) fn contradiction(&self) -> Option<(&ScopeSet, &ScopeSet)> {
        self.opened.iter().find_map(|open| {
            let wider = self.refused.iter().find(|refused| open.is_subset(refused));
            Some((open, wider?))
        })
    }

    /// The sets let in that contain no other.
    pub(super) fn smallest(&self) -> Vec<ScopeSet> {
        let minimal = self.opened.iter().filter(|set| {
            let mut others = self.opened.iter();
            !others.any(|other| other != *set && other.is_subset(set))
        });
        minimal.cloned().collect()
    }

    /// The refused sets that are part of no other.
    pub(super) fn largest_refused(&self) -> Vec<ScopeSet> {
        let maximal = self.refused.iter().filter(|set| {
            let mut others = self.refused.iter();
            !others.any(|other| other != *set && set.is_subset(other))
        });
        maximal.cloned().collect()
    }

    /// Scopes without which nothing gets in, all others held.
    pub(super) fn required(&self) -> ScopeSet {
        let needed = self.universe.iter().filter(|scope| {
            let rest = without(&self.universe, scope);
            self.refuses(&rest)
        });
        needed.cloned().collect()
    }

    /// Sets whose answer would settle what is still open: smaller ways in, and other ways in.
    /// Empty when nothing is open.
    pub(super) fn unsettled(&self) -> BTreeSet<ScopeSet> {
        let smallest = self.smallest();
        let mut open = BTreeSet::new();
        for set in &smallest {
            let parts = set.iter().map(|scope| without(set, scope));
            open.extend(parts.filter(|part| !self.refuses(part)));
        }
        match transversals(&smallest) {
            Some(cuts) => {
                let rest = cuts
                    .iter()
                    .map(|cut| self.universe.difference(cut).cloned().collect::<ScopeSet>());
                open.extend(rest.filter(|rest| !self.refuses(rest)));
            }
            // Too many to look at: the whole is not known to be settled.
            None => open.extend(smallest.first().map(|_| self.universe.clone())),
        }
        open
    }

    fn refuses(&self, set: &ScopeSet) -> bool {
        self.refused.iter().any(|refused| set.is_subset(refused))
    }
}

/// The smallest sets that share a scope with each of these; none when there are too many.
fn transversals(sets: &[ScopeSet]) -> Option<BTreeSet<ScopeSet>> {
    let mut cuts = BTreeSet::from([ScopeSet::new()]);
    for set in sets {
        let mut next = BTreeSet::new();
        for cut in cuts {
            if !cut.is_disjoint(set) {
                next.insert(cut);
                continue;
            }
            next.extend(set.iter().map(|scope| {
                let mut wider = cut.clone();
                wider.insert(scope.clone());
                wider
            }));
            if next.len() > MOST_CUTS {
                return None;
            }
        }
        cuts = next
            .iter()
            .filter(|cut| {
                !next
                    .iter()
                    .any(|other| other != *cut && other.is_subset(cut))
            })
            .cloned()
            .collect();
    }
    Some(cuts)
}

fn without(set: &ScopeSet, scope: &str) -> ScopeSet {
    let rest = set.iter().filter(|held| *held != scope);
    rest.cloned().collect()
}

/// Bounds the work for policies of many alternatives.
const MOST_CUTS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::scopes;

    fn lattice(universe: &[&str], opened: &[&[&str]], refused: &[&[&str]]) -> Lattice {
        let mut lattice = Lattice::over(&scopes(universe));
        opened.iter().for_each(|set| lattice.open(scopes(set)));
        refused.iter().for_each(|set| lattice.refuse(scopes(set)));
        lattice
    }

    #[test]
    fn one_scope_is_settled_by_itself_alone_and_by_all_others() {
        let seen = lattice(&["a", "b", "c"], &[&["a"]], &[&["b", "c"], &[]]);
        assert!(seen.unsettled().is_empty());
        assert_eq!(seen.required(), scopes(&["a"]));
        let without_others = lattice(&["a", "b", "c"], &[&["a"]], &[&[]]);
        assert_eq!(without_others.unsettled(), [scopes(&["b", "c"])].into());
        assert!(without_others.required().is_empty());
    }

    #[test]
    fn two_scopes_together_are_told_from_either_of_them() {
        let both = lattice(&["a", "b"], &[&["a", "b"]], &[&["a"], &["b"]]);
        assert!(both.unsettled().is_empty());
        assert_eq!(both.required(), scopes(&["a", "b"]));
        let either = lattice(&["a", "b"], &[&["a"], &["b"]], &[&[]]);
        assert!(either.unsettled().is_empty() && either.required().is_empty());
        let unknown = lattice(&["a", "b"], &[&["a", "b"]], &[&["a"]]);
        assert_eq!(unknown.unsettled(), [scopes(&["b"])].into());
    }

    #[test]
    fn a_larger_set_that_is_refused_contradicts() {
        let seen = lattice(&["a", "b"], &[&["a"]], &[&["a", "b"]]);
        assert!(seen.contradiction().is_some());
        let sound = lattice(&["a", "b"], &[&["a", "b"]], &[&["a"]]);
        assert!(sound.contradiction().is_none());
    }

    #[test]
    fn a_policy_of_very_many_alternatives_stays_bounded_and_unsettled() {
        let names: Vec<String> = (0..40).map(|n| format!("s{n}")).collect();
        let universe: ScopeSet = names.iter().cloned().collect();
        let mut seen = Lattice::over(&universe);
        for pair in names.chunks(2) {
            seen.open(pair.iter().cloned().collect());
        }
        assert!(!seen.unsettled().is_empty());
    }
}
