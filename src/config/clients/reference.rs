//! References to the environment in the dialects of MCP clients: `${VAR}`, `${env:VAR}`,
//! `${VAR:-default}`, `{env:VAR}` and `$VAR`; `${file:PATH}`; `${input:ID}` asks a person.

use serde_json::{Map, Value};

use super::shown;
use crate::config::Error;
use crate::config::source::{Secrets, TokenSource};

/// Where variables come from: what the client gives the server, then the process.
pub(super) struct Environment<'s> {
    own: Map<String, Value>,
    secrets: &'s mut dyn Secrets,
}

impl<'s> Environment<'s> {
    /// The environment of one server.
    pub(super) fn of(server: &Value, secrets: &'s mut dyn Secrets) -> Self {
        let own = server.get("env").and_then(Value::as_object);
        Self {
            own: own.cloned().unwrap_or_default(),
            secrets,
        }
    }
}

/// Whether a value refers to anything.
pub(super) fn refers(template: &str) -> bool {
    parts(template).any(|part| !matches!(part, Ok(Part::Text(_))))
}

/// The value with its references replaced.
///
/// # Errors
/// What is referred to and not there, with the place.
pub(super) fn filled(
    place: &str,
    template: &str,
    environment: &mut Environment<'_>,
) -> Result<String, Error> {
    let mut filled = String::new();
    for part in parts(template) {
        match part {
            Ok(Part::Text(text)) => filled.push_str(text),
            Ok(Part::Reference(reference)) => {
                filled.push_str(&followed(place, reference, environment)?);
            }
            Err(Unclosed) => {
                return Err(Error::value(
                    place,
                    "a `${` without its `}`",
                    "close the reference",
                ));
            }
        }
    }
    Ok(filled)
}

enum Part<'t> {
    Text(&'t str),
    Reference(&'t str),
}

struct Unclosed;

/// Text and references, in order.
fn parts(template: &str) -> impl Iterator<Item = Result<Part<'_>, Unclosed>> {
    let mut rest = template;
    let mut at_word = true;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, after) = cut(rest, at_word);
        at_word = matches!(&part, Ok(Part::Text(text)) if text.ends_with(' '));
        rest = after;
        Some(part)
    })
}

/// The first part and what follows it.
fn cut(text: &str, at_word: bool) -> (Result<Part<'_>, Unclosed>, &str) {
    for opening in OPENINGS {
        let Some(inside) = text.strip_prefix(opening) else {
            continue;
        };
        return match inside.split_once('}') {
            Some((reference, after)) => (Ok(Part::Reference(reference)), after),
            None => (Err(Unclosed), ""),
        };
    }
    // A key may hold a dollar sign: only a whole word is a variable.
    if let Some(word) = text.strip_prefix('$').filter(|_| at_word) {
        let end = word.find(' ').unwrap_or(word.len());
        let (name, after) = word.split_at(end);
        if is_variable(name) {
            return (Ok(Part::Reference(name)), after);
        }
    }
    let begins = |at: usize| {
        let here = text.get(at..).unwrap_or_default();
        let before = text.get(..at).unwrap_or_default();
        OPENINGS.iter().any(|opening| here.starts_with(opening))
            || here.starts_with('$') && before.ends_with(' ')
    };
    let next = text
        .char_indices()
        .skip(1)
        .map(|(at, _)| at)
        .find(|at| begins(*at));
    let (plain, after) = text.split_at(next.unwrap_or(text.len()));
    (Ok(Part::Text(plain)), after)
}

fn is_variable(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|it| it.is_ascii_uppercase() || it == b'_')
        && name
            .bytes()
            .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_')
}

fn followed(
    place: &str,
    reference: &str,
    environment: &mut Environment<'_>,
) -> Result<String, Error> {
    if let Some(input) = reference.strip_prefix("input:") {
        let problem = format!("the client asks a person for `{}`", shown(input));
        return Err(Error::value(
            place,
            problem,
            "give the key with `--header-identity NAME=HEADER:env:VARIABLE` and the target as URL",
        ));
    }
    if let Some(path) = reference.strip_prefix("file:") {
        let source = TokenSource::File(path.into());
        let text = environment.secrets.text(&source).map_err(|problem| {
            let problem = format!("`{}` {problem}", shown(path));
            Error::value(place, problem, "put the key there before the run")
        })?;
        return Ok(text.trim().to_owned());
    }
    let variable = reference.strip_prefix("env:").unwrap_or(reference);
    let (variable, default) = match variable.split_once(":-") {
        Some((variable, default)) => (variable, Some(default)),
        None => (variable, None),
    };
    if let Some(own) = environment.own.get(variable).and_then(Value::as_str) {
        let own = own.to_owned();
        let mut outer = Environment {
            // What a variable is made of comes from outside: it cannot refer to itself.
            own: Map::new(),
            secrets: &mut *environment.secrets,
        };
        return filled(place, &own, &mut outer);
    }
    let source = TokenSource::Env(variable.to_owned());
    match (environment.secrets.text(&source), default) {
        (Ok(text), _) => Ok(text),
        (Err(_), Some(default)) => Ok(default.to_owned()),
        (Err(problem), None) => Err(Error::value(
            place,
            format!("the variable `{}` {problem}", shown(variable)),
            "set it before the run",
        )),
    }
}

const OPENINGS: [&str; 2] = ["${", "{env:"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    struct Fixed;

    impl Secrets for Fixed {
        fn text(&mut self, source: &TokenSource) -> Result<String, String> {
            match source.to_string().as_str() {
                "env:KEY" => Ok("k".to_owned()),
                "file:/run/key" => Ok("f\n".to_owned()),
                _ => Err("is not there".to_owned()),
            }
        }
    }

    fn read(template: &str, server: &Value) -> Result<String, Error> {
        filled("here", template, &mut Environment::of(server, &mut Fixed))
    }

    #[test]
    fn every_dialect_leads_to_the_variable() {
        for (template, value) in [
            ("${KEY}", "k"),
            ("a ${env:KEY} b", "a k b"),
            ("${KEY}${KEY}", "kk"),
            ("${env:NONE:-d}", "d"),
            ("Bearer $KEY", "Bearer k"),
            ("$KEY", "k"),
            ("Bearer {env:KEY}", "Bearer k"),
            ("${file:/run/key}", "f"),
            ("é${KEY}é", "éké"),
        ] {
            assert_eq!(read(template, &Value::Null).unwrap(), value, "{template}");
            assert!(refers(template), "{template}");
        }
    }

    #[test]
    fn a_dollar_sign_inside_a_key_is_one() {
        for template in [
            "pa$KEY",
            "$key",
            "$",
            "$KEY-1",
            "a $ b",
            "{KEY}",
            "100$ each",
        ] {
            assert_eq!(read(template, &Value::Null).unwrap(), template);
            assert!(!refers(template), "{template}");
        }
    }

    #[test]
    fn what_the_client_gives_the_server_goes_first_and_may_refer_outside_once() {
        let server = json!({"env": {"AUTH": "Bearer ${KEY}", "KEY": "inner", "SELF": "${SELF}"}});
        assert_eq!(read("${AUTH}", &server).unwrap(), "Bearer k");
        assert_eq!(read("${KEY}", &server).unwrap(), "inner");
        assert!(read("${SELF}", &server).is_err());
    }

    #[test]
    fn what_is_missing_is_named_with_its_place() {
        for (template, said) in [
            ("${NONE}", "the variable `NONE`"),
            ("$NONE", "the variable `NONE`"),
            ("${file:/none}", "`/none`"),
            ("${input:key}", "asks a person for `key`"),
            ("x${KEY", "without its `}`"),
            ("{env:KEY", "without its `}`"),
        ] {
            let problem = read(template, &Value::Null).unwrap_err().to_string();
            assert!(
                problem.starts_with("here: ") && problem.contains(said),
                "{problem}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_a_panic(template in ".{0,60}") {
            let _ = read(&template, &Value::Null);
        }

        #[test]
        fn a_value_without_references_stays_as_it_is(template in "[a-z0-9 .:/+=-]{0,60}") {
            prop_assert_eq!(read(&template, &Value::Null).unwrap(), template);
        }
    }
}
