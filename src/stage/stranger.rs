//! What an anonymously registered client gets without any user: a token, and whether the MCP server
//! takes it (posture D5). Never a tool call.

use secrecy::{ExposeSecret, SecretString};

use super::client::Client;
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
use crate::wire::{Destination, Outgoing, RawAnswer};

/// Asks for a token with `client_credentials` and, if one comes, lists tools with it once.
pub(crate) async fn token(
    run: &Run<'_>,
    collected: &mut Collected,
    client: &Client,
    server: &AuthorizationServer,
) -> Option<StrangerToken> {
    let secret = client.secret.as_ref()?;
    let endpoint = server.chosen()?.text("token_endpoint")?.to_owned();
    let members = [
        ("grant_type", "client_credentials".to_owned()),
        ("resource", mint::resource(&collected.discovery)),
    ];
    let learn = |answer: &RawAnswer<'_>| mint::access_token(answer, "token-stranger");
    let basic = mint::basic(&client.id, secret.expose_secret());
    let encoded = basic.trim_start_matches("Basic ").to_owned();
    run.wire.know("secret-stranger-basic", &encoded.into());
    let mut outgoing = Outgoing::new(ProbeKey::new(ProbeId::MintStranger), "POST", endpoint);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = mint::form_headers();
    outgoing
        .headers
        .push(("Authorization".to_owned(), basic.clone()));
    outgoing.body = Some(mint::form(&members));
    outgoing.carries_secret = true;
    outgoing.learn = Some(&learn);
    let sent = run.wire.send(outgoing).await;
    let credential = sent.learned.first().map(|learned| learned.secret.clone());
    let (_, expires_in) = mint::response(&sent.exchange);
    let exchange = file(collected, sent);
    let mut stranger = StrangerToken {
        exchange,
        issued: credential.is_some(),
        accepted: None,
        list_exchange: None,
    };
    if let Some(credential) = credential {
        let identity = Identity {
            name: "stranger".to_owned(),
            kind: IdentityKind::Valid,
            credential: Some(credential.clone()),
            ..enrol::anonymous()
        };
        let (accepted, exchange) = list(run, collected, &identity).await;
        stranger.accepted = accepted;
        stranger.list_exchange = exchange;
        revoke(run, collected, server, basic, &credential, expires_in).await;
    }
    Some(stranger)
}

/// Revokes the token in the client's name (RFC 7009); what stays valid becomes residue.
async fn revoke(
    run: &Run<'_>,
    collected: &mut Collected,
    server: &AuthorizationServer,
    basic: String,
    token: &SecretString,
    expires_in: Option<u64>,
) {
    let endpoint = server
        .chosen()
        .and_then(|metadata| metadata.text("revocation_endpoint"))
        .map(str::to_owned);
    let mut status = None;
    if let Some(endpoint) = &endpoint {
        let members = [
            ("token", token.expose_secret().to_owned()),
            ("token_type_hint", "access_token".to_owned()),
        ];
        let key = ProbeKey::new(ProbeId::RevokeStranger);
        let mut outgoing = Outgoing::new(key, "POST", endpoint);
        outgoing.destination = Destination::Discovered;
        outgoing.headers = mint::form_headers();
        outgoing.headers.push(("Authorization".to_owned(), basic));
        outgoing.body = Some(mint::form(&members));
        outgoing.carries_secret = true;
        outgoing.cleanup = true;
        let sent = run.wire.send(outgoing).await;
        status = sent.exchange.status();
        file(collected, sent);
    }
    if status.is_none_or(|status| status >= 300) {
        let name = "stranger".to_owned();
        collected
            .residue
            .push(mint::residue(name, expires_in, endpoint, status));
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
