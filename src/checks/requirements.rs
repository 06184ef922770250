//! The requirements behind the checks: what binds, since which revision, on what basis.

use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::target::Revision;
use crate::model::verdict::{Basis, Level};

/// Every requirement, in the order of the areas.
pub fn requirements() -> &'static [Requirement] {
    &REQUIREMENTS
}

/// The requirement with this id.
pub fn requirement(id: &str) -> Option<&'static Requirement> {
    requirements().iter().find(|row| row.id == id)
}

/// The words a report may use for a breach in this revision; `None` where it does not apply.
pub fn wording(requirement: &Requirement, revision: Revision) -> Option<String> {
    let rule = requirement.rule(Some(revision))?;
    Some(rule.wording(false))
}

/// A group of requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Metadata and challenges.
    Discovery,
    /// How clients come to be known.
    Registration,
    /// Authorization and token endpoints.
    Grant,
    /// Access tokens at the MCP server.
    Token,
    /// Scopes.
    Scope,
    /// Tools, resources and prompts.
    Primitive,
    /// Transport.
    Transport,
    /// Optional extensions.
    Extension,
}

impl Area {
    /// Every area, in order.
    pub const ALL: [Self; 8] = [
        Self::Discovery,
        Self::Registration,
        Self::Grant,
        Self::Token,
        Self::Scope,
        Self::Primitive,
        Self::Transport,
        Self::Extension,
    ];

    /// The word used in flags and in the tree of judges.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Registration => "registration",
            Self::Grant => "grant",
            Self::Token => "token",
            Self::Scope => "scope",
            Self::Primitive => "primitive",
            Self::Transport => "transport",
            Self::Extension => "extension",
        }
    }

    /// The prefix of the ids.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Discovery => "DISC",
            Self::Registration => "REG",
            Self::Grant => "ASE",
            Self::Token => "TOK",
            Self::Scope => "SCP",
            Self::Primitive => "PRIM",
            Self::Transport => "XPT",
            Self::Extension => "EXT",
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One requirement.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// `DISC-03`.
    pub id: String,
    /// Its area.
    pub area: Area,
    /// What it asks for.
    pub title: String,
    /// How strongly.
    pub level: Level,
    /// What it rests on.
    pub basis: Basis,
    /// The revisions it applies to.
    pub revisions: Vec<Revision>,
    /// Where it is written.
    pub clause: String,
    /// The RFC or draft section a breach is reported against; needed where the basis is R.
    #[serde(default)]
    pub reference: Option<String>,
    /// The extension a breach is reported against; needed where the basis is X.
    #[serde(default)]
    pub extension: Option<String>,
    /// What a shortfall that is not a breach rests on, when that differs.
    #[serde(default)]
    pub advisory: Option<Basis>,
    /// Where to read it.
    pub urls: Vec<String>,
    /// Revisions in which it reads differently.
    #[serde(default)]
    pub per_revision: Vec<Variation>,
    /// Why no check claims it yet.
    #[serde(default)]
    pub excluded: Option<String>,
}

impl Requirement {
    /// How it reads in a revision; `None` where it does not apply.
    ///
    /// Without a known revision the mildest reading counts, the newest of equals: nobody is
    /// accused of breaking a rule that an older revision does not have.
    pub fn rule(&self, revision: Option<Revision>) -> Option<Rule<'_>> {
        if let Some(revision) = revision {
            return self
                .revisions
                .contains(&revision)
                .then(|| self.read_in(revision));
        }
        let mut readings: Vec<Rule<'_>> = self
            .revisions
            .iter()
            .map(|revision| self.read_in(*revision))
            .collect();
        readings.sort_by_key(|rule| (rule.binds(), std::cmp::Reverse(rule.revision)));
        readings.into_iter().next()
    }

    fn read_in(&self, revision: Revision) -> Rule<'_> {
        let varied = self
            .per_revision
            .iter()
            .find(|variation| variation.revisions.contains(&revision));
        Rule {
            requirement: self,
            revision,
            level: varied.and_then(|it| it.level).unwrap_or(self.level),
            basis: varied.and_then(|it| it.basis).unwrap_or(self.basis),
            clause: varied
                .and_then(|it| it.clause.as_deref())
                .unwrap_or(&self.clause),
            reference: varied
                .and_then(|it| it.reference.as_deref())
                .or(self.reference.as_deref()),
        }
    }
}

/// How a requirement reads in some revisions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variation {
    /// The revisions.
    pub revisions: Vec<Revision>,
    /// The strength there.
    #[serde(default)]
    pub level: Option<Level>,
    /// What it rests on there.
    #[serde(default)]
    pub basis: Option<Basis>,
    /// Where it is written there.
    #[serde(default)]
    pub clause: Option<String>,
    /// The RFC section there.
    #[serde(default)]
    pub reference: Option<String>,
}

/// A requirement as it reads in one revision.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// The requirement.
    pub requirement: &'a Requirement,
    /// The revision.
    pub revision: Revision,
    /// How strongly it binds.
    pub level: Level,
    /// What it rests on.
    pub basis: Basis,
    /// Where it is written.
    pub clause: &'a str,
    /// The RFC or draft section.
    pub reference: Option<&'a str>,
}

impl Rule<'_> {
    /// The words a report may use for a breach, or for a mere shortfall.
    pub fn wording(&self, shortfall: bool) -> String {
        let basis = match self.requirement.advisory {
            Some(basis) if shortfall => basis,
            _ => self.basis,
        };
        let binding = self.level == Level::Must && !shortfall;
        let verb = if binding {
            "violates"
        } else {
            "falls short of"
        };
        let revision = self.revision;
        match basis {
            Basis::N => format!("{verb} MCP {revision}"),
            Basis::R => {
                let reference = self.reference.unwrap_or(self.clause);
                let tie = if binding { "required" } else { "recommended" };
                format!("{verb} {reference}, {tie} by MCP {revision} by reference")
            }
            Basis::G => "deviates from MCP security guidance".to_owned(),
            Basis::X => {
                let extension = self.requirement.extension.as_deref();
                let extension = extension.unwrap_or(self.clause);
                format!("{verb} extension {extension}, which the target claims")
            }
            Basis::H => "posture".to_owned(),
        }
    }

    fn binds(&self) -> bool {
        self.level == Level::Must && matches!(self.basis, Basis::N | Basis::R | Basis::X)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    requirement: Vec<Requirement>,
}

static REQUIREMENTS: LazyLock<Vec<Requirement>> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "embedded text; a test parses it on every build"
    )]
    let catalogue: Catalogue = toml::from_str(SOURCE).expect("checks/_requirements.toml parses");
    catalogue.requirement
});

const SOURCE: &str = include_str!("../../checks/_requirements.toml");

#[cfg(test)]
mod tests {
    use super::*;

    fn words(id: &str, revision: Revision) -> Option<String> {
        wording(requirement(id).unwrap(), revision)
    }

    #[test]
    fn wording_names_what_the_requirement_rests_on() {
        assert_eq!(
            words("DISC-02", Revision::R2025_11).unwrap(),
            "violates MCP 2025-11-25"
        );
        assert_eq!(
            words("DISC-03", Revision::R2025_11).unwrap(),
            "violates RFC 9728 §3.3, required by MCP 2025-11-25 by reference"
        );
        assert_eq!(words("REG-02", Revision::R2025_11).unwrap(), "posture");
        assert_eq!(
            words("SCP-02", Revision::R2026_07).unwrap(),
            "deviates from MCP security guidance"
        );
        assert_eq!(
            words("EXT-01", Revision::R2026_07).unwrap(),
            "violates extension io.modelcontextprotocol/oauth-client-credentials, \
             which the target claims"
        );
    }

    #[test]
    fn a_recommendation_is_never_called_violated() {
        let row = requirement("ASE-11").unwrap();
        let words = wording(row, Revision::R2026_07).unwrap();
        assert_eq!(words, "falls short of MCP 2026-07-28");
        let binding = requirement("DISC-02").unwrap();
        let rule = binding.rule(Some(Revision::R2026_07)).unwrap();
        assert_eq!(rule.wording(true), "falls short of MCP 2026-07-28");
    }

    #[test]
    fn a_requirement_does_not_apply_before_its_first_revision() {
        assert!(words("DISC-01", Revision::R2025_03).is_none());
        assert!(words("DISC-01", Revision::R2025_06).is_some());
        assert!(words("PRIM-01", Revision::R2025_11).is_none());
    }

    #[test]
    fn audience_rests_on_a_reference_before_the_resource_server_revision() {
        let row = requirement("TOK-08").unwrap();
        let early = row.rule(Some(Revision::R2025_03)).unwrap();
        assert_eq!(early.basis, Basis::R);
        let later = row.rule(Some(Revision::R2025_06)).unwrap();
        assert_eq!(later.basis, Basis::N);
    }

    #[test]
    fn an_unknown_revision_is_judged_by_the_mildest_reading() {
        let row = requirement("REG-01").unwrap();
        let rule = row.rule(None).unwrap();
        assert!(!rule.binds());
        assert_eq!(rule.revision, Revision::R2026_07);
    }
}
