//! Answers of tools that read, kept before the gate or behind it.

use serde_json::Value;

use super::super::behaviour::AnswerKeeping;
use super::catalogue;
use super::methods::{Context, Outcome, Reply};

/// The answer that was kept for the same arguments, where the behaviour has one.
pub(crate) fn answer(context: &Context<'_>, tool: &str, params: &Value) -> Option<Reply> {
    let keeping = context.shared.behaviour.ways.answers;
    let found = context.shared.kept(&key(context, tool, params)?)?;
    Some(Reply {
        kept: keeping != AnswerKeeping::ForEverybody,
        ..Outcome::Result(found).into()
    })
}

/// Keeps an answer, where the behaviour does and the tool only reads.
pub(crate) fn keep(context: &Context<'_>, tool: &str, params: &Value, result: &Value) {
    let reads = !catalogue::writes(&context.shared.behaviour, tool);
    if let Some(key) = key(context, tool, params).filter(|_| reads) {
        context.shared.keep(key, result);
    }
}

fn key(context: &Context<'_>, tool: &str, params: &Value) -> Option<String> {
    let caller = match context.shared.behaviour.ways.answers {
        AnswerKeeping::None => return None,
        AnswerKeeping::ForEverybody | AnswerKeeping::ForEverybodyMarked => "",
        AnswerKeeping::PerCallerMarked => context.principal.map_or("", |one| one.key.as_str()),
    };
    let arguments = params.get("arguments").unwrap_or(&Value::Null);
    Some(format!("{caller} {tool} {arguments}"))
}
