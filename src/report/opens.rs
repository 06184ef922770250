//! What opens what: subjects of equal policy on one line, and what would settle the rest.

use crate::model::identity::ScopeSet;
use crate::model::policy::{EffectiveRule, Gate};
use crate::model::report::Report;

use super::policy_file::{TOOL, groups, token, tried};
use super::text::{Page, Tone};
use super::words;

/// Writes the effective policy, as far as anything was determined.
pub(super) fn write(page: &mut Page, report: &Report) {
    let policy = &report.effective_policy;
    let told = |rule: &&EffectiveRule| rule.gate != Gate::NotDetermined;
    if !policy.subjects.iter().any(|rule| told(&rule)) {
        return;
    }
    let tried = tried(report);
    page.section("WHAT OPENS WHAT, AS OBSERVED");
    page.blank();
    let (told, open): (Vec<_>, Vec<_>) = groups(&policy.subjects)
        .into_iter()
        .partition(|group| group.first().is_some_and(told));
    for group in &told {
        let Some(rule) = group.first() else { continue };
        let tone = match rule.gate {
            Gate::NoToken | Gate::AnyToken | Gate::Inconsistent => Tone::Caution,
            _ => Tone::Plain,
        };
        page.text(2, tone, &format!("{}: {}", names(group), gate(rule)));
        if !rule.settled_by.is_empty() {
            let settling = rule.settled_by.iter();
            let tokens: Vec<String> = settling.map(|set| token(set, &tried)).collect();
            let text = format!("a token with {} would tell", tokens.join(", or with "));
            page.labelled(4, "not settled", Tone::Muted, &text);
        } else if let Some(open) = &rule.open {
            page.labelled(4, "not settled", Tone::Muted, open);
        }
    }
    let rest: usize = open.iter().map(Vec::len).sum();
    if rest > 0 {
        let text = format!("{}: not determined", words::count(rest, "subject"));
        page.text(2, Tone::Muted, &text);
    }
    for seen in &policy.hierarchies {
        let relation = if seen.equal { "the same as" } else { "all of" };
        let text = format!(
            "`{}` opens {relation} what `{}` opens, over {} ({} beside {})",
            seen.broad,
            seen.narrow,
            words::count(seen.subjects.len(), "subject"),
            seen.identities[0],
            seen.identities[1]
        );
        page.text(2, Tone::Plain, &text);
    }
    if !policy.idle_scopes.is_empty() {
        let scopes: Vec<String> = policy
            .idle_scopes
            .iter()
            .map(|it| format!("`{it}`"))
            .collect();
        page.text(
            2,
            Tone::Plain,
            &format!("opens nothing: {}", words::list(&scopes)),
        );
    }
}

fn names(group: &[&EffectiveRule]) -> String {
    let more = group.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> = group
        .iter()
        .take(SHOWN)
        .map(|rule| bare(&rule.subject))
        .collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    words::list(&shown)
}

/// Tools go by their names; what is no tool says so.
fn bare(subject: &str) -> String {
    subject.strip_prefix(TOOL).unwrap_or(subject).to_owned()
}

fn gate(rule: &EffectiveRule) -> String {
    let opened = words::alternatives(&rule.opened_by);
    let sure = words::confidence(rule.confidence);
    match rule.gate {
        Gate::NoToken => format!("no token needed ({sure})"),
        Gate::AnyToken => format!("any token ({sure})"),
        Gate::Scopes => {
            let reach = if rule.ran {
                ""
            } else {
                ", as far as argument validation"
            };
            let smaller = |set: &ScopeSet| rule.opened_by.iter().any(|it| set.is_subset(it));
            let exact = if rule.exact {
                ""
            } else if rule.settled_by.iter().any(smaller) {
                " or less"
            } else {
                " or another way"
            };
            format!("{opened}{exact} ({sure}{reach})")
        }
        Gate::EveryTokenTried => format!("every token tried, the smallest with {opened} ({sure})"),
        Gate::NoTokenTried => format!("no token tried ({sure})"),
        Gate::Inconsistent => "the answers contradict each other".to_owned(),
        Gate::NotDetermined => "not determined".to_owned(),
    }
}

const SHOWN: usize = 6;
