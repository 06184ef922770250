//! Single requests that a sound server refuses: they need nothing of each other and go together.

use serde_json::{Value, json};
use url::Url;

use super::super::{Run, file, together};
use super::form::Form;
use super::{Speaker, revision, serves_older};
use crate::mcp::{self, Operation};
use crate::model::audit::Collected;
use crate::model::discovery::AnonymousAccess;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::{Revision, Transport};
use crate::stage::session::Session;
use crate::wire::{Pending, Sent};

pub(super) async fn observe(
    run: &Run<'_>,
    collected: &mut Collected,
    anonymous: &Identity,
    speaker: Option<&Speaker>,
) {
    let stateless = Session::stateless(revision(collected), &collected.discovery.endpoint);
    let mut forms = Vec::new();
    browser(run, collected, anonymous, &stateless, &mut forms);
    let nobody = (anonymous, &stateless);
    let heard = speaker.map_or(nobody, |it| (&it.identity, &it.session));
    if is_local(&collected.discovery.endpoint) {
        let key = ProbeKey::new(ProbeId::ForeignHost);
        let host = format!("{}.invalid", run.entropy.word("host", 12));
        let list = list(run, key, heard.0, heard.1);
        forms.push(list.with("Host", &host));
    }
    versions(run, collected, &nobody, speaker, &mut forms);
    if let Some(Speaker { identity, session }) = speaker {
        let key = ProbeKey::new(ProbeId::TextBody);
        let text = list(run, key, identity, session);
        forms.push(text.with("Content-Type", "text/plain"));
        if session.revision.is_modern() {
            fields(run, collected, identity, session, &mut forms);
            without_sessions(run, collected, identity, session, &mut forms);
        } else if session.id.is_some() {
            let key = ProbeKey::new(ProbeId::SessionMissing);
            let list = list(run, key, identity, session);
            forms.push(list.without("Mcp-Session-Id"));
        }
    }
    let pending = forms
        .into_iter()
        .map(|form| Box::pin(form.send(run)) as Pending<'_, Sent>);
    for sent in together(pending.collect()).await {
        file(collected, sent);
    }
}

/// Whether an endpoint is on loopback or in a private network, where DNS rebinding leads.
pub(super) fn is_local(endpoint: &str) -> bool {
    let url = Url::parse(endpoint).ok();
    match url.as_ref().and_then(Url::host) {
        Some(url::Host::Domain(name)) => {
            name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost")
        }
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn list<'a>(
    run: &Run<'_>,
    key: ProbeKey,
    identity: &'a Identity,
    session: &'a Session,
) -> Form<'a> {
    Form::new(
        run,
        key,
        identity,
        session,
        &Operation::ListTools { cursor: None },
    )
}

/// What a browser asks before a foreign page may send a token.
fn browser<'a>(
    run: &Run<'_>,
    collected: &Collected,
    anonymous: &'a Identity,
    session: &'a Session,
    forms: &mut Vec<Form<'a>>,
) {
    let origin = format!("https://{}.invalid", run.entropy.word("origin", 12));
    let list = list(run, ProbeKey::new(ProbeId::Preflight), anonymous, session);
    let mut form = list.bodiless("OPTIONS");
    form.encoded.headers.clear();
    form.url.clone_from(&collected.discovery.endpoint);
    let form = form
        .with("Origin", &origin)
        .with("Access-Control-Request-Method", "POST")
        .with(
            "Access-Control-Request-Headers",
            "authorization,content-type",
        );
    forms.push(form);
}

/// A version that never was; header and body agree, so that nothing else is wrong.
fn versions<'a>(
    run: &Run<'_>,
    collected: &Collected,
    nobody: &(&'a Identity, &'a Session),
    speaker: Option<&'a Speaker>,
    forms: &mut Vec<Form<'a>>,
) {
    let revision = revision(collected);
    let sse = nobody.1.transport == Transport::HttpSse;
    if collected.discovery.audited.is_none() || revision < Revision::R2025_06 || sse {
        return;
    }
    let guarded = collected.discovery.anonymous == AnonymousAccess::Refused;
    let speaker = speaker.map(|it| ("token", &it.identity, &it.session));
    let nobody = guarded.then_some(("no-token", nobody.0, nobody.1));
    for (variant, identity, session) in speaker.into_iter().chain(nobody) {
        let key = ProbeKey::new(ProbeId::UnknownVersion).variant(variant);
        let mut form = list(run, key, identity, session).with(VERSION_HEADER, NO_VERSION);
        if revision.is_modern() {
            form = form.meta(|meta| {
                meta.insert(META_VERSION.to_owned(), Value::from(NO_VERSION));
            });
        }
        forms.push(form);
    }
}

/// 2026-07-28 without one of the fields that each request has to carry, and a method nobody has.
fn fields<'a>(
    run: &Run<'_>,
    collected: &Collected,
    identity: &'a Identity,
    session: &'a Session,
    forms: &mut Vec<Form<'a>>,
) {
    let key = |variant: &str| ProbeKey::new(ProbeId::MissingMetadata).variant(variant);
    let form = |variant: &str| list(run, key(variant), identity, session);
    let lacking = |variant: &str, member: &'static str| {
        form(variant).meta(|meta| {
            meta.remove(member);
        })
    };
    forms.push(lacking("version-in-meta", META_VERSION));
    forms.push(lacking("capabilities-in-meta", META_CAPABILITIES));
    forms.push(form("method-header").without("Mcp-Method"));
    // A server of several revisions may read such a request as one of 2025-03-26.
    if !serves_older(collected) {
        forms.push(form("version-header").without(VERSION_HEADER));
    }
    let method = format!("audit/{}", run.entropy.word("method", 12));
    let unknown = Operation::Raw {
        method: &method,
        params: json!({}),
    };
    let key = ProbeKey::new(ProbeId::UnknownMethod);
    forms.push(Form::new(run, key, identity, session, &unknown));
}

/// What a server without sessions must not care for; one of several revisions may have GET and DELETE.
fn without_sessions<'a>(
    run: &Run<'_>,
    collected: &Collected,
    identity: &'a Identity,
    session: &'a Session,
    forms: &mut Vec<Form<'a>>,
) {
    let key = |variant: &str| ProbeKey::new(ProbeId::StatelessSession).variant(variant);
    let id = run.entropy.word("no-session", 24);
    let named = list(run, key("session-header"), identity, session);
    forms.push(named.with("Mcp-Session-Id", &id).with("Last-Event-ID", &id));
    if !serves_older(collected) && !mcp::has_sessions(session.revision) {
        let get = list(run, key("get"), identity, session).bodiless("GET");
        forms.push(get.with("Accept", "text/event-stream"));
        forms.push(list(run, key("delete"), identity, session).bodiless("DELETE"));
    }
}

const VERSION_HEADER: &str = "MCP-Protocol-Version";
/// Requests of a version that no server may serve.
const NO_VERSION: &str = "1900-01-01";
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn loopback_and_private_networks_are_local() {
        for url in [
            "http://127.0.0.1:9000/mcp",
            "http://localhost/mcp",
            "http://[::1]:1/mcp",
            "http://192.168.1.4/mcp",
        ] {
            assert!(is_local(url), "{url}");
        }
        for url in [
            "https://mcp.example.com/mcp",
            "http://8.8.8.8/mcp",
            "not a url",
        ] {
            assert!(!is_local(url), "{url}");
        }
    }
}
