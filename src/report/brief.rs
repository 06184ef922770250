//! The procurement brief: one page for a buyer's architect and a seller's engineer.

use std::collections::BTreeMap;
use std::io::Write;

use crate::checks::requirements::requirement;
use crate::model::identity::IdentityKind;
use crate::model::matrix::Confidence;
use crate::model::report::Report;
use crate::model::target::Revision;
use crate::model::verdict::Status;

use super::markdown::{code, escaped, prose};
use super::{RenderError, Renderer, facts, obtained, words};

/// Renders one page for a purchase.
#[derive(Clone, Copy, Debug, Default)]
pub struct Brief;

impl Renderer for Brief {
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
        let mut text = format!("# Authorization of {}\n\n", code(&report.target.url));
        asked(&mut text, report);
        if let Some(reason) = &report.discovery.unusable {
            text.push_str(&format!(
                "**The server could not be audited:** {}\n\n",
                prose(reason)
            ));
        }
        tokens(&mut text, report);
        questions(&mut text, report);
        open_questions(&mut text, report);
        behind(&mut text, report);
        limits(&mut text, report);
        out.write_all(text.as_bytes())?;
        Ok(())
    }
}

/// What was asked: when, as whom, how far.
fn asked(text: &mut String, report: &Report) {
    let run = &report.engagement;
    let day = run.started.split('T').next().unwrap_or_default();
    let present = report.identities.present.iter();
    let working = present.filter(|identity| {
        let kind = identity.kind;
        matches!(kind, IdentityKind::Valid | IdentityKind::OtherUser) && identity.invalid.is_none()
    });
    let tokens = match working.count() {
        0 => "no working token".to_owned(),
        n => words::count(n, "working token"),
    };
    let tiers: Vec<&str> = run.tiers.iter().map(|tier| tier.as_str()).collect();
    text.push_str(&format!(
        "*What was asked.* On {} {} {} sent {} from outside, with {tokens}, over MCP {}. \
         Permitted: {}{}. Every statement below rests on recorded exchanges; run {}.\n\n",
        escaped(day),
        escaped(&report.tool.name),
        escaped(&report.tool.version),
        words::count(report.requests.total, "request"),
        facts::revision(report),
        tiers.join(", "),
        if run.reads { "" } else { ", no tool called" },
        code(&run.run_id)
    ));
}

/// How each token was had, one line each, and what the server refused to give.
fn tokens(text: &mut String, report: &Report) {
    let present = report.identities.present.iter();
    let own = present.filter(|identity| !report.ladder.has(&identity.name));
    let had = own.filter_map(|identity| Some((identity, obtained::obtained(report, identity)?)));
    let mut lines: Vec<String> = had
        .map(|(identity, line)| format!("- {}: {}\n", code(&identity.name), escaped(&line)))
        .collect();
    let missing = report.identities.missing.iter();
    lines.extend(missing.map(|it| format!("- {}: none, {}\n", code(&it.name), prose(&it.reason))));
    if lines.is_empty() {
        return;
    }
    let rest = lines.len().saturating_sub(MOST_TOKENS);
    lines.truncate(MOST_TOKENS);
    if rest > 0 {
        lines.push(format!("- and {rest} more in the full report\n"));
    }
    let narrower = present_rungs(report);
    if narrower > 0 {
        lines.push(format!(
            "- and {} of the same client, to see which scope opens what\n",
            words::count(narrower, "narrower token")
        ));
    }
    text.push_str(&format!(
        "*How tokens were obtained.*\n\n{}\n",
        lines.concat()
    ));
}

fn present_rungs(report: &Report) -> usize {
    let present = report.identities.present.iter();
    present
        .filter(|identity| report.ladder.has(&identity.name))
        .count()
}

fn questions(text: &mut String, report: &Report) {
    let answers = &report.answers;
    let revision = report
        .discovery
        .audited
        .as_ref()
        .map(|served| served.revision);
    let questions = [
        Question {
            title: "1. Which clients can connect?",
            sentence: &answers.clients.sentence,
            confidence: answers.clients.confidence,
            findings: &answers.clients.findings,
            promise: clients_promise(revision),
            rows: &["REG-01", "REG-02"],
        },
        Question {
            title: "2. Which tools can an agent invoke?",
            sentence: &answers.tools.sentence,
            confidence: answers.tools.confidence,
            findings: &answers.tools.findings,
            promise: tools_promise(revision),
            rows: &["PRIM-03", "SCP-09"],
        },
        Question {
            title: "3. What data can those tools access?",
            sentence: &answers.data.sentence,
            confidence: answers.data.confidence,
            findings: &answers.data.findings,
            promise: data_promise(revision),
            rows: &["TOK-08", "PRIM-14"],
        },
    ];
    for question in questions {
        question.write(text, report, revision);
    }
}

struct Question<'a> {
    title: &'static str,
    sentence: &'a str,
    confidence: Confidence,
    findings: &'a [String],
    promise: &'static str,
    rows: &'static [&'static str],
}

impl Question<'_> {
    fn write(&self, text: &mut String, report: &Report, revision: Option<Revision>) {
        text.push_str(&format!(
            "## {}\n\n**What it does.** {} (certainty: {})\n\n",
            self.title,
            prose(self.sentence),
            words::confidence(self.confidence)
        ));
        let items = facts::items(report);
        let mut behind: BTreeMap<&str, usize> = BTreeMap::new();
        let mut order: Vec<(&str, String)> = Vec::new();
        for item in &items {
            let finding = item.finding;
            if !self.findings.contains(&finding.fingerprint) {
                continue;
            }
            let seen = behind.entry(&finding.check).or_default();
            *seen += 1;
            if *seen == 1 {
                let accepted = item.acceptance.map_or("", |_| ", accepted by the operator");
                let wording = item.row.map_or("", |row| row.wording.as_str());
                let line = format!(
                    "{} ({}{accepted}): {}",
                    escaped(item.title()),
                    finding.severity.as_str(),
                    escaped(wording)
                );
                order.push((&finding.check, line));
            }
        }
        for (check, line) in order.iter().take(MOST_FINDINGS) {
            let n = behind.get(check).copied().unwrap_or(1);
            let times = if n > 1 {
                format!(", {n} times")
            } else {
                String::new()
            };
            text.push_str(&format!("- {line}{times}\n"));
        }
        let rest = order.len().saturating_sub(MOST_FINDINGS);
        if rest > 0 {
            text.push_str(&format!("- and {rest} more in the full report\n"));
        }
        if !order.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!(
            "**What the specification promises.** {}",
            self.promise
        ));
        text.push_str(&links(self.rows, revision));
        text.push_str("\n\n");
    }
}

/// Links to the clauses, those of the revision spoken first.
fn links(rows: &[&str], revision: Option<Revision>) -> String {
    let mut urls: Vec<&str> = Vec::new();
    for id in rows {
        let Some(row) = requirement(id) else { continue };
        let spoken = |url: &str| revision.is_some_and(|revision| url.contains(revision.as_str()));
        let found = row.urls.iter().find(|url| spoken(url));
        let mut urls_of_others = row.urls.iter();
        let other = urls_of_others.find(|url| !url.contains("modelcontextprotocol.io"));
        for url in found.or(row.urls.first()).into_iter().chain(other) {
            if !urls.contains(&url.as_str()) {
                urls.push(url);
            }
        }
    }
    let links: Vec<String> = urls
        .iter()
        .map(|url| format!("[{}]({url})", escaped(&label(url))))
        .collect();
    if links.is_empty() {
        String::new()
    } else {
        format!(" See {}.", words::list(&links))
    }
}

/// A short name for a clause: the document and the section.
fn label(url: &str) -> String {
    let (page, anchor) = url.split_once('#').unwrap_or((url, ""));
    let name = page.rsplit('/').next().unwrap_or(page);
    let section = anchor.trim_start_matches("section-").replace('-', " ");
    let section = match section.as_str() {
        "" => String::new(),
        some => format!(" §{some}"),
    };
    let dated = Revision::ALL
        .into_iter()
        .find(|revision| page.contains(revision.as_str()));
    match (dated, name.strip_prefix("rfc")) {
        (Some(revision), _) => format!("MCP {revision}, {name}{section}"),
        (None, Some(number)) => format!("RFC {number}{section}"),
        (None, None) => format!("{name}{section}"),
    }
}

fn open_questions(text: &mut String, report: &Report) {
    text.push_str("## Still open, for the vendor to answer\n\n");
    let mut open: Vec<String> = Vec::new();
    for row in &report.coverage {
        if row.status != Status::Inconclusive {
            continue;
        }
        let flag = row.decided_by.as_deref();
        let flag = flag.map_or(String::new(), |flag| {
            format!("; {} would decide it", code(flag))
        });
        let (title, reason) = (requirement_title(row), prose(&row.reason));
        let line = format!("- Does this hold: {title}? Not decided: {reason}{flag}\n");
        // Several checks may share a requirement; the question is one.
        if !open.contains(&line) {
            open.push(line);
        }
    }
    for line in open.iter().take(MOST_OPEN) {
        text.push_str(line);
    }
    let rest = open.len().saturating_sub(MOST_OPEN);
    if rest > 0 {
        text.push_str(&format!("- and {rest} more in the full report\n"));
    }
    for item in report.residue.iter().take(MOST_OPEN) {
        text.push_str(&format!(
            "- Please remove what the audit could not: {} {}, {}\n",
            escaped(&item.kind),
            code(&item.name),
            prose(&item.reason)
        ));
    }
    if open.is_empty() && report.residue.is_empty() {
        text.push_str("Nothing that this audit asks about.\n");
    }
    text.push('\n');
}

/// The ids of the findings, by which the other forms of the report name them.
fn behind(text: &mut String, report: &Report) {
    let items = facts::items(report);
    if items.is_empty() {
        return;
    }
    let ids: Vec<String> = items
        .iter()
        .take(MOST_IDS)
        .map(|item| {
            let finding = item.finding;
            format!("{} {}", escaped(&finding.check), code(&finding.fingerprint))
        })
        .collect();
    let rest = items.len().saturating_sub(MOST_IDS);
    let rest = match rest {
        0 => String::new(),
        n => format!(" and {n} more in the full report"),
    };
    text.push_str(&format!(
        "*Findings of the full report.* {}{rest}.\n\n",
        ids.join(", ")
    ));
}

fn requirement_title(row: &crate::model::report::CoverageRow) -> String {
    let known = row.requirements.first().and_then(|id| requirement(id));
    known.map_or_else(|| escaped(&row.title), |row| escaped(&row.title))
}

/// What such a page must not be read as.
fn limits(text: &mut String, report: &Report) {
    let counts: Vec<String> = facts::tally(report)
        .into_iter()
        .map(|(status, n)| format!("{n} {}", status.as_str()))
        .collect();
    text.push_str(&format!(
        "*How to read this.* A pass means that what was sent was refused or answered as it \
         should be, not that the server is secure; what was not decided is no pass. Checks: \
         {}. {} of {} cells decided.\n",
        if counts.is_empty() {
            "none".to_owned()
        } else {
            counts.join(", ")
        },
        report.outcome.decided_cells,
        report.outcome.cells
    ));
}

const fn clients_promise(revision: Option<Revision>) -> &'static str {
    match revision {
        Some(Revision::R2024_11) => {
            "This revision has no authorization text: who may connect is left to the vendor."
        }
        Some(Revision::R2025_03 | Revision::R2025_06) => {
            "This revision recommends dynamic client registration (SHOULD) and does not say \
             who may register: an open endpoint breaks no rule of MCP, and RFC 7591 even \
             recommends it. It promises nothing about which software a client is."
        }
        Some(Revision::R2025_11) => {
            "This revision prefers client ID metadata documents and keeps dynamic client \
             registration as an option (MAY). An open endpoint breaks no rule of MCP; \
             whether it is acceptable is the buyer's decision."
        }
        Some(Revision::R2026_07) => {
            "This revision deprecates dynamic client registration in favour of client ID \
             metadata documents; it remains permitted. An open endpoint breaks no rule of MCP; \
             whether it is acceptable is the buyer's decision."
        }
        None => "No revision was negotiated, so that no promise can be quoted.",
    }
}

const fn tools_promise(revision: Option<Revision>) -> &'static str {
    match revision {
        Some(Revision::R2024_11) => {
            "Servers must implement proper access controls for tools; scopes are not part of this \
             revision."
        }
        Some(_) => {
            "Servers must implement proper access controls for tools, and a token without the \
             needed scope is to be refused. Which scope guards which tool is the vendor's \
             choice: no revision names scopes, and a list that shows every tool to everyone \
             breaks no rule."
        }
        None => "No revision was negotiated, so that no promise can be quoted.",
    }
}

const fn data_promise(revision: Option<Revision>) -> &'static str {
    match revision {
        Some(Revision::R2024_11) => {
            "Nothing is said about tokens; access to resources is to be controlled by the \
             server."
        }
        Some(Revision::R2025_03) => {
            "This revision has no rule of its own about a token's audience; OAuth's applies. \
             Resources are to be guarded by access controls; whose data a tool may read is the \
             vendor's design."
        }
        Some(_) => {
            "A token issued for another server must be refused. Resources are to be guarded by \
             access controls; whose data a tool may read, and how tenants are kept apart, is the \
             vendor's design."
        }
        None => "No revision was negotiated, so that no promise can be quoted.",
    }
}

const MOST_FINDINGS: usize = 6;
const MOST_TOKENS: usize = 6;
const MOST_OPEN: usize = 8;
const MOST_IDS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_named_by_document_and_section() {
        for (url, name) in [
            (
                "https://www.rfc-editor.org/rfc/rfc7591#section-3",
                "RFC 7591 §3",
            ),
            (
                "https://modelcontextprotocol.io/specification/2025-11-25/server/tools#security-considerations",
                "MCP 2025-11-25, tools §security considerations",
            ),
            (
                "https://datatracker.ietf.org/doc/html/draft-a-13#section-5.2",
                "draft-a-13 §5.2",
            ),
            ("https://www.rfc-editor.org/rfc/rfc8414", "RFC 8414"),
        ] {
            assert_eq!(label(url), name);
        }
    }
}
