//! REG-26: cookies that the flow sets before consent are tied to the server and the browser.
//!
//! MCP Security Best Practices §Consent Cookie Security.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::exchange::Exchange;
use crate::model::verdict::{Part, Verdict};

/// Reads the cookies of the good request's answers.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    let mut cookies = 0_usize;
    for (_, _, good) in front::good(evidence, &mut case) {
        let exchanges = good
            .exchanges
            .iter()
            .filter_map(|id| evidence.exchange(*id));
        for exchange in exchanges {
            let encrypted = exchange.request.url.starts_with("https:");
            for cookie in fields(exchange) {
                cookies += 1;
                let missing = missing(cookie, encrypted);
                if missing.is_empty() {
                    continue;
                }
                let name = cookie.split('=').next().unwrap_or_default().trim();
                let message = format!(
                    "the cookie `{name}` is set before consent without {}; expected \
                     `__Host-` in its name, `Secure`, `HttpOnly` and `SameSite=Lax`",
                    missing.join(", ")
                );
                let part = Part::Header("set-cookie".to_owned());
                case.breach(Draft::new(name, message).at(exchange.id, part, "set here"));
            }
        }
    }
    let otherwise = match cookies {
        0 => Verdict::NotApplicable("no cookie is set before consent".to_owned()),
        _ => Verdict::Held(format!("{cookies} cookie(s) carry every attribute")),
    };
    case.verdict(otherwise)
}

fn fields(exchange: &Exchange) -> impl Iterator<Item = &str> {
    let response = exchange.response();
    response
        .into_iter()
        .flat_map(|response| response.header_values("set-cookie"))
        .take(MOST_COOKIES)
}

/// On plain http, which only loopback has, `Secure` and `__Host-` cannot be asked for.
fn missing(cookie: &str, encrypted: bool) -> Vec<&'static str> {
    let attributes: Vec<String> = cookie
        .split(';')
        .skip(1)
        .map(|attribute| attribute.trim().to_ascii_lowercase())
        .collect();
    let has = |name: &str| attributes.iter().any(|it| it == name);
    let same_site = has("samesite=lax") || has("samesite=strict");
    let mut missing = Vec::new();
    if encrypted && !cookie.trim_start().starts_with("__Host-") {
        missing.push("`__Host-`");
    }
    if encrypted && !has("secure") {
        missing.push("`Secure`");
    }
    if !has("httponly") {
        missing.push("`HttpOnly`");
    }
    if !same_site {
        missing.push("`SameSite`");
    }
    missing
}

const MOST_COOKIES: usize = 20;

#[cfg(test)]
mod tests {
    use super::missing;
    use crate::checks::testing::{World, login};
    use crate::model::verdict::Status;

    const ID: &str = "consent-cookie-weak";

    fn status(headers: &[(&str, &str)]) -> Status {
        let mut world = World::new();
        world.front(&[]);
        world.good_end(login());
        world.good_body("<form></form>", headers);
        world.status(ID)
    }

    #[test]
    fn a_guarded_cookie_holds_and_a_bare_one_warns() {
        let guarded = "__Host-flow={secret}; Path=/; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(status(&[("Set-Cookie", guarded)]), Status::Pass);
        assert_eq!(status(&[("Set-Cookie", "flow={secret}")]), Status::Warn);
        assert_eq!(status(&[]), Status::NotApplicable);
    }

    #[test]
    fn what_plain_http_cannot_have_is_not_asked_for() {
        assert!(missing("flow=x; HttpOnly; SameSite=Strict", false).is_empty());
        assert_eq!(missing("flow=x; HttpOnly; SameSite=None", false).len(), 1);
        assert_eq!(missing("flow=x", true).len(), 4);
    }
}
