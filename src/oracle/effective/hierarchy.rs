//! Which scopes were seen to open whatever another one opens.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::identity::{Identity, ScopeSet};
use crate::model::policy::ScopeHierarchy;

use super::super::scopes::same_holder;

/// What one identity could do, subject by subject: let in or refused.
pub(super) type Column<'a> = BTreeMap<&'a str, bool>;

/// Pairs of identities that differ in one scope each and share the rest, where one gets into
/// everything the other gets into, over two guarded subjects or more.
pub(super) fn observed(columns: &[(&Identity, Column<'_>)]) -> Vec<ScopeHierarchy> {
    // Answers that tell nobody apart say nothing about a scope.
    let guarded: BTreeSet<&str> = columns
        .iter()
        .flat_map(|(_, column)| column.iter().filter(|(_, open)| !**open).map(|(id, _)| *id))
        .collect();
    let mut found: Vec<ScopeHierarchy> = Vec::new();
    for (one, theirs) in columns {
        for (other, own) in columns {
            let Some((broad, narrow)) = single_difference(one, other) else {
                continue;
            };
            let opened = |column: &Column<'_>| -> BTreeSet<String> {
                let open = column
                    .iter()
                    .filter(|(id, open)| **open && guarded.contains(*id));
                open.map(|(id, _)| (*id).to_owned()).collect()
            };
            let (wide, small) = (opened(theirs), opened(own));
            // What the broad one was not asked about is not known to open.
            if small.len() < FEWEST || !small.is_subset(&wide) {
                continue;
            }
            let equal = wide
                .iter()
                .filter(|id| own.contains_key(id.as_str()))
                .eq(small.iter());
            let known = |it: &ScopeHierarchy| {
                (it.broad == *broad && it.narrow == *narrow)
                    || (equal && it.equal && it.broad == *narrow && it.narrow == *broad)
            };
            if found.iter().any(known) || found.len() >= MOST {
                continue;
            }
            found.push(ScopeHierarchy {
                broad: broad.clone(),
                narrow: narrow.clone(),
                subjects: small.into_iter().collect(),
                equal,
                identities: [one.name.clone(), other.name.clone()],
            });
        }
    }
    found
}

/// The one scope that each holds and the other does not, when that is the only difference.
fn single_difference<'a>(
    one: &'a Identity,
    other: &'a Identity,
) -> Option<(&'a String, &'a String)> {
    if same_holder(one, other) == Some(false) {
        return None;
    }
    let (mine, theirs): (&ScopeSet, &ScopeSet) = (one.scopes()?, other.scopes()?);
    let mut more = mine.difference(theirs);
    let mut less = theirs.difference(mine);
    let pair = (more.next()?, less.next()?);
    (more.next().is_none() && less.next().is_none()).then_some(pair)
}

const FEWEST: usize = 2;
/// Bounds what one report lists.
const MOST: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::valid;

    fn column(open: &[&'static str], shut: &[&'static str]) -> Column<'static> {
        let open = open.iter().map(|id| (*id, true));
        open.chain(shut.iter().map(|id| (*id, false))).collect()
    }

    #[test]
    fn a_scope_that_opens_all_of_another_and_more_is_broader() {
        let (admin, read) = (valid("a", &["admin"]), valid("r", &["read"]));
        let columns = [
            (&admin, column(&["x", "y", "z"], &[])),
            (&read, column(&["x", "y"], &["z"])),
            (&read, column(&[], &["x", "y"])),
        ];
        let [seen] = observed(&columns[..])
            .try_into()
            .unwrap_or_else(|_| panic!("one pair"));
        let ScopeHierarchy {
            broad,
            narrow,
            equal,
            subjects,
            ..
        } = seen;
        assert_eq!(
            (broad.as_str(), narrow.as_str(), equal),
            ("admin", "read", false)
        );
        assert_eq!(subjects, ["x", "y"]);
    }

    #[test]
    fn one_shared_subject_or_unguarded_ones_show_nothing() {
        let (admin, read) = (valid("a", &["admin"]), valid("r", &["read"]));
        let single = [
            (&admin, column(&["x", "z"], &["y"])),
            (&read, column(&["x"], &["y", "z"])),
        ];
        assert!(observed(&single).is_empty());
        let unguarded = [
            (&admin, column(&["x", "y", "z"], &[])),
            (&read, column(&["x", "y"], &["z"])),
        ];
        assert!(observed(&unguarded).is_empty());
    }

    #[test]
    fn tokens_that_differ_in_more_than_a_scope_each_are_not_compared() {
        let (admin, read) = (valid("a", &["admin", "more"]), valid("r", &["read"]));
        let none = valid("n", &[]);
        let columns = [
            (&admin, column(&["x", "y"], &[])),
            (&read, column(&["x", "y"], &[])),
            (&none, column(&[], &["x", "y"])),
        ];
        assert!(observed(&columns).is_empty());
    }
}
