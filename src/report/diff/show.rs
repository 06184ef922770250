//! A comparison for people: on a terminal, and as a comment.

use crate::model::verdict::Severity;
use crate::report::markdown::{code, prose};
use crate::report::text::{Page, Tone};
use crate::report::{Style, safe, words};

use super::{Change, Diff};

/// The comparison as text.
pub fn table(diff: &Diff, style: Style) -> String {
    let mut page = Page::new(style);
    page.text(
        0,
        Tone::Heading,
        &format!("What changed at {}", diff.new.target),
    );
    page.blank();
    for (label, side) in [("before", &diff.old), ("now", &diff.new)] {
        let text = format!(
            "run {}, {}, MCP {}",
            side.run_id, side.started, side.revision
        );
        page.labelled(2, label, Tone::Plain, &text);
    }
    for note in &diff.notes {
        page.labelled(2, "note", Tone::Caution, note);
    }
    for (title, changes) in parts(diff) {
        if changes.is_empty() {
            page.section(&format!("{title}: none"));
            continue;
        }
        page.section(&format!("{title} ({})", changes.len()));
        for change in changes {
            let bad = change.kind.is_worse();
            let tone = match change.severity {
                _ if !bad => Tone::Plain,
                Severity::Critical | Severity::High => Tone::Bad,
                _ => Tone::Caution,
            };
            let left = if bad {
                change.severity.as_str().to_uppercase()
            } else {
                "-".to_owned()
            };
            let text = format!("{}: {}", change.kind.as_str(), what(change));
            page.pair(2, LEFT, (tone, &left), (Tone::Plain, &text));
            let text = format!("{} -> {}", change.before, change.after);
            page.text(2 + LEFT, Tone::Muted, &text);
        }
    }
    page.blank();
    page.text(0, Tone::Heading, &verdict(diff));
    page.finish()
}

/// The comparison as Markdown of at most 65,000 characters.
pub fn markdown(diff: &Diff) -> String {
    let mut text = format!(
        "## What changed at {}\n\n**{}**\n\n",
        code(&diff.new.target),
        verdict(diff)
    );
    for note in &diff.notes {
        text.push_str(&format!("> {}\n\n", prose(note)));
    }
    let mut missing = 0;
    for (title, changes) in parts(diff) {
        if changes.is_empty() {
            continue;
        }
        text.push_str(&format!(
            "### {title} ({})\n\n| Severity | What | Where | Before | Now |\n| --- | --- | --- | --- | --- |\n",
            changes.len()
        ));
        for change in changes {
            let whose = change.identity.as_deref();
            let whose = whose.map_or(String::new(), |name| format!(" as {}", code(name)));
            let row = format!(
                "| {} | {} | {}{whose} | {} | {} |\n",
                change.severity.as_str(),
                change.kind.as_str(),
                code(&change.subject),
                prose(&change.before),
                prose(&change.after)
            );
            if text.len() + row.len() < MOST {
                text.push_str(&row);
            } else {
                missing += 1;
            }
        }
        text.push('\n');
    }
    if missing > 0 {
        text.push_str(&format!(
            "**{} did not fit**; `mcp-assay diff --format json` holds all\\.\n",
            words::count(missing, "row")
        ));
    }
    text
}

fn parts(diff: &Diff) -> [(&'static str, &[Change]); 3] {
    [
        ("REGRESSIONS", &diff.regressions),
        ("IMPROVEMENTS", &diff.improvements),
        ("OTHER CHANGES", &diff.changes),
    ]
}

fn what(change: &Change) -> String {
    let subject = safe::fit_middle(&change.subject, NAME);
    match &change.identity {
        Some(identity) => format!("{subject} for {identity}"),
        None => subject,
    }
}

fn verdict(diff: &Diff) -> String {
    format!(
        "{}, {}, {}",
        words::count(diff.regressions.len(), "regression"),
        words::count(diff.improvements.len(), "improvement"),
        words::count(diff.changes.len(), "other change")
    )
}

const LEFT: usize = 10;
const NAME: usize = 120;
/// Leaves room for the sentence about what is missing.
const MOST: usize = 64_000;
