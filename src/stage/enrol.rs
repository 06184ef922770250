//! Identities: those the operator gave, those a client mints, those the tool derives.

use secrecy::{ExposeSecret, SecretString};

use super::obtain::{self, Order};
use super::{Run, certificates, forge, ladder, login};
use crate::codec::jose;
use crate::model::audit::Collected;
use crate::model::identity::{
    Identities, Identity, IdentityKind, MissingIdentity, Provenance, ScopeSet,
};
use crate::model::settings::{Calls, CredentialSource, IdentitySource};

/// The identity that sends no credential.
pub fn anonymous() -> Identity {
    Identity {
        name: "anonymous".to_owned(),
        kind: IdentityKind::Anonymous,
        provenance: Provenance::Derived {
            from: None,
            change: "no credential is sent".to_owned(),
        },
        privileged: false,
        believed: None,
        requested: None,
        granted: None,
        expires_in: None,
        claims: None,
        exchange: None,
        invalid: None,
        header: None,
        credential: None,
    }
}

/// Makes every identity of the run; what cannot be had is listed with its reason.
pub async fn enrol(run: &Run<'_>, collected: &mut Collected) -> Option<login::Session> {
    (run.progress)("enrol", run.settings.identities.len());
    let mut identities = Identities::default();
    identities.present.push(anonymous());
    let mut granted = Vec::new();
    let mut orders: Vec<Order<'_>> = Vec::new();
    let mint = run.settings.mint.as_ref();
    let sole = mint.filter(|mint| ladder::choose::is_sole(run, mint));
    let sole = sole.and_then(|mint| mint.from.first());
    for source in &run.settings.identities {
        match &source.credential {
            CredentialSource::Token {
                source: from,
                token,
            } => {
                run.wire.know(&format!("token-{}", source.name), token);
                let identity = operator(source, from, token);
                certificates::present(run, &identity, &source.name);
                granted.push(identity);
            }
            CredentialSource::Grant(request) => {
                for (label, secret) in request.secrets() {
                    run.wire.know(&format!("{label}-{}", source.name), secret);
                }
                if let Some(token) = run.settings.upkeep.cached.get(&source.name) {
                    let label = format!("refresh-{}-cached", source.name);
                    run.wire.know(&label, token);
                    obtain::keep(collected, &source.name, request, token.clone());
                }
                orders.push(Order {
                    source,
                    request,
                    scopes: source.scopes.clone(),
                    name: source.name.clone(),
                    varied: None,
                });
                if sole == Some(&source.name) {
                    orders.extend(ladder::ends(run.settings, source, request));
                }
            }
        }
    }
    for answer in obtain::obtain(run, collected, orders).await {
        match answer {
            Ok(identity) => granted.push(identity),
            Err(missing) => identities.missing.push(missing),
        }
    }
    let begun = login::begin(run, collected).await;
    let session = begun.and_then(|begun| {
        match begun.identity {
            Ok(identity) => granted.push(identity),
            Err(missing) => identities.missing.push(missing),
        }
        begun.session
    });
    ladder::choose::choose(run, collected, &mut granted, &mut identities).await;
    let model = model(&granted).cloned();
    identities.present.push(forge::garbage(run, model.as_ref()));
    identities.present.extend(granted);
    identities
        .present
        .extend(forge::wrong_tokens(run, collected, model.as_ref()).await);
    leave_out(&run.settings.calls, &mut identities);
    collected.identities = identities;
    session
}

/// Takes out what the operator wants left out. The anonymous identity stays, because discovery needs
/// no credential; it opens no session and calls nothing.
fn leave_out(calls: &Calls, identities: &mut Identities) {
    let present = std::mem::take(&mut identities.present);
    for identity in present {
        match calls.left_out(&identity) {
            Some(arm) if identity.kind != IdentityKind::Anonymous => {
                let left_out = MissingIdentity::left_out(identity.name, arm.as_str());
                identities.missing.push(left_out);
            }
            _ => identities.present.push(identity),
        }
    }
}

fn operator(source: &IdentitySource, from: &str, token: &SecretString) -> Identity {
    Identity {
        name: source.name.clone(),
        kind: source.kind,
        provenance: Provenance::Operator {
            source: from.to_owned(),
        },
        privileged: source.privileged,
        believed: source.scopes.clone(),
        requested: None,
        granted: None,
        expires_in: None,
        // A key in a field of its own is no access token, whatever it looks like.
        claims: match source.header {
            Some(_) => None,
            None => jose::peek(token.expose_secret()),
        },
        exchange: None,
        invalid: None,
        header: source.header.clone(),
        credential: Some(token.clone()),
    }
}

/// The token that wrong ones are derived from: the strongest that should work.
fn model(granted: &[Identity]) -> Option<&Identity> {
    let valid = granted
        .iter()
        .filter(|identity| identity.kind == IdentityKind::Valid);
    valid.max_by_key(|identity| {
        (
            identity.privileged,
            identity.scopes().map_or(0, ScopeSet::len),
        )
    })
}
