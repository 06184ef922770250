//! The ladder of narrower tokens: which rungs were made, how high the server's own gate is, and
//! what the challenges of refusals are worth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;
use super::identity::ScopeSet;

/// What was made and found with `[mint]`; the trials of challenges come from every identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ladder {
    /// The identity whose grant mints; empty without `[mint]`.
    pub from: String,
    /// The grant that mints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// Identities that were tried before, and why they do not mint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// The scopes that were varied.
    pub varied: ScopeSet,
    /// Scopes that every rung asks for.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub kept: ScopeSet,
    /// Why the ladder is incomplete, when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The scopes without which the server answers no list; absent when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<ScopeSet>,
    /// The rungs in the order they were made.
    pub rungs: Vec<Rung>,
    /// Calls that the ladder was allowed: (2 × scopes + 2) × subjects.
    pub budget: usize,
    /// Calls that it took, repeats not counted.
    pub calls: usize,
    /// Subjects whose scopes stay open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenSubject>,
    /// What the challenges of refusals are worth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<ChallengeTrial>,
}

impl Ladder {
    /// Whether there is nothing to report.
    pub const fn is_empty(&self) -> bool {
        self.from.is_empty() && self.trials.is_empty()
    }

    /// Whether an identity was made for the ladder.
    pub fn has(&self, identity: &str) -> bool {
        self.rungs.iter().any(|rung| rung.identity == identity)
    }
}

/// An identity whose grant makes no ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PassedOver {
    /// Its name.
    pub identity: String,
    /// Its grant.
    pub grant: String,
    /// What happened when a narrower token was asked for.
    pub reason: String,
    /// The token that came, when one did and could not be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TriedToken>,
}

/// A token that was to show whether a grant gives narrower ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TriedToken {
    /// Scopes that were asked for.
    pub asked: ScopeSet,
    /// Scopes it holds as far as can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<ScopeSet>,
    /// The exchange that brought it.
    pub exchange: ExchangeId,
}

/// One token of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rung {
    /// Name of the identity.
    pub identity: String,
    /// What it is for.
    pub purpose: RungPurpose,
    /// Scopes that were asked for.
    pub asked: ScopeSet,
    /// Scopes it holds as far as can be seen; absent when there is no such token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realised: Option<ScopeSet>,
    /// Whether the server's own gate lets it list tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes_gate: Option<bool>,
    /// Why it was not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unused: Option<String>,
}

/// What a rung is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RungPurpose {
    /// Every scope but one.
    AllButOne,
    /// What the server's own gate demands.
    Minimum,
    /// One scope above the minimum.
    One,
    /// Several scopes, where one alone left a subject open.
    Several,
    /// What a refused token held and what its challenge named.
    Challenged,
}

/// A subject whose scopes the budget did not determine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenSubject {
    /// Subject id.
    pub subject: String,
    /// What is open.
    pub reason: String,
    /// Further calls that would determine it.
    pub cost: usize,
}

/// A refusal that names scopes, and what a token with exactly those on top was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChallengeTrial {
    /// Subject id.
    pub subject: String,
    /// The identity that was refused.
    pub identity: String,
    /// What it held.
    pub held: ScopeSet,
    /// What the challenge named.
    pub challenged: ScopeSet,
    /// The identity that holds both and nothing more; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// What came of it.
    #[serde(flatten)]
    pub fit: ChallengeFit,
    /// The refusal, then the answer to the trial.
    pub exchanges: Vec<ExchangeId>,
}

/// Whether a challenge names what an operation takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "fit")]
pub enum ChallengeFit {
    /// Still refused with everything the challenge named.
    TooLittle {
        /// What the second refusal named.
        again: ScopeSet,
    },
    /// It opens, and every scope of it that the token lacked was needed, as far as was seen.
    Exact,
    /// It opens, and so does a part of it.
    TooMuch {
        /// A part that was enough.
        enough: ScopeSet,
    },
    /// Nothing was decided.
    Untried {
        /// Why.
        reason: String,
    },
}
