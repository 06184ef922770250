//! Redaction inside JSON text, complete or cut off, that leaves everything but strings alone.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{ANONYMOUS, Redactor, text};

/// Redacts JSON text; nothing when the text is not JSON as far as it goes.
pub(super) fn redact(redactor: &Redactor, source: &[u8], depth: usize) -> Option<Vec<u8>> {
    let first = source.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!(first, b'{' | b'[' | b'"') {
        return None;
    }
    let mut walk = Walk {
        redactor,
        source,
        depth,
        frames: Vec::new(),
        edits: BTreeMap::new(),
    };
    walk.run()?;
    Some(apply(source, &walk.edits))
}

struct Walk<'a> {
    redactor: &'a Redactor,
    source: &'a [u8],
    depth: usize,
    frames: Vec<Frame>,
    /// By start: whether a `code` is a secret shows only when its object ends.
    edits: BTreeMap<usize, (usize, Vec<u8>)>,
}

/// An open object or array.
#[derive(Default)]
struct Frame {
    object: bool,
    /// The next string is a member name.
    expects_name: bool,
    member: Member,
    /// Values of a member `code`, secrets if the object is an OAuth answer.
    codes: Vec<Range<usize>>,
    oauth: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Member {
    #[default]
    Plain,
    Secret,
    Code,
    Credentials,
    Signed,
}

impl Walk<'_> {
    fn run(&mut self) -> Option<()> {
        let mut at = 0;
        while let Some(&byte) = self.source.get(at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b':' => at += 1,
                b'{' | b'[' => {
                    if self.frames.len() >= MAX_DEPTH {
                        return None;
                    }
                    self.frames.push(Frame {
                        object: byte == b'{',
                        expects_name: byte == b'{',
                        ..Frame::default()
                    });
                    at += 1;
                }
                b'}' | b']' => {
                    self.close();
                    at += 1;
                }
                b',' => {
                    if let Some(frame) = self.frames.last_mut() {
                        frame.expects_name = frame.object;
                    }
                    at += 1;
                }
                b'"' => at = self.string(at),
                b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    at = self.scalar(at)?;
                }
                _ => return None,
            }
        }
        while !self.frames.is_empty() {
            self.close();
        }
        Some(())
    }

    fn close(&mut self) {
        if let Some(frame) = self.frames.pop()
            && frame.oauth
        {
            for range in frame.codes {
                self.rewrite(range, ANONYMOUS.as_bytes());
            }
        }
    }

    fn string(&mut self, start: usize) -> usize {
        let end = string_end(self.source, start);
        let range = start..end;
        let content = unescape(self.source.get(range.clone()).unwrap_or_default());
        let names = self.frames.last().is_some_and(|frame| frame.expects_name);
        if names {
            self.name(range, &content);
        } else {
            self.value(range, &content);
        }
        end
    }

    fn name(&mut self, range: Range<usize>, content: &[u8]) {
        if let Some(frame) = self.frames.last_mut() {
            frame.expects_name = false;
            frame.member = member(content);
            frame.oauth |= OAUTH_SIBLINGS.iter().any(|name| name.as_bytes() == content);
        }
        if let Some(clean) = self.redactor.known(content) {
            self.rewrite(range, &clean);
        }
    }

    fn value(&mut self, range: Range<usize>, content: &[u8]) {
        let member = self
            .frames
            .last()
            .map_or(Member::Plain, |frame| frame.member);
        match member {
            Member::Secret if !content.is_empty() => {
                let shown = self.redactor.stand_in(content);
                let shown = shown.unwrap_or_else(|| ANONYMOUS.to_owned());
                self.rewrite(range, shown.as_bytes());
                return;
            }
            Member::Code if self.redactor.stand_in(content).is_none() => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.codes.push(range.clone());
                }
            }
            Member::Credentials => {
                if let Some(clean) = text::credentials(self.redactor, content) {
                    self.rewrite(range, clean.as_bytes());
                    return;
                }
            }
            Member::Plain | Member::Secret | Member::Code | Member::Signed => {}
        }
        let nested = content
            .iter()
            .find(|byte| !byte.is_ascii_whitespace())
            .is_some_and(|byte| matches!(byte, b'{' | b'['));
        let inner = (nested && self.depth > 0)
            .then(|| redact(self.redactor, content, self.depth - 1))
            .flatten();
        let clean = match inner {
            Some(clean) => text::redact(self.redactor, &clean, true),
            None => text::redact(self.redactor, content, member != Member::Signed),
        };
        if clean != content {
            self.rewrite(range, &clean);
        }
    }

    /// A number that is or holds a secret becomes a string: the text stays JSON.
    fn scalar(&mut self, start: usize) -> Option<usize> {
        let rest = self.source.get(start..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(byte)));
        let end = start + length.unwrap_or(rest.len());
        let word = self.source.get(start..end).unwrap_or_default();
        let number = word.first().is_some_and(|byte| !byte.is_ascii_alphabetic());
        let cut = end == self.source.len();
        if !number
            && !LITERALS
                .iter()
                .any(|l| *l == word || (cut && l.starts_with(word)))
        {
            return None;
        }
        let member = self
            .frames
            .last()
            .map_or(Member::Plain, |frame| frame.member);
        if number && member == Member::Secret {
            self.edits.insert(start, (end, quote(ANONYMOUS.as_bytes())));
        } else if let Some(clean) = self.redactor.known(word) {
            self.edits.insert(start, (end, quote(&clean)));
        }
        Some(end)
    }

    fn rewrite(&mut self, range: Range<usize>, clean: &[u8]) {
        let mut quoted = quote(clean);
        let written = self.source.get(range.clone()).unwrap_or_default();
        if !is_closed(written) {
            quoted.pop();
        }
        self.edits.insert(range.start, (range.end, quoted));
    }
}

fn member(name: &[u8]) -> Member {
    if text::is_secret_name(name) {
        return Member::Secret;
    }
    match name {
        b"code" => Member::Code,
        b"signed_metadata" => Member::Signed,
        _ if name.eq_ignore_ascii_case(b"authorization") => Member::Credentials,
        _ if name.eq_ignore_ascii_case(b"proxy-authorization") => Member::Credentials,
        _ => Member::Plain,
    }
}

fn apply(source: &[u8], edits: &BTreeMap<usize, (usize, Vec<u8>)>) -> Vec<u8> {
    let mut out = Vec::with_capacity(source.len());
    let mut from = 0;
    for (start, (end, replacement)) in edits {
        out.extend_from_slice(source.get(from..*start).unwrap_or_default());
        out.extend_from_slice(replacement);
        from = *end;
    }
    out.extend_from_slice(source.get(from..).unwrap_or_default());
    out
}

/// The offset behind the closing quote, or the end of a text that is cut inside the string.
fn string_end(source: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match source.get(at) {
            None => return source.len(),
            Some(b'\\') => at += 2,
            Some(b'"') => return at + 1,
            Some(_) => at += 1,
        }
    }
}

fn is_closed(literal: &[u8]) -> bool {
    string_end(literal, 0) <= literal.len() && literal.len() > 1 && {
        let backslashes = literal.iter().rev().skip(1).take_while(|&&b| b == b'\\');
        literal.last() == Some(&b'"') && backslashes.count() % 2 == 0
    }
}

/// The content of a string literal; total, so that no escape can hide a secret.
fn unescape(literal: &[u8]) -> Vec<u8> {
    let inner = literal.get(1..).unwrap_or_default();
    let inner = if is_closed(literal) {
        inner.get(..inner.len() - 1).unwrap_or_default()
    } else {
        inner
    };
    if !inner.contains(&b'\\') {
        return inner.to_vec();
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut units: Vec<u16> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        let escaped = inner.get(at + 1).copied().unwrap_or_default();
        if byte == b'\\' && escaped == b'u' {
            units.push(hex4(inner.get(at + 2..at + 6)).unwrap_or(REPLACEMENT));
            at += 6;
            continue;
        }
        flush(&mut units, &mut out);
        if byte == b'\\' {
            out.push(match escaped {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'b' => 8,
                b'f' => 12,
                other => other,
            });
            at += 2;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    flush(&mut units, &mut out);
    out
}

fn flush(units: &mut Vec<u16>, out: &mut Vec<u8>) {
    if !units.is_empty() {
        out.extend_from_slice(String::from_utf16_lossy(units).as_bytes());
        units.clear();
    }
}

fn hex4(digits: Option<&[u8]>) -> Option<u16> {
    let digits = std::str::from_utf8(digits?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

fn quote(content: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    serde_json::Value::from(text.as_ref())
        .to_string()
        .into_bytes()
}

/// Members that mark an object as an OAuth answer, so that its `code` is a secret.
const OAUTH_SIBLINGS: [&str; 7] = [
    "state",
    "iss",
    "client_id",
    "redirect_uri",
    "grant_type",
    "code_verifier",
    "session_state",
];
const LITERALS: [&[u8]; 3] = [b"true", b"false", b"null"];
const REPLACEMENT: u16 = 0xfffd;
const MAX_DEPTH: usize = 256;
