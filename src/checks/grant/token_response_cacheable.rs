//! ASE-14: no cache keeps a token.
//!
//! RFC 6749 §5.1.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::logins;
use crate::model::exchange::Response;
use crate::model::verdict::{Part, Verdict};

/// Reads `Cache-Control` of every answer that held a token.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut seen = 0_usize;
    let mut told: Vec<&str> = Vec::new();
    for exchange in logins::token_answers(evidence) {
        let Some(response) = exchange.response() else {
            continue;
        };
        seen += 1;
        let url = exchange.request.url.as_str();
        if forbids_storing(response) || told.contains(&url) {
            continue;
        }
        told.push(url);
        let (part, value) = match response.header("cache-control") {
            Some(value) => (
                Part::Header("Cache-Control".to_owned()),
                format!("`Cache-Control: {value}`"),
            ),
            None => (
                Part::AbsentHeader("Cache-Control".to_owned()),
                "no `Cache-Control`".to_owned(),
            ),
        };
        let message = format!("a token came from {url} with {value}, expected `no-store`");
        case.breach(Draft::new(url, message).at(exchange.id, part, "the token response"));
    }
    if seen == 0 {
        return logins::no_token(evidence, "the run obtained no token itself", "--login");
    }
    case.verdict(Verdict::Held(format!(
        "{seen} token response(s) must not be stored"
    )))
}

fn forbids_storing(response: &Response) -> bool {
    response
        .header_values("cache-control")
        .flat_map(|value| value.split(','))
        .any(|directive| directive.trim().eq_ignore_ascii_case("no-store"))
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "token-response-cacheable";
    const BODY: &str = "{\"access_token\":\"{token-a}\"}";

    fn status(headers: &[(&str, &str)]) -> Status {
        let mut world = World::new();
        world.answer(ProbeId::MintToken, "a", 200, headers, BODY);
        world.status(ID)
    }

    #[test]
    fn no_store_in_any_spelling_holds() {
        assert_eq!(status(&[("cache-control", "no-store")]), Status::Pass);
        let several = [("Cache-Control", "private, No-Store")];
        assert_eq!(status(&several), Status::Pass);
    }

    #[test]
    fn silence_and_weaker_words_break() {
        assert_eq!(status(&[]), Status::Fail);
        assert_eq!(status(&[("Cache-Control", "no-cache")]), Status::Fail);
    }

    #[test]
    fn refusals_and_absent_tokens_say_nothing() {
        let mut world = World::new();
        world.answer(ProbeId::MintToken, "a", 400, &[], "{}");
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
