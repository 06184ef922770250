//! Copies of a valid token that no sound server accepts (TOK-02, TOK-04 to TOK-06). They are sent to
//! the target alone.

mod hosted;
mod more;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

pub use hosted::fetched;
pub(crate) use more::MOST as MOST_MORE;
pub use more::more;
pub(crate) use more::try_each;

use super::{Run, file, metadata};
use crate::codec::jose::{self, Change};
use crate::model::audit::Collected;
use crate::model::discovery::Route;
use crate::model::identity::{Identity, IdentityKind, Provenance, ScopeSet};
use crate::model::probe::ProbeId;

/// The wrong tokens that can be derived from a model; without one, only random ones.
pub(crate) async fn wrong_tokens(
    run: &Run<'_>,
    collected: &mut Collected,
    model: Option<&Identity>,
) -> Vec<Identity> {
    let mut forged = vec![Forged {
        name: "garbage-jwt".to_owned(),
        kind: IdentityKind::Garbage,
        change: "three random segments in the form of a JWT",
        token: random_jwt(run),
    }];
    let mut from = None;
    let header = model.and_then(|identity| identity.header.clone());
    if let Some(identity) = model
        && let Some(credential) = &identity.credential
    {
        from = Some(identity.name.clone());
        let token = credential.expose_secret();
        if identity.header.is_none() && jose::peek(token).is_some() {
            forged.extend(from_jwt(token));
            let keys = key_set(run, collected, identity).await;
            forged.extend(
                key_confusion(token, keys.as_ref())
                    .into_iter()
                    .take(MOST_KEYS),
            );
        } else {
            forged.extend(from_opaque(token));
        }
    }
    if header.is_some() {
        // A key is no token: a token of random segments would only be another random key.
        forged.retain(|forged| forged.name != "garbage-jwt");
    }
    let derive = |forged: Forged| {
        let derived_from = from
            .clone()
            .filter(|_| forged.kind != IdentityKind::Garbage);
        let provenance = Provenance::Derived {
            from: derived_from,
            change: forged.change.to_owned(),
        };
        let credential = SecretString::from(forged.token);
        run.wire
            .know(&format!("token-{}", forged.name), &credential);
        if let Some(model) = model.and_then(|identity| identity.credential.as_ref()) {
            run.wire.alike(&credential, model);
        }
        Identity {
            name: forged.name,
            kind: forged.kind,
            provenance,
            header: header.clone(),
            credential: Some(credential),
            ..super::enrol::anonymous()
        }
    };
    forged.into_iter().map(derive).collect()
}

/// A token nobody issued, in the form of a real one where a real one is known.
pub(crate) fn garbage(run: &Run<'_>, model: Option<&Identity>) -> Identity {
    let opaque = model
        .and_then(|identity| identity.credential.as_ref())
        .filter(|token| jose::peek(token.expose_secret()).is_none());
    let token = opaque.map_or_else(
        || run.entropy.word("garbage", 32),
        |token| jose::garbage_like(token.expose_secret(), &run.entropy.bytes("garbage")),
    );
    let credential = SecretString::from(token);
    run.wire.know("token-garbage", &credential);
    if let Some(model) = model.and_then(|identity| identity.credential.as_ref()) {
        run.wire.alike(&credential, model);
    }
    Identity {
        name: "garbage".to_owned(),
        kind: IdentityKind::Garbage,
        provenance: Provenance::Derived {
            from: None,
            change: "random characters".to_owned(),
        },
        header: model.and_then(|identity| identity.header.clone()),
        credential: Some(credential),
        ..super::enrol::anonymous()
    }
}

struct Forged {
    name: String,
    kind: IdentityKind,
    change: &'static str,
    token: String,
}

fn from_jwt(token: &str) -> Vec<Forged> {
    let more = ScopeSet::from(["mcp-assay:more".to_owned()]);
    let made = [
        (
            "tampered-payload",
            IdentityKind::Tampered,
            "a scope added to the payload, the old signature kept",
            jose::tamper_payload(token, &Change::AddScopes(&more)),
        ),
        (
            "tampered-signature",
            IdentityKind::Tampered,
            "a byte inside the signature changed",
            jose::flip_signature(token),
        ),
        (
            "stripped-signature",
            IdentityKind::Tampered,
            "the signature removed",
            jose::strip_signature(token),
        ),
        (
            "unsigned",
            IdentityKind::Unsigned,
            "`alg` set to `none`, no signature",
            jose::unsigned(token, "none"),
        ),
        (
            "unsigned-mixed-case",
            IdentityKind::Unsigned,
            "`alg` set to `nOnE`, no signature",
            jose::unsigned(token, "nOnE"),
        ),
    ];
    named(made)
}

/// The copies that could be made.
fn named<'a>(
    made: impl IntoIterator<Item = (&'a str, IdentityKind, &'static str, Option<String>)>,
) -> Vec<Forged> {
    let forged = |(name, kind, change, token): (&str, _, _, Option<String>)| {
        Some(Forged {
            name: name.to_owned(),
            kind,
            change,
            token: token?,
        })
    };
    made.into_iter().filter_map(forged).collect()
}

/// HS256 keyed with each public key of the issuer, in the encodings a library may take it in.
fn key_confusion(token: &str, keys: Option<&Value>) -> Vec<Forged> {
    let keys = keys.map(jose::jwks_public_keys).unwrap_or_default();
    let signed = keys
        .iter()
        .filter_map(|key| jose::hs256_with_key(token, key));
    let forged = |(number, token): (usize, String)| Forged {
        name: format!("key-confusion-{}", number + 1),
        kind: IdentityKind::KeyConfusion,
        change: "signed with HS256 and a public key of the issuer as the secret",
        token,
    };
    signed.enumerate().map(forged).collect()
}

fn from_opaque(token: &str) -> Option<Forged> {
    let middle = token.len() / 2;
    let old = token.get(middle..=middle)?;
    let new = if old == "a" { "b" } else { "a" };
    let (before, after) = (token.get(..middle)?, token.get(middle + 1..)?);
    Some(Forged {
        name: "tampered-token".to_owned(),
        kind: IdentityKind::Tampered,
        change: "one character in the middle changed",
        token: format!("{before}{new}{after}"),
    })
}

/// The key set of the server that issued the token, when its metadata names one.
async fn key_set(run: &Run<'_>, collected: &mut Collected, identity: &Identity) -> Option<Value> {
    let issuer = identity.claims.as_ref()?.issuer.as_deref();
    let servers = &collected.discovery.authorization_servers;
    let server = servers
        .iter()
        .find(|server| Some(server.issuer.as_str()) == issuer)
        .or_else(|| servers.first())?;
    let chosen = server.chosen()?;
    let (url, named_by) = (chosen.text("jwks_uri")?.to_owned(), chosen.exchange);
    let routes = [(Route::WellKnownRoot, url)];
    let sent = metadata::fetch(run, ProbeId::KeySet, &routes, Some(named_by))
        .await
        .pop()?;
    metadata::note_blocked(collected, &sent.exchange);
    let body = sent
        .exchange
        .response()
        .map(|response| response.body.bytes().into_owned());
    file(collected, sent);
    serde_json::from_slice(&body?).ok()
}

fn random_jwt(run: &Run<'_>) -> String {
    use base64::Engine;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    format!(
        "{}.{}.{}",
        encode(br#"{"alg":"RS256","typ":"at+jwt"}"#),
        encode(&run.entropy.bytes("garbage-payload")),
        encode(&run.entropy.bytes("garbage-signature"))
    )
}

/// Confused keys tried at every door; a key has several encodings.
const MOST_KEYS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str =
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIiwic2NvcGUiOiJ4In0.c2lnbmF0dXJlc2lnbmF0dXJl";

    #[test]
    fn every_forgery_of_a_jwt_differs_from_it() {
        let forged = from_jwt(TOKEN);
        assert_eq!(forged.len(), 5);
        assert!(forged.iter().all(|forged| forged.token != TOKEN));
    }

    #[test]
    fn an_opaque_token_changes_in_one_character() {
        let forged = from_opaque("0123456789").map(|forged| forged.token);
        assert_eq!(forged.as_deref(), Some("01234a6789"));
        assert!(from_opaque("").is_none());
    }

    #[test]
    fn without_keys_nothing_is_confused() {
        assert!(key_confusion(TOKEN, None).is_empty());
        let keys = serde_json::json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]});
        assert!(key_confusion(TOKEN, Some(&keys)).is_empty());
    }
}
