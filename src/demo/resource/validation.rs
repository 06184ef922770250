//! A small validator for the schemas that the tools here have: required, types, unknown properties.

use serde_json::{Map, Value};

/// Why arguments do not fit a schema; nothing when they do.
pub(crate) fn fault(schema: &Value, arguments: &Value, extras_allowed: bool) -> Option<String> {
    let Some(given) = arguments.as_object() else {
        return Some("arguments must be an object".to_owned());
    };
    let empty = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let required = schema.get("required").and_then(Value::as_array);
    let missing = required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|name| !given.contains_key(*name));
    if let Some(name) = missing {
        return Some(format!("'{name}' is a required property"));
    }
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    for (name, value) in given {
        match properties.get(name) {
            None if closed && !extras_allowed => {
                return Some(format!("'{name}' is not a property of this tool"));
            }
            None => {}
            Some(property) => {
                let kind = property
                    .get("type")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                if !is_of(value, kind) {
                    return Some(format!("'{name}' must be of type {kind}"));
                }
            }
        }
    }
    None
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::behaviour::Input;
    use super::super::catalogue::input_schema;
    use super::*;
    use serde_json::json;

    #[test]
    fn fitting_arguments_have_no_fault() {
        assert_eq!(
            fault(&input_schema(Input::Id), &json!({"id": "1"}), false),
            None
        );
        assert_eq!(fault(&input_schema(Input::None), &json!({}), false), None);
        assert_eq!(
            fault(&input_schema(Input::Anything), &json!({"x": 1}), false),
            None
        );
        let query = json!({"query": "milk", "limit": 3});
        assert_eq!(fault(&input_schema(Input::Query), &query, false), None);
    }

    #[test]
    fn missing_mistyped_and_unknown_properties_are_faults() {
        let schema = input_schema(Input::Id);
        for arguments in [
            json!({}),
            json!({"id": 1}),
            json!({"id": "1", "x": 1}),
            json!([]),
        ] {
            assert!(fault(&schema, &arguments, false).is_some(), "{arguments}");
        }
        assert_eq!(fault(&schema, &json!({"id": "1", "x": 1}), true), None);
    }
}
