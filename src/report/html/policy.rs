//! What was seen to open each subject, and how that compares with what the operator intends.

use std::io;

use crate::model::identity::ScopeSet;
use crate::model::policy::{Conformity, DriftEntry, EffectiveRule, PolicyComparison};
use crate::model::report::Report;
use crate::report::markup::Markup;
use crate::report::{safe, words};

use super::section;
use super::sections::{row, rows};

pub(super) fn write(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    let policy = &report.effective_policy;
    section(out, "policy", "What opens each subject", |out| {
        if policy.subjects.is_empty() && report.policy.is_none() {
            return out.leaf("p", &[], "Nothing was seen to open or refuse anything.");
        }
        for (what, names) in [
            ("Open without a token", &policy.without_token),
            ("Open to a token without any scope", &policy.unguarded),
            ("Scopes that open nothing", &policy.idle_scopes),
        ] {
            if !names.is_empty() {
                out.leaf("p", &[], &format!("{what}: {}.", listed(names)))?;
            }
        }
        for one in &policy.hierarchies {
            let word = if one.equal {
                "opens the same as"
            } else {
                "opens whatever is opened by"
            };
            let text = format!(
                "Scope {} {word} {}: {}.",
                one.broad,
                one.narrow,
                listed(&one.subjects)
            );
            out.leaf("p", &[], &safe::fit(&text, LONG))?;
        }
        if !policy.subjects.is_empty() {
            let heading = format!("As observed ({})", policy.subjects.len());
            out.element("details", &[], |fold| {
                fold.leaf("summary", &[], &heading)?;
                rows(
                    fold,
                    &["subject", "gate", "opened by", "refused for", "open"],
                    |body| {
                        policy
                            .subjects
                            .iter()
                            .try_for_each(|rule| observed(body, rule))
                    },
                )
            })?;
        }
        report
            .policy
            .as_ref()
            .map_or(Ok(()), |policy| compared(out, policy))
    })
}

fn observed(body: &mut Markup<'_>, rule: &EffectiveRule) -> io::Result<()> {
    let open = rule.open.as_deref().unwrap_or_default();
    let flag = rule.decided_by.as_deref();
    let flag = flag.map_or(String::new(), |flag| format!("; decided by {flag}"));
    row(
        body,
        &[
            &safe::fit_middle(&rule.subject, NAME),
            rule.gate.as_str(),
            &sets(&rule.opened_by),
            &sets(&rule.refused_for),
            &format!("{open}{flag}"),
        ],
    )
}

/// Against the operator's own policy: what does not conform, by name.
fn compared(out: &mut Markup<'_>, policy: &PolicyComparison) -> io::Result<()> {
    out.leaf("h3", &[], "Against the policy given")?;
    let counts: Vec<String> = policy
        .counts
        .iter()
        .map(|(word, n)| format!("{n} {}", word.as_str()))
        .collect();
    out.leaf("p", &[], &format!("Cells: {}.", counts.join(", ")))?;
    out.element("ul", &[], |list| {
        for subject in &policy.subjects {
            for (identity, word) in &subject.cells {
                if matches!(word, Conformity::TooOpen | Conformity::TooClosed) {
                    let name = safe::fit_middle(&subject.subject, NAME);
                    let text = format!("{name} as {identity}: {}", word.as_str());
                    list.leaf("li", &[], &text)?;
                }
            }
        }
        for (what, entries) in [
            ("matches nothing that was listed", &policy.idle_entries),
            (
                "stands behind another that matches all of it",
                &policy.shadowed_entries,
            ),
        ] {
            for DriftEntry { entry, patterns } in entries {
                let text = format!("entry {entry} ({}) {what}", patterns.join(", "));
                list.leaf("li", &[], &safe::fit(&text, LONG))?;
            }
        }
        if !policy.without_entry.is_empty() {
            let text = format!("without an entry: {}", listed(&policy.without_entry));
            list.leaf("li", &[], &text)?;
        }
        Ok(())
    })
}

fn sets(sets: &[ScopeSet]) -> String {
    let sets: Vec<String> = sets
        .iter()
        .take(MOST_SETS)
        .map(|set| {
            let scopes: Vec<&str> = set.iter().map(String::as_str).collect();
            if scopes.is_empty() {
                "no scope".to_owned()
            } else {
                scopes.join(" ")
            }
        })
        .collect();
    sets.join(", or ")
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MOST_NAMES)
        .map(|name| safe::fit_middle(name, NAME))
        .collect();
    match names.len() - shown.len() {
        0 => words::list(&shown),
        rest => format!("{}, and {rest} more", shown.join(", ")),
    }
}

const NAME: usize = 100;
const LONG: usize = 1200;
const MOST_SETS: usize = 6;
const MOST_NAMES: usize = 40;
