use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parsed(media: &str, body: &str) -> Parsed {
    messages(Media::of(media), body.as_bytes())
}

fn result(id: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": {}})
}

#[test]
fn media_types_are_told_apart_whatever_their_parameters() {
    assert_eq!(Media::of("application/json; charset=utf-8"), Media::Json);
    assert_eq!(Media::of("Text/Event-Stream"), Media::EventStream);
    assert_eq!(Media::of("application/problem+json"), Media::Json);
    assert_eq!(Media::of("text/html;charset=utf-8"), Media::Html);
    assert_eq!(Media::of("text/plain"), Media::Text);
    assert_eq!(Media::of("application/octet-stream"), Media::Other);
    assert_eq!(Media::of(""), Media::Absent);
}

#[test]
fn the_json_and_the_event_stream_answer_of_the_wire_guide_say_the_same() {
    let message = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-03-26\"}}";
    let plain = parsed("application/json", message);
    let stream = parsed(
        "text/event-stream",
        &format!("event: message\nid: 0-1\ndata: {message}\n\n"),
    );
    assert_eq!((plain.form, stream.form), (Form::Single, Form::EventStream));
    assert_eq!(plain.messages, stream.messages);
    assert!(plain.labelled && stream.labelled && !stream.truncated);
}

#[test]
fn a_batch_keeps_its_messages_in_order() {
    let body = json!([
        {"jsonrpc": "2.0", "method": "notifications/message"},
        {"jsonrpc": "2.0", "id": 7, "result": {}},
    ]);
    let parsed = parsed("application/json", &body.to_string());
    assert_eq!(parsed.form, Form::Batch);
    assert_eq!(
        answer(&parsed.messages, &json!(7)),
        Answer::Result(&body[1])
    );
}

#[test]
fn mislabelled_bodies_are_read_by_their_bytes() {
    let message = result(&json!(1)).to_string();
    let stream = format!("data: {message}\n\n");
    for (media, body, form) in [
        ("text/event-stream", &message, Form::Single),
        ("text/plain", &message, Form::Single),
        ("", &message, Form::Single),
        ("application/json", &stream, Form::EventStream),
        ("text/plain", &stream, Form::EventStream),
    ] {
        let parsed = parsed(media, body);
        assert_eq!(parsed.form, form, "{media}");
        assert!(!parsed.labelled);
        assert_eq!(parsed.messages.len(), 1);
    }
}

#[test]
fn bodies_without_messages_have_their_own_forms() {
    for (media, body, form) in [
        ("application/json", "", Form::Empty),
        ("text/event-stream", " \r\n", Form::Empty),
        ("text/html", "<!doctype html><p>Sign in", Form::Html),
        ("application/json", "<html>", Form::Html),
        (
            "text/plain",
            "Bad Request: No valid session ID provided",
            Form::Text,
        ),
        ("application/json", "Unauthorized", Form::Malformed),
        (
            "application/json",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"resu",
            Form::Truncated,
        ),
        (
            "application/json",
            "{\"code\":-32000,\"message\":\"Invalid Host\"}",
            Form::BareError,
        ),
        (
            "application/json",
            "{\"code\":\"x\",\"message\":\"y\"}",
            Form::OtherJson,
        ),
        (
            "application/json",
            "{\"error\":\"invalid_token\"}",
            Form::OtherJson,
        ),
        (
            "application/json",
            "{\"error\":{\"code\":-32001}}",
            Form::Single,
        ),
        (
            "application/json",
            "{\"detail\":\"Not Found\"}",
            Form::OtherJson,
        ),
        ("application/json", "[1,2]", Form::OtherJson),
    ] {
        assert_eq!(parsed(media, body).form, form, "{media} {body}");
    }
}

#[test]
fn truncation_is_seen_in_both_framings() {
    let cut = parsed(
        "text/event-stream",
        "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"re",
    );
    assert!(cut.truncated && cut.messages.is_empty());
    let unterminated = parsed("text/event-stream", "data: {\"id\":7,\"result\":{}}\n");
    assert!(unterminated.truncated && unterminated.messages.len() == 1);
    assert!(parsed("application/json", "{\"id\":7").truncated);
    let whole = parsed("text/event-stream", "data: {\"id\":7,\"result\":{}}\n\n");
    assert!(!whole.truncated);
}

#[test]
fn priming_and_endpoint_events_are_no_messages() {
    let stream = parsed(
        "text/event-stream",
        "id: 7f2c-0\ndata:\n\nretry: 1500\n\nevent: endpoint\ndata: /messages\n\n",
    );
    assert!(stream.messages.is_empty() && stream.problem.is_none() && !stream.truncated);
}

#[test]
fn ids_match_across_number_and_string() {
    assert!(same_id(&json!(7), &json!("7")));
    assert!(same_id(&json!("7"), &json!(7)));
    assert!(same_id(&json!(7.0), &json!(7)));
    assert!(same_id(&json!(7.0), &json!("7")));
    assert!(!same_id(&json!(7), &json!("07")));
    assert!(!same_id(&json!(7), &json!(8)));
    assert!(!same_id(&json!(null), &json!("null")));
}

#[test]
fn the_answer_is_told_from_everything_around_it() {
    let ours = result(&json!("7"));
    let foreign = result(&json!(99));
    let request = json!({"jsonrpc": "2.0", "id": "srv-1", "method": "elicitation/create"});
    let nameless = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32700}});
    let stand_in = json!({"jsonrpc": "2.0", "id": "server-error", "error": {"code": -32600}});
    let notice = json!({"jsonrpc": "2.0", "method": "notifications/message"});
    let all = [
        notice.clone(),
        request.clone(),
        foreign.clone(),
        nameless.clone(),
        ours.clone(),
    ];
    let id = json!(7);
    assert_eq!(answer(&all, &id), Answer::Result(&ours));
    assert_eq!(answer(&all[..4], &id), Answer::Unattributed(&nameless));
    assert_eq!(answer(&all[..3], &id), Answer::Foreign(&foreign));
    assert_eq!(answer(&all[..2], &id), Answer::ServerRequest(&request));
    assert_eq!(answer(&all[..1], &id), Answer::None);
    let stand_in = [stand_in];
    assert_eq!(answer(&stand_in, &id), Answer::Unattributed(&stand_in[0]));
}

#[test]
fn a_request_that_reuses_our_id_is_not_our_answer() {
    let request = [json!({"jsonrpc": "2.0", "id": 7, "method": "roots/list"})];
    assert_eq!(pick(&request, &json!(7)), None);
    assert_eq!(
        answer(&request, &json!(7)),
        Answer::ServerRequest(&request[0])
    );
}

#[test]
fn result_and_error_together_are_neither() {
    let both = [json!({"id": 7, "result": {}, "error": {"code": 1}})];
    assert_eq!(answer(&both, &json!(7)), Answer::Both(&both[0]));
    let padded = [json!({"id": 7, "result": {}, "error": null})];
    assert_eq!(answer(&padded, &json!(7)), Answer::Result(&padded[0]));
    let padded = [json!({"id": 7, "result": null, "error": {"code": 1}})];
    assert_eq!(answer(&padded, &json!(7)), Answer::Error(&padded[0]));
}

#[test]
fn an_oauth_error_is_no_answer() {
    let oauth = [json!({"error": "invalid_token", "error_description": "expired"})];
    assert_eq!(answer(&oauth, &json!(7)), Answer::None);
    let odd = [json!({"jsonrpc": "2.0", "id": 7, "error": "Unauthorized"})];
    assert_eq!(answer(&odd, &json!(7)), Answer::Error(&odd[0]));
    let lax = [json!({"error": {"message": "Unauthorized"}})];
    assert_eq!(answer(&lax, &json!(7)), Answer::Unattributed(&lax[0]));
}

#[test]
fn error_codes_are_read_in_every_spelling() {
    assert_eq!(
        error_code(&json!({"error": {"code": -32602}})),
        Some(-32602)
    );
    assert_eq!(
        error_code(&json!({"error": {"code": -32602.0}})),
        Some(-32602)
    );
    assert_eq!(
        error_code(&json!({"error": {"code": "-32602"}})),
        Some(-32602)
    );
    assert_eq!(
        error_code(&json!({"code": -32000, "message": ""})),
        Some(-32000)
    );
    assert_eq!(error_code(&json!({"error": "invalid_token"})), None);
}

#[test]
fn repeated_members_are_reported() {
    let twice = parsed("application/json", "{\"id\":1,\"result\":{},\"id\":2}");
    assert_eq!(twice.duplicates, ["/id"]);
    let stream = parsed(
        "text/event-stream",
        "data: {\"id\":1,\"id\":1,\"result\":{}}\n\n",
    );
    assert_eq!(stream.duplicates, ["/id"]);
}

proptest! {
    #[test]
    fn reading_never_panics(
        media in "(application/json|text/event-stream|text/plain|text/html|)",
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let parsed = messages(Media::of(&media), &bytes);
        let _ = answer(&parsed.messages, &json!(1));
    }

    #[test]
    fn framing_does_not_change_the_messages(id in 0u32..9, text in "\\PC{0,20}") {
        let message = json!({"jsonrpc": "2.0", "id": id, "result": {"text": text}}).to_string();
        let plain = parsed("application/json", &message);
        let stream = parsed("text/event-stream", &format!("data: {message}\r\n\r\n"));
        prop_assert_eq!(plain.messages, stream.messages);
    }
}
