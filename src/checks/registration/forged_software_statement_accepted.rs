//! REG-09: a software statement counts only when a trusted party signed it.
//!
//! RFC 7591 §2.3, §3.1.1.

use super::registration_open::without_clients;
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::registering::{Asked, asked};
use crate::model::registration::RegistrationAttempt;
use crate::model::verdict::{Part, Verdict};

/// Reads whose values were registered: those of the request, or those of the forged statement.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let (mut refused, mut ignored) = (0_usize, 0_usize);
    for registration in &evidence.collected().registrations {
        for (variant, kind) in VARIANTS {
            match asked(registration, variant) {
                Asked::Refused => refused += 1,
                Asked::Open(why) => case.doubt(why, None),
                Asked::Never => {}
                Asked::Registered(attempt) => match winner(attempt) {
                    Some(won) => case.breach(draft(attempt, kind, &won)),
                    None if attempt.echoed.name.is_none() && attempt.echoed_redirects.is_none() => {
                        let why = "a forged software statement was accepted, and the answer does \
                                   not say whose values were registered";
                        case.doubt(why, None);
                    }
                    None => ignored += 1,
                },
            }
        }
    }
    if refused + ignored == 0 && case.is_clean() {
        return without_clients(evidence);
    }
    case.verdict(Verdict::Held(format!(
        "of the forged software statements {refused} were refused and {ignored} ignored"
    )))
}

/// The value of the statement that was registered instead of that of the request.
fn winner(attempt: &RegistrationAttempt) -> Option<String> {
    let stated = &attempt.requested;
    let name = attempt.echoed.name.as_ref();
    if name.is_some() && name == stated.stated_name.as_ref() {
        return name.map(|name| format!("`client_name` \"{name}\""));
    }
    let echoed = attempt.echoed_redirects.iter().flatten();
    let mut won = echoed.filter(|uri| stated.stated_redirects.contains(uri));
    won.next().map(|uri| format!("redirect URI `{uri}`"))
}

fn draft(attempt: &RegistrationAttempt, kind: &str, won: &str) -> Draft {
    let message = format!(
        "{kind} software statement overrode the registration: {won} was registered; expected \
         HTTP 400 invalid_software_statement, or the statement to be ignored"
    );
    let draft = Draft::new(format!("{kind} software statement"), message);
    draft.at(attempt.exchange, Part::Body, "the statement's value")
}

const VARIANTS: [(&str, &str); 2] = [
    ("self-signed-statement", "a self-signed"),
    ("unsigned-statement", "an unsigned"),
];

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, response};
    use crate::model::registration::{Posture, RegistrationOutcome};
    use crate::model::verdict::Status;

    const ID: &str = "forged-software-statement-accepted";
    const FORGED: &str = "https://run.mcp-assay.invalid/forged";

    fn world(outcome: RegistrationOutcome, name: Option<&str>, redirect: Option<&str>) -> World {
        let mut world = World::new();
        world.registration(Posture::D3);
        let answer = response(201, &[], "{}");
        let uris = ["http://127.0.0.1:1/cb"];
        let attempt = world.registered("unsigned-statement", outcome, &uris, answer);
        attempt.requested.name = Some("ours".to_owned());
        attempt.requested.stated_name = Some("forged".to_owned());
        attempt.requested.stated_redirects = vec![FORGED.to_owned()];
        attempt.echoed.name = name.map(str::to_owned);
        attempt.echoed_redirects = redirect.map(|uri| vec![uri.to_owned()]);
        world
    }

    #[test]
    fn a_statement_that_wins_is_broken() {
        let registered = || RegistrationOutcome::Registered;
        let name = world(registered(), Some("forged"), None);
        assert_eq!(name.status(ID), Status::Fail);
        let redirect = world(registered(), Some("ours"), Some(FORGED));
        assert_eq!(redirect.status(ID), Status::Fail);
    }

    #[test]
    fn a_statement_that_is_ignored_or_refused_holds() {
        let ignored = world(
            RegistrationOutcome::Registered,
            Some("ours"),
            Some("http://127.0.0.1:1/cb"),
        );
        assert_eq!(ignored.status(ID), Status::Pass);
        let refused = world(RegistrationOutcome::NeedsSoftwareStatement, None, None);
        assert_eq!(refused.status(ID), Status::Pass);
    }

    #[test]
    fn an_answer_that_repeats_nothing_leaves_it_open() {
        let silent = world(RegistrationOutcome::Registered, None, None);
        assert_eq!(silent.status(ID), Status::Inconclusive);
        let mut closed = World::new();
        closed.registration(Posture::D2);
        assert_eq!(closed.status(ID), Status::NotApplicable);
    }
}
