//! Lists, pages, declared schemes, and the knobs made for measurements.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::Running;
use super::{ask, builtin, call, get, listed, names, token, with};

async fn page(running: &Running, cursor: Option<&str>) -> (Vec<String>, Option<String>) {
    let params = cursor.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
    let answer = ask(
        running,
        Some(token(running, "reader")),
        "tools/list",
        params,
    )
    .await;
    let result = answer.json()["result"].clone();
    let next = result
        .get("nextCursor")
        .and_then(Value::as_str)
        .map(str::to_owned);
    (names(&result["tools"]), next)
}

#[tokio::test]
async fn pages_add_up_to_the_whole_list() {
    let running = builtin("paginated").await;
    let (mut all, mut cursor) = page(&running, None).await;
    assert_eq!(all.len(), 3);
    while let Some(next) = cursor {
        let (more, following) = page(&running, Some(&next)).await;
        all.extend(more);
        cursor = following;
    }
    assert_eq!(all, listed(&builtin("compliant").await, "reader").await);
}

#[tokio::test]
async fn repeating_cursor_never_ends() {
    let running = builtin("cursor-repeating").await;
    let (_, first) = page(&running, None).await;
    let (second_page, second) = page(&running, first.as_deref()).await;
    let (third_page, third) = page(&running, second.as_deref()).await;
    assert_eq!((&first, &second), (&second, &third));
    assert!(first.is_some());
    assert_eq!(second_page, third_page);
}

#[tokio::test]
async fn list_varies_by_connection_or_by_request() {
    for name in ["list-varies-per-connection", "list-varies-per-request"] {
        let running = builtin(name).await;
        let first = listed(&running, "reader").await;
        let second = listed(&running, "reader").await;
        let third = listed(&running, "reader").await;
        assert_ne!(first, second, "{name}");
        assert_eq!(first, third, "{name}");
    }
    let stable = builtin("compliant").await;
    assert_eq!(
        listed(&stable, "reader").await,
        listed(&stable, "reader").await
    );
}

#[tokio::test]
async fn connection_shows_one_list_for_as_long_as_it_lives() {
    let running = builtin("list-varies-per-connection").await;
    let client = super::builder().build().unwrap();
    let mut lists = Vec::new();
    for _ in 0..3 {
        let request = super::modern(
            &running,
            Some(token(&running, "reader")),
            "tools/list",
            &json!({}),
        );
        let (_, request) = request.build_split();
        lists.push(
            client
                .execute(request.unwrap())
                .await
                .unwrap()
                .text()
                .await
                .unwrap(),
        );
    }
    assert_eq!(lists[0], lists[1]);
    assert_eq!(lists[1], lists[2]);
}

#[tokio::test]
async fn unlisted_tool_can_be_called() {
    let running = builtin("unlisted-tool").await;
    assert!(
        !listed(&running, "admin")
            .await
            .contains(&"list_revisions".to_owned())
    );
    let answer = call(&running, "admin", "list_revisions", json!({"id": "1"})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(running.executed()["list_revisions"], 1);
}

#[tokio::test]
async fn schemes_are_declared_where_the_knob_puts_them() {
    let schemes = |running: Running, pointer: &'static str| async move {
        let answer = ask(
            &running,
            Some(token(&running, "reader")),
            "tools/list",
            json!({}),
        )
        .await;
        let tools = answer.json()["result"]["tools"].clone();
        let tool = tools
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "create_note")
            .cloned();
        tool.unwrap().pointer(pointer).cloned()
    };
    let expected = json!([{"type": "oauth2", "scopes": ["notes:write"]}]);
    let declared = "[tools.create_note]\ndeclares = [\"oauth2\"]\n";
    let top = schemes(with(declared).await, "/securitySchemes").await;
    assert_eq!(top, Some(expected.clone()));
    let meta = format!("{declared}[server]\nschemes = \"meta\"\n");
    let inner = schemes(with(&meta).await, "/_meta/securitySchemes").await;
    assert_eq!(inner, Some(expected));
    let none = schemes(with("").await, "/securitySchemes").await;
    assert_eq!(none, None);
}

#[tokio::test]
async fn generated_tools_are_listed_guarded_and_counted() {
    let running = with("[server]\ngenerated_tools = 1000\n").await;
    let shown = listed(&running, "reader").await;
    assert_eq!(shown.len(), 1007);
    assert!(shown.contains(&"tool_0001".to_owned()) && shown.contains(&"tool_1000".to_owned()));
    let read = json!({"id": "1"});
    assert_eq!(
        call(&running, "reader", "tool_0001", read.clone())
            .await
            .status,
        200
    );
    assert_eq!(
        call(&running, "reader", "tool_0002", read).await.status,
        403
    );
    let ghost = call(&running, "reader", "tool_1001", json!({})).await;
    assert_eq!(ghost.json()["error"]["message"], "Unknown tool: tool_1001");
    assert_eq!(running.executed().len(), 1);
    assert_eq!(running.executed_state_changing(), 0);
    let note = json!({"title": "t", "body": "b"});
    assert_eq!(call(&running, "admin", "tool_0002", note).await.status, 200);
    assert_eq!(running.executed_state_changing(), 1);
}

#[tokio::test]
async fn delay_is_applied_to_both_servers() {
    let running = with("[server]\ndelay_ms = 30\n").await;
    for url in [running.mcp_url.clone(), format!("{}/jwks", running.issuer)] {
        let begun = Instant::now();
        get(&url).await;
        // A lower bound holds on any machine.
        assert!(begun.elapsed().as_millis() >= 30, "{url}");
    }
}

#[tokio::test]
async fn literal_answers_go_before_everything_else() {
    let lines = "[[raw]]\nmethod = \"GET\"\npath = \"/mcp\"\nstatus = 307\n\
                 headers = { location = \"{mcp_url}/\" }\nbody = \"moved\"\n";
    let running = with(lines).await;
    let answer = get(&running.mcp_url).await;
    assert_eq!((answer.status, answer.text.as_str()), (307, "moved"));
    assert_eq!(answer.header("location"), format!("{}/", running.mcp_url));
    let other = get(&format!("{}/elsewhere", running.issuer)).await;
    assert_eq!(other.status, 404);
}
