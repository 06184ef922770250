//! XPT-05: session ids cannot be guessed, and consist of visible ASCII characters.
//!
//! MCP transports page §Session Management, item 1.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::transport::SessionIds;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads every session id that was issued for its characters, and the samples for what varies.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut ledger = evidence.collected().ledger.iter();
    let odd = ledger.find(|exchange| issued(exchange).is_some_and(|id| !is_visible(id)));
    if let Some(exchange) = odd {
        let message =
            "a session id holds other characters than visible ASCII, expected 0x21 to 0x7E";
        let draft = Draft::new("characters", message);
        let part = Part::Header(SESSION_HEADER.to_owned());
        case.breach(draft.at(exchange.id, part, "the id"));
    }
    let Some(ids) = &evidence.collected().session_ids else {
        if case.is_clean() {
            return none_measured(evidence);
        }
        return case.verdict(Verdict::inconclusive("nothing was found"));
    };
    if ids.different < ids.samples {
        let message = format!(
            "{} sessions were given {} different ids, expected a fresh one for each",
            ids.samples, ids.different
        );
        case.breach(cited(Draft::new("repeated", message), ids));
    } else if ids.samples < FEWEST {
        let reason = format!(
            "{} session id(s) were seen, too few to compare",
            ids.samples
        );
        case.doubt(reason, None);
    } else if ids.bits < LINE {
        let message = format!(
            "{} session ids of {} characters differ at {} places: {} bits at most, expected 128",
            ids.samples, ids.longest, ids.varying, ids.bits
        );
        case.breach(cited(Draft::new("guessable", message), ids));
    } else if ids.bits < ENOUGH {
        let message = format!(
            "{} session ids of {} characters differ at {} places: {} bits at most, expected 128",
            ids.samples, ids.longest, ids.varying, ids.bits
        );
        let why = "still too many to try";
        let draft = Draft::new("short", message).at_most(Severity::Low, why);
        case.advise(cited(draft, ids));
    }
    case.verdict(Verdict::Held(format!(
        "{} session ids differ at {} of {} places; so few samples show no pattern and prove no \
         randomness",
        ids.samples, ids.varying, ids.longest
    )))
}

fn none_measured(evidence: &Evidence<'_>) -> Verdict {
    let mut sessions = evidence.collected().sessions.iter();
    let named = sessions.any(|record| {
        let opening = evidence.exchange(record.exchange);
        opening.and_then(issued).is_some()
    });
    if named {
        return Verdict::Inconclusive {
            reason: "session ids were issued, and no token opened enough sessions to compare them"
                .to_owned(),
            decided_by: Some("--identity".to_owned()),
        };
    }
    if evidence.usable().next().is_none() && evidence.collected().sessions.is_empty() {
        return Verdict::Inconclusive {
            reason: "no session was opened".to_owned(),
            decided_by: Some("--identity".to_owned()),
        };
    }
    Verdict::NotApplicable("the server issues no session ids".to_owned())
}

fn issued(exchange: &Exchange) -> Option<&str> {
    exchange.response()?.header(SESSION_HEADER)
}

fn is_visible(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn cited(draft: Draft, ids: &SessionIds) -> Draft {
    let exchanges: &[ExchangeId] = &ids.exchanges;
    draft.also(exchanges, "a session id")
}

const SESSION_HEADER: &str = "mcp-session-id";
/// Fewer samples leave even a counter looking like chance.
const FEWEST: usize = 4;
/// Below this, guessing is work for hours.
const LINE: usize = 64;
/// A random UUID has 122 bits, of which a sample shows up to 124.
const ENOUGH: usize = 112;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::audit::SessionRecord;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "session-id-guessable";

    fn world(samples: usize, different: usize, bits: usize) -> World {
        let mut world = World::new();
        world.valid("admin", &["a"]);
        let headers = [("Mcp-Session-Id", "{session-admin}")];
        let exchange = world.answer(ProbeId::SessionSample, "admin", 200, &headers, "{}");
        world.collected.session_ids = Some(SessionIds {
            samples,
            different,
            longest: 36,
            varying: 31,
            alphabet: 16,
            bits,
            exchanges: vec![exchange],
        });
        world
    }

    #[test]
    fn many_bits_hold_fewer_warn_and_few_are_broken() {
        assert_eq!(world(7, 7, 124).status(ID), Status::Pass);
        assert_eq!(world(7, 7, 92).status(ID), Status::Warn);
        assert_eq!(world(7, 7, 12).status(ID), Status::Fail);
    }

    #[test]
    fn an_id_that_is_given_twice_is_broken() {
        assert_eq!(world(7, 6, 124).status(ID), Status::Fail);
    }

    #[test]
    fn few_samples_decide_nothing() {
        assert_eq!(world(2, 2, 4).status(ID), Status::Inconclusive);
    }

    #[test]
    fn an_id_with_a_space_is_broken_although_it_was_never_sent_back() {
        let mut world = World::new();
        let headers = [("Mcp-Session-Id", "a b")];
        world.answer(ProbeId::OpenSession, "admin", 200, &headers, "{}");
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_server_without_ids_is_left_alone() {
        let mut world = World::new();
        world.valid("admin", &["a"]);
        let exchange = world.answer(ProbeId::OpenSession, "admin", 200, &[], "{}");
        world.collected.sessions.push(SessionRecord {
            identity: "admin".to_owned(),
            exchange,
            closed: false,
        });
        assert_eq!(world.status(ID), Status::NotApplicable);
        assert_eq!(World::new().status(ID), Status::Inconclusive);
    }
}
