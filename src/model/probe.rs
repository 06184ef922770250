//! What can be asked of a target, which tier permits it, and the key that ties evidence to a question.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far the operator lets the tool go; each tier includes the ones before it, up to
/// [`Tier::Authenticated`]. The last three are allowed one by one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Public metadata.
    Passive,
    /// No token, a garbage token, or a registration request that cannot register.
    Anonymous,
    /// Lists, unknown names, permitted schema-invalid calls, valid calls of read-only tools.
    Authenticated,
    /// Creates a client and deletes it.
    Register,
    /// Runs tools that the operator listed.
    Call,
    /// Changes state on canary objects.
    Destructive,
}

impl Tier {
    /// Every tier, least intrusive first.
    pub const ALL: [Self; 6] = [
        Self::Passive,
        Self::Anonymous,
        Self::Authenticated,
        Self::Register,
        Self::Call,
        Self::Destructive,
    ];

    /// The word used in flags and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passive => "passive",
            Self::Anonymous => "anonymous",
            Self::Authenticated => "authenticated",
            Self::Register => "register",
            Self::Call => "call",
            Self::Destructive => "destructive",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

macro_rules! probes {
    ($($variant:ident $name:literal $tier:ident $what:literal;)*) => {
        /// A kind of question that can be put to the target.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum ProbeId {
            $(#[doc = $what] #[serde(rename = $name)] $variant,)*
        }

        impl ProbeId {
            /// Every probe.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable kebab-case id.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The lowest tier that permits it.
            pub const fn tier(self) -> Tier {
                match self { $(Self::$variant => Tier::$tier,)* }
            }

            /// What it asks, in a few words.
            pub const fn purpose(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }
        }
    };
}

probes! {
    DetectModern "detect-modern" Anonymous "`server/discover` in the 2026-07-28 form";
    DetectLegacy "detect-legacy" Anonymous "`initialize` as revisions up to 2025-11-25 do";
    DetectSse "detect-sse" Anonymous "GET for the event stream of 2024-11-05";
    ResourceMetadata "resource-metadata" Passive "protected resource metadata (RFC 9728)";
    ServerMetadata "server-metadata" Passive "authorization server metadata (RFC 8414, OpenID Connect Discovery)";
    KeySet "key-set" Passive "the authorization server's JSON Web Key Set";
    DefaultEndpoint "default-endpoint" Anonymous "default OAuth path of a 2025-03-26 server without metadata";
    RegistrationGate "registration-gate" Anonymous "registration request that cannot register: truncated JSON";
    RegistrationPlaintext "registration-plaintext" Anonymous "the same truncated request over plain http";
    ShadowRegistration "shadow-registration" Anonymous "truncated registration at unadvertised well-trodden paths";
    PlaintextEndpoint "plaintext-endpoint" Anonymous "the MCP endpoint over plain http, without a token";
    ForeignOrigin "foreign-origin" Anonymous "a request that carries a foreign `Origin`";
    ForeignHost "foreign-host" Anonymous "a request to a local server that carries a foreign `Host`";
    Preflight "preflight" Anonymous "CORS preflight of a foreign origin";
    RouteVariant "route-variant" Anonymous "the endpoint under another spelling of its path, or with an overridden verb, without a token";
    LegacyStream "legacy-stream" Anonymous "the event stream of 2024-11-05 beside the audited transport, and a POST to it without a token";
    UnknownVersion "unknown-version" Anonymous "a request of a protocol version that does not exist";
    TextBody "text-body" Anonymous "a request whose body is declared to be plain text";
    MissingMetadata "missing-metadata" Authenticated "a 2026-07-28 request without one of its required fields";
    UnknownMethod "unknown-method" Authenticated "a request of a method that does not exist";
    StatelessSession "stateless-session" Authenticated "a session id, GET and DELETE at a server without sessions";
    SessionMissing "session-missing" Authenticated "a request without the session id that the server issued";
    SessionSample "session-sample" Authenticated "`initialize` once more, to compare session ids";
    SessionReuse "session-reuse" Authenticated "a request on a session that the run has ended";
    ResumeStream "resume-stream" Authenticated "GET that resumes another identity's event stream by `Last-Event-ID`";
    Register "register" Register "a valid minimal registration";
    RegisterHostile "register-hostile" Register "registration with a redirect URI that must be refused";
    RegisterMachine "register-machine" Register "registration for `client_credentials`";
    RegisterBare "register-bare" Register "registration without redirect URIs";
    RegisterScopes "register-scopes" Register "registration that asks for every scope";
    RegisterName "register-name" Register "registration under a name that is not ours";
    RegisterLoopback "register-loopback" Register "registration with other spellings of loopback";
    RegisterGrants "register-grants" Register "registration for grants that need no consent";
    RegisterStatement "register-statement" Register "registration with a forged software statement";
    RegisterBurst "register-burst" Register "one of several registrations in a row, on request only";
    AuthorizeClient "authorize-client" Register "authorization request of the new client, no login";
    AuthorizeRedirect "authorize-redirect" Register "authorization request of a new client with another redirect URI, no login";
    AuthorizeScope "authorize-scope" Register "authorization request of the new client for every scope, and for one that cannot exist";
    ForeignRecord "foreign-record" Register "the record of a new client with the wrong registration token, and with its own";
    AuthorizeStranger "authorize-stranger" Anonymous "authorization request of a client that cannot exist, no login";
    AuthorizeChanged "authorize-changed" Anonymous "authorization request of a known client with one thing changed, no login";
    FollowRedirect "follow-redirect" Anonymous "a redirect of the authorization endpoint within its own origin";
    AuthorizeDocument "authorize-document" Register "authorization request whose client ID names a document of ours, no login";
    ReadClient "read-client" Register "reading the new client back (RFC 7592 §2.1)";
    DeleteClient "delete-client" Register "deleting the new client (RFC 7592 §2.3)";
    MintStranger "mint-stranger" Register "token request of the anonymously registered client";
    RevokeStranger "revoke-stranger" Register "revocation of the anonymously registered client's token (RFC 7009)";
    RegisterLogin "register-login" Register "registration of a client for the login, and of a second one";
    LoginReturn "login-return" Authenticated "the browser's return from a login; received, not sent";
    DeviceAuthorization "device-authorization" Authenticated "device authorization request (RFC 8628)";
    AuthorizeBare "authorize-bare" Authenticated "authorization request without PKCE beside one with it, no login";
    RedeemCode "redeem-code" Authenticated "token request with the code of a login";
    RefreshToken "refresh-token" Authenticated "token request with the refresh token of a login";
    MintToken "mint-token" Authenticated "token request for an identity";
    ProofNonce "proof-nonce" Authenticated "request that the server wants its nonce in (RFC 9449)";
    TokenGrant "token-grant" Anonymous "token request of a client that does not exist: an unknown grant type, then `password`";
    Introspect "introspect" Anonymous "introspection of a random token, without credentials";
    ForgedAssertion "forged-assertion" Anonymous "token request with an assertion that nobody trusts";
    ClientGrant "client-grant" Authenticated "token request of the operator's client: an unknown grant type, then `password` for a user who does not exist";
    ClientSecret "client-secret" Authenticated "token request of the operator's client with a wrong secret, then with none: two failed authentications";
    ClientMethod "client-method" Authenticated "token request of the operator's client with its secret in the other place";
    ClientScope "client-scope" Authenticated "token request of the operator's client for a scope that does not exist, then for every published one";
    ClientAssertion "client-assertion" Authenticated "token request of the operator's client with an assertion, most of them to be refused";
    RevokeToken "revoke-token" Authenticated "revocation of a token that the run obtained (RFC 7009)";
    OpenSession "open-session" Authenticated "`initialize` for an identity, or `server/discover`";
    SpoofedIdentity "spoofed-identity" Anonymous "a request without a token, with fields that a proxy or another scheme would set";
    ForeignScheme "foreign-scheme" Authenticated "random characters under another scheme than Bearer, or under a spelling of it";
    WrongTokenDoor "wrong-token-door" Authenticated "a wrong token, or none, at a door that is not tried otherwise: other lists, the event stream, DELETE, other revisions";
    FlawedProof "flawed-proof" Authenticated "a token bound to a key of the run, with a proof that proves nothing, and with good ones before and after";
    BoundCertificate "bound-certificate" Authenticated "a token bound to a client certificate, with that certificate, without it, and with another";
    RevokedToken "revoked-token" Authenticated "a token that the run obtained, after it was revoked";
    Initialized "initialized" Authenticated "`notifications/initialized`";
    CloseSession "close-session" Authenticated "DELETE of a session that the run opened";
    ListTools "list-tools" Authenticated "`tools/list`, one page";
    Liveness "liveness" Authenticated "`tools/list` again, with a token that worked and is now answered as a bad one";
    ListResources "list-resources" Authenticated "`resources/list`, one page";
    ListResourceTemplates "list-resource-templates" Authenticated "`resources/templates/list`, one page";
    ListPrompts "list-prompts" Authenticated "`prompts/list`, one page";
    UnknownName "unknown-name" Authenticated "`tools/call` of a random name: the baseline for hidden tools";
    Calibrate "calibrate" Authenticated "schema-invalid call of a read-only tool, to see that arguments are validated";
    CallBurst "call-burst" Authenticated "one of several equal calls in a row, on request only";
    CallInvalid "call-invalid" Authenticated "`tools/call` with arguments that break every required property";
    CallValid "call-valid" Authenticated "`tools/call` of a clearly read-only tool with valid arguments";
    CallListed "call-listed" Call "`tools/call` that the operator listed";
    MakeCanary "make-canary" Destructive "making an object of the run's own, for one call of a tool that changes one";
    CallCanary "call-canary" Destructive "`tools/call` of a tool that changes state, on an object of the run's own";
    ReadCanary "read-canary" Destructive "reading that object before and after the call, as whoever made it";
    AskCanary "ask-canary" Destructive "that object as another user and without a token";
    RemoveCanary "remove-canary" Destructive "removing that object again";
    ReadResource "read-resource" Authenticated "`resources/read` of a listed resource";
    ReadOutside "read-outside" Authenticated "`resources/read` of a path or address outside what is offered, on request only";
    UnknownResource "unknown-resource" Authenticated "`resources/read` of a random URI: the baseline for hidden resources";
    PromptGet "get-prompt" Authenticated "`prompts/get` with minimal arguments";
    Introduce "introduce" Authenticated "`server/discover` for an identity, to compare what each is told";
    Complete "complete" Authenticated "`completion/complete` of an argument, with an empty value";
    Subscribe "subscribe" Authenticated "asking to watch a resource that a stronger token may read";
    Unsubscribe "unsubscribe" Authenticated "taking a subscription of the run back";
    ReadObject "read-object" Authenticated "an object that the operator named, as its owner, as another user and without a token";
    FollowLink "follow-link" Authenticated "`resources/read` of a link that a tool handed to the strongest identity";
    GiveBackState "give-back-state" Authenticated "a call that asks back, with its state altered and from another caller; every question is declined";
    StrangeTask "strange-task" Authenticated "`tasks/get` of a random id without a token, and `tasks/list`";
    StartTask "start-task" Call "a call that the operator listed, as a task";
    AskTask "ask-task" Call "a task of the run, as its owner, as another user and without a token; cancelled at the end";
    UnknownPrompt "unknown-prompt" Authenticated "`prompts/get` of a random name: the baseline for hidden prompts";
    PassingSession "passing-session" Authenticated "a session that is opened for one question and closed again";
    PlainAgain "plain-again" Authenticated "a call that is sent in other forms, in its plain form";
    BorrowedSession "borrowed-session" Authenticated "a request on a session that another identity opened";
    QueryToken "query-token" Authenticated "a list with a useless token in the query string; a working one with `--query-token`";
    TwoTokens "two-tokens" Authenticated "a list with a working and a useless token in two header lines";
    EraSession "era-session" Authenticated "a session in another revision that is served, for the comparison of revisions";
    EraList "era-list" Authenticated "`tools/list` in another revision";
    EraUnknown "era-unknown" Authenticated "`tools/call` of a random name in another revision";
    EraCall "era-call" Authenticated "a call of the matrix in another revision";
    HeaderSplit "header-split" Authenticated "a refused call whose header fields and body disagree";
    CallInArray "call-in-array" Authenticated "a refused call inside a JSON array";
    NameSpelling "name-spelling" Authenticated "a refused call with its name spelled otherwise";
    MethodSpelling "method-spelling" Authenticated "a refused call with its method spelled otherwise";
    ArgumentsForm "arguments-form" Authenticated "a refused call of a read-only tool with its arguments in another form";
    KeptAnswer "kept-answer" Authenticated "a read with arguments that nobody sent before, by a weaker caller before and after the control";
    VersionField "version-field" Authenticated "a refused call without the fields that name the revision, or with others";
}

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one exchange was asked for: equal keys are equal questions.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct ProbeKey {
    /// The kind of question.
    pub id: ProbeId,
    /// Subject id (`tool/delete_note`), metadata URL, or issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Which form of the question (`no-token`, `hostile-http`, `page-2`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Repetition, from zero.
    #[serde(default)]
    pub attempt: u16,
}

impl ProbeKey {
    /// A question about the target as a whole.
    pub const fn new(id: ProbeId) -> Self {
        Self {
            id,
            subject: None,
            variant: None,
            attempt: 0,
        }
    }

    /// The same question about a subject.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The same question in another form.
    #[must_use]
    pub fn variant(mut self, variant: impl Into<String>) -> Self {
        self.variant = Some(variant.into());
        self
    }

    /// The same question again.
    #[must_use]
    pub const fn attempt(mut self, attempt: u16) -> Self {
        self.attempt = attempt;
        self
    }
}

/// A line of the plan: a group of requests of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedGroup {
    /// The kind of question.
    pub probe: ProbeId,
    /// The tier that permits it.
    pub tier: Tier,
    /// Who asks: identity names.
    pub identities: Vec<String>,
    /// About what: subject ids, URLs; empty when about the target as a whole.
    pub subjects: Vec<String>,
    /// Upper bound on requests.
    pub requests: usize,
    /// What the bound is counted per, when it is not the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// Whether every one of them is certain, or depends on earlier answers.
    pub conditional: bool,
}

/// A call that the operator wrote, as it will be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedCall {
    /// The kind of question.
    pub probe: ProbeId,
    /// The tier that permits it.
    pub tier: Tier,
    /// The tool, or a pattern of tools before they are known.
    pub tool: String,
    /// Who calls: identity names.
    pub identities: Vec<String>,
    /// The arguments as JSON, secrets replaced, cut where they are long; placeholders are filled for
    /// each call.
    pub arguments: String,
}

/// Everything the tool would send, and what it cannot settle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Groups in sending order.
    pub groups: Vec<PlannedGroup>,
    /// Calls that the operator wrote, with their arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<PlannedCall>,
    /// How many more of these there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unshown_calls: usize,
    /// Subjects or checks that stay open, with the reason and the flag that would settle them.
    pub unsettleable: Vec<Unsettleable>,
}

impl Plan {
    /// The upper bound on requests in all groups.
    pub fn requests(&self) -> usize {
        self.groups.iter().map(|group| group.requests).sum()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Something that the permitted probes cannot settle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unsettleable {
    /// Subject id or check id.
    pub what: String,
    /// Why not.
    pub reason: String,
    /// The flag or configuration that would settle it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
}
