//! The door: which token is presented, whether it is good, and whether it holds the scopes.

use std::collections::BTreeSet;

use axum::response::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::behaviour::{
    Authentication, Challenge, Denial, ErrorDetail, KeyBinding, Lapses, NamedScopes, Order,
    PrmLocation, ProofCheck, QueryTokens, ScopeModel, TokenLines,
};
use super::super::http::{self, Incoming, Refusal, with_header};
use super::super::proofs;
use super::super::state::Shared;
use super::super::tokens;
use super::{catalogue, doors, metadata, outer, verification};

/// Whoever a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) subject: String,
    pub(crate) scopes: BTreeSet<String>,
    /// Subject and token in one: what a session is bound to.
    pub(crate) key: String,
}

/// One thing that a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) name: &'a str,
}

/// What a message, or each message of a batch, asks for.
pub(crate) fn asked(value: &Value) -> Vec<Asked<'_>> {
    match value {
        Value::Array(batch) => batch.iter().filter_map(asked_once).collect(),
        single => asked_once(single).into_iter().collect(),
    }
}

/// Lets a request in, with the principal its token stands for, or refuses it.
pub(crate) fn admit(
    shared: &Shared,
    incoming: &Incoming,
    asked: &[Asked<'_>],
) -> Result<Option<Principal>, Refusal> {
    let authentication = shared.behaviour.resource.authentication;
    if authentication == Authentication::Open || outer::is_unguarded(shared, incoming) {
        return Ok(None);
    }
    let key = verification::key(shared, incoming);
    let token = presented(shared, incoming)?.or(key);
    if let Some(refused) = token.and_then(|token| unproven(shared, incoming, token)) {
        return Err(Box::new(refused));
    }
    let principal = token.filter(|_| !shared.is_locked_out()).and_then(|token| {
        let claims = tokens::accept(shared, token)?;
        if !certified(shared, incoming, &claims) {
            return None;
        }
        let claims = believed(shared, incoming).unwrap_or(claims);
        let digest = Sha256::digest(token.as_bytes());
        let key = format!("{} {digest:x}", claims.sub);
        Some(Principal {
            subject: claims.sub.clone(),
            scopes: contained(shared, claims.scopes()),
            key,
        })
    });
    if let Some(principal) = verification::stand_in(shared, incoming) {
        return Ok(Some(principal));
    }
    let every = |passes: &dyn Fn(&Asked<'_>) -> bool| !asked.is_empty() && asked.iter().all(passes);
    let public = |one: &Asked<'_>| {
        one.method == "tools/call"
            && shared
                .behaviour
                .resource
                .public_tools
                .iter()
                .any(|tool| tool == one.name)
    };
    let unchecked = every(&public)
        || verification::forgotten(shared, incoming, asked)
        || verification::passes(shared, incoming)
        || match authentication {
            Authentication::CallsUnchecked => every(&|one| one.method == "tools/call"),
            Authentication::CallsOnly => {
                token.is_none() && every(&|one| !NEEDS_TOKEN.contains(&one.method))
            }
            Authentication::SessionOnly => {
                incoming.headers.contains_key("mcp-session-id")
                    && asked.iter().all(|one| one.method != "initialize")
            }
            Authentication::HandshakeOpen => {
                token.is_none() && every(&|one| one.method == "initialize")
            }
            Authentication::Required | Authentication::Open => false,
        };
    if principal.is_some() || unchecked {
        Ok(principal)
    } else {
        if token.is_some() && shared.behaviour.resource.lockout {
            shared.lock_out();
        }
        let refusal = unauthorized(shared, token.is_some());
        Err(Box::new(verification::worded(
            shared,
            refusal,
            token.is_some(),
            asked,
        )))
    }
}

/// Refuses over HTTP what the principal's scopes do not open, when that is how denials look here.
pub(crate) fn refusal(
    shared: &Shared,
    principal: Option<&Principal>,
    asked: &[Asked<'_>],
) -> Option<Response> {
    let policy = &shared.behaviour.enforcement;
    let at_the_door = policy.scopes == ScopeModel::ServerOnly
        || (policy.order == Order::AuthFirst && is_http(policy.denial));
    if !at_the_door {
        return None;
    }
    let denied = asked
        .iter()
        .find(|one| !opens(shared, principal, one) && !lapses(shared, principal, one))?;
    Some(forbidden(shared, &named(shared, principal, denied)))
}

/// The scopes that a refusal names.
pub(crate) fn named(
    shared: &Shared,
    principal: Option<&Principal>,
    asked: &Asked<'_>,
) -> Vec<String> {
    let needed = needed(shared, asked);
    match shared.behaviour.enforcement.named {
        NamedScopes::Needed => needed,
        NamedScopes::Basic => vec![shared.behaviour.enforcement.base_scope.clone()],
        NamedScopes::Catalogue => shared.behaviour.scope_catalogue(),
        NamedScopes::OneMissing => {
            let held = principal.map(|principal| &principal.scopes);
            let lacks = |scope: &String| held.is_none_or(|held| !held.contains(scope));
            needed.into_iter().filter(lacks).take(1).collect()
        }
    }
}

/// Whether the principal gets what is asked for: its scopes open it, or the door let it lapse.
pub(crate) fn permitted(shared: &Shared, principal: Option<&Principal>, asked: &Asked<'_>) -> bool {
    let key = principal.map_or("", |principal| principal.key.as_str());
    opens(shared, principal, asked) || shared.lapsed(key, asked.name)
}

/// Whether the check is forgotten this time.
fn lapses(shared: &Shared, principal: Option<&Principal>, asked: &Asked<'_>) -> bool {
    let key = principal.map_or("", |principal| principal.key.as_str());
    let every_other = shared.behaviour.enforcement.lapses == Lapses::EveryOther;
    every_other && asked.method == "tools/call" && shared.lapse(key, asked.name)
}

fn opens(shared: &Shared, principal: Option<&Principal>, asked: &Asked<'_>) -> bool {
    // Without a principal the request came through a door that asks for no token.
    let Some(principal) = principal else {
        return true;
    };
    let policy = &shared.behaviour.enforcement;
    match policy.scopes {
        ScopeModel::AnyValidToken | ScopeModel::ListedButNotEnforced => true,
        ScopeModel::Inverted => {
            let needed = needed(shared, asked);
            needed.is_empty() || needed.iter().any(|scope| !principal.scopes.contains(scope))
        }
        ScopeModel::ServerOnly => principal.scopes.contains(&policy.base_scope),
        ScopeModel::AllOrNothing => {
            let catalogue = shared.behaviour.scope_catalogue();
            needed(shared, asked).is_empty()
                || catalogue
                    .iter()
                    .all(|scope| principal.scopes.contains(scope))
        }
        ScopeModel::PerTool => {
            policy.unguarded.iter().any(|tool| tool == asked.name)
                || needed(shared, asked)
                    .iter()
                    .all(|scope| principal.scopes.contains(scope))
        }
    }
}

/// The scopes that what is asked for needs.
pub(crate) fn needed(shared: &Shared, asked: &Asked<'_>) -> Vec<String> {
    let policy = &shared.behaviour.enforcement;
    match (policy.scopes, asked.method) {
        (ScopeModel::ServerOnly, _) => vec![policy.base_scope.clone()],
        (_, "resources/read" | "resources/subscribe" | "prompts/get" | "completion/complete") => {
            let base = std::iter::once(policy.base_scope.clone());
            base.chain(doors::scope(shared, asked)).collect()
        }
        (_, "tools/call") => {
            catalogue::find(&shared.behaviour, asked.name).map_or_else(Vec::new, |tool| tool.scopes)
        }
        _ => Vec::new(),
    }
}

/// A token's scopes with those that they contain.
fn contained(shared: &Shared, held: BTreeSet<String>) -> BTreeSet<String> {
    let pairs = &shared.behaviour.enforcement.contains;
    let mut all = held;
    // As many rounds as there are pairs follow every chain to its end.
    for _ in pairs {
        let narrower = pairs.iter().filter(|(broad, _)| all.contains(broad));
        let narrower: Vec<String> = narrower.map(|(_, narrow)| narrow.clone()).collect();
        all.extend(narrower);
    }
    all
}

/// HTTP's way of saying that scopes are missing, as the behaviour words it.
pub(crate) fn forbidden(shared: &Shared, scopes: &[String]) -> Response {
    let body = json!({
        "error": "insufficient_scope",
        "error_description": format!("This operation needs the scope {}", scopes.join(" ")),
    });
    match shared.behaviour.enforcement.denial {
        Denial::Http401 => unauthorized(shared, true),
        Denial::Http403Bare => http::text(403, "Forbidden\n"),
        _ => {
            let challenge = format!(
                "Bearer error=\"insufficient_scope\", scope=\"{}\", resource_metadata=\"{}\", \
                 error_description=\"This operation needs another scope\"",
                scopes.join(" "),
                prm_url(shared),
            );
            with_header(http::json(403, &body), "www-authenticate", &challenge)
        }
    }
}

/// Whether a denial is an HTTP status rather than a message.
pub(crate) fn is_http(denial: Denial) -> bool {
    matches!(
        denial,
        Denial::Http403 | Denial::Http403Bare | Denial::Http401
    )
}

fn asked_once(message: &Value) -> Option<Asked<'_>> {
    let method = message.get("method")?.as_str()?;
    let member = if method.starts_with("resources/") {
        "uri"
    } else {
        "name"
    };
    let name = message.get("params").and_then(|params| params.get(member));
    Some(Asked {
        method,
        name: name.and_then(Value::as_str).unwrap_or_default(),
    })
}

/// The bearer token of a request; more than one credential is an error (RFC 6750 §3.1).
fn presented<'a>(shared: &Shared, incoming: &'a Incoming) -> Result<Option<&'a str>, Refusal> {
    let ways = &shared.behaviour.ways;
    let mut values: Vec<_> = incoming.headers.get_all("authorization").iter().collect();
    if values.is_empty() && ways.query_tokens == QueryTokens::Accepted {
        let mut pairs = incoming.query.split('&');
        return Ok(pairs.find_map(|pair| pair.strip_prefix("access_token=")));
    }
    if ways.token_lines == TokenLines::LastCounts {
        values = values.pop().into_iter().collect();
    }
    let mut values = values.into_iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let second = values.next();
    if second.is_some() && ways.token_lines != TokenLines::LastIsBelieved {
        let body = json!({"error": "invalid_request", "error_description": "one credential only"});
        let challenge = "Bearer error=\"invalid_request\"";
        return Err(Box::new(with_header(
            http::json(400, &body),
            "www-authenticate",
            challenge,
        )));
    }
    // What is no text cannot be a token either, but something was sent.
    let value = value.to_str().unwrap_or("Bearer ");
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let bound = shared.behaviour.token_endpoint.binding == KeyBinding::Proven;
    let known =
        scheme.eq_ignore_ascii_case("bearer") || (bound && scheme.eq_ignore_ascii_case("dpop"));
    Ok(known.then_some(token.trim()))
}

/// Whether the certificate that a token is bound to was shown, where anybody looks.
fn certified(shared: &Shared, incoming: &Incoming, claims: &tokens::Claims) -> bool {
    let named = |cnf: &Value| {
        cnf.get("x5t#S256")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let Some(bound) = claims.cnf.as_ref().and_then(named) else {
        return true;
    };
    match shared.behaviour.token_endpoint.binding {
        KeyBinding::CertificateCompared => incoming.certificate.as_ref() == Some(&bound),
        KeyBinding::CertificateAny => incoming.certificate.is_some(),
        _ => true,
    }
}

/// The refusal of a token that is bound to a key and comes without a proof of it.
fn unproven(shared: &Shared, incoming: &Incoming, token: &str) -> Option<Response> {
    if shared.behaviour.token_endpoint.binding != KeyBinding::Proven {
        return None;
    }
    let claims = tokens::accept(shared, token)?;
    let bound = claims.cnf.as_ref()?.get("jkt")?.as_str()?;
    let scheme = incoming.header("authorization")?;
    let asked = shared.behaviour.verification.proofs;
    if asked == ProofCheck::Absent {
        return None;
    }
    let proven = proofs::thumbprint(shared, incoming, &shared.mcp_url, Some(token), asked);
    let metadata = format!("resource_metadata=\"{}\"", prm_url(shared));
    match proven {
        Ok(key) if (key == bound || asked == ProofCheck::AnyKey) && scheme.starts_with("DPoP ") => {
            None
        }
        Ok(_) => Some(proofs::refuse_use(
            proofs::Unproven::Invalid,
            &metadata,
            asked,
        )),
        Err(why) => Some(proofs::refuse_use(why, &metadata, asked)),
    }
}

/// What the last of several tokens says of itself, where nobody verifies that one.
fn believed(shared: &Shared, incoming: &Incoming) -> Option<tokens::Claims> {
    let believes = shared.behaviour.ways.token_lines == TokenLines::LastIsBelieved;
    let lines = incoming.headers.get_all("authorization").iter();
    let last = lines.skip(1).last().filter(|_| believes)?.to_str().ok()?;
    tokens::read(last.split_once(' ')?.1.trim())
}

fn unauthorized(shared: &Shared, token_sent: bool) -> Response {
    let (word, description) = if token_sent {
        ("invalid_token", "The access token is not valid here")
    } else {
        ("unauthorized", "An access token is needed")
    };
    let body = if token_sent && shared.behaviour.transport.errors == ErrorDetail::Revealing {
        json!({"error": word, "error_description": description, "trace": TRACE})
    } else {
        json!({"error": word, "error_description": description})
    };
    let response = http::json(401, &body);
    match challenge(shared, token_sent) {
        Some(challenge) => with_header(response, "www-authenticate", &challenge),
        None => response,
    }
}

fn challenge(shared: &Shared, token_sent: bool) -> Option<String> {
    let shape = shared.behaviour.resource.challenge;
    let metadata = format!("resource_metadata=\"{}\"", prm_url(shared));
    let scope = format!("scope=\"{}\"", shared.behaviour.enforcement.base_scope);
    let mut parameters = match shape {
        Challenge::Absent => return None,
        Challenge::Bare => return Some("Bearer".to_owned()),
        Challenge::Full | Challenge::WithError | Challenge::Unquoted => vec![metadata, scope],
        Challenge::NoMetadata => vec![scope],
        Challenge::NoScope => vec![metadata],
        Challenge::DuplicateScope => vec![metadata, scope.clone(), scope],
    };
    if token_sent || shape == Challenge::WithError {
        parameters.insert(0, "error=\"invalid_token\"".to_owned());
    }
    let value = format!("Bearer {}", parameters.join(", "));
    Some(if shape == Challenge::Unquoted {
        value.replace('"', "")
    } else {
        value
    })
}

/// Where the challenge says the metadata is.
fn prm_url(shared: &Shared) -> String {
    let path = match shared.behaviour.metadata.prm {
        PrmLocation::Path | PrmLocation::Missing => metadata::PRM_AT_PATH,
        PrmLocation::Root => metadata::PRM_AT_ROOT,
        PrmLocation::AppendedOnly => metadata::PRM_APPENDED,
    };
    format!("{}{path}", shared.mcp_origin)
}

/// What a handler that prints its exception would say.
const TRACE: &str = "Traceback (most recent call last):\n  File \"/srv/notes/auth.py\", line 41, in \
                     verify\nConnectionError: keys.notes.svc.cluster.local:8080";
/// Methods that need a token even where lists are public.
const NEEDS_TOKEN: [&str; 3] = ["tools/call", "resources/read", "prompts/get"];
