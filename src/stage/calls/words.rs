//! The words of the run in arguments: one for each caller, tool and attempt, so that an answer shows
//! whose it is.

use serde_json::Value;

use crate::codec::schema;
use crate::model::canary::{CANARY_LETTERS, CANARY_PREFIX};
use crate::model::surface::{Subject, SubjectKind};
use crate::oracle::calibrate::Treatment;
use crate::stage::Run;

/// The word that stands for the others until a call is made.
pub(crate) fn of_the_run(run: &Run<'_>) -> String {
    word(run, "canary")
}

/// The same treatment with the word of the run in the place of `{canary}`.
pub(super) fn filled(run: &Run<'_>, treatment: Treatment) -> Treatment {
    with(treatment, HOLE, &of_the_run(run))
}

/// The same arguments, for vectors.
pub(super) fn filled_in(run: &Run<'_>, arguments: &mut Value) {
    replace(arguments, HOLE, &of_the_run(run));
}

/// The same treatment with a word of its own; as it was where no word fits the schema.
pub(super) fn personal(
    run: &Run<'_>,
    subject: &Subject,
    treatment: &Treatment,
    place: &str,
) -> Treatment {
    let valid = matches!(
        treatment,
        Treatment::Valid { .. } | Treatment::ListedCall { .. }
    );
    if subject.kind != SubjectKind::Tool || !valid {
        return treatment.clone();
    }
    let shared = of_the_run(run);
    let own = with(treatment.clone(), &shared, &word(run, place));
    let fits = match (&own, &subject.input_schema) {
        _ if own == *treatment => true,
        (Treatment::Valid { arguments } | Treatment::ListedCall { arguments }, Some(schema))
            if limits_letters(schema) =>
        {
            schema::accepts(schema, arguments)
        }
        _ => true,
    };
    if fits { own } else { treatment.clone() }
}

fn word(run: &Run<'_>, purpose: &str) -> String {
    format!(
        "{CANARY_PREFIX}{}",
        run.entropy.word(purpose, CANARY_LETTERS)
    )
}

/// Whether one word of the run could fit where another does not.
fn limits_letters(schema: &Value) -> bool {
    let text = schema.to_string();
    ["\"pattern", "\"not\""]
        .iter()
        .any(|word| text.contains(word))
}

fn with(treatment: Treatment, from: &str, to: &str) -> Treatment {
    match treatment {
        Treatment::Valid { mut arguments } => {
            replace(&mut arguments, from, to);
            Treatment::Valid { arguments }
        }
        Treatment::ListedCall { mut arguments } => {
            replace(&mut arguments, from, to);
            Treatment::ListedCall { arguments }
        }
        other => other,
    }
}

fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text.contains(from) => *text = text.replace(from, to),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|item| replace(item, from, to)),
        _ => {}
    }
}

const HOLE: &str = "{canary}";
