//! 2026-07-28: the envelope and the surface of the compliant server.

use serde_json::{Value, json};

use super::{ask, builtin, call, finish, http, listed, modern, modern_body, said, token, with};

fn code(answer: &super::Answer) -> i64 {
    answer.message()["error"]["code"].as_i64().unwrap()
}

#[tokio::test]
async fn discovery_names_the_served_versions() {
    let running = builtin("compliant").await;
    let answer = ask(
        &running,
        Some(token(&running, "reader")),
        "server/discover",
        json!({}),
    )
    .await;
    let result = &answer.json()["result"];
    assert_eq!(answer.status, 200);
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["supportedVersions"][0], "2026-07-28");
    assert_eq!(result["supportedVersions"].as_array().unwrap().len(), 4);
    assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string());
    assert_eq!(answer.header("mcp-session-id"), "");
}

#[tokio::test]
async fn lists_reads_and_prompts_carry_the_members_of_the_revision() {
    let running = builtin("compliant").await;
    let reader = Some(token(&running, "reader"));
    let cases: [(&str, Value, &str, bool); 6] = [
        ("tools/list", json!({}), "tools", true),
        ("resources/list", json!({}), "resources", true),
        (
            "resources/templates/list",
            json!({}),
            "resourceTemplates",
            true,
        ),
        ("prompts/list", json!({}), "prompts", true),
        (
            "resources/read",
            json!({"uri": "note://1"}),
            "contents",
            true,
        ),
        (
            "prompts/get",
            json!({"name": "summarize_note", "arguments": {"id": "1"}}),
            "messages",
            false,
        ),
    ];
    for (method, params, member, cacheable) in cases {
        let answer = ask(&running, reader, method, params).await;
        let result = &answer.json()["result"];
        assert_eq!(answer.status, 200, "{method}: {}", answer.text);
        assert!(!result[member].as_array().unwrap().is_empty(), "{method}");
        assert_eq!(result["resultType"], "complete", "{method}");
        assert_eq!(result["ttlMs"].is_u64(), cacheable, "{method}");
    }
}

#[tokio::test]
async fn tools_are_listed_with_annotations_and_schemas() {
    let running = builtin("compliant").await;
    let answer = ask(
        &running,
        Some(token(&running, "reader")),
        "tools/list",
        json!({}),
    )
    .await;
    let tools = answer.json()["result"]["tools"].clone();
    let delete = tools
        .as_array()
        .unwrap()
        .iter()
        .find(|tool| tool["name"] == "delete_note")
        .unwrap();
    assert_eq!(
        delete["annotations"],
        json!({"readOnlyHint": false, "destructiveHint": true})
    );
    assert_eq!(delete["inputSchema"]["required"], json!(["id"]));
    assert!(delete.get("securitySchemes").is_none());
    assert_eq!(
        listed(&running, "reader").await,
        listed(&running, "admin").await
    );
}

#[tokio::test]
async fn tools_return_useful_text_to_those_who_may() {
    let running = builtin("compliant").await;
    assert!(said(&call(&running, "reader", "list_notes", json!({})).await).contains("1: Shopping"));
    let note = call(&running, "reader", "read_note", json!({"id": "1"})).await;
    assert!(said(&note).contains("Milk"));
    let missing = call(&running, "reader", "read_note", json!({"id": "99"})).await;
    assert_eq!(missing.json()["result"]["isError"], true);
    let created = call(
        &running,
        "admin",
        "create_note",
        json!({"title": "a", "body": "b"}),
    )
    .await;
    assert_eq!(said(&created), "Created note 3");
    assert_eq!(running.executed()["read_note"], 2);
    assert_eq!(running.executed_state_changing(), 1);
}

#[tokio::test]
async fn header_that_contradicts_the_body_is_a_mismatch() {
    let running = builtin("compliant").await;
    let reader = token(&running, "reader");
    let params = json!({"name": "read_note", "arguments": {"id": "1"}});
    let body = modern_body("tools/call", &params).to_string();
    let send = |headers: Vec<(&'static str, &'static str)>| {
        let request = http()
            .post(&running.mcp_url)
            .bearer_auth(reader)
            .header("content-type", "application/json")
            .body(body.clone());
        finish(
            headers
                .into_iter()
                .fold(request, |one, (name, value)| one.header(name, value)),
        )
    };
    let version = ("mcp-protocol-version", "2026-07-28");
    let method = ("mcp-method", "tools/call");
    let name = ("mcp-name", "read_note");
    for headers in [
        vec![method, name],
        vec![version, name],
        vec![version, method],
        vec![version, method, ("mcp-name", "delete_note")],
        vec![version, method, name, name],
        vec![version, ("mcp-method", "tools/list"), name],
        vec![("mcp-protocol-version", "2025-11-25"), method, name],
    ] {
        let answer = send(headers.clone()).await;
        assert_eq!((answer.status, code(&answer)), (400, -32020), "{headers:?}");
    }
    let encoded = ("mcp-name", "=?base64?cmVhZF9ub3Rl?=");
    for headers in [vec![version, method, name], vec![version, method, encoded]] {
        assert_eq!(send(headers).await.status, 200);
    }
    assert_eq!(running.executed()["read_note"], 2);
}

#[tokio::test]
async fn missing_meta_unknown_version_and_unknown_method_have_their_codes() {
    let running = builtin("compliant").await;
    let reader = token(&running, "reader");
    let send = |version: &'static str, method: &'static str, meta: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": {"_meta": meta}});
        finish(
            http()
                .post(&running.mcp_url)
                .bearer_auth(reader)
                .header("content-type", "application/json")
                .header("mcp-protocol-version", version)
                .header("mcp-method", method)
                .body(body.to_string()),
        )
    };
    let stated = |version: &str| {
        json!({
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        })
    };
    let bare = send("2026-07-28", "tools/list", json!({})).await;
    assert_eq!((bare.status, code(&bare)), (400, -32602));
    let half = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
    let half = send("2026-07-28", "tools/list", half).await;
    assert_eq!((half.status, code(&half)), (400, -32602));
    let old = send("1900-01-01", "tools/list", stated("1900-01-01")).await;
    assert_eq!((old.status, code(&old)), (400, -32022));
    assert_eq!(old.json()["error"]["data"]["supported"][0], "2026-07-28");
    let unknown = send("2026-07-28", "no/such", stated("2026-07-28")).await;
    assert_eq!((unknown.status, code(&unknown)), (404, -32601));
    assert_eq!(unknown.json()["id"], 7);
    let known = send("2026-07-28", "tools/list", stated("2026-07-28")).await;
    assert_eq!(known.status, 200);
}

#[tokio::test]
async fn arguments_are_validated_and_unknown_names_are_errors() {
    let running = builtin("compliant").await;
    let reader = Some(token(&running, "reader"));
    for arguments in [json!({}), json!({"id": 1}), json!({"id": "1", "x": 1})] {
        let answer = call(&running, "reader", "read_note", arguments).await;
        assert_eq!(answer.json()["result"]["isError"], true, "{}", answer.text);
    }
    let ghost = call(&running, "reader", "ghost", json!({})).await;
    assert_eq!((ghost.status, code(&ghost)), (200, -32602));
    let lost = ask(
        &running,
        reader,
        "resources/read",
        json!({"uri": "note://99"}),
    )
    .await;
    assert_eq!(code(&lost), -32602);
    let prompt = ask(&running, reader, "prompts/get", json!({"name": "ghost"})).await;
    assert_eq!(code(&prompt), -32602);
    let cursor = ask(&running, reader, "tools/list", json!({"cursor": "nowhere"})).await;
    assert_eq!(code(&cursor), -32602);
    assert!(running.executed().is_empty());
}

#[tokio::test]
async fn modern_only_server_turns_older_clients_away() {
    let running = builtin("revision-2026-07-28").await;
    let reader = token(&running, "reader");
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"},
    }});
    let request = http().post(&running.mcp_url).bearer_auth(reader);
    let request = request
        .header("content-type", "application/json")
        .body(initialize.to_string());
    let answer = finish(request).await;
    assert_eq!((answer.status, code(&answer)), (400, -32020));
    assert!(answer.text.contains("2026-07-28"), "{}", answer.text);
    for method in [reqwest::Method::GET, reqwest::Method::DELETE] {
        let request = http().request(method, &running.mcp_url).bearer_auth(reader);
        assert_eq!(finish(request).await.status, 405);
    }
    let stray = modern(&running, Some(reader), "tools/list", &json!({}));
    assert_eq!(
        finish(stray.header("mcp-session-id", "x")).await.status,
        200
    );
}

#[tokio::test]
async fn notifications_are_accepted_and_garbage_is_not() {
    let running = builtin("compliant").await;
    let reader = token(&running, "reader");
    let mut body = modern_body("notifications/cancelled", &json!({}));
    body.as_object_mut().unwrap().remove("id");
    let send = |body: String| {
        let request = http().post(&running.mcp_url).bearer_auth(reader).body(body);
        let request = request.header("mcp-protocol-version", "2026-07-28");
        request.header("mcp-method", "notifications/cancelled")
    };
    let json = "application/json";
    let accepted = finish(send(body.to_string()).header("content-type", json)).await;
    assert_eq!((accepted.status, accepted.text.as_str()), (202, ""));
    let garbage = finish(send("{".to_owned()).header("content-type", json)).await;
    assert_eq!((garbage.status, code(&garbage)), (400, -32700));
    let array = finish(send("[]".to_owned()).header("content-type", json)).await;
    assert_eq!(array.status, 400);
    let plain = finish(send(body.to_string()).header("content-type", "text/plain")).await;
    assert_eq!(plain.status, 415);
}

#[tokio::test]
async fn event_streams_carry_the_same_answers() {
    let running = builtin("framing-sse").await;
    let answer = call(&running, "reader", "read_note", json!({"id": "1"})).await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert!(said(&answer).contains("Milk"));
    let denied = call(&running, "reader", "delete_note", json!({})).await;
    assert_eq!(denied.status, 403);
    let plain = with("").await;
    let answer = call(&plain, "reader", "read_note", json!({"id": "1"})).await;
    assert_eq!(answer.header("content-type"), "application/json");
}
