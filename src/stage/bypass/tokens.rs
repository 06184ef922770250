//! Tokens where they do not belong: in the query string, and two in one request.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::bypass::TokenUse;
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::Revision;
use crate::stage::rpc::{self, Ask};
use crate::stage::session::Session;
use crate::stage::{Run, close, file};

/// A useless token in the query, a working one there with consent, and both in two header lines.
pub(super) async fn tokens(run: &Run<'_>, collected: &mut Collected) {
    let present = &collected.identities.present;
    let anonymous = present
        .first()
        .filter(|it| it.credential.is_none())
        .cloned();
    let (Some(strong), Some(anonymous)) = (collected.identities.baseline().cloned(), anonymous)
    else {
        return;
    };
    let garbage = collected.identities.named("garbage").cloned();
    // RFC 6750 is about bearer tokens: a key in a header of its own has none of its other places.
    let bearer = strong.header.is_none();
    let probe = ProbeId::QueryToken;
    let mut without = None;
    if let Some(plain) = ask(run, collected, key(probe, "no-token"), &anonymous, "", None).await {
        note(collected, probe, "no-token", None, plain, None);
        without = Some(plain);
    }
    let pair = format!("access_token={}", run.entropy.word("query-token", 32));
    let useless = ask(
        run,
        collected,
        key(probe, "useless"),
        &anonymous,
        &pair,
        None,
    )
    .await;
    if let Some(exchange) = useless {
        note(collected, probe, "useless", None, exchange, without);
    }
    if let Some(token) = strong
        .credential
        .as_ref()
        .filter(|_| bearer && run.settings.bypass.query_token)
    {
        for name in PARAMETERS {
            let pair = url::form_urlencoded::Serializer::new(String::new())
                .append_pair(name, token.expose_secret())
                .finish();
            let sent = ask(run, collected, key(probe, name), &anonymous, &pair, None).await;
            if let Some(exchange) = sent {
                note(collected, probe, name, Some(&strong), exchange, without);
            }
        }
    }
    if let Some(garbage) = garbage.filter(|_| bearer) {
        let probe = ProbeId::TwoTokens;
        for (form, first, second) in [
            ("working-last", &garbage, &strong),
            ("working-first", &strong, &garbage),
        ] {
            let Some(line) = first.credential.as_ref() else {
                continue;
            };
            let sent = ask(run, collected, key(probe, form), second, "", Some(line)).await;
            if let Some(exchange) = sent {
                note(collected, probe, form, Some(&strong), exchange, without);
            }
        }
    }
}

/// A list where requests stand alone, else `initialize`; a session that comes of it is closed.
async fn ask(
    run: &Run<'_>,
    collected: &mut Collected,
    key: ProbeKey,
    identity: &Identity,
    query: &str,
    first: Option<&SecretString>,
) -> Option<ExchangeId> {
    let revision = collected.discovery.revision()?;
    let mut url = Url::parse(&collected.discovery.endpoint).ok()?;
    if !query.is_empty() {
        let known = url.query().map(|known| format!("{known}&"));
        url.set_query(Some(&format!("{}{query}", known.unwrap_or_default())));
    }
    if revision == Revision::R2024_11 {
        return None;
    }
    let session = Session::stateless(revision, url.as_str());
    let operation = if revision.is_modern() {
        Operation::ListTools { cursor: None }
    } else {
        Operation::Initialize
    };
    let mut ask = Ask::new(key, identity, &session, operation);
    if let Some(first) = first {
        let line = format!("Bearer {}", first.expose_secret());
        ask.extra.push(("Authorization".to_owned(), line));
    }
    let sent = rpc::ask(run, ask).await;
    let opened = Session {
        id: sent.learned.first().map(|learned| learned.secret.clone()),
        ..session.clone()
    };
    let exchange = file(collected, sent);
    if opened.id.is_some()
        && let Some(strong) = collected.identities.baseline().cloned()
    {
        let opened = Session {
            url: collected.discovery.endpoint.clone(),
            ..opened
        };
        close::one(run, collected, &strong, &opened).await;
    }
    Some(exchange)
}

fn key(probe: ProbeId, form: &str) -> ProbeKey {
    ProbeKey::new(probe).variant(form)
}

fn note(
    collected: &mut Collected,
    probe: ProbeId,
    form: &str,
    identity: Option<&Identity>,
    exchange: ExchangeId,
    without: Option<ExchangeId>,
) {
    collected.bypass.tokens.push(TokenUse {
        probe,
        form: form.to_owned(),
        identity: identity.map(|identity| identity.name.clone()),
        exchange,
        without,
    });
}

/// Where servers have been seen to look for a token in a URL.
const PARAMETERS: [&str; 3] = ["access_token", "token", "api_key"];

/// Sessions that such requests may open.
pub(super) const MOST: usize = 7;
