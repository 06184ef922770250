//! Other catalogues' names for what the checks find: which check covers which entry.

use std::fmt;
use std::str::FromStr;

use super::Check;

/// A catalogue that pages name entries of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catalogue {
    /// The nine flaws of arXiv 2605.22333, a measurement of remote MCP servers.
    Flaws,
    /// Common Weakness Enumeration.
    Cwe,
    /// OWASP's MCP and API top tens.
    Owasp,
    /// NIST SP 800-53 controls.
    Nist,
}

impl Catalogue {
    /// Every catalogue.
    pub const ALL: [Self; 4] = [Self::Flaws, Self::Cwe, Self::Owasp, Self::Nist];

    /// The word used in flags.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flaws => "2605.22333",
            Self::Cwe => "cwe",
            Self::Owasp => "owasp",
            Self::Nist => "nist",
        }
    }
}

impl fmt::Display for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Catalogue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|known| known.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("`{text}` is not a catalogue that checks are mapped to; known: {known}")
        })
    }
}

/// An entry of a catalogue with the checks that cover it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `F1`, `CWE-862`, `AC-3`.
    pub id: String,
    /// What it is, where the catalogue's entries are few enough to say.
    pub title: Option<&'static str>,
    /// The checks that find it; empty when none does.
    pub checks: Vec<&'static Check>,
}

/// Every entry of a catalogue that some check covers; of the nine flaws, all.
pub fn map(catalogue: Catalogue) -> Vec<Entry> {
    let mut entries: Vec<Entry> = match catalogue {
        Catalogue::Flaws => FLAWS
            .iter()
            .map(|(id, title)| Entry {
                id: (*id).to_owned(),
                title: Some(title),
                checks: Vec::new(),
            })
            .collect(),
        Catalogue::Cwe | Catalogue::Owasp | Catalogue::Nist => Vec::new(),
    };
    for check in super::all() {
        let maps = &check.page().maps;
        let named = match catalogue {
            Catalogue::Flaws => &maps.flaws,
            Catalogue::Cwe => &maps.cwe,
            Catalogue::Owasp => &maps.owasp,
            Catalogue::Nist => &maps.nist,
        };
        for id in named {
            match entries.iter_mut().find(|entry| entry.id == *id) {
                Some(entry) => entry.checks.push(check),
                None => entries.push(Entry {
                    id: id.clone(),
                    title: None,
                    checks: vec![check],
                }),
            }
        }
    }
    entries.sort_by_key(|entry| natural(&entry.id));
    entries
}

/// Letters as they are, runs of digits by value: `CWE-79` before `CWE-862`.
fn natural(id: &str) -> Vec<(String, u64)> {
    let mut parts: Vec<(String, u64)> = vec![(String::new(), 0)];
    let mut in_digits = false;
    for c in id.chars() {
        let digit = c.to_digit(10);
        if digit.is_none() && in_digits {
            parts.push((String::new(), 0));
        }
        in_digits = digit.is_some();
        if let Some(part) = parts.last_mut() {
            match digit {
                Some(digit) => part.1 = part.1.saturating_mul(10).saturating_add(digit.into()),
                None => part.0.push(c),
            }
        }
    }
    parts
}

const FLAWS: [(&str, &str); 9] = [
    ("F1", "a stranger registers a redirect URI of theirs"),
    ("F2", "a client that nobody registered is served"),
    ("F3", "PKCE is demanded in front and not used behind"),
    (
        "F4",
        "the proxy's state carries a redirect URI that can be changed",
    ),
    ("F5", "PKCE can be left out or weakened"),
    ("F6", "the user is never asked which client they let in"),
    ("F7", "redirect URIs are not compared exactly"),
    ("F8", "the state parameter is missing or can be guessed"),
    ("F9", "an authorization code works twice"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_inside_ids_sort_by_value() {
        let mut ids = ["CWE-862", "CWE-79", "AC-3", "AC-12", "F10", "F9"];
        ids.sort_by_key(|id| natural(id));
        assert_eq!(ids, ["AC-3", "AC-12", "CWE-79", "CWE-862", "F9", "F10"]);
    }

    #[test]
    fn catalogue_names_round_trip_and_others_are_refused_with_the_known_ones() {
        for catalogue in Catalogue::ALL {
            assert_eq!(catalogue.as_str().parse(), Ok(catalogue));
        }
        let error = "iso".parse::<Catalogue>().unwrap_err();
        assert!(error.contains("`iso`") && error.contains("2605.22333, cwe, owasp, nist"));
    }

    #[test]
    fn entries_name_the_checks_whose_pages_name_them() {
        let entries = map(Catalogue::Nist);
        let control = entries.iter().find(|entry| entry.id == "IA-4").unwrap();
        assert!(control.checks.iter().any(|it| it.id == "registration-open"));
        assert_eq!(map(Catalogue::Flaws).len(), 9);
    }
}
