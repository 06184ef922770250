//! Client ID metadata documents: which URLs may name a client, and what its document has to say.

use axum::http::Method;
use serde_json::Value;
use url::{Host, Url};

use super::super::behaviour::{
    DocumentAdmission, Documents, FetchFailure, FetchMoment, FetchRedirects, MemberCheck,
    PlainHttp, Support, UrlRule,
};
use super::super::http::{Incoming, single};
use super::super::state::{Shared, lock};
use super::clients::KnownClient;
use super::fetch::{self, Fetched};
use super::metadata;

/// What is known of the client that an authorization request names by a URL.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    /// Its document was read, or nobody asked for it.
    Client(Box<KnownClient>),
    /// Its document is still to be read, after the login.
    Deferred,
    /// It must not go on.
    Refused(&'static str),
}

/// Reads the document that a request to the authorization endpoint names, so that the page can be
/// made without waiting.
pub(crate) async fn prepare(shared: &Shared, incoming: &Incoming) {
    let path = format!(
        "{}{}",
        shared.behaviour.authorization.issuer_path,
        metadata::AUTHORIZE
    );
    if incoming.method != Method::GET || incoming.path != path {
        return;
    }
    let query = incoming.query_parameters();
    let Some(client_id) = single(&query, "client_id") else {
        return;
    };
    let named = name(shared, client_id).await;
    let mut documents = lock(&shared.documents);
    if documents.len() >= REMEMBERED {
        documents.clear();
    }
    if let Some(named) = named {
        documents.insert(client_id.to_owned(), named);
    }
}

/// The client of a URL, as `prepare` found it.
pub(crate) fn known(shared: &Shared, client_id: &str) -> Option<Named> {
    lock(&shared.documents).get(client_id).cloned()
}

async fn name(shared: &Shared, client_id: &str) -> Option<Named> {
    if shared.behaviour.authorization.cimd != Support::Advertised {
        return None;
    }
    let rules = &shared.behaviour.documents;
    let url = match address(rules, client_id)? {
        Ok(url) => url,
        Err(refusal) => return Some(Named::Refused(refusal)),
    };
    if rules.admission == DocumentAdmission::Listed && url.host_str() != Some(LISTED) {
        return Some(Named::Refused("The client's host is not on the list."));
    }
    if rules.fetch == FetchMoment::AfterLogin {
        return Some(Named::Deferred);
    }
    Some(match get(shared, rules, url).await {
        Ok(document) => match read(rules, client_id, &document) {
            Named::Client(mut client) => {
                client.scopes = shared.behaviour.scope_catalogue();
                Named::Client(client)
            }
            other => other,
        },
        Err(_) if rules.failure == FetchFailure::Proceed => Named::Deferred,
        Err(refusal) => Named::Refused(refusal),
    })
}

/// The URL of a document; none for a client id that is none (CIMD-00 §3).
fn address(rules: &Documents, client_id: &str) -> Option<Result<Url, &'static str>> {
    let url = Url::parse(client_id).ok()?;
    let local = matches!(url.host(), Some(Host::Ipv4(ip)) if ip.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if rules.plain_http == PlainHttp::Loopback && local => {}
        "http" => return Some(Err("The client id has to be an https URL.")),
        _ => return None,
    }
    let after_scheme = client_id.split_once("://").map_or("", |(_, rest)| rest);
    let bare = after_scheme.split(['?', '#']).next().unwrap_or_default();
    let path = bare.split_once('/').map(|(_, path)| path);
    let dotted = path.is_some_and(|path| path.split('/').any(|part| part == "." || part == ".."));
    let sound = path.is_some()
        && !dotted
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if rules.urls == UrlRule::Strict && !sound {
        return Some(Err("The client id is not a URL that can name a client."));
    }
    Some(Ok(url))
}

/// The body of a document, redirects followed where the rules say so.
async fn get(shared: &Shared, rules: &Documents, url: Url) -> Result<Vec<u8>, &'static str> {
    let mut url = url;
    for _ in 0..=REDIRECTS {
        let forwarded = url
            .host_str()
            .and_then(|host| lock(&shared.forwards).get(host).copied());
        let fetched = fetch::get(&url, forwarded, rules.max_bytes, rules.deadline_ms);
        let Fetched {
            status,
            media_type,
            location,
            body,
        } = fetched
            .await
            .map_err(|_| "The client's document cannot be fetched.")?;
        let next = location.and_then(|location| url.join(&location).ok());
        match (status, next) {
            (200, _) => {
                let is_json = media_type == "application/json"
                    || (media_type.starts_with("application/") && media_type.ends_with("+json"));
                return if is_json || rules.media_type == MemberCheck::Unchecked {
                    Ok(body)
                } else {
                    Err("The client's document has another media type.")
                };
            }
            (300..=399, Some(next)) if rules.redirects == FetchRedirects::Followed => url = next,
            _ => return Err("The client's document is not there."),
        }
    }
    Err("The client's document is behind too many redirects.")
}

fn read(rules: &Documents, client_id: &str, document: &[u8]) -> Named {
    let Ok(document) = serde_json::from_slice::<Value>(document) else {
        return match rules.failure {
            FetchFailure::Refuse => Named::Refused("The client's document is not JSON."),
            FetchFailure::Proceed => Named::Deferred,
        };
    };
    let member = |name: &str| document.get(name).and_then(Value::as_str);
    if rules.client_id == MemberCheck::Checked && member("client_id") != Some(client_id) {
        return Named::Refused("The client's document is another client's.");
    }
    let uris = document.get("redirect_uris").and_then(Value::as_array);
    let complete = member("client_name").is_some() && uris.is_some_and(|uris| !uris.is_empty());
    if rules.members == MemberCheck::Checked && !complete {
        return Named::Refused("The client's document is incomplete.");
    }
    let method = member("token_endpoint_auth_method").unwrap_or("none");
    let secret = method.starts_with("client_secret") || document.get("client_secret").is_some();
    if rules.shared_secrets == MemberCheck::Checked && secret {
        return Named::Refused("The client's document speaks of a shared secret.");
    }
    let uris = uris.into_iter().flatten().filter_map(Value::as_str);
    Named::Client(Box::new(KnownClient {
        name: member("client_name").unwrap_or(client_id).to_owned(),
        redirect_uris: uris.map(str::to_owned).collect(),
        grants: vec!["authorization_code".to_owned()],
        ..KnownClient::default()
    }))
}

const REMEMBERED: usize = 1000;
const REDIRECTS: usize = 3;
/// The only host on the list.
const LISTED: &str = "clients.example.com";
