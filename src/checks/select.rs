//! Names of checks as operators write them: an id, a requirement or an area, and what was meant
//! where a name means nothing.

use std::collections::BTreeSet;

use super::requirements::{Area, requirement, requirements};
use super::{Check, all, find, own};

/// The checks that the operator wants: every check when `only` is empty, less those in `skip`.
/// A name is a check id, a requirement id or an area (`transport`, `XPT`).
///
/// # Errors
/// When a name means nothing.
pub fn select(
    only: &BTreeSet<String>,
    skip: &BTreeSet<String>,
) -> Result<Vec<&'static Check>, UnknownCheck> {
    if let Some(name) = only.iter().chain(skip).find(|name| !means_anything(name)) {
        return Err(UnknownCheck::new(name));
    }
    let named = |names: &BTreeSet<String>, check: &Check| names.iter().any(|it| goes_by(check, it));
    let wanted = all()
        .iter()
        .filter(|check| only.is_empty() || named(only, check))
        .filter(|check| !named(skip, check));
    Ok(wanted.collect())
}

/// Whether findings can have this id.
///
/// # Errors
/// When no check goes by it.
pub fn known(id: &str) -> Result<(), UnknownCheck> {
    if find(id).is_some() || own::page(id).is_some() {
        return Ok(());
    }
    Err(UnknownCheck::new(id))
}

/// The candidate that a misspelt name most likely stands for.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // What nobody would have typed is not compared letter by letter.
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let likeness = |candidate: &str| {
        let candidate = candidate.to_ascii_lowercase();
        let shared = shared_words(&candidate, &name);
        let alike = strsim::jaro_winkler(&candidate, &name);
        (shared > 0 || alike > ALIKE).then_some((shared, alike))
    };
    candidates
        .into_iter()
        .filter_map(|candidate| Some((likeness(candidate)?, candidate)))
        .max_by(|((one, a), _), ((other, b), _)| {
            // A word for word match counts as much as a fair part of the letters.
            let score = |shared: usize, alike: f64| {
                alike + WORD * f64::from(u8::try_from(shared).unwrap_or(u8::MAX))
            };
            score(*one, *a).total_cmp(&score(*other, *b))
        })
        .map(|(_, candidate)| candidate)
}

/// A name that no check goes by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is not a check id, a requirement id or an area{hint}; `mcp-assay checks` lists them"
)]
pub struct UnknownCheck {
    name: String,
    hint: String,
}

impl UnknownCheck {
    fn new(name: &str) -> Self {
        let ids = all().iter().map(|check| check.id);
        let own = own::pages().iter().map(|page| page.id.as_str());
        let rows = requirements().iter().map(|row| row.id.as_str());
        let areas = Area::ALL.into_iter().map(Area::as_str);
        let near = nearest(name, ids.chain(own).chain(rows).chain(areas));
        Self {
            name: name.to_owned(),
            hint: near.map_or_else(String::new, |id| format!(" (did you mean `{id}`?)")),
        }
    }
}

fn means_anything(name: &str) -> bool {
    all().iter().any(|check| goes_by(check, name))
        || Area::ALL.into_iter().any(|area| is_called(area, name))
        || requirement(name).is_some()
}

fn goes_by(check: &Check, name: &str) -> bool {
    check.id == name
        || check.page().requirements.iter().any(|id| id == name)
        || check.area().is_some_and(|area| is_called(area, name))
}

fn is_called(area: Area, name: &str) -> bool {
    area.as_str() == name || area.prefix() == name
}

fn shared_words(id: &str, name: &str) -> usize {
    name.split(['-', '_', ' '])
        .filter(|word| word.len() > 2 && id.split('-').any(|known| known == *word))
        .count()
}

/// Where command-line parsers draw the line too.
const ALIKE: f64 = 0.8;
/// What one equal word adds.
const WORD: f64 = 0.2;
/// Letters of a name that is looked at.
const LONGEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn everything_is_selected_when_nothing_is_named() {
        let every = select(&names(&[]), &names(&[])).unwrap();
        assert_eq!(every.len(), all().len());
    }

    #[test]
    fn checks_are_selected_by_id_requirement_and_area() {
        let picked = select(&names(&["resource-mismatch", "DISC-09"]), &names(&[])).unwrap();
        let ids: Vec<_> = picked.iter().map(|check| check.id).collect();
        assert_eq!(ids, ["resource-mismatch", "issuer-mismatch"]);
        for area in ["transport", "XPT"] {
            let picked = select(&names(&[area]), &names(&["XPT-03"])).unwrap();
            let ids: Vec<_> = picked.iter().map(|check| check.id).collect();
            assert!(ids.contains(&"foreign-origin-accepted"), "{ids:?}");
            assert!(!ids.contains(&"plaintext-endpoint"), "{ids:?}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_id() {
        let error = select(&names(&["resource-mismatches"]), &names(&[])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`resource-mismatches`"), "{text}");
        assert!(text.contains("did you mean `resource-m"), "{text}");
        assert!(select(&names(&[]), &names(&["REG-11"])).is_ok());
    }

    #[test]
    fn what_was_meant_is_found_for_slips_of_every_kind() {
        for (slip, meant) in [
            ("registraton-open", "registration-open"),
            ("open-registration", "registration-open"),
            ("Hidden-Tool-Callable", "hidden-tool-callable"),
            ("hidden_tool_callable", "hidden-tool-callable"),
            ("pkce-required", "pkce-not-required"),
            ("primitves", "primitive"),
            ("acceptance-expird", "acceptance-expired"),
        ] {
            let text = UnknownCheck::new(slip).to_string();
            assert!(text.contains(&format!("did you mean `{meant}`?")), "{text}");
        }
    }

    #[test]
    fn nothing_is_suggested_where_nothing_is_near() {
        for name in ["", "qqqqqq", "\u{202e}", &"registration-open".repeat(1000)] {
            let error = UnknownCheck::new(name);
            assert_eq!(error.hint, "", "{error}");
        }
        assert_eq!(nearest("tabel", ["json", "table"]), Some("table"));
        assert_eq!(nearest("tabel", []), None);
    }

    #[test]
    fn ids_of_findings_are_known_and_names_of_groups_are_not() {
        assert!(known("registration-open").is_ok());
        assert!(known("acceptance-expired").is_ok());
        assert!(known("REG-02").is_err() && known("transport").is_err());
    }
}
