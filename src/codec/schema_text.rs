//! Text for string schemas: formats, lengths and simple patterns.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Value, json};

use super::schema_bounds::Checker;
use super::schema_value::bound;

/// Text that satisfies a string schema; `nth` makes repeated texts differ.
///
/// Without a pattern the text is the canary, or a value of the format that leads nowhere: reserved
/// names and documentation addresses.
pub(super) fn text_for(schema: &Value, canary: &str, nth: usize) -> Option<String> {
    let shortest = bound(schema, "minLength").unwrap_or_default();
    let longest = bound(schema, "maxLength").unwrap_or(usize::MAX);
    if shortest > MAX_LENGTH || shortest > longest {
        return None;
    }
    let unique = match nth {
        0 => canary.to_owned(),
        nth => format!("{canary}{nth}"),
    };
    let format = schema.get("format").and_then(Value::as_str);
    let formatted = format.and_then(|format| of_format(format, &unique, nth));
    let plain = formatted.unwrap_or_else(|| fit(&unique, shortest, longest));
    let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else {
        return Some(plain);
    };
    let demands = json!({
        "type": "string",
        "pattern": pattern,
        "minLength": shortest,
        "maxLength": longest.min(MAX_LENGTH),
    });
    let checker = Checker::new(&demands)?;
    let letters: String = unique.chars().filter(char::is_ascii_alphanumeric).collect();
    let digits = format!(
        "{:0>width$}",
        nth.saturating_add(1),
        width = shortest.max(1)
    );
    let candidates = [
        Some(plain),
        Some(fit(&letters, shortest, longest)),
        Some(fit(&letters.to_ascii_uppercase(), shortest, longest)),
        matching(pattern, shortest),
        Some(digits),
    ];
    let samples = SAMPLES.iter().map(|sample| (*sample).to_owned());
    candidates
        .into_iter()
        .flatten()
        .chain(samples)
        .find(|text| checker.accepts(&json!(text)) == Some(true))
}

/// A value of a format (JSON Schema validation §7.3, additions of `OpenAPI`).
fn of_format(format: &str, unique: &str, nth: usize) -> Option<String> {
    let text = match format {
        "uri" | "url" | "iri" => format!("https://{unique}.invalid/"),
        "uri-reference" | "iri-reference" | "uri-template" | "json-pointer" => {
            format!("/{unique}")
        }
        "relative-json-pointer" => "0".to_owned(),
        "email" | "idn-email" => format!("{unique}@example.invalid"),
        "hostname" | "idn-hostname" => format!("{unique}.invalid"),
        "ipv4" | "ip" => format!("192.0.2.{}", nth.checked_rem(250)?.saturating_add(1)),
        "ipv6" => format!("2001:db8::{nth:x}"),
        "uuid" => format!("00000000-0000-4000-8000-{nth:012x}"),
        "date" => format!("2024-01-{:02}", nth.checked_rem(28)?.saturating_add(1)),
        "date-time" => format!(
            "2024-01-{:02}T00:00:00Z",
            nth.checked_rem(28)?.saturating_add(1)
        ),
        "time" => format!("00:00:{:02}Z", nth.checked_rem(60)?),
        "duration" => format!("P{}D", nth.saturating_add(1)),
        "regex" => unique.replace('-', ""),
        "byte" | "base64" => "bWNw".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// Cuts text from the front or pads it, so that its length lies between the bounds.
fn fit(text: &str, shortest: usize, longest: usize) -> String {
    let length = text.chars().count();
    let mut fitted: String = text.chars().skip(length.saturating_sub(longest)).collect();
    while fitted.chars().count() < shortest.min(MAX_LENGTH) {
        fitted.push('x');
    }
    fitted
}

/// The shortest text that a pattern describes, grown to `shortest` where a part may repeat.
fn matching(pattern: &str, shortest: usize) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let mut text = String::new();
    spell(&hir, 0, &mut text)?;
    if text.chars().count() < shortest {
        let missing = shortest.saturating_sub(text.chars().count());
        text.clear();
        spell(&hir, missing, &mut text)?;
    }
    Some(text)
}

fn spell(hir: &Hir, extra: usize, text: &mut String) -> Option<()> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(member(class)?),
        HirKind::Capture(capture) => spell(&capture.sub, extra, text)?,
        HirKind::Repetition(repetition) => {
            let least = usize::try_from(repetition.min).ok()?;
            let most = repetition.max.and_then(|max| usize::try_from(max).ok());
            let times = least.saturating_add(extra).min(most.unwrap_or(usize::MAX));
            for _ in 0..times.max(least).min(MAX_LENGTH) {
                spell(&repetition.sub, 0, text)?;
            }
        }
        HirKind::Concat(parts) => {
            for part in parts {
                spell(part, extra, text)?;
            }
        }
        HirKind::Alternation(parts) => spell(parts.first()?, extra, text)?,
    }
    Some(())
}

/// A harmless member of a character class: a letter, else a digit, else the first one.
fn member(class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|r| (r.start(), r.end())).collect(),
        Class::Bytes(class) => class
            .iter()
            .map(|r| (char::from(r.start()), char::from(r.end())))
            .collect(),
    };
    let holds = |c: char| {
        ranges
            .iter()
            .any(|(start, end)| (*start..=*end).contains(&c))
    };
    let liked = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    let mut liked = liked.filter(|c| holds(*c));
    liked
        .next()
        .or_else(|| ranges.first().map(|(start, _)| *start))
}

/// Texts that patterns often ask for and that cannot be spelled from them.
const SAMPLES: [&str; 12] = [
    "a",
    "A",
    "1",
    "abc",
    "Aa1",
    "Aa1!aaaa",
    "a-b",
    "1.0.0",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "user@example.invalid",
    "00000000-0000-4000-8000-000000000000",
];
const MAX_LENGTH: usize = 4096;
