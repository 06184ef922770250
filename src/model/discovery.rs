//! What the target and its authorization servers publish about themselves, each fact with its source.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exchange::ExchangeId;
use super::target::{Revision, Transport};

/// A value and the exchange it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it was read.
    pub exchange: ExchangeId,
}

/// A protocol revision that the target was seen to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServedRevision {
    /// The revision.
    pub revision: Revision,
    /// How it travels.
    pub transport: Transport,
    /// The answer that shows it.
    pub exchange: ExchangeId,
}

/// One challenge of a `WWW-Authenticate` field (RFC 9110 §11.6.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Challenge {
    /// Authentication scheme as written.
    pub scheme: String,
    /// Parameters in order, names lower-cased, duplicates kept.
    pub params: Vec<(String, String)>,
    /// Whether the strict grammar accepted the field; `false` when only the lenient scan did.
    pub strict: bool,
}

impl Challenge {
    /// The first parameter of that name.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the scheme is Bearer or DPoP, compared case-insensitively (RFC 9110 §11.1).
    pub fn is_token_scheme(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("bearer") || self.scheme.eq_ignore_ascii_case("dpop")
    }
}

/// Everything one answer said in `WWW-Authenticate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Challenges {
    /// The challenges, strict when possible.
    pub challenges: Vec<Challenge>,
    /// The raw field values.
    pub raw: Vec<String>,
    /// Why the strict grammar refused, with the byte offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Challenges {
    /// The first Bearer or DPoP challenge.
    pub fn token_challenge(&self) -> Option<&Challenge> {
        self.challenges
            .iter()
            .find(|challenge| challenge.is_token_scheme())
    }
}

/// How a metadata document was looked for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// `resource_metadata` of a challenge (RFC 9728 §5.1).
    Challenge,
    /// Well-known segment inserted before the path (RFC 9728 §3.1, RFC 8414 §3.1).
    WellKnownInserted,
    /// Well-known at the root of the host.
    WellKnownRoot,
    /// Well-known appended to the path: not standard for RFC 9728, diagnostic only.
    WellKnownAppended,
    /// OpenID Connect Discovery with the segment inserted.
    OpenIdInserted,
    /// OpenID Connect Discovery with the segment appended (OpenID Connect Discovery §4).
    OpenIdAppended,
    /// The 2025-03-26 fallback: the server's own origin is the authorization server.
    ServerOrigin,
}

/// One attempt to fetch a metadata document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetadataAttempt {
    /// Where it was looked for.
    pub url: String,
    /// By which rule.
    pub route: Route,
    /// The exchange.
    pub exchange: ExchangeId,
    /// The JSON object, when there was one, unknown members kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Value>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl MetadataAttempt {
    /// A string member of the document.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.document.as_ref()?.get(member)?.as_str()
    }

    /// A string member of a member that is an object.
    pub fn nested(&self, member: &str, inner: &str) -> Option<&str> {
        self.document.as_ref()?.get(member)?.get(inner)?.as_str()
    }

    /// A member that is an array of strings; other elements are skipped.
    pub fn texts(&self, member: &str) -> Option<Vec<&str>> {
        let values = self.document.as_ref()?.get(member)?.as_array()?;
        Some(values.iter().filter_map(Value::as_str).collect())
    }

    /// Whether the authorization server takes identity assertions of an enterprise's identity
    /// provider (Enterprise-Managed Authorization §6).
    pub fn takes_identity_assertions(&self) -> bool {
        let profiles = self.texts("authorization_grant_profiles_supported");
        profiles.is_some_and(|it| it.contains(&"urn:ietf:params:oauth:grant-profile:id-jag"))
    }

    /// A boolean member of the document.
    pub fn flag(&self, member: &str) -> Option<bool> {
        self.document.as_ref()?.get(member)?.as_bool()
    }
}

/// An authorization server that the target names, or is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuthorizationServer {
    /// Its issuer identifier exactly as named; compared as bytes (RFC 8414 §3.3).
    pub issuer: String,
    /// The exchange that named it.
    pub named_by: ExchangeId,
    /// Every place its metadata was looked for.
    pub metadata: Vec<MetadataAttempt>,
    /// Why nothing was fetched, when the engagement rules forbade it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// Whether it was assumed by the 2025-03-26 rule rather than named.
    #[serde(default)]
    pub assumed: bool,
}

impl AuthorizationServer {
    /// Whether it is the target's own origin without metadata, where 2025-03-26 has defaults; such a
    /// server is known only after its default endpoints have answered.
    pub fn has_default_endpoints(&self) -> bool {
        self.assumed && self.chosen().is_none()
    }

    /// Where tokens come from without metadata (2025-03-26 §Fallbacks for Servers without Metadata
    /// Discovery).
    pub fn default_token_endpoint(&self) -> String {
        format!("{}/token", self.issuer)
    }

    /// The metadata a client would use: the first document found, whose issuer matches if any does.
    pub fn chosen(&self) -> Option<&MetadataAttempt> {
        let found = || {
            self.metadata
                .iter()
                .filter(|attempt| attempt.document.is_some())
        };
        found()
            .find(|attempt| attempt.text("issuer") == Some(self.issuer.as_str()))
            .or_else(|| found().next())
    }
}

/// What the target does with a request that carries no token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnonymousAccess {
    /// It refuses.
    Refused,
    /// It answers protocol requests.
    Served,
    /// It answers in one form of the protocol and asks for a token in another, and the answering
    /// form is the one that is audited.
    Mixed,
    /// Neither was seen.
    #[default]
    Unknown,
}

impl AnonymousAccess {
    /// Whether the audited form answers whoever asks.
    pub const fn lets_in(self) -> bool {
        matches!(self, Self::Served | Self::Mixed)
    }
}

/// Whether one form of the protocol asks for a token before it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenDemand {
    /// The revision that was asked for, or the one that was settled on.
    pub revision: Revision,
    /// Whether it asked for a token.
    pub demanded: bool,
    /// Whether the revision is known to be served; a refusal alone does not show it.
    pub served: bool,
    /// The answer to the request without a token.
    pub exchange: ExchangeId,
}

/// Everything learned before a token was used.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Discovery {
    /// The endpoint that requests go to: as given, or after a same-origin redirect.
    pub endpoint: String,
    /// The redirect that moved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirected_by: Option<ExchangeId>,
    /// Revisions seen, newest first.
    pub revisions: Vec<ServedRevision>,
    /// The one that is audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audited: Option<ServedRevision>,
    /// What happens without a token.
    #[serde(default)]
    pub anonymous: AnonymousAccess,
    /// What each form does without a token, where the forms differ; empty where they agree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub demands: Vec<TokenDemand>,
    /// Challenges of refusals without a token.
    pub challenges: Vec<Sourced<Challenges>>,
    /// Every place protected resource metadata was looked for.
    pub resource_metadata: Vec<MetadataAttempt>,
    /// The authorization servers.
    pub authorization_servers: Vec<AuthorizationServer>,
    /// URLs the engagement rules kept the tool from, with the reason.
    pub blocked: Vec<BlockedUrl>,
    /// The name the server gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_info: Option<Sourced<Value>>,
    /// The capabilities it declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Sourced<Value>>,
    /// Why the target cannot be audited, when it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}

impl Discovery {
    /// The metadata document that a client would use: the challenge's, else path, else root.
    pub fn chosen_resource_metadata(&self) -> Option<&MetadataAttempt> {
        [
            Route::Challenge,
            Route::WellKnownInserted,
            Route::WellKnownRoot,
        ]
        .into_iter()
        .find_map(|route| {
            self.resource_metadata
                .iter()
                .find(|attempt| attempt.route == route && attempt.document.is_some())
        })
    }

    /// The first token challenge to a request without a token.
    pub fn token_challenge(&self) -> Option<Sourced<&Challenge>> {
        self.challenges.iter().find_map(|sourced| {
            let challenge = sourced.value.token_challenge()?;
            Some(Sourced {
                value: challenge,
                exchange: sourced.exchange,
            })
        })
    }

    /// The audited revision.
    pub fn revision(&self) -> Option<Revision> {
        self.audited.as_ref().map(|served| served.revision)
    }
}

/// A URL that was not fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockedUrl {
    /// The URL as the target gave it.
    pub url: String,
    /// Where it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_by: Option<ExchangeId>,
    /// Why it was not fetched and the flag that would allow it.
    pub reason: String,
    /// Whether it points at a loopback, private or link-local address.
    #[serde(default)]
    pub internal: bool,
}
