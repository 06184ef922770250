//! The matrix as a picture: subjects down, identities across, colour and sign, folded by kind.

use std::collections::HashMap;
use std::io;

use crate::model::matrix::{Access, Cell};
use crate::model::policy::{Conformity, Contradicts, PolicyComparison};
use crate::model::report::{Report, ReportMatrix, ReportSubject};
use crate::model::surface::SubjectKind;
use crate::report::markup::Markup;
use crate::report::matrix::same;
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
        legend(out, report)?;
        let mut before: Option<&ReportMatrix> = None;
        for (n, matrix) in report.matrices.iter().enumerate() {
            let title = format!(
                "MCP {} over {}",
                matrix.revision,
                words::transport(matrix.transport)
            );
            out.leaf("h3", &[], &title)?;
            match before.filter(|it| same(it, matrix, &report.identities)) {
                Some(other) => out.element("details", &[], |fold| {
                    let text = format!("The same as in {}", other.revision);
                    fold.leaf("summary", &[], &text)?;
                    one(fold, report, matrix, n)
                })?,
                None => one(out, report, matrix, n)?,
            }
            before = Some(matrix);
        }
        differences(out, report)
    })
}

fn one(out: &mut Markup<'_>, report: &Report, matrix: &ReportMatrix, n: usize) -> io::Result<()> {
    let id = format!("matrix-{n}");
    // The policy was compared with the audited revision, which comes first.
    let policy = report.policy.as_ref().filter(|_| n == 0);
    let cells = Cells::new(matrix, policy);
    out.element("div", &[("id", &id)], |out| {
        if matrix.subjects.len() > AT_SIGHT {
            out.element("p", &[("class", "filter")], |line| {
                line.element("label", &[], |label| {
                    label.text("Show rows with ")?;
                    label.empty("input", &[("type", "search"), ("data-of", &id)])
                })
            })?;
        }
        for kind in KINDS {
            let rows: Vec<&ReportSubject> = matrix
                .subjects
                .iter()
                .filter(|subject| subject.kind == kind)
                .collect();
            if rows.is_empty() {
                continue;
            }
            let mut heading = format!("{} ({})", words::subjects(kind), rows.len());
            let broken: Vec<&ReportSubject> = rows
                .iter()
                .filter(|row| matrix.breaks.iter().any(|it| it.subject == row.id))
                .copied()
                .collect();
            if !broken.is_empty() {
                heading = format!("{heading}, {} not as it should be", broken.len());
            }
            let open: &[_] = if rows.len() <= UNFOLDED {
                &[("open", "open")]
            } else {
                &[]
            };
            // What is wrong must not wait behind a fold.
            if open.is_empty() && !broken.is_empty() {
                let first = broken.get(..TALL).unwrap_or(&broken);
                let caption = format!("{} not as they should be", words::subjects(kind));
                let shown = format!("{caption}: {} of {}", first.len(), broken.len());
                out.leaf("p", &[], &shown)?;
                table(out, report, matrix, first, &cells, &caption)?;
            }
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
    cells: &Cells<'_>,
    caption: &str,
) -> io::Result<()> {
    let class = if rows.len() > TALL {
        "scroll tall"
    } else {
        "scroll"
    };
    let scroll = [
        ("class", class),
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
                            cells.write(row, &subject.id, identity)?;
                        }
                        Ok(())
                    })?;
                }
                Ok(())
            })
        })
    })
}

/// The cells of a matrix by subject and identity, and what they are held to.
struct Cells<'a> {
    seen: HashMap<(&'a str, &'a str), &'a Cell>,
    breaks: HashMap<(&'a str, &'a str), Contradicts>,
    intended: HashMap<(&'a str, &'a str), Conformity>,
}

impl<'a> Cells<'a> {
    fn new(matrix: &'a ReportMatrix, policy: Option<&'a PolicyComparison>) -> Self {
        let seen = matrix.cells.iter();
        let breaks = matrix.breaks.iter();
        let compared = policy.into_iter().flat_map(|policy| &policy.subjects);
        let intended = compared.flat_map(|one| {
            let cells = one.cells.iter();
            cells.map(|(identity, word)| ((&*one.subject, identity.as_str()), *word))
        });
        Self {
            seen: seen
                .map(|cell| ((&*cell.subject, &*cell.identity), cell))
                .collect(),
            breaks: breaks
                .map(|it| ((&*it.subject, &*it.identity), it.by))
                .collect(),
            intended: intended.collect(),
        }
    }

    fn write(&self, out: &mut Markup<'_>, subject: &str, identity: &str) -> io::Result<()> {
        let at = (subject, identity);
        let cell = self.seen.get(&at).copied();
        let access = cell.map_or(Access::NotTested, |cell| cell.access);
        let broken = self.breaks.get(&at).copied();
        let mut why: Vec<String> = cell.map(describe).into_iter().collect();
        why.extend(broken.map(|by| by.as_str().to_owned()));
        let (class, _) = look(access);
        let class = match broken {
            Some(_) => format!("{class} x"),
            None => class.to_owned(),
        };
        let attributes = [("class", &*class), ("title", &*why.join("; "))];
        out.element("td", &attributes, |td| {
            td.text(words_of(access))?;
            if let Some(by) = broken {
                td.leaf("small", &[("class", "no")], &format!("! {}", short(by)))?;
            }
            match self.intended.get(&at) {
                Some(Conformity::Conforms) => td.leaf("small", &[], "as intended"),
                Some(Conformity::NotDecided) => td.leaf("small", &[], "policy: not decided"),
                Some(Conformity::NoPolicy) => td.leaf("small", &[], "no policy"),
                // The break above says so already.
                Some(Conformity::TooOpen | Conformity::TooClosed) if broken.is_some() => Ok(()),
                Some(word) => td.leaf("small", &[("class", "no")], &format!("! {}", word.as_str())),
                None => Ok(()),
            }
        })
    }
}

/// What a cell contradicts, in the room that a cell has.
const fn short(by: Contradicts) -> &'static str {
    match by {
        Contradicts::Policy => "too open",
        Contradicts::PolicyTooClosed => "too closed",
        Contradicts::Declaration => "declared shut",
        Contradicts::Listing => "hidden, yet open",
        Contradicts::StrongerToken => "strangers get in",
        Contradicts::WiderToken => "fewer scopes do",
        Contradicts::Itself => "wavers",
    }
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

fn legend(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    signs(out)?;
    let text = "What stands behind a cell shows when it is pointed at, touched, or reached with the \
                arrow keys.";
    out.leaf("p", &[("class", "filter")], text)?;
    let broken = report.matrices.iter().any(|it| !it.breaks.is_empty());
    if broken {
        let text = "A framed cell with ! is not as it should be, by the word that stands in it.";
        out.leaf("p", &[], text)?;
    }
    if report.policy.is_some() {
        let text = "The small words hold each cell to the policy that was given.";
        out.leaf("p", &[], text)?;
    }
    Ok(())
}

fn signs(out: &mut Markup<'_>) -> io::Result<()> {
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
        Access::Inconclusive => ("c warn", "the answers do not tell"),
        Access::NotTested => ("c dim", "not asked"),
    }
}

const fn words_of(access: Access) -> &'static str {
    match access {
        Access::Allowed => "✓ allowed",
        Access::Reached => "≈ reached",
        Access::Denied => "✗ denied",
        Access::Inconclusive => "? undecided",
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
/// As many rows need no filter.
const AT_SIGHT: usize = 8;
/// Rows beyond which a table scrolls under its own heading.
const TALL: usize = 30;
const NAME: usize = 80;
const REASON: usize = 300;
/// Longer groups are folded when the page opens.
const UNFOLDED: usize = 200;
