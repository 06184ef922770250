//! What the authorization endpoint's answers to a pair of requests mean, from their difference alone.

use url::Url;

use crate::model::exchange::Exchange;

/// Whether a request without a code challenge is refused where the same request with one goes on;
/// none when the pair does not tell.
pub fn refuses_bare(with: &Exchange, without: &Exchange, redirect: &str) -> Option<bool> {
    match (reading(with, redirect), reading(without, redirect)) {
        (Reading::GoesOn, Reading::Refused) => Some(true),
        (Reading::GoesOn, Reading::GoesOn) => Some(false),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    GoesOn,
    Refused,
    Unknown,
}

fn reading(exchange: &Exchange, redirect: &str) -> Reading {
    let Some(response) = exchange.response() else {
        return Reading::Unknown;
    };
    let location = response.header("location").and_then(|text| {
        let base = Url::parse(&exchange.request.url).ok()?;
        base.join(text).ok()
    });
    match (response.status, location) {
        (300..=399, Some(location)) if is_ours(&location, redirect) => {
            let failed = location.query_pairs().any(|(name, _)| name == "error");
            if failed {
                Reading::Refused
            } else {
                Reading::Unknown
            }
        }
        (200..=299, _) | (300..=399, Some(_)) => Reading::GoesOn,
        (400..=499, _) => Reading::Refused,
        _ => Reading::Unknown,
    }
}

fn is_ours(location: &Url, redirect: &str) -> bool {
    Url::parse(redirect)
        .is_ok_and(|ours| ours.origin() == location.origin() && ours.path() == location.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{Body, ExchangeId, HeaderField, Outcome, Request, Response};
    use crate::model::probe::{ProbeId, ProbeKey, Tier};

    const OURS: &str = "http://127.0.0.1:4711/callback";

    fn answer(status: u16, location: Option<&str>) -> Exchange {
        let headers = location.map(|text| HeaderField::new("Location", text));
        Exchange {
            id: ExchangeId(1),
            probe: ProbeKey::new(ProbeId::AuthorizeBare),
            identity: "user".to_owned(),
            tier: Tier::Authenticated,
            request: Request {
                method: "GET".to_owned(),
                url: "https://auth.example.com/authorize".to_owned(),
                headers: Vec::new(),
                body: None,
            },
            outcome: Outcome::Response(Response {
                status,
                headers: headers.into_iter().collect(),
                body: Body {
                    bytes: Vec::new().into(),
                    truncated: false,
                    length: 0,
                    sha256: String::new(),
                },
                stream: None,
            }),
            started_ms: 0,
            elapsed_ms: 1,
            caused_by: None,
        }
    }

    #[test]
    fn a_page_or_an_error_at_our_address_where_the_other_goes_on_is_a_refusal() {
        let login = answer(302, Some("/login?next=1"));
        let back = format!("{OURS}?error=invalid_request");
        for refusal in [answer(400, None), answer(303, Some(&back))] {
            assert_eq!(refuses_bare(&login, &refusal, OURS), Some(true));
        }
    }

    #[test]
    fn the_same_way_for_both_is_no_refusal() {
        let login = answer(302, Some("/login"));
        assert_eq!(refuses_bare(&login, &login, OURS), Some(false));
        let page = answer(200, None);
        assert_eq!(refuses_bare(&page, &page, OURS), Some(false));
    }

    #[test]
    fn without_a_request_that_goes_on_nothing_is_known() {
        let refusal = answer(400, None);
        assert_eq!(refuses_bare(&refusal, &refusal, OURS), None);
        let broken = answer(502, None);
        let page = answer(200, None);
        assert_eq!(refuses_bare(&page, &broken, OURS), None);
    }
}
