//! Equal calls in a row, on request: does a limit answer?

use crate::mcp::Operation;
use crate::model::arguments::CallSeries;
use crate::model::audit::Collected;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::SubjectKind;
use crate::oracle::arguments;
use crate::oracle::calibrate::Treatment;
use crate::stage::calls::Asked;
use crate::stage::enumerate::Sessions;
use crate::stage::rpc::{self, Ask};
use crate::stage::{Run, file, together};
use crate::wire::{Pending, Sent};

/// Sends the series for the strongest identity: a tool that only reads, or arguments that were seen
/// not to run.
pub(super) async fn series(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &Asked,
) {
    let Some(wanted) = run.settings.calls.observe_limit else {
        return;
    };
    let mut series = CallSeries {
        subject: None,
        identity: String::new(),
        wanted,
        answered: 0,
        elapsed_ms: 0,
        limit: None,
        exchanges: Vec::new(),
        unsent: None,
    };
    let Some(identity) = collected.identities.baseline().cloned() else {
        series.unsent = Some("no identity of the operator could call anything".to_owned());
        collected.call_series = Some(series);
        return;
    };
    series.identity.clone_from(&identity.name);
    let chosen = repeatable(collected, asked);
    let (Some((id, name, arguments)), Some(session)) = (chosen, sessions.get(&identity.name))
    else {
        series.unsent = Some("no tool is known that could be called many times safely".to_owned());
        collected.call_series = Some(series);
        return;
    };
    series.subject = Some(id.clone());
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for attempt in 0..u16::try_from(wanted).unwrap_or(u16::MAX) {
        let key = ProbeKey::new(ProbeId::CallBurst)
            .about(id.clone())
            .attempt(attempt);
        let operation = Operation::CallTool {
            name: &name,
            arguments: &arguments,
            schema: None,
        };
        let number = run.next_id();
        let ask = Ask::new(key, &identity, session, operation);
        pending.push(Box::pin(rpc::send(run, ask, number)));
    }
    let mut span: Option<(u64, u64)> = None;
    for sent in together(pending).await {
        let answered = sent.exchange.response().is_some();
        let begin = sent.exchange.started_ms;
        let end = begin.saturating_add(sent.exchange.elapsed_ms);
        span = Some(span.map_or((begin, end), |(first, last)| {
            (first.min(begin), last.max(end))
        }));
        series.answered += usize::from(answered);
        series.exchanges.push(file(collected, sent));
    }
    series.elapsed_ms = span.map_or(0, |(first, last)| last.saturating_sub(first));
    let ledger = &collected.ledger;
    let sent = series.exchanges.iter();
    series.limit = arguments::first_limit(sent.filter_map(|id| ledger.exchange(*id)));
    collected.call_series = Some(series);
}

/// A tool and arguments that may be sent many times: schema-invalid ones first, which run nothing on
/// a server that was seen to validate, then those of a tool that only reads.
fn repeatable(collected: &Collected, asked: &Asked) -> Option<(String, String, serde_json::Value)> {
    let tools = || {
        let subjects = collected.surface.subjects.iter();
        subjects.filter(|subject| subject.kind == SubjectKind::Tool)
    };
    let treated = |wanted: fn(&Treatment) -> Option<&serde_json::Value>| {
        tools().find_map(|tool| {
            let arguments = wanted(asked.treatments.get(&tool.id)?)?;
            Some((tool.id.clone(), tool.name.clone(), arguments.clone()))
        })
    };
    treated(|treatment| match treatment {
        Treatment::Invalid { arguments, .. } => Some(arguments),
        _ => None,
    })
    .or_else(|| {
        treated(|treatment| match treatment {
            Treatment::Valid { arguments } => Some(arguments),
            _ => None,
        })
    })
}
