//! REG-26: the page on which a user logs in or agrees cannot be framed.
//!
//! MCP Security Best Practices §Consent UI Requirements.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::FrontEnd;
use crate::model::exchange::Response;
use crate::model::verdict::{Part, Verdict};

/// Reads the framing rules of the first page.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    let mut guarded = 0_usize;
    for (channel, _, good) in front::good(evidence, &mut case) {
        let FrontEnd::Page(page) = &good.end else {
            continue;
        };
        let response = evidence
            .exchange(good.last())
            .and_then(|exchange| exchange.response());
        let Some(response) = response.filter(|_| (200..300).contains(&page.status)) else {
            case.doubt("the first page could not be seen", Some(front::LOG_IN));
            continue;
        };
        if denies(response) {
            guarded += 1;
        } else if page.forms == 0 {
            case.doubt(
                "the first page has no form, so it is not clear that a click on it matters",
                Some(front::LOG_IN),
            );
        } else {
            let message = "the first page of the flow may be framed by any site; expected \
                           `Content-Security-Policy: frame-ancestors 'none'` or \
                           `X-Frame-Options: DENY`";
            let part = match response.header(POLICY) {
                Some(_) => Part::Header(POLICY.to_owned()),
                None => Part::AbsentHeader(POLICY.to_owned()),
            };
            case.breach(Draft::new(channel.endpoint.clone(), message).at(
                good.last(),
                part,
                "nothing about frames",
            ));
        }
    }
    let otherwise = match guarded {
        0 => Verdict::NotApplicable(
            "the authorization endpoint shows no page of its own before a login".to_owned(),
        ),
        _ => Verdict::Held("the first page cannot be framed".to_owned()),
    };
    case.verdict(otherwise)
}

fn denies(response: &Response) -> bool {
    let by_policy = response.header_values(POLICY).any(|policy| {
        policy.split([';', ',']).any(|directive| {
            let mut words = directive.split_ascii_whitespace();
            let named = words.next();
            named.is_some_and(|name| name.eq_ignore_ascii_case("frame-ancestors"))
                && !words.any(|source| OPEN.contains(&source))
        })
    });
    let by_option = response.header_values("x-frame-options").any(|value| {
        let value = value.trim();
        value.eq_ignore_ascii_case("deny") || value.eq_ignore_ascii_case("sameorigin")
    });
    by_policy || by_option
}

const POLICY: &str = "content-security-policy";
const OPEN: [&str; 3] = ["*", "https:", "http:"];

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, login, upstream};
    use crate::model::verdict::Status;

    const ID: &str = "consent-page-frameable";

    fn status(headers: &[(&str, &str)]) -> Status {
        let mut world = World::new();
        world.front(&[]);
        world.good_end(login());
        world.good_body("<form></form>", headers);
        world.status(ID)
    }

    #[test]
    fn either_header_is_enough() {
        let policy = "default-src 'self'; frame-ancestors 'none'";
        assert_eq!(status(&[("Content-Security-Policy", policy)]), Status::Pass);
        assert_eq!(status(&[("X-Frame-Options", "DENY")]), Status::Pass);
    }

    #[test]
    fn neither_or_an_open_rule_warns() {
        assert_eq!(status(&[]), Status::Warn);
        let open = [("Content-Security-Policy", "frame-ancestors *")];
        assert_eq!(status(&open), Status::Warn);
        assert_eq!(status(&[("X-Frame-Options", "ALLOWALL")]), Status::Warn);
    }

    #[test]
    fn without_a_page_there_is_nothing_to_frame() {
        let mut world = World::new();
        world.front(&[]);
        world.good_end(upstream());
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
