//! Our own JSON, read back: it holds documents of the target, which may use up the usual depth of a
//! parser by themselves.

use serde::de::DeserializeOwned;

/// Reads one JSON text that this program wrote.
///
/// # Errors
/// Why it cannot be read, in words that follow "it".
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    if depth(json) > DEEPEST {
        return Err(format!("is nested too deeply, beyond {DEEPEST} levels"));
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    reader.disable_recursion_limit();
    let value = T::deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    value.map_err(|error| format!("cannot be read: {error}"))
}

/// How deep objects and arrays go; brackets in strings count for nothing.
fn depth(json: &[u8]) -> usize {
    let (mut deepest, mut depth) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Levels of the deepest document that is read: those of an answer, and of the facts about it.
const DEEPEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn nested(levels: usize) -> String {
        format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn what_an_ordinary_parser_refuses_is_read_and_what_would_fill_the_stack_is_not() {
        assert!(serde_json::from_str::<Value>(&nested(200)).is_err());
        assert!(read::<Value>(nested(200).as_bytes()).is_ok());
        let error = read::<Value>(nested(100_000).as_bytes()).unwrap_err();
        assert_eq!(error, "is nested too deeply, beyond 256 levels");
    }

    #[test]
    fn brackets_in_strings_count_for_nothing_and_what_follows_is_refused() {
        let text = format!("\"{}\\\"{}\"", "[".repeat(300), "{".repeat(300));
        assert!(read::<String>(text.as_bytes()).is_ok());
        assert!(
            read::<u8>(b"1 2")
                .unwrap_err()
                .starts_with("cannot be read")
        );
    }
}
