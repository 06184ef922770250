//! How a token is asked for: the grant, and the client that asks.

use std::sync::Arc;

use secrecy::SecretString;

use super::key::SigningKey;

/// A token that the run asks an authorization server for.
#[derive(Clone, Debug)]
pub struct GrantRequest {
    /// The grant.
    pub grant: Grant,
    /// The client that asks.
    pub client: OAuthClient,
    /// The issuer to use when the target names several.
    pub issuer: Option<String>,
    /// The other server that the token is for (RFC 8707); this one when absent.
    pub resource: Option<String>,
    /// Whether the token is to be bound to a key of the run (RFC 9449); as the servers demand when
    /// absent.
    pub dpop: Option<bool>,
}

/// A grant type and what it is asked with.
#[derive(Clone, Debug)]
pub enum Grant {
    /// `client_credentials` (RFC 6749 §4.4).
    ClientCredentials,
    /// `refresh_token`, possibly with a narrower scope (RFC 6749 §6).
    RefreshToken(SecretString),
    /// Token exchange (RFC 8693).
    TokenExchange {
        /// The token of the party on whose behalf the request is made.
        subject: SecretString,
        /// Its type.
        subject_type: String,
    },
    /// An assertion as a grant (RFC 7523 §2.1).
    JwtBearer(SecretString),
    /// `authorization_code`: a person signs in with a browser (RFC 6749 §4.1).
    AuthorizationCode,
    /// A person types a code on another device (RFC 8628).
    DeviceCode,
}

impl Grant {
    /// The value of `grant_type`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken(_) => "refresh_token",
            Self::TokenExchange { .. } => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer(_) => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
        }
    }

    /// Whether a person has to take part.
    pub const fn needs_a_person(&self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::DeviceCode)
    }

    /// What one more token costs, for choosing between grants: nothing, something that may be spent,
    /// a person's time.
    pub const fn cost(&self) -> u8 {
        match self {
            Self::ClientCredentials => 0,
            Self::TokenExchange { .. } => 1,
            Self::RefreshToken(_) => 2,
            // An assertion is mostly good for one token.
            Self::JwtBearer(_) => 3,
            Self::AuthorizationCode | Self::DeviceCode => 4,
        }
    }
}

impl GrantRequest {
    /// Everything in it that must never be shown, each with what it is.
    pub fn secrets(&self) -> Vec<(&'static str, &SecretString)> {
        let given = match &self.grant {
            Grant::RefreshToken(token) => Some(("refresh", token)),
            Grant::TokenExchange { subject, .. } => Some(("subject", subject)),
            Grant::JwtBearer(assertion) => Some(("grant-assertion", assertion)),
            Grant::ClientCredentials | Grant::AuthorizationCode | Grant::DeviceCode => None,
        };
        let secret = self.client.secret().map(|secret| ("secret", secret));
        given.into_iter().chain(secret).collect()
    }
}

/// A client and how it proves itself.
#[derive(Clone, Debug)]
pub struct OAuthClient {
    /// Client identifier.
    pub id: String,
    /// What it proves itself with.
    pub proof: ClientProof,
}

impl OAuthClient {
    /// The secret, when it has one.
    pub const fn secret(&self) -> Option<&SecretString> {
        match &self.proof {
            ClientProof::Secret { secret, .. } => Some(secret),
            ClientProof::Public | ClientProof::Key { .. } | ClientProof::Certificate(_) => None,
        }
    }
}

/// What a client proves itself with at the token endpoint.
#[derive(Clone, Debug)]
pub enum ClientProof {
    /// Nothing but its identifier (RFC 6749 §3.2.1).
    Public,
    /// A secret (RFC 6749 §2.3.1).
    Secret {
        /// The secret.
        secret: SecretString,
        /// Where it goes.
        auth: ClientAuth,
    },
    /// A private key: `private_key_jwt` (RFC 7523 §2.2).
    Key {
        /// The key.
        key: Arc<SigningKey>,
        /// Whom its assertions are for.
        audience: AssertionAudience,
    },
    /// A certificate and its key in PEM, shown in the TLS handshake (RFC 8705 §2).
    Certificate(SecretString),
}

/// Whom a client assertion is for (RFC 7523 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer: what the revision of RFC 7523 and FAPI 2.0 demand, because an assertion for a
    /// token endpoint can be drawn out of a client by a server that names that endpoint as its own.
    #[default]
    Issuer,
    /// The URL of the token endpoint, for servers that know nothing else.
    TokenEndpoint,
}

/// Where a client secret goes (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Where the metadata advertises; `client_secret_basic` when it says nothing (RFC 8414 §2).
    #[default]
    Advertised,
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}
