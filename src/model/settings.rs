//! What the operator allows and wants; parsed elsewhere, plain here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::canary::CanaryRule;
use super::grant::{GrantRequest, OAuthClient};
use super::identity::{Identity, IdentityKind, ScopeSet};
use super::place::Place;
use super::probe::Tier;
use super::target::Revision;
use super::verdict::Severity;

/// Everything an audit needs to know beside its target.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Tiers that may run.
    pub tiers: BTreeSet<Tier>,
    /// Whether valid calls of clearly read-only tools may run (`--no-reads` clears it).
    pub reads: bool,
    /// The revision to audit with; the newest served when absent.
    pub revision: Option<Revision>,
    /// Operator identities.
    pub identities: Vec<IdentitySource>,
    /// Certificates with their keys in PEM that the target may see, by identity.
    pub certificates: BTreeMap<String, SecretString>,
    /// What happens to tokens after the run.
    pub upkeep: Upkeep,
    /// The login to make, when asked for.
    pub login: Option<LoginRequest>,
    /// How people are waited for, whoever they sign in for.
    pub waiting: Waiting,
    /// The ladder to mint, when asked for.
    pub mint: Option<Mint>,
    /// Scopes that contain others.
    pub hierarchy: Vec<Hierarchy>,
    /// A client that the authorization server already knows.
    pub client: Option<KnownClient>,
    /// Intended policy.
    pub policy: Vec<PolicyEntry>,
    /// Accepted findings.
    pub accept: Vec<Acceptance>,
    /// Operator argument vectors and permissions by tool name pattern.
    pub tools: Vec<ToolRule>,
    /// Operator values for prompts and resource templates.
    pub values: Vec<ValueRule>,
    /// Objects and who owns them.
    pub objects: Vec<ObjectRule>,
    /// What may be done to get round refusals.
    pub bypass: BypassRules,
    /// What calls go beyond the defaults, and which are left out.
    pub calls: Calls,
    /// How many registrations in a row to send to see a limit (`--observe-rate-limit`).
    pub observe_rate_limit: Option<usize>,
    /// Network behaviour.
    pub network: Network,
    /// Where documents of this run are served.
    pub callback: Callback,
    /// Check ids to run; empty means all.
    pub only: BTreeSet<String>,
    /// Check ids to leave out.
    pub skip: BTreeSet<String>,
    /// Findings at or above this severity fail the run.
    pub fail_on: Severity,
    /// Whether inconclusive checks fail the run.
    pub strict: bool,
    /// The line of the configuration that names the target; none when a flag does.
    pub named_at: Option<Place>,
    /// Eight hexadecimal digits that tag everything the run creates.
    pub run_id: String,
}

impl Settings {
    /// Whether a person has to take part in the run.
    pub fn needs_a_person(&self) -> bool {
        let asks = |source: &IdentitySource| match &source.credential {
            CredentialSource::Grant(request) => request.grant.needs_a_person(),
            CredentialSource::Token { .. } => false,
        };
        self.login.is_some() || self.identities.iter().any(asks)
    }

    /// Whether a tier may run.
    pub fn allows(&self, tier: Tier) -> bool {
        self.tiers.contains(&tier)
    }
}

/// What happens to tokens after the run.
#[derive(Clone, Debug, Default)]
pub struct Upkeep {
    /// Whether tokens of the run are left valid (`--keep-tokens`).
    pub keep_tokens: bool,
    /// Where refresh tokens are kept (`--token-cache`).
    pub cache: Option<std::path::PathBuf>,
    /// Refresh tokens that an earlier run kept, by identity.
    pub cached: BTreeMap<String, SecretString>,
}

/// What may be done to get round refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BypassRules {
    /// Whether refused calls are sent again in other forms (`--no-bypass` clears it).
    pub allowed: bool,
    /// Whether a working token may go out in a query string (`--query-token`).
    pub query_token: bool,
}

impl Default for BypassRules {
    fn default() -> Self {
        Self {
            allowed: true,
            query_token: false,
        }
    }
}

/// What calls go beyond the defaults, and which are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many equal calls in a row to send to see a limit (`--observe-call-limit`).
    pub observe_limit: Option<usize>,
    /// Whether resource paths that climb out may be read (`--probe-traversal`).
    pub traversal: bool,
    /// How often each cell is asked at least (`--repeat`); as often as it takes when zero.
    pub repeat: u16,
    /// Credentials that are not sent (`--skip-arm`).
    pub skip_arms: BTreeSet<SkippedArm>,
}

impl Calls {
    /// The arm that leaves an identity out.
    pub fn left_out(&self, identity: &Identity) -> Option<SkippedArm> {
        self.skip_arms
            .iter()
            .find(|arm| arm.takes(identity))
            .copied()
    }
}

/// Credentials that can be left out where a server locks accounts after bad ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkippedArm {
    /// Calls without a token, beyond what discovery sends.
    Anonymous,
    /// Random characters.
    Garbage,
    /// Random characters in the form of a JWT.
    GarbageJwt,
    /// Altered copies of a valid token.
    Derived,
}

impl SkippedArm {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::Anonymous,
        Self::Garbage,
        Self::GarbageJwt,
        Self::Derived,
    ];

    /// The word used in flags and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Garbage => "garbage",
            Self::GarbageJwt => "garbage-jwt",
            Self::Derived => "derived",
        }
    }

    /// Whether an identity belongs to it.
    pub fn takes(self, identity: &Identity) -> bool {
        match self {
            Self::Anonymous => identity.kind == IdentityKind::Anonymous,
            Self::Garbage => identity.kind == IdentityKind::Garbage && identity.name != GARBAGE_JWT,
            Self::GarbageJwt => {
                identity.kind == IdentityKind::Garbage && identity.name == GARBAGE_JWT
            }
            Self::Derived => matches!(
                identity.kind,
                IdentityKind::Tampered | IdentityKind::Unsigned | IdentityKind::KeyConfusion
            ),
        }
    }
}

const GARBAGE_JWT: &str = "garbage-jwt";

/// One operator identity and where its token comes from.
#[derive(Clone, Debug)]
pub struct IdentitySource {
    /// The operator's name for it.
    pub name: String,
    /// What kind of token it is.
    pub kind: IdentityKind,
    /// Whether it is the strongest.
    pub privileged: bool,
    /// Scopes the operator believes it has, or wants for a minted one.
    pub scopes: Option<ScopeSet>,
    /// The field that carries the credential as it is; `Authorization: Bearer` when absent.
    pub header: Option<String>,
    /// Where the token comes from.
    pub credential: CredentialSource,
}

/// Where a token comes from.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// A token the operator gave, already read.
    Token {
        /// `env:NAME`, `file:PATH` or `-`.
        source: String,
        /// The token.
        token: SecretString,
    },
    /// A grant at the authorization server.
    Grant(GrantRequest),
}

/// How people are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Port of the loopback address that the browser is sent back to; any free one when absent.
    pub port: Option<u16>,
    /// How long to wait for a person.
    pub timeout: Duration,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            port: None,
            timeout: Duration::from_mins(5),
        }
    }
}

/// A login that the operator asked for.
#[derive(Clone, Debug)]
pub struct LoginRequest {
    /// Name of the identity that results.
    pub name: String,
    /// Whether it is the strongest.
    pub privileged: bool,
    /// The client to use; registered for the run when absent.
    pub client: Option<OAuthClient>,
    /// Scopes to ask for; what the challenge names, else what the metadata lists, when absent.
    pub scopes: Option<ScopeSet>,
    /// The issuer to use when the target names several.
    pub issuer: Option<String>,
    /// The other server that the token is for (RFC 8707); this one when absent.
    pub resource: Option<String>,
    /// Whether the token is to be bound to a key of the run; as the target demands when absent.
    pub dpop: Option<bool>,
    /// Whether to use the device flow (RFC 8628).
    pub device: bool,
    /// Port of the loopback address that the browser is sent back to; any free one when absent.
    pub port: Option<u16>,
    /// How long to wait for a person.
    pub timeout: Duration,
    /// How long an exchanged refresh token may go on working before it counts as reusable.
    pub grace: Duration,
}

impl LoginRequest {
    /// A login for an identity, with every default.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            privileged: false,
            client: None,
            scopes: None,
            issuer: None,
            resource: None,
            dpop: None,
            device: false,
            port: None,
            timeout: Waiting::default().timeout,
            grace: Duration::from_mins(1),
        }
    }
}

/// A public client that the authorization server already knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownClient {
    /// Client identifier.
    pub id: String,
    /// One of its registered redirect URIs.
    pub redirect_uri: String,
    /// The authorization server that knows it; the first that the target names when absent.
    pub issuer: Option<String>,
}

/// The ladder of narrower tokens.
#[derive(Clone, Debug)]
pub struct Mint {
    /// The identities whose grant may mint, in the order in which they are tried.
    pub from: Vec<String>,
    /// Whether a person signs in for each token, although a refresh token would do.
    pub by_login: bool,
    /// The scopes to vary; the source identity's scopes when absent.
    pub scopes: Option<ScopeSet>,
    /// Scopes that every rung asks for besides.
    pub keep: ScopeSet,
}

/// Two scopes of which one contains the other, on the operator's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hierarchy {
    /// The broader scope.
    pub broad: String,
    /// The narrower one.
    pub narrow: String,
}

/// What the operator intends for some subjects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyEntry {
    /// Patterns of tool names; `*` matches any run of characters, `\*` a star.
    pub tools: Vec<String>,
    /// Patterns of subject ids (`resource/note://*`, `prompt/plan`).
    pub subjects: Vec<String>,
    /// Scopes a caller must hold, all of them; with nothing else said any valid token will do.
    pub require: ScopeSet,
    /// Scope sets of which a caller must hold one, beside `require`.
    pub any_of: Vec<ScopeSet>,
    /// Whether no token is needed.
    pub public: bool,
    /// Whether nobody may get in.
    pub deny: bool,
}

/// A finding the operator accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Check id.
    pub check: String,
    /// Subject pattern with `*`; every subject when absent.
    pub subject: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// Last day of validity, `YYYY-MM-DD`.
    pub expires: Option<String>,
    /// Whether that day has passed; set when the configuration is read.
    pub expired: bool,
    /// Where the configuration says so.
    pub place: Option<Place>,
}

/// What the operator says about a tool.
#[derive(Clone, Debug, Default)]
pub struct ToolRule {
    /// Name pattern with `*`.
    pub name: String,
    /// Arguments for a valid call.
    pub arguments: Option<Value>,
    /// Further arguments, each asked on its own.
    pub vectors: Vec<Value>,
    /// Whether it may be called with identifiers that name nothing.
    pub null_object: bool,
    /// How it is called on an object of the run's own.
    pub canary: Option<CanaryRule>,
    /// `Some(true)`: the operator vouches that it only reads; `Some(false)`: never call it.
    pub safe: Option<bool>,
}

/// What a prompt or a resource template is asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueRule {
    /// Subject id.
    pub subject: String,
    /// Arguments of the prompt or variables of the template, by name.
    pub values: BTreeMap<String, String>,
}

/// An object that belongs to one identity's user.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectRule {
    /// Identity whose user owns it.
    pub owner: String,
    /// How it is asked for.
    pub target: ObjectTarget,
    /// Whether nobody else may have it.
    pub private: bool,
}

/// How an object is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectTarget {
    /// By a tool.
    Tool {
        /// Tool name.
        name: String,
        /// Arguments that name the object.
        arguments: Value,
    },
    /// By its URI.
    Resource(String),
}

/// Where the run serves documents of its own, with consent to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The operator's https address that leads to `listen`; none for loopback alone.
    pub base: Option<url::Url>,
    /// Where this run listens.
    pub listen: SocketAddr,
}

impl Default for Callback {
    fn default() -> Self {
        Self {
            base: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }
}

/// Network behaviour and limits.
#[derive(Clone, Debug)]
pub struct Network {
    /// Hosts a credential may go to beside the target's own (`--allow-host`).
    pub allow_hosts: BTreeSet<String>,
    /// PEM file with additional roots.
    pub cacert: Option<std::path::PathBuf>,
    /// Whether certificates go unverified; written into the report.
    pub insecure: bool,
    /// Proxy URL; none unless asked for.
    pub proxy: Option<String>,
    /// Deadline to connect.
    pub connect_timeout: Duration,
    /// Deadline for one answer.
    pub timeout: Duration,
    /// Bytes of header section accepted.
    pub max_header_bytes: usize,
    /// Bytes of body kept.
    pub max_body_bytes: usize,
    /// Bytes of body read before the connection is cut.
    pub max_read_bytes: usize,
    /// Requests in flight to one host.
    pub concurrency: usize,
    /// Requests per second to one remote host; loopback is not limited.
    pub rate: u32,
    /// Requests in the whole run.
    pub max_requests: usize,
    /// `User-Agent`.
    pub user_agent: String,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            allow_hosts: BTreeSet::new(),
            cacert: None,
            insecure: false,
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            max_header_bytes: 64 * 1024,
            max_body_bytes: 1024 * 1024,
            max_read_bytes: 16 * 1024 * 1024,
            concurrency: 8,
            rate: 50,
            max_requests: 40_000,
            user_agent: String::new(),
        }
    }
}
