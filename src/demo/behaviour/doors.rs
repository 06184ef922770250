//! Knobs of everything beside tools: resources, prompts, completions, subscriptions, marks and greetings.

use schemars::JsonSchema;
use serde::Deserialize;

/// What the MCP server does at its doors beside tools.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Doors {
    /// Whether there are a note and a prompt that only one scope shows and opens.
    pub private: bool,
    /// That scope.
    pub scope: String,
    /// Whether reading the private note asks for the scope.
    pub resources: Guard,
    /// Whether getting the private prompt asks for the scope.
    pub prompts: Guard,
    /// What a caller without the scope is told.
    pub refusal: PrivateRefusal,
    /// What becomes of a URI that does not exist.
    pub missing: MissingResource,
    /// Whether the list of resources is the same every time.
    pub resource_list: ResourceList,
    /// What lists say about who may share them.
    pub cache: CacheMark,
    /// What the server tells everybody about itself.
    pub greeting: Greeting,
    /// Whether arguments are completed, and with what.
    pub completions: Completions,
    /// Whether resources can be watched, and by whom.
    pub subscriptions: Subscriptions,
    /// Who is handed a draft by `read_draft`.
    pub drafts: Drafts,
    /// What opens the attachment that `show_attachment` links to.
    pub links: Links,
    /// What is asked of the state that `read_minutes` hands out.
    pub state: CallState,
    /// Whether calls run as tasks, and whom a task belongs to.
    pub tasks: Tasks,
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            private: false,
            scope: "notes:write".to_owned(),
            resources: Guard::default(),
            prompts: Guard::default(),
            refusal: PrivateRefusal::default(),
            missing: MissingResource::default(),
            resource_list: ResourceList::default(),
            cache: CacheMark::default(),
            greeting: Greeting::default(),
            completions: Completions::default(),
            subscriptions: Subscriptions::default(),
            drafts: Drafts::default(),
            links: Links::default(),
            state: CallState::default(),
            tasks: Tasks::default(),
        }
    }
}

/// Whether something private asks for its scope when it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// It does.
    #[default]
    Enforced,
    /// Only the list leaves it out.
    ListOnly,
}

/// What a caller is told who may not use something private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PrivateRefusal {
    /// That a scope is missing, the way every refusal says it.
    #[default]
    Scope,
    /// That there is no such thing.
    Missing,
    /// That it is somebody else's.
    Hinted,
}

/// What becomes of a URI that does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MissingResource {
    /// An error with the code of the revision.
    #[default]
    Error,
    /// A result without contents.
    Empty,
    /// An error with the code that 2026-07-28 retired.
    RetiredCode,
}

/// Whether the list of resources is the same every time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceList {
    /// The same for the same caller.
    #[default]
    Stable,
    /// Every second request misses the last resource.
    Alternating,
}

/// What lists say about who may share them (2026-07-28).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CacheMark {
    /// They are for the caller alone.
    #[default]
    Private,
    /// They are for everybody.
    Public,
    /// The first page is for the caller alone, the others are for everybody.
    Mixed,
    /// Nothing.
    Absent,
}

/// What the server tells everybody about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Greeting {
    /// What it is for.
    #[default]
    Plain,
    /// The address of its database as well.
    InternalHost,
    /// A token for its backend as well.
    Secret,
}

/// Whether arguments are completed, and with what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Completions {
    /// They are not.
    #[default]
    Off,
    /// With what the caller's list shows.
    Listed,
    /// With everything there is.
    Everything,
}

/// Whether resources can be watched, and by whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Subscriptions {
    /// They cannot.
    #[default]
    Off,
    /// By whoever may read them.
    Readers,
    /// By everybody, if they exist.
    Anybody,
    /// By everybody, whether they exist or not.
    Unseen,
}

/// Who is handed a draft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Drafts {
    /// The person who wrote it.
    #[default]
    Author,
    /// Whoever names it.
    Anybody,
}

/// What opens an attachment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Links {
    /// The scope of the tool that links to it, in the hands of its author.
    #[default]
    Guarded,
    /// The scope of the tool that links to it.
    Shared,
    /// The link.
    Open,
}

/// What is asked of the state of an unfinished call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallState {
    /// It is the server's own, and was handed to this caller.
    #[default]
    Bound,
    /// It is the server's own.
    Unbound,
    /// Nothing.
    Unchecked,
}

/// Whether calls run as tasks, and whom a task belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tasks {
    /// They do not.
    #[default]
    Off,
    /// To the caller who started it.
    Bound,
    /// To whoever knows its id.
    Shared,
}
