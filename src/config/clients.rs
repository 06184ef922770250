//! `--from FILE`: target and key out of the configuration of an MCP client.
//!
//! Understood are `mcpServers` (Claude, Cursor, Windsurf, Gemini CLI, Cline), `servers` and
//! `mcp.servers` (VS Code), `context_servers` (Zed) and `mcp_servers` (Codex, in TOML), with comments
//! and trailing commas.

mod bridge;
pub(super) mod every;
mod fields;
mod jsonc;
mod reference;
mod sections;

use secrecy::SecretString;
use serde_json::Value;

use super::source::{self, Secrets};
use super::{Error, Flags, headers, read_file};
use crate::model::settings::IdentitySource;
use fields::Field;
use reference::Environment;
use sections::Entry;

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
    let value = sections::parsed(path, text)?;
    let entries = sections::entries(path, &value)?;
    let entry = chosen(path, &entries, wanted)?;
    let place = entry.place(path);
    let address = address(&place, entry.server)?;
    let field = key(&place, entry.server)?;
    let mut environment = Environment::of(entry.server, secrets);
    let url = endpoint(&place, address, &mut environment)?;
    let identity = match field {
        Some(field) => Some(identity(&place, entry.name, &field, &mut environment)?),
        None => None,
    };
    Ok(Borrowed {
        place,
        url,
        identity,
    })
}

fn chosen<'e, 'a>(
    path: &str,
    entries: &'e [Entry<'a>],
    wanted: Option<&str>,
) -> Result<&'e Entry<'a>, Error> {
    let section = entries.first().map_or("servers", |entry| entry.section);
    let names = || {
        let names = entries.iter().take(MOST_NAMES).map(|it| shown(it.name));
        names.collect::<Vec<_>>().join(", ")
    };
    let named = |entry: &&Entry<'_>| wanted.is_none_or(|name| entry.name == name);
    let found: Vec<&Entry<'_>> = entries.iter().filter(named).collect();
    match (found.as_slice(), wanted) {
        ([one], _) => Ok(one),
        ([], name) => {
            let name = name.unwrap_or_default();
            let problem = format!("`{}` is not among its {section}", shown(name));
            let place = format!("--server, {path}");
            Err(Error::value(
                place,
                problem,
                format!("name one of: {}", names()),
            ))
        }
        ([first, rest @ ..], Some(name)) => {
            if rest.iter().all(|other| other.server == first.server) {
                return Ok(first);
            }
            let places: Vec<&str> = found.iter().map(|entry| entry.within.as_str()).collect();
            Err(Error::value(
                path,
                format!(
                    "`{}` stands there {} times, each different ({})",
                    shown(name),
                    found.len(),
                    shown(&places.join(", "))
                ),
                "name the target as URL, and its key with `--header-identity`",
            ))
        }
        (_, None) => Err(Error::value(
            path,
            format!("it has {} servers", entries.len()),
            format!(
                "choose with `--server NAME`, or take `--all-servers`: {}",
                names()
            ),
        )),
    }
}

/// The address of a server as it is written, or why it has none.
fn address<'a>(place: &str, server: &'a Value) -> Result<&'a str, Error> {
    let named = URLS.iter().find_map(|member| server.get(*member)?.as_str());
    if let Some(url) = named.or_else(|| bridge::url(server)) {
        return Ok(url);
    }
    let command = server.get("command");
    // Some clients write the program and its arguments into one list.
    let program = command.and_then(|it| it.as_str().or_else(|| it.get(0)?.as_str()));
    if let Some(program) = program {
        let problem = format!(
            "the client starts it as a local program (`{}`)",
            shown(program)
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

/// The address with its references replaced. It stands in every report: no key may get into it.
fn endpoint(
    place: &str,
    template: &str,
    environment: &mut Environment<'_>,
) -> Result<String, Error> {
    let query = template.split_once('?').map(|(_, query)| query);
    if query.is_some_and(reference::refers) {
        return Err(Error::value(
            place,
            "the query of its address refers to the environment, and what is asked for stands in \
             every report",
            "name the target as URL, with a short-lived key",
        ));
    }
    reference::filled(place, template, environment)
}

/// The one field that carries a key; harmless ones are left out.
fn key(place: &str, server: &Value) -> Result<Option<Field>, Error> {
    let harmless = |name: &str| {
        HARMLESS
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    let mut keys = Vec::new();
    for field in fields::fields(place, server)? {
        if harmless(&field.name) {
            continue;
        }
        headers::field(&field.place, &field.name)?;
        keys.push(field);
    }
    if keys.len() > 1 {
        let names: Vec<String> = keys.iter().map(|field| shown(&field.name)).collect();
        return Err(Error::value(
            format!("{place}.headers"),
            format!("several headers may be the key ({})", names.join(", ")),
            "give the target as URL and the key with `--header-identity NAME=HEADER:env:VARIABLE`",
        ));
    }
    Ok(keys.pop())
}

/// A bearer token becomes one; every other value goes out as it is.
fn identity(
    place: &str,
    server: &str,
    field: &Field,
    environment: &mut Environment<'_>,
) -> Result<IdentitySource, Error> {
    let value = reference::filled(&field.place, &field.template, environment)?;
    let value = value.trim();
    let bearer = value.split_once(' ').filter(|(scheme, _)| {
        field.name.eq_ignore_ascii_case("authorization") && scheme.eq_ignore_ascii_case("bearer")
    });
    let (header, token) = match bearer {
        Some((_, token)) => (None, token.trim()),
        None => (Some(field.name.clone()), value),
    };
    if token.is_empty()
        || token.len() > LONGEST
        || !token.bytes().all(|it| it == b' ' || it.is_ascii_graphic())
    {
        let problem = "the value is empty, too long, or holds what no header can carry";
        return Err(Error::value(
            field.place.clone(),
            problem,
            "write the key, or `${env:VARIABLE}`",
        ));
    }
    let fits = source::check_name(place, server).is_ok();
    let name = if fits { server } else { FALLBACK };
    Ok(headers::identity(
        name,
        header,
        field.place.clone(),
        SecretString::from(token.to_owned()),
    ))
}

/// At most so many characters, without control characters.
fn shown(text: &str) -> String {
    text.chars()
        .filter(|it| !it.is_control())
        .take(SHOWN)
        .collect()
}

const URLS: [&str; 4] = ["url", "serverUrl", "httpUrl", "endpoint"];
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
mod tests;
