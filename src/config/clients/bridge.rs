//! Local bridges to remote servers, which clients without remote support start.

use serde_json::Value;

/// The address behind a bridge.
pub(super) fn url(server: &Value) -> Option<&str> {
    let (_, arguments) = arguments(server)?;
    let remote = |it: &&str| it.starts_with("https://") || it.starts_with("http://");
    arguments.into_iter().find(remote)
}

/// The header fields that a bridge is told to send.
pub(super) fn headers(server: &Value) -> Vec<(String, String)> {
    let Some((takes_two, arguments)) = arguments(server) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        match argument {
            "--header" | "--headers" | "-H" if takes_two => {
                if let (Some(name), Some(value)) = (rest.next(), rest.next()) {
                    found.push((name.to_owned(), value.to_owned()));
                }
            }
            "--header" => found.extend(rest.next().and_then(pair)),
            "--oauth2Bearer" => {
                let token = rest.next().map(|token| format!("Bearer {token}"));
                found.extend(token.map(|value| ("Authorization".to_owned(), value)));
            }
            _ => {}
        }
    }
    found
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim().to_owned(), value.trim().to_owned()))
}

/// Whether name and value of a header are two arguments, and all of them; nothing where it is another
/// program.
fn arguments(server: &Value) -> Option<(bool, Vec<&str>)> {
    let command = server.get("command")?.as_str()?;
    let given = server.get("args")?.as_array()?;
    let given: Vec<&str> = given.iter().filter_map(Value::as_str).collect();
    let mut words = std::iter::once(command).chain(given.iter().copied());
    let takes_two = words.find_map(|word| {
        let name = word.rsplit('/').next()?.split('@').next()?;
        let known = BRIDGES.iter().find(|(known, _)| *known == name)?;
        Some(known.1)
    })?;
    Some((takes_two, given))
}

/// Bridges, and whether they take name and value of a header apart.
const BRIDGES: [(&str, bool); 3] = [
    ("mcp-remote", false),
    ("supergateway", false),
    ("mcp-proxy", true),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn address_and_fields_are_among_the_arguments() {
        let key = ("X-Key".to_owned(), "k 1".to_owned());
        for (command, arguments, expected) in [
            (
                "npx",
                json!([
                    "-y",
                    "mcp-remote@0.1.2",
                    "https://n.example/mcp",
                    "--header",
                    "X-Key: k 1"
                ]),
                key.clone(),
            ),
            (
                "/usr/bin/mcp-remote",
                json!(["https://n.example/mcp", "8080", "--header", "X-Key:k 1"]),
                key.clone(),
            ),
            (
                "mcp-proxy",
                json!([
                    "--transport",
                    "streamablehttp",
                    "-H",
                    "X-Key",
                    "k 1",
                    "https://n.example/mcp"
                ]),
                key,
            ),
            (
                "npx",
                json!([
                    "supergateway",
                    "--streamableHttp",
                    "https://n.example/mcp",
                    "--oauth2Bearer",
                    "t"
                ]),
                ("Authorization".to_owned(), "Bearer t".to_owned()),
            ),
        ] {
            let server = json!({"command": command, "args": arguments});
            assert_eq!(url(&server), Some("https://n.example/mcp"), "{server}");
            assert_eq!(headers(&server), [expected], "{server}");
        }
    }

    #[test]
    fn other_programs_and_halves_are_passed_over() {
        for server in [
            json!({"command": "npx", "args": ["server-files", "https://n.example/", "--header", "A: b"]}),
            json!({"command": "npx"}),
            json!({"command": ["mcp-remote", "https://n.example/"], "args": []}),
            json!({"args": ["mcp-remote", "https://n.example/"]}),
        ] {
            assert_eq!(url(&server), None, "{server}");
            assert!(headers(&server).is_empty(), "{server}");
        }
        let cut = json!({"command": "mcp-remote", "args": ["https://n.example/", "--header"]});
        assert!(headers(&cut).is_empty());
    }
}
