//! What the operator intends: which entry applies to a subject, and whom it lets in.

use crate::model::identity::{Identity, ScopeSet};
use crate::model::settings::PolicyEntry;
use crate::model::surface::{Subject, SubjectKind};

/// The operator's entry for a subject: the first that covers it.
pub fn intended<'a>(policy: &'a [PolicyEntry], subject: &Subject) -> Option<&'a PolicyEntry> {
    policy.iter().find(|entry| covers(entry, subject))
}

/// Whether an entry speaks of a subject.
pub fn covers(entry: &PolicyEntry, subject: &Subject) -> bool {
    let tool = subject.kind == SubjectKind::Tool;
    let named = |pattern: &String| tool && matches(pattern, &subject.name);
    entry.tools.iter().any(named)
        || entry
            .subjects
            .iter()
            .any(|pattern| matches(pattern, &subject.id))
}

/// The scope sets of which an entry asks one; an empty set means any valid token.
pub fn alternatives(entry: &PolicyEntry) -> Vec<ScopeSet> {
    if entry.any_of.is_empty() {
        return vec![entry.require.clone()];
    }
    let each = entry.any_of.iter();
    each.map(|set| set.union(&entry.require).cloned().collect())
        .collect()
}

/// Whether the operator's entry lets an identity in; `None` when its scopes are unknown.
pub fn permits(entry: &PolicyEntry, identity: &Identity) -> Option<bool> {
    if entry.deny {
        return Some(false);
    }
    if entry.public {
        return Some(true);
    }
    if identity.kind.must_be_refused() {
        return Some(false);
    }
    let alternatives = alternatives(entry);
    if alternatives.iter().any(ScopeSet::is_empty) {
        return Some(true);
    }
    let held = identity.scopes()?;
    Some(alternatives.iter().any(|set| set.is_subset(held)))
}

/// Whether a pattern matches a name: `*` stands for any run of characters, `\*` for a star and
/// `\\` for a backslash.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pieces = pieces(pattern);
    let Some((first, rest)) = pieces.split_first() else {
        return name.is_empty();
    };
    let Some(mut left) = name.strip_prefix(first.as_str()) else {
        return false;
    };
    let Some((last, middle)) = rest.split_last() else {
        return left.is_empty();
    };
    for piece in middle {
        let Some(at) = left.find(piece.as_str()) else {
            return false;
        };
        left = left.get(at + piece.len()..).unwrap_or_default();
    }
    left.ends_with(last.as_str())
}

/// Whether every name that `narrow` matches is matched by `wide`, as far as their texts show.
pub(super) fn includes(wide: &str, narrow: &str) -> bool {
    // A star of the narrow one stands for everything, so it may only meet a star of the wide one;
    // a character that no pattern spells stands in its place.
    let text = pieces(narrow).join("\u{10fffd}");
    matches(wide, &text)
}

/// The literal runs between the stars.
fn pieces(pattern: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '*' {
            pieces.push(String::new());
            continue;
        }
        let escapes = character == '\\' && matches!(characters.peek(), Some('*' | '\\'));
        let literal = if escapes { characters.next() } else { None };
        if let Some(piece) = pieces.last_mut() {
            piece.push(literal.unwrap_or(character));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::identity::IdentityKind;
    use crate::oracle::testing::{identity, scopes, tool, valid};

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name) in [
            ("*", "x"),
            ("write_*", "write_note"),
            ("*_note", "write_note"),
            ("a*b*c", "aXbYc"),
            ("read", "read"),
            (r"a\*b", "a*b"),
            (r"a\\*", r"a\z"),
            (r"c:\dir", r"c:\dir"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("write_*", "rewrite_note"),
            ("read", "reader"),
            ("a*b*c", "acb"),
            ("", "x"),
            ("ab*b", "ab"),
            (r"a\*b", "aXb"),
            (r"\*", "x"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_wider_pattern_includes_a_narrower_one_and_not_the_other_way_round() {
        for (wide, narrow) in [("*", "a*"), ("a*", "ab*"), ("a*c", "ab*c"), ("a", "a")] {
            assert!(includes(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [("a*", "*"), ("ab*", "a*"), ("a", "a*"), (r"\*", "*")] {
            assert!(!includes(wide, narrow), "{wide} {narrow}");
        }
    }

    #[test]
    fn all_of_any_of_public_and_deny_mean_what_they_say() {
        let entry = PolicyEntry {
            require: scopes(&["a"]),
            any_of: vec![scopes(&["b"]), scopes(&["c"])],
            ..PolicyEntry::default()
        };
        assert_eq!(permits(&entry, &valid("x", &["a", "c"])), Some(true));
        assert_eq!(permits(&entry, &valid("x", &["b", "c"])), Some(false));
        let any = PolicyEntry::default();
        assert_eq!(permits(&any, &valid("x", &[])), Some(true));
        let stranger = identity("g", IdentityKind::Garbage);
        assert_eq!(permits(&any, &stranger), Some(false));
        let public = PolicyEntry {
            public: true,
            ..PolicyEntry::default()
        };
        assert_eq!(permits(&public, &stranger), Some(true));
        let nobody = PolicyEntry {
            deny: true,
            ..PolicyEntry::default()
        };
        assert_eq!(permits(&nobody, &valid("x", &["a"])), Some(false));
        let opaque = identity("o", IdentityKind::Valid);
        assert_eq!(permits(&entry, &opaque), None);
    }

    #[test]
    fn tools_go_by_name_and_everything_by_its_id() {
        let subject = tool("read", None);
        let by = |tools: &[&str], subjects: &[&str]| PolicyEntry {
            tools: tools.iter().map(|it| (*it).to_owned()).collect(),
            subjects: subjects.iter().map(|it| (*it).to_owned()).collect(),
            ..PolicyEntry::default()
        };
        assert!(covers(&by(&["re*"], &[]), &subject));
        assert!(covers(&by(&[], &["tool/*"]), &subject));
        let resource = Subject {
            kind: SubjectKind::Resource,
            id: "resource/read".into(),
            ..subject
        };
        assert!(!covers(&by(&["read"], &["tool/*"]), &resource));
        assert!(covers(&by(&[], &["resource/*"]), &resource));
    }
}
