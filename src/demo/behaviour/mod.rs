//! What a demo server does, as data: every way it can misbehave is one named knob.
//!
//! The default of every knob is the right behaviour, so a behaviour file reads as the defect it plants.

mod authority;
mod builtin;
mod documents;
mod doors;
mod front;
mod grants;
mod loader;
mod resource;
mod server;
mod store;
mod token_endpoint;
mod transport;
mod verification;
mod ways;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use authority::{
    AsMetadata, Authorization, Endpoints, FlowSwitch, IssuerParameter, IssuerShape, JwksLocation,
    Location, LoginPage, LoopbackPorts, Management, MintPolicy, Pkce, RedirectNeed, RedirectPolicy,
    Registration, RegistrationGrants, RegistrationMode, RegistrationResponse, RegistrationScopes,
    Statements, Support, TokenAudience, TokenFormat, Tokens,
};
pub use builtin::BUILTIN;
pub use documents::{
    DocumentAdmission, Documents, FetchFailure, FetchMoment, FetchRedirects, MemberCheck,
    PlainHttp, UrlRule,
};
pub use doors::{
    CacheMark, CallState, Completions, Doors, Drafts, Greeting, Guard, Links, MissingResource,
    PrivateRefusal, ResourceList, Subscriptions, Tasks,
};
pub use front::{
    ChallengeRule, ErrorPlace, FirstPage, FramePolicy, Front, ImplicitRule, Login, Looks,
    PageCookie, Proxy, RedirectComparison, ResourceRule, ResponseIssuer, UnknownClients,
    UpstreamChallenge, UpstreamState,
};
pub use grants::{
    Binding, Caching, CodeUse, DeviceFlow, Downgrade, Grants, IdTokens, LifetimeEcho,
    RefreshRotation, RefusedCode, ScopeEcho, TokenExchange, VerifierCheck,
};
pub use loader::LoadError;
pub use resource::{
    Audience, Authentication, AuthorizationServers, Challenge, Denial, Dispatch, Enforcement,
    Expiry, Lapses, Metadata, NamedScopes, Order, PathCheck, PrmLocation, Progress, Resource,
    ResourceShape, Routes, ScopeModel, ScopesSupported, Signature, TokenCheck, TokenStart,
    Validation,
};
pub use server::{
    Cursor, Framing, Input, InputSchemas, ListStability, OriginCheck, Revision, Scheme,
    SchemePlace, Server, SessionPolicy, Tool, ToolListing,
};
pub use store::{AuditCanary, AuditStep, Ownership, Promise, Receipt, Store};
pub use token_endpoint::{
    AssertionCheck, AuthMethods, ErrorShape, GrantProfile, IntrospectionAccess, KeyBinding,
    PasswordGrant, SecretCheck, TokenEndpoint,
};
pub use verification::{
    Forgetting, ForgottenDoor, IssuerCheck, KeyChoice, OtherSchemes, ProofCheck, RefusalStatus,
    RefusalText, RevocationCheck, TokenLookup, TokenUse, TrustedFields, TypeCheck, UpstreamTokens,
    Verification,
};

pub use transport::{
    DoorOrder, EndedSessions, ErrorDetail, HostCheck, Listening, MediaTypes, MetadataCheck,
    PathMatch, Resumption, SessionIdShape, Sharing, StatelessSessions, StreamQuestions, Transport,
    UnknownMethods, VersionCheck,
};
pub use ways::{
    AnswerKeeping, ArgumentReading, ArrayReading, DoorReading, HeaderReading, MethodReading,
    NameReading, QueryTokens, SessionReading, TokenLines, VersionReading, Ways,
};

/// Everything a behaviour file can say.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// The defect (or its absence) in one line.
    pub title: String,
    /// Name of the built-in behaviour this file is a difference from.
    pub extends: Option<String>,
    /// Ids of exactly those checks that must end as FAIL or WARN.
    pub trips: Vec<String>,
    /// Ids of exactly those checks that must end as INCONCLUSIVE, beside those that wait for a tier
    /// which is not allowed.
    pub inconclusive: Vec<String>,
    /// How the auditor is to be run against these servers.
    pub audit: Audit,
    /// Transport and surface of the MCP server.
    pub server: Server,
    /// What the HTTP layer of the MCP server lets through.
    pub transport: Transport,
    /// Which tokens the MCP server accepts, and how it refuses the others.
    pub resource: Resource,
    /// What else is asked of a token, and what a refusal says.
    pub verification: Verification,
    /// How scopes decide about tool calls.
    pub enforcement: Enforcement,
    /// What the MCP server does at its doors beside tools.
    pub doors: Doors,
    /// The store behind the tools.
    pub store: Store,
    /// How messages are read, by the gate and by the dispatcher.
    pub ways: Ways,
    /// The protected resource metadata.
    pub metadata: Metadata,
    /// The authorization server and its metadata.
    pub authorization: Authorization,
    /// What the authorization endpoint does before a login.
    pub front: Front,
    /// Client ID metadata documents.
    pub documents: Documents,
    /// Dynamic client registration.
    pub registration: Registration,
    /// The tokens that the authorization server mints.
    pub tokens: Tokens,
    /// The token endpoint, and the extensions that build on it.
    pub token_endpoint: TokenEndpoint,
    /// What the token endpoint does with codes and refresh tokens.
    pub grants: Grants,
    /// The tools, by name.
    pub tools: BTreeMap<String, Tool>,
    /// Ready-made tokens, by name.
    pub identities: BTreeMap<String, Identity>,
    /// Pre-registered confidential clients, by client id.
    pub clients: BTreeMap<String, Client>,
    /// Literal answers that go before everything else.
    pub raw: Vec<RawAnswer>,
}

/// How the auditor is to be run against a behaviour.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Names of the ready-made tokens that are handed to the auditor.
    pub identities: Vec<String>,
    /// What the auditor is told to expect, first match first.
    pub policy: Vec<Intended>,
    /// Tokens that the auditor is to mint by itself.
    pub mint: Vec<Mint>,
    /// The ladder of narrower tokens that the auditor is to climb.
    pub ladder: Option<AuditLadder>,
    /// Scopes of which the auditor is told that one contains the other: broader, narrower.
    pub hierarchy: Vec<(String, String)>,
    /// A client that the auditor is told of.
    pub client: AuditClient,
    /// Tiers allowed beyond the default, for example `register`.
    pub allow: Vec<String>,
    /// Whether the auditor may send a working token in a query string.
    pub query_token: bool,
    /// Registrations in a row that the auditor is to send.
    pub observe_rate_limit: Option<usize>,
    /// Equal calls in a row that the auditor is to send.
    pub observe_call_limit: Option<usize>,
    /// Whether the auditor is to read paths outside what is offered.
    pub probe_traversal: bool,
    /// How often the auditor is to ask each cell at least.
    pub repeat: u16,
    /// Wrong credentials that the auditor is not to send.
    pub skip_arms: Vec<String>,
    /// Address under which the auditor's documents are forwarded; empty for loopback alone.
    pub callback_base: String,
    /// Protocol revision to audit; empty for the newest one served.
    pub revision: String,
    /// How a person signs in during the audit.
    pub login: LoginMode,
    /// Scopes that the login asks for; what the target asks for when empty.
    pub login_scopes: Vec<String>,
    /// Objects that the auditor is told of.
    pub objects: Vec<AuditObject>,
    /// Tools that the auditor is to call on objects of its own.
    pub canaries: Vec<AuditCanary>,
    /// A tool without arguments that the auditor may call, as a task where it can; empty for none.
    pub task_call: String,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            identities: vec!["reader".to_owned(), "admin".to_owned()],
            policy: Vec::new(),
            mint: Vec::new(),
            ladder: None,
            hierarchy: Vec::new(),
            client: AuditClient::default(),
            allow: Vec::new(),
            query_token: false,
            observe_rate_limit: None,
            observe_call_limit: None,
            probe_traversal: false,
            repeat: 0,
            skip_arms: Vec::new(),
            callback_base: "https://auditor.example".to_owned(),
            revision: String::new(),
            login: LoginMode::default(),
            login_scopes: Vec::new(),
            objects: Vec::new(),
            canaries: Vec::new(),
            task_call: String::new(),
        }
    }
}

/// An object that the auditor is told of: a tool with an id, or a URI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditObject {
    /// Name of the ready-made token whose user owns it.
    pub owner: String,
    /// Name of a tool.
    pub tool: String,
    /// The id it takes.
    pub id: String,
    /// URI, when there is no tool.
    pub resource: String,
}

/// An entry of the policy that the auditor is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Intended {
    /// Patterns of tool names.
    pub tools: Vec<String>,
    /// Patterns of subject ids.
    pub subjects: Vec<String>,
    /// Scopes a caller must hold, all of them.
    pub require: Vec<String>,
    /// Scope sets of which a caller must hold one.
    pub any_of: Vec<Vec<String>>,
    /// Whether no token is needed.
    pub public: bool,
    /// Whether nobody may get in.
    pub deny: bool,
}

/// A client that the auditor is told of; none when the id is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditClient {
    /// Client id.
    pub id: String,
    /// Its redirect URI.
    pub redirect_uri: String,
}

/// How a person signs in during the audit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoginMode {
    /// Nobody does.
    #[default]
    Nobody,
    /// With the pre-registered public client; the person allows everything.
    Approve,
    /// The same, and the person refuses.
    Deny,
    /// The same with a client that the auditor registers.
    Registered,
    /// With the pre-registered public client, on another device (RFC 8628).
    Device,
}

impl LoginMode {
    /// What the identity of the person is called.
    pub const NAME: &'static str = "user";
}

/// A token that the auditor is to mint through `client_credentials`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mint {
    /// Name of the identity that results.
    pub identity: String,
    /// Id of a client in `clients`.
    pub client: String,
    /// Scopes to ask for.
    pub scopes: Vec<String>,
}

/// The ladder that the auditor is to climb from a token of `mint`, or from that of the login.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditLadder {
    /// Name of an identity in `mint`, or `user` for whoever signs in.
    pub from: String,
    /// Whether the person signs in for each rung.
    #[serde(default)]
    pub by_login: bool,
    /// Scopes to vary; those of the identity when empty.
    #[serde(default)]
    pub vary: Vec<String>,
    /// Scopes that every rung asks for.
    #[serde(default)]
    pub keep: Vec<String>,
}

/// A ready-made token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// Scopes in the token.
    pub scopes: Vec<String>,
    /// Whether the token is good, and if not, why.
    pub kind: TokenKind,
    /// The field that carries it; `Authorization: Bearer` when absent.
    pub header: Option<String>,
}

/// Whether a ready-made token is good, and if not, why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenKind {
    /// Good for the MCP server.
    #[default]
    Valid,
    /// Good for the MCP server, and another person's.
    OtherUser,
    /// Genuine, but past its end of life.
    Expired,
    /// Genuine, but issued for a sibling resource.
    ForeignAudience,
    /// Signed with the right key, but of an issuer that is not named.
    ForeignIssuer,
    /// In the issuer's name, but signed with the key of another.
    CrossIssuer,
    /// An ID token.
    IdToken,
    /// A refresh token.
    RefreshToken,
    /// Right in everything but its type.
    WrongType,
    /// For an API behind the MCP server.
    Upstream,
}

/// A pre-registered confidential client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Client {
    /// The client secret.
    pub secret: String,
    /// Scopes the client is entitled to.
    pub scopes: Vec<String>,
    /// Redirect URIs for the authorization code flow.
    pub redirect_uris: Vec<String>,
}

/// Which of the two servers gives a literal answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// The MCP server.
    #[default]
    Resource,
    /// The authorization server.
    Authority,
}

/// A literal answer for what no knob should model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAnswer {
    /// The server that answers.
    #[serde(default)]
    pub party: Party,
    /// HTTP method to match.
    pub method: String,
    /// Path to match, exactly.
    pub path: String,
    /// Status of the answer.
    pub status: u16,
    /// Headers of the answer; values may contain `{mcp_url}` and `{issuer}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body of the answer; may contain `{mcp_url}` and `{issuer}`.
    #[serde(default)]
    pub body: String,
}

impl Behaviour {
    /// Every scope that a tool of this behaviour asks for, sorted.
    #[must_use]
    pub fn scope_catalogue(&self) -> Vec<String> {
        let mut scopes: Vec<String> = self
            .tools
            .values()
            .flat_map(|tool| tool.scopes.iter().cloned())
            .collect();
        scopes.extend([self.enforcement.base_scope.clone()]);
        scopes.sort();
        scopes.dedup();
        scopes
    }
}
