//! Knobs of the authorization server: metadata, registration and the tokens it mints.

use schemars::JsonSchema;
use serde::Deserialize;

/// The authorization server and its metadata (RFC 8414).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Authorization {
    /// Where the authorization server lives.
    pub location: Location,
    /// Path of the issuer identifier, such as `/tenant`; empty for none.
    pub issuer_path: String,
    /// Which metadata documents are served.
    pub metadata: AsMetadata,
    /// The `issuer` member.
    pub issuer: IssuerShape,
    /// Which PKCE methods are advertised and accepted.
    pub pkce: Pkce,
    /// Whether endpoints are advertised where they are.
    pub endpoints: Endpoints,
    /// Where `jwks_uri` points.
    pub jwks_uri: JwksLocation,
    /// Whether authorization responses carry `iss` (RFC 9207).
    pub iss_parameter: IssuerParameter,
    /// Whether client ID metadata documents are advertised.
    pub cimd: Support,
    /// Whether the implicit flow is advertised.
    pub implicit_flow: FlowSwitch,
    /// Whether the password grant is advertised.
    pub password_grant: FlowSwitch,
}

/// Where the authorization server lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Location {
    /// On a port of its own.
    #[default]
    Separate,
    /// On the MCP server's own origin, as 2025-03-26 has it.
    Embedded,
}

/// Which metadata documents are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AsMetadata {
    /// `oauth-authorization-server`, inserted before the issuer's path.
    #[default]
    Rfc8414,
    /// `openid-configuration`, inserted before the issuer's path.
    Oidc,
    /// `openid-configuration`, appended to the issuer's path.
    OidcAppended,
    /// The first two.
    Both,
    /// None.
    Missing,
}

/// The `issuer` member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerShape {
    /// The identifier that the metadata was looked up for.
    #[default]
    Correct,
    /// The same with a slash behind it.
    TrailingSlash,
    /// An identifier on another host.
    Other,
}

/// Which PKCE methods are advertised and accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pkce {
    /// `S256`.
    #[default]
    #[serde(rename = "S256")]
    S256,
    /// `S256` and `plain`.
    PlainToo,
    /// `S256` is accepted, and nothing is advertised.
    Absent,
}

/// Whether endpoints are advertised where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoints {
    /// They are.
    #[default]
    Served,
    /// As cleartext URLs on another host.
    Plaintext,
}

/// Where `jwks_uri` points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JwksLocation {
    /// To the authorization server.
    #[default]
    Served,
    /// Into a private network.
    Inside,
}

/// Whether authorization responses carry `iss` (RFC 9207).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerParameter {
    /// They do, and the metadata says so.
    #[default]
    Advertised,
    /// They do not.
    Absent,
}

/// Whether an optional feature is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    /// It is.
    #[default]
    Advertised,
    /// It is not.
    Absent,
}

/// Whether an outdated flow is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FlowSwitch {
    /// It is not.
    #[default]
    Absent,
    /// The metadata lists it.
    Advertised,
}

/// Dynamic client registration (RFC 7591, RFC 7592).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    /// Who may register.
    pub mode: RegistrationMode,
    /// Registrations answered before the endpoint says 429; 0 for no limit.
    pub limit: usize,
    /// Seconds after which a client expires; 0 for never.
    pub lifetime_seconds: u64,
    /// Which redirect URIs are accepted.
    pub redirects: RedirectPolicy,
    /// Whether a client must say where it redirects to.
    pub redirect_need: RedirectNeed,
    /// Which ports of a registered loopback URI may be asked for.
    pub loopback_ports: LoopbackPorts,
    /// Which grants a registered client may use.
    pub grants: RegistrationGrants,
    /// What becomes of the scopes that a registration asks for.
    pub scopes: RegistrationScopes,
    /// What becomes of a software statement that nobody trusted signed.
    pub statements: Statements,
    /// What the login page says of a client.
    pub login_page: LoginPage,
    /// What can be done with a registration afterwards.
    pub management: Management,
    /// Shape of a successful answer.
    pub response: RegistrationResponse,
}

/// Who may register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationMode {
    /// Nobody: there is no endpoint.
    #[default]
    Absent,
    /// Anybody.
    Open,
    /// Holders of an initial access token; others get 401 and a challenge.
    #[serde(rename = "gated-401")]
    Gated401,
    /// Holders of an initial access token; others get 403 and a challenge.
    #[serde(rename = "gated-403")]
    Gated403,
    /// Trusted hosts; others get 403 without a challenge.
    #[serde(rename = "source-policy-403")]
    SourcePolicy403,
    /// Holders of a trusted software statement.
    SoftwareStatement,
    /// Anybody, at an endpoint that the metadata does not mention.
    Shadow,
    /// Nobody for now: every request is answered with 429.
    #[serde(rename = "rate-limited-429")]
    RateLimited429,
    /// Anybody whose client is confidential and redirects to https.
    RefusesLoopback,
    /// Everybody gets the same client id, with status 200.
    FixedClientId,
    /// Nobody: the advertised endpoint does not exist.
    #[serde(rename = "advertised-404")]
    Advertised404,
}

/// Which redirect URIs are accepted at registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RedirectPolicy {
    /// https and loopback, without wildcard or fragment.
    #[default]
    Exact,
    /// Also private-use schemes (RFC 8252 §7.1).
    PrivateUse,
    /// Anything.
    Any,
    /// Those that are not https or loopback are left out of the registration.
    Drops,
    /// Anything, and the authorization endpoint refuses what is not https or loopback.
    RefusedLater,
}

/// Whether a client must say where it redirects to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RedirectNeed {
    /// It must.
    #[default]
    Required,
    /// It need not, and is then redirected anywhere.
    Optional,
    /// It need not, and is then redirected nowhere.
    OptionalRefusedLater,
}

/// Which ports of a registered loopback URI may be asked for (RFC 8252 §7.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoopbackPorts {
    /// Every one.
    #[default]
    Any,
    /// The registered one only.
    Registered,
}

/// What becomes of the scopes that a registration asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationScopes {
    /// They are ignored.
    #[default]
    Ignored,
    /// Those that exist are registered.
    Narrowed,
    /// All of them are registered.
    Kept,
}

/// What becomes of a software statement that nobody trusted signed (RFC 7591 §2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Statements {
    /// It is ignored.
    #[default]
    Ignored,
    /// The registration is refused.
    Refused,
    /// Its claims replace what the request says.
    Believed,
}

/// What the login page says of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoginPage {
    /// Its name and the host that it redirects to.
    #[default]
    NameAndHost,
    /// Its name.
    Name,
    /// Nothing.
    Silent,
}

/// Which grants a registered client may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationGrants {
    /// `authorization_code`.
    #[default]
    CodeOnly,
    /// `client_credentials` as well, so that no person is needed.
    ClientCredentials,
    /// `client_credentials` as well, which the token endpoint then refuses.
    ClientCredentialsUnapproved,
    /// The outdated and the delegated ones as well, which the token endpoint does not know.
    Outdated,
}

/// What can be done with a registration afterwards (RFC 7592).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Management {
    /// It can be read and deleted.
    #[default]
    Full,
    /// The answer names no management endpoint.
    Absent,
    /// DELETE is answered with 405.
    Undeletable,
    /// DELETE is answered with 204, and the client lives on.
    Undead,
    /// Records can be read without a registration token.
    Readable,
    /// Every registration token opens every record.
    Shared,
    /// A registration token shown at another client's record is revoked (RFC 7592 §2.1).
    Strict,
}

/// Shape of a successful registration answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationResponse {
    /// As RFC 7591 §3.2.1 has it.
    #[default]
    WellFormed,
    /// A secret without an expiry, cacheable.
    Malformed,
}

/// The tokens that the authorization server mints.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// How a token looks.
    pub format: TokenFormat,
    /// Seconds from `iat` to `exp`.
    pub lifetime_seconds: u64,
    /// The `aud` claim.
    pub audience: TokenAudience,
    /// Which scopes are granted.
    pub mint: MintPolicy,
    /// Requests that the MCP server accepts a minted token for; 0 for no limit.
    pub uses: usize,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            format: TokenFormat::default(),
            lifetime_seconds: 3600,
            audience: TokenAudience::default(),
            mint: MintPolicy::default(),
            uses: 0,
        }
    }
}

/// How a token looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenFormat {
    /// A signed JWT (RFC 9068).
    #[default]
    Jwt,
    /// A random string.
    Opaque,
}

/// The `aud` claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenAudience {
    /// The resource that was asked for, by default the MCP endpoint.
    #[default]
    Resource,
    /// The word `api`, for every resource.
    Generic,
}

/// Which scopes are granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MintPolicy {
    /// Those asked for that the client is entitled to.
    #[default]
    Requested,
    /// Everything the client is entitled to, whatever was asked for.
    GrantsMore,
    /// Everything that is asked for, whatever the client is entitled to.
    Anything,
    /// Those asked for, or none at all when the client is not entitled to one of them.
    Strict,
    /// Those asked for that the client is entitled to, and `profile`.
    AddsDefault,
}
