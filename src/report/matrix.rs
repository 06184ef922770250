//! The matrix: subjects down, identities across, in as many blocks as the width demands.

use std::collections::{BTreeMap, HashMap, HashSet};

use comfy_table::{ColumnConstraint, Table, Width, presets};

use crate::model::identity::Identities;
use crate::model::matrix::{Access, Cell, Confidence};
use crate::model::report::{Report, ReportMatrix, ReportSubject};
use crate::model::surface::SubjectKind;
use crate::model::target::Revision;

use super::text::{Page, Tone};
use super::{Style, breaks, ladder, opens, safe, words};

/// Writes every matrix, the legend, and what differs between them.
pub(super) fn write(page: &mut Page, report: &Report, style: Style) {
    let broken = report.matrices.iter().any(|it| !it.breaks.is_empty());
    let mut explained = false;
    for (matrix, alike) in groups(report, style.full) {
        page.section(&heading(matrix, &alike));
        if matrix.subjects.is_empty() {
            page.text(2, Tone::Plain, "No tool, resource or prompt was listed.");
            continue;
        }
        if matrix.identities.len() > MOST_COLUMNS && !style.full {
            ladder::write(page, matrix);
            breaks::write(page, matrix);
            continue;
        }
        let grid = Grid::new(matrix, &report.identities);
        let rows = grid.rows(style.full);
        let blocks = blocks(page.width() - grid.name_width(page), &grid.headers);
        for (n, columns) in blocks.iter().enumerate() {
            page.blank();
            if blocks.len() > 1 {
                let text = format!("identities, part {} of {}", n + 1, blocks.len());
                page.text(0, Tone::Muted, &text);
            }
            grid.write(page, &rows, columns);
        }
        if !explained {
            page.blank();
            legend(page, broken);
            explained = true;
        }
        breaks::write(page, matrix);
    }
    opens::write(page, report);
    if !report.differences.is_empty() {
        page.section(&format!(
            "DIFFERENT BETWEEN REVISIONS ({})",
            report.differences.len()
        ));
    }
    for difference in &report.differences {
        let words: Vec<String> = difference
            .access
            .iter()
            .map(|(revision, access)| format!("{} in {revision}", access.as_str()))
            .collect();
        let text = format!(
            "{} as {}: {}",
            difference.subject,
            difference.identity,
            words.join(", ")
        );
        page.text(2, Tone::Caution, &text);
    }
}

/// Each matrix, with the revisions of those that follow and show the very same.
fn groups(report: &Report, full: bool) -> Vec<(&ReportMatrix, Vec<Revision>)> {
    let mut groups: Vec<(&ReportMatrix, Vec<Revision>)> = Vec::new();
    for matrix in &report.matrices {
        match groups.last_mut() {
            Some((first, alike)) if !full && same(first, matrix, &report.identities) => {
                alike.push(matrix.revision);
            }
            _ => groups.push((matrix, Vec::new())),
        }
    }
    groups
}

/// Whether two tables would show the same signs for the same names.
pub(super) fn same(one: &ReportMatrix, other: &ReportMatrix, identities: &Identities) -> bool {
    if one.transport != other.transport || one.identities != other.identities {
        return false;
    }
    let (left, right) = (Grid::new(one, identities), Grid::new(other, identities));
    let ids = |matrix: &ReportMatrix| {
        let subjects = matrix.subjects.iter();
        subjects.map(|it| it.id.clone()).collect::<Vec<_>>()
    };
    ids(one) == ids(other)
        && one.breaks == other.breaks
        && one
            .subjects
            .iter()
            .all(|subject| left.shown(subject) == right.shown(subject))
}

fn heading(matrix: &ReportMatrix, alike: &[Revision]) -> String {
    let transport = words::transport(matrix.transport);
    if alike.is_empty() {
        return format!("WHO CAN USE WHAT ({} over {transport})", matrix.revision);
    }
    let revisions = std::iter::once(&matrix.revision).chain(alike);
    let revisions: Vec<String> = revisions.map(ToString::to_string).collect();
    let revisions = words::list(&revisions);
    format!("WHO CAN USE WHAT ({revisions} over {transport}, the same in each)")
}

/// As many entries to a line as fit.
fn legend(page: &mut Page, broken: bool) {
    let mut line = String::new();
    for entry in LEGEND.iter().chain(broken.then_some(&BROKEN)) {
        if !line.is_empty() && line.len() + LEGEND_GAP.len() + entry.len() > page.width() {
            page.laid_out(&page.paint(Tone::Muted, &line));
            line.clear();
        }
        if !line.is_empty() {
            line.push_str(LEGEND_GAP);
        }
        line.push_str(entry);
    }
    page.laid_out(&page.paint(Tone::Muted, &line));
}

/// What one cell shows; equal rows fold.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Shown {
    access: Access,
    weak: bool,
    hidden: bool,
    broken: bool,
}

impl Shown {
    fn of(cell: Option<&Cell>, broken: bool) -> Self {
        let access = cell.map_or(Access::NotTested, |cell| cell.access);
        Self {
            access,
            weak: access.is_decided() && cell.is_some_and(|it| it.confidence <= Confidence::Weak),
            hidden: cell.is_some_and(|cell| cell.listed == Some(false)),
            broken,
        }
    }

    /// The sign comes first, so that it is seen before the word is read.
    fn text(self) -> String {
        let word = words::access(self.access);
        let word = match word.split_once(' ') {
            Some((_, word)) if self.broken => format!("! {word}"),
            None if self.broken => format!("! {word}"),
            _ => word.to_owned(),
        };
        let weak = if self.weak { "'" } else { "" };
        let hidden = if self.hidden { " *" } else { "" };
        format!("{word}{weak}{hidden}")
    }
}

enum Row<'a> {
    /// A kind, how many there are, and what each identity's list says.
    Group(SubjectKind, usize, Vec<String>),
    Subject(&'a ReportSubject, Vec<Shown>),
    Folded(usize, Vec<Shown>),
}

/// A matrix made ready for layout.
struct Grid<'a> {
    subjects: &'a [ReportSubject],
    identities: &'a [String],
    headers: Vec<String>,
    /// Whether a sound server refuses the identity.
    strangers: Vec<bool>,
    cells: HashMap<(&'a str, &'a str), &'a Cell>,
    breaks: HashSet<(&'a str, &'a str)>,
}

impl<'a> Grid<'a> {
    fn new(matrix: &'a ReportMatrix, identities: &Identities) -> Self {
        let headers = matrix.identities.iter();
        let stranger = |name: &String| {
            identities
                .named(name)
                .is_some_and(|one| one.kind.must_be_refused())
        };
        let cells = matrix.cells.iter();
        Self {
            subjects: &matrix.subjects,
            identities: &matrix.identities,
            headers: headers
                .map(|name| safe::fit_middle(name, HEADER_MAX))
                .collect(),
            strangers: matrix.identities.iter().map(stranger).collect(),
            cells: cells
                .map(|cell| ((cell.subject.as_str(), cell.identity.as_str()), cell))
                .collect(),
            breaks: matrix
                .breaks
                .iter()
                .map(|it| (it.subject.as_str(), it.identity.as_str()))
                .collect(),
        }
    }

    fn shown(&self, subject: &ReportSubject) -> Vec<Shown> {
        let shown = |identity: &String| {
            let place = (subject.id.as_str(), identity.as_str());
            Shown::of(
                self.cells.get(&place).copied(),
                self.breaks.contains(&place),
            )
        };
        self.identities.iter().map(shown).collect()
    }

    /// What each identity's list shows of a kind, apart from what it can call.
    fn listed(&self, subjects: &[&ReportSubject]) -> Vec<String> {
        let count = |identity: &String, listed: bool| {
            let cells = subjects
                .iter()
                .filter_map(|subject| self.cells.get(&(subject.id.as_str(), identity.as_str())));
            cells.filter(|cell| cell.listed == Some(listed)).count()
        };
        let say = |identity: &String| match (count(identity, true), count(identity, false)) {
            (0, 0) => String::new(),
            (shown, _) => format!("{shown} listed"),
        };
        self.identities.iter().map(say).collect()
    }

    /// Rows grouped by kind; long matrices fold rows that look the same.
    fn rows(&self, full: bool) -> Vec<Row<'a>> {
        let mut kinds: BTreeMap<SubjectKind, Vec<&ReportSubject>> = BTreeMap::new();
        for subject in self.subjects {
            kinds.entry(subject.kind).or_default().push(subject);
        }
        let fold = !full && self.subjects.len() > FOLD_OVER;
        let mut rows = Vec::new();
        for (kind, subjects) in kinds {
            rows.push(Row::Group(kind, subjects.len(), self.listed(&subjects)));
            let mut patterns: Vec<(Vec<Shown>, Vec<&ReportSubject>)> = Vec::new();
            let mut known: HashMap<Vec<Shown>, usize> = HashMap::new();
            for subject in subjects {
                let shown = self.shown(subject);
                if !fold {
                    rows.push(Row::Subject(subject, shown));
                    continue;
                }
                let next = patterns.len();
                let slot = *known.entry(shown.clone()).or_insert(next);
                match patterns.get_mut(slot) {
                    Some((_, members)) => members.push(subject),
                    None => patterns.push((shown, vec![subject])),
                }
            }
            for (shown, members) in patterns {
                let named = if members.len() == FOLD_KEEP + 1 {
                    members.len()
                } else {
                    FOLD_KEEP
                };
                let rest = members.len().saturating_sub(named);
                for subject in members.into_iter().take(named) {
                    rows.push(Row::Subject(subject, shown.clone()));
                }
                if rest > 0 {
                    rows.push(Row::Folded(rest, shown));
                }
            }
        }
        rows
    }

    fn write(&self, page: &mut Page, rows: &[Row<'_>], columns: &[usize]) {
        let name_width = self.name_width(page);
        let widths: Vec<usize> = columns.iter().map(|&n| self.column_width(n)).collect();
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let header = columns.iter().filter_map(|&n| self.headers.get(n).cloned());
        table.set_header(std::iter::once(String::new()).chain(header));
        for row in rows {
            let (label, shown) = match row {
                Row::Group(kind, n, _) => (format!("{} ({n})", words::subjects(*kind)), None),
                Row::Subject(subject, shown) => {
                    let name = safe::fit_middle(&subject.name, name_width - GAP - GAP);
                    (format!("  {name}"), Some(shown))
                }
                Row::Folded(n, shown) => (format!("  … {n} more, same row"), Some(shown)),
            };
            let cells = columns.iter().map(|&n| match (row, shown) {
                (Row::Group(_, _, listed), _) => listed.get(n).cloned().unwrap_or_default(),
                (_, shown) => shown
                    .and_then(|shown| shown.get(n))
                    .map_or_else(String::new, |shown| shown.text()),
            });
            // One line a row: the colouring below counts on it.
            let label = safe::fit(&label, name_width - GAP);
            table.add_row(std::iter::once(label).chain(cells));
        }
        for (n, width) in std::iter::once(&name_width).chain(&widths).enumerate() {
            if let Some(column) = table.column_mut(n) {
                let width = u16::try_from(*width).unwrap_or(u16::MAX);
                column.set_padding((0, u16::try_from(GAP).unwrap_or(0)));
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            }
        }
        let strangers: Vec<bool> = columns
            .iter()
            .map(|&n| self.strangers.get(n).copied().unwrap_or(false))
            .collect();
        for (n, line) in table.lines().enumerate() {
            let line = if n == 0 {
                page.paint(Tone::Heading, line.trim_end())
            } else {
                let group = n
                    .checked_sub(1)
                    .and_then(|n| rows.get(n))
                    .is_some_and(|row| matches!(row, Row::Group(..)));
                if group {
                    page.paint(Tone::Heading, line.trim_end())
                } else {
                    coloured(page, &line, &widths, &strangers)
                }
            };
            page.laid_out(line.trim_end());
        }
    }

    /// As wide as the longest name needs, within two fifths of the page.
    fn name_width(&self, page: &Page) -> usize {
        let longest = self.subjects.iter().map(|subject| {
            // A long name need not be measured to its end.
            safe::width(&safe::fit(&subject.name, NAME_MAX))
        });
        let wanted = longest.max().unwrap_or(0) + 2 * GAP;
        wanted.clamp(NAME_MIN, (page.width() * 2 / 5).clamp(NAME_MIN, NAME_MAX))
    }

    fn column_width(&self, column: usize) -> usize {
        let header = self.headers.get(column).map_or(0, |text| safe::width(text));
        header.max(CELL) + GAP
    }
}

/// Paints the cells of a finished line. They are ASCII and of known width, so they are cut off
/// from the right whatever the name on the left is made of.
fn coloured(page: &Page, line: &str, widths: &[usize], strangers: &[bool]) -> String {
    let mut rest = line;
    let mut cells = Vec::new();
    for (width, stranger) in widths.iter().zip(strangers).rev() {
        let Some((left, cell)) = rest
            .len()
            .checked_sub(*width)
            .and_then(|at| rest.split_at_checked(at))
        else {
            return line.to_owned();
        };
        let text = cell.trim_end();
        let pad = cell.len() - text.len();
        cells.push(format!(
            "{}{}",
            page.paint(tone(text, *stranger), text),
            " ".repeat(pad)
        ));
        rest = left;
    }
    cells.reverse();
    format!("{rest}{}", cells.concat())
}

fn tone(cell: &str, stranger: bool) -> Tone {
    match cell.chars().next() {
        Some('!') => Tone::Bad,
        Some('+') if stranger => Tone::Bad,
        Some('+') => Tone::Good,
        Some('~') => Tone::Caution,
        Some('x') => Tone::Cool,
        _ => Tone::Muted,
    }
}

/// Splits the identity columns so that each block fits the page.
fn blocks(room: usize, headers: &[String]) -> Vec<Vec<usize>> {
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    let mut used = 0;
    for (n, header) in headers.iter().enumerate() {
        let width = safe::width(header).max(CELL) + GAP;
        match blocks.last_mut() {
            // The gap behind the last column may stick out: it is blank.
            Some(block) if used + width <= room + GAP => block.push(n),
            _ => {
                blocks.push(vec![n]);
                used = 0;
            }
        }
        used += width;
    }
    blocks
}

/// More identities than this say more as one line each.
const MOST_COLUMNS: usize = 12;
const FOLD_OVER: usize = 60;
const FOLD_KEEP: usize = 2;
const GAP: usize = 2;
/// `+ allowed' *`.
const CELL: usize = 12;
const HEADER_MAX: usize = 18;
const NAME_MIN: usize = 24;
const NAME_MAX: usize = 56;

const LEGEND_GAP: &str = "   ";
const LEGEND: [&str; 7] = [
    "+ allowed: it ran",
    "~ reached: as far as the strongest, not run",
    "x denied",
    "? not decided",
    "- nothing sent",
    "' weak evidence",
    "* not in its list",
];
const BROKEN: &str = "! should not be so";
