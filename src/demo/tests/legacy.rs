//! The revisions with sessions, and the one with two endpoints.

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::super::Running;
use super::{Answer, builtin, finish, http, names, token, with};

fn initialize_body(version: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"},
    }})
}

fn request(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

async fn post(running: &Running, identity: &str, session: &str, body: &Value) -> Answer {
    let mut request = http()
        .post(&running.mcp_url)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(body.to_string());
    if !identity.is_empty() {
        request = request.bearer_auth(token(running, identity));
    }
    if !session.is_empty() {
        request = request.header("mcp-session-id", session);
    }
    finish(request).await
}

async fn open(running: &Running, identity: &str, version: &str) -> String {
    let answer = post(running, identity, "", &initialize_body(version)).await;
    assert_eq!(
        answer.message()["result"]["protocolVersion"],
        version,
        "{}",
        answer.text
    );
    let session = answer.header("mcp-session-id").to_owned();
    assert!(!session.is_empty());
    session
}

#[tokio::test]
async fn each_revision_alone_speaks_itself() {
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let running = builtin(&format!("revision-{version}")).await;
        let session = open(&running, "reader", version).await;
        let silent = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(
            post(&running, "reader", &session, &silent).await.status,
            202
        );
        let list = post(
            &running,
            "reader",
            &session,
            &request("tools/list", &json!({})),
        )
        .await;
        let result = list.message()["result"].clone();
        assert_eq!(names(&result["tools"]).len(), 7, "{version}");
        assert!(result.get("resultType").is_none(), "{version}");
        let call = json!({"name": "read_note", "arguments": {"id": "1"}});
        let called = post(&running, "reader", &session, &request("tools/call", &call)).await;
        assert!(called.text.contains("Milk"), "{version}");
        let denied = json!({"name": "delete_note", "arguments": {}});
        let denied = post(
            &running,
            "reader",
            &session,
            &request("tools/call", &denied),
        )
        .await;
        assert_eq!(denied.status, 403, "{version}");
        let anonymous = post(&running, "", &session, &request("tools/list", &json!({}))).await;
        assert_eq!(anonymous.status, 401, "{version}");
    }
}

#[tokio::test]
async fn unknown_version_is_answered_with_the_newest_one() {
    let running = builtin("compliant").await;
    let answer = post(&running, "reader", "", &initialize_body("2024-11-05")).await;
    assert_eq!(answer.json()["result"]["protocolVersion"], "2025-11-25");
    let session = open(&running, "reader", "2025-06-18").await;
    assert!(!session.is_empty());
    assert_eq!(running.open_sessions(), 2);
}

#[tokio::test]
async fn sessions_have_a_life_cycle() {
    let running = builtin("compliant").await;
    let list = request("tools/list", &json!({}));
    let session = open(&running, "reader", "2025-11-25").await;
    assert_eq!(post(&running, "reader", "", &list).await.status, 400);
    assert_eq!(post(&running, "reader", "ghost", &list).await.status, 404);
    assert_eq!(post(&running, "reader", &session, &list).await.status, 200);
    let end = || {
        http()
            .delete(&running.mcp_url)
            .header("mcp-session-id", &session)
    };
    assert_eq!(finish(end()).await.status, 401);
    assert_eq!(
        finish(end().bearer_auth(token(&running, "admin")))
            .await
            .status,
        404
    );
    assert_eq!(running.open_sessions(), 1);
    assert_eq!(
        finish(end().bearer_auth(token(&running, "reader")))
            .await
            .status,
        204
    );
    assert_eq!(post(&running, "reader", &session, &list).await.status, 404);
    assert_eq!(running.open_sessions(), 0);
}

#[tokio::test]
async fn session_belongs_to_the_token_that_opened_it() {
    let running = builtin("compliant").await;
    let list = request("tools/list", &json!({}));
    let session = open(&running, "reader", "2025-11-25").await;
    assert_eq!(post(&running, "admin", &session, &list).await.status, 404);
    assert_eq!(post(&running, "reader", &session, &list).await.status, 200);
}

#[tokio::test]
async fn session_only_authentication_trusts_the_session() {
    let running = builtin("session-as-credential").await;
    let list = request("tools/list", &json!({}));
    assert_eq!(
        post(&running, "", "", &initialize_body("2025-11-25"))
            .await
            .status,
        401
    );
    let session = open(&running, "reader", "2025-11-25").await;
    assert_eq!(post(&running, "", &session, &list).await.status, 200);
    let denied = json!({"name": "delete_note", "arguments": {"id": "1"}});
    let denied = post(&running, "", &session, &request("tools/call", &denied)).await;
    assert_eq!(denied.status, 403);
}

#[tokio::test]
async fn one_live_session_ends_the_one_before() {
    let running = builtin("one-live-session").await;
    let list = request("tools/list", &json!({}));
    let first = open(&running, "reader", "2025-11-25").await;
    let second = open(&running, "admin", "2025-11-25").await;
    assert_eq!(post(&running, "reader", &first, &list).await.status, 400);
    assert_eq!(post(&running, "admin", &second, &list).await.status, 200);
    let denied = request(
        "tools/call",
        &json!({"name": "delete_note", "arguments": {}}),
    );
    assert_eq!(post(&running, "reader", &first, &denied).await.status, 403);
}

#[tokio::test]
async fn batches_are_answered_in_the_first_revision_only() {
    let batch = json!([
        request("tools/list", &json!({})),
        {"jsonrpc": "2.0", "method": "notifications/cancelled"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "whoami"}},
    ]);
    let running = builtin("compliant").await;
    let old = open(&running, "reader", "2025-03-26").await;
    let answer = post(&running, "reader", &old, &batch).await;
    assert_eq!(answer.json().as_array().unwrap().len(), 2);
    let smuggled = json!([{"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "delete_note", "arguments": {"id": "1"},
    }}]);
    assert_eq!(post(&running, "reader", &old, &smuggled).await.status, 403);
    let newer = open(&running, "reader", "2025-06-18").await;
    assert_eq!(post(&running, "reader", &newer, &batch).await.status, 400);
    assert_eq!(running.executed_state_changing(), 0);
}

#[tokio::test]
async fn version_header_is_checked_where_it_exists() {
    let running = builtin("revision-2025-06-18").await;
    let session = open(&running, "reader", "2025-06-18").await;
    let list = |version: &'static str| {
        http()
            .post(&running.mcp_url)
            .bearer_auth(token(&running, "reader"))
            .header("content-type", "application/json")
            .header("mcp-session-id", &session)
            .header("mcp-protocol-version", version)
            .body(request("tools/list", &json!({})).to_string())
    };
    assert_eq!(finish(list("2025-06-18")).await.status, 200);
    assert_eq!(finish(list("1900-01-01")).await.status, 400);
}

#[tokio::test]
async fn argument_errors_changed_their_channel() {
    let call = request("tools/call", &json!({"name": "read_note", "arguments": {}}));
    let running = builtin("compliant").await;
    let old = open(&running, "reader", "2025-06-18").await;
    let answer = post(&running, "reader", &old, &call).await;
    assert_eq!(answer.json()["error"]["code"], -32602);
    let new = open(&running, "reader", "2025-11-25").await;
    let answer = post(&running, "reader", &new, &call).await;
    assert_eq!(answer.json()["result"]["isError"], true);
    let lost = request("resources/read", &json!({"uri": "note://99"}));
    assert_eq!(
        post(&running, "reader", &new, &lost).await.json()["error"]["code"],
        -32002
    );
}

#[tokio::test]
async fn event_streams_of_2025_11_25_begin_with_a_priming_event() {
    let running = builtin("framing-sse-sessions").await;
    let session = open(&running, "reader", "2025-11-25").await;
    let list = request("tools/list", &json!({}));
    let answer = post(&running, "reader", &session, &list).await;
    assert!(answer.text.starts_with("id: "), "{}", answer.text);
    assert!(answer.text.contains("\ndata:\n\n"), "{}", answer.text);
    assert_eq!(answer.messages().len(), 1);
}

/// Reads an event stream until `count` more events have arrived.
async fn events(
    response: &mut reqwest::Response,
    buffer: &mut String,
    count: usize,
) -> Vec<String> {
    while buffer.matches("\n\n").count() < count {
        let chunk = response.chunk().await.unwrap().unwrap();
        buffer.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let mut taken = Vec::new();
    for _ in 0..count {
        let (event, rest) = buffer.split_once("\n\n").unwrap();
        taken.push(event.to_owned());
        *buffer = rest.to_owned();
    }
    taken
}

#[tokio::test]
async fn two_endpoint_revision_answers_on_its_stream() {
    for name in ["revision-2024-11-05", "every-revision"] {
        let running = builtin(name).await;
        let reader = token(&running, "reader");
        assert_eq!(finish(http().get(&running.mcp_url)).await.status, 401);
        let mut stream = http()
            .get(&running.mcp_url)
            .bearer_auth(reader)
            .send()
            .await
            .unwrap();
        let mut buffer = String::new();
        let first = events(&mut stream, &mut buffer, 1).await.pop().unwrap();
        let path = first.strip_prefix("event: endpoint\ndata: ").unwrap();
        let url = url::Url::parse(&running.mcp_url)
            .unwrap()
            .join(path)
            .unwrap();
        let send = |token: &str, body: &Value| {
            let request = http().post(url.clone()).bearer_auth(token);
            finish(
                request
                    .header("content-type", "application/json")
                    .body(body.to_string()),
            )
        };
        assert_eq!(
            send(reader, &initialize_body("2024-11-05")).await.status,
            202
        );
        let silent = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(send(reader, &silent).await.status, 202);
        assert_eq!(
            send(reader, &request("tools/list", &json!({})))
                .await
                .status,
            202
        );
        let answers = events(&mut stream, &mut buffer, 2).await;
        assert!(
            answers[0].contains("\"protocolVersion\":\"2024-11-05\""),
            "{answers:?}"
        );
        assert!(answers[1].contains("delete_note") && !answers[1].contains("annotations"));
        let denied = request(
            "tools/call",
            &json!({"name": "delete_note", "arguments": {}}),
        );
        assert_eq!(send(reader, &denied).await.status, 403);
        let list = request("tools/list", &json!({}));
        assert_eq!(send(token(&running, "admin"), &list).await.status, 404);
        assert_eq!(send("garbage", &list).await.status, 401);
        assert_eq!(running.open_sessions(), 1);
        drop(stream);
        while running.open_sessions() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(send(reader, &list).await.status, 404);
    }
}

#[tokio::test]
async fn two_endpoint_server_refuses_other_transports() {
    let running = builtin("revision-2024-11-05").await;
    assert_eq!(
        post(&running, "reader", "", &initialize_body("2025-11-25"))
            .await
            .status,
        405
    );
    let other = with("").await;
    let get = http()
        .get(&other.mcp_url)
        .bearer_auth(token(&other, "reader"));
    assert_eq!(finish(get).await.status, 405);
}

#[tokio::test]
async fn shutdown_ends_open_streams() {
    let running = builtin("revision-2024-11-05").await;
    let get = http()
        .get(&running.mcp_url)
        .bearer_auth(token(&running, "reader"));
    let mut stream = get.send().await.unwrap().bytes_stream();
    assert!(stream.next().await.is_some());
    running.shutdown().await;
    assert!(stream.next().await.is_none_or(|rest| rest.is_err()));
}
