//! `--from FILE`: target and key out of the configuration of an MCP client.
//!
//! Understood are `mcpServers` (Claude, Cursor, Windsurf, Gemini CLI, Cline), `servers` and
//! `mcp.servers` (VS Code) and `context_servers` (Zed), with comments and trailing commas.

pub(super) mod every;
mod jsonc;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::source::{self, Secrets, TokenSource};
use super::{Error, Flags, headers, read_file};
use crate::model::settings::IdentitySource;

/// What was found about one server.
#[derive(Clone, Debug)]
pub struct Borrowed {
    /// Where it stands, for messages.
    pub place: String,
    /// The endpoint.
    pub url: String,
    /// The identity that its headers make; none when it has no headers.
    pub identity: Option<IdentitySource>,
}

/// Reads the configuration that `--from` names.
///
/// # Errors
/// An unreadable file, no or several servers, a local one, or a key that is not there; each with its
/// place.
pub fn borrowed(flags: &Flags, secrets: &mut dyn Secrets) -> Result<Option<Borrowed>, Error> {
    let Some(path) = &flags.from else {
        return Ok(None);
    };
    let text = read_file(path)?;
    let path = path.display().to_string();
    parse(&path, &text, flags.server.as_deref(), secrets).map(Some)
}

fn parse(
    path: &str,
    text: &str,
    wanted: Option<&str>,
    secrets: &mut dyn Secrets,
) -> Result<Borrowed, Error> {
    let value = parsed(path, text)?;
    let (section, servers) = servers(path, &value)?;
    let (name, server) = chosen(path, section, servers, wanted)?;
    let place = format!("{path}: {section}.{name}");
    let url = url(&place, server)?;
    let none = Map::new();
    let fields = server.get("headers").and_then(Value::as_object);
    let fields = fields.or_else(|| server.pointer("/requestInit/headers")?.as_object());
    let field = key(&place, fields.unwrap_or(&none))?;
    let identity = match field {
        Some((header, template)) => {
            let place = format!("{place}.headers.{header}");
            Some(identity(&place, name, header, template, secrets)?)
        }
        None => None,
    };
    Ok(Borrowed {
        place,
        url: url.to_owned(),
        identity,
    })
}

fn parsed(path: &str, text: &str) -> Result<Value, Error> {
    serde_json::from_str(&jsonc::plain(text)).map_err(|error| Error::Syntax {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

fn servers<'a>(
    path: &str,
    value: &'a Value,
) -> Result<(&'static str, &'a Map<String, Value>), Error> {
    let mut sections = SECTIONS.iter();
    let found = sections.find_map(|(name, pointer)| {
        let found = value.pointer(pointer)?.as_object()?;
        Some((*name, found))
    });
    found.ok_or_else(|| {
        Error::value(
            path,
            "no `mcpServers`, `servers` or `context_servers` is in it",
            "name the file in which the client keeps its MCP servers",
        )
    })
}

fn chosen<'a>(
    path: &str,
    section: &str,
    servers: &'a Map<String, Value>,
    wanted: Option<&str>,
) -> Result<(&'a str, &'a Value), Error> {
    let names = || {
        let names: Vec<String> = servers
            .keys()
            .take(MOST_NAMES)
            .map(|it| shown(it))
            .collect();
        names.join(", ")
    };
    if let Some(name) = wanted {
        let found = servers.get_key_value(name);
        let found = found.map(|(name, server)| (name.as_str(), server));
        return found.ok_or_else(|| {
            let problem = format!("`{}` is not among its {section}", shown(name));
            let place = format!("--server, {path}");
            Error::value(place, problem, format!("name one of: {}", names()))
        });
    }
    let mut all = servers.iter();
    match (all.next(), all.next()) {
        (Some((name, server)), None) => Ok((name, server)),
        (None, _) => {
            let problem = format!("its {section} are empty");
            Err(Error::value(path, problem, "name the target as URL"))
        }
        (Some(_), Some(_)) => Err(Error::value(
            path,
            format!("it has {} servers", servers.len()),
            format!(
                "choose with `--server NAME`, or take `--all-servers`: {}",
                names()
            ),
        )),
    }
}

/// The address of a server, or why it has none.
fn url<'a>(place: &str, server: &'a Value) -> Result<&'a str, Error> {
    let named = URLS.iter().find_map(|member| server.get(*member)?.as_str());
    if let Some(url) = named.or_else(|| bridged(server)) {
        return Ok(url);
    }
    if let Some(command) = server.get("command").and_then(Value::as_str) {
        let problem = format!(
            "the client starts it as a local program (`{}`)",
            shown(command)
        );
        return Err(Error::value(
            place,
            problem,
            "audit a server that is reached over http; a local program has no authorization of \
             its own",
        ));
    }
    Err(Error::value(
        place,
        "it has no `url`",
        "name the target as URL",
    ))
}

/// A local bridge to a remote server, which clients without remote support use.
fn bridged(server: &Value) -> Option<&str> {
    let arguments: Vec<&str> = server
        .get("args")?
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let bridge = arguments.iter().any(|it| {
        BRIDGES
            .iter()
            .any(|known| it.split('@').next() == Some(known))
    });
    let remote = |it: &&str| it.starts_with("https://") || it.starts_with("http://");
    arguments.iter().copied().find(remote).filter(|_| bridge)
}

/// The one field that carries a key; harmless ones are left out.
fn key<'a>(
    place: &str,
    fields: &'a Map<String, Value>,
) -> Result<Option<(&'a str, &'a str)>, Error> {
    let harmless = |name: &str| {
        HARMLESS
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    let mut keys = Vec::new();
    for (name, value) in fields.iter().filter(|(name, _)| !harmless(name)) {
        let place = format!("{place}.headers.{}", shown(name));
        let Some(value) = value.as_str() else {
            return Err(Error::value(
                place,
                "the value is not a text",
                "write it in quotes",
            ));
        };
        headers::field(&place, name)?;
        keys.push((name.as_str(), value));
    }
    match keys.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => {
            let names: Vec<String> = several.iter().map(|(name, _)| shown(name)).collect();
            Err(Error::value(
                format!("{place}.headers"),
                format!("several headers may be the key ({})", names.join(", ")),
                "give the target as URL and the key with `--header-identity NAME=HEADER:env:VARIABLE`",
            ))
        }
    }
}

/// A bearer token becomes one; every other value goes out as it is.
fn identity(
    place: &str,
    server: &str,
    header: &str,
    template: &str,
    secrets: &mut dyn Secrets,
) -> Result<IdentitySource, Error> {
    let value = filled(place, template, secrets)?;
    let value = value.trim();
    let bearer = value.split_once(' ').filter(|(scheme, _)| {
        header.eq_ignore_ascii_case("authorization") && scheme.eq_ignore_ascii_case("bearer")
    });
    let (header, token) = match bearer {
        Some((_, token)) => (None, token.trim()),
        None => (Some(header.to_owned()), value),
    };
    if token.is_empty()
        || token.len() > LONGEST
        || !token.bytes().all(|it| it == b' ' || it.is_ascii_graphic())
    {
        let problem = "the value is empty, too long, or holds what no header can carry";
        return Err(Error::value(
            place,
            problem,
            "write the key, or `${env:VARIABLE}`",
        ));
    }
    let fits = source::check_name(place, server).is_ok();
    let name = if fits { server } else { FALLBACK };
    Ok(headers::identity(
        name,
        header,
        place.to_owned(),
        SecretString::from(token.to_owned()),
    ))
}

/// The value with its references to the environment replaced.
fn filled(place: &str, template: &str, secrets: &mut dyn Secrets) -> Result<String, Error> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((reference, after)) = after.split_once('}') else {
            return Err(Error::value(
                place,
                "a `${` without its `}`",
                "close the reference",
            ));
        };
        filled.push_str(&referred(place, reference, secrets)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn referred(place: &str, reference: &str, secrets: &mut dyn Secrets) -> Result<String, Error> {
    if let Some(input) = reference.strip_prefix("input:") {
        let problem = format!("the client asks a person for `{}`", shown(input));
        return Err(Error::value(
            place,
            problem,
            "give the key with `--header-identity NAME=HEADER:env:VARIABLE` and the target as URL",
        ));
    }
    let variable = reference.strip_prefix("env:").unwrap_or(reference);
    let (variable, default) = match variable.split_once(":-") {
        Some((variable, default)) => (variable, Some(default)),
        None => (variable, None),
    };
    let source = TokenSource::Env(variable.to_owned());
    match (secrets.text(&source), default) {
        (Ok(text), _) => Ok(text),
        (Err(_), Some(default)) => Ok(default.to_owned()),
        (Err(problem), None) => Err(Error::value(
            place,
            format!("the variable `{}` {problem}", shown(variable)),
            "set it before the run",
        )),
    }
}

/// At most so many characters, without control characters.
fn shown(text: &str) -> String {
    text.chars()
        .filter(|it| !it.is_control())
        .take(SHOWN)
        .collect()
}

/// Sections by name, and where they are.
const SECTIONS: [(&str, &str); 4] = [
    ("mcpServers", "/mcpServers"),
    ("servers", "/servers"),
    ("mcp.servers", "/mcp/servers"),
    ("context_servers", "/context_servers"),
];
const URLS: [&str; 4] = ["url", "serverUrl", "httpUrl", "endpoint"];
const BRIDGES: [&str; 2] = ["mcp-remote", "supergateway"];
/// Fields that clients write and that are no keys; the run sends its own.
const HARMLESS: [&str; 4] = [
    "accept",
    "content-type",
    "user-agent",
    "mcp-protocol-version",
];
const FALLBACK: &str = "client";
const LONGEST: usize = 16 * 1024;
const MOST_NAMES: usize = 20;
const SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::ExposeSecret;

    use super::*;
    use crate::model::settings::CredentialSource;

    struct Environment(BTreeMap<&'static str, &'static str>);

    impl Secrets for Environment {
        fn text(&mut self, source: &TokenSource) -> Result<String, String> {
            let TokenSource::Env(name) = source else {
                return Err("is no variable".to_owned());
            };
            let value = self.0.get(name.as_str());
            value
                .map(|it| (*it).to_owned())
                .ok_or_else(|| "is not set".to_owned())
        }
    }

    fn read(text: &str, wanted: Option<&str>) -> Result<Borrowed, Error> {
        let mut environment = Environment(BTreeMap::from([("KEY", "k-123"), ("TOKEN", "t-456")]));
        parse("mcp.json", text, wanted, &mut environment)
    }

    fn problem(text: &str, wanted: Option<&str>) -> String {
        read(text, wanted).unwrap_err().to_string()
    }

    /// Field and value of the identity; no field stands for a bearer token.
    fn credential(borrowed: Borrowed) -> (Option<String>, String) {
        let identity = borrowed.identity.unwrap();
        let CredentialSource::Token { token, .. } = identity.credential else {
            panic!("expected a token");
        };
        (identity.header, token.expose_secret().to_owned())
    }

    #[test]
    fn the_variants_of_clients_lead_to_the_same_server() {
        for text in [
            r#"{"mcpServers": {"notes": {"url": "https://n.example/mcp"}}}"#,
            r#"{"mcpServers": {"notes": {"serverUrl": "https://n.example/mcp"}}}"#,
            r#"{"mcpServers": {"notes": {"httpUrl": "https://n.example/mcp"}}}"#,
            r#"{"servers": {"notes": {"type": "http", "url": "https://n.example/mcp"}}, "inputs": []}"#,
            r#"{"mcp": {"servers": {"notes": {"url": "https://n.example/mcp"}}}}"#,
            r#"{"context_servers": {"notes": {"url": "https://n.example/mcp"}}}"#,
            r#"{"mcpServers": {"notes": {"command": "npx", "args": ["-y", "mcp-remote@latest", "https://n.example/mcp"]}}}"#,
            "{\"servers\": { // mine\n \"notes\": {\"url\": \"https://n.example/mcp\",}, /* end */ }}",
        ] {
            let borrowed = read(text, None).unwrap();
            assert_eq!(borrowed.url, "https://n.example/mcp", "{text}");
            assert!(borrowed.identity.is_none(), "{text}");
        }
    }

    #[test]
    fn references_to_the_environment_are_followed() {
        for (value, header, token) in [
            ("Bearer ${env:TOKEN}", None, "t-456"),
            ("bearer ${TOKEN}", None, "t-456"),
            ("Bearer ${MISSING:-fallback}", None, "fallback"),
            ("Basic ${KEY}", Some("Authorization"), "Basic k-123"),
            ("${KEY}", Some("Authorization"), "k-123"),
        ] {
            let text = format!(
                r#"{{"mcpServers": {{"notes": {{"url": "https://n.example/mcp", "headers": {{"Authorization": "{value}"}}}}}}}}"#
            );
            let found = credential(read(&text, None).unwrap());
            assert_eq!(
                (found.0.as_deref(), found.1.as_str()),
                (header, token),
                "{value}"
            );
        }
    }

    #[test]
    fn a_key_of_its_own_keeps_its_field_and_harmless_fields_are_left_out() {
        let text = r#"{"mcpServers": {"my notes": {"url": "https://n.example/mcp",
            "headers": {"Content-Type": "application/json", "X-Api-Key": "${KEY}"}}}}"#;
        let borrowed = read(text, None).unwrap();
        assert_eq!(borrowed.identity.as_ref().unwrap().name, FALLBACK);
        assert_eq!(
            credential(borrowed),
            (Some("X-Api-Key".to_owned()), "k-123".to_owned())
        );
    }

    #[test]
    fn several_servers_need_a_choice_among_those_that_are_listed() {
        let text = r#"{"mcpServers": {"a": {"url": "https://a.example/"}, "b": {"url": "https://b.example/"}}}"#;
        let said = problem(text, None);
        assert!(
            said.contains("--server NAME") && said.contains("a, b"),
            "{said}"
        );
        assert_eq!(read(text, Some("b")).unwrap().url, "https://b.example/");
        let said = problem(text, Some("c"));
        assert!(said.contains("`c`") && said.contains("a, b"), "{said}");
    }

    #[test]
    fn a_local_program_is_explained() {
        let text = r#"{"mcpServers": {"files": {"command": "npx", "args": ["server-filesystem", "https://x.example"]}}}"#;
        let said = problem(text, None);
        assert!(
            said.contains("local program (`npx`)") && said.contains("mcpServers.files"),
            "{said}"
        );
    }

    #[test]
    fn what_cannot_be_read_names_its_place_and_no_secret() {
        let with = |headers: &str| {
            format!(
                r#"{{"mcpServers": {{"n": {{"url": "https://n.example/", "headers": {headers}}}}}}}"#
            )
        };
        for (headers, part) in [
            (r#"{"X-Key": "${input:key}"}"#, "asks a person for `key`"),
            (r#"{"X-Key": "${MISSING}"}"#, "`MISSING` is not set"),
            (r#"{"X-Key": "hunter2${KEY"}"#, "without its `}`"),
            (r#"{"X-Key": 7}"#, "not a text"),
            (
                r#"{"X-Key": "hunter2", "X-Other": "hunter2"}"#,
                "X-Key, X-Other",
            ),
            (r#"{"X-Key": ""}"#, "is empty"),
        ] {
            let said = problem(&with(headers), None);
            assert!(said.contains(part), "{said}");
            assert!(said.contains("mcp.json: mcpServers.n.headers"), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_file_without_servers_is_refused() {
        assert!(problem("{}", None).contains("no `mcpServers`"));
        assert!(problem(r#"{"mcpServers": {}}"#, None).contains("are empty"));
        assert!(problem(r#"{"mcpServers": {"a": {}}}"#, None).contains("no `url`"));
        assert!(problem("{", None).starts_with("mcp.json: "));
    }
}
