//! What the gate takes a message for where it does not take it for what it is, and what the
//! dispatcher makes of it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, json};

use super::super::behaviour::{
    ArgumentReading, ArrayReading, DoorReading, HeaderReading, MethodReading, NameReading,
    Revision, VersionReading, Ways,
};
use super::super::http::Incoming;
use super::super::state::Shared;
use super::gate::Asked;
use super::{legacy, modern};

/// What a gate that misreads a message takes it for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The tool that is judged in place of the one that is called; none lets the call pass.
    judged: Option<String>,
}

impl Seen {
    /// What is asked for, as the gate has it.
    pub(crate) fn asked(&self) -> Vec<Asked<'_>> {
        let judged = self.judged.as_deref();
        judged.map(called).into_iter().collect()
    }

    /// The name that is judged; one that no tool has needs no scope.
    pub(crate) fn judged(&self) -> &str {
        self.judged.as_deref().unwrap_or_default()
    }
}

/// What the gate takes a message for, where that is not what it is.
pub(crate) fn seen(shared: &Shared, incoming: &Incoming, message: &Value) -> Option<Seen> {
    let ways = &shared.behaviour.ways;
    let session = legacy::opened(shared, incoming);
    if session.is_some_and(|session| ways.unguarded_revisions.contains(&session.revision)) {
        return Some(Seen::default());
    }
    if let Value::Array(messages) = message {
        return in_array(ways, messages);
    }
    let passed = Some(Seen::default());
    let method = message.get("method").and_then(Value::as_str)?;
    let params = message.get("params")?;
    let name = params.get("name").and_then(Value::as_str);
    if ways.methods == MethodReading::FoldedByDispatch
        && method != CALL
        && folded_method(method) == CALL
    {
        return passed;
    }
    if method != CALL {
        return None;
    }
    let versionless = incoming.header("mcp-protocol-version").is_none();
    if ways.versions == VersionReading::MissingIsTrusted && versionless {
        return passed;
    }
    let odd = params
        .get("arguments")
        .is_some_and(|arguments| !arguments.is_object());
    if ways.arguments == ArgumentReading::ObjectsOnlyAtGate && odd {
        return passed;
    }
    let judged = |name: Option<String>| Some(Seen { judged: name });
    if ways.headers == HeaderReading::GateReadsThem && incoming.headers.contains_key("mcp-method") {
        let calls = incoming.header("mcp-method") == Some(CALL);
        let header = incoming.header("mcp-name").map(modern::decoded);
        return judged(header.filter(|_| calls));
    }
    if ways.headers == HeaderReading::DispatchReadsThem {
        return judged(name.map(str::to_owned));
    }
    match ways.names {
        NameReading::Exact => None,
        NameReading::FoldedByDispatch => judged(name.map(str::to_owned)),
        NameReading::RawAtGate => judged(raw_name(shared, incoming)),
        NameReading::FirstAtGate => judged(first_name(&incoming.body)),
    }
}

/// Method and parameters as the dispatcher takes them.
pub(crate) fn dispatched<'a>(
    ways: &Ways,
    header: Option<&str>,
    method: &'a str,
    params: &'a Value,
) -> (Cow<'a, str>, Cow<'a, Value>) {
    let mut method = Cow::Borrowed(method);
    let mut params = Cow::Borrowed(params);
    if ways.methods == MethodReading::FoldedByDispatch && folded_method(&method) == CALL {
        method = Cow::Borrowed(CALL);
    }
    if method != CALL {
        return (method, params);
    }
    let name = match (ways.names, ways.headers) {
        (NameReading::FoldedByDispatch, _) => {
            params.get("name").and_then(Value::as_str).map(folded_name)
        }
        (_, HeaderReading::DispatchReadsThem) => header.map(modern::decoded),
        _ => None,
    };
    if let (Some(name), Some(members)) = (name, params.to_mut().as_object_mut()) {
        members.insert("name".to_owned(), json!(name));
    }
    if ways.arguments == ArgumentReading::ObjectsOnlyAtGate
        && let Some(members) = params.to_mut().as_object_mut()
        && let Some(arguments) = members.get_mut("arguments")
    {
        *arguments = as_object(arguments);
    }
    (method, params)
}

/// Whether a request belongs to a revision in which no token is asked for.
pub(crate) fn asks_no_token(shared: &Shared, incoming: &Incoming, message: Option<&Value>) -> bool {
    let tokenless = &shared.behaviour.ways.tokenless_revisions;
    if tokenless.is_empty() {
        return false;
    }
    let revision = revision(shared, incoming, message);
    revision.is_some_and(|revision| tokenless.contains(&revision))
}

/// The revision of a request: that of its session, else the one that it states.
pub(crate) fn revision(
    shared: &Shared,
    incoming: &Incoming,
    message: Option<&Value>,
) -> Option<Revision> {
    let initialized = || {
        let version = message?.pointer("/params/protocolVersion")?.as_str()?;
        let mut served = legacy::served(shared).into_iter();
        served.find(|revision| revision.as_str() == version)
    };
    let modern = || {
        let stated = message.and_then(modern::stated_version);
        let newest = Revision::R2026_07;
        (stated == Some(newest.as_str())).then_some(newest)
    };
    let session = legacy::opened(shared, incoming).map(|session| session.revision);
    session.or_else(initialized).or_else(modern)
}

/// The name of a prompt, or the URI of a resource, as it is taken once the gate has judged it.
pub(crate) fn behind_the_gate(ways: &Ways, name: &str) -> String {
    if ways.doors == DoorReading::Exact {
        return name.to_owned();
    }
    let mut decoded = String::new();
    let mut rest = name;
    while let Some((head, tail)) = rest.split_once('%') {
        decoded.push_str(head);
        let byte = tail
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => decoded.push(char::from(byte)),
            None => decoded.push('%'),
        }
        rest = byte.map_or(tail, |_| tail.get(2..).unwrap_or_default());
    }
    decoded.push_str(rest);
    let plain = decoded
        .replace(['\0', '\u{200b}', '#', '?'], "")
        .replace("/./", "/");
    plain.trim().trim_matches('/').to_lowercase()
}

fn called(name: &str) -> Asked<'_> {
    Asked { method: CALL, name }
}

fn in_array(ways: &Ways, messages: &[Value]) -> Option<Seen> {
    match ways.arrays {
        ArrayReading::Every => None,
        ArrayReading::Unread => Some(Seen::default()),
        ArrayReading::FirstOnly => {
            let first = messages.first()?;
            let name = first.pointer("/params/name").and_then(Value::as_str);
            Some(Seen {
                judged: name.map(str::to_owned),
            })
        }
    }
}

fn raw_name(shared: &Shared, incoming: &Incoming) -> Option<String> {
    let body = String::from_utf8_lossy(&incoming.body);
    let tools = shared.behaviour.tools.keys();
    let found = tools
        .into_iter()
        .find(|tool| body.contains(&format!("\"name\":\"{tool}\"")));
    found.cloned()
}

fn folded_method(method: &str) -> String {
    let method = method.trim().to_lowercase().replace("//", "/");
    method.trim_start_matches('/').to_owned()
}

fn folded_name(name: &str) -> String {
    let narrow = name.chars().map(|c| match u32::from(c) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(c),
        _ => c,
    });
    let narrow: String = narrow.filter(|c| *c != '\u{200b}' && *c != '\0').collect();
    let decoded: String = match narrow.strip_prefix('%').and_then(|rest| rest.get(..2)) {
        Some(digits) => match u8::from_str_radix(digits, 16) {
            Ok(byte) => format!(
                "{}{}",
                char::from(byte),
                narrow.get(3..).unwrap_or_default()
            ),
            Err(_) => narrow,
        },
        None => narrow,
    };
    decoded.trim().trim_start_matches(['.', '/']).to_lowercase()
}

fn as_object(arguments: &Value) -> Value {
    match arguments {
        Value::String(text) => serde_json::from_str(text)
            .ok()
            .filter(Value::is_object)
            .unwrap_or_else(|| json!({})),
        Value::Array(items) => items.first().cloned().unwrap_or_else(|| json!({})),
        Value::Object(_) => arguments.clone(),
        _ => json!({}),
    }
}

/// The first of the members `name` in the first of the members `params`.
fn first_name(body: &[u8]) -> Option<String> {
    let message: First<First<String>> = serde_json::from_slice(body).ok()?;
    message.0?.0
}

/// A member of an object that a later one of the same name does not replace.
struct First<T>(Option<T>);

trait Member {
    const NAME: &'static str;
}

impl Member for String {
    const NAME: &'static str = "name";
}

impl<T> Member for First<T> {
    const NAME: &'static str = "params";
}

impl<'de, T: Deserialize<'de> + Member> Deserialize<'de> for First<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FirstVisitor(std::marker::PhantomData))
    }
}

struct FirstVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de> + Member> Visitor<'de> for FirstVisitor<T> {
    type Value = First<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<First<T>, A::Error> {
        let mut first = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == T::NAME && first.is_none() {
                first = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(First(first))
    }
}

const CALL: &str = "tools/call";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_names_is_found_in_the_first_of_two_params() {
        let body = br#"{"id":1,"params":{"name":"a","name":"b"},"params":{"name":"c"}}"#;
        assert_eq!(first_name(body).as_deref(), Some("a"));
        assert_eq!(first_name(b"{\"params\":{}}"), None);
        assert_eq!(first_name(b"[]"), None);
    }

    #[test]
    fn names_fold_to_what_they_look_like() {
        for odd in [
            "READ_NOTE",
            " read_note",
            "read_note\0",
            "%72ead_note",
            "./read_note",
            "\u{ff52}ead_note",
        ] {
            assert_eq!(folded_name(odd), "read_note", "{odd:?}");
        }
        assert_eq!(folded_name("other"), "other");
    }

    #[test]
    fn names_at_doors_fold_where_the_behaviour_says_so() {
        let folded = Ways {
            doors: DoorReading::FoldedByDispatch,
            ..Ways::default()
        };
        for odd in [
            "NOTE://A",
            "note://%61",
            "note://a/",
            "note:///./a",
            " note://a#",
        ] {
            let plain = behind_the_gate(&folded, odd).replace(":///", "://");
            assert_eq!(plain, "note://a", "{odd}");
            assert_eq!(behind_the_gate(&Ways::default(), odd), odd);
        }
        assert_eq!(behind_the_gate(&folded, "100%"), "100%");
    }

    #[test]
    fn what_is_no_object_becomes_one() {
        assert_eq!(as_object(&json!("{\"id\":\"1\"}")), json!({"id": "1"}));
        assert_eq!(as_object(&json!([{"id": "1"}])), json!({"id": "1"}));
        assert_eq!(as_object(&json!(null)), json!({}));
    }
}
