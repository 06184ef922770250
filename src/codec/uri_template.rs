//! URI templates (RFC 6570), levels 1 to 3: their variables, their expansion, and the way back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Expression {
        operator: &'static Operator,
        names: Vec<String>,
    },
}

/// How an operator expands (RFC 6570 appendix A).
#[derive(Debug, PartialEq, Eq)]
struct Operator {
    sign: Option<char>,
    first: &'static str,
    separator: &'static str,
    named: bool,
    if_empty: &'static str,
    reserved: bool,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// When it is longer or has more variables than are read, or a brace is not closed.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!(
                "{} bytes; templates of up to {MAX_LENGTH} are expanded",
                text.len()
            ));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            let Some((inner, next)) = after.split_once('}') else {
                return Err("a brace is not closed".to_owned());
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(expression(inner)?);
            rest = next;
        }
        if rest.contains('}') {
            return Err("a brace is closed that was never opened".to_owned());
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        let template = Self { parts };
        if template.variables().len() > MAX_VARIABLES {
            return Err(format!(
                "more than {MAX_VARIABLES} variables; such templates are not expanded"
            ));
        }
        Ok(template)
    }

    /// The names of its variables, each once, in order.
    pub fn variables(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for part in &self.parts {
            if let Part::Expression { names, .. } = part {
                for name in names {
                    if !found.contains(&name.as_str()) {
                        found.push(name);
                    }
                }
            }
        }
        found
    }

    /// The scheme, when the template itself fixes it.
    pub fn scheme(&self) -> Option<&str> {
        let Some(Part::Literal(literal)) = self.parts.first() else {
            return None;
        };
        let (scheme, _) = literal.split_once(':')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(plain))
            .then_some(scheme)
    }

    /// The URI that these values give; a variable without a value is left out.
    pub fn expand(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => out.push_str(literal),
                Part::Expression { operator, names } => {
                    let mut first = true;
                    for name in names {
                        let Some(value) = value(name) else { continue };
                        out.push_str(if first {
                            operator.first
                        } else {
                            operator.separator
                        });
                        first = false;
                        if operator.named {
                            out.push_str(name);
                            out.push_str(if value.is_empty() {
                                operator.if_empty
                            } else {
                                "="
                            });
                        }
                        encode(&mut out, &value, operator.reserved);
                    }
                }
            }
        }
        out
    }

    /// The values with which the template gives this URI; none when it never does, or when that
    /// cannot be told.
    pub fn values(&self, uri: &str) -> Option<BTreeMap<String, String>> {
        let mut values = BTreeMap::new();
        let mut rest = uri;
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Part::Expression { operator, names } => {
                    let [name] = names.as_slice() else {
                        return None;
                    };
                    rest = rest.strip_prefix(operator.first)?;
                    if operator.named {
                        rest = rest.strip_prefix(name.as_str())?.strip_prefix('=')?;
                    }
                    let raw = match parts.peek() {
                        Some(Part::Literal(next)) => {
                            let end = rest.find(next.as_str())?;
                            rest.get(..end)?
                        }
                        Some(Part::Expression { .. }) => return None,
                        None => rest,
                    };
                    rest = rest.get(raw.len()..)?;
                    if values.insert(name.clone(), decode(raw)?).is_some() {
                        return None;
                    }
                }
            }
        }
        // The way there must lead back, or a value was cut in the wrong place.
        let again = self.expand(|name| values.get(name).cloned());
        (rest.is_empty() && !values.is_empty() && again == uri).then_some(values)
    }
}

fn expression(inner: &str) -> Result<Part, String> {
    let operator = OPERATORS
        .iter()
        .find(|one| one.sign.is_some() && one.sign == inner.chars().next());
    let names = match operator {
        Some(_) => inner.get(1..).unwrap_or_default(),
        None => inner,
    };
    let names: Vec<String> = names
        .split(',')
        .map(|name| {
            // Level 4 modifiers ask for less or for lists; one short value is the same either way.
            let name = name.strip_suffix('*').unwrap_or(name);
            let (name, _) = name.split_once(':').unwrap_or((name, ""));
            name.to_owned()
        })
        .collect();
    let plain = |name: &String| {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '%' | '-');
        !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(ok)
    };
    if let Some(bad) = names.iter().find(|name| !plain(name)) {
        return Err(format!("`{}` is not a variable", bad.escape_debug()));
    }
    Ok(Part::Expression {
        operator: operator.unwrap_or(&SIMPLE),
        names,
    })
}

fn encode(out: &mut String, value: &str, reserved: bool) {
    for byte in value.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || b"-._~".contains(&byte)
            || (reserved && b":/?#[]@!$&'()*+,;=".contains(&byte));
        if plain {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

const fn operator(
    sign: Option<char>,
    first: &'static str,
    separator: &'static str,
    named: bool,
    if_empty: &'static str,
    reserved: bool,
) -> Operator {
    Operator {
        sign,
        first,
        separator,
        named,
        if_empty,
        reserved,
    }
}

static SIMPLE: Operator = operator(None, "", ",", false, "", false);
static OPERATORS: [Operator; 7] = [
    operator(Some('+'), "", ",", false, "", true),
    operator(Some('#'), "#", ",", false, "", true),
    operator(Some('.'), ".", ".", false, "", false),
    operator(Some('/'), "/", "/", false, "", false),
    operator(Some(';'), ";", ";", true, "", false),
    operator(Some('?'), "?", "&", true, "=", false),
    operator(Some('&'), "&", "&", true, "=", false),
];

const MAX_LENGTH: usize = 2048;
const MAX_VARIABLES: usize = 16;
const MAX_NAME: usize = 100;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expand(template: &str) -> String {
        let values = [
            ("var", "value"),
            ("hello", "Hello World!"),
            ("path", "/foo/bar"),
            ("empty", ""),
            ("x", "1024"),
            ("y", "768"),
        ];
        let value = |name: &str| {
            let found = values.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Template::parse(template).unwrap().expand(value)
    }

    #[test]
    fn the_examples_of_the_rfc_up_to_level_three() {
        for (template, expected) in [
            ("{var}", "value"),
            ("{hello}", "Hello%20World%21"),
            ("{+hello}", "Hello%20World!"),
            ("{+path}/here", "/foo/bar/here"),
            ("here?ref={+path}", "here?ref=/foo/bar"),
            ("X{#hello}", "X#Hello%20World!"),
            ("map?{x,y}", "map?1024,768"),
            ("{+x,hello,y}", "1024,Hello%20World!,768"),
            ("{#x,hello,y}", "#1024,Hello%20World!,768"),
            ("X{.x,y}", "X.1024.768"),
            ("{/var,x}/here", "/value/1024/here"),
            ("{;x,y,empty}", ";x=1024;y=768;empty"),
            ("{?x,y,empty}", "?x=1024&y=768&empty="),
            ("?fixed=yes{&x}", "?fixed=yes&x=1024"),
            ("{undefined}{var}", "value"),
        ] {
            assert_eq!(expand(template), expected, "{template}");
        }
    }

    #[test]
    fn hostile_templates_are_refused_and_bounded() {
        for text in ["{", "a{b", "a}b", "{}", "{a b}", "{a,}", "{\u{0}}"] {
            assert!(Template::parse(text).is_err(), "{text:?}");
        }
        assert!(Template::parse(&"x".repeat(MAX_LENGTH + 1)).is_err());
        let many: String = (0..=MAX_VARIABLES).map(|at| format!("{{v{at}}}")).collect();
        assert!(Template::parse(&many).is_err());
        assert!(Template::parse("note://{id}").is_ok());
    }

    #[test]
    fn a_scheme_counts_only_where_the_template_fixes_it() {
        let scheme = |text: &str| Template::parse(text).unwrap().scheme().map(str::to_owned);
        assert_eq!(scheme("note://{id}").as_deref(), Some("note"));
        assert_eq!(scheme("{+url}"), None);
        assert_eq!(scheme("{scheme}://x"), None);
        assert_eq!(scheme("note{rest}:x"), None);
    }

    #[test]
    fn values_are_found_only_where_they_lead_back() {
        let values = |template: &str, uri: &str| Template::parse(template).unwrap().values(uri);
        let found = values("note://{id}", "note://7").unwrap();
        assert_eq!(found["id"], "7");
        let found = values("repo://{owner}/{name}", "repo://ada/engine").unwrap();
        assert_eq!(
            (found["owner"].as_str(), found["name"].as_str()),
            ("ada", "engine")
        );
        let found = values("file:///{+path}", "file:///a/b%20c").unwrap();
        assert_eq!(found["path"], "a/b c");
        for (template, uri) in [
            ("note://{id}", "task://7"),
            ("note://{id}", "note://a/b"),
            ("note://{id}", "note://%zz"),
            ("note://{a}{b}", "note://7"),
            ("note://x", "note://x"),
        ] {
            assert_eq!(values(template, uri), None, "{template} {uri}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_simple_values_come_back(template in ".{0,40}", uri in ".{0,40}", id in "[a-z0-9 /ü]{1,12}") {
            if let Ok(template) = Template::parse(&template) {
                template.values(&uri);
                template.expand(|_| Some(uri.clone()));
            }
            let template = Template::parse("note://{id}/x").unwrap();
            let uri = template.expand(|_| Some(id.clone()));
            let values = template.values(&uri).unwrap();
            prop_assert_eq!(values.get("id"), Some(&id));
        }
    }
}
