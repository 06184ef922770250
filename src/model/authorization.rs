//! What the authorization endpoint does before anybody logs in: requests, how each ended, and what
//! was seen on the way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;

/// Everything that one authorization endpoint was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrontChannel {
    /// The issuer.
    pub issuer: String,
    /// The authorization endpoint.
    pub endpoint: String,
    /// Requests in the name of clients that cannot exist, and one that is no request at all.
    pub strangers: Vec<FrontAnswer>,
    /// Requests in the name of clients that the endpoint knows.
    pub clients: Vec<FrontClient>,
}

impl FrontChannel {
    /// The answer to a request that no known client made.
    pub fn stranger(&self, ask: FrontAsk) -> Option<&FrontAnswer> {
        self.strangers.iter().find(|answer| answer.ask == ask)
    }
}

/// The requests of one known client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrontClient {
    /// The client identifier.
    pub client_id: String,
    /// Whether the run registered it; otherwise the operator named it.
    pub registered: bool,
    /// Its registered redirect URI.
    pub redirect_uri: String,
    /// Every request, the good one first.
    pub answers: Vec<FrontAnswer>,
}

impl FrontClient {
    /// The answer to one request.
    pub fn answer(&self, ask: FrontAsk) -> Option<&FrontAnswer> {
        self.answers.iter().find(|answer| answer.ask == ask)
    }
}

/// One authorization request, followed as far as the authorization server's own origin goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrontAnswer {
    /// What was changed against the good request.
    pub ask: FrontAsk,
    /// The redirect URI that was asked for.
    pub redirect_uri: String,
    /// Where it ended.
    pub end: FrontEnd,
    /// The request and the redirects that were followed, in order.
    pub exchanges: Vec<ExchangeId>,
}

impl FrontAnswer {
    /// The request itself.
    pub fn request(&self) -> ExchangeId {
        self.exchanges.first().copied().unwrap_or(ExchangeId(0))
    }

    /// The answer that ended it.
    pub fn last(&self) -> ExchangeId {
        self.exchanges.last().copied().unwrap_or(ExchangeId(0))
    }
}

macro_rules! asks {
    ($($variant:ident $name:literal $what:literal;)*) => {
        /// What was changed against the good request of the same client.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            JsonSchema,
        )]
        pub enum FrontAsk {
            $(#[doc = $what] #[serde(rename = $name)] $variant,)*
        }

        impl FrontAsk {
            /// The stable kebab-case name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What was changed, in a few words.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }
        }
    };
}

asks! {
    Good "good" "nothing: PKCE with S256, exact redirect URI, resource, state";
    GoodAgain "good-again" "nothing, a second time";
    UnknownClient "unknown-client" "a client identifier that cannot exist";
    UnknownClientAgain "unknown-client-again" "another client identifier that cannot exist";
    NoRequest "no-request" "no parameter at all";
    ChallengeMissing "challenge-missing" "no `code_challenge`, no method";
    ChallengeWithoutMethod "challenge-without-method" "a `code_challenge` without a method, which means plain";
    MethodWithoutChallenge "method-without-challenge" "a method without a `code_challenge`";
    MethodPlain "method-plain" "`code_challenge_method=plain`";
    MethodUnknown "method-unknown" "`code_challenge_method=S512`";
    RedirectForeign "redirect-foreign" "a redirect URI on a foreign host";
    RedirectSubpath "redirect-subpath" "the redirect URI with one more path segment";
    RedirectQuery "redirect-query" "the redirect URI with a query added";
    RedirectFragment "redirect-fragment" "the redirect URI with a fragment";
    RedirectPort "redirect-port" "the redirect URI on another port of a host that is not loopback";
    RedirectUserinfo "redirect-userinfo" "the registered host as user name of a foreign one";
    RedirectScheme "redirect-scheme" "the redirect URI over the other of http and https";
    RedirectDotSegments "redirect-dot-segments" "the redirect URI with dot segments in its path";
    RedirectPathCase "redirect-path-case" "the path of the redirect URI in upper case";
    RedirectHostCase "redirect-host-case" "the host of the redirect URI in upper case";
    RedirectHostDot "redirect-host-dot" "the host of the redirect URI with a dot behind it";
    RedirectDecimalHost "redirect-decimal-host" "the loopback address of the redirect URI as one decimal number";
    RedirectEncoded "redirect-encoded" "a letter of the redirect URI's path percent-encoded";
    RedirectTwice "redirect-twice" "two redirect URIs, the second one foreign";
    ResourceMissing "resource-missing" "no `resource`";
    ResourceForeign "resource-foreign" "a `resource` that nobody serves";
    ResourceTwice "resource-twice" "two `resource` parameters, the second one foreign";
    ResponseTypeToken "response-type-token" "`response_type=token`";
    ResponseTypeCodeToken "response-type-code-token" "`response_type=code token`";
    ResponseTypeUnknown "response-type-unknown" "a response type that nobody defined";
    ScopeUnknown "scope-unknown" "a scope that nobody defined";
    PromptNone "prompt-none" "`prompt=none`";
    StateMissing "state-missing" "no `state`";
}

/// How a request to the authorization endpoint ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum FrontEnd {
    /// A page on the authorization server's own origin, whatever its status.
    Page(FrontPage),
    /// A redirect back to a redirect URI.
    Returned(Returned),
    /// A redirect to an authorization endpoint on another origin: the server is a client there.
    Upstream(Upstream),
    /// A redirect to another origin that is no authorization request.
    Elsewhere {
        /// Scheme, host and path.
        place: String,
    },
    /// No answer that can be read.
    Unreadable {
        /// What came.
        what: String,
    },
}

/// A page, by its structure: words decide nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrontPage {
    /// HTTP status.
    pub status: u16,
    /// Path at which it was shown.
    pub path: String,
    /// Digest of its elements in order.
    pub skeleton: String,
    /// How many forms it has.
    pub forms: usize,
    /// Whether a form asks for something to be typed.
    pub typed_input: bool,
}

/// A redirect back to a redirect URI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Returned {
    /// Whether it is the registered redirect URI; otherwise it is only the one that was asked for.
    pub registered: bool,
    /// Scheme, host and path.
    pub place: String,
    /// The OAuth error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What came along without any login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought: Option<Brought>,
    /// The issuer (RFC 9207).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Whether our state came back as it was sent.
    pub state: bool,
}

/// What an authorization response brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Brought {
    /// A code.
    Code,
    /// An access token or an ID token.
    Token,
}

/// The authorization request that the server makes of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upstream {
    /// Scheme, host and path of the endpoint.
    pub place: String,
    /// The host.
    pub host: String,
    /// The client that the server is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Whether it carries a PKCE challenge.
    pub challenge: bool,
    /// Its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<UpstreamState>,
}

/// What can be said of a state without knowing its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpstreamState {
    /// Digest, to tell whether two are the same.
    pub digest: String,
    /// Upper bound on its entropy in bits, from length and alphabet.
    pub bits: u32,
    /// Whether it is the client's own state passed on.
    pub passed_on: bool,
    /// Parameters of the client's request that can be read in it.
    pub carries: Vec<String>,
    /// Whether what it carries is signed or otherwise more than an encoding.
    pub signed: bool,
}
