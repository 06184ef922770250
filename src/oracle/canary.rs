//! Calls on objects of the run's own: what goes into them, and what they were seen to bring about
//! (oracle §6.2, D17).

use std::collections::BTreeSet;

use serde_json::Value;

use super::matrix::was_sent;
use super::observe::{Answer, observe};
use super::{call_steps, wording};
use crate::model::canary::{CANARY_LETTERS, CANARY_PREFIX, Effect};
use crate::model::exchange::Exchange;
use crate::model::handles::{ObjectOutcome, Role};
use crate::model::placeholder::{self, Piece, Placeholder, Source, Where};

/// What the holes of some arguments are filled from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bindings<'a> {
    /// The word.
    pub canary: &'a str,
    /// The call that made the object.
    pub made: Option<&'a Exchange>,
    /// The call itself.
    pub result: Option<&'a Exchange>,
    /// The reading back.
    pub found: Option<&'a Exchange>,
}

/// Fills the holes of arguments; numbers and texts become what the schema asks for.
///
/// # Errors
/// Says which hole nothing is known for.
pub fn fill(
    template: &Value,
    bindings: &Bindings<'_>,
    schema: Option<&Value>,
) -> Result<Value, String> {
    let mut filled = filled(template, bindings)?;
    if let Some(members) = filled.as_object_mut() {
        for (name, value) in members {
            let wanted = schema.and_then(|schema| schema.get("properties")?.get(name)?.get("type"));
            let holed = template.get(name).is_some_and(is_holed);
            if let Some(kind) = wanted.and_then(Value::as_str).filter(|_| holed) {
                suit(value, kind);
            }
        }
    }
    Ok(filled)
}

/// What a call was seen to bring about.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The word that only this call carried.
    pub canary: &'a str,
    /// The word of the object that was made beforehand, where its end is the effect.
    pub gone: Option<&'a str>,
    /// Whether there is a way to read back.
    pub read_back: bool,
    /// The call.
    pub call: &'a Exchange,
    /// The reading before it.
    pub before: Option<&'a Exchange>,
    /// The reading after it.
    pub after: Option<&'a Exchange>,
}

/// Reads the call and the readings around it.
pub fn effect(seen: &Seen<'_>) -> Effect {
    let call = observe(seen.call);
    if !was_sent(seen.call) {
        return Effect::Unknown;
    }
    if !seen.read_back {
        let echoed = call_steps::shows_execution(&call) && count(&call, seen.canary) > 0;
        return if echoed {
            Effect::Echoed
        } else {
            Effect::Unknown
        };
    }
    let Some(after) = seen.after.map(observe) else {
        return Effect::Unknown;
    };
    if let Some(object) = seen.gone {
        let gone = absence(&after, object);
        // Objects that end by themselves would make a refusal look like an effect.
        return match gone {
            Effect::Shown if !call.shape.is_success() => Effect::Unknown,
            other => other,
        };
    }
    let before = seen.before.map(observe);
    let known = before.as_ref().map_or(0, |it| count(it, seen.canary));
    let now = count(&after, seen.canary);
    if call_steps::shows_execution(&after) {
        let same = before
            .as_ref()
            .is_some_and(|before| before.signature == after.signature);
        return match now {
            // More often than the question itself was repeated before there was anything to find.
            more if more > known => Effect::Shown,
            0 => Effect::Absent,
            _ if same => Effect::Absent,
            _ => Effect::Unknown,
        };
    }
    if is_missing(&after) {
        Effect::Absent
    } else {
        Effect::Unknown
    }
}

/// What the readings of an object come to: its maker's are the control, before and after.
pub fn handed(answers: &[(Role, &Exchange)], word: &str, known: usize) -> (ObjectOutcome, String) {
    let of = |role: Role| answers.iter().filter(move |(who, _)| *who == role);
    let shown = |(_, exchange): &&(Role, &Exchange)| shows(exchange, word, known);
    let kept = |(_, exchange): &&(Role, &Exchange)| {
        let nothing = ran(exchange) && occurrences(exchange, word) <= known;
        nothing || is_refused(exchange)
    };
    let found = |outcome: ObjectOutcome, reason: &str| (outcome, reason.to_owned());
    if of(Role::Owner).count() < 2 || !of(Role::Owner).all(|it| shown(&it)) {
        return found(
            ObjectOutcome::Undecided,
            "its maker could not read it before and after the others",
        );
    }
    if of(Role::Anonymous).any(|it| shown(&it)) {
        return found(
            ObjectOutcome::Anyone,
            "whoever asks without a token reads what its maker had made",
        );
    }
    if of(Role::OtherUser).any(|it| shown(&it)) {
        return found(
            ObjectOutcome::OtherUser,
            "another user reads what its maker had made",
        );
    }
    if of(Role::OtherUser).next().is_some() && of(Role::OtherUser).all(|it| kept(&it)) {
        return found(
            ObjectOutcome::OwnerOnly,
            "its maker could read it, and nobody else who asked",
        );
    }
    found(
        ObjectOutcome::Undecided,
        "another user got an answer that is neither the object nor a refusal",
    )
}

/// Whether an answer shows a word: a success that carries it more often than `known`.
pub fn shows(exchange: &Exchange, word: &str, known: usize) -> bool {
    let answer = observe(exchange);
    call_steps::shows_execution(&answer) && count(&answer, word) > known
}

/// How often an answer carries a word.
pub fn occurrences(exchange: &Exchange, word: &str) -> usize {
    count(&observe(exchange), word)
}

/// Whether a reading says that the object is not there any more.
pub fn is_gone(exchange: &Exchange, word: &str) -> bool {
    absence(&observe(exchange), word) == Effect::Shown
}

/// Whether a call ran, by its own word.
pub fn ran(exchange: &Exchange) -> bool {
    call_steps::shows_execution(&observe(exchange))
}

/// Whether a call may have run: a result, or no answer to a request that was sent.
pub fn may_have_run(exchange: &Exchange) -> bool {
    let answer = observe(exchange);
    was_sent(exchange) && (answer.shape.is_success() || answer.status == 0 || answer.status >= 500)
}

/// Whether a call was refused in plain words: an error of the protocol or of HTTP.
pub fn is_refused(exchange: &Exchange) -> bool {
    let answer = observe(exchange);
    let error = answer.shape.is_error() || (400..500).contains(&answer.status);
    error && answer.status != 429 && !wording::outage(&answer.text)
}

/// Whether arguments that were sent are the template with its holes filled.
pub(super) fn fits(template: &Value, sent: &Value) -> bool {
    match (template, sent) {
        (Value::String(text), sent) => {
            let pieces = placeholder::pieces(text).unwrap_or_default();
            let from_answers = |piece: &Piece| matches!(piece, Piece::Hole(Placeholder::From(..)));
            if pieces.iter().any(from_answers) {
                return sent.is_string() || sent.is_number();
            }
            let mut shown = String::new();
            for piece in &pieces {
                shown.push_str(match piece {
                    Piece::Plain(text) => text,
                    Piece::Hole(_) => MASK,
                });
            }
            sent.as_str()
                .is_some_and(|sent| masked(sent, MASK) == shown)
        }
        (Value::Array(wanted), Value::Array(sent)) => {
            wanted.len() == sent.len() && wanted.iter().zip(sent).all(|(a, b)| fits(a, b))
        }
        (Value::Object(wanted), Value::Object(sent)) => {
            let fitting = |(name, value): (&String, &Value)| {
                sent.get(name).is_some_and(|sent| fits(value, sent))
            };
            wanted.len() == sent.len() && wanted.iter().all(fitting)
        }
        (wanted, sent) => wanted == sent,
    }
}

/// A text with every word of the run replaced.
pub(super) fn masked(text: &str, mask: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(CANARY_PREFIX) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let (word, after) = found.split_at(whole_word(found).unwrap_or(CANARY_PREFIX.len()));
        out.push_str(if word.len() > CANARY_PREFIX.len() {
            mask
        } else {
            word
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The words of the run in a text.
pub(super) fn words(text: &str) -> BTreeSet<&str> {
    let starts = text.match_indices(CANARY_PREFIX);
    let words = starts.filter_map(|(at, _)| {
        let found = text.get(at..)?;
        found.get(..whole_word(found)?)
    });
    words.collect()
}

/// Where the word at the start of a text ends; none where it is none of the run's.
fn whole_word(text: &str) -> Option<usize> {
    let end = CANARY_PREFIX.len() + CANARY_LETTERS;
    let letters = text.get(CANARY_PREFIX.len()..end)?;
    let known = |byte: u8| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte);
    letters.bytes().all(known).then_some(end)
}

fn absence(after: &Answer, object: &str) -> Effect {
    if call_steps::shows_execution(after) {
        return if count(after, object) == 0 {
            Effect::Shown
        } else {
            Effect::Absent
        };
    }
    if is_missing(after) {
        Effect::Shown
    } else {
        Effect::Unknown
    }
}

/// An error that says no more than that there is nothing: no refusal, no outage, no crash.
fn is_missing(answer: &Answer) -> bool {
    (answer.shape.is_error() || call_steps::failure(answer).is_some())
        && answer.status < 300
        && !wording::authorization(&answer.text)
        && !wording::outage(&answer.text)
        && !wording::crash(&answer.text)
}

fn count(answer: &Answer, word: &str) -> usize {
    let Some(message) = &answer.message else {
        return 0;
    };
    if word.is_empty() {
        return 0;
    }
    message.to_string().to_lowercase().matches(word).count()
}

fn is_holed(template: &Value) -> bool {
    placeholder::holes(template).is_ok_and(|holes| !holes.is_empty())
}

/// The same value in the type that the schema asks for, where it has one.
fn suit(value: &mut Value, kind: &str) {
    match (kind, &*value) {
        ("integer", Value::String(text)) => {
            if let Ok(number) = text.parse::<i64>() {
                *value = Value::from(number);
            }
        }
        ("number", Value::String(text)) => {
            let number = text.parse().ok().and_then(serde_json::Number::from_f64);
            if let Some(number) = number {
                *value = Value::Number(number);
            }
        }
        ("string", Value::Number(number)) => *value = Value::String(number.to_string()),
        _ => {}
    }
}

fn filled(template: &Value, bindings: &Bindings<'_>) -> Result<Value, String> {
    match template {
        Value::String(text) => {
            let pieces = placeholder::pieces(text)?;
            if let [Piece::Hole(hole)] = pieces.as_slice() {
                return value_of(hole, bindings);
            }
            let mut out = String::new();
            for piece in &pieces {
                match piece {
                    Piece::Plain(plain) => out.push_str(plain),
                    Piece::Hole(hole) => match value_of(hole, bindings)? {
                        Value::String(text) => out.push_str(&text),
                        other => out.push_str(&other.to_string()),
                    },
                }
            }
            Ok(Value::String(out))
        }
        Value::Array(items) => items
            .iter()
            .map(|item| filled(item, bindings))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Value::Object(members) => members
            .iter()
            .map(|(name, item)| Ok((name.clone(), filled(item, bindings)?)))
            .collect::<Result<_, String>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

fn value_of(hole: &Placeholder, bindings: &Bindings<'_>) -> Result<Value, String> {
    let (source, place) = match hole {
        Placeholder::Canary => return Ok(Value::String(bindings.canary.to_owned())),
        Placeholder::From(source, place) => (*source, place),
    };
    let exchange = match source {
        Source::Made => bindings.made,
        Source::Result => bindings.result,
        Source::Found => bindings.found,
    };
    let missing = || {
        let place = match place {
            Where::Pointer(pointer) => pointer.clone(),
            Where::Text(before, after) => format!("{before}*{after}"),
        };
        format!(
            "the answer has nothing at `{{{}:{place}}}`",
            source.as_str()
        )
    };
    let answer = exchange.map(observe).ok_or_else(missing)?;
    if !call_steps::shows_execution(&answer) {
        return Err(missing());
    }
    // What a search finds is ours only where our own word stands beside it.
    let own = (source == Source::Found).then_some(bindings.canary);
    let value = match place {
        Where::Pointer(pointer) => answer
            .result()
            .and_then(|result| pointed(result, pointer, own)),
        Where::Text(before, after) => in_text(&answer.text, before, after, own).map(Value::String),
    };
    value.filter(is_plain).ok_or_else(missing)
}

/// Follows a JSON pointer, into texts that are JSON as well; the object around what it leads to has
/// to carry the word.
fn pointed(result: &Value, pointer: &str, own: Option<&str>) -> Option<Value> {
    let mut value = result.clone();
    let mut around = Value::Null;
    for token in pointer.split('/').skip(1).take(MOST_TOKENS) {
        if let Value::String(text) = &value {
            value = serde_json::from_str(text).ok()?;
        }
        let name = token.replace("~1", "/").replace("~0", "~");
        let next = match &value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?).cloned(),
            Value::Object(members) => members.get(&name).cloned(),
            _ => None,
        }?;
        around = std::mem::replace(&mut value, next);
    }
    let ours = own.is_none_or(|word| around.to_string().contains(word));
    ours.then_some(value)
}

/// What stands between two pieces of a line; up to the next blank where nothing follows.
fn in_text(text: &str, before: &str, after: &str, own: Option<&str>) -> Option<String> {
    let lines = text.lines();
    let mut ours = lines.filter(|line| own.is_none_or(|word| line.contains(word)));
    ours.find_map(|line| {
        let (_, rest) = line.split_once(before)?;
        let found = if after.is_empty() {
            let word = rest.split_whitespace().next()?;
            word.trim_end_matches(['.', ',', ';', '!'])
        } else {
            rest.split_once(after)?.0.trim()
        };
        Some(found.to_owned())
    })
}

/// A number, or a text that is short, printable and no label for a secret.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => {
            let odd = |c: char| c.is_control() || matches!(c, '{' | '}');
            !text.is_empty() && text.len() <= LONGEST && !text.contains(odd)
        }
        _ => false,
    }
}

const MASK: &str = "\u{27e8}canary\u{27e9}";
/// Steps of a pointer.
const MOST_TOKENS: usize = 32;
/// Bytes of an identifier.
const LONGEST: usize = 512;

#[cfg(test)]
#[path = "canary_tests.rs"]
mod tests;
