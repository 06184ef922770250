//! Which grant makes the ladder: the cheapest that gives a narrower token when it is asked for one.

use super::{ends, name, varied};
use crate::model::audit::Collected;
use crate::model::grant::GrantRequest;
use crate::model::identity::{Identities, Identity, MissingIdentity};
use crate::model::ladder::{PassedOver, Rung, RungPurpose, TriedToken};
use crate::model::settings::{IdentitySource, Mint};
use crate::stage::obtain::{self, EXCHANGE, Order, WITHOUT_REFRESH};
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
    if is_sole(run, settings) {
        return;
    }
    for name in &settings.from {
        if attempt(run, collected, settings, name, granted, identities).await {
            return;
        }
    }
    let tried = collected.ladder.passed_over.iter();
    let tried: Vec<String> = tried
        .map(|one| format!("`{}` by {}: {}", one.identity, one.grant, one.reason))
        .collect();
    let problem = format!("no grant gives narrower tokens: {}", tried.join("; "));
    collected.ladder.problem = Some(problem);
}

/// Whether there is one candidate with one way to go: its ends were obtained with its own token.
pub(crate) fn is_sole(run: &Run<'_>, settings: &Mint) -> bool {
    let [only] = settings.from.as_slice() else {
        return false;
    };
    let own = run.source(only).and_then(obtain::own);
    own.is_some_and(|own| !own.grant.needs_a_person())
}

/// Why a way makes no ladder.
struct Unfit {
    reason: String,
    token: Option<TriedToken>,
}

impl Unfit {
    fn of(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            token: None,
        }
    }
}

/// One way from a source to a narrower token.
struct Way {
    /// The grant as reports name it.
    grant: &'static str,
    request: GrantRequest,
}

/// Tries every way of one candidate; whether one of them makes the ladder.
async fn attempt(
    run: &Run<'_>,
    collected: &mut Collected,
    settings: &Mint,
    name: &str,
    granted: &mut Vec<Identity>,
    identities: &mut Identities,
) -> bool {
    let pass_over = |collected: &mut Collected, grant: &str, reason: Unfit| {
        collected.ladder.passed_over.push(PassedOver {
            identity: name.to_owned(),
            grant: grant.to_owned(),
            reason: reason.reason,
            token: reason.token,
        });
    };
    let Some((source, own)) = run.source(name).and_then(|it| Some((it, obtain::own(it)?))) else {
        pass_over(collected, "login", Unfit::of("nobody signed in"));
        return false;
    };
    let holder = granted.iter().find(|identity| identity.name == name);
    let Some(holder) = holder.cloned() else {
        let reason = Unfit::of("its own token could not be had");
        pass_over(collected, own.grant.as_str(), reason);
        return false;
    };
    let ways = ways(collected, settings, own, &holder);
    if ways.is_empty() {
        pass_over(collected, own.grant.as_str(), Unfit::of(WITHOUT_REFRESH));
    }
    for way in ways {
        match trial(run, collected, settings, source, &way).await {
            Err(reason) => pass_over(collected, way.grant, reason),
            Ok(identity) => {
                collected.ladder.from.clone_from(&source.name);
                collected.ladder.grant = Some(way.grant.to_owned());
                collected.ladder.rungs.extend(rung(&identity));
                granted.push(identity);
                let orders = ends(run.settings, source, &way.request);
                for answer in obtain::obtain(run, collected, orders).await {
                    match answer {
                        Ok(identity) => granted.push(identity),
                        Err(missing) => identities.missing.push(missing),
                    }
                }
                return true;
            }
        }
    }
    false
}

/// The ways from one token to narrower ones, cheapest first. A person is asked for more logins by
/// consent only, and then for nothing else.
fn ways(collected: &Collected, settings: &Mint, own: &GrantRequest, holder: &Identity) -> Vec<Way> {
    let as_it_is = |grant| Way {
        grant,
        request: own.clone(),
    };
    if !own.grant.needs_a_person() || settings.by_login {
        return vec![as_it_is(own.grant.as_str())];
    }
    let refreshes = collected.refresh.contains_key(&holder.name);
    let server = mint::issuer(&collected.discovery, own.issuer.as_deref());
    let metadata = server.ok().and_then(|server| server.chosen());
    let announced = metadata.and_then(|it| it.texts("grant_types_supported"));
    let exchanges = announced.is_some_and(|grants| grants.contains(&EXCHANGE));
    let subject = holder.credential.clone().filter(|_| exchanges);
    let exchange = subject.map(|subject| Way {
        grant: EXCHANGE,
        request: obtain::exchange_of(own, subject),
    });
    let refresh = refreshes.then(|| as_it_is("refresh_token"));
    refresh.into_iter().chain(exchange).collect()
}

/// One token with every scope but the first.
async fn trial(
    run: &Run<'_>,
    collected: &mut Collected,
    settings: &Mint,
    source: &IdentitySource,
    way: &Way,
) -> Result<Identity, Unfit> {
    let varied = varied(settings, source);
    let Some(left_out) = varied.first().cloned() else {
        return Err(Unfit::of(
            "no scopes are known to vary: set `scopes` there, or `vary`",
        ));
    };
    let mut scopes = varied.clone();
    scopes.extend(settings.keep.iter().cloned());
    scopes.remove(&left_out);
    let order = Order {
        source,
        request: &way.request,
        name: name(&source.name, RungPurpose::AllButOne, &scopes, &varied),
        scopes: Some(scopes),
        varied: Some(varied),
    };
    let refused = |missing: MissingIdentity| Unfit::of(&missing.reason);
    let mut made = obtain::obtain(run, collected, vec![order]).await;
    let nothing = || Unfit::of("nothing was asked");
    let identity = made.pop().ok_or_else(nothing)?.map_err(refused)?;
    let Some(reason) = identity.invalid.clone() else {
        return Ok(identity);
    };
    if let Some(token) = identity.credential.clone() {
        // Given back at once it could take the token with it that the next way starts from.
        let ends = obtain::ends_ms(collected, &identity);
        let request = &way.request;
        obtain::spare(
            collected,
            &source.name,
            request,
            token,
            "access_token",
            ends,
        );
    }
    Err(Unfit {
        reason,
        token: tried(&identity),
    })
}

/// What a token that cannot be used shows of its server.
fn tried(identity: &Identity) -> Option<TriedToken> {
    Some(TriedToken {
        asked: identity.requested.clone()?,
        held: identity.scopes().cloned(),
        exchange: identity.exchange?,
    })
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
