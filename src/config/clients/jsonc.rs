//! JSON as people write it into configurations: comments and trailing commas.

/// The same text as plain JSON; line breaks stay, so that positions in messages hold.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match (next, rest.peek()) {
            ('"', _) => {
                out.push(next);
                string(&mut rest, &mut out);
            }
            ('/', Some('/')) => {
                while rest.peek().is_some_and(|it| *it != '\n') {
                    rest.next();
                }
            }
            ('/', Some('*')) => {
                rest.next();
                block(&mut rest, &mut out);
            }
            ('}' | ']', _) => {
                drop_comma(&mut out);
                out.push(next);
            }
            _ => out.push(next),
        }
    }
    out
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn string(rest: &mut Rest<'_>, out: &mut String) {
    while let Some(next) = rest.next() {
        out.push(next);
        match next {
            '\\' => out.extend(rest.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn block(rest: &mut Rest<'_>, out: &mut String) {
    let mut last = ' ';
    for next in rest.by_ref() {
        if next == '\n' {
            out.push(next);
        }
        if last == '*' && next == '/' {
            return;
        }
        last = next;
    }
}

/// A comma with nothing but white space behind it.
fn drop_comma(out: &mut String) {
    let end = out.trim_end().len();
    if out.get(..end).is_some_and(|text| text.ends_with(',')) {
        out.remove(end.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn comments_and_trailing_commas_go() {
        let text = "{ // one\n \"a\": [1, 2,], /* two\n three */ \"b\": {},\n}";
        let value: Value = serde_json::from_str(&plain(text)).unwrap();
        assert_eq!(value, json!({"a": [1, 2], "b": {}}));
        assert_eq!(
            plain(text).matches('\n').count(),
            text.matches('\n').count()
        );
    }

    #[test]
    fn what_stands_in_a_string_stays() {
        for text in [r#"{"u":"https://a/*b*/,}"}"#, r#"["a\"//b",",]"]"#] {
            assert_eq!(plain(text), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,200}") {
            let _ = plain(&text);
        }

        #[test]
        fn plain_json_stays_as_it_is(text in "[a-z/*,\\[\\]{}\" \\\\]{0,40}") {
            let json = json!({"a": text, "b": [1, {"c": text}]}).to_string();
            prop_assert_eq!(plain(&json), json);
        }
    }
}
