//! ASE-16: a refresh gives no more than was consented to, neither scopes nor audience.
//!
//! RFC 6749 §6; OAuth 2.1 §4.3.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::{logins, scopes};
use crate::model::identity::ScopeSet;
use crate::model::login::{Login, Refresh, RefreshTrial};
use crate::model::verdict::{Part, Verdict};

/// Reads what refreshes for one scope more and for a foreign resource gave.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut judged = 0_usize;
    let mut held = Verdict::NotApplicable("the login gave no refresh token".to_owned());
    for login in logins::successful(evidence) {
        judged += 1;
        let Some(proper) = logins::refreshed(login, RefreshTrial::Proper) else {
            continue;
        };
        if !proper.answer.issued {
            case.doubt("the refresh token could not be used even once", None);
            continue;
        }
        held = Verdict::Held("refreshes stayed within what was granted".to_owned());
        for (trial, outcome) in [
            (
                RefreshTrial::WiderScope,
                wider as fn(&Login, &Refresh) -> Outcome,
            ),
            (RefreshTrial::ForeignResource, foreign),
        ] {
            let what = trial.as_str();
            let Some(refresh) = logins::refreshed(login, trial) else {
                case.doubt(format!("`{what}` was not tried"), None);
                continue;
            };
            match outcome(login, refresh) {
                Outcome::Within => {}
                Outcome::Beyond(message) => {
                    let subject = format!("{} {what}", login.issuer);
                    case.breach(
                        Draft::new(subject, message)
                            .at(refresh.answer.exchange, Part::Status, "the wider token")
                            .also(&[proper.answer.exchange], "the proper refresh"),
                    );
                }
                Outcome::Unknown(reason) => case.doubt(reason, None),
            }
        }
    }
    if judged == 0 {
        return logins::without(evidence);
    }
    case.verdict(held)
}

enum Outcome {
    Within,
    Beyond(String),
    Unknown(String),
}

fn wider(login: &Login, refresh: &Refresh) -> Outcome {
    if let Some(done) = refused(
        refresh,
        &["invalid_scope", "invalid_grant", "invalid_request"],
    ) {
        return done;
    }
    let Some(granted) = logins::granted(login) else {
        return Outcome::Unknown("the scopes of the grant are not known".to_owned());
    };
    let claimed = refresh.answer.claims.as_ref();
    let claimed = claimed.and_then(|claims| claims.scopes.as_ref());
    let Some(held) = claimed.or(refresh.answer.scopes.as_ref()) else {
        return Outcome::Unknown(
            "a refresh for one scope more gave an opaque token, and the answer names no scope"
                .to_owned(),
        );
    };
    let extra: ScopeSet = held.difference(&granted).cloned().collect();
    if extra.is_empty() {
        return Outcome::Within;
    }
    Outcome::Beyond(format!(
        "a refresh at {} gave {} beyond the granted {}, expected `invalid_scope` or the same scopes",
        login.issuer,
        scopes::list(&extra),
        scopes::list(&granted)
    ))
}

fn foreign(login: &Login, refresh: &Refresh) -> Outcome {
    if let Some(done) = refused(
        refresh,
        &["invalid_target", "invalid_grant", "invalid_request"],
    ) {
        return done;
    }
    let asked = refresh.asked.as_deref().unwrap_or_default();
    match &refresh.answer.claims {
        Some(claims) if claims.audience.iter().any(|audience| audience == asked) => {
            Outcome::Beyond(format!(
                "a refresh at {} gave a token for `{asked}`, expected `invalid_target` or the \
                 audience `{}`",
                login.issuer, login.resource
            ))
        }
        Some(claims) if !claims.audience.is_empty() => Outcome::Within,
        _ => Outcome::Unknown(
            "a refresh for a foreign resource gave a token that names no audience".to_owned(),
        ),
    }
}

/// What a refusal means; none when a token was issued.
fn refused(refresh: &Refresh, errors: &[&str]) -> Option<Outcome> {
    if refresh.answer.issued {
        return None;
    }
    let error = refresh.answer.error.as_deref();
    Some(match error {
        Some(error) if errors.contains(&error) => Outcome::Within,
        _ => Outcome::Unknown(format!(
            "`{}` was answered in {} by something that does not concern it",
            refresh.trial.as_str(),
            refresh.answer.exchange
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::identity::Claims;
    use crate::model::verdict::Status;

    const ID: &str = "refresh-widens-grant";

    fn world(wider: Option<&str>, foreign: Option<&str>) -> World {
        let mut world = World::new();
        world.login();
        world.refresh(RefreshTrial::Proper, None);
        world.refresh(RefreshTrial::WiderScope, wider);
        let refresh = world.refresh(RefreshTrial::ForeignResource, foreign);
        refresh.asked = Some("https://elsewhere.invalid/mcp".to_owned());
        world
    }

    fn scopes(names: &[&str]) -> ScopeSet {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn refusing_both_holds() {
        let world = world(Some("invalid_scope"), Some("invalid_target"));
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_scope_more_breaks_and_silent_narrowing_holds() {
        let mut world = world(None, Some("invalid_target"));
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.collected.logins[0].refreshes[1].answer.scopes = Some(scopes(&["notes:read"]));
        assert_eq!(world.status(ID), Status::Pass);
        let wider = Some(scopes(&["notes:read", "notes:delete"]));
        world.collected.logins[0].refreshes[1].answer.scopes = wider;
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_foreign_audience_breaks_and_the_own_one_holds() {
        let mut world = world(Some("invalid_scope"), None);
        assert_eq!(world.status(ID), Status::Inconclusive);
        for (audience, expected) in [
            ("https://elsewhere.invalid/mcp", Status::Fail),
            ("https://mcp.example.com/mcp", Status::Pass),
        ] {
            world.collected.logins[0].refreshes[2].answer.claims = Some(Claims {
                audience: vec![audience.to_owned()],
                ..Claims::default()
            });
            assert_eq!(world.status(ID), expected);
        }
    }

    #[test]
    fn a_rate_limit_is_no_refusal() {
        let world = world(Some("temporarily_unavailable"), Some("invalid_target"));
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
