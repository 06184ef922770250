//! Where the servers stand in a client's configuration.

use serde_json::{Map, Value};

use super::{jsonc, shown};
use crate::config::Error;

/// One server as the client knows it.
pub(super) struct Entry<'a> {
    /// The member that holds the servers.
    pub(super) section: &'static str,
    /// The way to that member.
    pub(super) within: String,
    /// Its name.
    pub(super) name: &'a str,
    /// What is written about it.
    pub(super) server: &'a Value,
}

impl Entry<'_> {
    /// Where it stands.
    pub(super) fn place(&self, path: &str) -> String {
        format!("{path}: {}.{}", self.within, shown(self.name))
    }
}

/// The text as JSON, whatever the client writes.
///
/// # Errors
/// What cannot be read, without repeating it.
pub(super) fn parsed(path: &str, text: &str) -> Result<Value, Error> {
    let ends = |ending: &str| path.to_ascii_lowercase().ends_with(ending);
    let syntax = |message: String| Error::Syntax {
        path: path.to_owned(),
        message,
    };
    if ends(".yaml") || ends(".yml") {
        return Err(Error::value(
            path,
            "YAML is not read",
            "name the target as URL, and its key with `--header-identity NAME=HEADER:env:VARIABLE`",
        ));
    }
    if ends(".toml") {
        let read: Result<toml::Value, _> = toml::from_str(text);
        // The parser's own text would show the line, which may hold a key.
        let value = read.map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.unwrap_or_default().matches('\n').count() + 1;
            syntax(format!("{} at line {line}", error.message()))
        })?;
        return serde_json::to_value(value).map_err(|error| syntax(error.to_string()));
    }
    serde_json::from_str(&jsonc::plain(text)).map_err(|error| syntax(error.to_string()))
}

/// Every server of a configuration, one at least.
///
/// # Errors
/// A file that holds none.
pub(super) fn entries<'a>(path: &str, value: &'a Value) -> Result<Vec<Entry<'a>>, Error> {
    let mut found = Vec::new();
    let mut sections = SECTIONS.iter();
    let named = sections.find_map(|(name, pointer)| {
        let servers = value.pointer(pointer)?.as_object()?;
        Some((*name, servers))
    });
    if let Some((section, servers)) = named {
        add(&mut found, section, section, servers);
    }
    let of_projects = projects(value, &mut found);
    if named.is_none() && !of_projects {
        let bare = value.as_object().filter(|servers| are_servers(servers));
        let Some(servers) = bare else {
            return Err(Error::value(
                path,
                "no `mcpServers`, `servers`, `context_servers` or `mcp_servers` is in it",
                "name the file in which the client keeps its MCP servers",
            ));
        };
        add(&mut found, "servers", "(top)", servers);
    }
    if found.is_empty() {
        let section = named.map_or("mcpServers", |(section, _)| section);
        let problem = format!("its {section} are empty");
        return Err(Error::value(path, problem, "name the target as URL"));
    }
    Ok(found)
}

/// Whether the client leaves a server out.
pub(super) fn is_off(server: &Value) -> bool {
    let flag = |member: &str| server.get(member).and_then(Value::as_bool);
    flag("disabled") == Some(true) || flag("enabled") == Some(false)
}

/// Claude Code keeps the servers of one folder below that folder; whether there are any.
fn projects<'a>(value: &'a Value, found: &mut Vec<Entry<'a>>) -> bool {
    let projects = value.get("projects").and_then(Value::as_object);
    let mut any = false;
    for (folder, project) in projects.into_iter().flatten() {
        let Some(servers) = project.get("mcpServers").and_then(Value::as_object) else {
            continue;
        };
        any = true;
        let within = format!("projects.{}.mcpServers", shown(folder));
        add(found, "mcpServers", &within, servers);
    }
    any
}

fn add<'a>(
    found: &mut Vec<Entry<'a>>,
    section: &'static str,
    within: &str,
    servers: &'a Map<String, Value>,
) {
    found.extend(servers.iter().map(|(name, server)| Entry {
        section,
        within: within.to_owned(),
        name,
        server,
    }));
}

/// Some clients take a file that holds nothing but servers.
fn are_servers(servers: &Map<String, Value>) -> bool {
    let is_server = |server: &Value| {
        let named = |member: &str| server.get(member).is_some_and(Value::is_string);
        super::URLS.iter().any(|member| named(member)) || named("command")
    };
    !servers.is_empty() && servers.values().all(is_server)
}

/// Sections by name, and where they are.
const SECTIONS: [(&str, &str); 8] = [
    ("mcpServers", "/mcpServers"),
    ("servers", "/servers"),
    ("mcp.servers", "/mcp/servers"),
    ("context_servers", "/context_servers"),
    ("mcp_servers", "/mcp_servers"),
    ("amp.mcpServers", "/amp.mcpServers"),
    (
        "customizations.vscode.mcp.servers",
        "/customizations/vscode/mcp/servers",
    ),
    ("mcp", "/mcp"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str, text: &str) -> Vec<(String, String)> {
        let value = parsed(path, text).unwrap();
        let entries = entries(path, &value).unwrap();
        let places = entries.iter();
        places
            .map(|it| (it.place(path), it.section.to_owned()))
            .collect()
    }

    #[test]
    fn each_section_is_found_where_its_client_keeps_it() {
        let server = r#"{"n": {"url": "https://n.example/mcp"}}"#;
        for (text, section, within) in [
            (
                format!(r#"{{"mcpServers": {server}}}"#),
                "mcpServers",
                "mcpServers",
            ),
            (
                format!(r#"{{"mcp": {{"servers": {server}}}}}"#),
                "mcp.servers",
                "mcp.servers",
            ),
            (
                format!(r#"{{"amp.mcpServers": {server}}}"#),
                "amp.mcpServers",
                "amp.mcpServers",
            ),
            (
                format!(
                    r#"{{"customizations": {{"vscode": {{"mcp": {{"servers": {server}}}}}}}}}"#
                ),
                "customizations.vscode.mcp.servers",
                "customizations.vscode.mcp.servers",
            ),
            (format!(r#"{{"mcp": {server}}}"#), "mcp", "mcp"),
            (
                format!(r#"{{"mcp": {{"allowed": ["n"]}}, "mcpServers": {server}}}"#),
                "mcpServers",
                "mcpServers",
            ),
            (
                format!(r#"{{"projects": {{"/home/me/a": {{"mcpServers": {server}}}}}}}"#),
                "mcpServers",
                "projects./home/me/a.mcpServers",
            ),
            (server.to_owned(), "servers", "(top)"),
        ] {
            let place = format!("c.json: {within}.n");
            assert_eq!(
                names("c.json", &text),
                [(place, section.to_owned())],
                "{text}"
            );
        }
        let codex = "model = \"m\"\n[mcp_servers.n]\nurl = \"https://n.example/mcp\"\n";
        let place = "c.toml: mcp_servers.n".to_owned();
        assert_eq!(names("c.toml", codex), [(place, "mcp_servers".to_owned())]);
    }

    #[test]
    fn the_servers_of_everywhere_and_of_each_folder_stand_side_by_side() {
        let text = r#"{"mcpServers": {"a": {"url": "https://a.example/"}}, "projects": {
            "/one": {"mcpServers": {"b": {"url": "https://b.example/"}}, "allowedTools": []},
            "/two": {"mcpServers": {}}, "/three": {}}}"#;
        let found = names("c.json", text);
        let found: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(
            found,
            ["c.json: mcpServers.a", "c.json: projects./one.mcpServers.b"]
        );
    }

    #[test]
    fn what_cannot_be_read_says_where_and_repeats_nothing() {
        for (path, text, said) in [
            ("c.yaml", "hunter2", "YAML is not read"),
            ("c.YML", "hunter2", "YAML is not read"),
            ("c.toml", "a = 1\nb = hunter2\n", "at line 2"),
            ("c.json", "{\"hunter2\": }", "line 1"),
        ] {
            let problem = parsed(path, text).unwrap_err().to_string();
            assert!(problem.contains(said), "{problem}");
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn a_file_without_servers_says_what_it_should_hold() {
        for (text, said) in [
            ("{}", "no `mcpServers`"),
            (r#"{"a": {"b": 1}}"#, "no `mcpServers`"),
            ("[]", "no `mcpServers`"),
            (r#"{"projects": {"/one": {"mcpServers": {}}}}"#, "are empty"),
            (r#"{"servers": {}}"#, "its servers are empty"),
        ] {
            let value = parsed("c.json", text).unwrap();
            let problem = entries("c.json", &value).err().unwrap().to_string();
            assert!(problem.contains(said), "{text}: {problem}");
        }
    }
}
