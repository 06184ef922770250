//! More identities than a table has room for: one line each, with what it gets.

use std::collections::HashMap;

use crate::model::matrix::Access;
use crate::model::report::ReportMatrix;

use super::text::{Page, Tone};
use super::{safe, words};

/// Writes how many subjects each identity gets into; which ones follows from what opens what.
pub(super) fn write(page: &mut Page, matrix: &ReportMatrix) {
    let mut rows: HashMap<&str, [usize; 5]> = HashMap::new();
    for cell in &matrix.cells {
        let row = rows.entry(&cell.identity).or_default();
        let place = match cell.access {
            Access::Allowed => 0,
            Access::Reached => 1,
            Access::Denied => 2,
            Access::Inconclusive => 3,
            Access::NotTested => 4,
        };
        if let Some(count) = row.get_mut(place) {
            *count += 1;
        }
    }
    let text = format!(
        "{} identities over {}: one line each, `--full` prints every column",
        matrix.identities.len(),
        words::count(matrix.subjects.len(), "subject")
    );
    page.text(2, Tone::Muted, &text);
    page.blank();
    let width = matrix
        .identities
        .iter()
        .map(|name| safe::width(&safe::fit(name, NAME_MAX)));
    let width = width.max().unwrap_or(0) + GAP;
    for name in &matrix.identities {
        let broken = matrix
            .breaks
            .iter()
            .filter(|it| it.identity == *name)
            .count();
        let counts = rows.get(name.as_str()).copied().unwrap_or_default();
        let mut parts: Vec<String> = counts
            .iter()
            .zip(SIGNS)
            .filter(|(count, _)| **count > 0)
            .map(|(count, sign)| format!("{sign} {count}"))
            .collect();
        let mut tone = Tone::Plain;
        if broken > 0 {
            parts.insert(0, format!("! {broken} of them should not be so"));
            tone = Tone::Bad;
        }
        let name = safe::fit_middle(name, NAME_MAX);
        let text = if parts.is_empty() {
            "nothing sent".to_owned()
        } else {
            parts.join(", ")
        };
        page.pair(2, width, (Tone::Plain, &name), (tone, &text));
    }
}

const SIGNS: [&str; 5] = [
    "+ allowed",
    "~ reached",
    "x denied",
    "? not decided",
    "- nothing sent",
];
const NAME_MAX: usize = 40;
const GAP: usize = 2;
