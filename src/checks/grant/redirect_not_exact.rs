//! ASE-05: a redirect URI is the registered one, character by character.
//!
//! MCP §Open Redirection; RFC 9700 §2.1, §4.1; RFC 8252 §7.3.

use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::{FrontAnswer, FrontAsk, FrontEnd};
use crate::model::verdict::{Severity, Verdict};

/// Compares requests with weak forms of the redirect URI with the good one.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    let refused = front::look(evidence, &mut case, &FORMS, |case, client, answer| {
        let expected = format!(
            "an error page, since only `{}` is registered and `{}` was asked for",
            client.redirect_uri, answer.redirect_uri
        );
        let draft = front::draft(client, answer, &expected);
        if answer.ask == FrontAsk::RedirectTwice && !leads_away(answer) {
            // RFC 6749 §3.1: a parameter must not be sent twice; which one counts is not seen.
            let why = "which of the two is used does not show before a login";
            case.advise(draft.at_most(Severity::Low, why));
        } else if SAME_PLACE.contains(&answer.ask) {
            case.breach(draft.at_most(Severity::Low, "it still leads to the same machine"));
        } else {
            case.breach(draft);
        }
    });
    let held = format!("{refused} altered redirect URIs were refused");
    front::verdict(case, refused, &held)
}

fn leads_away(answer: &FrontAnswer) -> bool {
    matches!(&answer.end, FrontEnd::Returned(returned) if !returned.registered)
}

const FORMS: [FrontAsk; 14] = [
    FrontAsk::RedirectForeign,
    FrontAsk::RedirectUserinfo,
    FrontAsk::RedirectScheme,
    FrontAsk::RedirectPort,
    FrontAsk::RedirectSubpath,
    FrontAsk::RedirectQuery,
    FrontAsk::RedirectFragment,
    FrontAsk::RedirectDotSegments,
    FrontAsk::RedirectPathCase,
    FrontAsk::RedirectHostCase,
    FrontAsk::RedirectHostDot,
    FrontAsk::RedirectDecimalHost,
    FrontAsk::RedirectEncoded,
    FrontAsk::RedirectTwice,
];

/// Spellings of the registered place itself: a sign of a lax comparison, not a way out.
const SAME_PLACE: [FrontAsk; 6] = [
    FrontAsk::RedirectFragment,
    FrontAsk::RedirectDotSegments,
    FrontAsk::RedirectHostCase,
    FrontAsk::RedirectHostDot,
    FrontAsk::RedirectDecimalHost,
    FrontAsk::RedirectEncoded,
];

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, login, refusal};
    use crate::model::authorization::FrontAsk;
    use crate::model::verdict::{Severity, Status, Verdict};

    const ID: &str = "redirect-not-exact";

    #[test]
    fn a_subpath_is_broken_where_a_foreign_host_is_refused() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::RedirectForeign, refusal()),
            (FrontAsk::RedirectSubpath, login()),
        ]);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_foreign_host_is_broken_where_an_unknown_client_is_refused() {
        let mut world = World::new();
        world.front(&[(FrontAsk::RedirectForeign, login())]);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn another_spelling_of_the_same_place_is_broken_and_low() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::RedirectForeign, refusal()),
            (FrontAsk::RedirectHostCase, login()),
        ]);
        let Verdict::Broken(findings) = world.verdict(ID) else {
            panic!("not broken");
        };
        assert_eq!(findings[0].severity, Severity::Low);
    }

    #[test]
    fn a_second_redirect_uri_only_warns() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::RedirectForeign, refusal()),
            (FrontAsk::RedirectTwice, login()),
        ]);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn refusals_hold_and_a_late_look_decides_nothing() {
        let mut world = World::new();
        world.front(&[(FrontAsk::RedirectForeign, refusal())]);
        assert_eq!(world.status(ID), Status::Pass);
        let mut late = World::new();
        late.front(&[(FrontAsk::RedirectForeign, login())]);
        late.collected.front_channels[0].strangers[0].end = login();
        assert_eq!(late.status(ID), Status::Inconclusive);
    }
}
