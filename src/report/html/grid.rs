//! The matrix as a picture: subjects down, identities across, colour and sign, folded by kind.

use std::collections::HashMap;
use std::io;

use crate::model::matrix::{Access, Cell};
use crate::model::report::{Report, ReportMatrix, ReportSubject};
use crate::model::surface::SubjectKind;
use crate::report::markup::Markup;
use crate::report::{safe, words};

use super::section;

pub(super) fn write(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    section(out, "matrix", "Who can use what", |out| {
        if report
            .matrices
            .iter()
            .all(|matrix| matrix.subjects.is_empty())
        {
            return out.leaf("p", &[], "No tool, resource or prompt was listed.");
        }
        legend(out)?;
        for (n, matrix) in report.matrices.iter().enumerate() {
            one(out, report, matrix, n)?;
        }
        differences(out, report)
    })
}

fn one(out: &mut Markup<'_>, report: &Report, matrix: &ReportMatrix, n: usize) -> io::Result<()> {
    let id = format!("matrix-{n}");
    let title = format!(
        "MCP {} over {}",
        matrix.revision,
        words::transport(matrix.transport)
    );
    out.leaf("h3", &[], &title)?;
    let cells: HashMap<(&str, &str), &Cell> = matrix
        .cells
        .iter()
        .map(|cell| ((&*cell.subject, &*cell.identity), cell))
        .collect();
    out.element("div", &[("id", &id)], |out| {
        out.element("p", &[("class", "filter")], |line| {
            line.element("label", &[], |label| {
                label.text("Show rows with ")?;
                label.empty("input", &[("type", "search"), ("data-of", &id)])
            })
        })?;
        for kind in KINDS {
            let rows: Vec<&ReportSubject> = matrix
                .subjects
                .iter()
                .filter(|subject| subject.kind == kind)
                .collect();
            if rows.is_empty() {
                continue;
            }
            let heading = format!("{} ({})", words::subjects(kind), rows.len());
            let open: &[_] = if rows.len() <= UNFOLDED {
                &[("open", "open")]
            } else {
                &[]
            };
            out.element("details", open, |fold| {
                fold.leaf("summary", &[], &heading)?;
                table(fold, report, matrix, &rows, &cells, &heading)
            })?;
        }
        Ok(())
    })
}

fn table(
    out: &mut Markup<'_>,
    report: &Report,
    matrix: &ReportMatrix,
    rows: &[&ReportSubject],
    cells: &HashMap<(&str, &str), &Cell>,
    caption: &str,
) -> io::Result<()> {
    let scroll = [
        ("class", "scroll"),
        ("tabindex", "0"),
        ("role", "region"),
        ("aria-label", caption),
    ];
    out.element("div", &scroll, |out| {
        out.element("table", &[("class", "sort")], |table| {
            table.element("thead", &[], |head| {
                head.element("tr", &[], |row| {
                    row.leaf("th", &[("scope", "col")], "subject")?;
                    for identity in &matrix.identities {
                        let kind = report.identities.named(identity);
                        let kind = kind.map_or("", |one| words::identity(one.kind));
                        let attributes = [("scope", "col"), ("title", kind)];
                        row.leaf("th", &attributes, &safe::fit_middle(identity, NAME))?;
                    }
                    Ok(())
                })
            })?;
            table.element("tbody", &[], |body| {
                for subject in rows {
                    body.newline()?;
                    body.element("tr", &[], |row| {
                        let name = safe::fit_middle(&subject.name, NAME);
                        row.leaf("th", &[("scope", "row"), ("class", "m")], &name)?;
                        for identity in &matrix.identities {
                            cell(row, cells.get(&(&*subject.id, identity)).copied())?;
                        }
                        Ok(())
                    })?;
                }
                Ok(())
            })
        })
    })
}

fn cell(out: &mut Markup<'_>, cell: Option<&Cell>) -> io::Result<()> {
    let access = cell.map_or(Access::NotTested, |cell| cell.access);
    let (class, _) = look(access);
    let why = cell.map_or_else(String::new, describe);
    out.leaf("td", &[("class", class), ("title", &why)], words_of(access))
}

/// What stands behind a cell, for whoever points at it.
fn describe(cell: &Cell) -> String {
    let mut parts = vec![format!("certainty {}", words::confidence(cell.confidence))];
    if cell.listed == Some(false) {
        parts.push("not in this identity's list".to_owned());
    }
    parts.extend(
        cell.reason
            .as_deref()
            .map(|reason| safe::fit(reason, REASON)),
    );
    let flag = cell.decided_by.as_deref();
    parts.extend(flag.map(|flag| format!("decided by {}", safe::fit(flag, REASON))));
    let exchanges: Vec<String> = cell
        .exchanges
        .iter()
        .take(4)
        .map(ToString::to_string)
        .collect();
    if !exchanges.is_empty() {
        parts.push(format!("evidence {}", exchanges.join(", ")));
    }
    parts.join("; ")
}

fn legend(out: &mut Markup<'_>) -> io::Result<()> {
    out.element("p", &[], |line| {
        for access in [
            Access::Allowed,
            Access::Reached,
            Access::Denied,
            Access::Inconclusive,
            Access::NotTested,
        ] {
            let (class, meaning) = look(access);
            let class = class.replace("c ", "badge ");
            line.leaf("span", &[("class", &class)], words_of(access))?;
            line.text(&format!(" {meaning}  "))?;
        }
        Ok(())
    })
}

fn differences(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    if report.differences.is_empty() {
        return Ok(());
    }
    out.leaf("h3", &[], "Different between revisions")?;
    out.element("ul", &[], |list| {
        for difference in &report.differences {
            let access = difference.access.iter();
            let access: Vec<String> = access
                .map(|(revision, access)| format!("{} in {revision}", access.as_str()))
                .collect();
            let text = format!(
                "{} as {}: {}",
                safe::fit_middle(&difference.subject, NAME),
                difference.identity,
                access.join(", ")
            );
            list.leaf("li", &[], &text)?;
        }
        Ok(())
    })
}

const fn look(access: Access) -> (&'static str, &'static str) {
    match access {
        Access::Allowed => ("c good", "ran, or disclosed"),
        Access::Reached => (
            "c cool",
            "got as far as the strongest token, and did not run",
        ),
        Access::Denied => ("c bad", "refused"),
        Access::Inconclusive => ("c warn", "not decided"),
        Access::NotTested => ("c dim", "not asked"),
    }
}

const fn words_of(access: Access) -> &'static str {
    match access {
        Access::Allowed => "✓ allowed",
        Access::Reached => "≈ reached",
        Access::Denied => "✗ denied",
        Access::Inconclusive => "? open",
        Access::NotTested => "· –",
    }
}

const KINDS: [SubjectKind; 6] = [
    SubjectKind::Tool,
    SubjectKind::Resource,
    SubjectKind::ResourceTemplate,
    SubjectKind::Prompt,
    SubjectKind::Completion,
    SubjectKind::Task,
];
const NAME: usize = 80;
const REASON: usize = 300;
/// Longer groups are folded when the page opens.
const UNFOLDED: usize = 200;
