//! SCP-13: scopes that metadata and challenges name can be obtained.
//!
//! MCP §Scope Selection Strategy; RFC 8414 §2; RFC 6749 §5.2.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::scopes::{self, advertised};
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::identity::ScopeSet;
use crate::model::matrix::Confidence;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};

/// Compares what is advertised with what the run was granted when it asked.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut named = advertised(evidence);
    named.extend(evidence.challenged_scopes());
    if named.is_empty() {
        return Verdict::NotApplicable("nothing names a scope to obtain".to_owned());
    }
    let known = catalogue(evidence);
    let mut case = evidence.case();
    let (mut asked, mut obtained) = (0_usize, 0_usize);
    for scope in &named {
        let requests: Vec<Asked<'_>> = requests(evidence, scope);
        if requests.is_empty() {
            continue;
        }
        asked += 1;
        if requests.iter().any(|request| request.granted) {
            obtained += 1;
            continue;
        }
        // A set may be refused for another member, so the smallest request speaks.
        let Some(request) = requests.iter().min_by_key(|request| request.size) else {
            continue;
        };
        let answer = match request.error {
            Some(error) => format!("answered `{error}`"),
            None => "granted without it".to_owned(),
        };
        let listed = known.as_ref().map(|known| known.contains(scope));
        if listed == Some(false) || (listed.is_none() && request.error == Some("invalid_scope")) {
            let message = format!(
                "`{scope}` is advertised, and asking for it was {answer}; {}",
                match listed {
                    Some(_) => "the authorization server does not list it either",
                    None => "the authorization server does not say which scopes it knows",
                }
            );
            let sure = if listed.is_some() {
                Confidence::Strong
            } else {
                Confidence::Weak
            };
            let draft = Draft::new(scope.clone(), message).confidence(sure);
            case.breach(draft.at(request.exchange, Part::Status, "the token answer"));
        } else {
            case.doubt(
                format!(
                    "asking for `{scope}` was {answer}: this client may not be entitled to a scope \
                     that others can obtain"
                ),
                Some("[mint] with a client that is entitled to every advertised scope"),
            );
        }
    }
    if asked == 0 {
        return Verdict::undecided(
            format!("the run asked for none of {}", scopes::list(&named)),
            "[mint] scopes = \"each\" with the advertised scopes in `vary`",
        );
    }
    case.verdict(Verdict::Held(format!(
        "{obtained} of {} advertised scope(s) were asked for and obtained",
        named.len()
    )))
}

struct Asked<'a> {
    granted: bool,
    error: Option<&'a str>,
    size: usize,
    exchange: ExchangeId,
}

/// Token requests of the run that asked for a scope.
fn requests<'a>(evidence: &Evidence<'a>, scope: &str) -> Vec<Asked<'a>> {
    let minted = evidence.probed(ProbeId::MintToken).filter_map(|exchange| {
        let wanted = wanted(exchange)?;
        wanted.contains(scope).then_some((exchange, wanted.len()))
    });
    let read = minted.filter_map(|(exchange, size)| {
        let present = &evidence.collected().identities.present;
        let identity = present
            .iter()
            .find(|identity| identity.exchange == Some(exchange.id));
        let error = error(exchange);
        if identity.is_none() && error.is_none() {
            return None;
        }
        Some(Asked {
            granted: identity
                .and_then(|identity| identity.scopes())
                .is_some_and(|held| held.contains(scope)),
            error,
            size,
            exchange: exchange.id,
        })
    });
    read.chain(by_login(evidence, scope)).collect()
}

/// Logins that asked for a scope: they do so at another endpoint than the one that answers.
fn by_login<'a>(evidence: &Evidence<'a>, scope: &str) -> impl Iterator<Item = Asked<'a>> {
    let redeemed = evidence.probed(ProbeId::RedeemCode).map(|it| it.id);
    let redeemed: BTreeSet<ExchangeId> = redeemed.collect();
    let present = evidence.collected().identities.present.iter();
    present.filter_map(move |identity| {
        let exchange = identity.exchange.filter(|id| redeemed.contains(id))?;
        let requested = identity.requested.as_ref()?;
        requested.contains(scope).then(|| Asked {
            granted: identity.scopes().is_some_and(|held| held.contains(scope)),
            error: None,
            size: requested.len(),
            exchange,
        })
    })
}

fn wanted(exchange: &Exchange) -> Option<ScopeSet> {
    let body = exchange.request.body.as_ref()?.bytes();
    let mut form = url::form_urlencoded::parse(&body);
    let (_, scopes) = form.find(|(name, _)| name == "scope")?;
    Some(scopes.split(' ').map(str::to_owned).collect())
}

/// The OAuth error, among those that can be about a scope.
fn error(exchange: &Exchange) -> Option<&'static str> {
    let body = exchange.response()?.body.bytes();
    let body: Value = serde_json::from_slice(&body).ok()?;
    let error = body.get("error")?.as_str()?;
    ABOUT_SCOPES.into_iter().find(|known| *known == error)
}

/// Every scope that an authorization server lists; none when no server lists any.
fn catalogue(evidence: &Evidence<'_>) -> Option<ScopeSet> {
    let listed = evidence
        .authorization_metadata()
        .filter_map(|(_, metadata)| metadata.texts("scopes_supported"));
    listed
        .map(|scopes| scopes.into_iter().map(str::to_owned).collect())
        .reduce(|one: ScopeSet, other| one.union(&other).cloned().collect())
}

/// RFC 6749 §5.2: the client may not ask for it, or nobody may.
const ABOUT_SCOPES: [&str; 2] = ["invalid_scope", "access_denied"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, resource_document, response};
    use crate::model::discovery::Route;
    use crate::model::exchange::Body;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "advertised-scope-unobtainable";

    fn world(advertised: &[&str], known: &Value) -> World {
        let mut world = World::new();
        let document = resource_document(&[("scopes_supported", json!(advertised))]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        world.sound_server(&[("scopes_supported", known.clone())]);
        world
    }

    fn mint(world: &mut World, scopes: &str, granted: Option<&[&str]>, error: &str) {
        let text = json!({"error": error}).to_string();
        let answer = match granted {
            Some(_) => response(200, &[], "{}"),
            None => response(400, &[], &text),
        };
        let key = ProbeKey::new(ProbeId::MintToken);
        let id = world.ask(key, "machine", "https://auth.example.com/token", answer);
        let form = format!("scope={}", scopes.replace(' ', "+"));
        let mut exchange = world.collected.ledger.exchange(id).unwrap().clone();
        exchange.request.body = Some(Body {
            bytes: form.as_bytes().into(),
            truncated: false,
            length: form.len() as u64,
            sha256: String::new(),
        });
        let id = world.collected.ledger.file(exchange);
        if let Some(granted) = granted {
            world.valid("machine", granted).exchange = Some(id);
        }
    }

    #[test]
    fn a_scope_that_is_granted_holds() {
        let mut world = world(&["notes:read"], &json!(["notes:read"]));
        mint(&mut world, "notes:read", Some(&["notes:read"]), "");
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_scope_that_the_server_refuses_and_does_not_list_falls_short() {
        let mut world = world(&["notes:archive"], &json!(["notes:read"]));
        mint(&mut world, "notes:archive", None, "invalid_scope");
        assert_eq!(world.status(ID), Status::Warn);
        let verdict = world.verdict(ID);
        assert!(verdict.findings()[0].message.contains("invalid_scope"));
    }

    #[test]
    fn a_scope_that_is_left_out_of_the_grant_falls_short_as_well() {
        let mut world = world(&["notes:archive"], &json!(["notes:read"]));
        mint(
            &mut world,
            "notes:archive notes:read",
            Some(&["notes:read"]),
            "",
        );
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_client_that_may_not_have_a_listed_scope_decides_nothing() {
        let mut world = world(&["notes:write"], &json!(["notes:write"]));
        mint(&mut world, "notes:write", None, "invalid_scope");
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_server_that_lists_nothing_makes_it_weak() {
        let mut world = world(&["notes:archive"], &Value::Null);
        mint(&mut world, "notes:archive", None, "invalid_scope");
        let verdict = world.verdict(ID);
        assert_eq!(verdict.findings()[0].confidence, Confidence::Weak);
    }

    fn signed_in(requested: &[&str], granted: &[&str]) -> World {
        let mut world = world(&["notes:read", "notes:archive"], &json!(["notes:read"]));
        let id = world.answer(ProbeId::RedeemCode, "user", 200, &[], "{}");
        let person = world.valid("user", granted);
        person.exchange = Some(id);
        person.requested = Some(requested.iter().map(|&it| it.to_owned()).collect());
        world
    }

    #[test]
    fn what_a_login_asked_for_counts() {
        let both = signed_in(&["notes:archive", "notes:read"], &["notes:read"]);
        assert_eq!(both.status(ID), Status::Warn);
        let one = signed_in(&["notes:read"], &["notes:read"]);
        assert_eq!(one.status(ID), Status::Pass);
    }

    #[test]
    fn another_error_is_not_about_the_scope() {
        let mut world = world(&["notes:archive"], &json!([]));
        mint(&mut world, "notes:archive", None, "invalid_client");
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn nothing_advertised_does_not_apply_and_nothing_asked_stays_open() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
        let world = world(&["notes:read"], &json!(["notes:read"]));
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
