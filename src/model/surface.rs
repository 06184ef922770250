//! Tools, resources, templates and prompts, and which identity sees which.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exchange::ExchangeId;
use super::identity::ScopeSet;

/// The kinds of thing that can be guarded.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A tool.
    Tool,
    /// A resource with a fixed URI.
    Resource,
    /// A resource template.
    ResourceTemplate,
    /// A prompt.
    Prompt,
    /// A completion reference.
    Completion,
    /// A task.
    Task,
}

impl SubjectKind {
    /// The prefix of subject ids.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Resource => "resource",
            Self::ResourceTemplate => "resource_template",
            Self::Prompt => "prompt",
            Self::Completion => "completion",
            Self::Task => "task",
        }
    }

    /// The subject id of a name: `tool/delete_note`.
    pub fn subject_id(self, name: &str) -> String {
        format!("{}/{name}", self.as_str())
    }
}

/// Behaviour hints of a tool; absent members stay absent (`ToolAnnotations`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Annotations {
    /// `readOnlyHint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// `destructiveHint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destructive: Option<bool>,
    /// `idempotentHint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// `openWorldHint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_world: Option<bool>,
}

impl Annotations {
    /// Destructive by the schema's defaults: not read-only and not declared harmless.
    pub fn effectively_destructive(self) -> bool {
        self.read_only != Some(true) && self.destructive != Some(false)
    }
}

/// One alternative of a tool's `securitySchemes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeclaredScheme {
    /// `noauth`, `oauth2`, or what the server wrote.
    pub kind: String,
    /// Scopes it names.
    pub scopes: ScopeSet,
}

/// A thing that can be listed and used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// `tool/delete_note`, `resource/file:///x`, `prompt/plan`.
    pub id: String,
    /// What it is.
    pub kind: SubjectKind,
    /// Tool or prompt name, resource URI, or URI template.
    pub name: String,
    /// Display title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Behaviour hints of a tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Declared schemes (`securitySchemes`, top level or in `_meta`); an array is an OR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schemes: Option<Vec<DeclaredScheme>>,
    /// Input schema of a tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// Arguments of a prompt: name and whether it is required.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompt_arguments: Vec<(String, bool)>,
    /// The exchange that first showed it.
    pub exchange: ExchangeId,
}

impl Subject {
    /// A subject of which nothing but its name is known.
    pub fn new(kind: SubjectKind, name: &str, exchange: ExchangeId) -> Self {
        Self {
            id: kind.subject_id(name),
            kind,
            name: name.to_owned(),
            title: None,
            description: None,
            annotations: None,
            schemes: None,
            input_schema: None,
            prompt_arguments: Vec::new(),
            exchange,
        }
    }
}

/// How one list ended for one identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum ListOutcome {
    /// All pages were read.
    Complete,
    /// Reading stopped early: page cap, repeated cursor, broken page.
    Partial {
        /// Why.
        reason: String,
    },
    /// The server refused the request.
    Refused {
        /// HTTP status.
        status: u16,
    },
    /// The server does not offer this list.
    NotOffered,
    /// No usable answer.
    Failed {
        /// What came instead.
        reason: String,
    },
}

/// One list as one identity sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listing {
    /// Who asked.
    pub identity: String,
    /// Which list.
    pub kind: SubjectKind,
    /// How it ended.
    pub outcome: ListOutcome,
    /// Names in the order given, duplicates kept.
    pub names: Vec<String>,
    /// Names that appeared more than once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<String>,
    /// One exchange a page.
    pub exchanges: Vec<ExchangeId>,
    /// `cacheScope` of the pages (2026-07-28).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache_scopes: Vec<String>,
    /// Repetition on a fresh connection or session, from zero.
    #[serde(default)]
    pub attempt: u16,
}

impl Listing {
    /// Whether the list was read to its end.
    pub fn is_complete(&self) -> bool {
        self.outcome == ListOutcome::Complete
    }
}

/// Everything the identities see.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Surface {
    /// The union of all lists, in order of first appearance.
    pub subjects: Vec<Subject>,
    /// Every list that was read.
    pub listings: Vec<Listing>,
    /// Members that differ between identities, by subject id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub differing: BTreeMap<String, Vec<String>>,
}

impl Surface {
    /// The subject with this id.
    pub fn subject(&self, id: &str) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.id == id)
    }

    /// The first listing of a kind for an identity.
    pub fn listing(&self, identity: &str, kind: SubjectKind) -> Option<&Listing> {
        self.listings.iter().find(|listing| {
            listing.identity == identity && listing.kind == kind && listing.attempt == 0
        })
    }

    /// Whether an identity's complete list names the subject; `None` when its list is not known.
    pub fn listed(&self, identity: &str, subject: &Subject) -> Option<bool> {
        let listing = self.listing(identity, subject.kind)?;
        let named = listing.names.contains(&subject.name);
        match listing.outcome {
            ListOutcome::Complete => Some(named),
            ListOutcome::Partial { .. } if named => Some(true),
            _ => None,
        }
    }
}
