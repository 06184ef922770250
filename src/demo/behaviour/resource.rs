//! Knobs of the resource server: tokens, challenges, scopes and its metadata.

use schemars::JsonSchema;
use serde::Deserialize;

use super::server::OriginCheck;

/// Which tokens the MCP server accepts, and how it refuses the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resource {
    /// Which requests need a token.
    pub authentication: Authentication,
    /// Whether tokens are validated at all.
    pub tokens: TokenCheck,
    /// What is asked of a token's `aud`.
    pub audience: Audience,
    /// What is asked of a token's signature.
    pub signature: Signature,
    /// What is asked of a token's `exp`.
    pub expiry: Expiry,
    /// What is asked of the moment from which a token is good.
    pub start: TokenStart,
    /// The `WWW-Authenticate` header of a 401.
    pub challenge: Challenge,
    /// Whether the `Origin` header is looked at.
    pub origin: OriginCheck,
    /// Tools that can be called without a token although the rest needs one.
    pub public_tools: Vec<String>,
    /// Whether one bad token locks everybody out.
    pub lockout: bool,
}

/// Which requests need a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// Every one.
    #[default]
    Required,
    /// None.
    Open,
    /// Calls and reads; lists are public.
    CallsOnly,
    /// All but tool calls, which were forgotten.
    CallsUnchecked,
    /// Only `initialize`; afterwards the session id is enough.
    SessionOnly,
    /// All but `initialize`.
    HandshakeOpen,
}

/// Whether tokens are validated at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenCheck {
    /// They are.
    #[default]
    Validated,
    /// Any string is a token with every scope.
    AnyString,
}

/// What is asked of a token's `aud`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// It names this server.
    #[default]
    Exact,
    /// It starts with this server's origin.
    Prefix,
    /// Nothing.
    Ignored,
}

/// What is asked of a token's signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// It is made by the authorization server's key.
    #[default]
    Verified,
    /// Nothing.
    Ignored,
    /// It may be missing when the header says `alg: none`.
    NoneAccepted,
    /// It may be an HMAC keyed with the public key.
    #[serde(rename = "hs256-with-public-key")]
    Hs256WithPublicKey,
    /// It may be missing when the header says `none` in any spelling but that one.
    NoneMisspelt,
    /// It may be an HMAC keyed with what the header's `jwk` holds.
    EmbeddedKey,
    /// Verified with the public key that the token brings along.
    EmbeddedPublicKey,
    /// Verified with the key in the certificate that the token brings along in `x5c`.
    EmbeddedCertificate,
    /// Verified with the key at the address in the header's `jku` or `x5u`.
    KeyAddressTrusted,
    /// Made by the authorization server's key, after the address in the header was fetched.
    KeyAddressFetched,
    /// It may be an HMAC keyed with the contents of the file that `kid` names.
    KeyFile,
}

/// What is asked of the moment from which a token is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenStart {
    /// Nothing.
    #[default]
    Ignored,
    /// Its `iat` does not lie ahead.
    Checked,
}

/// What is asked of a token's `exp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expiry {
    /// It lies ahead.
    #[default]
    Checked,
    /// Nothing.
    Ignored,
}

/// The `WWW-Authenticate` header of a 401.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Challenge {
    /// `resource_metadata` and `scope`.
    #[default]
    Full,
    /// `scope` only.
    NoMetadata,
    /// `resource_metadata` only.
    NoScope,
    /// `scope` twice.
    DuplicateScope,
    /// `Bearer` without parameters.
    Bare,
    /// No header.
    Absent,
    /// Values without quotation marks.
    Unquoted,
    /// An `error` although no token was sent.
    WithError,
}

/// How scopes decide about tool calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Enforcement {
    /// Where scopes are looked at.
    pub scopes: ScopeModel,
    /// Scope of lists in challenges, of reading resources and prompts, and of the whole endpoint under `server-only`.
    pub base_scope: String,
    /// Whether scopes are looked at before or after the arguments.
    pub order: Order,
    /// What a caller without the scope is told.
    pub denial: Denial,
    /// Which scopes a refusal names.
    pub named: NamedScopes,
    /// Scopes that contain others: broader, narrower.
    pub contains: Vec<(String, String)>,
    /// What becomes of arguments that do not fit the schema.
    pub validation: Validation,
    /// Scope that the `full` mode of a tool needs beyond its own; empty for none.
    pub full_mode_scope: String,
    /// Tools whose arguments nobody checks.
    pub unvalidated: Vec<String>,
    /// Equal calls of one caller after which a limit answers; 0 for no limit.
    pub call_limit: usize,
    /// What becomes of resource paths that climb out.
    pub paths: PathCheck,
    /// What becomes of tool names that nobody knows.
    pub dispatch: Dispatch,
    /// Whether a refused call reports progress first.
    pub progress: Progress,
    /// Tools whose scope check was forgotten.
    pub unguarded: Vec<String>,
    /// Whether a refusal is forgotten now and then.
    pub lapses: Lapses,
}

impl Default for Enforcement {
    fn default() -> Self {
        Self {
            scopes: ScopeModel::default(),
            base_scope: "notes:read".to_owned(),
            order: Order::default(),
            denial: Denial::default(),
            named: NamedScopes::default(),
            contains: Vec::new(),
            validation: Validation::default(),
            full_mode_scope: String::new(),
            unvalidated: Vec::new(),
            call_limit: 0,
            paths: PathCheck::default(),
            dispatch: Dispatch::default(),
            progress: Progress::default(),
            unguarded: Vec::new(),
            lapses: Lapses::default(),
        }
    }
}

/// Whether a refusal is forgotten now and then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lapses {
    /// It is not.
    #[default]
    Never,
    /// Every second time that a token asks for the same tool, where the door refuses over HTTP.
    EveryOther,
}

/// Where scopes are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeModel {
    /// At each tool.
    #[default]
    PerTool,
    /// Nowhere.
    AnyValidToken,
    /// Once, at the endpoint.
    ServerOnly,
    /// In `tools/list`, and nowhere else.
    ListedButNotEnforced,
    /// At each tool, the wrong way round: tokens that hold its scopes are refused.
    Inverted,
    /// At each tool that needs one, and then every scope there is.
    AllOrNothing,
}

/// Which scopes a refusal names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamedScopes {
    /// All that the operation needs.
    #[default]
    Needed,
    /// One that is missing, and after that the next.
    OneMissing,
    /// That of basic use, whatever is missing.
    Basic,
    /// Every scope there is.
    Catalogue,
}

/// Whether scopes are looked at before or after the arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Before.
    #[default]
    AuthFirst,
    /// After, in the handler.
    ValidateFirst,
}

/// What a caller without the scope is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Denial {
    /// HTTP 403 with an `insufficient_scope` challenge.
    #[default]
    #[serde(rename = "http-403")]
    Http403,
    /// HTTP 403 without a challenge.
    #[serde(rename = "http-403-bare")]
    Http403Bare,
    /// HTTP 401, as for a bad token.
    #[serde(rename = "http-401")]
    Http401,
    /// A JSON-RPC error.
    RpcError,
    /// A tool result with `isError`.
    ToolError,
    /// A tool result with `isError` and a challenge in its `_meta`.
    ToolChallenge,
    /// The answer to an unknown tool.
    UnknownTool,
    /// An error that does not say why.
    Masked,
    /// A tool result with `isError`, in Japanese.
    Japanese,
    /// An ordinary tool result whose text carries a code.
    OkText,
    /// The answer of a call that ran.
    Pretended,
}

/// What becomes of arguments that do not fit the schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Validation {
    /// They are refused.
    #[default]
    Central,
    /// They are refused, except that unknown properties are dropped.
    ExtrasIgnored,
    /// The tool runs with any object.
    Lenient,
    /// The tool runs with anything.
    None,
}

/// What becomes of resource paths that climb out of what is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PathCheck {
    /// They are not found.
    #[default]
    Contained,
    /// They are cut back to the first thing that is offered.
    CutBack,
    /// They are followed.
    Unchecked,
    /// They are followed once their percent encoding is undone, and refused otherwise.
    DecodedLate,
}

/// What becomes of tool names that nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dispatch {
    /// They are refused.
    #[default]
    ByName,
    /// A catch-all runs for them.
    CatchAll,
}

/// Whether a refused call reports progress first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// It does not.
    #[default]
    Silent,
    /// A progress notification precedes the refusal on an event stream.
    BeforeDenial,
}

/// The protected resource metadata (RFC 9728).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metadata {
    /// Where the document is served.
    pub prm: PrmLocation,
    /// The `resource` member.
    pub resource: ResourceShape,
    /// The `authorization_servers` member.
    pub authorization_servers: AuthorizationServers,
    /// The `bearer_methods_supported` member.
    pub bearer_methods: Vec<String>,
    /// The `scopes_supported` member.
    pub scopes_supported: ScopesSupported,
    /// Whether all routes to metadata lead to the same place.
    pub routes: Routes,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            prm: PrmLocation::default(),
            resource: ResourceShape::default(),
            authorization_servers: AuthorizationServers::default(),
            bearer_methods: vec!["header".to_owned()],
            scopes_supported: ScopesSupported::default(),
            routes: Routes::default(),
        }
    }
}

/// Where the protected resource metadata is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PrmLocation {
    /// Between host and path (RFC 9728 §3.1).
    #[default]
    Path,
    /// At the root of the host.
    Root,
    /// Behind the path of the endpoint, where no client looks.
    AppendedOnly,
    /// Nowhere.
    Missing,
}

/// The `resource` member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceShape {
    /// The URL of the endpoint.
    #[default]
    Exact,
    /// The same with a slash behind it.
    TrailingSlash,
    /// Only the origin.
    OriginOnly,
    /// A URL on another host.
    OtherOrigin,
    /// Not there.
    Missing,
}

/// The `authorization_servers` member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorizationServers {
    /// Names the authorization server.
    #[default]
    Present,
    /// An empty array.
    Empty,
    /// Not there.
    Missing,
    /// Names an address inside a private network as well.
    Inside,
}

/// The `scopes_supported` member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScopesSupported {
    /// The scope for basic use.
    #[default]
    Present,
    /// Not there.
    Absent,
    /// Every scope there is.
    Catalogue,
    /// The scope for basic use and `offline_access`.
    WithOfflineAccess,
    /// The scope for basic use and one that nobody can obtain.
    WithUnknown,
}

/// Whether all routes to metadata lead to the same place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Routes {
    /// They do.
    #[default]
    Agree,
    /// The document at the root names another authorization server.
    RootDisagrees,
    /// The `openid-configuration` document names other endpoints than the RFC 8414 one.
    OidcDisagrees,
}
