use serde_json::{Value, json};

use super::*;

pub(super) fn send(revision: Revision) -> Context<'static> {
    Context {
        revision,
        session: None,
        run_id: "5f0c2b7e",
        id: 1,
    }
}

pub(super) fn body(encoded: &Encoded) -> Value {
    serde_json::from_slice(encoded.body.as_deref().unwrap()).unwrap()
}

pub(super) fn header<'e>(encoded: &'e Encoded, name: &str) -> Option<&'e str> {
    let mut fields = encoded.headers.iter();
    let found = fields.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(&found.1)
}

fn every_operation(arguments: &Value) -> Vec<(Operation<'_>, &'static str)> {
    vec![
        (Operation::ListTools { cursor: Some("c1") }, "tools/list"),
        (Operation::ListResources { cursor: None }, "resources/list"),
        (
            Operation::ListResourceTemplates { cursor: None },
            "resources/templates/list",
        ),
        (Operation::ListPrompts { cursor: None }, "prompts/list"),
        (
            Operation::CallTool {
                name: "get_weather",
                arguments,
                schema: None,
            },
            "tools/call",
        ),
        (
            Operation::ReadResource { uri: "file:///x" },
            "resources/read",
        ),
        (
            Operation::GetPrompt {
                name: "code_review",
                arguments,
            },
            "prompts/get",
        ),
    ]
}

/// The rules of each revision, stated apart from the tables that the encoder uses.
#[test]
fn every_message_is_valid_for_the_revision_it_claims() {
    let arguments = json!({"code": "x"});
    for revision in Revision::ALL {
        for (operation, method) in every_operation(&arguments) {
            let mut context = send(revision);
            context.session = Some("s1");
            let encoded = encode(&operation, &context);
            let message = body(&encoded);
            assert_eq!(encoded.method, "POST");
            assert_eq!(message["jsonrpc"], "2.0");
            assert_eq!(message["method"], method);
            assert_eq!(Some(&message["id"]), encoded.id.as_ref());
            assert!(message["params"].is_object());
            assert_eq!(header(&encoded, "content-type"), Some("application/json"));
            let modern = revision >= Revision::R2026_07;
            let streamable = revision >= Revision::R2025_03;
            assert_eq!(header(&encoded, "accept").is_some(), streamable);
            assert_eq!(
                header(&encoded, "mcp-protocol-version"),
                (revision >= Revision::R2025_06).then(|| revision.as_str())
            );
            assert_eq!(
                header(&encoded, "mcp-session-id").is_some(),
                streamable && !modern
            );
            assert_eq!(header(&encoded, "mcp-method"), modern.then_some(method));
            let name = message["params"]
                .get("name")
                .or(message["params"].get("uri"));
            assert_eq!(
                header(&encoded, "mcp-name"),
                name.and_then(Value::as_str).filter(|_| modern)
            );
            let meta = message["params"].get("_meta");
            assert_eq!(meta.is_some(), modern);
            if let Some(meta) = meta {
                assert_eq!(
                    meta["io.modelcontextprotocol/protocolVersion"],
                    revision.as_str()
                );
                assert!(meta["io.modelcontextprotocol/clientCapabilities"].is_object());
            }
        }
    }
}

#[test]
fn the_requests_of_the_2024_stream_are_those_of_the_wire_guide() {
    let mut context = send(Revision::R2024_11);
    let empty = json!({});
    let code = json!({"code": "…"});
    for (id, operation, expected) in [
        (
            2,
            Operation::ListTools { cursor: None },
            r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}}"#,
        ),
        (
            3,
            Operation::ListTools { cursor: Some("c1") },
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"c1"}}"#,
        ),
        (
            4,
            Operation::CallTool {
                name: "get_weather",
                arguments: &empty,
                schema: None,
            },
            r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"get_weather","arguments":{}}}"#,
        ),
        (
            7,
            Operation::ReadResource { uri: "file:///x" },
            r#"{"jsonrpc":"2.0","id":7,"method":"resources/read","params":{"uri":"file:///x"}}"#,
        ),
        (
            9,
            Operation::GetPrompt {
                name: "code_review",
                arguments: &code,
            },
            r#"{"jsonrpc":"2.0","id":9,"method":"prompts/get","params":{"name":"code_review","arguments":{"code":"…"}}}"#,
        ),
    ] {
        context.id = id;
        let encoded = encode(&operation, &context);
        assert_eq!(String::from_utf8_lossy(&encoded.body.unwrap()), expected);
    }
}

#[test]
fn an_empty_cursor_is_sent_and_an_absent_one_is_not() {
    let context = send(Revision::R2026_07);
    let empty = encode(&Operation::ListTools { cursor: Some("") }, &context);
    assert_eq!(body(&empty)["params"]["cursor"], "");
    let absent = encode(&Operation::ListTools { cursor: None }, &context);
    assert_eq!(body(&absent)["params"].get("cursor"), None);
}

#[test]
fn raw_parameters_are_left_alone_apart_from_the_metadata() {
    let operation = Operation::Raw {
        method: "tools/call",
        params: json!({"name": "x", "_meta": {"mine": 1}}),
    };
    let encoded = encode(&operation, &send(Revision::R2026_07));
    assert_eq!(body(&encoded)["params"]["_meta"], json!({"mine": 1}));
    assert_eq!(header(&encoded, "Mcp-Name"), Some("x"));
    let operation = Operation::Raw {
        method: "ping",
        params: Value::Null,
    };
    let legacy = encode(&operation, &send(Revision::R2025_06));
    assert_eq!(body(&legacy).get("params"), None);
}
