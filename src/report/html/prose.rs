//! The prose of a page of the catalogue: paragraphs, lists, code and links, nothing else.

use std::io;

use crate::report::markup::Markup;

/// Writes a section's body.
pub(super) fn write(out: &mut Markup<'_>, text: &str) -> io::Result<()> {
    let mut fenced: Option<Vec<&str>> = None;
    let mut paragraph: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.trim_start().starts_with("```") {
            if let Some(code) = fenced.take() {
                out.leaf("pre", &[("class", "f")], &code.join("\n"))?;
            } else {
                flush(out, &mut paragraph)?;
                fenced = Some(Vec::new());
            }
        } else if let Some(code) = &mut fenced {
            code.push(line);
        } else if line.trim().is_empty() {
            flush(out, &mut paragraph)?;
        } else {
            if line.starts_with("- ") {
                flush(out, &mut paragraph)?;
            }
            paragraph.push(line.trim());
        }
    }
    Ok(())
}

/// Text with literals in backticks; an odd backtick stays what it is.
pub(super) fn spans(out: &mut Markup<'_>, text: &str) -> io::Result<()> {
    if text.matches('`').count() % 2 == 1 {
        return out.text(text);
    }
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out.leaf("code", &[], part)?;
        } else {
            out.text(part)?;
        }
    }
    Ok(())
}

fn flush(out: &mut Markup<'_>, lines: &mut Vec<&str>) -> io::Result<()> {
    let text = std::mem::take(lines).join(" ");
    match text.strip_prefix("- ") {
        _ if text.is_empty() => Ok(()),
        Some(item) => out.element("ul", &[], |list| {
            list.element("li", &[], |one| inline(one, item))
        }),
        None => out.element("p", &[], |one| inline(one, &text)),
    }
}

/// Code between backticks, and links.
fn inline(out: &mut Markup<'_>, text: &str) -> io::Result<()> {
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out.leaf("code", &[], part)?;
            continue;
        }
        let mut rest = part;
        while let Some((before, label, url, after)) = link(rest) {
            out.text(before)?;
            out.leaf("a", &[("href", url), ("rel", "noreferrer")], label)?;
            rest = after;
        }
        out.text(rest)?;
    }
    Ok(())
}

/// The first `[label](https://…)`.
fn link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (before, rest) = text.split_once('[')?;
    let (label, rest) = rest.split_once("](")?;
    let (url, after) = rest.split_once(')')?;
    url.starts_with("https://")
        .then_some((before, label, url, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_lists_code_and_links_are_set() {
        let text = "One `x < y`\nline.\n\n- see [RFC 1](https://www.rfc-editor.org/rfc/rfc1)\n- two\n\n```sh\na && b\n```";
        let mut out = Vec::new();
        write(&mut Markup::new(&mut out), text).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "<p>One <code>x &lt; y</code> line.</p><ul><li>see <a \
             href=\"https://www.rfc-editor.org/rfc/rfc1\" rel=\"noreferrer\">RFC 1</a></li></ul>\
             <ul><li>two</li></ul><pre class=\"f\">a &amp;&amp; b</pre>"
        );
    }

    #[test]
    fn literals_of_a_message_are_set_and_its_links_are_not() {
        let set = |text: &str| {
            let mut out = Vec::new();
            spans(&mut Markup::new(&mut out), text).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(set("`a` ran"), "<code>a</code> ran");
        assert_eq!(set("an odd ` [x](https://y)"), "an odd ` [x](https://y)");
    }

    #[test]
    fn links_elsewhere_stay_text() {
        assert!(link("[x](javascript:alert(1))").is_none());
        assert!(link("[x] (https://a)").is_none());
    }
}
