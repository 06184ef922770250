//! Header mirroring of 2026-07-28: value encoding and `x-mcp-header` annotations.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A header value for a text: as it is where that is safe, else in the base64 sentinel form.
pub fn encode_value(text: &str) -> String {
    let is_plain = text.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~'));
    let has_edges = text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
    let is_sentinel = text.starts_with(PREFIX) && text.ends_with(SUFFIX);
    if is_plain && !has_edges && !is_sentinel {
        return text.to_owned();
    }
    sentinel(text)
}

/// The base64 sentinel form of a text, whether or not it needs it.
pub fn sentinel(text: &str) -> String {
    format!("{PREFIX}{}{SUFFIX}", STANDARD.encode(text))
}

/// The `Mcp-Param-*` headers of a call: one for each annotated parameter that has a value.
///
/// A value that is no string, integer or boolean has no header form and is left out, as is null.
///
/// # Errors
/// When the schema's annotations are invalid; a client must not offer such a tool.
pub fn param_headers(schema: &Value, arguments: &Value) -> Result<Vec<(String, String)>, String> {
    let annotations = annotations(schema)?;
    let headers = annotations.iter().filter_map(|annotation| {
        let mut value = arguments;
        for step in &annotation.path {
            value = value.get(step)?;
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            _ => return None,
        };
        Some((
            format!("Mcp-Param-{}", annotation.name),
            encode_value(&text),
        ))
    });
    Ok(headers.collect())
}

/// Why a tool's `x-mcp-header` annotations forbid calling it; `None` when they are fine.
pub fn annotation_problem(schema: &Value) -> Option<String> {
    annotations(schema).err()
}

struct Annotation {
    name: String,
    path: Vec<String>,
}

fn annotations(schema: &Value) -> Result<Vec<Annotation>, String> {
    let mut found = Vec::new();
    walk(schema, &mut Vec::new(), true, &mut found)?;
    let mut names: Vec<String> = found
        .iter()
        .map(|annotation: &Annotation| annotation.name.to_ascii_lowercase())
        .collect();
    names.sort_unstable();
    if let Some([name, _]) = names
        .windows(2)
        .find(|pair| matches!(pair, [a, b] if a == b))
    {
        return Err(format!("`x-mcp-header` names `{name}` more than once"));
    }
    Ok(found)
}

/// Visits schemas; `reachable` while only `properties` keys lead here from the root.
fn walk(
    schema: &Value,
    path: &mut Vec<String>,
    reachable: bool,
    found: &mut Vec<Annotation>,
) -> Result<(), String> {
    let members = match schema {
        Value::Object(members) => members,
        Value::Array(items) => {
            return items
                .iter()
                .try_for_each(|item| walk(item, path, false, found));
        }
        _ => return Ok(()),
    };
    if let Some(annotation) = members.get("x-mcp-header") {
        found.push(check(annotation, schema, path, reachable)?);
    }
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            ("x-mcp-header" | "default" | "examples" | "example" | "const" | "enum", _) => {}
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    path.push(name.clone());
                    walk(property, path, reachable, found)?;
                    path.pop();
                }
            }
            (
                "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(schemas),
            ) => {
                for schema in schemas.values() {
                    walk(schema, path, false, found)?;
                }
            }
            _ => walk(value, path, false, found)?,
        }
    }
    Ok(())
}

fn check(
    annotation: &Value,
    schema: &Value,
    path: &[String],
    reachable: bool,
) -> Result<Annotation, String> {
    let place = path.join(".");
    let Some(name) = annotation.as_str() else {
        return Err(format!("`x-mcp-header` of `{place}` is not a string"));
    };
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Err(format!(
            "`x-mcp-header` of `{place}` is `{}`; expected a header field name",
            name.escape_debug()
        ));
    }
    if !reachable || path.is_empty() {
        return Err(format!(
            "`x-mcp-header` `{name}` is not on a plain property of the arguments"
        ));
    }
    if !is_primitive(schema) {
        return Err(format!(
            "`x-mcp-header` `{name}` is on `{place}`, which is no string, integer or boolean"
        ));
    }
    Ok(Annotation {
        name: name.to_owned(),
        path: path.to_vec(),
    })
}

fn is_primitive(schema: &Value) -> bool {
    let allowed = |name: &Value| matches!(name.as_str(), Some("string" | "integer" | "boolean"));
    match schema.get("type") {
        Some(Value::Array(names)) => {
            names.iter().any(allowed)
                && names
                    .iter()
                    .all(|name| allowed(name) || name.as_str() == Some("null"))
        }
        Some(name) => allowed(name),
        None => schema
            .get("enum")
            .and_then(Value::as_array)
            .is_some_and(|values| {
                values
                    .iter()
                    .all(|value| value.is_string() || value.is_boolean() || value.is_i64())
            }),
    }
}

const fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_encoded_only_when_they_must_be() {
        for (value, expected) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("a b", "a b"),
            ("=?base64?", "=?base64?"),
        ] {
            assert_eq!(encode_value(value), expected, "{value:?}");
        }
    }

    #[test]
    fn nested_primitive_parameters_are_mirrored_when_present() {
        let schema = json!({"properties": {
            "limit": {"type": "integer", "x-mcp-header": "Limit"},
            "dry": {"type": ["boolean", "null"], "x-mcp-header": "Dry"},
            "absent": {"type": "string", "x-mcp-header": "Absent"},
            "odd": {"type": "string", "x-mcp-header": "Odd"},
            "nested": {"properties": {"tenant": {"type": "string", "x-mcp-header": "Tenant"}}},
        }});
        let arguments = json!({"limit": 42, "dry": null, "odd": {}, "nested": {"tenant": "ä"}});
        assert_eq!(
            param_headers(&schema, &arguments).unwrap(),
            [
                ("Mcp-Param-Limit".to_owned(), "42".to_owned()),
                ("Mcp-Param-Tenant".to_owned(), "=?base64?w6Q=?=".to_owned())
            ]
        );
    }

    #[test]
    fn invalid_annotations_are_refused_with_the_reason() {
        for (schema, why) in [
            (
                json!({"properties": {"a": {"type": "number", "x-mcp-header": "A"}}}),
                "integer",
            ),
            (
                json!({"properties": {"a": {"type": "string", "x-mcp-header": ""}}}),
                "field name",
            ),
            (
                json!({"properties": {"a": {"type": "string", "x-mcp-header": "A\r\nB"}}}),
                "field name",
            ),
            (
                json!({"properties": {"a": {"type": "string", "x-mcp-header": 1}}}),
                "not a string",
            ),
            (
                json!({"properties": {"a": {"items": {"type": "string", "x-mcp-header": "A"}}}}),
                "plain property",
            ),
            (
                json!({"allOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]}),
                "plain property",
            ),
            (
                json!({"$defs": {"x": {"type": "string", "x-mcp-header": "A"}}}),
                "plain property",
            ),
            (
                json!({"type": "string", "x-mcp-header": "A"}),
                "plain property",
            ),
            (
                json!({"properties": {
                "a": {"type": "string", "x-mcp-header": "Same"},
                "b": {"type": "string", "x-mcp-header": "same"}}}),
                "more than once",
            ),
        ] {
            let problem = annotation_problem(&schema).unwrap();
            assert!(problem.contains(why), "{problem}");
            assert!(param_headers(&schema, &json!({})).is_err());
        }
    }

    #[test]
    fn a_property_that_is_merely_called_so_is_no_annotation() {
        for schema in [
            json!({"properties": {"x-mcp-header": {"type": "number"}}}),
            json!({"properties": {"a": {"default": {"x-mcp-header": ""}}}}),
            json!({}),
            json!(true),
        ] {
            assert_eq!(annotation_problem(&schema), None);
        }
    }

    proptest! {
        #[test]
        fn every_encoded_value_is_a_legal_field_value(text in any::<String>()) {
            let value = encode_value(&text);
            prop_assert!(value.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')));
            prop_assert_eq!(value.trim(), value.as_str());
        }
    }
}
