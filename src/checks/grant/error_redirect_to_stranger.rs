//! ASE-06: a request with an unknown client or a bad redirect URI ends on an error page.
//!
//! MCP §Open Redirection; RFC 6749 §4.1.2.1; OAuth 2.1 §7.12.2.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::{FrontAnswer, FrontAsk, FrontEnd};
use crate::model::verdict::{Part, Verdict};
use crate::oracle::front_channel::describe;

/// Looks for redirects to redirect URIs that nobody registered.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let channels = &evidence.collected().front_channels;
    let mut case = evidence.case();
    for channel in channels {
        for answer in &channel.strangers {
            match &answer.end {
                FrontEnd::Returned(_) => case.breach(draft(answer, "no such client exists")),
                FrontEnd::Page(page) if (400..500).contains(&page.status) => {}
                _ if answer.ask == FrontAsk::NoRequest => {}
                FrontEnd::Unreadable { what } => case.doubt(
                    format!("the answer to an unknown client cannot be read: {what}"),
                    None,
                ),
                FrontEnd::Page(page) if page.status >= 500 => {
                    case.doubt(format!("an unknown client gets HTTP {}", page.status), None);
                }
                end => case.doubt(
                    format!(
                        "an unknown client gets {}; whether it is sent on to its redirect URI \
                         shows only after a login",
                        describe(end)
                    ),
                    Some(front::LOG_IN),
                ),
            }
        }
    }
    for (_, client) in front::clients(evidence) {
        let foreign = client.answers.iter().filter(
            |answer| matches!(&answer.end, FrontEnd::Returned(returned) if !returned.registered),
        );
        for answer in foreign {
            case.breach(draft(answer, "it is not registered for this client"));
        }
    }
    let otherwise = front::without_client(evidence).unwrap_or_else(|| {
        Verdict::Held("nothing was sent to a redirect URI that is not registered".to_owned())
    });
    case.verdict(otherwise)
}

fn draft(answer: &FrontAnswer, why: &str) -> Draft {
    let message = format!(
        "a request with {} was sent on to `{}`, and {why}; expected an error page",
        answer.ask.what(),
        answer.redirect_uri
    );
    Draft::new(answer.ask.what(), message).at(
        answer.last(),
        Part::Header("location".to_owned()),
        "leads to the redirect URI of the request",
    )
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, login, refusal, returned};
    use crate::model::authorization::FrontAsk;
    use crate::model::verdict::Status;

    const ID: &str = "error-redirect-to-stranger";

    #[test]
    fn an_error_that_goes_to_a_foreign_redirect_uri_is_broken() {
        let mut world = World::new();
        world.front(&[(
            FrontAsk::RedirectForeign,
            returned(false, "invalid_request"),
        )]);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn an_error_that_goes_to_an_unknown_client_is_broken() {
        let mut world = World::new();
        world.front(&[]);
        world.stranger_end(&returned(true, "unauthorized_client"));
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn error_pages_and_errors_at_the_registered_place_hold() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::RedirectForeign, refusal()),
            (
                FrontAsk::ChallengeMissing,
                returned(true, "invalid_request"),
            ),
        ]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_login_page_for_an_unknown_client_decides_nothing() {
        let mut world = World::new();
        world.front(&[]);
        world.stranger_end(&login());
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
