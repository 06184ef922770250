use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::*;
use crate::config::source::TokenSource;
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
fn a_bridge_lends_its_fields_as_well_and_what_its_environment_says() {
    let text = r#"{"mcpServers": {"notes": {"command": "npx", "args": ["-y", "mcp-remote",
        "https://n.example/mcp", "--header", "Authorization:${AUTH_HEADER}"],
        "env": {"AUTH_HEADER": "Bearer ${TOKEN}"}}}}"#;
    let found = credential(read(text, None).unwrap());
    assert_eq!(found, (None, "t-456".to_owned()));
}

#[test]
fn a_configuration_in_toml_names_the_variable_of_the_token() {
    let text = "[mcp_servers.notes]\nurl = \"https://n.example/mcp\"\n\
                bearer_token_env_var = \"TOKEN\"\n";
    let mut environment = Environment(BTreeMap::from([("TOKEN", "t-456")]));
    let borrowed = parse("config.toml", text, None, &mut environment).unwrap();
    assert_eq!(borrowed.url, "https://n.example/mcp");
    assert_eq!(credential(borrowed), (None, "t-456".to_owned()));
    let mut nothing = Environment(BTreeMap::new());
    let said = parse("config.toml", text, None, &mut nothing).unwrap_err();
    let said = said.to_string();
    assert!(
        said.contains("mcp_servers.notes.bearer_token_env_var") && said.contains("`TOKEN`"),
        "{said}"
    );
}

#[test]
fn the_address_may_refer_to_the_environment_where_no_key_belongs() {
    let at = |url: &str| format!(r#"{{"mcpServers": {{"n": {{"url": "{url}"}}}}}}"#);
    let text = at("https://${HOST:-n.example}/${KEY}/mcp?v=1");
    let read_url = read(&text, None).unwrap().url;
    assert_eq!(read_url, "https://n.example/k-123/mcp?v=1");
    let said = problem(&at("https://n.example/mcp?key=${KEY}"), None);
    assert!(said.contains("stands in every report"), "{said}");
    assert!(problem(&at("https://${MISSING}/mcp"), None).contains("`MISSING` is not set"));
}

#[test]
fn a_name_that_stands_there_twice_is_taken_only_where_both_are_the_same() {
    let with = |other: &str| {
        format!(
            r#"{{"mcpServers": {{"n": {{"url": "https://n.example/"}}}},
                "projects": {{"/a": {{"mcpServers": {{"n": {{"url": "{other}"}}}}}}}}}}"#
        )
    };
    let same = read(&with("https://n.example/"), Some("n")).unwrap();
    assert_eq!(same.url, "https://n.example/");
    let said = problem(&with("https://m.example/"), Some("n"));
    assert!(
        said.contains("`n` stands there 2 times") && said.contains("projects./a"),
        "{said}"
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
