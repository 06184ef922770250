use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;

mod properties;

const TOKEN: &str = "tok/en+5f0c2b7e=";
const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";

fn knowing(secrets: &[(&str, &str)]) -> Redactor {
    let mut redactor = Redactor::default();
    for (label, secret) in secrets {
        redactor.know(label, &SecretString::from(*secret), Source::Run);
    }
    redactor
}

fn body(redactor: &Redactor, text: &str) -> String {
    let clean = redactor.body(text.as_bytes(), "", false);
    String::from_utf8(clean.into_owned()).unwrap()
}

fn header(redactor: &Redactor, name: &str, value: &str) -> String {
    let fields = redactor.headers([(name, &value)]);
    fields[0].value.to_string()
}

fn url_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn a_known_secret_shows_as_its_label_wherever_it_stands() {
    let redactor = knowing(&[("token-reader", TOKEN)]);
    assert_eq!(
        body(&redactor, &format!("got {TOKEN}!")),
        "got {token-reader}!"
    );
    assert_eq!(
        body(&redactor, &json!({"you": {"sent": [TOKEN]}}).to_string()),
        r#"{"you":{"sent":["{token-reader}"]}}"#
    );
    assert_eq!(
        header(&redactor, "authorization", &format!("Bearer {TOKEN}")),
        "Bearer {token-reader}"
    );
    assert_eq!(header(&redactor, "x-echo", TOKEN), "{token-reader}");
    assert_eq!(
        redactor.url(&format!("https://h/p?x={}&state=7", url_encoded(TOKEN))),
        "https://h/p?x={token-reader}&state=7"
    );
}

#[test]
fn a_longer_secret_wins_over_one_it_contains() {
    let redactor = knowing(&[("short", "abcdef"), ("long", "abcdefghij")]);
    assert_eq!(body(&redactor, "abcdefghij abcdefx"), "{long} {short}x");
}

#[test]
fn the_first_label_of_a_value_stays_and_no_label_stands_for_two() {
    let redactor = knowing(&[
        ("a", "secret-one"),
        ("b", "secret-one"),
        ("a", "secret-two"),
    ]);
    assert_eq!(body(&redactor, "secret-one secret-two"), "{a} {a-2}");
}

#[test]
fn redaction_is_stable_even_when_a_label_contains_a_secret() {
    let redactor = knowing(&[("token-reader", "reader")]);
    let once = body(&redactor, "reader");
    assert_eq!(once, "{token-reader}");
    assert_eq!(body(&redactor, &once), once);
}

#[test]
fn basic_credentials_hide_behind_the_label_of_the_secret_inside() {
    let redactor = knowing(&[("client-secret", "s3cr3t-value")]);
    let pair = STANDARD.encode("assay:s3cr3t-value");
    assert_eq!(
        header(&redactor, "Authorization", &format!("Basic {pair}")),
        "Basic {client-secret}"
    );
    assert!(!body(&redactor, &format!("echo {pair}")).contains(&pair));
}

#[test]
fn unknown_secrets_are_hidden_by_their_place() {
    let redactor = Redactor::default();
    for (name, value, expected) in [
        ("authorization", "Bearer abc", "Bearer {secret}"),
        ("authorization", "Bearer", "Bearer"),
        ("proxy-authorization", "abc", "{secret}"),
        ("cookie", "a=1; b=2", "a={secret}; b={secret}"),
        (
            "set-cookie",
            "sid=abc; Path=/; HttpOnly",
            "sid={secret}; Path=/; HttpOnly",
        ),
        ("mcp-session-id", "1", "{secret}"),
        (
            "location",
            "https://c/cb?code=abc&state=xyz#access_token=t",
            "https://c/cb?code={secret}&state=xyz#access_token={secret}",
        ),
    ] {
        assert_eq!(header(&redactor, name, value), expected, "{name}");
    }
    let answer = r#"{"access_token":"abc","token_type":"Bearer","expires_in":60,"scope":"a b"}"#;
    assert_eq!(
        body(&redactor, answer),
        r#"{"access_token":"{secret}","token_type":"Bearer","expires_in":60,"scope":"a b"}"#
    );
}

#[test]
fn challenges_and_metadata_are_left_alone() {
    let redactor = knowing(&[("token", TOKEN)]);
    let challenge = r#"Bearer realm="x", error="invalid_token", resource_metadata="https://h/.well-known/oauth-protected-resource", scope="a b""#;
    assert_eq!(header(&redactor, "www-authenticate", challenge), challenge);
    let metadata = json!({
        "issuer": "https://as",
        "token_endpoint": "https://as/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "grant_types_supported": ["authorization_code", "password"],
        "code_challenge_methods_supported": ["S256"],
        "signed_metadata": JWT,
    })
    .to_string();
    assert_eq!(body(&redactor, &metadata), metadata);
}

#[test]
fn an_error_code_survives_and_an_authorization_code_does_not() {
    let redactor = Redactor::default();
    for kept in [
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"bad"}}"#,
        r#"{"error":{"code":"insufficient_scope"}}"#,
        r#"{"code":7,"state":"s"}"#,
    ] {
        assert_eq!(body(&redactor, kept), kept);
    }
    assert_eq!(
        body(&redactor, r#"{"code":"abc","state":"s"}"#),
        r#"{"code":"{secret}","state":"s"}"#
    );
    assert_eq!(
        body(
            &redactor,
            r#"{"iss":"https://as","inner":{"code":"E1"},"code":"abc"}"#
        ),
        r#"{"iss":"https://as","inner":{"code":"E1"},"code":"{secret}"}"#
    );
}

#[test]
fn a_schema_that_speaks_of_passwords_survives() {
    let redactor = Redactor::default();
    let schema = json!({
        "type": "object",
        "properties": {"password": {"type": "string", "description": "password: the new one"}},
        "required": ["password"],
        "code": "x = 1"
    })
    .to_string();
    assert_eq!(body(&redactor, &schema), schema);
}

#[test]
fn tokens_are_hidden_by_their_looks() {
    let redactor = Redactor::default();
    assert_eq!(
        body(&redactor, &format!("token {JWT}, bye")),
        "token {secret}, bye"
    );
    assert_eq!(body(&redactor, &format!("%22{JWT}%22")), "%22{secret}%22");
    assert_eq!(body(&redactor, &format!(r#"["{JWT}"]"#)), r#"["{secret}"]"#);
    let unsigned = JWT.rsplit_once('.').unwrap().0;
    assert_eq!(body(&redactor, &format!("{unsigned}.")), "{secret}");
    for kept in ["eyJ", "eyJhbGciOiJSUzI1NiJ9", "eyJa.b.c", "keyJunction.a.b"] {
        assert_eq!(body(&redactor, kept), kept);
    }
}

#[test]
fn forms_keep_what_is_public() {
    let redactor = knowing(&[("client-secret", TOKEN)]);
    let form = format!(
        "grant_type=client_credentials&client_id=assay&client_secret={}&code=abc&state=s&token=t",
        url_encoded(TOKEN)
    );
    let clean = redactor.body(form.as_bytes(), FORM, false).into_owned();
    assert_eq!(
        String::from_utf8(clean).unwrap(),
        "grant_type=client_credentials&client_id=assay&client_secret={client-secret}&code={secret}\
         &state=s&token={secret}"
    );
}

#[test]
fn json_inside_json_strings_is_redacted_in_place() {
    let redactor = knowing(&[("token", TOKEN)]);
    let inner = json!({"access_token": "abc", "echo": TOKEN}).to_string();
    let outer = json!({"result": {"content": [{"type": "text", "text": inner}]}}).to_string();
    let clean: Value = serde_json::from_str(&body(&redactor, &outer)).unwrap();
    let text = clean["result"]["content"][0]["text"].as_str().unwrap();
    let inner: Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        inner,
        json!({"access_token": "{secret}", "echo": "{token}"})
    );
}

#[test]
fn no_escape_hides_a_known_secret() {
    let redactor = knowing(&[("token", "abcdef-123")]);
    let escaped = "abcdef-123".bytes().fold(String::new(), |text, byte| {
        text + &format!("\\u00{byte:02x}")
    });
    assert_eq!(
        body(&redactor, &format!(r#"{{"x":"{escaped}"}}"#)),
        r#"{"x":"{token}"}"#
    );
    let broken = body(&redactor, &format!(r#"{{"x":"\ud800 {escaped}"}}"#));
    assert!(broken.contains("{token}"), "{broken}");
    assert_eq!(
        redactor.url("https://h/?x=%61%62%63def-123"),
        "https://h/?x={token}"
    );
}

#[test]
fn event_streams_are_redacted_line_by_line() {
    let redactor = knowing(&[("token", TOKEN)]);
    let stream = format!(
        "event: message\r\ndata: {{\"refresh_token\":\"r\",\"id\":7}}\r\n\r\n: {TOKEN}\ndata: [DONE]\n"
    );
    assert_eq!(
        body(&redactor, &stream),
        "event: message\r\ndata: {\"refresh_token\":\"{secret}\",\"id\":7}\r\n\r\n: {token}\ndata: [DONE]\n"
    );
}

#[test]
fn the_beginning_of_a_secret_at_the_cut_is_hidden() {
    let redactor = knowing(&[("token", TOKEN)]);
    let cut = |text: &str, truncated| {
        let clean = redactor.body(text.as_bytes(), "", truncated).into_owned();
        String::from_utf8(clean).unwrap()
    };
    assert_eq!(cut(r#"{"x":"tok/en+5f0"#, true), r#"{"x":"{token}"#);
    assert_eq!(cut("it said tok/en+5f0", false), "it said tok/en+5f0");
    assert_eq!(
        cut(r#"{"access_token":"abc"#, true),
        r#"{"access_token":"{secret}"#
    );
}

#[test]
fn a_short_secret_is_hidden_only_where_a_secret_belongs() {
    let redactor = knowing(&[("session-a", "7")]);
    assert_eq!(header(&redactor, "mcp-session-id", "7"), "{session-a}");
    assert_eq!(
        body(&redactor, r#"{"id":7,"n":"77"}"#),
        r#"{"id":7,"n":"77"}"#
    );
}

#[test]
fn a_number_that_is_a_secret_becomes_a_string() {
    let redactor = knowing(&[("pin", "12345678")]);
    assert_eq!(
        body(&redactor, r#"{"a":12345678,"password":1,"b":1234567}"#),
        r#"{"a":"{pin}","password":"{secret}","b":1234567}"#
    );
}

#[test]
fn hostile_nesting_and_garbage_do_no_harm() {
    let redactor = knowing(&[("token", TOKEN)]);
    let deep = "[".repeat(100_000) + TOKEN;
    assert!(body(&redactor, &deep).ends_with("{token}"));
    for text in [
        "{\"", "\"\\", "{\"a\\", "[\"\\u12", "}}}]]", "{,,,:", "\"\\\"",
    ] {
        assert_eq!(body(&redactor, text), text);
    }
    let binary = redactor.body(&[0xff, 0xfe, b'{', 0], "", true).into_owned();
    assert_eq!(binary, [0xff, 0xfe, b'{', 0]);
}

#[test]
fn sources_tell_where_known_secrets_came_from() {
    let mut redactor = knowing(&[("token", TOKEN)]);
    let from = url::Url::parse("https://as.example.com/register").unwrap();
    let learned = SecretString::from("learned-secret");
    redactor.know("client-secret", &learned, Source::Answer(from.clone()));
    assert_eq!(redactor.sources_in(b"nothing here"), Vec::<&Source>::new());
    let both = format!("{TOKEN}&learned-secret");
    let found = redactor.sources_in(both.as_bytes());
    assert_eq!(found, [&Source::Run, &Source::Answer(from)]);
}
