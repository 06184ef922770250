//! Who asks: named identities, how their tokens were obtained, and what the tokens say of themselves.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;

/// A set of OAuth scope tokens (RFC 6749 §3.3).
pub type ScopeSet = BTreeSet<String>;

/// What kind of credential an identity carries.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// No credential at all.
    Anonymous,
    /// A credential that no server ever issued.
    Garbage,
    /// A token that should work, from the operator or minted for the run.
    Valid,
    /// A working token of another person with the same scopes, from the operator: for objects,
    /// tasks and sessions, never for what a scope opens.
    OtherUser,
    /// A genuine token past its expiry, from the operator.
    Expired,
    /// A genuine token of the same authorization server for another resource, from the operator.
    ForeignAudience,
    /// A genuine token of an issuer that the target does not name, from the operator.
    ForeignIssuer,
    /// A token that one issuer of the target signed in the name of another, from the operator.
    CrossIssuer,
    /// A genuine ID token (OpenID Connect Core §2).
    IdToken,
    /// A genuine refresh token.
    RefreshToken,
    /// A JWT of another type than `at+jwt` that the right key signed for the right audience, from
    /// the operator.
    WrongType,
    /// A genuine token for an API behind the target, from the operator.
    Upstream,
    /// A copy of a valid token with edited claims or signature.
    Tampered,
    /// A copy of a valid token with `alg: none`.
    Unsigned,
    /// A copy of a valid token signed by means the attacker controls (RFC 8725 §3.1).
    KeyConfusion,
}

impl IdentityKind {
    /// Whether a sound server refuses this credential wherever it asks for one.
    pub const fn must_be_refused(self) -> bool {
        !matches!(self, Self::Valid | Self::OtherUser)
    }
}

/// How an identity's token came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Provenance {
    /// Made by the tool.
    Derived {
        /// The identity it was derived from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// What was done.
        change: String,
    },
    /// Given by the operator.
    Operator {
        /// `env:NAME`, `file:PATH` or `-`.
        source: String,
    },
    /// Obtained from the authorization server.
    Minted {
        /// The grant type.
        grant: String,
        /// The client it was issued to.
        client_id: String,
        /// The token endpoint.
        token_endpoint: String,
    },
}

/// Public claims of a JWT access token; everything else stays unread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claims {
    /// JOSE `alg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// JOSE `typ`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// `iss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `client_id` or `azp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `aud`, one or many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// `scope`, `scp` or `permissions`; absent when the token names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<ScopeSet>,
    /// `iat`, seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<i64>,
    /// `nbf`, seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// `exp`, seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Whether `cnf` names the key that has to come with the token (RFC 9449 §6.1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub key_bound: bool,
    /// Whether `cnf` names the client certificate that has to come with the token (RFC 8705 §3.1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub certificate_bound: bool,
}

/// One principal of the audit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// The operator's name for it, or `anonymous`, `garbage`, `tampered-payload`, ….
    pub name: String,
    /// What kind of credential it carries.
    pub kind: IdentityKind,
    /// How the credential came to be.
    pub provenance: Provenance,
    /// Whether the operator marked it as the strongest.
    #[serde(default)]
    pub privileged: bool,
    /// Scopes the operator believes it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub believed: Option<ScopeSet>,
    /// Scopes asked for at the token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<ScopeSet>,
    /// Scopes the token response named (RFC 6749 §5.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<ScopeSet>,
    /// Seconds the token response promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// Claims of the token, when it is a JWT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Claims>,
    /// The exchange that obtained it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeId>,
    /// Why its cells cannot be used, for example a token that holds more than was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
    /// The field that carries the credential as it is; `Authorization: Bearer` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The credential itself; never serialised.
    #[serde(skip)]
    #[schemars(skip)]
    pub credential: Option<SecretString>,
}

impl Identity {
    /// The scopes it really has as far as can be seen: claimed, else granted, else believed.
    pub fn scopes(&self) -> Option<&ScopeSet> {
        let claimed = self
            .claims
            .as_ref()
            .and_then(|claims| claims.scopes.as_ref());
        claimed.or(self.granted.as_ref()).or(self.believed.as_ref())
    }
}

/// An identity that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingIdentity {
    /// Its name.
    pub name: String,
    /// Why it is missing and what would help.
    pub reason: String,
    /// The exchange that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeId>,
}

impl MissingIdentity {
    /// One that the operator did not want.
    pub fn left_out(name: String, arm: &str) -> Self {
        Self {
            name,
            reason: format!("{LEFT_OUT}{arm}`)"),
            exchange: None,
        }
    }

    /// Whether the operator did not want it.
    pub fn is_left_out(&self) -> bool {
        self.reason.starts_with(LEFT_OUT)
    }
}

const LEFT_OUT: &str = "left out on request (`--skip-arm ";

/// Every principal of the run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Identities {
    /// In the order of the plan: anonymous, garbage, the operator's, the derived ones.
    pub present: Vec<Identity>,
    /// Those that could not be had.
    pub missing: Vec<MissingIdentity>,
    /// Name of the strongest valid identity (P, the positive control).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// Why that one.
    #[serde(default)]
    pub baseline_reason: String,
}

impl Identities {
    /// The identity with this name.
    pub fn named(&self, name: &str) -> Option<&Identity> {
        self.present.iter().find(|identity| identity.name == name)
    }

    /// The strongest valid identity.
    pub fn baseline(&self) -> Option<&Identity> {
        self.baseline.as_deref().and_then(|name| self.named(name))
    }

    /// Identities whose token should work.
    pub fn valid(&self) -> impl Iterator<Item = &Identity> {
        self.present
            .iter()
            .filter(|identity| identity.kind == IdentityKind::Valid)
    }

    /// The other person's token, when the operator gave one.
    pub fn other_user(&self) -> Option<&Identity> {
        self.present
            .iter()
            .find(|identity| identity.kind == IdentityKind::OtherUser)
    }
}
