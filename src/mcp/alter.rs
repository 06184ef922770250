//! Messages altered on purpose: header fields that disagree with the body, and bodies that two
//! readers may take differently.

use serde_json::Value;

use super::Encoded;

/// Replaces every line of a header field by these, in order; none removes it.
pub fn set_field(encoded: &mut Encoded, name: &str, values: &[&str]) {
    let at = encoded
        .headers
        .iter()
        .position(|(field, _)| field.eq_ignore_ascii_case(name))
        .unwrap_or(encoded.headers.len());
    encoded
        .headers
        .retain(|(field, _)| !field.eq_ignore_ascii_case(name));
    let lines = values
        .iter()
        .map(|value| (name.to_owned(), (*value).to_owned()));
    let at = at.min(encoded.headers.len());
    encoded.headers.splice(at..at, lines);
}

/// Writes the value of a member of `params` as this raw JSON text; null leaves the member out.
pub fn set_param(encoded: &mut Encoded, member: &str, raw: Option<&str>) {
    edit(encoded, |message| {
        let params = message.get_mut("params")?.as_object_mut()?;
        match raw {
            Some(_) => {
                params.insert(member.to_owned(), Value::from(PLACE));
            }
            None => {
                params.shift_remove(member);
            }
        }
        Some(())
    });
    if let Some(raw) = raw {
        fill(encoded, raw);
    }
}

/// Writes two members `name` into `params`, in this order.
pub fn two_names(encoded: &mut Encoded, first: &str, second: &str) {
    two_members(encoded, "name", first, second);
}

/// Writes two members of one name into `params`, in this order.
pub fn two_members(encoded: &mut Encoded, member: &str, first: &str, second: &str) {
    let pair = format!("{},{}:{}", quoted(first), quoted(member), quoted(second));
    set_param(encoded, member, Some(&pair));
}

/// Writes two members `params` that differ in the name, in this order.
pub fn two_params(encoded: &mut Encoded, first: &str, second: &str) {
    let Some(message) = message(encoded) else {
        return;
    };
    let named = |name: &str| {
        let mut params = message.get("params").cloned().unwrap_or(Value::Null);
        if let Some(members) = params.as_object_mut() {
            members.insert("name".to_owned(), Value::from(name));
        }
        params.to_string()
    };
    let pair = format!("{},\"params\":{}", named(first), named(second));
    edit(encoded, |message| {
        let members = message.as_object_mut()?;
        members.insert("params".to_owned(), Value::from(PLACE));
        Some(())
    });
    fill(encoded, &pair);
}

/// Writes the method as this raw JSON text.
pub fn set_method(encoded: &mut Encoded, raw: &str) {
    edit(encoded, |message| {
        let members = message.as_object_mut()?;
        members.insert("method".to_owned(), Value::from(PLACE));
        Some(())
    });
    fill(encoded, raw);
}

/// Puts the message into an array, between others.
pub fn in_array(encoded: &mut Encoded, before: &[Value], after: &[Value]) {
    let Some(own) = message(encoded) else {
        return;
    };
    let all = before
        .iter()
        .cloned()
        .chain([own])
        .chain(after.iter().cloned());
    encoded.body = Some(Value::Array(all.collect()).to_string().into_bytes());
}

/// A string as JSON text.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The same string with its first character written as an escape: equal once it is read.
pub fn escaped(text: &str) -> String {
    let mut rest = text.chars();
    let Some(first) = rest.next() else {
        return quoted(text);
    };
    let mut units = [0_u16; 2];
    let head: String = first
        .encode_utf16(&mut units)
        .iter()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    let tail = quoted(rest.as_str());
    format!("\"{head}{}", tail.strip_prefix('"').unwrap_or(&tail))
}

fn message(encoded: &Encoded) -> Option<Value> {
    serde_json::from_slice(encoded.body.as_deref()?).ok()
}

fn edit(encoded: &mut Encoded, change: impl FnOnce(&mut Value) -> Option<()>) {
    if let Some(mut message) = message(encoded)
        && change(&mut message).is_some()
    {
        encoded.body = Some(message.to_string().into_bytes());
    }
}

fn fill(encoded: &mut Encoded, raw: &str) {
    let text = encoded
        .body
        .as_deref()
        .and_then(|body| std::str::from_utf8(body).ok());
    let filled = text.map(|text| text.replacen(&quoted(PLACE), raw, 1));
    if let Some(filled) = filled {
        encoded.body = Some(filled.into_bytes());
    }
}

/// Stands in a message for what is no JSON value of its own; no name that a server lists.
const PLACE: &str = "\u{1}altered\u{1}";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mcp::{Context, Operation, encode};
    use crate::model::target::Revision;

    fn call() -> Encoded {
        let arguments = json!({"id": "1"});
        let operation = Operation::CallTool {
            name: "delete_note",
            arguments: &arguments,
            schema: None,
        };
        let context = Context {
            revision: Revision::R2026_07,
            session: None,
            run_id: "0000beef",
            id: 7,
        };
        encode(&operation, &context)
    }

    fn text(encoded: &Encoded) -> String {
        String::from_utf8(encoded.body.clone().unwrap()).unwrap()
    }

    #[test]
    fn a_field_is_replaced_doubled_and_removed() {
        let mut message = call();
        set_field(&mut message, "mcp-name", &["a", "b"]);
        let names = message
            .headers
            .iter()
            .filter(|(name, _)| name == "mcp-name");
        assert_eq!(
            names.map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
            ["a", "b"]
        );
        set_field(&mut message, "Mcp-Name", &[]);
        assert!(
            !message
                .headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("mcp-name"))
        );
    }

    #[test]
    fn two_names_stand_in_the_order_given() {
        let mut message = call();
        two_names(&mut message, "read_note", "delete_note");
        let body = text(&message);
        assert!(
            body.contains(r#""name":"read_note","name":"delete_note""#),
            "{body}"
        );
        assert!(serde_json::from_str::<Value>(&body).is_ok());
    }

    #[test]
    fn two_params_differ_in_the_name_only() {
        let mut message = call();
        two_params(&mut message, "read_note", "delete_note");
        let body = text(&message);
        assert_eq!(body.matches("\"params\":").count(), 2);
        assert_eq!(body.matches("\"arguments\":").count(), 2);
        let last = serde_json::from_str::<Value>(&body).unwrap();
        assert_eq!(last["params"]["name"], "delete_note");
    }

    #[test]
    fn an_escaped_name_is_equal_once_it_is_read() {
        let mut message = call();
        set_param(&mut message, "name", Some(&escaped("delete_note")));
        let body = text(&message);
        assert!(body.contains(r#""name":"\u0064elete_note""#), "{body}");
        let read = serde_json::from_str::<Value>(&body).unwrap();
        assert_eq!(read["params"]["name"], "delete_note");
        assert_eq!(escaped(""), "\"\"");
        let astral: String = serde_json::from_str(&escaped("\u{1f512}\"x")).unwrap();
        assert_eq!(astral, "\u{1f512}\"x");
    }

    #[test]
    fn an_array_holds_the_message_between_others() {
        let mut message = call();
        in_array(&mut message, &[json!({"id": 1})], &[]);
        let read = serde_json::from_str::<Value>(&text(&message)).unwrap();
        assert_eq!(read[1]["id"], 7);
        assert_eq!(read.as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn arguments_can_be_left_out_or_be_anything() {
        let mut message = call();
        set_param(&mut message, "arguments", Some("[]"));
        assert!(text(&message).contains(r#""arguments":[]"#));
        set_param(&mut message, "arguments", None);
        assert!(!text(&message).contains("arguments"));
    }

    #[test]
    fn a_message_without_a_body_stays_as_it_is() {
        let mut message = call();
        message.body = None;
        let before = message.clone();
        set_method(&mut message, "\"x\"");
        two_params(&mut message, "a", "b");
        in_array(&mut message, &[], &[]);
        assert!(message == before);
    }
}
