//! Knobs of the resource server's finer token checks, and of what its refusals say.

use schemars::JsonSchema;
use serde::Deserialize;

/// What else is asked of a token, and what a refusal says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Verification {
    /// What is asked of a token's `iss`.
    pub issuer: IssuerCheck,
    /// Whose keys may sign.
    pub keys: KeyChoice,
    /// What is asked of a token's `typ`.
    pub typ: TypeCheck,
    /// Which tokens of the authorization server are taken for access tokens.
    pub token_use: TokenUse,
    /// What becomes of a token for the API behind the server.
    pub upstream: UpstreamTokens,
}

/// What is asked of a token's `iss`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerCheck {
    /// It is the authorization server.
    #[default]
    Checked,
    /// Nothing.
    Ignored,
}

/// Whose keys may sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyChoice {
    /// Those of the issuer that the token names.
    #[default]
    OfIssuer,
    /// Those of every issuer.
    Pooled,
}

/// What is asked of a token's `typ`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TypeCheck {
    /// It is `at+jwt`.
    #[default]
    Checked,
    /// Nothing.
    Ignored,
}

/// Which tokens of the authorization server are taken for access tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenUse {
    /// Access tokens.
    #[default]
    Access,
    /// ID tokens and refresh tokens as well.
    Any,
}

/// What becomes of a token for the API behind the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamTokens {
    /// It is refused.
    #[default]
    Refused,
    /// It is accepted, to be handed on.
    PassedOn,
}
