//! The cells that should not be as they are, told by whose word.

use std::collections::BTreeMap;

use crate::model::policy::Contradicts;
use crate::model::report::ReportMatrix;

use super::text::{Page, Tone};
use super::words;

/// Writes a line for each reason, with the subjects and who got in.
pub(super) fn write(page: &mut Page, matrix: &ReportMatrix) {
    let mut reasons: BTreeMap<Contradicts, Vec<String>> = BTreeMap::new();
    for it in &matrix.breaks {
        let told = format!("{} as {}", it.subject, it.identity);
        reasons.entry(it.by).or_default().push(told);
    }
    if !reasons.is_empty() {
        page.blank();
    }
    for (by, cells) in reasons {
        let more = cells.len().saturating_sub(SHOWN);
        let mut shown: Vec<String> = cells.into_iter().take(SHOWN).collect();
        if more > 0 {
            shown.push(format!("{more} more"));
        }
        let text = format!("! {}: {}", by.as_str(), words::list(&shown));
        page.text(0, Tone::Bad, &text);
    }
}

const SHOWN: usize = 8;
