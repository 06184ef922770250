//! Digests of what a subject says of itself, so that a later change is noticed.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::surface::Subject;

/// SHA-256 of title and description; none when it has neither.
pub(super) fn description(subject: &Subject) -> Option<String> {
    if subject.title.is_none() && subject.description.is_none() {
        return None;
    }
    let parts = [&subject.title, &subject.description];
    Some(digest(
        &parts
            .map(|part| part.as_deref().unwrap_or_default())
            .join("\u{0}"),
    ))
}

/// SHA-256 of the input schema with sorted members, or of a prompt's arguments.
pub(super) fn schema(subject: &Subject) -> Option<String> {
    if let Some(schema) = &subject.input_schema {
        return Some(digest(&canonical(schema).to_string()));
    }
    let arguments = &subject.prompt_arguments;
    (!arguments.is_empty()).then(|| digest(&format!("{arguments:?}")))
}

/// The order of members means nothing; that of an array may.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            sorted
                .into_iter()
                .map(|(name, member)| (name.clone(), canonical(member)))
                .collect()
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

fn digest(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_members_does_not_change_a_schema_and_a_new_member_does() {
        let text = |value: &Value| canonical(value).to_string();
        let one = json!({ "a": [{ "x": 1, "y": 2 }], "b": 1 });
        let same = json!({ "b": 1, "a": [{ "y": 2, "x": 1 }] });
        assert_eq!(text(&one), text(&same));
        assert_ne!(text(&one), text(&json!({ "a": [], "b": 1 })));
    }
}
