//! Markdown for a pull-request comment and a job summary: answers, findings, and what stays open.
//!
//! Text of the target is shown in code spans or escaped, so that it cannot become markup, a link, a
//! mention or a reference.

use std::io::Write;

use crate::model::fleet::TargetOutcome;
use crate::model::matrix::Access;
use crate::model::report::{Report, ReportMatrix};
use crate::model::verdict::Severity;

use super::facts::{self, Item};
use super::{RenderError, Renderer, exit, fleet, obtained, safe, words};

/// Renders the report as Markdown of at most 65,000 characters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Markdown;

impl Renderer for Markdown {
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
        let mut page = Page::default();
        page.add(&head(report));
        page.add(&answers(report));
        findings(&mut page, report);
        page.add(&matrix(report));
        page.add(&undecided(report));
        page.add(&tokens(report));
        page.add(&residue(report));
        page.add(&checks(report));
        out.write_all(page.finish().as_bytes())?;
        Ok(())
    }
}

/// The targets of a run and how each ended.
pub(super) fn overview(targets: &[TargetOutcome]) -> String {
    let mut text = format!(
        "## Audit of {}\n\n| Target | Exit | Which clients can connect? | Which tools can an agent \
         invoke? | What data can those tools access? |\n| --- | --- | --- | --- | --- |\n",
        words::count(targets.len(), "target")
    );
    for target in targets {
        let mut cells = vec![
            code(&target.name),
            format!("{} {}", target.exit_code, exit::name(target.exit_code)),
        ];
        let answers = fleet::answers(target);
        if answers.is_empty() {
            cells.push(prose(&target.meaning));
        }
        cells.extend(answers.into_iter().map(|(_, sentence)| prose(sentence)));
        cells.resize(5, "-".to_owned());
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

/// Text with a limit: what does not fit is counted and said, never cut in the middle.
#[derive(Default)]
struct Page {
    text: String,
    left_out: usize,
}

impl Page {
    /// Adds a part, or leaves it out as a whole.
    fn add(&mut self, part: &str) -> bool {
        let fits = self.text.len() + part.len() <= MOST - RESERVE;
        if fits {
            self.text.push_str(part);
        } else {
            self.left_out += 1;
        }
        fits
    }

    fn finish(mut self) -> String {
        if self.left_out > 0 {
            self.text.push_str(&format!(
                "\n**{} of this page did not fit**; `--report html=PATH` and `--report json=PATH` \
                 hold everything.\n",
                words::count(self.left_out, "part")
            ));
        }
        self.text
    }
}

fn head(report: &Report) -> String {
    let outcome = &report.outcome;
    let counts: Vec<String> = facts::severities(report)
        .into_iter()
        .map(|(severity, n)| format!("{n} {}", severity.as_str()))
        .collect();
    let findings = match counts.as_slice() {
        [] => "no open finding".to_owned(),
        some => some.join(", "),
    };
    let mut text = format!(
        "## Audit of {}\n\n**{}** ({}), exit {} {}: {}\n\n",
        code(&report.target.url),
        match outcome.exit_code {
            0 => "Passed",
            1 => "Failed",
            _ => "Not complete",
        },
        findings,
        outcome.exit_code,
        facts::ending(report),
        prose(&outcome.meaning)
    );
    if let Some(reason) = &report.discovery.unusable {
        text.push_str(&format!("> **Not audited:** {}\n\n", prose(reason)));
    }
    if outcome.interrupted {
        text.push_str("> **Interrupted:** this is what had been learned by then.\n\n");
    }
    text
}

fn answers(report: &Report) -> String {
    let answers = &report.answers;
    let mut text = "| Question | Answer | Certainty |\n| --- | --- | --- |\n".to_owned();
    for (question, sentence, confidence) in [
        (
            "Which clients can connect?",
            &answers.clients.sentence,
            answers.clients.confidence,
        ),
        (
            "Which tools can an agent invoke?",
            &answers.tools.sentence,
            answers.tools.confidence,
        ),
        (
            "What data can those tools access?",
            &answers.data.sentence,
            answers.data.confidence,
        ),
    ] {
        let certainty = words::confidence(confidence);
        text.push_str(&format!(
            "| {question} | {} | {certainty} |\n",
            prose(sentence)
        ));
    }
    text.push('\n');
    text
}

/// One line for each finding first, so that the details of one cannot push another out.
fn findings(page: &mut Page, report: &Report) {
    let items = facts::items(report);
    let (open, accepted): (Vec<_>, Vec<_>) = items
        .into_iter()
        .partition(|item| item.acceptance.is_none());
    if open.is_empty() {
        page.add("### Findings: none\n\n");
    } else {
        page.add(&format!("### Findings ({})\n\n", open.len()));
        page.add("| Severity | Finding | Subject | Id |\n| --- | --- | --- | --- |\n");
        for item in &open {
            page.add(&row(item));
        }
        page.add("\n");
        for item in &open {
            page.add(&details(item, report));
        }
    }
    if !accepted.is_empty() {
        page.add(&format!("### Accepted ({})\n\n", accepted.len()));
        page.add("| Severity | Finding | Subject | Id |\n| --- | --- | --- | --- |\n");
        for item in &accepted {
            page.add(&row(item));
        }
        page.add("\n");
    }
}

fn row(item: &Item<'_>) -> String {
    let finding = item.finding;
    format!(
        "| {} {} | {} | {} | {} |\n",
        sign(finding.severity),
        finding.severity.as_str(),
        escaped(item.title()),
        code(&finding.subject),
        code(&finding.fingerprint)
    )
}

fn details(item: &Item<'_>, report: &Report) -> String {
    let finding = item.finding;
    let mut text = format!(
        "<details><summary>{} {}</summary>\n\n{}: {}\n\n",
        sign(finding.severity),
        // Inside an HTML line no Markdown is read, so that text needs the other escape.
        html(item.title()),
        code(&finding.subject),
        prose(&finding.message)
    );
    let wording = item.row.map_or("", |row| row.wording.as_str());
    text.push_str(&format!(
        "{}; certainty {}; {} says how to fix it; id {}\n\n",
        escaped(wording),
        words::confidence(finding.confidence),
        code(&format!("mcp-assay explain {}", finding.check)),
        code(&finding.fingerprint)
    ));
    for cite in finding.cites.iter().take(MOST_CITES) {
        let exchange = report.ledger.exchange(cite.exchange);
        let what = exchange.map_or(String::new(), |exchange| {
            let (asked, came) = (facts::asked(exchange), facts::outcome(exchange));
            format!(" {} → {}", code(&asked), code(&came))
        });
        let part = facts::beside_status(cite);
        let part = part.map_or(String::new(), |part| format!(", {}", code(&part)));
        text.push_str(&format!(
            "- `{}`{what}{part}: {}\n",
            cite.exchange,
            prose(&cite.says)
        ));
    }
    text.push_str("\n</details>\n\n");
    text
}

/// The first matrix, as far as a comment can hold it.
fn matrix(report: &Report) -> String {
    let Some(matrix) = report.matrices.first() else {
        return String::new();
    };
    let shown = matrix.subjects.len().min(MOST_ROWS);
    let mut text = format!(
        "<details><summary>Access matrix: {} × {}, MCP {}</summary>\n\n| Subject |",
        words::count(matrix.subjects.len(), "subject"),
        match matrix.identities.len() {
            1 => "1 identity".to_owned(),
            n => format!("{n} identities"),
        },
        matrix.revision
    );
    for identity in matrix.identities.iter().take(MOST_COLUMNS) {
        text.push_str(&format!(" {} |", code(identity)));
    }
    text.push_str("\n| --- |");
    for _ in matrix.identities.iter().take(MOST_COLUMNS) {
        text.push_str(" --- |");
    }
    text.push('\n');
    for subject in matrix.subjects.iter().take(shown) {
        text.push_str(&format!("| {} |", code(&subject.id)));
        for identity in matrix.identities.iter().take(MOST_COLUMNS) {
            text.push_str(&format!(" {} |", cell(matrix, &subject.id, identity)));
        }
        text.push('\n');
    }
    let rows = matrix.subjects.len() - shown;
    let columns = matrix.identities.len().saturating_sub(MOST_COLUMNS);
    if rows + columns > 0 {
        text.push_str(&format!(
            "\n{rows} more rows and {columns} more columns are in the other reports.\n"
        ));
    }
    text.push_str("\n</details>\n\n");
    text
}

fn cell(matrix: &ReportMatrix, subject: &str, identity: &str) -> &'static str {
    let mut cells = matrix.cells.iter();
    let found = cells.find(|cell| cell.subject == subject && cell.identity == identity);
    match found.map_or(Access::NotTested, |cell| cell.access) {
        Access::Allowed => "✓ allowed",
        Access::Reached => "≈ reached",
        Access::Denied => "✗ denied",
        Access::Inconclusive => "? undecided",
        Access::NotTested => "·",
    }
}

fn undecided(report: &Report) -> String {
    if report.undecided.is_empty() {
        return "### Not decided: nothing\n\n".to_owned();
    }
    let mut text = format!(
        "<details><summary>Not decided ({})</summary>\n\n| What | Why | Decided by |\n| --- | --- | --- |\n",
        report.undecided.len()
    );
    for item in report.undecided.iter().take(MOST_ROWS) {
        let flag = item
            .decided_by
            .as_deref()
            .map_or("no flag of this tool".to_owned(), code);
        text.push_str(&format!(
            "| {} | {} | {flag} |\n",
            code(&item.what),
            prose(&item.reason)
        ));
    }
    let rest = report.undecided.len().saturating_sub(MOST_ROWS);
    if rest > 0 {
        text.push_str(&format!("\n{rest} more are in the other reports.\n"));
    }
    text.push_str("\n</details>\n\n");
    text
}

/// How each token was had, and what made the ladder; nothing where every token was given.
fn tokens(report: &Report) -> String {
    let present = report.identities.present.iter();
    let had =
        present.filter_map(|identity| Some((identity, obtained::obtained(report, identity)?)));
    let mut lines: Vec<String> = had
        .map(|(identity, line)| format!("- {}: {}\n", code(&identity.name), escaped(&line)))
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    let left_out = lines.len().saturating_sub(MOST_TOKENS);
    lines.truncate(MOST_TOKENS);
    if left_out > 0 {
        let more = words::count(left_out, "more token");
        lines.push(format!("- and {more}\n"));
    }
    for line in obtained::ladder(report) {
        lines.push(format!("- Ladder {}\n", prose(&line)));
    }
    format!(
        "<details><summary>How tokens were obtained</summary>\n\n{}\n</details>\n\n",
        lines.concat()
    )
}

fn residue(report: &Report) -> String {
    let mut text = String::new();
    for item in &report.residue {
        text.push_str(&format!(
            "- Left behind: {} {} at {}: {}; undo: {}\n",
            escaped(&item.kind),
            code(&item.name),
            code(&item.location),
            prose(&item.reason),
            code(&item.undo)
        ));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn checks(report: &Report) -> String {
    let counts: Vec<String> = facts::tally(report)
        .into_iter()
        .map(|(status, n)| format!("{n} {}", status.as_str()))
        .collect();
    let counts = if counts.is_empty() {
        "no check was judged".to_owned()
    } else {
        counts.join(", ")
    };
    format!(
        "{} {}: {counts}. MCP {}, {}, run {}.\n",
        escaped(&report.tool.name),
        escaped(&report.tool.version),
        facts::revision(report),
        words::count(report.requests.total, "request"),
        code(&report.engagement.run_id)
    )
}

/// Prose with literals in backticks: those become code spans, everything else is escaped.
pub(super) fn prose(text: &str) -> String {
    let text = safe::fit(text, PROSE);
    let parts: Vec<&str> = text.split('`').collect();
    // An odd number of backticks leaves one without a partner.
    if parts.len().is_multiple_of(2) {
        return escaped(&text);
    }
    let parts = parts.iter().enumerate();
    parts
        .map(|(at, part)| match (at % 2, part.is_empty()) {
            (1, false) => code(part),
            _ => escaped(part),
        })
        .collect()
}

/// Untrusted text as a code span, which also fits into a table.
pub(super) fn code(text: &str) -> String {
    let text = safe::fit_middle(text, CODE);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // No escape of a bar holds inside a table whatever stands before it, so that it is shown as one.
    let text = text.replace('|', "\\u{7c}");
    match text.trim() {
        "" => "`-`".to_owned(),
        _ if longest > 0 || text.starts_with(' ') => format!("{fence} {text} {fence}"),
        _ => format!("{fence}{text}{fence}"),
    }
}

/// Untrusted text without any markup of its own. Only what could mean something where it stands is
/// escaped, so that the source stays readable too.
pub(super) fn escaped(text: &str) -> String {
    let text = safe::fit(text, PROSE);
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = None;
    for (at, c) in text.char_indices() {
        let after = text.get(at + c.len_utf8()..).unwrap_or_default();
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let inside = letter(before) && letter(after.chars().next());
        match c {
            // A mention or a reference is made after the Markdown is read, from plain text only.
            '@' | '#' => out.extend(['`', c, '`']),
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '$' | '&' => {
                out.extend(['\\', c]);
            }
            // Inside a word an underscore means nothing.
            '_' if !inside => out.extend(['\\', c]),
            // A numbered list at the start, an address in the middle.
            '.' | ')' if numbered(text.get(..at)) && ends_item(after) => out.extend(['\\', c]),
            '.' if letter(after.chars().next()) && !number(after) || out.ends_with("www") => {
                out.extend(['\\', c]);
            }
            ':' if after.starts_with("//") => out.extend(['\\', c]),
            '-' | '+' | '=' | '!' if at == 0 => out.extend(['\\', c]),
            _ => out.push(c),
        }
        before = Some(c);
    }
    out
}

fn numbered(before: Option<&str>) -> bool {
    before.is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether what follows makes an item of a list of a number and a dot.
fn ends_item(after: &str) -> bool {
    after.chars().next().is_none_or(char::is_whitespace)
}

fn number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

fn html(text: &str) -> String {
    safe::fit(text, PROSE)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        // A mention or a reference is made from plain text only.
        .replace('@', "<code>@</code>")
        .replace('#', "<code>#</code>")
}

const fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "🔴",
        Severity::Medium => "🟠",
        Severity::Low => "🟡",
        Severity::Info => "🔵",
    }
}

/// Bytes, so that the limit of characters holds in any script.
pub(super) const MOST: usize = 65_000;
pub(super) const RESERVE: usize = 400;
const MOST_ROWS: usize = 100;
const MOST_COLUMNS: usize = 12;
const MOST_TOKENS: usize = 40;
const MOST_CITES: usize = 8;
const PROSE: usize = 900;
const CODE: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_in_backticks_become_code_and_the_rest_is_escaped() {
        assert_eq!(
            prose("tool `a_b` ran [x](y) <b>"),
            "tool `a_b` ran \\[x\\](y) \\<b\\>"
        );
        assert_eq!(
            prose("an odd ` stays *plain*"),
            "an odd \\` stays \\*plain\\*"
        );
        assert_eq!(escaped("@you #12"), "`@`you `#`12");
        assert_eq!(
            escaped("1. a_b-c _d_ v0.1.0 http://www.x.y."),
            "1\\. a_b-c \\_d\\_ v0.1.0 http\\://www\\.x\\.y."
        );
        assert_eq!(escaped("- x"), "\\- x");
    }

    #[test]
    fn a_code_span_cannot_be_left() {
        assert_eq!(code("a\\|b"), "`a\\\\u{7c}b`");
        assert_eq!(code("a`` b"), "``` a`` b ```");
        assert_eq!(code(""), "`-`");
        assert_eq!(code("a\nb"), "`a\\nb`");
    }
}
