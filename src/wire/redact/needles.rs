//! Known secrets in every encoding in which they are expected, and the search for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The place of a known secret in the order of registration.
pub(super) type SecretIndex = usize;

/// An index over the encodings of every known secret.
#[derive(Default)]
pub(super) struct Needles {
    /// By the first two bytes; longest first.
    by_head: HashMap<[u8; 2], Vec<(Vec<u8>, SecretIndex)>>,
    /// One bit for each pair of first bytes, to pass over ordinary text quickly.
    heads: Vec<u64>,
    labels: BTreeMap<Vec<u8>, SecretIndex>,
    longest: usize,
}

impl Needles {
    /// Adds every encoding of a secret; `shown` is what stands for it.
    pub(super) fn add(&mut self, secret: &str, shown: &str, index: SecretIndex) {
        self.labels.insert(shown.as_bytes().to_vec(), index);
        if secret.len() < SHORTEST {
            return;
        }
        // A hostile answer may call a megabyte its token; the beginning tells it apart.
        let known = secret
            .get(..secret.floor_char_boundary(LONGEST))
            .unwrap_or(secret);
        for needle in encodings(known) {
            let Some(head) = needle.first_chunk::<2>().copied() else {
                continue;
            };
            self.longest = self.longest.max(needle.len());
            self.mark(head);
            let group = self.by_head.entry(head).or_default();
            if group.iter().all(|(known, _)| *known != needle) {
                group.push((needle, index));
                group.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
            }
        }
    }

    /// The next secret at or after `from`: the leftmost one, and there the longest.
    ///
    /// Text that already stands for a secret is passed over, so that redaction is stable.
    pub(super) fn find(&self, hay: &[u8], from: usize) -> Option<(Range<usize>, SecretIndex)> {
        self.find_past(hay, from, &|text| self.label_length(text))
    }

    /// The same, passing over what `skip` measures where a brace opens.
    pub(super) fn find_past(
        &self,
        hay: &[u8],
        from: usize,
        skip: &dyn Fn(&[u8]) -> Option<usize>,
    ) -> Option<(Range<usize>, SecretIndex)> {
        let mut at = from;
        loop {
            let rest = hay.get(at..)?;
            let head = rest.first_chunk::<2>()?;
            if head[0] == b'{'
                && let Some(length) = skip(rest)
            {
                at += length;
                continue;
            }
            if self.marked(*head)
                && let Some(group) = self.by_head.get(head)
                && let Some((needle, index)) = group.iter().find(|(n, _)| rest.starts_with(n))
            {
                return Some((at..at + needle.len(), *index));
            }
            at += 1;
        }
    }

    /// Every secret that occurs.
    pub(super) fn all_in(&self, hay: &[u8]) -> BTreeSet<SecretIndex> {
        let mut found = BTreeSet::new();
        let mut from = 0;
        while let Some((range, index)) = self.find(hay, from) {
            found.insert(index);
            from = range.end;
        }
        found
    }

    /// Where the beginning of a secret hangs over the end of a cut text.
    pub(super) fn cut_tail(&self, hay: &[u8]) -> Option<(usize, SecretIndex)> {
        let first = hay.len().saturating_sub(self.longest);
        (first..hay.len().saturating_sub(CUT_SHORTEST - 1)).find_map(|at| {
            let rest = hay.get(at..)?;
            let group = self.by_head.get(rest.first_chunk::<2>()?)?;
            let (_, index) = group.iter().find(|(needle, _)| needle.starts_with(rest))?;
            Some((at, *index))
        })
    }

    fn mark(&mut self, head: [u8; 2]) {
        self.heads.resize(HEAD_WORDS, 0);
        let bit = usize::from(u16::from_be_bytes(head));
        if let Some(word) = self.heads.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    fn marked(&self, head: [u8; 2]) -> bool {
        let bit = usize::from(u16::from_be_bytes(head));
        let word = self.heads.get(bit / 64).copied().unwrap_or_default();
        word >> (bit % 64) & 1 == 1
    }

    /// The length of the stand-in with which the text begins.
    pub(super) fn label_length(&self, text: &[u8]) -> Option<usize> {
        let plain = |byte: &&u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let inner = text.iter().skip(1).take(LONGEST_LABEL).take_while(plain);
        let end = inner.count() + 2;
        let label = text.get(..end).filter(|label| label.ends_with(b"}"))?;
        let common = [super::ANONYMOUS.as_bytes(), super::OF_ANOTHER.as_bytes()];
        (common.contains(&label) || self.labels.contains_key(label)).then_some(end)
    }
}

/// Every spelling of a secret that is searched for.
fn encodings(secret: &str) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    let form = percent(secret, b"*-._", true, false);
    for lower in [false, true] {
        let encoded = percent(secret, b"-._~", false, lower);
        all.insert(percent(&encoded, b"-._~", false, lower).into_bytes());
        all.insert(encoded.into_bytes());
        all.insert(percent(secret, b"-._~!'()*", false, lower).into_bytes());
        all.insert(percent(secret, b"*-._", true, lower).into_bytes());
        all.insert(percent(secret, MOSTLY_PLAIN, false, lower).into_bytes());
    }
    for text in [secret, form.as_str()] {
        base64_forms(text, &mut all);
    }
    for escaped in json_forms(secret) {
        all.insert(escaped.into_bytes());
    }
    for escaped in html_forms(secret) {
        all.insert(escaped.into_bytes());
    }
    all.insert(secret.as_bytes().to_vec());
    all
}

fn percent(text: &str, plain: &[u8], plus_for_space: bool, lower: bool) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else if plus_for_space && byte == b' ' {
            out.push('+');
        } else {
            let _ = if lower {
                write!(out, "%{byte:02x}")
            } else {
                write!(out, "%{byte:02X}")
            };
        }
    }
    out
}

/// Base64 of the secret alone, and the part of it that is the same wherever the secret stands
/// inside a longer text, such as `id:secret` in Basic credentials.
fn base64_forms(text: &str, all: &mut BTreeSet<Vec<u8>>) {
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        let alone = engine.encode(text);
        let mut padded = alone.clone();
        while !padded.len().is_multiple_of(4) {
            padded.push('=');
        }
        all.extend([alone.into_bytes(), padded.into_bytes()]);
        for shift in 0..3_usize {
            let before = std::iter::repeat_n(0, shift);
            let shifted: Vec<u8> = before.chain(text.bytes()).collect();
            let encoded = engine.encode(&shifted);
            let first = (shift * 8).div_ceil(6);
            let last = shifted.len() * 8 / 6;
            if let Some(inner) = encoded.as_bytes().get(first..last)
                && inner.len() >= SHORTEST
            {
                all.insert(inner.to_vec());
            }
        }
    }
}

fn json_forms(secret: &str) -> Vec<String> {
    let quoted = serde_json::Value::from(secret).to_string();
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    let mut forms = vec![inner.to_owned(), inner.replace('/', "\\/")];
    for lower in [false, true] {
        let mut ascii = String::new();
        for unit in inner.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() && !b"<>&'".contains(&byte) => {
                    ascii.push(char::from(byte));
                }
                _ => {
                    let _ = if lower {
                        write!(ascii, "\\u{unit:04x}")
                    } else {
                        write!(ascii, "\\u{unit:04X}")
                    };
                }
            }
        }
        forms.push(ascii);
    }
    forms
}

fn html_forms(secret: &str) -> [String; 2] {
    let basic = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let named = basic.replace('"', "&quot;").replace('\'', "&#39;");
    [named, basic.replace('"', "&#34;").replace('\'', "&#x27;")]
}

/// Shorter secrets are recognised only where a secret is expected; elsewhere they would hit words.
pub(super) const SHORTEST: usize = 6;
const LONGEST: usize = 8 * 1024;
/// What is left of a cut secret below this length gives nothing away.
const CUT_SHORTEST: usize = 4;
const LONGEST_LABEL: usize = 160;
const HEAD_WORDS: usize = 65_536 / 64;
/// What the query of a URL may carry without encoding (WHATWG URL, query percent-encode set).
const MOSTLY_PLAIN: &[u8] = b"-._~!$%&'()*+,/:;=?@[]^`{|}\\";
