//! Knobs of the authorization endpoint: what it lets through before anybody logs in.

use schemars::JsonSchema;
use serde::Deserialize;

/// What the authorization endpoint does before a login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Front {
    /// When a request is looked at.
    pub looks: Looks,
    /// Where the first page is.
    pub login: Login,
    /// Which unknown clients are let through.
    pub unknown_clients: UnknownClients,
    /// How redirect URIs are compared.
    pub redirects: RedirectComparison,
    /// Where errors about client and redirect URI go.
    pub errors: ErrorPlace,
    /// Whether a request needs a challenge.
    pub challenge: ChallengeRule,
    /// What happens to `response_type=token`.
    pub implicit: ImplicitRule,
    /// What happens to a `resource` that nobody serves.
    pub resource: ResourceRule,
    /// The `iss` of authorization responses.
    pub issuer: ResponseIssuer,
    /// What the first page is.
    pub page: FirstPage,
    /// Whether other sites may frame the page.
    pub framing: FramePolicy,
    /// The cookie that comes with the page.
    pub cookie: PageCookie,
    /// Whether users are sent to another authorization server, and when.
    pub proxy: Proxy,
    /// The `state` of requests to that server.
    pub upstream_state: UpstreamState,
    /// Whether requests to that server carry PKCE.
    pub upstream_challenge: UpstreamChallenge,
}

/// When a request is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Looks {
    /// At once.
    #[default]
    BeforeLogin,
    /// After a login, so that every request gets the same page.
    AfterLogin,
}

/// Where the first page is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// At the authorization endpoint itself.
    #[default]
    InPlace,
    /// One redirect away, and only with the cookie that came with the redirect.
    Redirect,
    /// Nowhere: redirects lead in a circle.
    Circle,
    /// Nowhere: every request gets its code at once.
    Skipped,
}

/// Which unknown clients are let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownClients {
    /// None.
    #[default]
    Refused,
    /// All, with whatever redirect URI they bring.
    Accepted,
}

/// How redirect URIs are compared with the registered ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RedirectComparison {
    /// Character by character, but for the port of a loopback address.
    #[default]
    Exact,
    /// By their beginning.
    Prefix,
    /// By their host.
    Host,
    /// Not at all.
    Unchecked,
}

/// Where errors about client and redirect URI go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorPlace {
    /// Onto a page.
    #[default]
    Page,
    /// To the redirect URI of the request, whoever that is.
    RedirectUri,
}

/// Whether a request needs a challenge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChallengeRule {
    /// It does.
    #[default]
    Required,
    /// It may do without.
    Optional,
}

/// What happens to `response_type=token`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImplicitRule {
    /// It is refused.
    #[default]
    Refused,
    /// It goes on.
    Honoured,
}

/// What happens to a `resource` that nobody serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceRule {
    /// It is refused.
    #[default]
    Checked,
    /// It is not looked at.
    Ignored,
}

/// The `iss` of authorization responses (RFC 9207).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseIssuer {
    /// As the metadata says.
    #[default]
    AsAdvertised,
    /// Missing, whatever the metadata says.
    Missing,
    /// That of another server.
    Other,
    /// Present, whatever the metadata says.
    Present,
}

/// What the first page is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FirstPage {
    /// Login and consent in one.
    #[default]
    LoginAndConsent,
    /// Consent without a login.
    Consent,
}

/// Whether other sites may frame the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FramePolicy {
    /// They may not.
    #[default]
    Denied,
    /// They may.
    Allowed,
}

/// The cookie that comes with the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PageCookie {
    /// `__Host-`, `Secure`, `HttpOnly`, `SameSite=Lax`.
    #[default]
    Guarded,
    /// Without any of them.
    Bare,
    /// None at all.
    Absent,
}

/// Whether users are sent to another authorization server, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Proxy {
    /// This server logs users in by itself.
    #[default]
    Absent,
    /// Once the user has agreed on a page of this server.
    AfterConsent,
    /// At once.
    AtOnce,
}

/// The `state` of requests to the other server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamState {
    /// Random, kept here.
    #[default]
    Random,
    /// The client's own.
    PassedOn,
    /// The client's request, merely encoded.
    Nested,
    /// The same for everybody.
    Fixed,
    /// None.
    Missing,
}

/// Whether requests to the other server carry PKCE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamChallenge {
    /// They do.
    #[default]
    Sent,
    /// They do not.
    Missing,
}
