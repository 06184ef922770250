//! The report as pretty JSON, member order as declared, inert even on a terminal.

use std::io::{self, Write};

use crate::model::report::Report;

use super::{RenderError, Renderer, safe};

/// Renders `report.json`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Renderer for Json {
    fn render(&self, report: &Report) -> Result<Vec<u8>, RenderError> {
        let mut inert = Inert(Vec::new());
        serde_json::to_writer_pretty(&mut inert, report)?;
        inert.0.push(b'\n');
        Ok(inert.0)
    }
}

/// Escapes what a terminal would obey. Outside strings JSON is plain ASCII, so every such
/// character stands inside one and the escape means the same (RFC 8259 §7).
struct Inert(Vec<u8>);

impl Write for Inert {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The serialiser cuts strings at ASCII characters only.
        let text = std::str::from_utf8(bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        for c in text.chars() {
            if c == '\n' || safe::is_inert(c) {
                let mut utf8 = [0; 4];
                self.0.extend(c.encode_utf8(&mut utf8).bytes());
            } else {
                let mut utf16 = [0; 2];
                for unit in c.encode_utf16(&mut utf16) {
                    write!(self.0, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_letters_are_not() {
        assert_eq!(
            inert("\u{9b}\u{7f}\u{202e}\u{e0041}é日"),
            "\"\\u009b\\u007f\\u202e\\udb40\\udc41é日\""
        );
    }

    proptest! {
        #[test]
        fn escaping_keeps_the_meaning(text in any::<String>()) {
            let json = inert(&text);
            prop_assert!(json.chars().all(safe::is_inert));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    fn inert(text: &str) -> String {
        let mut inert = Inert(Vec::new());
        serde_json::to_writer_pretty(&mut inert, text).unwrap();
        String::from_utf8(inert.0).unwrap()
    }
}
