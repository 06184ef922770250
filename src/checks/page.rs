//! The page of a check: TOML front matter between `+++` lines, then Markdown sections.

use serde::Deserialize;

use crate::model::identity::IdentityKind;
use crate::model::matrix::Confidence;
use crate::model::probe::{ProbeId, Tier};
use crate::model::verdict::Severity;

/// A parsed page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Check id: the stem of the file.
    pub id: String,
    /// The defect in the affirmative.
    pub title: String,
    /// Requirement ids; the first one decides level and basis.
    pub requirements: Vec<String>,
    /// The most a finding of this check can matter.
    pub severity: Severity,
    /// Why that much.
    pub severity_why: String,
    /// How sure a finding is unless the judge says otherwise.
    pub confidence: Confidence,
    /// The probes whose answers the judge reads.
    pub needs: Vec<ProbeId>,
    /// The kinds of identity it needs.
    pub identities: Vec<IdentityKind>,
    /// The highest tier it touches.
    pub tier: Tier,
    /// Upper bound on requests; per subject and identity where it reads the access matrix.
    pub requests: u16,
    /// The version that brought it.
    pub since: String,
    /// How settled it is.
    pub status: PageStatus,
    /// Names of the same weakness in other catalogues.
    pub maps: Maps,
    /// The demo behaviour that makes it fire.
    pub demo: String,
    /// The prose, in order.
    pub sections: Vec<Section>,
}

impl Page {
    /// Parses a page; `id` is the stem of its file.
    ///
    /// # Errors
    /// When the front matter is missing or does not have the documented shape.
    pub fn parse(id: &str, text: &str) -> Result<Self, PageError> {
        let (front, body) = split(text).ok_or_else(|| PageError::NoFrontMatter(id.to_owned()))?;
        let front: FrontMatter =
            toml::from_str(front).map_err(|source| PageError::FrontMatter {
                id: id.to_owned(),
                source: Box::new(source),
            })?;
        Ok(Self {
            id: id.to_owned(),
            title: front.title,
            requirements: front.requirements,
            severity: front.severity,
            severity_why: front.severity_why,
            confidence: front.confidence,
            needs: front.needs,
            identities: front.identities,
            tier: front.tier,
            requests: front.requests,
            since: front.since,
            status: front.status,
            maps: front.maps,
            demo: front.demo,
            sections: sections(body),
        })
    }

    /// The body of a section.
    pub fn section(&self, heading: &str) -> Option<&str> {
        let found = self
            .sections
            .iter()
            .find(|section| section.heading == heading)?;
        Some(&found.body)
    }

    /// The requirement that decides level and basis.
    pub fn requirement(&self) -> &str {
        self.requirements.first().map_or("", String::as_str)
    }
}

/// One section of the prose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its heading without the `##`.
    pub heading: String,
    /// Its text without surrounding blank lines.
    pub body: String,
}

/// Names of the weakness in other catalogues.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maps {
    /// `CWE-862`.
    #[serde(default)]
    pub cwe: Vec<String>,
    /// `MCP07:2025`, `API5:2023`.
    #[serde(default)]
    pub owasp: Vec<String>,
    /// SP 800-53 controls such as `AC-3`.
    #[serde(default)]
    pub nist: Vec<String>,
    /// Flaws of arXiv 2605.22333: `F1` to `F9`.
    #[serde(default)]
    pub flaws: Vec<String>,
}

/// How settled a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageStatus {
    /// Its verdicts only change with a note in the change log.
    Stable,
    /// Its verdicts may change.
    Preview,
    /// It still runs and will go.
    Deprecated,
    /// It is kept for its id only.
    Removed,
}

/// Why a page does not parse.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// There is no front matter.
    #[error("checks/{0}.md: expected TOML between two `+++` lines at the top of the page")]
    NoFrontMatter(String),
    /// The front matter has the wrong shape.
    #[error("checks/{id}.md: {source}")]
    FrontMatter {
        /// The check id.
        id: String,
        /// Line and member.
        source: Box<toml::de::Error>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: String,
    requirements: Vec<String>,
    severity: Severity,
    severity_why: String,
    confidence: Confidence,
    needs: Vec<ProbeId>,
    identities: Vec<IdentityKind>,
    tier: Tier,
    requests: u16,
    since: String,
    status: PageStatus,
    demo: String,
    #[serde(default)]
    maps: Maps,
}

fn split(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("+++\n")?.split_once("\n+++\n")
}

fn sections(body: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut fenced = false;
    for line in body.lines() {
        fenced ^= line.trim_start().starts_with("```");
        match line.strip_prefix("## ") {
            Some(heading) if !fenced => sections.push(Section {
                heading: heading.trim().to_owned(),
                body: String::new(),
            }),
            _ => {
                if let Some(section) = sections.last_mut() {
                    section.body.push_str(line);
                    section.body.push('\n');
                }
            }
        }
    }
    for section in &mut sections {
        section.body = section.body.trim().to_owned();
    }
    sections
}

/// The sections of every page, in this order.
pub const SECTIONS: [&str; 6] = [
    "What it checks",
    "Why it matters",
    "How it is decided",
    "Fix",
    "See it fire",
    "References",
];

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"+++
title = "Door left open"
requirements = ["TOK-01"]
severity = "high"
severity_why = "strangers"
confidence = "proven"
needs = ["list-tools"]
identities = ["anonymous"]
tier = "authenticated"
requests = 1
since = "0.1.0"
status = "stable"
demo = "open"

[maps]
cwe = ["CWE-306"]
+++

# ignored

## What it checks

One.

```text
## not a heading
```

## Fix

Two.
"#;

    #[test]
    fn a_page_is_split_into_front_matter_and_sections() {
        let page = Page::parse("door", GOOD).unwrap();
        assert_eq!(page.requirement(), "TOK-01");
        assert_eq!(page.needs, [ProbeId::ListTools]);
        assert_eq!(page.section("Fix"), Some("Two."));
        let headings: Vec<_> = page.sections.iter().map(|part| &part.heading).collect();
        assert_eq!(headings, ["What it checks", "Fix"]);
    }

    #[test]
    fn unknown_front_matter_keys_are_refused_with_their_name() {
        let text = GOOD.replace("since =", "sinec =");
        let error = Page::parse("door", &text).unwrap_err().to_string();
        assert!(error.starts_with("checks/door.md"), "{error}");
        assert!(error.contains("sinec"), "{error}");
    }

    #[test]
    fn a_page_without_front_matter_is_refused() {
        let error = Page::parse("door", "# Title\n").unwrap_err();
        assert!(matches!(error, PageError::NoFrontMatter(id) if id == "door"));
    }

    #[test]
    fn an_unknown_probe_is_refused() {
        let text = GOOD.replace("list-tools", "list-tolls");
        assert!(Page::parse("door", &text).is_err());
    }
}
