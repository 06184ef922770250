//! Which identity is the yardstick.

use std::collections::BTreeSet;

use crate::model::audit::Collected;
use crate::model::identity::Identity;
use crate::model::surface::{ListOutcome, SubjectKind};

/// The strongest valid identity: marked, else the one whose scopes include all others', else the
/// one that sees most.
pub(super) fn choose(collected: &mut Collected) {
    let usable = |identity: &&Identity| {
        collected
            .surface
            .listing(&identity.name, SubjectKind::Tool)
            .is_some_and(|listing| {
                !matches!(
                    listing.outcome,
                    ListOutcome::Refused { .. } | ListOutcome::Failed { .. }
                )
            })
    };
    let valid = collected
        .identities
        .valid()
        .filter(usable)
        .collect::<Vec<_>>();
    let all_valid = collected.identities.valid().collect::<Vec<_>>();
    let pool = if valid.is_empty() { all_valid } else { valid };
    let marked = pool.iter().find(|identity| identity.privileged).copied();
    // Cells of a token that is not what was asked for decide nothing, so it is no yardstick either.
    let sound = pool.iter().filter(|identity| identity.invalid.is_none());
    let sound: Vec<&Identity> = sound.copied().collect();
    let pool = if sound.is_empty() { pool } else { sound };
    let includes_all = pool.iter().find(|identity| {
        identity.scopes().is_some_and(|scopes| {
            pool.iter()
                .all(|other| other.scopes().is_some_and(|held| held.is_subset(scopes)))
        })
    });
    let sees = |identity: &Identity| {
        let listings = collected.surface.listings.iter();
        listings
            .filter(|l| l.identity == identity.name)
            .map(|l| l.names.len())
            .sum::<usize>()
    };
    let chosen = match (marked, includes_all) {
        (Some(identity), _) => Some((identity.name.clone(), "marked as privileged".to_owned())),
        (None, Some(identity)) if pool.len() > 1 => Some((
            identity.name.clone(),
            "its scopes include those of every other identity".to_owned(),
        )),
        // Of those that see equally much the one with more scopes, then the one named first.
        _ => pool
            .iter()
            .rev()
            .max_by_key(|identity| {
                let held = identity.scopes().map_or(0, BTreeSet::len);
                (sees(identity), held)
            })
            .map(|identity| {
                let why = if pool.len() == 1 {
                    "the only usable token".to_owned()
                } else {
                    format!(
                        "it sees most ({} entries); mark another with `--privileged`",
                        sees(identity)
                    )
                };
                (identity.name.clone(), why)
            }),
    };
    if let Some((name, why)) = chosen {
        collected.identities.baseline = Some(name);
        collected.identities.baseline_reason = why;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{identities, valid};

    const ALL: &[&str] = &["read", "write"];

    fn chosen(first: Option<&str>, privileged: bool) -> Option<String> {
        let mut collected = Collected {
            identities: identities(&[]),
            ..Collected::default()
        };
        let mut first_one = valid("first", ALL);
        first_one.invalid = first.map(str::to_owned);
        first_one.privileged = privileged;
        collected.identities.present.push(first_one);
        collected.identities.present.push(valid("second", ALL));
        choose(&mut collected);
        collected.identities.baseline
    }

    #[test]
    fn a_token_that_is_not_what_was_asked_for_is_a_yardstick_only_where_it_is_marked() {
        assert_eq!(chosen(None, false).as_deref(), Some("first"));
        assert_eq!(
            chosen(Some("also holds `profile`"), false).as_deref(),
            Some("second")
        );
        assert_eq!(
            chosen(Some("also holds `profile`"), true).as_deref(),
            Some("first")
        );
    }

    #[test]
    fn where_every_token_is_another_than_was_asked_for_one_of_them_is_the_yardstick() {
        let mut collected = Collected::default();
        let mut only = valid("only", ALL);
        only.invalid = Some("also holds `profile`".to_owned());
        collected.identities.present.push(only);
        choose(&mut collected);
        assert_eq!(collected.identities.baseline.as_deref(), Some("only"));
    }
}
