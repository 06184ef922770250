//! REG-08: registering does not hand a client every scope it asks for. Posture, never a breach.
//!
//! RFC 7591 §2 (`scope`), §3.2.1.

use super::registration_open::without_clients;
use crate::checks::case::{Draft, shorten};
use crate::checks::evidence::Evidence;
use crate::checks::registering::{Asked, asked, authorization};
use crate::model::registration::Registration;
use crate::model::verdict::{Part, Verdict};

/// Reads which of the scopes asked for were registered.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut said = Vec::new();
    let mut ignored = 0_usize;
    for registration in &evidence.collected().registrations {
        match asked(registration, VARIANT) {
            Asked::Refused => said.push("a client for every scope was refused"),
            Asked::Open(why) => case.doubt(why, None),
            Asked::Never => {}
            Asked::Registered(attempt) => {
                let asked = attempt.requested.scope.as_deref().unwrap_or_default();
                let Some(echoed) = attempt.echoed.scope.as_deref() else {
                    ignored += 1;
                    continue;
                };
                let kept = |scope: &str| echoed.split_ascii_whitespace().any(|it| it == scope);
                if !asked.is_empty() && asked.split_ascii_whitespace().all(kept) {
                    let message = format!(
                        "a stranger's client was registered for every scope it asked for: `{}`{}; \
                         expected a narrower list or none",
                        shorten(asked, 200),
                        reach(registration)
                    );
                    let draft = Draft::new(registration.issuer.clone(), message);
                    let scope = Part::Pointer("/scope".to_owned());
                    case.breach(draft.at(attempt.exchange, scope, "kept"));
                } else {
                    said.push("the registered scopes are narrower than those asked for");
                }
            }
        }
    }
    if case.is_clean() && said.is_empty() {
        return match ignored {
            0 => without_clients(evidence),
            _ => Verdict::NotApplicable("`scope` is ignored when a client registers".to_owned()),
        };
    }
    case.verdict(Verdict::Held(said.join("; ")))
}

/// What the authorization endpoint says to a client of ours that asks for everything published.
fn reach(registration: &Registration) -> &'static str {
    let accepted = |variant| authorization(registration, variant).and_then(|trial| trial.accepted);
    match (accepted("every-scope"), accepted("unknown-scope")) {
        (Some(true), Some(false)) => {
            ", and the authorization endpoint goes on with every published scope while it refuses \
             an unknown one"
        }
        (Some(false), _) => ", but the authorization endpoint refuses to go on with them",
        _ => "",
    }
}

const VARIANT: &str = "every-scope";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::registration::{Posture, RegistrationOutcome};
    use crate::model::verdict::Status;

    const ID: &str = "registered-scope-unlimited";

    fn world(echoed: Option<&str>) -> World {
        let mut world = World::new();
        world.registration(Posture::D3);
        let body = "{\"scope\":\"notes:read admin *\"}";
        let answer = response(201, &[], body);
        let registered = RegistrationOutcome::Registered;
        let attempt = world.registered(VARIANT, registered, &[], answer);
        attempt.requested.scope = Some("notes:read admin *".to_owned());
        attempt.echoed.scope = echoed.map(str::to_owned);
        world
    }

    #[test]
    fn every_scope_kept_warns_and_a_narrower_list_holds() {
        let kept = world(Some("* admin notes:read"));
        assert_eq!(kept.status(ID), Status::Warn);
        for narrower in ["notes:read", ""] {
            assert_eq!(world(Some(narrower)).status(ID), Status::Pass);
        }
    }

    #[test]
    fn an_answer_without_scope_says_that_it_is_ignored() {
        assert_eq!(world(None).status(ID), Status::NotApplicable);
    }

    #[test]
    fn the_finding_says_what_the_authorization_endpoint_lets_through() {
        let mut world = world(Some("* admin notes:read"));
        world.authorization("every-scope", Some(true));
        world.authorization("unknown-scope", Some(false));
        let verdict = world.verdict(ID);
        let message = &verdict.findings()[0].message;
        assert!(
            message.contains("goes on with every published"),
            "{message}"
        );
    }

    #[test]
    fn a_limit_leaves_it_open() {
        let mut world = World::new();
        world.registration(Posture::D3);
        world.untried(VARIANT);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
