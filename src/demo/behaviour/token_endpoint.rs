//! Knobs of the token endpoint and of the extensions that build on it.

use schemars::JsonSchema;
use serde::Deserialize;

/// The token endpoint: who is believed to be a client, and which assertions are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TokenEndpoint {
    /// What the password grant does.
    pub password: PasswordGrant,
    /// Which secrets of a confidential client are accepted.
    pub secrets: SecretCheck,
    /// Which ways to authenticate are advertised.
    pub methods: AuthMethods,
    /// How a refusal looks.
    pub errors: ErrorShape,
    /// Who may introspect tokens (RFC 7662).
    pub introspection: IntrospectionAccess,
    /// Which client assertions are accepted (RFC 7523 §2.2).
    pub client_assertions: AssertionCheck,
    /// Which identity assertions are accepted (enterprise-managed authorization).
    pub identity_assertions: AssertionCheck,
    /// Which workload assertions are accepted (workload identity federation).
    pub workload_assertions: AssertionCheck,
    /// What the metadata says of enterprise-managed authorization.
    pub grant_profile: GrantProfile,
    /// Seconds that the authorization server's clock is ahead; behind when negative.
    pub clock_ahead_seconds: i64,
    /// Whether tokens are bound to a key (RFC 9449); the MCP server never asks for the proof.
    pub binding: KeyBinding,
}

/// What the password grant does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordGrant {
    /// It does not exist.
    #[default]
    Absent,
    /// Every client may use it, known or not.
    Anybody,
    /// Every client that authenticates may use it.
    Clients,
}

/// Which secrets of a confidential client are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecretCheck {
    /// The client's own.
    #[default]
    Own,
    /// Any.
    Any,
    /// The client's own, or none at all.
    Optional,
}

/// Which ways to authenticate are advertised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMethods {
    /// Those that work.
    #[default]
    Working,
    /// `none` alone.
    NoneOnly,
    /// Client assertions, without the algorithms.
    WithoutAlgorithms,
    /// Client assertions, with `none` among the algorithms.
    UnsignedAlgorithm,
    /// The header alone, although the body works as well.
    HeaderOnly,
}

/// How a refusal looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorShape {
    /// As RFC 6749 §5.2 has it.
    #[default]
    Standard,
    /// A page for people.
    Page,
    /// The right body with status 200.
    Success,
    /// 401 without a challenge.
    WithoutChallenge,
}

/// Who may introspect tokens (RFC 7662).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IntrospectionAccess {
    /// There is no endpoint.
    #[default]
    Absent,
    /// Clients that authenticate.
    Clients,
    /// Anybody.
    Anybody,
}

/// Which assertions are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AssertionCheck {
    /// The feature is not offered.
    #[default]
    Absent,
    /// None: nobody is trusted yet.
    Checked,
    /// Those that clients prove with their secret (`client_secret_jwt`).
    SharedKey,
    /// The same, whatever their audience and expiry.
    Stale,
    /// All.
    Unchecked,
    /// Those without a signature, besides those of a trusted key.
    Unsigned,
    /// Those that the clients' registered key signed, for this server, each once.
    Registered,
}

/// What the metadata says of enterprise-managed authorization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GrantProfile {
    /// Nothing.
    #[default]
    Absent,
    /// That its grant profile is supported.
    Announced,
}

/// Whether tokens are bound to a key (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyBinding {
    /// They are not.
    #[default]
    Absent,
    /// The resource metadata says that they have to be.
    Announced,
    /// They name their key.
    Key,
    /// They name a client certificate, and nobody asks for it.
    Certificate,
    /// Those that clients get for themselves name a client certificate, and the MCP server, which sees
    /// none, refuses them.
    CertificateChecked,
    /// The same; both servers speak TLS, and the MCP server compares the certificate.
    CertificateCompared,
    /// The same, and any certificate will do.
    CertificateAny,
    /// Those of the token endpoint name the key that the request proved, and both servers ask for a
    /// proof every time.
    Proven,
}

impl KeyBinding {
    /// Whether both servers speak TLS and the MCP server looks at the certificates of its clients.
    pub(crate) const fn sees_certificates(self) -> bool {
        matches!(self, Self::CertificateCompared | Self::CertificateAny)
    }
}
