//! Knobs of the resource server's finer token checks, and of what its refusals say.

use schemars::JsonSchema;
use serde::Deserialize;

use super::server::Revision;

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
    /// A door at which the check was forgotten.
    pub forgotten: ForgottenDoor,
    /// The revisions in which it was forgotten; all of them when empty.
    pub forgotten_in: Vec<Revision>,
    /// What was forgotten there.
    pub forgets: Forgetting,
    /// Fields that stand in for a token.
    pub fields: TrustedFields,
    /// What a refusal of a call says.
    pub refusal: RefusalText,
    /// The status of a refusal of a wrong token.
    pub status: RefusalStatus,
    /// How much of a random token is compared with those that were issued.
    pub lookup: TokenLookup,
    /// What is asked about a token's revocation.
    pub revocation: RevocationCheck,
    /// What becomes of credentials under other schemes than `Bearer`.
    pub schemes: OtherSchemes,
    /// What is asked of a proof that comes with a bound token.
    pub proofs: ProofCheck,
    /// A field that may carry the token instead of `Authorization`; empty for none.
    pub key_field: String,
}

/// How much of a random token is compared with those that were issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenLookup {
    /// All of it.
    #[default]
    Whole,
    /// As much as the shorter of both has.
    InPart,
}

/// What is asked about a token's revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationCheck {
    /// That there was none.
    #[default]
    Checked,
    /// Nothing: the token says until when it is good.
    Ignored,
}

/// What becomes of credentials under other schemes than `Bearer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OtherSchemes {
    /// They are refused.
    #[default]
    Refused,
    /// They pass: somebody else is trusted to look at them.
    Passed,
}

/// What is asked of a proof that comes with a bound token (RFC 9449 §4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProofCheck {
    /// Everything.
    #[default]
    Full,
    /// Nothing: the token is taken without one.
    Absent,
    /// Everything but that its key is the token's.
    AnyKey,
    /// Everything but that its signature verifies.
    AnySignature,
    /// Everything but that it is typed as a proof.
    AnyType,
    /// Everything but that it is for this request.
    AnyRequest,
    /// Everything but that it is for this token.
    AnyToken,
    /// Everything but that it is the only one.
    AnyNumber,
    /// Everything but its age and a nonce.
    AnyAge,
    /// Everything but that it was not used before.
    AnyUse,
}

/// A door at which the check of tokens was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForgottenDoor {
    /// None.
    #[default]
    None,
    /// `initialize`.
    Opening,
    /// `server/discover`.
    Discovery,
    /// `tools/list`.
    ToolList,
    /// `prompts/list`.
    PromptList,
    /// `tools/call`.
    Call,
    /// `resources/read`.
    Read,
    /// `prompts/get`.
    Prompt,
    /// GET of the event stream.
    Stream,
    /// DELETE of a session.
    Delete,
    /// Every POST.
    Every,
    /// Every POST of the oldest revision.
    OldestRevision,
}

/// What was forgotten at a door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Forgetting {
    /// To ask for a token.
    #[default]
    ToAsk,
    /// To verify the token that is asked for.
    ToVerify,
}

/// Fields that stand in for a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrustedFields {
    /// None.
    #[default]
    None,
    /// `X-Forwarded-User` names a user who may do everything.
    ForwardedUser,
}

/// What a refusal of a call says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalText {
    /// The same for every tool.
    #[default]
    Plain,
    /// Whether there is such a tool.
    Existence,
    /// What the tool does.
    Description,
    /// Where in the program it happened.
    Trace,
}

/// The status of a refusal of a wrong token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalStatus {
    /// 401.
    #[default]
    Unauthorized,
    /// 403.
    Forbidden,
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
