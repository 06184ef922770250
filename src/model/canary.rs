//! Objects that the run makes for one call each: how the operator says so, and what came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exchange::ExchangeId;

/// How a tool that changes state is called on an object of the run's own (`[tool.canary]`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CanaryRule {
    /// The arguments, with holes.
    pub arguments: Value,
    /// Makes the object beforehand, where the tool changes one.
    pub make: Option<Step>,
    /// Shows the object to the strongest identity.
    pub read_back: Option<Step>,
    /// Removes it.
    pub undo: Option<Step>,
    /// Whether the effect is that the object is gone.
    pub gone: bool,
    /// Whether the operator says that nobody but its maker may have the object.
    pub private: bool,
}

impl CanaryRule {
    /// Every step beside the call, with the word for it.
    pub fn steps(&self) -> impl Iterator<Item = (&'static str, &Step)> {
        [
            ("make", &self.make),
            ("read_back", &self.read_back),
            ("undo", &self.undo),
        ]
        .into_iter()
        .filter_map(|(word, step)| Some((word, step.as_ref()?)))
    }
}

/// A call of another tool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Its name.
    pub tool: String,
    /// Its arguments, with holes.
    pub arguments: Value,
}

/// One call on an object of the run's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CanaryTrial {
    /// Subject id of the tool.
    pub subject: String,
    /// Who called.
    pub identity: String,
    /// Repetition, from zero.
    pub attempt: u16,
    /// The word that only this call carried.
    pub canary: String,
    /// The call that made the object beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<ExchangeId>,
    /// The reading before the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ExchangeId>,
    /// The call; absent where nothing could be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<ExchangeId>,
    /// The reading after the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ExchangeId>,
    /// The call that removed the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<ExchangeId>,
    /// The reading after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<ExchangeId>,
    /// What the call was seen to bring about.
    pub effect: Effect,
    /// What became of the object.
    pub fate: Fate,
    /// What stood in the way, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
}

/// What a call was seen to bring about, whatever its answer says.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The strongest identity read the call's own word back, or saw the object gone.
    Shown,
    /// The answer repeats the call's own word, and nothing was read back.
    Echoed,
    /// The reading was the same as before.
    Absent,
    /// Not decided.
    Unknown,
}

/// What became of an object of the run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// None was made.
    Unmade,
    /// It was removed.
    Removed,
    /// It is still there, or may be: listed under residue.
    Left,
}

/// Before the random part of every word of the run.
pub const CANARY_PREFIX: &str = "mcpaudit-";

/// Letters of the random part.
pub const CANARY_LETTERS: usize = 12;
