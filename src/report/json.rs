//! The report as pretty JSON, member order as declared, inert even on a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::model::report::Report;

use super::{RenderError, Renderer, safe};

/// Renders `report.json`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Renderer for Json {
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
        write(report, out)
    }
}

/// Writes any value as pretty JSON that is inert on a terminal.
pub(super) fn write<T: Serialize + ?Sized>(
    value: &T,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    serde_json::to_writer_pretty(Inert(&mut *out), value)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// The same on one line.
pub(super) fn write_line<T: Serialize + ?Sized>(
    value: &T,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    serde_json::to_writer(Inert(&mut *out), value)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Sets a member of an object; anything else stays as it is.
pub(super) fn put(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

/// Escapes what a terminal would obey. Outside strings JSON is plain ASCII, so every such
/// character stands inside one and the escape means the same (RFC 8259 §7).
struct Inert<W>(W);

impl<W: Write> Write for Inert<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The serialiser cuts strings at ASCII characters only.
        let text = std::str::from_utf8(bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let obeyed = |c: char| c != '\n' && !safe::is_inert(c);
        let mut rest = text;
        while let Some((plain, c)) = rest
            .find(obeyed)
            .and_then(|at| Some((rest.get(..at)?, rest.get(at..)?.chars().next()?)))
        {
            self.0.write_all(plain.as_bytes())?;
            let mut utf16 = [0; 2];
            for unit in c.encode_utf16(&mut utf16) {
                write!(self.0, "\\u{unit:04x}")?;
            }
            rest = rest.get(plain.len() + c.len_utf8()..).unwrap_or_default();
        }
        self.0.write_all(rest.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
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
