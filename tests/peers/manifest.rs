//! What an `expected.toml` says about a server: how to start it and what it really does.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

/// A manifest; `{port}`, `{as_port}` and `{scratch}` have been filled in before parsing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Name, version and what is special about it.
    pub title: String,
    /// Program (`python`, `node` or `rmcp-server`) and arguments.
    pub start: Vec<String>,
    /// What runs it.
    pub runtime: Runtime,
    /// The MCP endpoint.
    pub url: String,
    /// How it is spoken to.
    #[serde(default)]
    pub transport: Transport,
    /// Revisions it agreed to when asked, newest first.
    pub revisions: Vec<String>,
    /// Whether `GET /__executed` tells how often each tool's body ran.
    #[serde(default = "yes")]
    pub counts_executions: bool,
    /// A text that its answers to schema-invalid arguments contain and its denials do not.
    pub validation_text: String,
    /// Whose scopes decide when a token arrives on a session that another token opened.
    pub session_identity: Option<SessionIdentity>,
    /// Whether a JSON-RPC array of one call is answered.
    pub answers_batches: Option<bool>,
    /// Who the auditor may be; `anonymous` and `garbage` are implied.
    #[serde(default, rename = "identity")]
    pub identities: Vec<Identity>,
    /// Identities whose tokens it takes although a sound server does not.
    #[serde(default)]
    pub takes: Vec<String>,
    /// Valid arguments per subject.
    pub arguments: BTreeMap<String, Map<String, Value>>,
    /// What happens, per subject and identity.
    pub truth: Truth,
    /// Single answers worth pinning.
    #[serde(default, rename = "shape")]
    pub shapes: Vec<Shape>,
    /// What an unauthenticated client learns.
    #[serde(default)]
    pub discovery: Discovery,
    /// How the authorization server treats registrations.
    pub registration: Option<Registration>,
    /// How the authorization server treats client ID metadata documents.
    pub documents: Option<Documents>,
    /// What a sound audit has to report.
    pub expect: Expect,
}

/// What runs a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Runtime {
    /// CPython, from the venv of the server's folder.
    Python,
    /// Node.js, with the node_modules of the server's folder.
    Node,
    /// A binary built by the install script.
    Rust,
}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// One URL for everything.
    #[default]
    StreamableHttp,
    /// The two endpoints of 2024-11-05.
    HttpSse,
}

/// Whose scopes decide on a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionIdentity {
    /// Those of the token on the request.
    Request,
    /// Those of the token that opened the session.
    Opener,
}

/// A principal, with exactly one way to get its token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its name in the tables below.
    pub name: String,
    /// The token itself.
    pub token: Option<String>,
    /// A file that the server writes before it is ready.
    pub token_file: Option<String>,
    /// A client that may ask for its own token.
    pub client_credentials: Option<ClientCredentials>,
    /// The scopes that the token carries.
    pub scopes: Vec<String>,
    /// Whether it may do everything.
    #[serde(default)]
    pub privileged: bool,
    /// What its token is good for.
    #[serde(default)]
    pub role: Role,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An ordinary token.
    #[default]
    Operator,
    /// Genuine, but for another resource.
    ForeignAudience,
    /// Genuine, but too old.
    Expired,
}

/// How a machine client gets a token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCredentials {
    /// Where to ask.
    pub token_endpoint: String,
    /// Who asks.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// `client_secret_basic` or `client_secret_post`.
    pub method: String,
    /// RFC 8707 resource.
    pub resource: String,
    /// Scopes, separated by spaces.
    pub scope: String,
    /// Whether the auditor is given the token, and does not ask for it.
    #[serde(default)]
    pub given: bool,
}

/// Subject to identity to word.
pub type Table<T> = BTreeMap<String, BTreeMap<String, T>>;

/// What happens to calls.
#[derive(Debug, Clone, Deserialize)]
pub struct Truth {
    /// With every required argument mistyped: `validation`, `denied` or `executed`.
    #[serde(default)]
    pub invalid_arguments: Table<String>,
    /// With valid arguments: `allowed` or `denied`.
    #[serde(flatten)]
    pub valid: Table<String>,
}

/// One answer, pinned.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The subject; a tool that does not exist is called without arguments.
    pub subject: String,
    /// The caller.
    pub identity: String,
    /// Whether the arguments are mistyped.
    #[serde(default)]
    pub invalid: bool,
    /// The HTTP status.
    pub status: u16,
    /// The JSON-RPC error code; absent means that the answer is no JSON-RPC error.
    pub code: Option<i64>,
    /// The result's `isError`.
    pub is_error: Option<bool>,
    /// A part of the text.
    #[serde(default)]
    pub text: String,
    /// A part of `WWW-Authenticate`.
    pub challenge: Option<String>,
}

/// What an unauthenticated client learns.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// `resource_metadata` of the 401's challenge.
    pub resource_metadata: Option<String>,
    /// `authorization_servers` found there.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
}

/// How the authorization server treats registrations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The metadata document that names the endpoint, or that is silent about it.
    pub metadata: String,
    /// The `registration_endpoint` it names.
    pub endpoint: Option<String>,
    /// The posture that these attempts amount to.
    pub posture: String,
    /// Requests and what came back.
    #[serde(default, rename = "attempt")]
    pub attempts: Vec<Attempt>,
}

/// How the authorization server treats client ID metadata documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documents {
    /// The https address whose documents it fetches from `listen`.
    pub base: String,
    /// Where they are to be served.
    pub listen: String,
    /// Whose documents it takes.
    pub admission: String,
    /// Documents, URLs and requests that it lets go on although something is wrong with them.
    pub lenient: Vec<String>,
    /// Those that it is not said to treat either way.
    #[serde(default)]
    pub unspecified: Vec<String>,
}

/// One registration request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// What is tried.
    pub what: String,
    /// Where, when no endpoint is announced.
    pub url: Option<String>,
    /// The initial access token.
    pub token: Option<String>,
    /// The body as it is sent.
    pub body: String,
    /// The HTTP status.
    pub status: u16,
    /// The `error` member of the answer.
    pub error: Option<String>,
}

/// What a sound audit has to report.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Posture without consent to register.
    pub registration: Words,
    /// Posture with `--allow register`.
    pub registration_with_register: Words,
    /// The enforcement answer at the default tiers.
    pub enforcement: Words,
    /// Access words that would be false, beside the opposite of the truth.
    #[serde(default)]
    pub never: Table<Words>,
    /// Access words that have to be reached.
    #[serde(default)]
    pub cells: Table<Words>,
    /// The smallest scope sets that open each subject, where an audit mints its own ladder.
    #[serde(default)]
    pub policy: BTreeMap<String, Vec<BTreeSet<String>>>,
    /// Words of checks at the default tiers, by check id, from the server's documentation.
    #[serde(default)]
    pub checks: BTreeMap<String, Words>,
}

/// One word, or any of several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Words {
    /// Exactly this.
    One(String),
    /// Any of these.
    Any(Vec<String>),
}

impl Words {
    /// The words.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Any(words) => words,
        }
        .iter()
        .map(String::as_str)
    }
}

impl Expected {
    /// The identity of that name.
    pub fn identity(&self, name: &str) -> Option<&Identity> {
        self.identities
            .iter()
            .find(|identity| identity.name == name)
    }

    /// Arguments for a subject; `invalid` puts an object where each scalar belongs.
    pub fn arguments(&self, subject: &str, invalid: bool) -> Map<String, Value> {
        let mut arguments = self.arguments.get(subject).cloned().unwrap_or_default();
        if invalid {
            arguments
                .values_mut()
                .for_each(|value| *value = Value::Object(Map::new()));
        }
        arguments
    }

    /// Access words that would be false for a cell.
    pub fn false_words(&self, subject: &str, identity: &str) -> Vec<&str> {
        let truth = self
            .truth
            .valid
            .get(subject)
            .and_then(|row| row.get(identity));
        let opposite = match truth.map(String::as_str) {
            Some("allowed") => Some("denied"),
            Some("denied") => Some("allowed"),
            _ => None,
        };
        let more = self
            .expect
            .never
            .get(subject)
            .and_then(|row| row.get(identity));
        opposite
            .into_iter()
            .chain(more.into_iter().flat_map(Words::iter))
            .collect()
    }
}

fn yes() -> bool {
    true
}
