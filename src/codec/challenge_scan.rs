//! The forgiving half of [`super::challenge`]: one pass, no backtracking, first deviation noted.

use crate::model::discovery::Challenge;

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// Challenges in order.
    pub(super) challenges: Vec<Challenge>,
    /// Offset and description of the first departure from RFC 9110 §11.3.
    pub(super) deviation: Option<(usize, String)>,
}

/// Reads a field value whatever its shape.
pub(super) fn scan(value: &str) -> Scanned {
    let mut scanner = Scanner {
        text: value,
        at: 0,
        found: Scanned::default(),
        last: Last::Start,
    };
    while scanner.step() {}
    if scanner.found.challenges.is_empty() && scanner.found.deviation.is_none() {
        scanner.found.deviation =
            Some((0, "no challenge; expected a scheme such as Bearer".into()));
    }
    scanner.found
}

/// What was read last; decides what a bare word means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Start,
    Scheme,
    Quoted,
    Unquoted,
    /// An unquoted value that already needed quotes, so commas may belong to it.
    Loose,
}

struct Scanner<'v> {
    text: &'v str,
    at: usize,
    found: Scanned,
    last: Last,
}

impl<'v> Scanner<'v> {
    /// Reads one scheme, parameter or stray word; `false` at the end.
    fn step(&mut self) -> bool {
        let gap_start = self.at;
        let gap = self.take(|b| matches!(b, b' ' | b'\t' | b','));
        let comma = gap.contains(',');
        if self.at >= self.text.len() {
            return false;
        }
        let start = self.at;
        let spaced = !gap.is_empty();
        let token = self.take(is_token_byte);
        if token.is_empty() {
            self.stray(start);
            return true;
        }
        if self.last == Last::Scheme && !comma {
            if gap.contains('\t') {
                self.deviate(gap_start, "a tab after the scheme; expected spaces");
            }
            if let Some(end) = self.token68_end(start) {
                let value = self.slice(start, end).to_owned();
                self.at = end;
                self.push_param(start, String::new(), value);
                self.last = Last::Quoted;
                return true;
            }
        }
        let after = self.after_blanks(self.at);
        if self.byte(after) == Some(b'=') {
            if self.last == Last::Quoted && !spaced {
                self.deviate(start, "text after a quoted value; expected a comma");
                self.skip_to_comma();
                return true;
            }
            self.parameter(start, token, comma, after.saturating_add(1));
        } else {
            self.word(start, token, comma);
        }
        if self.found.challenges.len() < MAX_CHALLENGES {
            return true;
        }
        self.deviate(self.at, "too many challenges; the rest is not kept");
        false
    }

    fn parameter(&mut self, start: usize, name: &str, comma: bool, value_at: usize) {
        match (self.last, comma) {
            (Last::Start, _) => {
                self.deviate(
                    start,
                    "a parameter without a scheme; expected one such as Bearer",
                );
                self.push_challenge(String::new());
            }
            (Last::Scheme, true) => {
                self.deviate(start, "a comma between scheme and parameter");
                self.fold_false_scheme();
            }
            (Last::Quoted | Last::Unquoted | Last::Loose, false) => {
                self.deviate(start, "no comma before the parameter");
            }
            _ => {}
        }
        self.at = self.after_blanks(value_at);
        let (value, last) = match self.byte(self.at) {
            Some(b'"') => (self.quoted(), Last::Quoted),
            Some(b'\'') => match self.single_quoted() {
                Some(value) => (value, Last::Quoted),
                None => self.unquoted(),
            },
            _ => self.unquoted(),
        };
        self.push_param(start, name.to_ascii_lowercase(), value);
        self.last = last;
    }

    /// A word that no `=` follows: a scheme, or more of an unquoted value.
    fn word(&mut self, start: usize, token: &str, comma: bool) {
        let known = is_known_scheme(token);
        let ended = matches!(self.byte(self.at), None | Some(b' ' | b'\t' | b','));
        let is_scheme = match self.last {
            Last::Start => true,
            Last::Loose => known,
            _ => known || (comma && ended),
        };
        if is_scheme {
            if !ended {
                self.deviate(self.at, "a character that a scheme cannot hold");
                self.advance();
            }
            if self.last != Last::Start && !comma {
                self.deviate(start, "no comma before the scheme");
            }
            self.push_challenge(token.to_owned());
            return;
        }
        self.deviate(
            start,
            "a stray word; expected a comma, a scheme or a parameter",
        );
        self.at = start;
        let word = self.take(|b| !matches!(b, b' ' | b'\t' | b',')).to_owned();
        if matches!(self.last, Last::Unquoted | Last::Loose)
            && let Some((_, value)) = self.last_param()
        {
            value.push_str(if comma { ", " } else { " " });
            value.push_str(&word);
            self.last = Last::Loose;
        }
    }

    /// Something that starts neither a scheme nor a parameter.
    fn stray(&mut self, start: usize) {
        if self.last == Last::Quoted && self.byte(start) != Some(b';') {
            self.deviate(start, "text after a quoted value; expected a comma");
            self.skip_to_comma();
            return;
        }
        self.deviate(start, "a character that no scheme or parameter starts with");
        if self.byte(start) == Some(b'"') {
            self.quoted();
        } else {
            self.advance();
        }
    }

    /// Reads from an opening quote to the closing one, or to the end.
    fn quoted(&mut self) -> String {
        let opening = self.at;
        let mut value = String::new();
        let mut escaped = false;
        let rest = self.text.get(opening.saturating_add(1)..).unwrap_or("");
        for (offset, c) in rest.char_indices() {
            let here = opening.saturating_add(1).saturating_add(offset);
            match c {
                _ if escaped => {
                    escaped = false;
                    value.push(c);
                }
                '\\' => escaped = true,
                '"' => {
                    self.at = here.saturating_add(1);
                    return value;
                }
                _ => {
                    if c.is_ascii_control() && c != '\t' {
                        self.deviate(here, "a control character in a quoted value");
                    }
                    value.push(c);
                }
            }
        }
        self.deviate(opening, "a quoted value without a closing quote");
        self.at = self.text.len();
        value
    }

    /// Reads a value in apostrophes, when they can only be meant as quotes.
    fn single_quoted(&mut self) -> Option<String> {
        let opening = self.at;
        let inner = self.text.get(opening.checked_add(1)?..)?;
        let (value, rest) = inner.split_once('\'')?;
        if !matches!(
            rest.as_bytes().first(),
            None | Some(b' ' | b'\t' | b',' | b';')
        ) {
            return None;
        }
        self.deviate(
            opening,
            "apostrophes around a value; expected double quotes",
        );
        self.at = self.text.len().saturating_sub(rest.len());
        Some(value.to_owned())
    }

    fn unquoted(&mut self) -> (String, Last) {
        let start = self.at;
        let whole = self.take(|b| !matches!(b, b' ' | b'\t' | b','));
        let value = whole.strip_suffix(';').unwrap_or(whole);
        if value.is_empty() {
            self.deviate(start, "a parameter without a value");
            return (String::new(), Last::Unquoted);
        }
        if let Some(offset) = whole.bytes().position(|b| !is_token_byte(b)) {
            let strange = whole.get(offset..).and_then(|rest| rest.chars().next());
            self.deviate(
                start.saturating_add(offset),
                &format!("`{}` needs a quoted value", strange.unwrap_or('?')),
            );
        }
        (value.to_owned(), Last::Unquoted)
    }

    /// Where a `token68` that starts here ends, when it fills the challenge (RFC 9110 §11.2).
    fn token68_end(&self, start: usize) -> Option<usize> {
        let rest = self.text.get(start..)?;
        let body = rest.trim_start_matches(|c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/')
        });
        let tail = body.trim_start_matches('=');
        let padding = body.len().saturating_sub(tail.len());
        let end = self.text.len().saturating_sub(tail.len());
        let named = TOKEN_SCHEMES.iter().any(|scheme| {
            let last = self.found.challenges.last();
            last.is_some_and(|challenge| challenge.scheme.eq_ignore_ascii_case(scheme))
        });
        // `Bearer realm=` is a parameter that lost its value, although the grammar would take it.
        if body.len() == rest.len() || (named && padding == 1) {
            return None;
        }
        let blank = tail.trim_start_matches([' ', '\t']);
        (blank.is_empty() || blank.starts_with(',')).then_some(end)
    }

    /// Drops an unknown bare scheme: it was a word of the unquoted value before it.
    fn fold_false_scheme(&mut self) {
        let several = self.found.challenges.len() > 1;
        if several
            && let Some(challenge) = self.found.challenges.last()
            && challenge.params.is_empty()
            && !is_known_scheme(&challenge.scheme)
        {
            self.found.challenges.pop();
        }
    }

    fn push_challenge(&mut self, scheme: String) {
        self.found.challenges.push(Challenge {
            scheme,
            params: Vec::new(),
            strict: true,
        });
        self.last = Last::Scheme;
    }

    fn push_param(&mut self, at: usize, name: String, value: String) {
        let Some(challenge) = self.found.challenges.last_mut() else {
            return;
        };
        if challenge.params.len() < MAX_PARAMS {
            challenge.params.push((name, value));
        } else {
            self.deviate(at, "too many parameters; the rest is not kept");
        }
    }

    fn last_param(&mut self) -> Option<&mut (String, String)> {
        self.found.challenges.last_mut()?.params.last_mut()
    }

    fn deviate(&mut self, at: usize, what: &str) {
        self.found
            .deviation
            .get_or_insert_with(|| (at, what.to_owned()));
    }

    fn skip_to_comma(&mut self) {
        while let Some(b) = self.byte(self.at) {
            match b {
                b',' => return,
                b'"' => drop(self.quoted()),
                _ => self.advance(),
            }
        }
    }

    fn take(&mut self, accept: impl Fn(u8) -> bool) -> &'v str {
        let start = self.at;
        while self.byte(self.at).is_some_and(&accept) {
            self.at = self.at.saturating_add(1);
        }
        self.slice(start, self.at)
    }

    fn advance(&mut self) {
        let width = self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
            .map_or(1, char::len_utf8);
        self.at = self.at.saturating_add(width);
    }

    fn after_blanks(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), Some(b' ' | b'\t')) {
            at = at.saturating_add(1);
        }
        at
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn slice(&self, start: usize, end: usize) -> &'v str {
        self.text.get(start..end).unwrap_or("")
    }
}

fn is_known_scheme(token: &str) -> bool {
    SCHEMES
        .iter()
        .any(|scheme| scheme.eq_ignore_ascii_case(token))
}

const fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

const MAX_CHALLENGES: usize = 64;
const MAX_PARAMS: usize = 64;
/// Schemes with named parameters, never `token68`.
const TOKEN_SCHEMES: [&str; 4] = ["Bearer", "DPoP", "Basic", "Digest"];
/// Schemes that are recognised without a comma before them (IANA registry, vendor classics).
const SCHEMES: [&str; 12] = [
    "Bearer",
    "DPoP",
    "Basic",
    "Digest",
    "Negotiate",
    "NTLM",
    "HOBA",
    "Mutual",
    "OAuth",
    "GNAP",
    "PrivateToken",
    "vapid",
];
