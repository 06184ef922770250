//! The matrix and a finding of the demo, as the README shows them.

use std::collections::HashMap;
use std::fmt::Write as _;

use mcp_assay::model::matrix::Access;
use mcp_assay::model::report::{Report, ReportMatrix};

/// The tools of the audited revision as a drawing: a word and a sign beside every colour.
pub(super) fn matrix(report: &Report) -> String {
    let matrix = &report.matrices[0];
    let tools: Vec<&str> = matrix
        .subjects
        .iter()
        .filter(|subject| subject.id.starts_with("tool/"))
        .map(|subject| subject.name.as_str())
        .collect();
    let identities: Vec<&str> = matrix.identities.iter().map(String::as_str).collect();
    let width = LEFT + identities.len() * COLUMN + EDGE;
    let height = TOP + tools.len() * ROW + FOOT;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"t\">\n\
         <title id=\"t\">Who can use which tool: {} tools, {} identities</title>\n\
         <style>{STYLE}</style>\n<rect class=\"p\" width=\"{width}\" height=\"{height}\"/>\n",
        tools.len(),
        identities.len()
    );
    for (n, identity) in identities.iter().enumerate() {
        let x = LEFT + n * COLUMN + COLUMN / 2;
        let _ = writeln!(
            out,
            "<text class=\"h\" x=\"{x}\" y=\"24\">{identity}</text>"
        );
    }
    let cells = looks(matrix);
    for (row, tool) in tools.iter().enumerate() {
        let y = TOP + row * ROW;
        let _ = writeln!(
            out,
            "<text class=\"n\" x=\"12\" y=\"{}\">{tool}</text>",
            y + 19
        );
        for (column, identity) in identities.iter().enumerate() {
            let x = LEFT + column * COLUMN;
            let id = format!("tool/{tool}");
            let (class, word) = cells[&(id.as_str(), *identity)];
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"3\"/>\
                 <text class=\"{class}\" x=\"{}\" y=\"{}\">{word}</text>",
                x + 2,
                COLUMN - 4,
                ROW - 4,
                x + COLUMN / 2,
                y + 18
            );
        }
    }
    let _ = writeln!(
        out,
        "<text class=\"f\" x=\"12\" y=\"{}\">framed, with !: should not be so. reached: arguments were \
         refused before anybody asked for a scope</text>\n</svg>",
        height - 12
    );
    out
}

/// One finding in the words of the report.
pub(super) fn finding(report: &Report, check: &str) -> String {
    let finding = report.findings.iter().find(|it| it.check == check).unwrap();
    let row = report.coverage.iter().find(|it| it.check == check).unwrap();
    let mut out = format!(
        "```text\n{}: {}\n{} ({}, {})\n\n{}: {}\n\n",
        finding.severity.as_str(),
        row.title,
        row.status.as_str(),
        row.wording,
        serde_json::to_value(finding.confidence)
            .unwrap()
            .as_str()
            .unwrap(),
        finding.subject,
        finding.message
    );
    let mut cites: Vec<_> = finding.cites.iter().collect();
    cites.sort_by_key(|cite| !cite.primary);
    let mut before = String::new();
    for cite in cites {
        let exchange = report.ledger.exchange(cite.exchange).unwrap();
        let status = exchange
            .status()
            .map_or("no answer".to_owned(), |it| format!("HTTP {it}"));
        let line = format!(
            "  {} as {}, {status}: {}\n",
            exchange.probe.id.as_str(),
            exchange.identity,
            cite.says
        );
        // A control that was repeated reads the same.
        if line != before {
            out.push_str(&line);
        }
        before = line;
    }
    let _ = writeln!(out, "\nwhat to do: mcp-assay explain {check}\n```");
    out
}

fn looks(matrix: &ReportMatrix) -> HashMap<(&str, &str), (&'static str, &'static str)> {
    let cells = matrix.cells.iter();
    cells
        .map(|cell| {
            let at = (cell.subject.as_str(), cell.identity.as_str());
            let broken = matrix
                .breaks
                .iter()
                .any(|it| (it.subject.as_str(), it.identity.as_str()) == at);
            let look = match (cell.access, broken) {
                (Access::Allowed, true) => ("g x", "! allowed"),
                (Access::Allowed, false) => ("g", "✓ allowed"),
                (Access::Reached, true) => ("c x", "! reached"),
                (Access::Reached, false) => ("c", "≈ reached"),
                (Access::Denied, true) => ("b x", "! denied"),
                (Access::Denied, false) => ("b", "✗ denied"),
                (Access::Inconclusive, _) => ("w", "? open"),
                (Access::NotTested, _) => ("w", "· –"),
            };
            (at, look)
        })
        .collect()
}

const LEFT: usize = 150;
const TOP: usize = 36;
const COLUMN: usize = 96;
const ROW: usize = 28;
const FOOT: usize = 34;
const EDGE: usize = 10;

const STYLE: &str = "text{font:13px ui-monospace,monospace;text-anchor:middle}\
text.n,text.f{text-anchor:start}text.h{font-weight:700}text.f{font-size:12px}\
.p{fill:#fff}text{fill:#1a1d21}rect.g{fill:#e2f4e9}text.g{fill:#0b6b3a}rect.b{fill:#fbe6e6}\
text.b{fill:#a4161a}rect.c{fill:#e4eff9}text.c{fill:#0b4f8a}rect.w{fill:#fdf0d8}text.w{fill:#7a4a00}\
rect.x{stroke:#a4161a;stroke-width:2.5}text.x{font-weight:700}\
@media(prefers-color-scheme:dark){.p{fill:#14171a}text{fill:#e6e8eb}rect.g{fill:#12301f}\
text.g{fill:#7ad6a0}rect.b{fill:#3d1719}text.b{fill:#ff9a9a}rect.c{fill:#12283c}text.c{fill:#8cc4f5}\
rect.w{fill:#38290d}text.w{fill:#f2c16b}rect.x{stroke:#ff9a9a}}";
