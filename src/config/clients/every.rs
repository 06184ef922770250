//! Every server of an MCP client at once.

use std::path::Path;

use super::address;
use super::sections::{entries, is_off, parsed};
use crate::config::{Error, read_file};

/// Names of the servers that are reached over http, and why the others are left out.
///
/// # Errors
/// A file that cannot be read, holds no servers, or holds local programs alone.
pub(in crate::config) fn remote(path: &Path) -> Result<(Vec<String>, Vec<String>), Error> {
    let text = read_file(path)?;
    among(&path.display().to_string(), &text)
}

fn among(path: &str, text: &str) -> Result<(Vec<String>, Vec<String>), Error> {
    let value = parsed(path, text)?;
    let all = entries(path, &value)?;
    let (mut remote, mut skipped) = (Vec::<String>::new(), Vec::new());
    for entry in &all {
        let place = entry.place(path);
        match address(&place, entry.server) {
            _ if remote.iter().any(|known| known == entry.name) => {}
            Ok(_) if is_off(entry.server) => skipped.push(format!(
                "{place}: the client has it switched off; name it with `--server` to audit it"
            )),
            Ok(_) => remote.push(entry.name.to_owned()),
            Err(reason) => skipped.push(reason.to_string()),
        }
    }
    if remote.is_empty() {
        let problem = format!("none of its {} server(s) is reached over http", all.len());
        return Err(Error::value(path, problem, "name the target as URL"));
    }
    Ok((remote, skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_servers_are_named_in_order_and_local_ones_left_out_with_the_reason() {
        let text = r#"{"mcpServers": {
            "b": {"url": "https://b.example/mcp"},
            "local": {"command": "npx", "args": ["thing"]},
            "a": {"command": "npx", "args": ["mcp-remote", "https://a.example/mcp"]}
        }}"#;
        let (remote, skipped) = among("mcp.json", text).unwrap();
        assert_eq!(remote, ["b", "a"]);
        assert_eq!(skipped.len(), 1);
        assert!(
            skipped[0].contains("mcpServers.local") && skipped[0].contains("`npx`"),
            "{skipped:?}"
        );
    }

    #[test]
    fn servers_that_the_client_has_switched_off_are_left_out() {
        let text = r#"{"mcpServers": {
            "a": {"url": "https://a.example/mcp", "disabled": true},
            "b": {"url": "https://b.example/mcp", "enabled": false},
            "c": {"url": "https://c.example/mcp", "disabled": false}
        }}"#;
        let (remote, skipped) = among("mcp.json", text).unwrap();
        assert_eq!(remote, ["c"]);
        assert!(
            skipped.iter().all(|it| it.contains("switched off")),
            "{skipped:?}"
        );
        assert_eq!(skipped.len(), 2);
    }

    #[test]
    fn a_file_without_remote_servers_is_refused() {
        let local = r#"{"mcpServers": {"local": {"command": "npx"}}}"#;
        let said = among("mcp.json", local).unwrap_err().to_string();
        assert!(said.contains("is reached over http"), "{said}");
        assert!(among("mcp.json", r#"{"mcpServers": {}}"#).is_err());
        assert!(among("mcp.json", "{}").is_err());
    }
}
