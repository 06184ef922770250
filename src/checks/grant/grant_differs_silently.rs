//! ASE-17: a token holds the scopes that its answer names, and the answer names them when they
//! differ from the request.
//!
//! RFC 6749 §3.3, §5.1.

use serde_json::Value;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::{logins, scopes};
use crate::model::exchange::ExchangeId;
use crate::model::identity::{Provenance, ScopeSet};
use crate::model::verdict::{Part, Verdict};

/// Compares the scopes of each token the run obtained with what its answer says.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let grants = grants(evidence);
    let mut compared = 0_usize;
    for grant in &grants {
        let Some(held) = &grant.held else { continue };
        let Some(told) = grant.told.as_ref().or(grant.requested.as_ref()) else {
            continue;
        };
        compared += 1;
        let extra: ScopeSet = held.difference(told).cloned().collect();
        let short: ScopeSet = told
            .difference(held)
            .filter(|scope| grant.told.is_none() && !OPENID.contains(&scope.as_str()))
            .cloned()
            .collect();
        let what = if !extra.is_empty() {
            format!(
                "holds {} and its answer does not say so",
                scopes::list(&extra)
            )
        } else if !short.is_empty() {
            format!(
                "lacks {} and its answer does not say so",
                scopes::list(&short)
            )
        } else {
            continue;
        };
        let message = format!(
            "the token of `{}` {what}, expected `scope` in the answer to name what was granted",
            grant.subject
        );
        case.breach(Draft::new(grant.subject.clone(), message).at(
            grant.exchange,
            Part::Body,
            "the token response",
        ));
    }
    match (grants.is_empty(), compared) {
        (true, _) => logins::no_token(evidence, "the run obtained no token itself", "--login"),
        (false, 0) => Verdict::inconclusive("the tokens are opaque"),
        _ => case.verdict(Verdict::Held(format!(
            "{compared} token(s) hold what their answers name"
        ))),
    }
}

struct Grant {
    subject: String,
    exchange: ExchangeId,
    requested: Option<ScopeSet>,
    told: Option<ScopeSet>,
    held: Option<ScopeSet>,
}

fn grants(evidence: &Evidence<'_>) -> Vec<Grant> {
    let minted = evidence
        .collected()
        .identities
        .valid()
        .filter_map(|identity| {
            let is_minted = matches!(identity.provenance, Provenance::Minted { .. });
            let exchange = identity.exchange.filter(|_| is_minted)?;
            Some(Grant {
                subject: identity.name.clone(),
                exchange,
                requested: identity.requested.clone(),
                told: told(evidence, exchange),
                held: identity.claims.as_ref().and_then(|it| it.scopes.clone()),
            })
        });
    let refreshed = logins::successful(evidence).flat_map(|login| {
        let issued = login.refreshes.iter().filter(|it| it.answer.issued);
        issued.map(|refresh| Grant {
            subject: format!("{} refreshed", login.identity),
            exchange: refresh.answer.exchange,
            // RFC 6749 §6: without a request the scopes of the grant stay.
            requested: None,
            told: refresh.answer.scopes.clone(),
            held: refresh
                .answer
                .claims
                .as_ref()
                .and_then(|it| it.scopes.clone()),
        })
    });
    minted.chain(refreshed).collect()
}

fn told(evidence: &Evidence<'_>, exchange: ExchangeId) -> Option<ScopeSet> {
    let response = evidence.exchange(exchange)?.response()?;
    let body: Value = serde_json::from_slice(&response.body.bytes()).ok()?;
    let text = body.get("scope")?.as_str()?;
    Some(text.split_ascii_whitespace().map(str::to_owned).collect())
}

/// Scopes that are spent at the authorization server and need not show in an access token.
const OPENID: [&str; 6] = [
    "openid",
    "offline_access",
    "profile",
    "email",
    "address",
    "phone",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::identity::Claims;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "grant-differs-silently";

    fn set(text: &str) -> ScopeSet {
        text.split(' ').map(str::to_owned).collect()
    }

    fn world(requested: &str, body: &str, held: Option<&str>) -> World {
        let mut world = World::new();
        let exchange = world.answer(ProbeId::MintToken, "machine", 200, &[], body);
        let identity = world.valid("machine", &[]);
        identity.provenance = Provenance::Minted {
            grant: "client_credentials".to_owned(),
            client_id: "c".to_owned(),
            token_endpoint: "https://auth.example.com/token".to_owned(),
        };
        identity.exchange = Some(exchange);
        identity.requested = Some(set(requested));
        identity.claims = held.map(|held| Claims {
            scopes: Some(set(held)),
            ..Claims::default()
        });
        world
    }

    #[test]
    fn a_difference_that_is_told_holds() {
        let told = world("a b", "{\"access_token\":\"t\",\"scope\":\"a\"}", Some("a"));
        assert_eq!(told.status(ID), Status::Pass);
        let equal = world("a offline_access", "{\"access_token\":\"t\"}", Some("a"));
        assert_eq!(equal.status(ID), Status::Pass);
    }

    #[test]
    fn more_or_less_than_told_breaks() {
        let more = world("a", "{\"access_token\":\"t\"}", Some("a b"));
        assert_eq!(more.status(ID), Status::Fail);
        let less = world("a b", "{\"access_token\":\"t\"}", Some("a"));
        assert_eq!(less.status(ID), Status::Fail);
    }

    #[test]
    fn opaque_tokens_and_operator_tokens_say_nothing() {
        let opaque = world("a", "{\"access_token\":\"t\"}", None);
        assert_eq!(opaque.status(ID), Status::Inconclusive);
        let mut given = World::new();
        given.valid("reader", &["a"]);
        assert_eq!(given.status(ID), Status::Inconclusive);
    }
}
