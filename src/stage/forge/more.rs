//! The rest of the wrong copies: each goes to the first door, and further only where that lets it in.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Forged, hosted, named};
use crate::codec::jose::{self, Change, KeyHint};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::discovery::ServedRevision;
use crate::model::identity::{Identity, IdentityKind, Provenance};
use crate::model::key::SigningKey;
use crate::model::key_documents::KeyDocuments;
use crate::model::matrix::GateOutcome;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::oracle::gates;
use crate::stage::rpc::{self, Ask};
use crate::stage::session::Session;
use crate::stage::{Run, close, enrol, file, reply, together};
use crate::wire::{Pending, Sent};

/// Tries every further copy of the token that the first ones were made of.
///
/// A kind of which one was let in already is left out: its question is answered.
pub async fn more(run: &Run<'_>, collected: &mut Collected) {
    let Some(served) = collected.discovery.audited.clone() else {
        return;
    };
    let Some(model) = model(collected) else {
        return;
    };
    let answered = answered(collected);
    let (copies, documents) = copies(run, collected, &model);
    let asked = |name: &str| {
        let mut offers = documents.iter().flat_map(|it| &it.offers);
        offers.any(|offer| offer.identity == name)
    };
    // Who comes for a key is a question of its own.
    let open = |copy: &Forged| !answered.contains(&copy.kind) || asked(&copy.name);
    let copies: Vec<Forged> = copies.into_iter().filter(open).collect();
    collected.key_documents = documents;
    let copies = copies.into_iter();
    let copies = copies.map(|copy| identity(run, &model, copy));
    let copies: Vec<Identity> = copies
        .filter(|copy| run.settings.calls.left_out(copy).is_none())
        .collect();
    try_each(run, collected, &served, copies).await;
}

/// Tries credentials at the first door, and further only where that lets one in.
pub(crate) async fn try_each(
    run: &Run<'_>,
    collected: &mut Collected,
    served: &ServedRevision,
    copies: Vec<Identity>,
) {
    collected.identities.present.extend(copies.iter().cloned());
    let (first, probe) = if served.revision.is_modern() {
        (Operation::ListTools { cursor: None }, ProbeId::ListTools)
    } else {
        (Operation::Initialize, ProbeId::OpenSession)
    };
    let session = session(collected, served);
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for copy in &copies {
        let ask = Ask::new(
            ProbeKey::new(probe).variant(VARIANT),
            copy,
            &session,
            first.clone(),
        );
        let id = run.next_id();
        pending.push(Box::pin(rpc::send(run, ask, id)));
    }
    let answers = together(pending).await;
    for (copy, sent) in copies.iter().zip(answers) {
        let admitted = reply::result(&sent.exchange).is_some();
        let own = Session {
            id: sent.learned.first().map(|learned| learned.secret.clone()),
            ..session.clone()
        };
        file(collected, sent);
        if admitted {
            further(run, collected, copy, &own).await;
        }
    }
}

/// The most copies that are made of one token.
pub(crate) const MOST: usize = 26;

/// What comes after the first door; then the session is closed.
async fn further(run: &Run<'_>, collected: &mut Collected, copy: &Identity, session: &Session) {
    let name = format!("{}-{}", copy.name, run.entropy.word("ghost-forged", 8));
    let nothing = json!({});
    let mut asks = Vec::new();
    if !session.revision.is_modern() {
        asks.push((ProbeKey::new(ProbeId::Initialized), Operation::Initialized));
        asks.push((
            ProbeKey::new(ProbeId::ListTools),
            Operation::ListTools { cursor: None },
        ));
    }
    let call = Operation::CallTool {
        name: &name,
        arguments: &nothing,
        schema: None,
    };
    asks.push((
        ProbeKey::new(ProbeId::UnknownName).about(name.clone()),
        call,
    ));
    for (key, operation) in asks {
        let ask = Ask::new(key.variant(VARIANT), copy, session, operation);
        let sent = rpc::ask(run, ask).await;
        file(collected, sent);
    }
    close::one(run, collected, copy, session).await;
}

fn session(collected: &Collected, served: &ServedRevision) -> Session {
    Session {
        transport: served.transport,
        ..Session::stateless(served.revision, &collected.discovery.endpoint)
    }
}

/// The identity whose token the first copies were made of.
fn model(collected: &Collected) -> Option<Identity> {
    let present = &collected.identities.present;
    let from = present
        .iter()
        .find_map(|identity| match &identity.provenance {
            Provenance::Derived {
                from: Some(from), ..
            } => Some(from),
            _ => None,
        })?;
    let model = collected.identities.named(from)?;
    (model.header.is_none() && model.credential.is_some()).then(|| model.clone())
}

/// Kinds of which a copy was let in where a request without a token was not.
fn answered(collected: &Collected) -> Vec<IdentityKind> {
    let seen = gates::gates(&collected.ledger, &collected.identities);
    let let_in = |identity: &str, door: &str| {
        seen.iter().any(|gate| {
            gate.identity == identity && gate.door == door && gate.outcome == GateOutcome::Accepted
        })
    };
    let accepted = seen
        .iter()
        .filter(|gate| gate.outcome == GateOutcome::Accepted && !let_in("anonymous", &gate.door));
    let kinds = accepted.filter_map(|gate| Some(collected.identities.named(&gate.identity)?.kind));
    kinds.collect()
}

fn identity(run: &Run<'_>, model: &Identity, copy: Forged) -> Identity {
    let credential = SecretString::from(copy.token);
    run.wire.know(&format!("token-{}", copy.name), &credential);
    if let Some(model) = &model.credential {
        run.wire.alike(&credential, model);
    }
    Identity {
        name: copy.name,
        kind: copy.kind,
        provenance: Provenance::Derived {
            from: Some(model.name.clone()),
            change: copy.change.to_owned(),
        },
        credential: Some(credential),
        ..enrol::anonymous()
    }
}

fn copies(
    run: &Run<'_>,
    collected: &Collected,
    model: &Identity,
) -> (Vec<Forged>, Option<KeyDocuments>) {
    let Some(token) = model.credential.as_ref() else {
        return (Vec::new(), None);
    };
    let token = token.expose_secret();
    if jose::peek(token).is_none() {
        return (opaque(token), None);
    }
    let mut copies = edited(token, model);
    copies.extend(unsigned(token));
    copies.extend(hinted(
        token,
        &run.entropy.word("key-host", 12),
        &run.entropy.bytes("own-key"),
    ));
    copies.extend(own_key(token, model));
    let mut documents = None;
    if let Some(made) = hosted::copies(run, collected, model) {
        // An address where there is something to fetch takes the place of one that leads nowhere.
        copies.retain(|copy| made.copies.iter().all(|own| own.name != copy.name));
        copies.extend(made.copies);
        documents = Some(made.documents);
    }
    copies.extend(
        super::key_confusion(token, key_set(collected).as_ref())
            .into_iter()
            .skip(super::MOST_KEYS),
    );
    copies.truncate(MOST);
    (copies, documents)
}

fn edited(token: &str, model: &Identity) -> Vec<Forged> {
    let expiry = model.claims.as_ref().and_then(|claims| claims.expires_at);
    let later = expiry.unwrap_or_default().saturating_add(TEN_YEARS);
    let kind = IdentityKind::Tampered;
    named(vec![
        (
            "tampered-header",
            kind,
            "a member added to the header, the old signature kept",
            jose::tamper_header(token),
        ),
        (
            "tampered-subject",
            kind,
            "another `sub`, the old signature kept",
            jose::tamper_payload(token, &Change::Subject("mcp-assay")),
        ),
        (
            "tampered-audience",
            kind,
            "another `aud`, the old signature kept",
            jose::tamper_payload(token, &Change::Audience("https://mcp-assay.invalid/")),
        ),
        (
            "tampered-expiry",
            kind,
            "`exp` ten years later, the old signature kept",
            jose::tamper_payload(token, &Change::Expiry(later)),
        ),
        (
            "tampered-start",
            kind,
            "`nbf` ten years later, the old signature kept",
            jose::tamper_start(token, later),
        ),
        (
            "truncated",
            kind,
            "the second half of the signature cut off",
            jose::truncate(token),
        ),
    ])
}

/// What a look-up takes for the same token when it compares less than all of it.
fn opaque(token: &str) -> Vec<Forged> {
    let kind = IdentityKind::Tampered;
    named(vec![
        (
            "tampered-truncated",
            kind,
            "the second half cut off",
            jose::halve(token),
        ),
        (
            "tampered-extended",
            kind,
            "a character appended",
            Some(format!("{token}a")),
        ),
        (
            "tampered-case",
            kind,
            "capital letters made small and small ones capital",
            jose::swap_case(token),
        ),
    ])
}

fn unsigned(token: &str) -> Vec<Forged> {
    let kind = IdentityKind::Unsigned;
    named(vec![
        (
            "unsigned-capitalised",
            kind,
            "`alg` set to `None`, no signature",
            jose::unsigned(token, "None"),
        ),
        (
            "unsigned-capitals",
            kind,
            "`alg` set to `NONE`, no signature",
            jose::unsigned(token, "NONE"),
        ),
        (
            "unsigned-empty",
            kind,
            "`alg` empty, no signature",
            jose::unsigned(token, ""),
        ),
        (
            "unsigned-two-segments",
            kind,
            "`alg` set to `none`, nothing after the payload",
            jose::unsigned_ending(token, false),
        ),
        (
            "unsigned-with-signature",
            kind,
            "`alg` set to `none`, the old signature kept",
            jose::unsigned_ending(token, true),
        ),
    ])
}

/// Nothing is hosted anywhere: the addresses cannot resolve (RFC 6761 §6.4).
fn hinted(token: &str, word: &str, key: &[u8]) -> Vec<Forged> {
    let set = format!("https://{word}.invalid/jwks.json");
    let certificate = format!("https://{word}.invalid/key.pem");
    let kind = IdentityKind::KeyConfusion;
    let made = |hint: KeyHint<'_>, key: &[u8]| jose::hs256_with_hint(token, &hint, key);
    named(vec![
        (
            "embedded-key",
            kind,
            "signed with HS256 and a key that its `jwk` header holds",
            made(KeyHint::Embedded, key),
        ),
        (
            "key-set-url",
            kind,
            "signed with HS256 and a key that its `jku` header promises at an address that cannot exist",
            made(KeyHint::SetUrl(&set), key),
        ),
        (
            "certificate-url",
            kind,
            "signed with HS256 and a key that its `x5u` header promises at an address that cannot exist",
            made(KeyHint::CertificateUrl(&certificate), key),
        ),
        (
            "key-id-path",
            kind,
            "signed with HS256 and an empty key, its `kid` the path of an empty file",
            made(KeyHint::Id("/dev/null"), b""),
        ),
        (
            "key-id-query",
            kind,
            "signed with HS256 and the key that its `kid` would select from a careless query",
            made(KeyHint::Id(QUERY), SELECTED),
        ),
        (
            "key-id-empty",
            kind,
            "signed with HS256 and an empty key, its `kid` empty",
            made(KeyHint::Id(""), b""),
        ),
        (
            "empty-secret",
            kind,
            "signed with HS256 and an empty key",
            made(KeyHint::None, b""),
        ),
    ])
}

/// Signed with a key pair that exists for this one copy, in the family of algorithms that the token's
/// verifier expects.
fn own_key(token: &str, model: &Identity) -> Vec<Forged> {
    let rsa = hosted::rsa_algorithm(model);
    let key = if rsa.is_some() {
        SigningKey::generate_rsa()
    } else {
        SigningKey::generate()
    };
    let signed = key.and_then(|key| jose::with_own_key(token, &key, rsa.unwrap_or("ES256")));
    named(vec![(
        "embedded-public-key",
        IdentityKind::KeyConfusion,
        "signed with a private key whose public half its `jwk` header holds",
        signed,
    )])
}

/// The key set that was read for the first copies.
fn key_set(collected: &Collected) -> Option<Value> {
    let mut read = collected.ledger.iter();
    let exchange = read.find(|it| it.probe.id == ProbeId::KeySet && it.status() == Some(200))?;
    serde_json::from_slice(&exchange.response()?.body.bytes()).ok()
}

const VARIANT: &str = "forged";
const TEN_YEARS: i64 = 315_360_000;
/// Reads nothing and changes nothing: the selected value is the literal.
const QUERY: &str = "' UNION SELECT 'mcp-assay";
const SELECTED: &[u8] = b"mcp-assay";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TOKEN: &str =
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIiwic2NvcGUiOiJ4In0.c2lnbmF0dXJlc2lnbmF0dXJl";

    fn all(token: &str) -> Vec<Forged> {
        let mut all = edited(token, &enrol::anonymous());
        all.extend(unsigned(token));
        all.extend(hinted(token, "word", b"key"));
        all.extend(own_key(token, &enrol::anonymous()));
        all
    }

    #[test]
    fn every_copy_differs_from_the_token_and_from_every_other() {
        let all = all(TOKEN);
        let tokens: BTreeSet<&str> = all.iter().map(|copy| copy.token.as_str()).collect();
        let names: BTreeSet<&str> = all.iter().map(|copy| copy.name.as_str()).collect();
        assert_eq!((tokens.len(), names.len()), (all.len(), all.len()));
        assert!(!tokens.contains(TOKEN) && all.len() >= 18);
        assert!(all.len() <= MOST);
    }

    #[test]
    fn an_opaque_token_has_none_of_them_and_some_of_its_own() {
        assert!(all("0123456789").is_empty());
        let made = |token: &str| -> Vec<String> {
            opaque(token).into_iter().map(|copy| copy.token).collect()
        };
        assert_eq!(made("aB3-x"), ["aB", "aB3-xa", "Ab3-X"]);
        assert_eq!(made("1"), ["1a"]);
    }

    #[test]
    fn addresses_in_a_copy_cannot_resolve() {
        for copy in hinted(TOKEN, "word", b"key") {
            let header = copy.token.split('.').next().unwrap_or_default();
            let text = String::from_utf8(base64_decode(header)).unwrap();
            assert!(
                !text.contains("https://") || text.contains(".invalid/"),
                "{text}"
            );
        }
    }

    fn base64_decode(text: &str) -> Vec<u8> {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .unwrap()
    }
}
