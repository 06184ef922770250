//! Knobs of the store behind the tools: whose its objects are, and whether writing does what it says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// The store behind the tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// Whose the notes are that callers make.
    pub sharing: Ownership,
    /// Whether what is made is kept.
    pub writes: Promise,
    /// Whether what is deleted is gone.
    pub deletes: Promise,
    /// What the answer to a new note says.
    pub receipt: Receipt,
}

/// What others may do with somebody's notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// Everything: notes are everybody's.
    #[default]
    Everybody,
    /// Nothing.
    Maker,
    /// Read them, if they know the id.
    Readers,
    /// Delete them, if they know the id.
    Deleters,
}

/// Whether an act does what its answer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// It does.
    #[default]
    Kept,
    /// It does nothing, and says that it did.
    Broken,
    /// It fails, and says so.
    Failing,
}

/// What the answer to a new note says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Receipt {
    /// Its id.
    #[default]
    Id,
    /// That it is done.
    Bare,
}

/// A tool that the auditor is to call on objects of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditCanary {
    /// Name of the tool.
    pub tool: String,
    /// Its arguments, with placeholders.
    pub arguments: BTreeMap<String, String>,
    /// What makes the object beforehand.
    pub make: Option<AuditStep>,
    /// What reads it back.
    pub read_back: Option<AuditStep>,
    /// What removes it.
    pub undo: Option<AuditStep>,
    /// Whether the effect is that the object is gone.
    pub gone: bool,
    /// Whether the auditor is told that nobody but its maker may have it.
    pub private: bool,
}

/// A call of another tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditStep {
    /// Its name.
    pub tool: String,
    /// Its arguments, with placeholders.
    pub arguments: BTreeMap<String, String>,
}
