//! XPT-14: resuming a stream by `Last-Event-ID` replays no other stream's messages.
//!
//! MCP transports page §Resumability and Redelivery.

use crate::checks::answers::{describe, response, status};
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::codec::sse;
use crate::model::exchange::Exchange;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};

/// Compares what the owner of a stream gets again with what somebody else gets for the same event id.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let asked: Vec<&Exchange> = evidence.probed(ProbeId::ResumeStream).collect();
    let of = |variant: &str| {
        let mut asked = asked.iter();
        asked.find(|it| it.probe.variant.as_deref() == Some(variant))
    };
    let Some(owner) = of("owner") else {
        return if evidence.usable().next().is_some() {
            Verdict::NotApplicable(
                "no answer of this server numbered its events, so nothing can be resumed"
                    .to_owned(),
            )
        } else {
            Verdict::Inconclusive {
                reason: "no stream was opened that could be resumed".to_owned(),
                decided_by: Some("--identity".to_owned()),
            }
        };
    };
    let mine = messages(owner);
    let mut case = evidence.case();
    let mut refused = 0_usize;
    for (variant, who) in [
        ("other", "another identity"),
        ("no-token", "nobody's token"),
    ] {
        let Some(exchange) = of(variant) else {
            case.doubt(
                "nobody else has a session of their own to ask from",
                Some("--identity"),
            );
            continue;
        };
        let theirs = messages(exchange);
        let repeated = theirs.iter().any(|message| mine.contains(message));
        if repeated || (mine.is_empty() && !theirs.is_empty()) {
            let message = format!(
                "{who} is sent {} message(s) of the stream of `{}`, expected none",
                theirs.len(),
                owner.identity
            );
            let draft = Draft::new(format!("stream replayed to {variant}"), message);
            let draft = draft.at(exchange.id, Part::Body, "another's messages");
            case.breach(draft.also(&[owner.id], "what the owner gets"));
        } else if status(exchange).is_none() {
            case.doubt(format!("{} for {who}", describe(exchange)), None);
        } else {
            refused += 1;
        }
    }
    if mine.is_empty() && case.is_clean() {
        return Verdict::NotApplicable(format!(
            "the owner of a stream gets nothing again either: {}",
            describe(owner)
        ));
    }
    case.verdict(Verdict::Held(format!(
        "the owner gets {} message(s) again, {refused} other(s) get none",
        mine.len()
    )))
}

fn messages(exchange: &Exchange) -> Vec<String> {
    let answer = response(exchange).filter(|answer| answer.status == 200);
    let events = answer.map(|answer| sse::events(&answer.body.bytes()).events);
    let data = events.unwrap_or_default().into_iter();
    let data = data.filter_map(|event| event.data);
    data.filter(|data| !data.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response as answer};
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "foreign-stream-replayed";
    const STREAM: &str = "id: s-1\ndata: {\"id\":1,\"result\":{}}\n\n";

    fn world(seen: &[(&str, u16, &str)]) -> World {
        let mut world = World::new();
        world.valid("admin", &["a"]);
        for (variant, status, body) in seen {
            let key = ProbeKey::new(ProbeId::ResumeStream).variant(*variant);
            let headers = [("Content-Type", "text/event-stream")];
            world.ask(key, variant, ENDPOINT, answer(*status, &headers, body));
        }
        world
    }

    #[test]
    fn a_replay_to_the_owner_alone_holds() {
        let sound = [
            ("owner", 200, STREAM),
            ("other", 404, ""),
            ("no-token", 401, ""),
        ];
        assert_eq!(world(&sound).status(ID), Status::Pass);
        let empty = [
            ("owner", 200, STREAM),
            ("other", 200, ""),
            ("no-token", 401, ""),
        ];
        assert_eq!(world(&empty).status(ID), Status::Pass);
    }

    #[test]
    fn a_replay_to_anybody_else_is_broken() {
        let other = [
            ("owner", 200, STREAM),
            ("other", 200, STREAM),
            ("no-token", 401, ""),
        ];
        assert_eq!(world(&other).status(ID), Status::Fail);
        let nobody = [
            ("owner", 200, STREAM),
            ("other", 404, ""),
            ("no-token", 200, STREAM),
        ];
        assert_eq!(world(&nobody).status(ID), Status::Fail);
    }

    #[test]
    fn a_server_that_resumes_nothing_is_left_alone() {
        let none = [
            ("owner", 405, ""),
            ("other", 405, ""),
            ("no-token", 401, ""),
        ];
        assert_eq!(world(&none).status(ID), Status::NotApplicable);
        assert_eq!(world(&[]).status(ID), Status::NotApplicable);
    }

    #[test]
    fn without_somebody_else_it_stays_open() {
        let alone = [("owner", 200, STREAM), ("no-token", 401, "")];
        assert_eq!(world(&alone).status(ID), Status::Inconclusive);
        assert_eq!(World::new().status(ID), Status::Inconclusive);
    }
}
