//! What an anonymously registered client gets without any user: a token, and whether the MCP server
//! takes it (posture D5). Never a tool call.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::client::Client;
use super::mint::{Means, Proof, Revocation};
use super::rpc::{self, Ask};
use super::session::{self, Session};
use super::{Run, close, enrol, file, mint, reply};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::discovery::{AuthorizationServer, ServedRevision};
use crate::model::exchange::ExchangeId;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::registration::StrangerToken;
use crate::model::target::{Revision, Transport};
use crate::wire::{Destination, Learned, Outgoing, RawAnswer};

/// A code that came without a login, and what redeems it.
pub(crate) struct Unasked {
    /// The code.
    pub(crate) code: SecretString,
    /// The redirect URI it came to.
    pub(crate) redirect: String,
    /// The verifier of its challenge (RFC 7636 §4.1).
    pub(crate) verifier: String,
}

/// Asks for a token with `client_credentials` and, if one comes, lists tools with it once.
pub(crate) async fn token(
    run: &Run<'_>,
    collected: &mut Collected,
    client: &Client,
    server: &AuthorizationServer,
) -> Option<StrangerToken> {
    client.secret.as_ref()?;
    let members = vec![("grant_type", "client_credentials".to_owned())];
    obtain(run, collected, client, server, members).await
}

/// Redeems a code and, if a token comes, lists tools with it once.
pub(crate) async fn redeem(
    run: &Run<'_>,
    collected: &mut Collected,
    client: &Client,
    server: &AuthorizationServer,
    unasked: Unasked,
) -> Option<StrangerToken> {
    let members = vec![
        ("grant_type", "authorization_code".to_owned()),
        ("code", unasked.code.expose_secret().to_owned()),
        ("redirect_uri", unasked.redirect),
        ("code_verifier", unasked.verifier),
    ];
    obtain(run, collected, client, server, members).await
}

async fn obtain(
    run: &Run<'_>,
    collected: &mut Collected,
    client: &Client,
    server: &AuthorizationServer,
    mut members: Vec<(&'static str, String)>,
) -> Option<StrangerToken> {
    let endpoint = server.chosen()?.text("token_endpoint")?.to_owned();
    let key = ProbeKey::new(ProbeId::MintStranger).variant(members.first()?.1.clone());
    members.push(("resource", mint::resource(&collected.discovery)));
    let learn = |answer: &RawAnswer<'_>| tokens(answer);
    let mut outgoing = Outgoing::new(key, "POST", endpoint);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = mint::form_headers();
    proof(client).add(run, &mut outgoing, &mut members);
    outgoing.body = Some(mint::form(&members));
    outgoing.carries_secret = true;
    outgoing.learn = Some(&learn);
    let sent = run.wire.send(outgoing).await;
    let learned = sent.learned.clone();
    let (_, expires_in) = mint::response(&sent.exchange);
    let exchange = file(collected, sent);
    let access = learned.iter().find(|it| it.label == ACCESS);
    let mut stranger = StrangerToken {
        exchange,
        issued: access.is_some(),
        accepted: None,
        list_exchange: None,
    };
    if let Some(access) = access {
        let identity = Identity {
            name: "stranger".to_owned(),
            kind: IdentityKind::Valid,
            credential: Some(access.secret.clone()),
            ..enrol::anonymous()
        };
        let (accepted, exchange) = list(run, collected, &identity).await;
        stranger.accepted = accepted;
        stranger.list_exchange = exchange;
    }
    for it in &learned {
        let lifetime = expires_in.filter(|_| it.label == ACCESS);
        revoke(run, collected, server, client, it, lifetime).await;
    }
    Some(stranger)
}

/// The tokens of an answer; the access token first.
fn tokens(answer: &RawAnswer<'_>) -> Vec<Learned> {
    let mut learned = mint::access_token(answer, ACCESS);
    if learned.is_empty() {
        return learned;
    }
    let body = serde_json::from_slice::<Value>(answer.body).unwrap_or_default();
    if let Some(token) = body.get("refresh_token").and_then(Value::as_str) {
        learned.push(Learned {
            label: REFRESH.to_owned(),
            secret: SecretString::from(token.to_owned()),
        });
    }
    learned
}

/// A registered client shows its secret in the header (RFC 6749 §2.3.1).
fn proof(client: &Client) -> Proof<'_> {
    Proof {
        id: &client.id,
        means: client.secret.as_ref().map_or(Means::Nothing, Means::Basic),
        label: "stranger",
    }
}

/// Revokes a token in the client's name (RFC 7009); what stays valid becomes residue.
async fn revoke(
    run: &Run<'_>,
    collected: &mut Collected,
    server: &AuthorizationServer,
    client: &Client,
    token: &Learned,
    expires_in: Option<u64>,
) {
    let endpoint = server
        .chosen()
        .and_then(|metadata| metadata.text("revocation_endpoint"))
        .map(str::to_owned);
    let hint = if token.label == REFRESH {
        "refresh_token"
    } else {
        "access_token"
    };
    let revocation = Revocation {
        key: ProbeKey::new(ProbeId::RevokeStranger).variant(hint),
        identity: "anonymous",
        endpoint: endpoint.clone(),
        proof: proof(client),
        token: &token.secret,
        hint,
    };
    if let Err(reason) = mint::revoke_one(run, collected, revocation).await {
        let name = "stranger".to_owned();
        let item = mint::residue(name, expires_in, endpoint, &reason);
        collected.residue.push(item);
    }
}

/// One list request in the modern form; in a session of its own where the server wants one.
async fn list(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
) -> (Option<bool>, Option<ExchangeId>) {
    let endpoint = collected.discovery.endpoint.clone();
    let mut last = (None, None);
    for revision in [Revision::R2026_07, Revision::R2025_11] {
        let served = ServedRevision {
            revision,
            transport: Transport::StreamableHttp,
            exchange: ExchangeId(0),
        };
        let opened = session::open(run, identity, &served, &endpoint, "stranger").await;
        let session: Session = opened.session;
        for mut sent in opened.sent {
            sent.exchange.tier = Tier::Register;
            file(collected, sent);
        }
        let key = ProbeKey::new(ProbeId::ListTools).variant("stranger");
        let mut ask = Ask::new(
            key,
            identity,
            &session,
            Operation::ListTools { cursor: None },
        );
        ask.tier = Some(Tier::Register);
        let sent = rpc::ask(run, ask).await;
        let accepted = match (
            reply::result(&sent.exchange),
            reply::is_gate(&sent.exchange),
        ) {
            (Some(_), _) => Some(true),
            (None, true) => Some(false),
            (None, false) => None,
        };
        let exchange = file(collected, sent);
        close::one(run, collected, identity, &session).await;
        last = (accepted, Some(exchange));
        if accepted.is_some() {
            break;
        }
    }
    last
}

const ACCESS: &str = "token-stranger";
const REFRESH: &str = "token-stranger-refresh";
