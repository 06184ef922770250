//! PRIM-25: tool calls are limited in rate.
//!
//! MCP tools page §Security Considerations, item 1.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::Verdict;

/// Reads whether a limit answered in a series that was asked for.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(series) = &evidence.collected().call_series else {
        return Verdict::Inconclusive {
            reason: "no series of calls was asked for".to_owned(),
            decided_by: Some(FLAG.to_owned()),
        };
    };
    if let Some(unsent) = &series.unsent {
        return Verdict::inconclusive(format!("no series was sent: {unsent}"));
    }
    if let Some(limit) = &series.limit {
        let when = if limit.retry_after {
            "and said when to come back"
        } else {
            "without `Retry-After`"
        };
        return Verdict::Held(format!(
            "a limit answered with HTTP {} after {} of {} calls, {when}",
            limit.status, limit.after, series.wanted
        ));
    }
    if series.answered < series.wanted {
        return Verdict::inconclusive(format!(
            "{} of {} calls were answered, and none of the answers is a limit",
            series.answered, series.wanted
        ));
    }
    let subject = series.subject.as_deref().unwrap_or("tools/call");
    let message = format!(
        "{} equal calls of `{subject}` within {} ms were answered without a limit; expected 429, 503 \
         or a refusal that names a limit",
        series.answered,
        series.elapsed_ms.max(1)
    );
    let mut case = evidence.case();
    case.advise(Draft::new(subject, message).also(&series.exchanges, "answered"));
    case.verdict(Verdict::Held(String::new()))
}

const FLAG: &str = "--observe-call-limit 50";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::arguments::{CallSeries, LimitSeen};
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "tool-calls-unlimited";

    fn world(answered: usize, limited: bool) -> World {
        let mut world = World::new();
        world.valid("admin", &["r"]);
        let exchanges: Vec<_> = (0..answered)
            .map(|_| world.answer(ProbeId::CallBurst, "admin", 200, &[], "{}"))
            .collect();
        world.collected.call_series = Some(CallSeries {
            subject: Some("tool/read_note".to_owned()),
            identity: "admin".to_owned(),
            wanted: 10,
            answered,
            elapsed_ms: 40,
            limit: limited.then(|| LimitSeen {
                exchange: exchanges[0],
                after: 7,
                status: 429,
                retry_after: false,
            }),
            exchanges,
            unsent: None,
        });
        world
    }

    #[test]
    fn a_limit_holds_and_its_absence_is_advice() {
        assert_eq!(world(10, true).status(ID), Status::Pass);
        assert_eq!(world(10, false).status(ID), Status::Warn);
    }

    #[test]
    fn a_series_that_broke_off_decides_nothing() {
        assert_eq!(world(6, false).status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_series_the_flag_is_named() {
        let Verdict::Inconclusive { decided_by, .. } = World::new().verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert_eq!(decided_by.as_deref(), Some(FLAG));
        let mut unsent = world(0, false);
        if let Some(series) = &mut unsent.collected.call_series {
            series.unsent = Some("no tool".to_owned());
        }
        assert_eq!(unsent.status(ID), Status::Inconclusive);
    }
}
