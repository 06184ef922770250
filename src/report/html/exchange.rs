//! Two exchanges side by side, with what differs marked.

use std::collections::BTreeSet;
use std::io;

use crate::model::exchange::{Body, Exchange, HeaderField, Outcome, Response};
use crate::report::markup::Markup;
use crate::report::safe;

/// Shows one exchange, or two beside each other.
pub(super) fn pair(
    out: &mut Markup<'_>,
    first: &Exchange,
    second: Option<&Exchange>,
) -> io::Result<()> {
    let one = lines(first);
    let Some(second) = second else {
        return side(out, first, &one, &one);
    };
    let two = lines(second);
    out.element("div", &[("class", "pair")], |pair| {
        side(pair, first, &one, &two)?;
        side(pair, second, &two, &one)
    })
}

fn side(
    out: &mut Markup<'_>,
    exchange: &Exchange,
    own: &[String],
    other: &[String],
) -> io::Result<()> {
    let known: BTreeSet<&str> = other.iter().map(String::as_str).collect();
    out.element("div", &[], |side| {
        let title = format!(
            "{} {} as {}",
            exchange.id, exchange.probe.id, exchange.identity
        );
        side.leaf("h5", &[], &title)?;
        side.element("pre", &[], |pre| {
            for line in own {
                if known.contains(line.as_str()) || tells_nothing(line) {
                    pre.text(line)?;
                } else {
                    pre.leaf("mark", &[], line)?;
                }
                pre.newline()?;
            }
            Ok(())
        })
    })
}

/// Whether a difference here is only that of the clock.
fn tells_nothing(line: &str) -> bool {
    let (name, _) = line.split_once(':').unwrap_or_default();
    name.eq_ignore_ascii_case("date")
}

/// An exchange as it would look on the wire, as far as a reader can use it.
fn lines(exchange: &Exchange) -> Vec<String> {
    let request = &exchange.request;
    let mut lines = vec![shown(&format!("{} {}", request.method, request.url))];
    headers(&mut lines, &request.headers);
    if let Some(text) = &request.body {
        lines.push(String::new());
        body(&mut lines, text);
    }
    lines.push(String::new());
    match &exchange.outcome {
        Outcome::Response(response) => answer(&mut lines, response),
        Outcome::Failure(failure) => {
            lines.push(shown(&format!("no complete answer: {}", failure.text)));
            if let Some(partial) = &failure.partial {
                answer(&mut lines, partial);
            }
        }
    }
    lines
}

fn answer(lines: &mut Vec<String>, response: &Response) {
    lines.push(format!("HTTP {}", response.status));
    headers(lines, &response.headers);
    lines.push(String::new());
    body(lines, response.stream.as_ref().unwrap_or(&response.body));
}

fn headers(lines: &mut Vec<String>, fields: &[HeaderField]) {
    for field in fields.iter().take(MOST_HEADERS) {
        lines.push(shown(&format!("{}: {}", field.name, field.value)));
    }
    if fields.len() > MOST_HEADERS {
        lines.push(format!(
            "… {} more header fields",
            fields.len() - MOST_HEADERS
        ));
    }
}

/// JSON is laid out member by member, so that the difference is a line.
fn body(lines: &mut Vec<String>, body: &Body) {
    let text = body.text();
    let pretty = (text.len() <= MOST_PRETTY)
        .then(|| serde_json::from_str::<serde_json::Value>(&text).ok())
        .flatten()
        .and_then(|value| serde_json::to_string_pretty(&value).ok());
    let text = pretty.as_deref().unwrap_or(&text);
    let mut all = text.lines();
    lines.extend(all.by_ref().take(MOST_LINES).map(shown));
    let rest = all.count();
    if rest > 0 {
        lines.push(format!("… {rest} more lines"));
    }
    if body.truncated {
        lines.push(format!("… cut, {} bytes arrived", body.length));
    }
}

fn shown(text: &str) -> String {
    safe::fit(text, WIDE)
}

const MOST_HEADERS: usize = 40;
const MOST_LINES: usize = 60;
const MOST_PRETTY: usize = 100_000;
const WIDE: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_no_difference_and_other_fields_are() {
        assert!(tells_nothing("date: Mon, 23 Nov 2026 08:00:00 GMT"));
        assert!(!tells_nothing("www-authenticate: Bearer"));
        assert!(!tells_nothing("update: 1"));
    }
}
