//! Findings: what happened, the exchanges side by side, why it matters, how to fix it, how to
//! repeat it.

use std::io;

use crate::model::exchange::Exchange;
use crate::model::report::Report;
use crate::model::verdict::Severity;
use crate::report::facts::{self, Item};
use crate::report::markup::Markup;
use crate::report::{safe, words};

use super::{curl, exchange, prose, section};

pub(super) fn write(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    let items = facts::items(report);
    let (open, accepted): (Vec<_>, Vec<_>) = items
        .into_iter()
        .partition(|item| item.acceptance.is_none());
    let heading = match open.len() {
        0 => "Findings: none".to_owned(),
        n => format!("Findings ({n})"),
    };
    section(out, "findings", &heading, |out| {
        for (n, item) in open.iter().enumerate() {
            finding(out, report, item, n)?;
        }
        if !accepted.is_empty() {
            out.leaf("h3", &[], &format!("Accepted ({})", accepted.len()))?;
        }
        for item in &accepted {
            finding(out, report, item, MOST_SHOWN)?;
        }
        Ok(())
    })
}

fn finding(out: &mut Markup<'_>, report: &Report, item: &Item<'_>, n: usize) -> io::Result<()> {
    let finding = item.finding;
    let id = format!("f-{}", finding.fingerprint);
    let tone = tone(finding.severity);
    out.newline()?;
    out.element("article", &[("id", &id), ("class", tone)], |out| {
        out.element("h3", &[], |title| {
            let badge = format!("badge {tone}");
            title.leaf("span", &[("class", &badge)], finding.severity.as_str())?;
            title.text(&format!(" {}", item.title()))
        })?;
        out.element("p", &[], |line| {
            line.leaf("code", &[], &safe::fit_middle(&finding.subject, LONG))?;
            line.text(": ")?;
            prose::spans(line, &safe::fit(&finding.message, LONG))
        })?;
        out.element("p", &[("class", "dim")], |line| {
            let wording = item.row.map_or("", |row| row.wording.as_str());
            line.text(&format!(
                "{wording}; certainty {}; check {}; id {}",
                words::confidence(finding.confidence),
                finding.check,
                finding.fingerprint
            ))
        })?;
        if let Some(accepted) = item.acceptance {
            let until = accepted.expires.as_deref();
            let until = until.map_or(String::new(), |day| format!(" until {day}"));
            out.leaf("p", &[], &format!("Accepted{until}: {}", accepted.reason))?;
        }
        cites(out, report, item)?;
        if n < MOST_SHOWN {
            evidence(out, report, item)?;
        }
        advice(out, item)
    })
}

fn cites(out: &mut Markup<'_>, report: &Report, item: &Item<'_>) -> io::Result<()> {
    if item.finding.cites.is_empty() {
        return Ok(());
    }
    out.leaf("h4", &[], "What happened")?;
    out.element("ul", &[], |list| {
        let mut cites: Vec<_> = item.finding.cites.iter().collect();
        cites.sort_by_key(|cite| !cite.primary);
        for cite in cites {
            list.element("li", &[], |line| {
                line.leaf("code", &[], &cite.exchange.to_string())?;
                let what = report.ledger.exchange(cite.exchange).map(told);
                let part = facts::beside_status(cite);
                let part = part.map_or(String::new(), |part| format!(", {part}"));
                let text = format!(" {}{part}: {}", what.unwrap_or_default(), cite.says);
                line.text(&safe::fit(&text, LONG))
            })?;
        }
        Ok(())
    })
}

/// What an exchange asked, as whom, and what came of it.
fn told(exchange: &Exchange) -> String {
    let came = exchange.status().map_or_else(
        || safe::fit(&facts::outcome(exchange), LONG),
        |status| format!("HTTP {status}"),
    );
    format!("{}, {came}", facts::asked(exchange))
}

fn evidence(out: &mut Markup<'_>, report: &Report, item: &Item<'_>) -> io::Result<()> {
    let exchanges = facts::exchanges(report, item.finding);
    let Some(first) = exchanges.first() else {
        return Ok(());
    };
    let second = exchanges.get(1).copied();
    out.element("details", &[], |fold| {
        let title = match second {
            Some(_) => "The exchange and its control, differences marked",
            None => "The exchange",
        };
        fold.leaf("summary", &[], title)?;
        exchange::pair(fold, first, second)
    })?;
    let Some(command) = curl::command(&first.request) else {
        return Ok(());
    };
    out.element("details", &[], |fold| {
        fold.leaf("summary", &[], "Repeat it")?;
        fold.leaf("pre", &[], &command)
    })
}

fn advice(out: &mut Markup<'_>, item: &Item<'_>) -> io::Result<()> {
    let Some(page) = item.page else {
        return Ok(());
    };
    out.element("details", &[], |fold| {
        fold.leaf("summary", &[], "Why it matters, and how to fix it")?;
        for (heading, part) in [
            ("Why it matters", "Why it matters"),
            ("How to fix it", "Fix"),
            ("How it was decided", "How it is decided"),
            ("References", "References"),
        ] {
            if let Some(text) = page.section(part) {
                fold.leaf("h4", &[], heading)?;
                prose::write(fold, text)?;
            }
        }
        Ok(())
    })
}

const fn tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "bad",
        Severity::Medium => "warn",
        Severity::Low | Severity::Info => "cool",
    }
}

const LONG: usize = 1200;
/// Findings whose exchanges are shown in full; the others name theirs.
const MOST_SHOWN: usize = 200;
