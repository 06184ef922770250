//! Credentials that nobody issued under other schemes, and under spellings of the right one: whoever
//! skips what is not `Bearer` must not let it through.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::rpc::{self, Ask};
use super::session::Session;
use super::{Run, close, enrol, file, reply, together};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::discovery::AnonymousAccess;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::settings::SkippedArm;
use crate::model::target::Revision;
use crate::wire::{Pending, Sent};

/// Asks with each, where a request without any credential is refused.
pub async fn schemes(run: &Run<'_>, collected: &mut Collected) {
    let skipped = run.settings.calls.skip_arms.contains(&SkippedArm::Garbage);
    let refused = collected.discovery.anonymous == AnonymousAccess::Refused;
    if skipped || !refused || collected.identities.baseline().is_none() {
        return;
    }
    let revision = collected.discovery.revision().unwrap_or(Revision::R2026_07);
    let session = Session::stateless(revision, &collected.discovery.endpoint);
    let operation = if revision.is_modern() {
        Operation::ListTools { cursor: None }
    } else {
        Operation::Initialize
    };
    let anonymous = enrol::anonymous();
    let asks = SCHEMES
        .iter()
        .zip(1_usize..)
        .map(|((variant, before), number)| {
            let word = run.entropy.word(&format!("scheme-{variant}"), 24);
            let value = match *variant {
                "Basic" => format!("{before}{}", STANDARD.encode(format!("mcp-assay:{word}"))),
                _ => format!("{before}{word}"),
            };
            let key = ProbeKey::new(ProbeId::ForeignScheme).variant(*variant);
            let mut ask = Ask::new(key, &anonymous, &session, operation.clone());
            ask.extra.push(("Authorization".to_owned(), value));
            // Named here, not as they are answered, so that two runs report the same.
            ask.opens = Some(format!("scheme-{number}"));
            let id = run.next_id();
            Box::pin(rpc::send(run, ask, id)) as Pending<'_, Sent>
        });
    let mut opened = Vec::new();
    for sent in together(asks.collect()).await {
        if reply::result(&sent.exchange).is_some() {
            opened.push(Session {
                id: sent.learned.first().map(|learned| learned.secret.clone()),
                ..session.clone()
            });
        }
        file(collected, sent);
    }
    let owners = opened.iter().map(|session| (&anonymous, session));
    close::all(run, collected, owners).await;
}

/// The most requests of [`schemes`].
pub(crate) const MOST: usize = SCHEMES.len();

/// A name and what comes before the random characters. The scheme is one word in any case, and one
/// space follows it (RFC 9110 §11.1, §11.4).
const SCHEMES: [(&str, &str); 9] = [
    ("Basic", "Basic "),
    ("Token", "Token "),
    ("Negotiate", "Negotiate "),
    ("DPoP", "DPoP "),
    ("no scheme", ""),
    ("bearer in lower case", "bearer "),
    ("Bearer and two spaces", "Bearer  "),
    ("Bearer and a tab", "Bearer\t"),
    ("Bearer and a comma", "Bearer, "),
];
