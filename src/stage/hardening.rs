//! Transport probes: foreign origins and plain http, never with a token on plain http.

use url::Url;

use super::enumerate::Sessions;
use super::rpc::{self, Ask};
use super::session::Session;
use super::{Run, file, together};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::target::Revision;
use crate::wire::{Pending, Sent};

/// Lists tools with foreign `Origin` fields, on the baseline's session so that 401 does not mask.
pub async fn origins(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    let Ok(endpoint) = Url::parse(&collected.discovery.endpoint) else {
        return;
    };
    let Some(host) = endpoint.host_str() else {
        return;
    };
    let anonymous = collected.identities.present.first().cloned();
    let Some(identity) = collected.identities.baseline().cloned().or(anonymous) else {
        return;
    };
    let revision = collected.discovery.revision().unwrap_or(Revision::R2026_07);
    let stateless = Session::stateless(revision, endpoint.as_str());
    let session = sessions.get(&identity.name).unwrap_or(&stateless);
    let word = run.entropy.word("origin", 12);
    let origins = [
        ("control", endpoint.origin().ascii_serialization()),
        ("random", format!("https://{word}.invalid")),
        ("null", "null".to_owned()),
        ("suffix", format!("https://{host}.{word}.invalid")),
    ];
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for (variant, origin) in origins {
        let key = ProbeKey::new(ProbeId::ForeignOrigin).variant(variant);
        let mut ask = Ask::new(
            key,
            &identity,
            session,
            Operation::ListTools { cursor: None },
        );
        ask.extra.push(("Origin".to_owned(), origin));
        if identity.credential.is_some() {
            ask.tier = Some(Tier::Authenticated);
        }
        let id = run.next_id();
        pending.push(Box::pin(rpc::send(run, ask, id)));
    }
    for sent in together(pending).await {
        file(collected, sent);
    }
}

/// The endpoint over plain http, without a token.
pub async fn plaintext(run: &Run<'_>, anonymous: &Identity, collected: &mut Collected) {
    let Some(url) = plain_http(&collected.discovery.endpoint) else {
        return;
    };
    let session = Session::stateless(Revision::R2026_07, &url);
    let key = ProbeKey::new(ProbeId::PlaintextEndpoint).about(url.clone());
    let sent = rpc::ask(run, Ask::new(key, anonymous, &session, Operation::Discover)).await;
    file(collected, sent);
}

/// The same URL over plain http on the default port; nothing for a target that is not https.
pub(crate) fn plain_http(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok().filter(|url| url.scheme() == "https")?;
    url.set_scheme("http").ok()?;
    url.set_port(None).ok()?;
    Some(url.into())
}
