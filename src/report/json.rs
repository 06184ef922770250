//! The report as pretty JSON, member order as declared, inert even on a terminal.

use std::fmt::Write;

use crate::model::report::Report;

use super::{RenderError, Renderer, safe};

/// Renders `report.json`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Renderer for Json {
    fn render(&self, report: &Report) -> Result<Vec<u8>, RenderError> {
        let mut text = inert(&serde_json::to_string_pretty(report)?);
        text.push('\n');
        Ok(text.into_bytes())
    }
}

/// Escapes what a terminal would obey. Outside strings JSON is plain ASCII, so every such
/// character stands inside one and the escape means the same (RFC 8259 §7).
fn inert(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || safe::is_inert(c) {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_letters_are_not() {
        let json = serde_json::to_string("\u{9b}\u{7f}\u{202e}\u{e0041}é日").unwrap();
        assert_eq!(
            inert(&json),
            "\"\\u009b\\u007f\\u202e\\udb40\\udc41é日\""
        );
    }

    proptest! {
        #[test]
        fn escaping_keeps_the_meaning(text in any::<String>()) {
            let json = inert(&serde_json::to_string(&text).unwrap());
            prop_assert!(json.chars().all(safe::is_inert));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
