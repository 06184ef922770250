//! `[[policy]]`: what the operator intends, entry by entry.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Error, PolicyEntry};

/// `[[policy]]`. The first entry that covers a tool or another subject applies to it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySection {
    /// Patterns of tool names; `*` matches any run of characters, `\*` a star.
    pub tools: Vec<String>,
    /// Patterns of subjects of any kind, by the ids of the report: `resource/note://*`,
    /// `prompt/plan`.
    pub subjects: Vec<String>,
    /// Scopes a caller must hold, all of them; with nothing else said any valid token will do.
    pub require: BTreeSet<String>,
    /// Scope sets of which a caller must hold one, beside `require`.
    pub any_of: Option<Vec<BTreeSet<String>>>,
    /// Whether no token is needed.
    pub public: bool,
    /// Whether nobody may get in.
    pub deny: bool,
}

/// The entries in the order of the file.
pub(super) fn entries(path: &str, sections: &[PolicySection]) -> Result<Vec<PolicyEntry>, Error> {
    let numbered = sections.iter().enumerate();
    let entry = |(at, section): (usize, &PolicySection)| {
        let problem = |problem: &str, remedy: &str| {
            let place = format!("{path}: `[[policy]]` {}", at + 1);
            Err(Error::value(place, problem, remedy))
        };
        if section.tools.is_empty() && section.subjects.is_empty() {
            return problem(
                "the entry names nothing",
                "add `tools = [\"…\"]` or `subjects = [\"resource/…\"]`",
            );
        }
        let scopes = !section.require.is_empty() || section.any_of.is_some();
        if usize::from(scopes) + usize::from(section.public) + usize::from(section.deny) > 1 {
            return problem(
                "the entry asks for scopes, is public or denies, more than one at once",
                "keep one of `require` and `any_of`, `public = true`, `deny = true`",
            );
        }
        if section.any_of.as_ref().is_some_and(Vec::is_empty) {
            return problem(
                "`any_of` has no alternative",
                "name one, or write `deny = true` when nobody may get in",
            );
        }
        let words = section
            .require
            .iter()
            .chain(section.any_of.iter().flatten().flatten());
        if let Some(word) = words.into_iter().find(|word| !is_scope(word)) {
            return problem(
                &format!("`{word}` is not one scope"),
                "write each scope as a text of its own (RFC 6749 §3.3)",
            );
        }
        Ok(PolicyEntry {
            tools: section.tools.clone(),
            subjects: section.subjects.clone(),
            require: section.require.clone(),
            any_of: section.any_of.clone().unwrap_or_default(),
            public: section.public,
            deny: section.deny,
        })
    };
    numbered.map(entry).collect()
}

/// RFC 6749 §3.3 `scope-token`.
fn is_scope(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<PolicyEntry>, String> {
        #[derive(Deserialize)]
        struct File {
            policy: Vec<PolicySection>,
        }
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        entries("assay.toml", &file.policy).map_err(|error| error.to_string())
    }

    #[test]
    fn every_form_of_an_entry_is_read() {
        let entries = read(
            "[[policy]]\ntools = ['list_*']\n\
             [[policy]]\ntools = ['x']\nrequire = ['a', 'b']\nany_of = [['c'], ['d', 'e']]\n\
             [[policy]]\nsubjects = ['resource/*']\npublic = true\n\
             [[policy]]\ntools = ['*']\ndeny = true\n",
        )
        .unwrap();
        assert!(entries[0].require.is_empty() && !entries[0].public);
        assert_eq!(entries[1].any_of.len(), 2);
        assert!(entries[2].public && entries[3].deny);
    }

    #[test]
    fn what_makes_no_sense_names_its_entry_and_a_remedy() {
        for (text, word) in [
            ("require = ['a']", "names nothing"),
            ("tools = ['x']\npublic = true\ndeny = true", "more than one"),
            (
                "tools = ['x']\npublic = true\nrequire = ['a']",
                "more than one",
            ),
            ("tools = ['x']\nany_of = []", "no alternative"),
            ("tools = ['x']\nrequire = ['a b']", "`a b`"),
            ("tools = ['x']\nany_of = [['']]", "``"),
            ("tools = ['x']\nallow = true", "unknown field"),
        ] {
            let problem = read(&format!("[[policy]]\n{text}\n")).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
        let second = read("[[policy]]\ntools = ['x']\n[[policy]]\n").unwrap_err();
        assert!(second.contains("`[[policy]]` 2"), "{second}");
    }
}
