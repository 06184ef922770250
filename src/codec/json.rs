//! JSON text with what an ordinary parser hides: repeated members and why reading stopped.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A JSON value and the members that were given more than once.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The value; of a repeated member the last one, as most parsers have it.
    pub value: Value,
    /// JSON pointers of repeated members, the first sixteen.
    pub duplicates: Vec<String>,
}

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Whether the text ends in the middle of a value.
    pub truncated: bool,
    /// What is wrong and where.
    pub text: String,
}

/// Reads one JSON text; a leading byte order mark is skipped (RFC 8259 §8.1).
///
/// # Errors
/// When the bytes are not one JSON text, nest deeper than 128 levels or hold more than 250,000
/// values.
pub fn read(bytes: &[u8]) -> Result<Document, Malformed> {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut notes = Notes::default();
    let mut source = serde_json::Deserializer::from_slice(text);
    let value = Node(&mut notes)
        .deserialize(&mut source)
        .and_then(|value| source.end().map(|()| value))
        .map_err(|error| Malformed {
            truncated: error.is_eof(),
            text: error.to_string(),
        })?;
    Ok(Document {
        value,
        duplicates: notes.duplicates,
    })
}

/// Whether the first byte that is not white space opens an object or an array.
pub fn looks_like(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

#[derive(Default)]
struct Notes {
    pointer: String,
    duplicates: Vec<String>,
    values: usize,
}

struct Node<'n>(&'n mut Notes);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        self.0.values = self.0.values.saturating_add(1);
        if self.0.values > MAX_VALUES {
            return Err(D::Error::custom(format_args!(
                "more than {MAX_VALUES} values"
            )));
        }
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        let depth = self.0.pointer.len();
        loop {
            self.0.pointer.push('/');
            self.0.pointer.push_str(&items.len().to_string());
            let item = access.next_element_seed(Node(&mut *self.0))?;
            self.0.pointer.truncate(depth);
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let depth = self.0.pointer.len();
        while let Some(name) = access.next_key::<String>()? {
            self.0.pointer.push('/');
            self.0
                .pointer
                .push_str(&name.replace('~', "~0").replace('/', "~1"));
            let value = access.next_value_seed(Node(&mut *self.0))?;
            if object.contains_key(&name) && self.0.duplicates.len() < MAX_DUPLICATES {
                self.0.duplicates.push(self.0.pointer.clone());
            }
            self.0.pointer.truncate(depth);
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const MAX_VALUES: usize = 250_000;
const MAX_DUPLICATES: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn repeated_members_are_named_by_pointer_and_the_last_one_wins() {
        let document = read(br#"{"a":1,"b":[{"c/d":1,"c/d":2}],"a":3}"#).unwrap();
        assert_eq!(document.value, json!({"a": 3, "b": [{"c/d": 2}]}));
        assert_eq!(document.duplicates, ["/b/0/c~1d", "/a"]);
        assert!(
            read(br#"{"a":{"x":1},"b":{"x":1}}"#)
                .unwrap()
                .duplicates
                .is_empty()
        );
    }

    #[test]
    fn a_cut_text_is_told_from_a_broken_one() {
        assert!(read(br#"{"a":[1,2"#).unwrap_err().truncated);
        assert!(read(b"").unwrap_err().truncated);
        assert!(!read(br#"{"a":}"#).unwrap_err().truncated);
        assert!(!read(br#"{"a":1} x"#).unwrap_err().truncated);
    }

    #[test]
    fn deep_and_numerous_values_are_refused() {
        let deep = "[".repeat(100_000);
        assert!(
            read(deep.as_bytes())
                .unwrap_err()
                .text
                .contains("recursion")
        );
        let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(read(many.as_bytes()).unwrap_err().text.contains("250000"));
        let fine = format!("[{}0]", "0,".repeat(MAX_VALUES / 2));
        assert!(read(fine.as_bytes()).is_ok());
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(read(b"\xEF\xBB\xBF{}").unwrap().value, json!({}));
        assert!(looks_like(b"\xEF\xBB\xBF [1]"));
        assert!(!looks_like(b"<html>"));
    }

    proptest! {
        #[test]
        fn reading_arbitrary_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }

        #[test]
        fn reading_agrees_with_the_ordinary_parser(text in r#"[\[\]{}",:0-9a-z\\ .-]{0,60}"#) {
            let ordinary = serde_json::from_str::<Value>(&text).ok();
            prop_assert_eq!(read(text.as_bytes()).ok().map(|document| document.value), ordinary);
        }
    }
}
