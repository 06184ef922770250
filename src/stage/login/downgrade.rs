//! PKCE switched off halfway (RFC 9700 §4.8.2): a code asked for without a challenge, redeemed with a
//! verifier. Asked of a person only where the server lets such a request through.

use super::authorize::{self, Pkce};
use super::{Session, codes};
use crate::model::audit::Collected;
use crate::model::login::{BareRequest, Redemption, Trial};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::oracle::grants;
use crate::stage::{Run, file, together};
use crate::wire::{Destination, Outgoing};

/// Compares a request with and one without a challenge; if both go on, spends a code on it.
pub(super) async fn probe(run: &Run<'_>, collected: &mut Collected, session: &mut Session) {
    let Some(bare) = compare(run, collected, session).await else {
        return;
    };
    session.facts.bare = Some(bare);
    if bare.refused != Some(false) {
        return;
    }
    let purpose = "a code without PKCE";
    let Ok(code) = authorize::code(run, collected, session, purpose, Pkce::Absent).await else {
        return;
    };
    let asked = codes::redeem(run, collected, session, &code, Trial::Downgrade).await;
    session.facts.redemptions.push(Redemption {
        trial: Trial::Downgrade,
        round: code.round,
        fresh: true,
        answer: asked.answer,
    });
}

async fn compare(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &Session,
) -> Option<BareRequest> {
    let ask = |pkce: Pkce, variant: &str| {
        let half = |part: &str| run.entropy.word(&format!("bare-{part}"), 32);
        let verifier = format!("{}{}", half("a"), half("b"));
        let state = format!("{}-bare", run.settings.run_id);
        let url = authorize::address(session, &verifier, &state, pkce).ok()?;
        let key = ProbeKey::new(ProbeId::AuthorizeBare).variant(variant);
        let mut outgoing = Outgoing::new(key, "GET", url);
        outgoing.destination = Destination::Discovered;
        outgoing.caused_by = Some(session.server.metadata);
        Some(run.wire.send(outgoing))
    };
    let asks = vec![
        ask(Pkce::S256, "with-challenge")?,
        ask(Pkce::Absent, "without-challenge")?,
    ];
    let answers = together(asks).await;
    let [with, without] = answers.as_slice() else {
        return None;
    };
    let redirect = &session.facts.redirect_uri;
    let refused = grants::refuses_bare(&with.exchange, &without.exchange, redirect);
    let ids: Vec<_> = answers
        .into_iter()
        .map(|sent| file(collected, sent))
        .collect();
    match ids.as_slice() {
        [with, without] => Some(BareRequest {
            with: *with,
            without: *without,
            refused,
        }),
        _ => None,
    }
}
