//! How scopes decide, and what a caller without them is told.

use serde_json::{Value, json};

use super::super::Running;
use super::{Answer, ask, builtin, call, listed, said, token};

/// A valid and an invalid call of a tool that the reader must not use.
async fn pair(running: &Running) -> (Answer, Answer) {
    let valid = call(running, "reader", "list_revisions", json!({"id": "1"})).await;
    let invalid = call(running, "reader", "list_revisions", json!({})).await;
    (valid, invalid)
}

#[tokio::test]
async fn compliant_server_denies_before_it_validates() {
    let running = builtin("compliant").await;
    let (valid, invalid) = pair(&running).await;
    assert_eq!((valid.status, invalid.status), (403, 403));
    let challenge = valid.header("www-authenticate");
    for part in [
        "error=\"insufficient_scope\"",
        "scope=\"notes:write\"",
        "resource_metadata=\"",
    ] {
        assert!(challenge.contains(part), "{challenge}");
    }
    assert!(running.executed().is_empty());
    let allowed = call(&running, "admin", "list_revisions", json!({"id": "1"})).await;
    assert!(said(&allowed).contains("Shopping"));
    assert_eq!(running.executed()["list_revisions"], 1);
}

#[tokio::test]
async fn every_cell_of_the_compliant_matrix_is_as_declared() {
    let running = builtin("compliant").await;
    let cells = [
        ("whoami", json!({}), [200, 200, 200]),
        ("list_notes", json!({}), [403, 200, 200]),
        ("search_notes", json!({"query": "milk"}), [403, 200, 200]),
        (
            "create_note",
            json!({"title": "t", "body": "b"}),
            [403, 403, 200],
        ),
        ("delete_note", json!({"id": "1"}), [403, 403, 200]),
    ];
    for (tool, arguments, statuses) in cells {
        for (identity, status) in ["outsider", "reader", "admin"].into_iter().zip(statuses) {
            let answer = call(&running, identity, tool, arguments.clone()).await;
            assert_eq!(answer.status, status, "{tool} as {identity}");
        }
    }
    let outsider = Some(token(&running, "outsider"));
    let read = ask(
        &running,
        outsider,
        "resources/read",
        json!({"uri": "note://1"}),
    )
    .await;
    let prompt = json!({"name": "summarize_note", "arguments": {"id": "1"}});
    let prompt = ask(&running, outsider, "prompts/get", prompt).await;
    assert_eq!((read.status, prompt.status), (403, 403));
    assert_eq!(running.executed_state_changing(), 2);
}

#[tokio::test]
async fn http_denials_have_their_status() {
    for (name, status, challenged) in [
        ("compliant", 403, "insufficient_scope"),
        ("denial-403-bare", 403, ""),
        ("denial-401", 401, "invalid_token"),
    ] {
        let running = builtin(name).await;
        let (valid, invalid) = pair(&running).await;
        assert_eq!((valid.status, invalid.status), (status, status), "{name}");
        let challenge = valid.header("www-authenticate");
        assert!(challenge.contains(challenged), "{name}: {challenge}");
        assert_eq!(
            challenge.is_empty(),
            challenged.is_empty(),
            "{name}: {challenge}"
        );
    }
}

#[tokio::test]
async fn in_band_denials_have_their_shape() {
    type Test = fn(&Value) -> bool;
    let cases: [(&str, Test); 7] = [
        ("denial-rpc-error", |message| {
            message["error"]["code"] == -32003
        }),
        ("denial-tool-error", |message| {
            message["result"]["isError"] == true
        }),
        ("denial-tool-challenge", |message| {
            message["result"]["_meta"]["mcp/www_authenticate"].is_array()
        }),
        ("denial-unknown-tool", |message| {
            message["error"]["message"] == "Unknown tool: list_revisions"
        }),
        ("denial-masked", |message| {
            message["error"]["message"] == "Internal error"
        }),
        ("denial-japanese", |message| {
            message.to_string().contains("権限")
        }),
        ("denial-ok-text", |message| {
            message["result"].get("isError").is_none() && message.to_string().contains("40301")
        }),
    ];
    for (name, looks_right) in cases {
        let running = builtin(name).await;
        let (valid, invalid) = pair(&running).await;
        for answer in [&valid, &invalid] {
            assert_eq!(answer.status, 200, "{name}");
            assert!(looks_right(&answer.json()), "{name}: {}", answer.text);
        }
        let allowed = call(&running, "admin", "list_revisions", json!({"id": "1"})).await;
        assert!(!looks_right(&allowed.json()), "{name}: {}", allowed.text);
        assert_eq!(
            running.executed()["list_revisions"],
            1,
            "{name}: refused calls run no body"
        );
    }
}

#[tokio::test]
async fn unknown_tool_denial_equals_the_answer_to_a_ghost() {
    let running = builtin("denial-unknown-tool").await;
    let denied = call(&running, "reader", "delete_note", json!({})).await;
    let ghost = call(&running, "reader", "remove_note", json!({})).await;
    assert_eq!(
        denied.text.replace("delete_note", "remove_note"),
        ghost.text
    );
}

#[tokio::test]
async fn validation_first_shows_the_same_fault_to_everybody() {
    for name in [
        "validation-before-authorization",
        "denial-in-handler",
        "denial-in-handler-hidden",
    ] {
        let running = builtin(name).await;
        let (valid, invalid) = pair(&running).await;
        let admin = call(&running, "admin", "list_revisions", json!({})).await;
        assert_eq!(invalid.text, admin.text, "{name}");
        assert!(said(&invalid).contains("required property"), "{name}");
        assert_ne!(valid.text, admin.text, "{name}");
        assert!(running.executed().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn progress_precedes_the_denial_on_a_stream() {
    let running = builtin("denial-after-progress").await;
    let (valid, _) = pair(&running).await;
    let messages = valid.messages();
    assert_eq!(messages.len(), 2, "{}", valid.text);
    assert_eq!(messages[0]["method"], "notifications/progress");
    assert_eq!(messages[1]["result"]["isError"], true);
    let quiet = builtin("denial-in-handler").await;
    assert_eq!(pair(&quiet).await.0.messages().len(), 1);
}

#[tokio::test]
async fn scope_models_open_what_they_say() {
    // Statuses of list_revisions for outsider and reader, and how many tools the reader is shown.
    for (name, outsider, reader, shown) in [
        ("compliant", 403, 403, 7),
        ("scopes-not-enforced", 200, 200, 7),
        ("scopes-only-at-server", 403, 200, 7),
        ("hidden-tool-callable", 200, 200, 4),
        ("list-by-scope", 403, 403, 4),
    ] {
        let running = builtin(name).await;
        for (identity, status) in [("outsider", outsider), ("reader", reader)] {
            let answer = call(&running, identity, "list_revisions", json!({"id": "1"})).await;
            assert_eq!(answer.status, status, "{name} as {identity}");
        }
        assert_eq!(listed(&running, "reader").await.len(), shown, "{name}");
        assert_eq!(listed(&running, "admin").await.len(), 7, "{name}");
    }
    let gate = builtin("scopes-only-at-server").await;
    let list = ask(
        &gate,
        Some(token(&gate, "outsider")),
        "tools/list",
        json!({}),
    )
    .await;
    assert_eq!(list.status, 403);
}

#[tokio::test]
async fn unguarded_tool_runs_while_its_siblings_do_not() {
    let running = builtin("unguarded-write-tool").await;
    let note = json!({"title": "t", "body": "b"});
    assert_eq!(
        call(&running, "reader", "create_note", note).await.status,
        200
    );
    assert_eq!(
        call(&running, "reader", "delete_note", json!({"id": "1"}))
            .await
            .status,
        403
    );
    assert_eq!(running.executed_state_changing(), 1);
    let running = builtin("unguarded-read-tool").await;
    assert_eq!(pair(&running).await.0.status, 200);
    assert_eq!(
        call(&running, "reader", "create_note", json!({}))
            .await
            .status,
        403
    );
    assert_eq!(running.executed_state_changing(), 0);
}

#[tokio::test]
async fn lenient_servers_run_what_does_not_fit() {
    let runs = |name: &'static str, arguments: Value| async move {
        let running = builtin(name).await;
        call(&running, "admin", "create_note", arguments).await;
        running.executed_state_changing() == 1
    };
    let (missing, extra, array) = (
        json!({}),
        json!({"title": "t", "body": "b", "x": 1}),
        json!([]),
    );
    for (name, missing_runs, extra_runs, array_runs) in [
        ("compliant", false, false, false),
        ("validation-ignores-extras", false, true, false),
        ("validation-lenient", true, true, false),
        ("validation-missing", true, true, true),
    ] {
        assert_eq!(runs(name, missing.clone()).await, missing_runs, "{name}");
        assert_eq!(runs(name, extra.clone()).await, extra_runs, "{name}");
        assert_eq!(runs(name, array.clone()).await, array_runs, "{name}");
    }
    let running = builtin("validation-lenient").await;
    assert_eq!(
        call(&running, "reader", "create_note", missing)
            .await
            .status,
        403
    );
    assert_eq!(running.executed_state_changing(), 0);
}
