//! What the operator said that the judging depends on: enough to judge a saved run again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::identity::IdentityKind;
use super::settings::{Acceptance, PolicyEntry, Settings};
use super::verdict::Severity;

/// What the operator said that the judging depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Checks that were asked for; empty means all.
    pub only: BTreeSet<String>,
    /// Checks that were left out.
    pub skip: BTreeSet<String>,
    /// Intended policy.
    pub policy: Vec<PolicyEntry>,
    /// Accepted findings.
    pub accept: Vec<Acceptance>,
    /// Findings at or above this severity fail the run.
    pub fail_on: Severity,
    /// Whether inconclusive checks fail the run.
    pub strict: bool,
    /// Whether a valid token was to be had, so that a run without one is incomplete.
    pub token_expected: bool,
    /// Whether findings are no reason for another exit code than 0.
    #[serde(default)]
    pub exit_zero: bool,
}

impl From<&Settings> for Rules {
    fn from(settings: &Settings) -> Self {
        let mut identities = settings.identities.iter();
        Self {
            only: settings.only.clone(),
            skip: settings.skip.clone(),
            policy: settings.policy.clone(),
            accept: settings.accept.clone(),
            fail_on: settings.fail_on,
            strict: settings.strict,
            token_expected: settings.mint.is_some()
                || identities.any(|source| source.kind == IdentityKind::Valid),
            exit_zero: false,
        }
    }
}
