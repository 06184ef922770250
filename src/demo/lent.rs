//! Genuine tokens that are no access tokens for the MCP server, and which of them a careless one takes.

use serde_json::json;

use super::behaviour::{TokenKind, TokenUse, UpstreamTokens, Verification};
use super::state::Shared;
use super::tokens::{self, Claims, Order};

/// How such a token looks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// Signed by the authorization server, with this `typ`.
    Signed(&'static str),
    /// Signed by another issuer.
    SignedElsewhere,
    /// A random string with this prefix.
    Opaque(&'static str),
}

/// The form of a token that is no access token for the MCP server, whose claims are changed to
/// match; none for the others.
pub(crate) fn form(order: &Order<'_>, claims: &mut Claims) -> Option<Form> {
    match order.kind {
        TokenKind::ForeignIssuer => {
            OTHER_ISSUER.clone_into(&mut claims.iss);
            Some(Form::Signed("at+jwt"))
        }
        TokenKind::CrossIssuer => Some(Form::SignedElsewhere),
        TokenKind::IdToken => {
            claims.aud = json!(order.client);
            claims.scope.clear();
            Some(Form::Signed("JWT"))
        }
        TokenKind::WrongType => Some(Form::Signed("JWT")),
        TokenKind::RefreshToken => {
            claims.aud = json!(REFRESH);
            Some(Form::Opaque("rt"))
        }
        TokenKind::Upstream => {
            claims.aud = json!(UPSTREAM);
            Some(Form::Opaque("up"))
        }
        TokenKind::Valid
        | TokenKind::OtherUser
        | TokenKind::Expired
        | TokenKind::ForeignAudience => None,
    }
}

/// The token; none when signing fails.
pub(crate) fn token(shared: &Shared, form: Form, claims: Claims) -> Option<String> {
    match form {
        Form::Signed(typ) => tokens::signed(&shared.keys.signing, typ, &claims),
        Form::SignedElsewhere => tokens::signed(&shared.keys.second.0, "at+jwt", &claims),
        Form::Opaque(prefix) => Some(tokens::opaque(shared, prefix, claims)),
    }
}

/// Whether a careless server takes a token although it is meant for something else.
pub(crate) fn fits(rules: &Verification, claims: &Claims) -> bool {
    let meant_for = |audience: &str| claims.aud == *audience;
    let other_use = meant_for(&claims.client_id) || meant_for(REFRESH);
    (rules.token_use == TokenUse::Any && other_use)
        || (rules.upstream == UpstreamTokens::PassedOn && meant_for(UPSTREAM))
}

const OTHER_ISSUER: &str = "https://elsewhere.example";
const REFRESH: &str = "refresh";
const UPSTREAM: &str = "https://api.example/v1";
