//! Redaction of plain text, forms, URLs and credentials by the shape of what surrounds a secret.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{ANONYMOUS, Redactor};

/// Redacts known secrets, then values that follow a telling name, then JWT-looking strings.
pub(super) fn redact(redactor: &Redactor, source: &[u8], tokens: bool) -> Vec<u8> {
    let known = redactor.known(source);
    let source = known.as_deref().unwrap_or(source);
    let mut out = Vec::with_capacity(source.len());
    let mut at = 0;
    while let Some(&byte) = source.get(at) {
        let rest = source.get(at..).unwrap_or_default();
        if byte == b'{'
            && let Some(length) = redactor.stand_in_length(rest)
        {
            out.extend_from_slice(rest.get(..length).unwrap_or_default());
            at += length;
            continue;
        }
        if !is_word(byte) {
            out.push(byte);
            at += 1;
            continue;
        }
        let word = word(rest);
        if tokens && let Some((start, length)) = find_jwt(word, rest) {
            out.extend_from_slice(rest.get(..start).unwrap_or_default());
            out.extend_from_slice(ANONYMOUS.as_bytes());
            at += start + length;
            continue;
        }
        out.extend_from_slice(word);
        at += word.len();
        let before = source
            .get(..at - word.len())
            .and_then(<[u8]>::last)
            .copied();
        let after = source.get(at..).unwrap_or_default();
        if let Some((skip, length)) = secret_value(redactor, word, before, after) {
            let lead = after.get(..skip).unwrap_or_default();
            let value = after.get(skip..skip + length).unwrap_or_default();
            out.extend_from_slice(lead);
            out.extend_from_slice(shown(redactor, value).as_bytes());
            at += skip + length;
        }
    }
    out
}

/// Redacts `name=value&…`: telling names by shape, everything else by what is known.
pub(super) fn form(redactor: &Redactor, source: &[u8]) -> Vec<u8> {
    // A secret with an unencoded `&` or `=` in it would fall apart below.
    let known = redactor.known(source);
    let source = known.as_deref().unwrap_or(source);
    let mut out = Vec::with_capacity(source.len());
    for (index, pair) in source.split(|&byte| byte == b'&').enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        let Some(equals) = pair.iter().position(|&byte| byte == b'=') else {
            out.extend_from_slice(&redact(redactor, pair, true));
            continue;
        };
        let (name, value) = pair.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        let (decoded_name, decoded) = (decode(name), decode(value));
        let telling = is_secret_name(&decoded_name) || is_secret_parameter(&decoded_name);
        out.extend_from_slice(&redactor.known(name).unwrap_or_else(|| name.to_vec()));
        out.push(b'=');
        if value.is_empty() {
            continue;
        }
        if telling {
            out.extend_from_slice(shown(redactor, &decoded).as_bytes());
        } else if redactor.known(value).is_none() && redactor.known(&decoded).is_some() {
            out.extend_from_slice(&redact(redactor, &decoded, true));
        } else {
            out.extend_from_slice(&redact(redactor, value, true));
        }
    }
    out
}

/// Redacts the query and the fragment of a URL by name, and all of it by what is known.
pub(super) fn url(redactor: &Redactor, source: &str) -> String {
    let known = redactor.known(source.as_bytes());
    let source = known.map_or(Cow::Borrowed(source), |clean| {
        Cow::Owned(String::from_utf8_lossy(&clean).into_owned())
    });
    let (rest, fragment) = match source.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (source.as_ref(), None),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let mut out = redact(redactor, path.as_bytes(), true);
    for (mark, part) in [(b'?', query), (b'#', fragment)] {
        if let Some(part) = part {
            out.push(mark);
            out.extend_from_slice(&form(redactor, part.as_bytes()));
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Redacts the credentials behind an authentication scheme; nothing when there is no scheme.
pub(super) fn credentials(redactor: &Redactor, value: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(value);
    let (scheme, rest) = text.trim().split_once(' ')?;
    let known_scheme = SCHEMES
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    let rest = rest.trim();
    if !known_scheme || rest.is_empty() {
        return None;
    }
    Some(format!("{scheme} {}", shown(redactor, rest.as_bytes())))
}

/// Redacts a header field by its name.
pub(super) fn header(redactor: &Redactor, name: &str, value: &str) -> String {
    let name = name.to_ascii_lowercase();
    let by_value = || shown(redactor, value.trim().as_bytes());
    match name.as_str() {
        _ if value.trim().is_empty() => value.to_owned(),
        "authorization" | "proxy-authorization" => {
            let scheme_only = SCHEMES
                .iter()
                .any(|known| value.trim().eq_ignore_ascii_case(known));
            if scheme_only {
                return value.to_owned();
            }
            credentials(redactor, value.as_bytes()).unwrap_or_else(by_value)
        }
        "cookie" => {
            let pairs = value.split(';').map(|pair| cookie(redactor, pair));
            pairs.collect::<Vec<_>>().join(";")
        }
        "set-cookie" => match value.split_once(';') {
            Some((pair, attributes)) => {
                let attributes = redact(redactor, attributes.as_bytes(), true);
                let attributes = String::from_utf8_lossy(&attributes).into_owned();
                format!("{};{attributes}", cookie(redactor, pair))
            }
            None => cookie(redactor, value),
        },
        "location" | "content-location" | "referer" => url(redactor, value),
        "mcp-session-id" | "x-api-key" | "api-key" | "x-auth-token" => by_value(),
        _ => String::from_utf8_lossy(&redact(redactor, value.as_bytes(), true)).into_owned(),
    }
}

/// Whether a member or parameter of this name holds a secret wherever it stands.
pub(super) fn is_secret_name(name: &[u8]) -> bool {
    let mut folded = [0_u8; LONGEST_NAME];
    let mut length = 0;
    for byte in name.iter().filter(|&&byte| byte != b'_' && byte != b'-') {
        let Some(slot) = folded.get_mut(length) else {
            return false;
        };
        *slot = byte.to_ascii_lowercase();
        length += 1;
    }
    let folded = folded.get(..length).unwrap_or_default();
    SECRET_NAMES.iter().any(|known| known.as_bytes() == folded)
}

/// Whether a form or query parameter of this name holds a secret.
fn is_secret_parameter(name: &[u8]) -> bool {
    SECRET_PARAMETERS
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// What stands for a value that is a secret by its place.
fn shown(redactor: &Redactor, value: &[u8]) -> String {
    redactor
        .stand_in(value)
        .unwrap_or_else(|| ANONYMOUS.to_owned())
}

fn cookie(redactor: &Redactor, pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, value)) if !value.trim().is_empty() => {
            format!("{name}={}", shown(redactor, value.trim().as_bytes()))
        }
        _ => String::from_utf8_lossy(&redact(redactor, pair.as_bytes(), true)).into_owned(),
    }
}

/// Where the secret value behind a telling name begins and how long it is.
fn secret_value(
    redactor: &Redactor,
    word: &[u8],
    before: Option<u8>,
    after: &[u8],
) -> Option<(usize, usize)> {
    let parameter = matches!(before, Some(b'?' | b'&' | b'#' | b';')) && is_secret_parameter(word);
    if !parameter && !is_secret_name(word) {
        return None;
    }
    let mut at = skip(after, 0, b"\\");
    at = skip(after, at, b"\"'");
    at = skip(after, at, b" \t");
    let separator = after.get(at).copied()?;
    if !matches!(separator, b'=' | b':') {
        return None;
    }
    at = skip(after, at + 1, b" \t");
    at = skip(after, at, b"\\");
    let quote = after
        .get(at)
        .copied()
        .filter(|byte| matches!(byte, b'"' | b'\''));
    let rest = match quote {
        Some(_) => {
            at += 1;
            after.get(at..)?
        }
        // `password: the one you chose` is prose.
        None if separator == b':' => return None,
        None => after.get(at..)?,
    };
    let ends = |byte: &u8| match quote {
        Some(quote) => *byte == quote || matches!(byte, b'\\' | b'\n'),
        None => byte.is_ascii_whitespace() || b"&\"'#;,<>)}]\\".contains(byte),
    };
    let length = rest.iter().position(ends).unwrap_or(rest.len());
    (length > 0 && redactor.stand_in_length(rest).is_none()).then_some((at, length))
}

fn skip(text: &[u8], from: usize, over: &[u8]) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let count = rest
        .iter()
        .take(MOST_FILLER)
        .take_while(|&byte| over.contains(byte));
    from + count.count()
}

/// Where in the word a compact JWS or JWE starts, and its length (RFC 7515 §7.1, RFC 7516 §7.1).
///
/// The header is judged before the rest is looked at: a hostile text must not cost a look at all
/// of it for each of its words.
fn find_jwt(word: &[u8], text: &[u8]) -> Option<(usize, usize)> {
    let start = word.windows(3).position(|window| window == b"eyJ")?;
    let header = word.get(start..)?;
    // Inside a longer word the letters may be an accident.
    if header.len() < SHORTEST_JOSE_HEADER || (start > 0 && !has_jose_header(header)) {
        return None;
    }
    let token = text.get(start..)?;
    let in_token = |byte: &&u8| is_word(**byte) || **byte == b'.';
    let length = token.iter().take_while(in_token).count();
    let dots = token.get(..length)?.iter().filter(|&&byte| byte == b'.');
    (dots.count() >= 2).then_some((start, length))
}

fn has_jose_header(header: &[u8]) -> bool {
    URL_SAFE_NO_PAD
        .decode(header)
        .is_ok_and(|json| serde_json::from_slice::<serde::de::IgnoredAny>(&json).is_ok())
}

fn word(text: &[u8]) -> &[u8] {
    let length = text.iter().take_while(|byte| is_word(**byte)).count();
    text.get(..length).unwrap_or_default()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn decode(text: &[u8]) -> Vec<u8> {
    // One pair at a time: the text holds neither `&` nor an unencoded `=` that matters.
    let source = [b"=", text].concat();
    url::form_urlencoded::parse(&source)
        .next()
        .map(|(_, value)| value.into_owned().into_bytes())
        .unwrap_or_default()
}

/// Lower-cased, without `_` and `-`.
const SECRET_NAMES: [&str; 11] = [
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "clientsecret",
    "codeverifier",
    "registrationaccesstoken",
    "assertion",
    "clientassertion",
    "password",
    "subjecttoken",
    "actortoken",
];
/// Too common as words to be secrets elsewhere.
const SECRET_PARAMETERS: [&str; 5] = ["code", "token", "device_code", "id_token_hint", "api_key"];
const SCHEMES: [&str; 5] = ["bearer", "basic", "dpop", "token", "negotiate"];
const LONGEST_NAME: usize = 32;
const SHORTEST_JOSE_HEADER: usize = 8;
const MOST_FILLER: usize = 8;
