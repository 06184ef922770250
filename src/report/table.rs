//! The report for people: answers first, then the matrix, then what to do.

use std::collections::BTreeMap;
use std::io::Write;

use crate::model::identity::{Identity, IdentityKind, Provenance};
use crate::model::matrix::Confidence;
use crate::model::report::{CellCoverage, Report, ToolsAnswer};
use crate::model::verdict::Status;

use super::text::{Page, Tone};
use super::{
    RenderError, Renderer, Style, admission, exit, facts, findings, matrix, obtained, safe,
    undecided, words,
};

/// Renders the report as text for a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    style: Style,
}

impl Table {
    /// A renderer with this look.
    pub const fn new(style: Style) -> Self {
        Self { style }
    }
}

impl Renderer for Table {
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
        let mut page = Page::new(self.style);
        header(&mut page, report, self.style.full);
        answers(&mut page, report);
        admission::write(&mut page, report);
        matrix::write(&mut page, report, self.style);
        findings::write(&mut page, report);
        undecided::write(&mut page, &report.undecided, self.style);
        residue(&mut page, report);
        coverage(&mut page, report);
        ending(&mut page, report);
        out.write_all(page.finish().as_bytes())?;
        Ok(())
    }
}

fn header(page: &mut Page, report: &Report, full: bool) {
    let title = format!(
        "{} {}: {}",
        report.tool.name, report.tool.version, report.target.url
    );
    page.text(0, Tone::Heading, &title);
    if let Some(reason) = &report.discovery.unusable {
        page.text(0, Tone::Bad, &format!("NOT AUDITED: {reason}"));
    }
    if report.outcome.interrupted {
        let text = "INTERRUPTED: what follows is what had been learned by then.";
        page.text(0, Tone::Bad, text);
    }
    page.blank();
    page.labelled(2, "revision", Tone::Plain, &revision(report));
    let run = &report.engagement;
    let text = format!(
        "{}, started {}",
        or_dash(&run.run_id),
        or_dash(&run.started)
    );
    page.labelled(2, "run", Tone::Plain, &text);
    let tiers: Vec<&str> = run.tiers.iter().map(|tier| tier.as_str()).collect();
    let reads = if run.reads {
        "read-only tools may be called"
    } else {
        "no tool is called, not even read-only ones"
    };
    let text = format!("{}; {reads}", or_dash(&tiers.join(", ")));
    page.labelled(2, "allowed tiers", Tone::Plain, &text);
    page.labelled(2, "requests", Tone::Plain, &requests(report));
    identities(page, report, full);
    if run.insecure {
        let text = "certificates were not verified (--insecure): anybody on the path could have \
                    given these answers";
        page.labelled(2, "warning", Tone::Bad, text);
    }
    if let Some(cacert) = &run.cacert {
        page.labelled(2, "extra roots", Tone::Plain, cacert);
    }
    if let Some(proxy) = &run.proxy {
        page.labelled(2, "proxy", Tone::Plain, proxy);
    }
}

fn revision(report: &Report) -> String {
    let Some(audited) = &report.discovery.audited else {
        return "not negotiated".to_owned();
    };
    let mut text = format!(
        "{} over {}",
        audited.revision,
        words::transport(audited.transport)
    );
    let served = &report.discovery.revisions;
    let others = served
        .iter()
        .filter(|served| served.revision != audited.revision);
    let (also, not): (Vec<_>, Vec<_>) = others.map(|served| served.revision).partition(|other| {
        report
            .matrices
            .iter()
            .any(|matrix| matrix.revision == *other)
    });
    for (what, revisions) in [("also audited", also), ("also served, not audited", not)] {
        if !revisions.is_empty() {
            let revisions: Vec<&str> = revisions.iter().map(|one| one.as_str()).collect();
            text = format!("{text}; {what}: {}", revisions.join(", "));
        }
    }
    text
}

fn requests(report: &Report) -> String {
    let counts = &report.requests;
    let tiers: Vec<String> = counts
        .by_tier
        .iter()
        .map(|(tier, n)| format!("{tier} {n}"))
        .collect();
    let mut text = counts.total.to_string();
    if !tiers.is_empty() {
        text = format!("{text} ({})", tiers.join(", "));
    }
    if counts.cell_requests + counts.control_requests > 0 {
        text = format!(
            "{text}; {} for cells, {} for controls",
            counts.cell_requests, counts.control_requests
        );
    }
    text
}

fn identities(page: &mut Page, report: &Report, full: bool) {
    let mut label = "identities";
    let folded = if full { Vec::new() } else { copies(report) };
    for identity in &report.identities.present {
        if folded.iter().any(|copy| copy.name == identity.name) {
            continue;
        }
        let baseline = report.identities.baseline.as_ref() == Some(&identity.name);
        let mut text = format!("{}: {}", identity.name, describe(identity));
        if baseline {
            text = format!("{text}; strongest");
            if !report.identities.baseline_reason.is_empty() {
                text = format!("{text} ({})", report.identities.baseline_reason);
            }
        }
        let tone = if identity.invalid.is_some() {
            Tone::Caution
        } else {
            Tone::Plain
        };
        page.labelled(2, label, tone, &text);
        label = "";
        if let Some(line) = obtained::obtained(report, identity) {
            page.labelled(2, label, Tone::Muted, &format!("  {line}"));
        }
    }
    if !folded.is_empty() {
        let mut counts: BTreeMap<IdentityKind, usize> = BTreeMap::new();
        for copy in &folded {
            *counts.entry(copy.kind).or_default() += 1;
        }
        let counts = counts.into_iter();
        let counts: Vec<String> = counts
            .map(|(kind, n)| format!("{n} × {}", words::identity(kind)))
            .collect();
        let text = format!(
            "{} more, made by mcp-assay: {}",
            folded.len(),
            counts.join("; ")
        );
        page.labelled(2, label, Tone::Plain, &text);
        label = "";
    }
    for missing in &report.identities.missing {
        let seen = missing.exchange.map(|id| format!(" ({id})"));
        let text = format!(
            "{}: missing, {}{}",
            missing.name,
            missing.reason,
            seen.unwrap_or_default()
        );
        page.labelled(2, label, Tone::Caution, &text);
        label = "";
    }
    for line in obtained::ladder(report) {
        page.labelled(2, "ladder", Tone::Plain, &line);
    }
}

/// Forged tokens that have no column of their own.
fn copies(report: &Report) -> Vec<&Identity> {
    let columns = |name: &String| {
        report
            .matrices
            .iter()
            .any(|it| it.identities.contains(name))
    };
    let made = |identity: &&Identity| matches!(identity.provenance, Provenance::Derived { .. });
    let present = report.identities.present.iter();
    let copies: Vec<&Identity> = present
        .filter(|identity| made(identity) && !columns(&identity.name))
        .filter(|identity| identity.invalid.is_none())
        .collect();
    if copies.len() > FEW_COPIES {
        copies
    } else {
        Vec::new()
    }
}

fn describe(identity: &Identity) -> String {
    let mut text = words::identity(identity.kind).to_owned();
    if let Some(scopes) = identity.scopes() {
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let scopes = match scopes.as_slice() {
            [] => "no scopes".to_owned(),
            some => format!("scopes {}", some.join(" ")),
        };
        text = format!("{text}, {scopes}");
    }
    if let Some(reason) = &identity.invalid {
        text = format!("{text}; not usable: {reason}");
    }
    text
}

fn answers(page: &mut Page, report: &Report) {
    page.section("THE THREE ANSWERS");
    let clients = &report.answers.clients;
    page.blank();
    page.text(0, Tone::Heading, "1. Which clients can connect?");
    page.text(3, Tone::Plain, &clients.sentence);
    certainty(page, clients.confidence, DECIDED_PART);

    let tools = &report.answers.tools;
    page.blank();
    page.text(0, Tone::Heading, "2. Which tools can an agent invoke?");
    page.text(3, Tone::Plain, &tools.sentence);
    certainty(page, tools.confidence, "");
    page.labelled(3, "enforcement", Tone::Plain, &enforcement(tools));
    decided(page, tools.coverage);
    if !tools.broken_by.is_empty() {
        page.labelled(3, "broken by", Tone::Bad, &tools.broken_by.join(", "));
    }

    let data = &report.answers.data;
    page.blank();
    page.text(0, Tone::Heading, "3. What data can those tools access?");
    page.text(3, Tone::Plain, &data.sentence);
    certainty(page, data.confidence, DECIDED_PART);
    for (label, text) in [
        ("audience", &data.audience),
        ("other users", &data.tenant),
        ("resources", &data.resources),
        ("prompts", &data.prompts),
    ] {
        page.labelled(3, label, Tone::Plain, text);
    }
    decided(page, data.coverage);
}

/// How much stands behind an answer; nothing when nothing could.
fn decided(page: &mut Page, coverage: CellCoverage) {
    if coverage.cells > 0 {
        let text = format!(
            "{} of {}",
            coverage.decided,
            words::count(coverage.cells, "cell")
        );
        page.labelled(3, "decided", Tone::Plain, &text);
    }
}

fn certainty(page: &mut Page, confidence: Confidence, bound: &str) {
    let (tone, bound) = match confidence {
        Confidence::Proven | Confidence::Strong => (Tone::Good, bound),
        Confidence::Weak => (Tone::Caution, bound),
        Confidence::Inconclusive => (Tone::Caution, ""),
    };
    let text = format!("{}{bound}", words::confidence(confidence));
    page.labelled(3, "certainty", tone, &text);
}

fn enforcement(tools: &ToolsAnswer) -> String {
    let word = words::enforcement(tools.enforcement);
    let counts = &tools.counts;
    if counts.total == 0 {
        return format!("{word}; no tool was seen");
    }
    format!(
        "{word}; of {}: {} guarded by scope, {} open to every token, {} open without a token, {} \
         not decided",
        words::count(counts.total, "tool"),
        counts.guarded_by_scope,
        counts.open_to_every_token,
        counts.open_without_token,
        counts.undecided
    )
}

fn residue(page: &mut Page, report: &Report) {
    let open: Vec<_> = report
        .sessions
        .iter()
        .filter(|session| !session.closed)
        .collect();
    if report.residue.is_empty() && open.is_empty() {
        page.section("LEFT BEHIND: nothing");
        return;
    }
    page.section(&format!(
        "LEFT BEHIND ({})",
        report.residue.len() + open.len()
    ));
    for item in &report.residue {
        let mut text = format!("{} {} at {}", item.kind, item.name, item.location);
        if let Some(exchange) = item.exchange {
            text = format!("{text}, created in {exchange}");
        }
        page.text(2, Tone::Caution, &text);
        page.labelled(4, "still there", Tone::Plain, &item.reason);
        page.labelled(4, "undo", Tone::Plain, &item.undo);
    }
    for session in open {
        let text = format!(
            "session of {}, opened in {}, was not closed; it ends when the server drops it",
            session.identity, session.exchange
        );
        page.text(2, Tone::Caution, &text);
    }
}

fn coverage(page: &mut Page, report: &Report) {
    page.section(&format!("CHECKS ({})", facts::checks(report).count()));
    let summary: Vec<String> = facts::tally(report)
        .into_iter()
        .map(|(status, n)| format!("{n} {}", status.as_str()))
        .collect();
    page.text(2, Tone::Plain, &or_dash(&summary.join(", ")));
    if report.outcome.cells > 0 {
        let text = format!(
            "{} of {} decided",
            report.outcome.decided_cells,
            words::count(report.outcome.cells, "cell")
        );
        page.text(2, Tone::Plain, &text);
    }
    for row in &report.coverage {
        if row.status == Status::Observed {
            let text = format!("{}: {}", row.title, row.reason);
            page.labelled(2, "observed", Tone::Muted, &text);
        }
    }
}

fn ending(page: &mut Page, report: &Report) {
    let outcome = &report.outcome;
    let name = exit::EXIT_CODES
        .iter()
        .find(|(code, ..)| *code == outcome.exit_code)
        .map_or("", |(_, name, _)| name);
    let tone = if outcome.exit_code == 0 {
        Tone::Good
    } else {
        Tone::Bad
    };
    page.blank();
    let left = format!("EXIT {} {name}", outcome.exit_code);
    page.pair(
        0,
        safe::width(&left) + 2,
        (tone, &left),
        (Tone::Plain, &outcome.meaning),
    );
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

const DECIDED_PART: &str = ", for what was decided";
/// As many are named one by one.
const FEW_COPIES: usize = 3;
