//! Lists that ended before they were complete: nothing is known of what comes behind.

use std::collections::BTreeMap;

use crate::model::probe::Unsettleable;
use crate::model::surface::{ListOutcome, SubjectKind, Surface};

/// A list that was cut, for everybody to whom it was for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutList {
    /// What is listed.
    pub kind: SubjectKind,
    /// Why it ended early.
    pub reason: String,
    /// Entries that were read, by the longest of them.
    pub entries: usize,
    /// Whose list it is.
    pub identities: Vec<String>,
}

/// The lists that were cut, first readings only.
pub fn lists(surface: &Surface) -> Vec<CutList> {
    let mut cut: BTreeMap<(SubjectKind, &str), CutList> = BTreeMap::new();
    for listing in surface.listings.iter().filter(|it| it.attempt == 0) {
        let ListOutcome::Partial { reason } = &listing.outcome else {
            continue;
        };
        let list = cut
            .entry((listing.kind, reason))
            .or_insert_with(|| CutList {
                kind: listing.kind,
                reason: reason.clone(),
                entries: 0,
                identities: Vec::new(),
            });
        list.entries = list.entries.max(listing.names.len());
        list.identities.push(listing.identity.clone());
    }
    cut.into_values().collect()
}

/// Each cut list as something that stays open.
pub fn unsettled(surface: &Surface) -> Vec<Unsettleable> {
    let open = lists(surface).into_iter().map(|list| {
        let who: Vec<String> = list.identities.iter().map(|it| format!("`{it}`")).collect();
        Unsettleable {
            what: format!("list of {}s", list.kind.as_str().replace('_', " ")),
            reason: format!(
                "the list for {} was cut after {} entries: {}; nothing behind them was seen or called",
                who.join(", "),
                list.entries,
                list.reason
            ),
            decided_by: None,
        }
    });
    open.collect()
}

/// What a cut list of tools leaves open, as a sentence; none where every list of tools is complete.
pub fn of_tools(surface: &Surface) -> Option<String> {
    let cut = lists(surface).into_iter();
    let longest = cut
        .filter(|list| list.kind == SubjectKind::Tool)
        .max_by_key(|list| list.entries)?;
    Some(format!(
        "The list of tools was cut after {} entries ({}): nothing is known of tools behind them.",
        longest.entries, longest.reason
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::surface::Listing;

    fn listing(identity: &str, names: usize, outcome: ListOutcome) -> Listing {
        Listing {
            identity: identity.to_owned(),
            kind: SubjectKind::Tool,
            outcome,
            names: (0..names).map(|number| format!("t{number}")).collect(),
            duplicates: Vec::new(),
            exchanges: Vec::new(),
            cache_scopes: Vec::new(),
            attempt: 0,
        }
    }

    fn partial() -> ListOutcome {
        ListOutcome::Partial {
            reason: "stopped after 200 pages".to_owned(),
        }
    }

    #[test]
    fn cut_lists_are_told_once_for_everybody() {
        let surface = Surface {
            listings: vec![
                listing("admin", 200, partial()),
                listing("reader", 150, partial()),
                listing("anonymous", 0, ListOutcome::Refused { status: 401 }),
            ],
            ..Surface::default()
        };
        let found = lists(&surface);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].identities, ["admin", "reader"]);
        let open = unsettled(&surface);
        assert_eq!((open.len(), open[0].what.as_str()), (1, "list of tools"));
        assert!(
            open[0].reason.contains("`admin`, `reader`"),
            "{}",
            open[0].reason
        );
        assert!(of_tools(&surface).is_some_and(|text| text.contains("200 entries")));
    }

    #[test]
    fn complete_lists_and_repeats_are_not_cut() {
        let mut again = listing("admin", 3, partial());
        again.attempt = 1;
        let surface = Surface {
            listings: vec![listing("admin", 3, ListOutcome::Complete), again],
            ..Surface::default()
        };
        assert!(unsettled(&surface).is_empty() && of_tools(&surface).is_none());
    }
}
