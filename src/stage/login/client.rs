//! The client of a login: the operator's, else one registered for the run.

use secrecy::SecretString;
use serde_json::json;

use super::Endpoints;
use crate::model::audit::Collected;
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::registration::RegistrationOutcome;
use crate::model::settings::LoginRequest;
use crate::oracle::admission;
use crate::stage::client::{self, Client};
use crate::stage::{Run, file};
use crate::wire::{Destination, Outgoing, RawAnswer};

/// A client that can ask for codes.
pub(super) struct LoginClient {
    pub(super) id: String,
    /// The id as reports show it.
    pub(super) shown: String,
    pub(super) secret: Option<SecretString>,
    pub(super) authentication: Authentication,
    /// What has to be deleted afterwards.
    pub(super) registered: Option<Client>,
}

/// How a confidential client proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authentication {
    Basic,
    Post,
}

/// The operator's client, else one of ours.
///
/// # Errors
/// Why there is none, with every remedy.
pub(super) async fn obtain(
    run: &Run<'_>,
    collected: &mut Collected,
    server: &Endpoints,
    request: &LoginRequest,
    redirect: &str,
) -> Result<LoginClient, String> {
    if let Some(id) = &request.client_id {
        if let Some(secret) = &request.secret {
            run.wire.know("secret-login", secret);
        }
        return Ok(LoginClient {
            id: id.clone(),
            shown: id.clone(),
            secret: request.secret.clone(),
            authentication: authentication(server),
            registered: None,
        });
    }
    let own = "name a client of yours with `--client-id`";
    let Some(endpoint) = server.registration.clone() else {
        return Err(format!(
            "{} takes no registrations, so the login needs a client it knows: {own}, with \
             `http://127.0.0.1/callback` as a redirect URI",
            server.issuer
        ));
    };
    if !run.settings.allows(Tier::Register) {
        return Err(format!(
            "the login needs a client: {own}, or pass `--allow register` to register one at \
             {endpoint} for this run and delete it afterwards"
        ));
    }
    register(run, collected, server, "login", redirect)
        .await
        .map_err(|reason| format!("{reason}; {own}"))
}

/// Registers a client for this run (RFC 7591 §3.1).
///
/// # Errors
/// What the server answered instead.
pub(super) async fn register(
    run: &Run<'_>,
    collected: &mut Collected,
    server: &Endpoints,
    variant: &str,
    redirect: &str,
) -> Result<LoginClient, String> {
    let Some(endpoint) = server.registration.clone() else {
        return Err(format!("{} takes no registrations", server.issuer));
    };
    let label = format!("client-{variant}");
    let learn = move |answer: &RawAnswer<'_>| client::secrets(answer, &label);
    let key = ProbeKey::new(ProbeId::RegisterLogin)
        .about(endpoint.clone())
        .variant(variant);
    let mut outgoing = Outgoing::new(key, "POST", endpoint);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = client::json_headers();
    outgoing.body = serde_json::to_vec(&metadata(run, server, redirect)).ok();
    outgoing.caused_by = Some(server.metadata);
    outgoing.learn = Some(&learn);
    // Registering writes to a host: it must be one the operator named or confirmed.
    outgoing.carries_secret = true;
    let sent = run.wire.send(outgoing).await;
    let outcome = admission::registration(&sent.exchange);
    let answer = sent.exchange.clone();
    let learned = sent.learned.clone();
    let exchange = file(collected, sent);
    if outcome != RegistrationOutcome::Registered {
        let what = match (answer.status(), answer.failure()) {
            (Some(status), _) => format!("HTTP {status}"),
            (None, failure) => failure.map_or("no answer".to_owned(), |it| it.text.clone()),
        };
        return Err(format!(
            "the registration of a client for the login was answered with {what}"
        ));
    }
    let made = client::client(&answer, &learned, variant, &[redirect.to_owned()], exchange);
    Ok(LoginClient {
        id: made.id.clone(),
        shown: made.record.client_id.clone(),
        secret: made.secret.clone(),
        authentication: authentication(server),
        registered: Some(made),
    })
}

fn metadata(run: &Run<'_>, server: &Endpoints, redirect: &str) -> serde_json::Value {
    let mut grants = vec![];
    if redirect.is_empty() {
        grants.push(super::device::GRANT);
    } else {
        grants.push("authorization_code");
    }
    let lists_refresh =
        |grants: &std::collections::BTreeSet<String>| grants.contains("refresh_token");
    if server.grants.as_ref().is_none_or(lists_refresh) {
        grants.push("refresh_token");
    }
    let methods = server.auth_methods.as_ref();
    let method = match methods {
        Some(methods) if !methods.contains("none") => {
            if methods.contains("client_secret_basic") {
                "client_secret_basic"
            } else {
                "client_secret_post"
            }
        }
        _ => "none",
    };
    let mut document = json!({
        "client_name": format!(
            "mcp-assay {} (security test, safe to delete)",
            run.settings.run_id
        ),
        "grant_types": grants,
        "token_endpoint_auth_method": method,
        "application_type": "native",
        "software_id": "mcp-assay",
        "software_version": env!("CARGO_PKG_VERSION"),
    });
    if let Some(members) = document.as_object_mut().filter(|_| !redirect.is_empty()) {
        members.insert("redirect_uris".to_owned(), json!([redirect]));
        members.insert("response_types".to_owned(), json!(["code"]));
    }
    document
}

/// RFC 8414 §2: the default is `client_secret_basic`.
fn authentication(server: &Endpoints) -> Authentication {
    let only_post = server.auth_methods.as_ref().is_some_and(|methods| {
        !methods.contains("client_secret_basic") && methods.contains("client_secret_post")
    });
    if only_post {
        Authentication::Post
    } else {
        Authentication::Basic
    }
}
