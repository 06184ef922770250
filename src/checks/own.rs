//! Pages of findings about the run's own configuration. No server breaks them and no requirement
//! stands behind them, so that they are no checks of the catalogue.

use std::sync::LazyLock;

use super::page::Page;

/// Every page.
pub fn pages() -> &'static [Page] {
    &PAGES
}

/// The page with this id.
pub fn page(id: &str) -> Option<&'static Page> {
    pages().iter().find(|page| page.id == id)
}

/// The id of what is said about an acceptance whose day has passed.
pub const EXPIRED: &str = "acceptance-expired";
/// The id of what is said about an acceptance that covers no finding.
pub const UNUSED: &str = "acceptance-unused";

const TEXTS: [(&str, &str); 2] = [
    (
        EXPIRED,
        include_str!("../../checks/run/acceptance-expired.md"),
    ),
    (
        UNUSED,
        include_str!("../../checks/run/acceptance-unused.md"),
    ),
];

static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
    let parsed = TEXTS.iter().map(|(id, text)| Page::parse(id, text));
    #[expect(
        clippy::expect_used,
        reason = "embedded text; a test parses it on every build"
    )]
    parsed
        .collect::<Result<_, _>>()
        .expect("embedded pages parse")
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;

    #[test]
    fn every_page_says_what_why_how_and_what_to_do() {
        for page in pages() {
            for heading in [
                "What it checks",
                "Why it matters",
                "How it is decided",
                "Fix",
                "References",
            ] {
                let body = page.section(heading).unwrap_or_default();
                assert!(!body.is_empty(), "{}: {heading}", page.id);
            }
            assert!(page.requirements.is_empty() && page.needs.is_empty());
            assert!(checks::find(&page.id).is_none(), "{} is taken", page.id);
        }
    }
}
