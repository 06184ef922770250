//! Which grant makes the ladder: the cheapest that gives a narrower token when it is asked for one.

use super::{ends, name, varied};
use crate::model::audit::Collected;
use crate::model::identity::{Identities, Identity, MissingIdentity};
use crate::model::ladder::{PassedOver, Rung, RungPurpose};
use crate::model::settings::{CredentialSource, IdentitySource, Mint};
use crate::stage::obtain::{self, Order};
use crate::stage::{Run, mint};

/// Chooses between the candidates, and obtains the two ends of the ladder from the chosen one.
pub(crate) async fn choose(
    run: &Run<'_>,
    collected: &mut Collected,
    granted: &mut Vec<Identity>,
    identities: &mut Identities,
) {
    let Some(settings) = run.settings.mint.as_ref() else {
        return;
    };
    let Some(first) = settings.from.first() else {
        return;
    };
    collected.ladder.from.clone_from(first);
    if settings.from.len() == 1 {
        return;
    }
    for source in candidates(run, settings) {
        let CredentialSource::Grant(request) = &source.credential else {
            continue;
        };
        match trial(run, collected, settings, source, granted).await {
            Err(reason) => collected.ladder.passed_over.push(PassedOver {
                identity: source.name.clone(),
                grant: request.grant.as_str().to_owned(),
                reason,
            }),
            Ok(identity) => {
                collected.ladder.from.clone_from(&source.name);
                collected.ladder.rungs.extend(rung(&identity));
                granted.push(identity);
                let orders = ends(run.settings, source, request);
                for answer in obtain::obtain(run, collected, orders).await {
                    match answer {
                        Ok(identity) => granted.push(identity),
                        Err(missing) => identities.missing.push(missing),
                    }
                }
                return;
            }
        }
    }
    let tried = collected.ladder.passed_over.iter();
    let tried: Vec<String> = tried
        .map(|one| format!("`{}` by {}: {}", one.identity, one.grant, one.reason))
        .collect();
    let problem = format!("no grant gives narrower tokens: {}", tried.join("; "));
    collected.ladder.problem = Some(problem);
}

fn candidates<'s>(
    run: &'s Run<'_>,
    mint: &'s Mint,
) -> impl Iterator<Item = &'s IdentitySource> + use<'s> {
    let sources = &run.settings.identities;
    let named = |name: &String| sources.iter().find(|source| source.name == *name);
    mint.from.iter().filter_map(named)
}

/// One token with every scope but the first.
async fn trial(
    run: &Run<'_>,
    collected: &mut Collected,
    settings: &Mint,
    source: &IdentitySource,
    granted: &[Identity],
) -> Result<Identity, String> {
    let CredentialSource::Grant(request) = &source.credential else {
        return Err("it is a token, and no grant".to_owned());
    };
    if !granted.iter().any(|identity| identity.name == source.name) {
        return Err("its own token could not be had".to_owned());
    }
    let varied = varied(settings, source);
    let Some(left_out) = varied.first().cloned() else {
        return Err("no scopes are known to vary: set `scopes` there, or `vary`".to_owned());
    };
    let mut scopes = varied.clone();
    scopes.extend(settings.keep.iter().cloned());
    scopes.remove(&left_out);
    let order = Order {
        source,
        request,
        name: name(&source.name, RungPurpose::AllButOne, &scopes, &varied),
        scopes: Some(scopes),
        varied: Some(varied),
    };
    let reason = |missing: MissingIdentity| missing.reason;
    let mut made = obtain::obtain(run, collected, vec![order]).await;
    let identity = made.pop().ok_or("nothing was asked")?.map_err(reason)?;
    match identity.invalid.clone() {
        None => Ok(identity),
        Some(reason) => {
            mint::give_back(run, collected, &source.name, &identity, request).await;
            Err(reason)
        }
    }
}

fn rung(identity: &Identity) -> Option<Rung> {
    Some(Rung {
        identity: identity.name.clone(),
        purpose: RungPurpose::AllButOne,
        asked: identity.requested.clone()?,
        realised: identity.scopes().cloned(),
        passes_gate: None,
        unused: None,
    })
}
