//! Ways round the door that somebody forgot or trusted too much, and refusals that say too much.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::behaviour::{
    Forgetting, ForgottenDoor, OtherSchemes, RefusalStatus, RefusalText, TrustedFields,
};
use super::super::http::{self, Incoming};
use super::super::state::Shared;
use super::gate::{Asked, Principal};
use super::{catalogue, ways};

/// Whoever a field stands for, where fields are trusted.
pub(super) fn stand_in(shared: &Shared, incoming: &Incoming) -> Option<Principal> {
    let TrustedFields::ForwardedUser = shared.behaviour.verification.fields else {
        return None;
    };
    let user = incoming.header("x-forwarded-user")?;
    Some(Principal {
        subject: user.to_owned(),
        scopes: shared.behaviour.scope_catalogue().into_iter().collect(),
        key: format!("field {user}"),
    })
}

/// The key in the field that is meant for keys.
pub(super) fn key<'a>(shared: &Shared, incoming: &'a Incoming) -> Option<&'a str> {
    let field = shared.behaviour.verification.key_field.as_str();
    (!field.is_empty()).then(|| incoming.header(field))?
}

/// Whether a request comes through the door at which the check was forgotten.
pub(super) fn forgotten(shared: &Shared, incoming: &Incoming, asked: &[Asked<'_>]) -> bool {
    let rules = &shared.behaviour.verification;
    let is = |method: &str| !asked.is_empty() && asked.iter().all(|one| one.method == method);
    let door = match rules.forgotten {
        ForgottenDoor::None => false,
        ForgottenDoor::Opening => is("initialize"),
        ForgottenDoor::Discovery => is("server/discover"),
        ForgottenDoor::ToolList => is("tools/list"),
        ForgottenDoor::PromptList => is("prompts/list"),
        ForgottenDoor::Call => is("tools/call"),
        ForgottenDoor::Read => is("resources/read"),
        ForgottenDoor::Prompt => is("prompts/get"),
        ForgottenDoor::Stream => incoming.method == Method::GET,
        ForgottenDoor::Delete => incoming.method == Method::DELETE,
        ForgottenDoor::Every => incoming.method == Method::POST,
        ForgottenDoor::OldestRevision => {
            let oldest = shared.behaviour.server.revisions.iter().min();
            let stated = incoming.header("mcp-protocol-version").map(str::to_owned);
            let stated = stated.or_else(|| version(incoming));
            incoming.method == Method::POST
                && stated.is_some()
                && stated.as_deref() == oldest.map(|oldest| oldest.as_str())
        }
    };
    let carries = incoming.headers.contains_key("authorization");
    door && (rules.forgets == Forgetting::ToAsk || carries) && in_revision(shared, incoming)
}

/// Whether a request belongs to a revision in which the check was forgotten.
fn in_revision(shared: &Shared, incoming: &Incoming) -> bool {
    let revisions = &shared.behaviour.verification.forgotten_in;
    if revisions.is_empty() {
        return true;
    }
    let message: Option<Value> = serde_json::from_slice(&incoming.body).ok();
    let spoken = ways::revision(shared, incoming, message.as_ref());
    spoken.is_some_and(|revision| revisions.contains(&revision))
}

/// Whether a request comes with a credential of another scheme, where these pass.
pub(super) fn passes(shared: &Shared, incoming: &Incoming) -> bool {
    let other = |value: &str| {
        let scheme = value.split(' ').next().unwrap_or_default();
        !scheme.eq_ignore_ascii_case("bearer")
    };
    shared.behaviour.verification.schemes == OtherSchemes::Passed
        && incoming.header("authorization").is_some_and(other)
}

/// The revision that an `initialize` asks for.
fn version(incoming: &Incoming) -> Option<String> {
    let message: Value = serde_json::from_slice(&incoming.body).ok()?;
    let version = message.pointer("/params/protocolVersion")?.as_str()?;
    Some(version.to_owned())
}

/// The refusal as the behaviour words it.
pub(super) fn worded(
    shared: &Shared,
    refusal: Response,
    token_sent: bool,
    asked: &[Asked<'_>],
) -> Response {
    let rules = &shared.behaviour.verification;
    let mut refusal = refusal;
    if token_sent && rules.status == RefusalStatus::Forbidden {
        *refusal.status_mut() = StatusCode::FORBIDDEN;
    }
    let called = asked.iter().find(|one| one.method == "tools/call");
    let tool = called.and_then(|one| catalogue::find(&shared.behaviour, one.name));
    let text = match (rules.refusal, tool) {
        (RefusalText::Existence, Some(_)) => "This tool needs an access token".to_owned(),
        (RefusalText::Description, Some(tool)) => format!("No token for: {}", tool.description),
        (RefusalText::Trace, _) => {
            "TokenError: bad token\n    at verify (/srv/app/node_modules/jose/verify.js:42:11)"
                .to_owned()
        }
        _ => return refusal,
    };
    let (parts, _) = refusal.into_parts();
    let body = json!({"error": "invalid_token", "error_description": text});
    let mut answer = http::json(parts.status.as_u16(), &body);
    *answer.headers_mut() = parts.headers;
    answer.headers_mut().remove("content-length");
    answer
}
