//! The operator's policy beside the cells, for every kind of subject.

use std::collections::HashMap;

use crate::model::identity::{Identity, ScopeSet};
use crate::model::matrix::Cell;
use crate::model::policy::Conformity;
use crate::model::settings::PolicyEntry;
use crate::model::surface::Subject;
use crate::oracle::conformity::conformity;
use crate::oracle::policy::{alternatives, intended, permits};

use super::evidence::Evidence;
use super::scopes;

/// A cell that the operator's policy speaks of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntendedCell<'a> {
    /// The subject.
    pub(crate) subject: &'a Subject,
    /// Who asked.
    pub(crate) identity: &'a Identity,
    /// What came of it.
    pub(crate) cell: &'a Cell,
    /// The entry that applies.
    pub(crate) entry: &'a PolicyEntry,
    /// Whether it lets the identity in; none when its scopes are not known.
    pub(crate) permits: Option<bool>,
    /// How the cell compares.
    pub(crate) conformity: Conformity,
}

/// Every cell that an entry of the operator's policy applies to.
pub(crate) fn intended_cells<'a>(evidence: &Evidence<'a>) -> Vec<IntendedCell<'a>> {
    let collected = evidence.collected();
    let covered: HashMap<&str, (&Subject, &PolicyEntry)> = collected
        .surface
        .subjects
        .iter()
        .filter_map(|subject| {
            let entry = intended(&collected.policy, subject)?;
            Some((subject.id.as_str(), (subject, entry)))
        })
        .collect();
    let cells = evidence.cells().iter().filter_map(|cell| {
        let (subject, entry) = *covered.get(cell.subject.as_str())?;
        let identity = collected.identities.named(&cell.identity)?;
        Some(IntendedCell {
            subject,
            identity,
            cell,
            entry,
            permits: permits(entry, identity),
            conformity: conformity(entry, identity, cell),
        })
    });
    cells.collect()
}

/// What an entry asks, as a phrase for a sentence.
pub(crate) fn demand(entry: &PolicyEntry) -> String {
    if entry.deny {
        return "what nobody holds (`deny = true`)".to_owned();
    }
    if entry.public {
        return "no token".to_owned();
    }
    let alternatives = alternatives(entry);
    if alternatives.iter().any(ScopeSet::is_empty) {
        return "a valid token".to_owned();
    }
    let each: Vec<String> = alternatives.iter().map(scopes::list).collect();
    format!("the scope {}", each.join(" or "))
}
