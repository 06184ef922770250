//! Embedded servers to audit: an authorization server and an MCP server on loopback, driven by a
//! behaviour file.
//!
//! Nothing here is shared with the auditor, so that no mistake can hide by being made twice.

pub mod behaviour;
mod proofs;
pub mod raw;
pub mod visitor;

mod authority;
mod http;
mod lent;
mod named_keys;
mod resource;
mod state;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::future::IntoFuture as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use behaviour::{
    Audit, AuditCanary, AuditObject, AuditStep, BUILTIN, Behaviour, Intended, LoadError, LoginMode,
    TokenKind,
};

use behaviour::{Location, Party};
use http::Incoming;
use state::{Shared, lock};

/// Starts both servers on loopback, each on a free port.
///
/// # Errors
/// When no port can be bound or the system has no randomness.
pub async fn start(behaviour: &Behaviour) -> io::Result<Running> {
    let resource = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let secured = behaviour.token_endpoint.binding.sees_certificates();
    let scheme = if secured { "https" } else { "http" };
    let mcp_origin = format!("{scheme}://{}", resource.local_addr()?);
    let mut listeners = vec![(resource, Party::Resource)];
    let issuer_origin = match behaviour.authorization.location {
        Location::Embedded => mcp_origin.clone(),
        Location::Separate => {
            let authority = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let origin = format!("{scheme}://{}", authority.local_addr()?);
            listeners.push((authority, Party::Authority));
            origin
        }
    };
    let shared = Arc::new(Shared::new(behaviour.clone(), mcp_origin, &issuer_origin)?);
    let tokens = ready_made(&shared);
    let clients = behaviour
        .clients
        .iter()
        .map(|(id, client)| DemoClient {
            id: id.clone(),
            secret: client.secret.clone(),
            scopes: client.scopes.clone(),
        })
        .collect();
    let mut tasks = Vec::new();
    for (listener, party) in listeners {
        let shared = Arc::clone(&shared);
        tasks.push(if secured {
            tokio::spawn(serve_secured(tls::Listening::on(listener)?, party, shared))
        } else {
            tokio::spawn(serve(listener, party, shared))
        });
    }
    let certificate = shared.certificate.as_ref().map(|given| given.pem.clone());
    Ok(Running {
        mcp_url: shared.mcp_url.clone(),
        issuer: shared.issuer.clone(),
        tokens,
        clients,
        initial_access_token: shared.initial_access_token.clone(),
        certificate,
        shared,
        tasks,
    })
}

/// A pair of running servers; they end when this is dropped.
pub struct Running {
    /// URL of the MCP endpoint.
    pub mcp_url: String,
    /// Issuer identifier of the authorization server.
    pub issuer: String,
    /// The ready-made tokens.
    pub tokens: Vec<DemoToken>,
    /// The confidential clients for `client_credentials`.
    pub clients: Vec<DemoClient>,
    /// The token that opens a gated registration endpoint.
    pub initial_access_token: String,
    /// The certificate that the tokens of clients are bound to, with its key, both in PEM, where the
    /// MCP server looks at certificates.
    pub certificate: Option<String>,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// A ready-made access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoToken {
    /// Name in the behaviour file.
    pub name: String,
    /// The token.
    pub value: String,
    /// Scopes it holds.
    pub scopes: Vec<String>,
    /// Whether it is good, and if not, why.
    pub kind: TokenKind,
    /// The field that carries it; `Authorization: Bearer` when absent.
    pub header: Option<String>,
}

/// A confidential client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoClient {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: String,
    /// Scopes it is entitled to.
    pub scopes: Vec<String>,
}

impl Running {
    /// The ready-made token of that name.
    #[must_use]
    pub fn token(&self, name: &str) -> Option<&DemoToken> {
        self.tokens.iter().find(|token| token.name == name)
    }

    /// A refresh token of somebody who signed in with that client and was granted these scopes.
    #[must_use]
    pub fn refresh_token(&self, client: &str, scopes: &[&str]) -> String {
        let shared = &self.shared;
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        authority::plant(shared, client, scopes)
    }

    /// How many times the body of each tool ran; tools that never ran are not listed.
    #[must_use]
    pub fn executed(&self) -> BTreeMap<String, usize> {
        self.shared.executed()
    }

    /// How many times the body of a tool that changes state ran.
    #[must_use]
    pub fn executed_state_changing(&self) -> usize {
        let writes = |name: &str| resource::writes(&self.shared.behaviour, name);
        self.executed()
            .iter()
            .filter(|(name, _)| writes(name))
            .map(|(_, count)| count)
            .sum()
    }

    /// How many notes were made or removed and not put back.
    #[must_use]
    pub fn changed_notes(&self) -> usize {
        lock(&self.shared.notes).changed()
    }

    /// How many dynamically registered clients are alive.
    #[must_use]
    pub fn registered_clients(&self) -> usize {
        lock(&self.shared.clients).registered()
    }

    /// How many refresh tokens are good.
    #[must_use]
    pub fn refresh_tokens(&self) -> usize {
        lock(&self.shared.clients).good_refresh_tokens()
    }

    /// How many HTTP requests both servers have answered or begun to answer.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.requests()
    }

    /// Every value of `Authorization` that reached one of both servers.
    #[must_use]
    pub fn credentials(&self) -> BTreeSet<String> {
        self.shared.credentials()
    }

    /// How many requests showed a certificate to the MCP server, and how many to the authorization
    /// server.
    #[must_use]
    pub fn certificates_shown(&self) -> (usize, usize) {
        self.shared.certified()
    }

    /// How many sessions and event streams are open.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        lock(&self.shared.sessions).len()
    }

    /// Lets the authorization server reach an https host at an address, over plain http: the part of
    /// a forwarder that ends TLS.
    pub fn forward(&self, host: &str, address: SocketAddr) {
        lock(&self.shared.forwards).insert(host.to_owned(), address);
    }

    /// Stops both servers and waits until their ports are closed.
    pub async fn shutdown(mut self) {
        self.shared.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            let abort = task.abort_handle();
            // A client may keep a connection open for as long as it likes.
            if tokio::time::timeout(PATIENCE, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

async fn serve(listener: TcpListener, party: Party, shared: Arc<Shared>) {
    let stop = shared.stop.clone();
    let router = Router::new().fallback(answer).with_state((party, shared));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|stream| {
        // Without it every small answer waits for an acknowledgement; losing it only costs time.
        let _ = stream.set_nodelay(true);
    });
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(async move { stop.cancelled().await });
    // Accept errors are retried by axum; the future yields no error of its own.
    let _ = server.into_future().await;
}

async fn serve_secured(listener: tls::Listening, party: Party, shared: Arc<Shared>) {
    let stop = shared.stop.clone();
    let router = Router::new().fallback(answer).with_state((party, shared));
    let service = router.into_make_service_with_connect_info::<tls::Peer>();
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(async move { stop.cancelled().await });
    // As above.
    let _ = server.into_future().await;
}

async fn answer(State((party, shared)): State<(Party, Arc<Shared>)>, request: Request) -> Response {
    shared.count_request();
    let delay = shared.behaviour.server.delay_ms;
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let incoming = match Incoming::read(request).await {
        Ok(incoming) => incoming,
        Err(refusal) => return *refusal,
    };
    if incoming.certificate.is_some() {
        shared.count_certificate(party);
    }
    if let Some(value) = incoming.header("authorization") {
        shared.note_credential(value);
    }
    if let Some(response) = literal(&shared, party, &incoming) {
        return response;
    }
    authority::prepare(&shared, &incoming).await;
    named_keys::prepare(&shared, &incoming).await;
    match party {
        Party::Authority => authority::answer(&shared, &incoming),
        Party::Resource => resource::answer(&shared, &incoming)
            .unwrap_or_else(|| embedded_authority(&shared, &incoming)),
    }
}

fn embedded_authority(shared: &Shared, incoming: &Incoming) -> Response {
    match shared.behaviour.authorization.location {
        Location::Embedded => authority::answer(shared, incoming),
        Location::Separate => http::text(404, "Not Found\n"),
    }
}

fn literal(shared: &Shared, party: Party, incoming: &Incoming) -> Option<Response> {
    let raw = shared.behaviour.raw.iter().find(|raw| {
        raw.party == party && raw.method == incoming.method.as_str() && raw.path == incoming.path
    })?;
    let fill = |text: &str| {
        text.replace("{mcp_url}", &shared.mcp_url)
            .replace("{issuer}", &shared.issuer)
    };
    let bare = http::empty(raw.status).map(|_| fill(&raw.body).into());
    Some(raw.headers.iter().fold(bare, |response, (name, value)| {
        http::with_header(response, name, &fill(value))
    }))
}

fn ready_made(shared: &Shared) -> Vec<DemoToken> {
    let sibling = format!("{}{}", shared.mcp_origin, tokens::SIBLING_PATH);
    let token = |(name, identity): (&String, &behaviour::Identity)| {
        let audience = match identity.kind {
            TokenKind::ForeignAudience => &sibling,
            _ => &shared.mcp_url,
        };
        let order = tokens::Order {
            subject: if identity.kind == TokenKind::OtherUser {
                OTHER_SUBJECT
            } else {
                SUBJECT
            },
            client: CLIENT,
            scopes: &identity.scopes,
            audience,
            kind: identity.kind,
            binding: None,
        };
        let (value, _) = tokens::mint(shared, &order)?;
        let (scopes, kind) = (identity.scopes.clone(), identity.kind);
        Some(DemoToken {
            name: name.clone(),
            value,
            scopes,
            kind,
            header: identity.header.clone(),
        })
    };
    shared
        .behaviour
        .identities
        .iter()
        .filter_map(token)
        .collect()
}

/// Subject and client of every ready-made token: identities must differ in nothing but scopes.
const SUBJECT: &str = "demo-user";
/// The other person.
const OTHER_SUBJECT: &str = "other-user";
const CLIENT: &str = "demo-cli";
const PATIENCE: Duration = Duration::from_secs(2);
