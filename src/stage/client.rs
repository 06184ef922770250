//! Clients that the run registers: what is asked for, and what comes with the answer.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::Run;
use crate::model::consequence::ClientTerms;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::registration::{CreatedClient, Deletion};
use crate::wire::{Learned, RawAnswer};

/// A client of ours with its secrets.
pub(crate) struct Client {
    /// What the report says of it.
    pub(crate) record: CreatedClient,
    /// The `client_id` as sent back; redacted copies may differ.
    pub(crate) id: String,
    /// The client secret, when one was issued.
    pub(crate) secret: Option<SecretString>,
    /// Where it is managed, and with which token (RFC 7592).
    pub(crate) management: Option<(String, SecretString)>,
    /// Whether its registration token was tried at another client's record.
    pub(crate) lent: bool,
    /// Grants echoed by the server, if it echoes any.
    pub(crate) grants: Option<Vec<String>>,
    /// Redirect URIs echoed by the server; those asked for when it echoes none.
    pub(crate) redirects: Vec<String>,
}

/// Client metadata in the run's name (RFC 7591 §2).
pub(crate) fn body(run: &Run<'_>, redirects: &[&str], auth: &str, application: &str) -> Value {
    let run_id = &run.settings.run_id;
    json!({
        "client_name": format!("mcp-assay {run_id} (security test, safe to delete)"),
        "redirect_uris": redirects,
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": auth,
        "application_type": application,
        "software_id": "mcp-assay",
        "software_version": env!("CARGO_PKG_VERSION"),
    })
}

/// What else client metadata says, as asked for or as echoed.
pub(crate) fn terms(metadata: &Value) -> ClientTerms {
    let text = |member: &str| {
        metadata
            .get(member)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    ClientTerms {
        name: text("client_name"),
        grants: texts(metadata, "grant_types"),
        responses: texts(metadata, "response_types"),
        scope: text("scope"),
        application: text("application_type"),
        ..ClientTerms::default()
    }
}

/// Redirect URIs that must be refused, under a name that resolves for nobody (REG-05).
pub(crate) fn hostile(run_id: &str) -> Vec<(&'static str, Vec<String>)> {
    let host = format!("{run_id}.mcp-assay.invalid");
    vec![
        ("foreign-http", vec![format!("http://{host}/cb")]),
        ("wildcard", vec![format!("https://*.{host}/cb")]),
        ("fragment", vec![format!("https://{host}/cb#f")]),
        ("javascript", vec!["javascript:alert(1)".to_owned()]),
        ("data", vec!["data:text/html,x".to_owned()]),
        ("private-use", vec!["com.example.mcp-assay:/cb".to_owned()]),
        (
            "mixed",
            vec![LOOPBACK.to_owned(), format!("http://{host}/cb")],
        ),
    ]
}

/// The client that an answer created.
pub(crate) fn client(
    answer: &Exchange,
    learned: &[Learned],
    variant: &str,
    asked: &[String],
    exchange: ExchangeId,
) -> Client {
    let body = object(answer);
    let named = |suffix: &str| {
        let found = learned
            .iter()
            .find(|learned| learned.label.ends_with(suffix));
        found.map(|learned| learned.secret.clone())
    };
    let text = |member: &str| body.get(member).and_then(Value::as_str).map(str::to_owned);
    let whole = |suffix: &str, member: &str| {
        named(suffix)
            .map(|text| text.expose_secret().to_owned())
            .or_else(|| text(member))
    };
    let client_id = text("client_id").unwrap_or_default();
    let id = whole("-id", "client_id").unwrap_or_default();
    let management = whole("-uri", "registration_client_uri").zip(named("-registration"));
    Client {
        record: CreatedClient {
            client_id,
            variant: variant.to_owned(),
            exchange,
            manageable: management.is_some(),
            expires_at: ["client_secret_expires_at", "client_id_expires_at"]
                .iter()
                .filter_map(|member| body.get(*member)?.as_u64())
                .find(|at| *at > 0),
            usable: None,
            deletion: Deletion::NotOffered,
        },
        id,
        secret: named("-secret"),
        management,
        lent: false,
        grants: texts(&body, "grant_types"),
        redirects: texts(&body, "redirect_uris").unwrap_or_else(|| asked.to_vec()),
    }
}

/// The secrets of a registration response. Identifier and URI are public, but where they hold a JWT
/// the capture is redacted by shape and no longer holds them whole.
pub(crate) fn secrets(answer: &RawAnswer<'_>, label: &str) -> Vec<Learned> {
    let body = serde_json::from_slice::<Value>(answer.body).unwrap_or_default();
    let members = [
        ("client_secret", "secret"),
        ("registration_access_token", "registration"),
    ];
    let mut learned = Vec::new();
    for (member, suffix) in members {
        if let Some(text) = body
            .get(member)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
        {
            let secret = SecretString::from(text.to_owned());
            learned.push(Learned {
                label: format!("{label}-{suffix}"),
                secret,
            });
        }
    }
    for (member, suffix) in [("client_id", "id"), ("registration_client_uri", "uri")] {
        if let Some(text) = body.get(member).and_then(Value::as_str)
            && text.contains("eyJ")
        {
            let secret = SecretString::from(text.to_owned());
            learned.push(Learned {
                label: format!("{label}-{suffix}"),
                secret,
            });
        }
    }
    learned
}

/// A JSON body, a JSON answer.
pub(crate) fn json_headers() -> Vec<(String, String)> {
    vec![
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("Accept".to_owned(), "application/json".to_owned()),
    ]
}

/// The body of an answer as JSON; null when it is none.
pub(crate) fn object(exchange: &Exchange) -> Value {
    let body = exchange.response().map(|response| response.body.bytes());
    body.and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// A member that is an array of strings.
pub(crate) fn texts(value: &Value, member: &str) -> Option<Vec<String>> {
    let values = value.get(member)?.as_array()?;
    Some(
        values
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}

/// RFC 8252 §7.3: loopback literal, any port.
pub(crate) const LOOPBACK: &str = "http://127.0.0.1:53682/callback";
