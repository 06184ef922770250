//! Knobs of the token endpoint: what it does with codes and refresh tokens, and how it answers.

use schemars::JsonSchema;
use serde::Deserialize;

/// What the token endpoint does with codes and refresh tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// How the PKCE verifier is compared.
    pub verifier: VerifierCheck,
    /// Whether a code is bound to the redirect URI it was asked with.
    pub redirect: Binding,
    /// Whether a code is bound to the client it was issued to.
    pub client: Binding,
    /// How often a code can be redeemed.
    pub codes: CodeUse,
    /// What a refused redemption does to the code.
    pub refused_codes: RefusedCode,
    /// What happens to a refresh token that is used.
    pub refresh: RefreshRotation,
    /// Which scopes a refresh can ask for.
    pub refresh_scope: Binding,
    /// Which resources a refresh can ask for.
    pub refresh_resource: Binding,
    /// Whether token answers may be stored.
    pub caching: Caching,
    /// Whether token answers name the granted scopes.
    pub scope_echo: ScopeEcho,
    /// Whether there is a device flow, and what the person on the other device does.
    pub device: DeviceFlow,
    /// What is made of an authorization request without a code challenge.
    pub downgrade: Downgrade,
    /// Whether tokens can be exchanged (RFC 8693).
    pub exchange: TokenExchange,
    /// Whether token answers say how long the token lives.
    pub lifetime: LifetimeEcho,
    /// Whether a person's token answers hold an ID token.
    pub id_tokens: IdTokens,
}

/// Whether tokens can be exchanged (RFC 8693).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenExchange {
    /// They cannot.
    #[default]
    Absent,
    /// A token of this server for another with its scopes or fewer.
    Offered,
    /// The same, and what comes is no token for a request.
    OfOtherType,
}

/// Whether a person's token answers hold an ID token (OpenID Connect Core §3.1.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdTokens {
    /// They do not.
    #[default]
    Absent,
    /// They do.
    Issued,
}

/// Whether token answers say how long the token lives (RFC 6749 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LifetimeEcho {
    /// They do.
    #[default]
    Given,
    /// They do not.
    Omitted,
}

/// How the PKCE verifier is compared (RFC 7636 §4.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerifierCheck {
    /// Always.
    #[default]
    Always,
    /// Only when one is sent.
    WhenSent,
    /// Never; any will do.
    Never,
}

/// Whether something holds for the whole life of a grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    /// It does.
    #[default]
    Bound,
    /// It is not compared again.
    Loose,
}

/// How often a code can be redeemed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CodeUse {
    /// Once.
    #[default]
    Once,
    /// As often as anybody likes.
    Often,
}

/// What a refused redemption does to the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefusedCode {
    /// It is spent.
    #[default]
    Spent,
    /// It stays good for a proper redemption.
    Kept,
}

/// What happens to a refresh token that is used (OAuth 2.1 §4.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshRotation {
    /// A new one replaces it; using the old one again ends the whole grant.
    #[default]
    Rotating,
    /// It stays as it is.
    Static,
    /// A new one is issued and the old one goes on working.
    OldAccepted,
    /// There are no refresh tokens.
    Absent,
}

/// Whether token answers may be stored (RFC 6749 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Caching {
    /// They say `no-store`.
    #[default]
    Forbidden,
    /// They say nothing.
    Unmentioned,
}

/// Whether token answers name the granted scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeEcho {
    /// They do.
    #[default]
    Given,
    /// They do not.
    Omitted,
}

/// Whether there is a device flow (RFC 8628), and what the person on the other device does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceFlow {
    /// There is none.
    #[default]
    Absent,
    /// The person approves after the first poll.
    Approved,
    /// The person refuses after the first poll.
    Denied,
}

/// What is made of an authorization request without a code challenge (RFC 9700 §4.8.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Downgrade {
    /// It is refused.
    #[default]
    Impossible,
    /// It is served, and its code is refused to whoever comes with a verifier.
    Noticed,
    /// It is served, and a verifier that comes with its code is passed over.
    Unnoticed,
}
