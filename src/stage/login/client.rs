//! The client of a login: the operator's, else one registered for the run.

use serde_json::json;

use super::Endpoints;
use crate::model::audit::Collected;
use crate::model::grant::{ClientAuth, ClientProof, OAuthClient};
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::registration::RegistrationOutcome;
use crate::model::settings::LoginRequest;
use crate::oracle::admission;
use crate::stage::client::{self, Client};
use crate::stage::mint::{Means, Proof};
use crate::stage::{Run, file};
use crate::wire::{Destination, Outgoing, RawAnswer};

/// A client that can ask for codes.
pub(super) struct LoginClient {
    pub(super) client: OAuthClient,
    /// The id as reports show it.
    pub(super) shown: String,
    /// What has to be deleted afterwards.
    pub(super) registered: Option<Client>,
}

impl LoginClient {
    /// Whether it has nothing to prove itself with.
    pub(super) const fn is_public(&self) -> bool {
        matches!(self.client.proof, ClientProof::Public)
    }

    /// What it shows in one request.
    ///
    /// # Errors
    /// Why its key cannot be used at this server.
    pub(super) fn proof(
        &self,
        run: &Run<'_>,
        collected: &Collected,
        issuer: &str,
    ) -> Result<Proof<'_>, String> {
        let mut servers = collected.discovery.authorization_servers.iter();
        let server = servers
            .find(|server| server.issuer == issuer)
            .ok_or("the authorization server is not known")?;
        Proof::of(run, collected, server, &self.client, "login")
    }

    /// The same; its identifier alone where nothing can be shown.
    pub(super) fn shows(&self, run: &Run<'_>, collected: &Collected, issuer: &str) -> Proof<'_> {
        let proof = self.proof(run, collected, issuer);
        proof.unwrap_or(Proof {
            id: &self.client.id,
            means: Means::Nothing,
            label: "login",
        })
    }
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
    if let Some(client) = &request.client {
        if let Some(secret) = client.secret() {
            run.wire.know("secret-login", secret);
        }
        let client = LoginClient {
            client: client.clone(),
            shown: client.id.clone(),
            registered: None,
        };
        client.proof(run, collected, &server.issuer)?;
        return Ok(client);
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
    let proof = made.secret.clone().map(|secret| ClientProof::Secret {
        secret,
        auth: ClientAuth::Advertised,
    });
    Ok(LoginClient {
        client: OAuthClient {
            id: made.id.clone(),
            proof: proof.unwrap_or(ClientProof::Public),
        },
        shown: made.record.client_id.clone(),
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
