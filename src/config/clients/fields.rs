//! The header fields that a client sends to a server, as they are written.

use serde_json::Value;

use super::{bridge, shown};
use crate::config::Error;

/// A header field and what goes into it, references not yet followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Where it stands.
    pub(super) place: String,
    /// Its name.
    pub(super) name: String,
    /// Its value.
    pub(super) template: String,
}

/// Every field of a server.
///
/// # Errors
/// A value that is no text, or a program that makes the fields.
pub(super) fn fields(place: &str, server: &Value) -> Result<Vec<Field>, Error> {
    if server.get("headersHelper").is_some() {
        return Err(Error::value(
            format!("{place}.headersHelper"),
            "the client starts a program that makes the headers, and it is not started here",
            "run it yourself, and give the target as URL and the key with `--header-identity \
             NAME=HEADER:env:VARIABLE`",
        ));
    }
    let mut fields = Vec::new();
    for pointer in WRITTEN {
        let written = server.pointer(pointer).and_then(Value::as_object);
        for (name, value) in written.into_iter().flatten() {
            let template = text(place, name, value)?;
            fields.push(field(place, name, template.to_owned()));
        }
    }
    let named = server.get("env_http_headers").and_then(Value::as_object);
    for (name, value) in named.into_iter().flatten() {
        let variable = text(place, name, value)?;
        fields.push(field(place, name, format!("${{env:{variable}}}")));
    }
    let variable = server.get("bearer_token_env_var").and_then(Value::as_str);
    fields.extend(variable.map(|variable| Field {
        place: format!("{place}.bearer_token_env_var"),
        name: "Authorization".to_owned(),
        template: format!("Bearer ${{env:{variable}}}"),
    }));
    let given = bridge::headers(server).into_iter();
    fields.extend(given.map(|(name, template)| Field {
        place: format!("{place}.args"),
        name,
        template,
    }));
    Ok(fields)
}

fn field(place: &str, name: &str, template: String) -> Field {
    Field {
        place: format!("{place}.headers.{}", shown(name)),
        name: name.to_owned(),
        template,
    }
}

fn text<'a>(place: &str, name: &str, value: &'a Value) -> Result<&'a str, Error> {
    value.as_str().ok_or_else(|| {
        Error::value(
            format!("{place}.headers.{}", shown(name)),
            "the value is not a text",
            "write it in quotes",
        )
    })
}

/// Where clients write them.
const WRITTEN: [&str; 4] = [
    "/headers",
    "/requestInit/headers",
    "/requestOptions/headers",
    "/http_headers",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(server: &Value) -> Vec<(String, String)> {
        let fields = fields("mcp.json: servers.n", server).unwrap();
        let pairs = fields.into_iter().map(|it| (it.name, it.template));
        pairs.collect()
    }

    #[test]
    fn each_client_writes_them_elsewhere() {
        let plain = json!({"X-Api-Key": "k"});
        for server in [
            json!({"headers": plain}),
            json!({"requestInit": {"headers": plain}}),
            json!({"requestOptions": {"headers": plain}}),
            json!({"http_headers": plain}),
        ] {
            assert_eq!(read(&server), [("X-Api-Key".to_owned(), "k".to_owned())]);
        }
    }

    #[test]
    fn variables_that_are_named_alone_become_references() {
        let bearer = json!({"bearer_token_env_var": "TOKEN"});
        let expected = ("Authorization".to_owned(), "Bearer ${env:TOKEN}".to_owned());
        assert_eq!(read(&bearer), [expected]);
        let named = json!({"env_http_headers": {"X-Key": "KEY"}});
        let expected = ("X-Key".to_owned(), "${env:KEY}".to_owned());
        assert_eq!(read(&named), [expected]);
    }

    #[test]
    fn a_program_that_makes_the_fields_is_not_started() {
        let server = json!({"headersHelper": "/opt/key.sh"});
        let problem = fields("mcp.json: servers.n", &server).unwrap_err();
        let problem = problem.to_string();
        assert!(problem.contains("servers.n.headersHelper"), "{problem}");
        assert!(problem.contains("--header-identity"), "{problem}");
    }

    #[test]
    fn a_value_that_is_no_text_names_its_place() {
        for server in [
            json!({"headers": {"X-Key": 7}}),
            json!({"env_http_headers": {"X-Key": ["KEY"]}}),
        ] {
            let problem = fields("mcp.json: servers.n", &server).unwrap_err();
            let problem = problem.to_string();
            assert!(
                problem.starts_with("mcp.json: servers.n.headers.X-Key: "),
                "{problem}"
            );
        }
    }
}
