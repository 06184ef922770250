//! A command that sends a request again, with placeholders where secrets were.

use crate::model::exchange::Request;
use crate::report::safe;

/// The command, one option a line; none where the body is too long to be typed.
pub(super) fn command(request: &Request) -> Option<String> {
    let mut lines = vec![format!("curl -sS -i -X {}", quoted(&request.method))];
    for field in &request.headers {
        if UNSENT.contains(&field.name.to_ascii_lowercase().as_str()) {
            continue;
        }
        let value = if field.name.eq_ignore_ascii_case("authorization") {
            placeholder(&field.value)
        } else {
            (*field.value).to_owned()
        };
        if let Some((before, after)) = value.split_once(TOKEN) {
            let (before, after) = (format!("{}: {before}", field.name), after);
            lines.push(format!(
                "-H {}\"{TOKEN}\"{}",
                quoted(&before),
                quoted(after)
            ));
        } else {
            let text = format!("{}: {value}", field.name);
            lines.push(format!("-H {}", quoted(&text)));
        }
    }
    if let Some(body) = &request.body {
        if body.truncated || body.bytes.len() > MOST {
            return None;
        }
        lines.push(format!("--data-raw {}", quoted(&body.text())));
    }
    lines.push(quoted(&request.url));
    Some(lines.join(" \\\n  "))
}

/// The scheme stays, the credential becomes a variable of the shell.
fn placeholder(value: &str) -> String {
    match value.split_once(' ') {
        Some((scheme, _)) => format!("{scheme} {TOKEN}"),
        None => TOKEN.to_owned(),
    }
}

/// One word for a POSIX shell.
fn quoted(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("'{}'", safe::line(text).replace('\'', "'\\''"))
}

const TOKEN: &str = "$TOKEN";
const UNSENT: [&str; 2] = ["host", "content-length"];
const MOST: usize = 4000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{Body, HeaderField};

    #[test]
    fn the_token_is_a_placeholder_and_nothing_leaves_its_quotes() {
        let text = "{\"name\":\"it's $(id)\"}";
        let request = Request {
            method: "POST".to_owned(),
            url: "https://mcp.example.com/mcp?a='".to_owned(),
            headers: vec![
                HeaderField::new("Authorization", "Bearer {reader}"),
                HeaderField::new("content-length", "3"),
            ],
            body: Some(Body {
                bytes: text.as_bytes().into(),
                truncated: false,
                length: 3,
                sha256: String::new(),
            }),
        };
        assert_eq!(
            command(&request).unwrap(),
            "curl -sS -i -X 'POST' \\\n  -H 'Authorization: Bearer '\"$TOKEN\" \\\n  --data-raw \
             '{\"name\":\"it'\\''s $(id)\"}' \\\n  'https://mcp.example.com/mcp?a='\\'''"
        );
    }

    #[test]
    fn a_body_that_was_cut_gives_no_command() {
        let request = Request {
            method: "POST".to_owned(),
            url: "https://mcp.example.com/".to_owned(),
            headers: Vec::new(),
            body: Some(Body {
                bytes: b"x".as_slice().into(),
                truncated: true,
                length: 9,
                sha256: String::new(),
            }),
        };
        assert_eq!(command(&request), None);
    }
}
