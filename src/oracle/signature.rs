//! What remains of an answer when everything that varies by itself is masked, and how alike two are.

use std::collections::BTreeSet;

use serde_json::Value;

use super::canary;
use super::observe::{Sent, Shape};

/// A comparable answer (oracle §4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Structural class.
    pub shape: Shape,
    /// HTTP status; zero when there was no answer.
    pub status: u16,
    /// JSON-RPC error code.
    pub code: Option<i64>,
    /// `error` parameter of the challenge.
    pub challenge_error: Option<String>,
    /// Scopes of the challenge, as a set: some servers order them at random.
    pub challenge_scopes: BTreeSet<String>,
    /// Masked text and data.
    pub text: String,
    /// Content types of the result.
    pub contents: BTreeSet<String>,
    /// JSON skeleton of structured content.
    pub skeleton: String,
}

impl Signature {
    /// Whether everything but the text agrees.
    pub fn same_frame(&self, other: &Self) -> bool {
        self.shape == other.shape
            && self.status == other.status
            && self.code == other.code
            && self.challenge_error == other.challenge_error
            && self.challenge_scopes == other.challenge_scopes
            && self.contents == other.contents
    }

    /// Similarity of the masked texts in thousandths: the Jaccard index of their words.
    pub fn similarity(&self, other: &Self) -> u16 {
        if self.text == other.text {
            return 1000;
        }
        let (mine, theirs) = (self.words(), other.words());
        let common = mine.intersection(&theirs).count();
        let all = mine.union(&theirs).count().max(1);
        u16::try_from(common * 1000 / all).unwrap_or(0)
    }

    /// How much of this answer's text occurs in the other, in thousandths of its runs of three
    /// words; nothing for shorter texts.
    pub fn contained_in(&self, other: &Self) -> u16 {
        let (mine, theirs) = (runs(&self.text), runs(&other.text));
        let common = mine.intersection(&theirs).count();
        u16::try_from(common * 1000 / mine.len().max(1)).unwrap_or(0)
    }

    /// Whether the answer repeats an argument of the call: something read it.
    pub fn echoes_argument(&self) -> bool {
        self.text.contains(ARGUMENT)
    }

    /// Whether the answer is a success without any data in it.
    pub fn is_empty(&self) -> bool {
        self.shape == Shape::ResultEmpty
            || matches!(self.skeleton.as_str(), "[]" | "{}")
            || (self.shape == Shape::ResultOk && self.text.trim().is_empty())
    }

    fn words(&self) -> BTreeSet<&str> {
        self.text.split_whitespace().collect()
    }
}

/// How much two answers to the same question may differ, learned from repeated ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noise {
    positions: BTreeSet<usize>,
    words: Option<usize>,
    threshold: Option<u16>,
}

impl Noise {
    /// Learns from answers that should be equal; fewer than two teach nothing.
    pub fn learn(repeats: &[&Signature]) -> Self {
        let mut noise = Self::default();
        for pair in repeats.windows(2) {
            let [first, second] = pair else { continue };
            let alike = first.similarity(second);
            noise.threshold = Some(noise.threshold.map_or(alike, |known| known.min(alike)));
            let (a, b): (Vec<_>, Vec<_>) = (
                first.text.split_whitespace().collect(),
                second.text.split_whitespace().collect(),
            );
            if a.len() == b.len() {
                noise.words = Some(a.len());
                noise
                    .positions
                    .extend((0..a.len()).filter(|&at| a.get(at) != b.get(at)));
            }
        }
        noise
    }

    /// Whether two answers are equal up to what repetition changes by itself.
    pub fn equal(&self, one: &Signature, other: &Signature) -> bool {
        if !one.same_frame(other) {
            return false;
        }
        if one.text == other.text {
            return one.skeleton == other.skeleton || !self.positions.is_empty();
        }
        let steady = |signature: &Signature| -> Option<Vec<String>> {
            let words: Vec<_> = signature.text.split_whitespace().collect();
            // Where most words vary, the rest says too little.
            let telling = self.positions.len() * 2 <= words.len();
            (self.words == Some(words.len()) && telling && !self.positions.is_empty()).then(|| {
                let kept = words.iter().enumerate();
                kept.filter(|(at, _)| !self.positions.contains(at))
                    .map(|(_, word)| (*word).to_owned())
                    .collect()
            })
        };
        if let (Some(a), Some(b)) = (steady(one), steady(other)) {
            return a == b;
        }
        let threshold = self.threshold.unwrap_or(1000).max(LEAST_SIMILARITY);
        threshold < 1000 && one.similarity(other) >= threshold
    }
}

/// Masks what varies by itself: the name, long argument values, ids, times, hashes, durations.
pub fn mask(text: &str, sent: &Sent) -> String {
    let mut masked = text.to_owned();
    let mut values = Vec::new();
    if let Some(arguments) = &sent.arguments {
        long_strings(arguments, &mut values);
    }
    for value in values {
        masked = masked.replace(value, &format!(" {ARGUMENT} "));
    }
    masked = canary::masked(&masked, &format!(" {ARGUMENT} "));
    if let Some(name) = sent.name.as_deref().filter(|name| !name.is_empty()) {
        masked = replace_name(&masked, name);
    }
    let masked = masked.to_lowercase();
    let mut out: Vec<&str> = Vec::new();
    for word in masked.split_whitespace() {
        let core =
            word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\u{27e8}' && c != '\u{27e9}');
        if is_unit(core) && out.last().is_some_and(|last| is_number(last)) {
            out.pop();
            out.push(DURATION);
        } else {
            out.push(masked_word(word, core));
        }
    }
    out.join(" ")
}

/// The members and types of a JSON value, without its values; member order does not count.
pub fn skeleton(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => {
            let kinds: BTreeSet<String> = items.iter().take(SKELETON_ITEMS).map(skeleton).collect();
            let kinds: Vec<String> = kinds.into_iter().collect();
            format!("[{}]", kinds.join("|"))
        }
        Value::Object(members) => {
            let mut parts: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{name}:{}", skeleton(value)))
                .collect();
            parts.sort_unstable();
            format!("{{{}}}", parts.join(","))
        }
    }
}

/// JSON text with members in alphabetical order.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", parts.join(", "))
        }
        Value::Object(members) => {
            let mut parts: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{name}: {}", canonical(value)))
                .collect();
            parts.sort_unstable();
            format!("{{{}}}", parts.join(", "))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn long_strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.len() >= LONG_ARGUMENT => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| long_strings(item, found)),
        Value::Object(members) => members
            .values()
            .for_each(|member| long_strings(member, found)),
        _ => {}
    }
}

fn runs(text: &str) -> BTreeSet<[&str; 3]> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let runs = words
        .windows(3)
        .filter_map(|run| <[&str; 3]>::try_from(run).ok());
    runs.collect()
}

/// Replaces a name where it stands as a word of its own.
fn replace_name(text: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    while let Some(at) = rest.find(name) {
        let (before, found) = rest.split_at(at);
        let after = found.get(name.len()..).unwrap_or_default();
        out.push_str(before);
        let joined = inside(out.chars().next_back()) || inside(after.chars().next());
        out.push_str(if joined { name } else { NAME });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn masked_word<'a>(word: &'a str, core: &str) -> &'a str {
    let letters = core.chars().filter(|c| c.is_alphabetic()).count();
    let digits = core.chars().filter(char::is_ascii_digit).count();
    let length = core.chars().count();
    let hex = core.chars().filter(char::is_ascii_hexdigit).count();
    let plain = core.chars().all(|c| c.is_ascii_alphanumeric());
    if is_time(core) {
        TIME
    } else if is_duration(core) {
        DURATION
    } else if is_uuid(core)
        || (plain && hex == length && length >= 8 && digits > 0)
        || (letters == 0 && digits >= 9)
        || (length >= 16
            && digits >= 3
            && letters >= 3
            && core
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
    {
        ID
    } else {
        word
    }
}

fn is_uuid(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

fn is_time(word: &str) -> bool {
    let shape: String = word
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    shape.starts_with("9999-99-99")
        || shape.starts_with("99:99:99")
        || shape.starts_with("99.99.9999")
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn is_unit(word: &str) -> bool {
    UNITS.contains(&word)
}

/// `250ms`, `1.5s`, `41m12s`.
fn is_duration(word: &str) -> bool {
    let digits = word.chars().next().is_some_and(|c| c.is_ascii_digit());
    let units = word.split(|c: char| c.is_ascii_digit() || c == '.');
    let mut units = units.filter(|unit| !unit.is_empty()).peekable();
    digits && units.peek().is_some() && units.all(is_unit)
}

const ARGUMENT: &str = "\u{27e8}argument\u{27e9}";
const NAME: &str = "\u{27e8}name\u{27e9}";
const ID: &str = "\u{27e8}id\u{27e9}";
const TIME: &str = "\u{27e8}time\u{27e9}";
const DURATION: &str = "\u{27e8}duration\u{27e9}";
const UNITS: [&str; 16] = [
    "ns", "us", "µs", "ms", "s", "m", "h", "d", "sec", "secs", "second", "seconds", "min",
    "minutes", "hours", "days",
];
const LONG_ARGUMENT: usize = 8;
const LEAST_SIMILARITY: u16 = 600;
const SKELETON_ITEMS: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::exchange::Outcome;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::oracle::observe::observe;
    use crate::oracle::testing::{call, rpc_error, said};

    fn sent(name: &str) -> Sent {
        Sent {
            name: Some(name.into()),
            ..Sent::default()
        }
    }

    fn signature(name: &str, outcome: Outcome) -> Signature {
        let key = ProbeKey::new(ProbeId::CallValid);
        observe(&call(key, "reader", name, &json!({}), outcome)).signature
    }

    #[test]
    fn what_varies_by_itself_is_masked() {
        for (one, other) in [
            ("Tool a_b not found", "Tool c_d not found"),
            ("Unknown tool: 'a_b'", "Unknown tool: 'c_d'"),
            ("at 2026-11-23T08:00:00Z", "at 2025-01-02T03:04:05.6+01:00"),
            (
                "id 550e8400-e29b-41d4-a716-446655440000",
                "id 123e4567-e89b-12d3-a456-426614174000",
            ),
            ("trace 4f1c09aa77", "trace 99ab01cd23"),
            ("took 12ms", "took 900 ms"),
            ("request 1795416000", "request 1795416999"),
        ] {
            assert_eq!(mask(one, &sent("a_b")), mask(other, &sent("c_d")), "{one}");
        }
    }

    #[test]
    fn what_means_something_is_not_masked() {
        for (one, other) in [
            ("3 notes", "4 notes"),
            ("Tool xa_by not found", "Tool a_b not found"),
            ("Forbidden", "Not found"),
            ("facade", "effaced"),
        ] {
            assert_ne!(mask(one, &sent("a_b")), mask(other, &sent("a_b")), "{one}");
        }
    }

    #[test]
    fn long_arguments_are_masked_where_they_are_echoed() {
        let with = |value: &str| Sent {
            arguments: Some(json!({"q": value})),
            ..Sent::default()
        };
        assert_eq!(
            mask("no match for mcpaudit-aaaa", &with("mcpaudit-aaaa")),
            mask("no match for mcpaudit-bbbb", &with("mcpaudit-bbbb"))
        );
    }

    #[test]
    fn names_of_different_length_compare_equal_and_other_codes_do_not() {
        let noise = Noise::default();
        let short = signature("a", rpc_error(-32602, "Tool a not found"));
        let long = signature(
            "a_much_longer",
            rpc_error(-32602, "Tool a_much_longer not found"),
        );
        let code = signature("a", rpc_error(-32601, "Tool a not found"));
        assert!(noise.equal(&short, &long));
        assert!(!noise.equal(&short, &code));
    }

    #[test]
    fn repeats_teach_which_words_are_volatile() {
        let (a, b) = (
            signature("t", said("5 notes, cursor k1, by alice")),
            signature("t", said("5 notes, cursor k2, by alice")),
        );
        let noise = Noise::learn(&[&a, &b]);
        let same = signature("t", said("5 notes, cursor k3, by alice"));
        let other = signature("t", said("0 notes, cursor k3, by alice"));
        assert!(noise.equal(&a, &same));
        assert!(!noise.equal(&a, &other));
        assert!(!Noise::default().equal(&a, &same));
        let (one, two) = (signature("t", said("k1")), signature("t", said("k2")));
        let all = Noise::learn(&[&one, &two]);
        assert!(!all.equal(&one, &signature("t", said("forbidden"))));
    }

    #[test]
    fn member_order_does_not_change_a_skeleton() {
        let (one, other) = (
            json!({"a": 1, "b": [{"c": ""}]}),
            json!({"b": [{"c": "x"}], "a": 2}),
        );
        assert_eq!(skeleton(&one), skeleton(&other));
        assert_ne!(skeleton(&one), skeleton(&json!({"a": 1})));
    }
}
