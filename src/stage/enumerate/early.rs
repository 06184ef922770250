//! Tokens that the target takes for ones from the future, because its clock is behind that of whoever
//! issued them.

use crate::codec::assertion::stamp;
use crate::model::audit::Collected;
use crate::model::exchange::Exchange;
use crate::model::identity::Identity;
use crate::stage::clock;

/// Says of each token that was refused everywhere what the clocks have to do with it, where they show
/// it: such refusals say nothing about scopes.
pub(super) fn explain(collected: &mut Collected) {
    let told: Vec<(String, String)> = collected
        .identities
        .valid()
        .filter(|identity| identity.invalid.is_none())
        .filter_map(|identity| Some((identity.name.clone(), early(collected, identity)?)))
        .collect();
    for (name, reason) in told {
        let mut present = collected.identities.present.iter_mut();
        if let Some(identity) = present.find(|identity| identity.name == name) {
            identity.invalid = Some(reason);
        }
    }
}

/// What the clocks say about the first token that they explain.
pub(super) fn any(collected: &Collected) -> Option<String> {
    let mut valid = collected.identities.valid();
    valid.find_map(|identity| early(collected, identity))
}

fn early(collected: &Collected, identity: &Identity) -> Option<String> {
    let endpoint = collected.discovery.endpoint.as_str();
    let own = |exchange: &&Exchange| {
        exchange.identity == identity.name && exchange.request.url.starts_with(endpoint)
    };
    let mut refused = None;
    for exchange in collected.ledger.iter().filter(own) {
        match exchange.status() {
            Some(200..=299) => return None,
            Some(401) => refused = refused.or(Some(exchange)),
            _ => {}
        }
    }
    let there = clock::date(refused?)?;
    let (begins, how) = begins(collected, identity)?;
    (begins.saturating_sub(there) >= SHOWS).then(|| {
        format!(
            "the target refused the token when it was {} by its own clock (`Date`), and {how} {}; a \
             target that looks at the time takes such a token for one from the future, so that its \
             refusals say nothing about scopes: set the clock that is wrong",
            stamp(there),
            stamp(begins)
        )
    })
}

/// From when a token is good: as it says itself, else when it was issued, by the clock of its issuer.
fn begins(collected: &Collected, identity: &Identity) -> Option<(i64, &'static str)> {
    if let Some(claims) = &identity.claims {
        let not_before = claims.not_before.map(|at| (at, "its `nbf` is"));
        let issued = claims.issued_at.map(|at| (at, "its `iat` is"));
        return [not_before, issued]
            .into_iter()
            .flatten()
            .max_by_key(|it| it.0);
    }
    let issued = collected.ledger.exchange(identity.exchange?)?;
    let issued = clock::date(issued)?;
    Some((issued, "by the authorization server's it was issued at"))
}

/// Whole seconds are compared, and no token is shown before it was issued: one alone shows that the
/// clocks differ, and a second one keeps roundings out.
const SHOWS: i64 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::assertion::seconds;
    use crate::model::exchange::Outcome;
    use crate::model::identity::{Claims, IdentityKind};
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::oracle::testing::{call, http};
    use crate::stage::enrol;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn collected(claims: Option<Claims>, answers: &[Outcome]) -> Collected {
        let mut collected = Collected::default();
        for answer in answers {
            let key = ProbeKey::new(ProbeId::OpenSession);
            let nothing = serde_json::json!({});
            let mut exchange = call(key, "machine", "a", &nothing, answer.clone());
            exchange.request.url = "https://mcp.example.com/mcp".to_owned();
            collected.ledger.file(exchange);
        }
        collected.discovery.endpoint = "https://mcp.example.com/mcp".to_owned();
        collected.identities.present.push(Identity {
            name: "machine".to_owned(),
            kind: IdentityKind::Valid,
            claims,
            ..enrol::anonymous()
        });
        collected
    }

    fn refused() -> Outcome {
        http(401, &[("date", DATE)], "")
    }

    fn from(ahead: i64) -> Claims {
        let date = seconds("1994-11-06T08:49:37Z").unwrap();
        Claims {
            issued_at: Some(date + ahead),
            ..Claims::default()
        }
    }

    fn told(claims: Option<Claims>, answers: &[Outcome]) -> Option<String> {
        let mut collected = collected(claims, answers);
        explain(&mut collected);
        collected.identities.present.pop()?.invalid
    }

    #[test]
    fn a_refused_token_from_the_future_is_told_with_both_times() {
        let told = told(Some(from(3600)), &[refused()]).unwrap();
        for part in ["1994-11-06T08:49:37Z", "1994-11-06T09:49:37Z", "`iat`"] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn what_begins_last_counts() {
        let claims = Claims {
            not_before: from(60).issued_at,
            ..from(0)
        };
        assert!(told(Some(claims), &[refused()]).unwrap().contains("`nbf`"));
    }

    #[test]
    fn clocks_that_agree_explain_nothing() {
        for ahead in [-3600, 0, 1] {
            assert_eq!(told(Some(from(ahead)), &[refused()]), None, "{ahead}");
        }
        assert_eq!(told(Some(Claims::default()), &[refused()]), None);
        assert_eq!(told(None, &[refused()]), None);
    }

    #[test]
    fn a_token_that_opened_anything_and_an_answer_without_a_date_are_left_alone() {
        let opened = http(200, &[("date", DATE)], "{}");
        assert_eq!(told(Some(from(3600)), &[refused(), opened]), None);
        assert_eq!(told(Some(from(3600)), &[http(401, &[], "")]), None);
        assert_eq!(
            told(Some(from(3600)), &[http(503, &[("date", DATE)], "")]),
            None
        );
        assert_eq!(told(Some(from(3600)), &[]), None);
    }
}
