//! Replaces secrets by stable labels before anything is filed.
//!
//! Known secrets become `{label}` wherever and however encoded they appear; what is a secret by
//! its place (a credential, a cookie, a token member) or by its looks (a JWT) becomes `{secret}`.

mod beside;
mod json;
mod needles;
mod text;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

pub use beside::Beside;
use beside::OF_ANOTHER;
use needles::Needles;
use secrecy::{ExposeSecret, SecretString};

use crate::model::exchange::HeaderField;

/// What is known to be secret, and the labels that stand for it.
#[derive(Default)]
pub struct Redactor {
    secrets: Vec<Known>,
    by_value: HashMap<String, usize>,
    needles: Needles,
    beside: Option<Beside>,
}

/// Where a known secret came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The operator or the run itself.
    Run,
    /// An answer from this URL; giving it back there discloses nothing.
    Answer(url::Url),
}

struct Known {
    stand_in: String,
    source: Source,
}

impl Redactor {
    /// The same, hiding what the other targets of the run are told as well.
    #[must_use]
    pub fn with_beside(mut self, beside: Beside) -> Self {
        self.beside = Some(beside);
        self
    }

    /// Registers a secret; the first label given to a value stays.
    pub fn know(&mut self, label: &str, secret: &SecretString, source: Source) {
        let value = secret.expose_secret();
        if value.is_empty() || self.by_value.contains_key(value) {
            return;
        }
        if let Some(beside) = &self.beside {
            beside.meet(secret);
        }
        let index = self.secrets.len();
        let stand_in = self.unused(stand_in(label));
        self.needles.add(value, &stand_in, index);
        self.by_value.insert(value.to_owned(), index);
        self.secrets.push(Known { stand_in, source });
    }

    /// Where this very value came from, when it is registered.
    pub fn source_of(&self, secret: &SecretString) -> Option<&Source> {
        let index = self.by_value.get(secret.expose_secret())?;
        Some(&self.secrets.get(*index)?.source)
    }

    /// Where the known secrets in these bytes came from.
    pub fn sources_in<'a>(&'a self, bytes: &[u8]) -> Vec<&'a Source> {
        let found: BTreeSet<usize> = self.needles.all_in(bytes);
        found
            .iter()
            .filter_map(|&index| self.secrets.get(index))
            .map(|known| &known.source)
            .collect()
    }

    /// Redacts a body of any kind; `truncated` when its end is missing.
    pub fn body<'a>(&self, bytes: &'a [u8], media_type: &str, truncated: bool) -> Cow<'a, [u8]> {
        let mut clean = if media_type.eq_ignore_ascii_case(FORM) {
            text::form(self, bytes)
        } else if let Some(clean) = json::redact(self, bytes, NESTING) {
            // A secret that spans tokens is no JSON any more; secrecy comes first.
            self.known(&clean).unwrap_or(clean)
        } else {
            self.lines(bytes)
        };
        if truncated && let Some((at, stand_in)) = self.cut_tail(&clean) {
            let stand_in = stand_in.to_owned();
            clean.truncate(at);
            clean.extend_from_slice(stand_in.as_bytes());
        }
        if clean == bytes {
            Cow::Borrowed(bytes)
        } else {
            Cow::Owned(clean)
        }
    }

    /// Redacts header fields.
    pub fn headers<'a, V: AsRef<[u8]> + 'a>(
        &self,
        fields: impl IntoIterator<Item = (&'a str, &'a V)>,
    ) -> Vec<HeaderField> {
        let clean = |(name, value): (&str, &V)| {
            let value = String::from_utf8_lossy(value.as_ref());
            let shown_name = self.text(name);
            HeaderField::new(shown_name, text::header(self, name, &value))
        };
        fields.into_iter().map(clean).collect()
    }

    /// Redacts a URL; `state` and everything that is no secret stays.
    pub fn url(&self, url: &str) -> String {
        text::url(self, url)
    }

    /// Redacts a piece of text.
    pub fn text(&self, source: &str) -> String {
        let clean = text::redact(self, source.as_bytes(), true);
        String::from_utf8_lossy(&clean).into_owned()
    }

    /// One label never stands for two values: a judge must see whether a token is the same.
    fn unused(&self, stand_in: String) -> String {
        let taken = |text: &String| self.secrets.iter().any(|known| known.stand_in == *text);
        let bare = stand_in.trim_end_matches('}');
        let numbered = (2..).map(|number: u32| format!("{bare}-{number}}}"));
        std::iter::once(stand_in.clone())
            .chain(numbered)
            .find(|candidate| !taken(candidate))
            .unwrap_or(stand_in)
    }

    /// Event streams line by line, so that each `data:` field is treated as what it is.
    fn lines(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        for line in bytes.split_inclusive(|&byte| byte == b'\n' || byte == b'\r') {
            let payload = line.strip_prefix(b"data:");
            match payload.and_then(|payload| json::redact(self, payload, NESTING)) {
                Some(clean) => {
                    out.extend_from_slice(b"data:");
                    out.extend_from_slice(&self.known(&clean).unwrap_or(clean));
                }
                None => out.extend_from_slice(&text::redact(self, line, true)),
            }
        }
        out
    }

    /// The text without known secrets; nothing when there are none in it.
    fn known(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let (mut range, mut stand_in) = self.find(bytes, 0)?;
        let mut out = Vec::with_capacity(bytes.len());
        let mut from = 0;
        loop {
            out.extend_from_slice(bytes.get(from..range.start)?);
            out.extend_from_slice(stand_in.as_bytes());
            from = range.end;
            match self.find(bytes, from) {
                Some(next) => (range, stand_in) = next,
                None => break,
            }
        }
        out.extend_from_slice(bytes.get(from..)?);
        Some(out)
    }

    /// What stands for a whole value: its own label, or that of a secret inside it.
    fn stand_in(&self, value: &[u8]) -> Option<String> {
        if self.stand_in_length(value) == Some(value.len()) {
            return Some(String::from_utf8_lossy(value).into_owned());
        }
        let exact = std::str::from_utf8(value)
            .ok()
            .and_then(|value| self.by_value.get(value).copied());
        let stand_in = match exact {
            Some(index) => self.stand_in_of(index),
            None => self.find(value, 0)?.1,
        };
        Some(stand_in.to_owned())
    }

    /// The next secret at or after `from`, the leftmost and there one of its own, and its stand-in.
    fn find(&self, hay: &[u8], from: usize) -> Option<(Range<usize>, &str)> {
        let own = self.needles.find(hay, from);
        let own = own.map(|(range, index)| (range, self.stand_in_of(index)));
        let skip = |text: &[u8]| self.stand_in_length(text);
        let other = self.beside.as_ref();
        let other = other.and_then(|beside| beside.find(hay, from, &skip));
        match (own, other) {
            (Some(own), Some(other)) if other.start < own.0.start => {
                Some((other.start..other.end, OF_ANOTHER))
            }
            (Some(own), _) => Some(own),
            (None, other) => Some((other?, OF_ANOTHER)),
        }
    }

    /// Where the beginning of a secret hangs over the end of a cut text, and its stand-in.
    fn cut_tail(&self, hay: &[u8]) -> Option<(usize, &str)> {
        if let Some((at, index)) = self.needles.cut_tail(hay) {
            return Some((at, self.stand_in_of(index)));
        }
        Some((self.beside.as_ref()?.cut_tail(hay)?, OF_ANOTHER))
    }

    fn stand_in_length(&self, text: &[u8]) -> Option<usize> {
        self.needles.label_length(text)
    }

    fn stand_in_of(&self, index: usize) -> &str {
        self.secrets
            .get(index)
            .map_or(ANONYMOUS, |known| known.stand_in.as_str())
    }
}

/// A label in braces, made of characters that mean nothing in JSON, URLs and HTML.
fn stand_in(label: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
            c
        } else {
            '-'
        }
    };
    let label: String = label.chars().take(LONGEST_LABEL).map(plain).collect();
    format!("{{{label}}}")
}

/// Stands for a secret that nobody registered.
const ANONYMOUS: &str = "{secret}";
const FORM: &str = "application/x-www-form-urlencoded";
/// JSON inside strings of JSON, and so on.
const NESTING: usize = 4;
const LONGEST_LABEL: usize = 120;

#[cfg(test)]
mod tests;
