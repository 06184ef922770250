//! What was seen to open each subject, and how that compares with what the operator intends.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;
use super::identity::ScopeSet;
use super::matrix::Confidence;

/// What was seen to open each subject: an observation, not a statement of intent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EffectivePolicy {
    /// Per subject.
    pub subjects: Vec<EffectiveRule>,
    /// Scopes that valid tokens held and that open nothing, once every subject is settled.
    pub idle_scopes: Vec<String>,
    /// Subjects that a token without any scope opens.
    pub unguarded: Vec<String>,
    /// Subjects that open without a token.
    pub without_token: Vec<String>,
    /// Scopes that were seen to open whatever another one opens.
    pub hierarchies: Vec<ScopeHierarchy>,
}

/// What opens one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EffectiveRule {
    /// Subject id.
    pub subject: String,
    /// The kind of gate.
    pub gate: Gate,
    /// The smallest scope sets seen to open it: all scopes of any one of them.
    pub opened_by: Vec<ScopeSet>,
    /// The largest scope sets seen to be refused.
    pub refused_for: Vec<ScopeSet>,
    /// Scopes without which nothing was let in, every other scope held.
    pub required: ScopeSet,
    /// Whether `opened_by` says all there is to say about the scopes that were tried: no set is
    /// larger than it must be, and there is no other way in.
    pub exact: bool,
    /// Whether the subject was seen to run, and not only to let a call past the gate that refuses
    /// others before argument validation.
    pub ran: bool,
    /// How sure, the least of what it rests on.
    pub confidence: Confidence,
    /// What is not determined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// Scopes of the tokens that would determine it, a few of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled_by: Vec<ScopeSet>,
    /// The flag or configuration that would determine it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// The first answer of every cell it rests on.
    pub exchanges: Vec<ExchangeId>,
}

/// The kind of gate before a subject.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// It opens without a token.
    NoToken,
    /// A token without any scope opens it.
    AnyToken,
    /// Scopes decide: some tokens are let in and others are refused.
    Scopes,
    /// Every token that was tried is let in; whether one without scopes is was not tried.
    EveryTokenTried,
    /// Every token that was tried is refused.
    NoTokenTried,
    /// The answers contradict each other.
    Inconsistent,
    /// Not determined.
    NotDetermined,
}

impl Gate {
    /// The word used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoToken => "no token",
            Self::AnyToken => "any token",
            Self::Scopes => "scopes",
            Self::EveryTokenTried => "every token tried",
            Self::NoTokenTried => "no token tried",
            Self::Inconsistent => "inconsistent",
            Self::NotDetermined => "not determined",
        }
    }
}

/// One scope that opens whatever another one opens, over two subjects or more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScopeHierarchy {
    /// The scope that opens at least as much.
    pub broad: String,
    /// The scope whose subjects it opens too.
    pub narrow: String,
    /// The guarded subjects that both open.
    pub subjects: Vec<String>,
    /// Whether both open exactly the same of what was settled for both.
    pub equal: bool,
    /// Identities that show it, the broad one first.
    pub identities: [String; 2],
}

/// The cells against the operator's policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyComparison {
    /// Per subject, in the order of the matrix.
    pub subjects: Vec<ComparedSubject>,
    /// How many cells there are of each word.
    pub counts: BTreeMap<Conformity, usize>,
    /// Entries that match nothing that was listed, by number from 1.
    pub idle_entries: Vec<DriftEntry>,
    /// Entries behind others that match everything they match.
    pub shadowed_entries: Vec<DriftEntry>,
    /// Subjects without an entry.
    pub without_entry: Vec<String>,
}

/// One subject against its entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedSubject {
    /// Subject id.
    pub subject: String,
    /// The entry that applies, by number from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<usize>,
    /// A word for each identity.
    pub cells: BTreeMap<String, Conformity>,
}

/// An entry of the operator's policy that does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriftEntry {
    /// Its number from 1.
    pub entry: usize,
    /// Its patterns.
    pub patterns: Vec<String>,
}

/// How a cell compares with the operator's policy.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Conformity {
    /// As intended.
    Conforms,
    /// Let in although the policy keeps it out.
    TooOpen,
    /// Refused although the policy lets it in.
    TooClosed,
    /// The cell or the scopes of the identity do not decide.
    NotDecided,
    /// No entry applies.
    NoPolicy,
}

impl Conformity {
    /// The word used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conforms => "conforms",
            Self::TooOpen => "too open",
            Self::TooClosed => "too closed",
            Self::NotDecided => "not decided",
            Self::NoPolicy => "no policy",
        }
    }
}
