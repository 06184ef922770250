//! Asks a running server everything that its manifest claims.

use std::collections::BTreeMap;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::harness::{Outcome, Running, ask_for_token};
use crate::manifest::{Attempt, ClientCredentials, SessionIdentity, Shape, Transport};
use crate::rpc::{Answer, Conversation, Dialect, STATELESS, client};

/// What the manifest says and the server does not do; empty when they agree.
pub async fn disagreements(peer: &Running) -> Outcome<Vec<String>> {
    let mut found = peer.expected.contradictions();
    revisions(peer, &mut found).await?;
    discovery(peer, &mut found).await?;
    registration(peer, &mut found).await?;
    for dialect in dialects(peer) {
        table(peer, dialect, &mut found).await?;
    }
    shapes(peer, &mut found).await?;
    sessions(peer, &mut found).await?;
    batches(peer, &mut found).await?;
    Ok(found)
}

fn session_dialect(peer: &Running) -> Option<Dialect<'_>> {
    let revision = peer
        .expected
        .revisions
        .iter()
        .find(|one| *one != STATELESS)?;
    Some(match peer.expected.transport {
        Transport::StreamableHttp => Dialect::Session(revision),
        Transport::HttpSse => Dialect::HttpSse(revision),
    })
}

fn dialects(peer: &Running) -> Vec<Dialect<'_>> {
    let stateless = peer.expected.revisions.iter().any(|one| one == STATELESS);
    let stateless = stateless.then_some(Dialect::Stateless);
    session_dialect(peer).into_iter().chain(stateless).collect()
}

/// `None` for a caller without a token.
fn token(peer: &Running, name: &str) -> Outcome<Option<String>> {
    match name {
        "anonymous" => Ok(None),
        "garbage" => Ok(Some("not-a-token-8f3b61".to_owned())),
        _ => {
            let identity = peer.expected.identity(name);
            let identity = identity.ok_or_else(|| format!("no identity is called {name}"))?;
            Ok(Some(peer.token(identity)?))
        }
    }
}

/// The first privileged identity, or nobody where no token is needed.
fn privileged(peer: &Running) -> &str {
    let identity = peer
        .expected
        .identities
        .iter()
        .find(|identity| identity.privileged);
    identity.map_or("anonymous", |identity| &identity.name)
}

async fn open<'a>(
    peer: &'a Running,
    dialect: Dialect<'a>,
    name: &str,
) -> Outcome<Conversation<'a>> {
    let token = token(peer, name)?;
    Conversation::open(&peer.expected.url, dialect, token.as_deref()).await
}

/// Known revisions are agreed to exactly when the manifest lists them.
async fn revisions(peer: &Running, found: &mut Vec<String>) -> Outcome<()> {
    for revision in [
        "2024-11-05",
        "2025-03-26",
        "2025-06-18",
        "2025-11-25",
        STATELESS,
    ] {
        let http_sse = peer.expected.transport == Transport::HttpSse;
        let dialect = match revision {
            STATELESS if http_sse => continue,
            STATELESS => Dialect::Stateless,
            _ if http_sse => Dialect::HttpSse(revision),
            _ => Dialect::Session(revision),
        };
        let conversation = open(peer, dialect, privileged(peer)).await?;
        let result = conversation.greeting.result().cloned().unwrap_or_default();
        let agreed = match dialect {
            Dialect::Stateless => {
                let versions = result["supportedVersions"].as_array().cloned();
                versions.unwrap_or_default().contains(&json!(STATELESS))
            }
            _ => result["protocolVersion"] == revision,
        };
        conversation.close().await?;
        if agreed != peer.expected.revisions.iter().any(|one| one == revision) {
            found.push(format!(
                "revision {revision}: agreed to is {agreed}, manifest differs"
            ));
        }
    }
    Ok(())
}

async fn discovery(peer: &Running, found: &mut Vec<String>) -> Outcome<()> {
    let expected = &peer.expected.discovery;
    let Some(dialect) = session_dialect(peer) else {
        return Ok(());
    };
    let greeting = open(peer, dialect, "anonymous").await?.greeting;
    let challenge = greeting.challenge.unwrap_or_default();
    let parameter = challenge
        .split_once("resource_metadata=\"")
        .map(|(_, rest)| rest);
    let said = parameter
        .and_then(|rest| rest.split('"').next())
        .map(str::to_owned);
    if said != expected.resource_metadata {
        let wanted = &expected.resource_metadata;
        found.push(format!(
            "challenge names {said:?}, manifest says {wanted:?}"
        ));
    }
    if let Some(url) = said {
        let document = client()?.get(url).send().await?.text().await?;
        let document: Value = serde_json::from_str(&document)?;
        let servers = &document["authorization_servers"];
        if *servers != json!(expected.authorization_servers) {
            let wanted = &expected.authorization_servers;
            found.push(format!(
                "authorization_servers are {servers}, manifest says {wanted:?}"
            ));
        }
    }
    Ok(())
}

async fn registration(peer: &Running, found: &mut Vec<String>) -> Outcome<()> {
    let Some(expected) = &peer.expected.registration else {
        return Ok(());
    };
    let document = client()?
        .get(&expected.metadata)
        .send()
        .await?
        .text()
        .await?;
    let document: Value = serde_json::from_str(&document).unwrap_or_default();
    let named = document["registration_endpoint"]
        .as_str()
        .map(str::to_owned);
    if named != expected.endpoint {
        let wanted = &expected.endpoint;
        found.push(format!(
            "registration_endpoint is {named:?}, manifest says {wanted:?}"
        ));
    }
    for attempt in &expected.attempts {
        let url = attempt.url.as_ref().or(expected.endpoint.as_ref());
        let url = url.ok_or_else(|| format!("{}: no URL to register at", attempt.what))?;
        let (status, answer) = register(url, attempt).await?;
        let error = answer["error"].as_str().map(str::to_owned);
        if (status, &error) != (attempt.status, &attempt.error) {
            let (seen, wanted) = ((status, error), (attempt.status, &attempt.error));
            found.push(format!(
                "register, {}: {seen:?}, manifest says {wanted:?}",
                attempt.what
            ));
        }
        if status == 201 && attempt.body.contains("client_credentials") {
            let alone = self_sufficient(peer, url, attempt, &document).await?;
            if alone != (expected.posture == "D5") {
                let posture = &expected.posture;
                found.push(format!(
                    "a machine client gets in: {alone}, posture is {posture}"
                ));
            }
        }
    }
    Ok(())
}

async fn register(url: &str, attempt: &Attempt) -> Outcome<(u16, Value)> {
    let mut request = client()?.post(url).header(CONTENT_TYPE, "application/json");
    if let Some(token) = &attempt.token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = request.body(attempt.body.clone()).send().await?;
    let status = response.status().as_u16();
    Ok((
        status,
        serde_json::from_str(&response.text().await?).unwrap_or_default(),
    ))
}

/// Whether a machine client of nobody in particular gets in: posture D5 and no other.
async fn self_sufficient(
    peer: &Running,
    url: &str,
    attempt: &Attempt,
    document: &Value,
) -> Outcome<bool> {
    let (_, client) = register(url, attempt).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let granted = ask_for_token(&ClientCredentials {
        token_endpoint: text(&document["token_endpoint"]),
        client_id: text(&client["client_id"]),
        client_secret: text(&client["client_secret"]),
        method: text(&client["token_endpoint_auth_method"]),
        resource: peer.expected.url.clone(),
        scope: "notes:read notes:write".to_owned(),
        given: false,
    });
    let (Ok(token), Some(dialect)) = (granted, session_dialect(peer)) else {
        return Ok(false);
    };
    let conversation = Conversation::open(&peer.expected.url, dialect, Some(&token)).await?;
    let admitted = conversation.greeting.succeeded();
    conversation.close().await?;
    Ok(admitted)
}

/// Every cell, and that a body ran exactly where the table says so.
async fn table(peer: &Running, dialect: Dialect<'_>, found: &mut Vec<String>) -> Outcome<()> {
    let truth = &peer.expected.truth;
    let mut conversations = BTreeMap::new();
    for (invalid, rows) in [(true, &truth.invalid_arguments), (false, &truth.valid)] {
        for (subject, row) in rows {
            for (name, wanted) in row {
                if !conversations.contains_key(name) {
                    conversations.insert(name.clone(), open(peer, dialect, name).await?);
                }
                let Some(conversation) = conversations.get_mut(name) else {
                    continue;
                };
                let seen = cell(peer, conversation, subject, invalid).await?;
                if seen.0 != wanted {
                    found.push(format!(
                        "{dialect:?} {subject} {name} invalid={invalid}: {} ({} {}), manifest says {wanted}",
                        seen.0,
                        seen.1.status,
                        seen.1.text()
                    ));
                }
            }
        }
    }
    for conversation in conversations.into_values() {
        conversation.close().await?;
    }
    Ok(())
}

async fn cell(
    peer: &Running,
    conversation: &mut Conversation<'_>,
    subject: &str,
    invalid: bool,
) -> Outcome<(&'static str, Answer)> {
    let before = peer.executed()?;
    let answer = call(peer, conversation, subject, invalid).await?;
    let ran = total(&peer.executed()?) > total(&before);
    let counted = peer.expected.counts_executions;
    let word = if ran || (!counted && answer.succeeded()) {
        if invalid { "executed" } else { "allowed" }
    } else if !answer.failed() {
        "no refusal, yet nothing ran"
    } else if !matches!(answer.status, 200 | 202 | 401 | 403) {
        "an answer that decides nothing"
    } else if answer.text().contains(&peer.expected.validation_text) {
        "validation"
    } else {
        "denied"
    };
    Ok((word, answer))
}

async fn call(
    peer: &Running,
    conversation: &mut Conversation<'_>,
    subject: &str,
    invalid: bool,
) -> Outcome<Answer> {
    let tool = subject.strip_prefix("tool/");
    let tool = tool.ok_or_else(|| format!("{subject} is no tool/…"))?;
    let arguments = peer.expected.arguments(subject, invalid);
    conversation.call(tool, Value::Object(arguments)).await
}

fn total(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().sum()
}

async fn shapes(peer: &Running, found: &mut Vec<String>) -> Outcome<()> {
    let Some(dialect) = session_dialect(peer) else {
        return Ok(());
    };
    for shape in &peer.expected.shapes {
        let mut conversation = open(peer, dialect, &shape.identity).await?;
        let answer = call(peer, &mut conversation, &shape.subject, shape.invalid).await?;
        conversation.close().await?;
        if !matches(shape, &answer) {
            found.push(format!("{shape:?} is answered by {answer:?}"));
        }
    }
    Ok(())
}

fn matches(shape: &Shape, answer: &Answer) -> bool {
    let challenge = answer.challenge.as_deref().unwrap_or_default();
    shape.status == answer.status
        && shape.code == answer.code()
        && shape
            .is_error
            .is_none_or(|flag| answer.is_error() == Some(flag))
        && answer.text().contains(&shape.text)
        && shape
            .challenge
            .as_deref()
            .is_none_or(|part| challenge.contains(part))
}

/// A narrow token on a session that a wide token opened.
async fn sessions(peer: &Running, found: &mut Vec<String>) -> Outcome<()> {
    let Some(expected) = peer.expected.session_identity else {
        return Ok(());
    };
    let Some(dialect) = session_dialect(peer) else {
        return Ok(());
    };
    let mut conversation = open(peer, dialect, privileged(peer)).await?;
    conversation.switch_token(&token(peer, "reader")?.unwrap_or_default());
    let (word, answer) = cell(peer, &mut conversation, "tool/delete_note", false).await?;
    conversation.close().await?;
    let seen = match word {
        "allowed" => SessionIdentity::Opener,
        _ => SessionIdentity::Request,
    };
    if seen != expected {
        let text = answer.text();
        found.push(format!(
            "session identity is {seen:?}, manifest says {expected:?}: {text}"
        ));
    }
    Ok(())
}

async fn batches(peer: &Running, found: &mut Vec<String>) -> Outcome<()> {
    let Some(expected) = peer.expected.answers_batches else {
        return Ok(());
    };
    let Some(dialect) = session_dialect(peer) else {
        return Ok(());
    };
    let mut conversation = open(peer, dialect, privileged(peer)).await?;
    let answer = conversation.batch_of_one("tools/list", json!({})).await?;
    conversation.close().await?;
    if answer.succeeded() != expected {
        found.push(format!(
            "an array of one is answered {answer:?}, manifest says {expected}"
        ));
    }
    Ok(())
}
