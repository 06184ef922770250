//! Pages by their structure: which elements there are, what can be typed, what can be read. Pure.

use sha2::{Digest, Sha256};

/// What a page is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Digest of the element names in order.
    pub skeleton: String,
    /// How many forms.
    pub forms: usize,
    /// Whether something can be typed: a text, mail or password field.
    pub typed_input: bool,
}

/// Reads the structure of a page; anything that is no markup has the empty skeleton's digest.
pub fn shape(html: &str) -> Shape {
    let mut names = Sha256::new();
    let mut shape = Shape::default();
    for tag in tags(html) {
        let name = tag_name(tag);
        if name.is_empty() {
            continue;
        }
        names.update(name.as_bytes());
        names.update(b" ");
        match name.as_str() {
            "form" => shape.forms += 1,
            "textarea" => shape.typed_input = true,
            "input" => shape.typed_input |= is_typed(tag),
            _ => {}
        }
    }
    shape.skeleton = format!("{:x}", names.finalize());
    shape.skeleton.truncate(16);
    shape
}

/// The text that a reader sees, roughly: without tags, scripts, styles and comments.
pub fn visible(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, tail) = rest.split_at(at);
        out.push_str(text);
        let hidden = HIDDEN.iter().find(|name| {
            let head = tail.get(1..=name.len()).unwrap_or_default();
            head.eq_ignore_ascii_case(name)
        });
        let end = match hidden {
            Some(name) => closing(tail, name),
            None if tail.starts_with("<!--") => tail.find("-->").map(|end| end + 3),
            None => tail.find('>').map(|end| end + 1),
        };
        rest = end.and_then(|end| tail.get(end..)).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn closing(tail: &str, name: &str) -> Option<usize> {
    let lower = tail.to_ascii_lowercase();
    let start = lower.find(&format!("</{name}"))?;
    Some(start + lower.get(start..)?.find('>')? + 1)
}

/// The inside of every tag, up to a bound.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    let parts = html.split('<').skip(1).take(MOST_TAGS);
    parts.filter_map(|part| Some(part.split_once('>')?.0))
}

fn tag_name(tag: &str) -> String {
    let name = tag
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-'));
    let name: String = name.take(LONGEST_NAME).collect();
    let name = name.to_ascii_lowercase();
    let begins = name.trim_start_matches('/').chars().next();
    if begins.is_some_and(|c| c.is_ascii_alphabetic()) {
        name
    } else {
        String::new()
    }
}

fn is_typed(tag: &str) -> bool {
    let lower = tag.to_ascii_lowercase();
    let Some((_, rest)) = lower.split_once("type=") else {
        return true;
    };
    let rest = rest.trim_start_matches(['"', '\'']);
    let kind: String = rest
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    !NOT_TYPED.contains(&kind.as_str())
}

const HIDDEN: [&str; 4] = ["script", "style", "head", "template"];
const NOT_TYPED: [&str; 8] = [
    "hidden", "submit", "button", "checkbox", "radio", "image", "reset", "file",
];
const MOST_TAGS: usize = 5000;
const LONGEST_NAME: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: &str = "<html><head><title>mcp.example</title></head><body><form>\
         <input type=\"hidden\" name=a><input type='password'></form></body></html>";

    #[test]
    fn attributes_and_words_do_not_change_the_skeleton() {
        let other = LOGIN.replace("name=a", "name=b value=\"123\"");
        assert_eq!(shape(LOGIN), shape(&other));
        assert_ne!(shape(LOGIN).skeleton, shape("<p>no</p>").skeleton);
    }

    #[test]
    fn only_fields_that_a_person_types_into_count() {
        assert!(shape(LOGIN).typed_input);
        assert!(shape("<input name=user>").typed_input);
        let consent = "<form><input type=hidden><input type=\"submit\"><button></form>";
        assert!(!shape(consent).typed_input);
        assert_eq!(shape(consent).forms, 1);
    }

    #[test]
    fn only_what_is_shown_is_visible() {
        let page = "<head><title>a.example</title></head><p>to <b>b.example</b></p>\
            <script>var x = 'c.example';</script><a href=\"https://d.example\">on</a><!-- e -->f";
        let text = visible(page);
        assert!(text.contains("b.example") && text.contains("on") && text.ends_with('f'));
        for hidden in ["a.example", "c.example", "d.example", "e "] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }

    #[test]
    fn broken_markup_is_read_without_harm() {
        for page in [
            "<",
            "<<<>",
            "<script>",
            "<!-- ",
            "\u{1f600}<p\u{1f600}>",
            "",
        ] {
            let _ = (shape(page), visible(page));
        }
        assert_eq!(shape("plain"), shape(""));
    }
}
