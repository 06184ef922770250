//! The effective policy as `[[policy]]` blocks, to be read, corrected and pinned.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::identity::{Identity, ScopeSet};
use crate::model::matrix::Confidence;
use crate::model::policy::{EffectiveRule, Gate};
use crate::model::report::Report;

use super::{safe, words};

/// Writes the effective policy of a report as part of a configuration file. What was not settled is
/// there as a comment.
pub fn policy_file(report: &Report) -> String {
    let mut out = String::new();
    preamble(&mut out, report);
    for group in groups(&report.effective_policy.subjects) {
        block(&mut out, &group);
    }
    out
}

fn preamble(out: &mut String, report: &Report) {
    comment(
        out,
        &format!(
            "What was seen to open each subject of {}: {} {}, run {}, started {}.",
            report.target.url,
            report.tool.name,
            report.tool.version,
            report.engagement.run_id,
            report.engagement.started
        ),
    );
    let valid = report.identities.valid();
    let tokens: Vec<String> = valid
        .filter(|identity| identity.invalid.is_none())
        .map(|identity| format!("{} ({})", identity.name, held(identity)))
        .collect();
    comment(
        out,
        &match tokens.is_empty() {
            true => "No working token took part, so hardly anything is settled.".to_owned(),
            false => format!("Tokens that took part: {}.", tokens.join("; ")),
        },
    );
    comment(
        out,
        "This is what the server does, which need not be what it should do. Correct it, put it into \
         the configuration, and every difference is reported.",
    );
    comment(out, "The first entry that covers a subject applies to it.");
}

fn held(identity: &Identity) -> String {
    identity.scopes().map_or_else(
        || "scopes not known".to_owned(),
        |scopes| match scopes.is_empty() {
            true => "no scope".to_owned(),
            false => scopes.iter().cloned().collect::<Vec<_>>().join(" "),
        },
    )
}

/// Rules that say the same of several subjects, in the order of the first.
fn groups(rules: &[EffectiveRule]) -> Vec<Vec<&EffectiveRule>> {
    let mut groups: Vec<Vec<&EffectiveRule>> = Vec::new();
    let mut places = BTreeMap::new();
    for rule in rules {
        let same = (
            rule.gate,
            rule.exact,
            rule.ran,
            &rule.opened_by,
            &rule.refused_for,
            &rule.open,
        );
        let next = groups.len();
        let at = *places.entry(same).or_insert(next);
        match groups.get_mut(at) {
            Some(group) => group.push(rule),
            None => groups.push(vec![rule]),
        }
    }
    groups
}

fn block(out: &mut String, group: &[&EffectiveRule]) {
    let Some(first) = group.first() else { return };
    out.push('\n');
    comment(out, &seen(group, first));
    if let Some(open) = first.open.as_deref().filter(|_| !first.exact) {
        let settled: Vec<String> = first.settled_by.iter().map(words::scopes).collect();
        let by = match settled.is_empty() {
            true => String::new(),
            false => format!(
                "; a token with exactly {} would tell",
                settled.join(", or with ")
            ),
        };
        comment(out, &format!("Not settled: {open}{by}."));
    }
    let mut entry = String::from("[[policy]]\n");
    let (tools, others): (Vec<_>, Vec<_>) = group
        .iter()
        .map(|rule| rule.subject.as_str())
        .partition(|id| id.starts_with(TOOL));
    let tools = tools
        .into_iter()
        .map(|id| id.strip_prefix(TOOL).unwrap_or(id));
    list(&mut entry, "tools", tools);
    list(&mut entry, "subjects", others.into_iter());
    entry.push_str(&demand(first));
    for line in entry.lines() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}{line}", if first.exact { "" } else { "# " });
    }
}

fn seen(group: &[&EffectiveRule], first: &EffectiveRule) -> String {
    let confidence = group.iter().map(|rule| rule.confidence).min();
    let opened = words::alternatives(&first.opened_by);
    let text = match first.gate {
        Gate::NoToken => "ran without a token; is that meant?".to_owned(),
        Gate::AnyToken => "open to any token; is that meant?".to_owned(),
        Gate::Scopes => format!(
            "opened by {opened}; refused with {}",
            words::alternatives(&first.refused_for)
        ),
        Gate::EveryTokenTried => format!("open to every token tried, the smallest with {opened}"),
        Gate::NoTokenTried => "refused to every token tried".to_owned(),
        Gate::Inconsistent => "the answers contradict each other".to_owned(),
        Gate::NotDetermined => "not determined".to_owned(),
    };
    let reach = if first.gate == Gate::Scopes && !first.ran {
        ", as far as argument validation: nothing ran"
    } else {
        ""
    };
    let exchanges: Vec<String> = group
        .iter()
        .flat_map(|rule| rule.exchanges.first())
        .take(MOST_EXCHANGES)
        .map(ToString::to_string)
        .collect();
    let evidence = match exchanges.is_empty() {
        true => String::new(),
        false => format!("; see {}", exchanges.join(", ")),
    };
    let confidence = words::confidence(confidence.unwrap_or(Confidence::Inconclusive));
    format!("Seen: {text}{reach} ({confidence}{evidence}).")
}

fn demand(rule: &EffectiveRule) -> String {
    match (rule.gate, rule.opened_by.as_slice()) {
        (Gate::NoToken, _) => "public = true\n".to_owned(),
        (Gate::AnyToken, _) => "require = []\n".to_owned(),
        // Does not parse until somebody has thought about it.
        (Gate::NotDetermined | Gate::Inconsistent, _) => "require = [\"…\"]\n".to_owned(),
        (_, [only]) => format!("require = {}\n", array(only)),
        (_, []) => "deny = true\n".to_owned(),
        (_, several) => {
            let each: Vec<String> = several.iter().map(array).collect();
            format!("any_of = [{}]\n", each.join(", "))
        }
    }
}

fn list<'a>(out: &mut String, key: &str, names: impl ExactSizeIterator<Item = &'a str>) {
    let names: Vec<String> = names.map(|name| quoted(&literal(name))).collect();
    match names.as_slice() {
        [] => {}
        [only] => out.push_str(&format!("{key} = [{only}]\n")),
        several => {
            out.push_str(&format!("{key} = [\n"));
            for name in several {
                out.push_str(&format!("    {name},\n"));
            }
            out.push_str("]\n");
        }
    }
}

fn array(scopes: &ScopeSet) -> String {
    let scopes: Vec<String> = scopes.iter().map(|scope| quoted(scope)).collect();
    format!("[{}]", scopes.join(", "))
}

/// A name as a pattern that matches nothing else.
fn literal(name: &str) -> String {
    name.replace('\\', r"\\").replace('*', r"\*")
}

/// A TOML basic string; whatever does not show, or shows as something else, is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in safe::line(text).split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 1 {
            out.push_str(&line);
            out.push_str("\n#");
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}

const TOOL: &str = "tool/";
const WIDTH: usize = 100;
const MOST_EXCHANGES: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::model::exchange::ExchangeId;
    use crate::model::surface::SubjectKind;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Entry {
        tools: Vec<String>,
        subjects: Vec<String>,
        require: Option<ScopeSet>,
        any_of: Vec<ScopeSet>,
        public: bool,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct File {
        policy: Vec<Entry>,
    }

    fn rule(subject: &str, gate: Gate, opened_by: &[&[&str]]) -> EffectiveRule {
        let set = |set: &&[&str]| set.iter().map(|scope| (*scope).to_owned()).collect();
        EffectiveRule {
            subject: subject.to_owned(),
            gate,
            opened_by: opened_by.iter().map(set).collect(),
            refused_for: Vec::new(),
            required: ScopeSet::new(),
            exact: true,
            ran: true,
            confidence: Confidence::Proven,
            open: None,
            settled_by: Vec::new(),
            decided_by: None,
            exchanges: vec![ExchangeId(7)],
        }
    }

    fn written(rules: &[EffectiveRule]) -> (String, File) {
        let mut out = String::new();
        for group in groups(rules) {
            block(&mut out, &group);
        }
        let file = toml::from_str(&out).unwrap();
        (out, file)
    }

    #[test]
    fn every_settled_gate_is_an_entry_and_equal_rules_share_one() {
        let (text, file) = written(&[
            rule("tool/a", Gate::Scopes, &[&["r"]]),
            rule("tool/b", Gate::Scopes, &[&["r"], &["w", "x"]]),
            rule("resource/note://1", Gate::Scopes, &[&["r"]]),
            rule("tool/c", Gate::AnyToken, &[&[]]),
            rule("tool/d", Gate::NoToken, &[]),
        ]);
        let [first, either, any, public] = file.policy.as_slice() else {
            panic!("{text}")
        };
        assert_eq!(
            (first.tools.as_slice(), first.subjects.len()),
            (&["a".to_owned()][..], 1)
        );
        assert_eq!(either.any_of.len(), 2);
        assert_eq!(any.require, Some(ScopeSet::new()));
        assert!(
            public.public && text.contains("proven; see x0007"),
            "{text}"
        );
    }

    #[test]
    fn what_is_not_settled_is_a_comment_with_what_would_tell() {
        let mut open = rule("tool/a", Gate::EveryTokenTried, &[&["r"]]);
        open.exact = false;
        open.open = Some("smaller sets may do".to_owned());
        open.settled_by = vec![ScopeSet::new()];
        let (text, file) = written(&[open]);
        assert!(file.policy.is_empty(), "{text}");
        assert!(
            text.contains("# tools = [\"a\"]") && text.contains("would tell"),
            "{text}"
        );
    }

    #[test]
    fn hostile_names_stay_names() {
        let name = "a\"]\n[[policy]]\ntools = [\"*\"]\u{202e}\\";
        let (text, file) = written(&[rule(&format!("tool/{name}"), Gate::NoToken, &[])]);
        assert_eq!(file.policy.len(), 1);
        assert_eq!(file.policy[0].tools, [literal(name)]);
        assert!(!text.contains('\u{202e}'));
    }

    proptest! {
        #[test]
        fn every_text_survives_quoting(text in any::<String>()) {
            let read: toml::Table = toml::from_str(&format!("x = {}", quoted(&text))).unwrap();
            prop_assert_eq!(read["x"].as_str(), Some(text.as_str()));
        }

        #[test]
        fn a_comment_is_never_anything_else(text in any::<String>()) {
            let mut out = String::new();
            comment(&mut out, &text);
            prop_assert!(out.lines().all(|line| line.starts_with('#')));
            let read: toml::Table = toml::from_str(&out).unwrap();
            prop_assert!(read.is_empty());
        }
    }

    #[test]
    fn the_kind_of_a_tool_is_spelt_once() {
        assert_eq!(SubjectKind::Tool.subject_id(""), TOOL);
    }
}
