//! Holes in arguments that the operator wrote: the word of a call, and what earlier answers say.

use serde_json::Value;

/// A hole in a text: `{canary}`, `{result:/structuredContent/id}`, `{made:Created note *}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The word that only this call carries.
    Canary,
    /// Something in an earlier answer.
    From(Source, Where),
}

/// Whose answer a hole is filled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The call that made the object beforehand.
    Made,
    /// The call itself.
    Result,
    /// The reading back.
    Found,
}

impl Source {
    /// The word in front of the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Result => "result",
            Self::Found => "found",
        }
    }
}

/// Which part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// A JSON pointer into the result (RFC 6901); a text on the way that is JSON is entered.
    Pointer(String),
    /// What stands in the place of the star in a line of its text: what comes before and after it.
    Text(String, String),
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Plain(String),
    /// To be filled.
    Hole(Placeholder),
}

/// Takes a text apart.
///
/// # Errors
/// Says which hole is none that is known, and which are.
pub fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        plain.push_str(before);
        let inside = behind.split_once('}').filter(|(it, _)| is_hole(it));
        let Some((inside, after)) = inside else {
            plain.push('{');
            rest = behind;
            continue;
        };
        if !plain.is_empty() {
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Hole(hole(inside)?));
        rest = after;
    }
    plain.push_str(rest);
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Plain(plain));
    }
    Ok(pieces)
}

/// Every hole in a value.
///
/// # Errors
/// Says which hole is none that is known, and which are.
pub fn holes(value: &Value) -> Result<Vec<Placeholder>, String> {
    let mut found = Vec::new();
    gather(value, &mut found)?;
    Ok(found)
}

fn gather(value: &Value, found: &mut Vec<Placeholder>) -> Result<(), String> {
    match value {
        Value::String(text) => {
            for piece in pieces(text)? {
                if let Piece::Hole(hole) = piece {
                    found.push(hole);
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| gather(item, found)),
        Value::Object(members) => members.values().try_for_each(|item| gather(item, found)),
        _ => Ok(()),
    }
}

/// A lower-case word, alone or before a colon: other braces belong to the text.
fn is_hole(inside: &str) -> bool {
    let word = inside.split(':').next().unwrap_or_default();
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn hole(inside: &str) -> Result<Placeholder, String> {
    if inside == "canary" {
        return Ok(Placeholder::Canary);
    }
    let sources = [Source::Made, Source::Result, Source::Found];
    let known = inside.split_once(':').and_then(|(word, place)| {
        let source = sources.into_iter().find(|source| source.as_str() == word)?;
        Some((source, place))
    });
    let Some((source, place)) = known else {
        return Err(format!(
            "`{{{inside}}}` is no placeholder; there are {{canary}}, {{result:…}}, {{made:…}} and \
             {{found:…}}"
        ));
    };
    if place.starts_with('/') {
        return Ok(Placeholder::From(source, Where::Pointer(place.to_owned())));
    }
    match place.split_once('*') {
        Some((before, after)) if !after.contains('*') && place.trim() != "*" => Ok(
            Placeholder::From(source, Where::Text(before.to_owned(), after.to_owned())),
        ),
        _ => Err(format!(
            "`{{{inside}}}` names no place; write a JSON pointer (`/structuredContent/id`), or words of \
             the answer's text with one star among them (`Created note *`)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_taken_apart_at_their_holes() {
        assert_eq!(
            pieces("note {canary} of {made:/id}!").unwrap(),
            [
                Piece::Plain("note ".into()),
                Piece::Hole(Placeholder::Canary),
                Piece::Plain(" of ".into()),
                Piece::Hole(Placeholder::From(
                    Source::Made,
                    Where::Pointer("/id".into())
                )),
                Piece::Plain("!".into()),
            ]
        );
        let text = Where::Text("Created note ".into(), " today".into());
        assert_eq!(
            pieces("{result:Created note * today}").unwrap(),
            [Piece::Hole(Placeholder::From(Source::Result, text))]
        );
        assert_eq!(pieces("").unwrap(), [Piece::Plain(String::new())]);
    }

    #[test]
    fn other_braces_belong_to_the_text() {
        for text in ["{\"a\": 1}", "{", "}{", "{A}", "{1:x}", "a { canary }"] {
            assert_eq!(pieces(text).unwrap(), [Piece::Plain(text.to_owned())]);
        }
    }

    #[test]
    fn misspelt_holes_are_named() {
        for text in [
            "{cannary}",
            "{result}",
            "{result:}",
            "{result:id}",
            "{result:*}",
            "{result:a * b * c}",
            "{undo:/id}",
        ] {
            let problem = pieces(text).unwrap_err();
            assert!(problem.starts_with(&format!("`{text}`")), "{problem}");
        }
    }

    #[test]
    fn holes_are_found_however_deep_they_lie() {
        let value = json!({"a": ["x", {"b": "{canary}"}], "c": 1, "d": "{found:/id}"});
        assert_eq!(holes(&value).unwrap().len(), 2);
        assert!(holes(&json!(["{nobody}"])).is_err());
    }
}
