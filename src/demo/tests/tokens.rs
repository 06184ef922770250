//! Which tokens open the door, knob by knob.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::json;

use super::super::Running;
use super::{Answer, ask, builtin, call, finish, http, modern, token, with};

async fn list(running: &Running, token: &str) -> u16 {
    ask(running, Some(token), "tools/list", json!({}))
        .await
        .status
}

/// The token with one byte inside its signature changed.
fn tampered(token: &str) -> String {
    let (head, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{head}.{first}{}", &signature[1..])
}

fn unsigned(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    format!(
        "{}.{payload}.",
        BASE64URL.encode(r#"{"alg":"none","typ":"at+jwt"}"#)
    )
}

fn confused(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    let header = BASE64URL.encode(r#"{"alg":"HS256","typ":"at+jwt"}"#);
    let signed = format!("{header}.{payload}");
    let key = include_bytes!("../../../fixtures/keys/demo-es256.pub.pem");
    let key = EncodingKey::from_secret(key);
    let signature = crypto::sign(signed.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{signed}.{signature}")
}

/// Statuses for: admin, tampered, unsigned, confused, expired, foreign, garbage.
async fn verdicts(running: &Running) -> [u16; 7] {
    let admin = token(running, "admin");
    [
        list(running, admin).await,
        list(running, &tampered(admin)).await,
        list(running, &unsigned(admin)).await,
        list(running, &confused(admin)).await,
        list(running, token(running, "expired")).await,
        list(running, token(running, "foreign")).await,
        list(running, "Zm9vYmFyYmF6").await,
    ]
}

#[tokio::test]
async fn each_knob_opens_exactly_its_own_door() {
    let expected = [
        ("compliant", [200, 401, 401, 401, 401, 401, 401]),
        (
            "tampered-token-accepted",
            [200, 200, 200, 200, 401, 401, 401],
        ),
        (
            "unsigned-token-accepted",
            [200, 401, 200, 401, 401, 401, 401],
        ),
        (
            "key-confusion-accepted",
            [200, 401, 401, 200, 401, 401, 401],
        ),
        (
            "expired-token-accepted",
            [200, 401, 401, 401, 200, 401, 401],
        ),
        (
            "foreign-audience-accepted",
            [200, 401, 401, 401, 401, 200, 401],
        ),
        (
            "foreign-audience-by-prefix",
            [200, 401, 401, 401, 401, 200, 401],
        ),
        (
            "garbage-token-accepted",
            [200, 200, 200, 200, 200, 200, 200],
        ),
        ("authless-public", [200, 200, 200, 200, 200, 200, 200]),
        (
            "token-audience-generic",
            [200, 401, 401, 401, 401, 200, 401],
        ),
        ("long-lived-tokens", [200, 401, 401, 401, 401, 401, 401]),
    ];
    for (name, statuses) in expected {
        assert_eq!(verdicts(&builtin(name).await).await, statuses, "{name}");
    }
}

#[tokio::test]
async fn opaque_tokens_are_looked_up() {
    let running = builtin("opaque-tokens").await;
    assert!(!token(&running, "admin").contains('.'));
    assert_eq!(list(&running, token(&running, "admin")).await, 200);
    assert_eq!(list(&running, token(&running, "expired")).await, 401);
    assert_eq!(list(&running, token(&running, "foreign")).await, 401);
    assert_eq!(
        call(&running, "reader", "create_note", json!({}))
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn missing_token_is_refused_with_a_full_challenge_and_no_error() {
    let running = builtin("compliant").await;
    let answer = ask(&running, None, "tools/list", json!({})).await;
    let challenge = answer.header("www-authenticate");
    let origin = running.mcp_url.strip_suffix("/mcp").unwrap();
    let metadata = format!("{origin}/.well-known/oauth-protected-resource/mcp");
    assert_eq!(answer.status, 401);
    assert!(challenge.starts_with("Bearer "), "{challenge}");
    assert!(
        challenge.contains(&format!("resource_metadata=\"{metadata}\"")),
        "{challenge}"
    );
    assert!(challenge.contains("scope=\"notes:read\""), "{challenge}");
    assert!(!challenge.contains("error"), "{challenge}");
    let garbage = ask(&running, Some("garbage"), "tools/list", json!({})).await;
    assert!(
        garbage
            .header("www-authenticate")
            .contains("error=\"invalid_token\"")
    );
}

#[tokio::test]
async fn challenge_takes_the_shape_of_its_knob() {
    let challenge = |name: &'static str| async move {
        let running = builtin(name).await;
        let answer = ask(&running, None, "tools/list", json!({})).await;
        assert_eq!(answer.status, 401, "{name}");
        answer.header("www-authenticate").to_owned()
    };
    assert_eq!(challenge("challenge-missing").await, "");
    assert_eq!(challenge("challenge-bare").await, "Bearer");
    assert_eq!(
        challenge("challenge-without-metadata").await,
        "Bearer scope=\"notes:read\""
    );
    assert!(!challenge("challenge-without-scope").await.contains("scope"));
    assert_eq!(
        challenge("challenge-with-duplicate-scope")
            .await
            .matches("scope=")
            .count(),
        2
    );
    assert!(!challenge("challenge-unquoted").await.contains('"'));
    assert!(
        challenge("challenge-error-without-token")
            .await
            .contains("error=\"invalid_token\"")
    );
}

#[tokio::test]
async fn token_counts_in_one_header_only() {
    let running = builtin("compliant").await;
    let admin = token(&running, "admin");
    let url = format!("{}?access_token={admin}", running.mcp_url);
    assert_eq!(finish(http().post(&url)).await.status, 401);
    let twice = modern(&running, Some(admin), "tools/list", &json!({}));
    let twice = finish(twice.header("authorization", "Bearer garbage")).await;
    assert_eq!(twice.status, 400);
    let basic = modern(&running, None, "tools/list", &json!({}));
    let basic = finish(basic.header("authorization", "Basic YTpi")).await;
    assert_eq!(basic.status, 401);
    let empty = modern(&running, None, "tools/list", &json!({}));
    let empty = finish(empty.header("authorization", "Bearer ")).await;
    assert_eq!(empty.status, 401);
}

async fn anonymous(running: &Running, method: &str, params: serde_json::Value) -> Answer {
    ask(running, None, method, params).await
}

#[tokio::test]
async fn authentication_covers_what_its_knob_says() {
    let read = || json!({"name": "read_note", "arguments": {"id": "1"}});
    let note = || json!({"uri": "note://1"});
    // Statuses for: tools/list, tools/call, resources/read.
    for (name, statuses) in [
        ("compliant", [401, 401, 401]),
        ("lists-public", [200, 401, 401]),
        ("missing-token-accepted", [401, 200, 401]),
        ("authless-public", [200, 200, 200]),
        ("protected-tool-public", [200, 200, 401]),
    ] {
        let running = builtin(name).await;
        let list = anonymous(&running, "tools/list", json!({})).await.status;
        let call = anonymous(&running, "tools/call", read()).await.status;
        let resource = anonymous(&running, "resources/read", note()).await.status;
        assert_eq!([list, call, resource], statuses, "{name}");
    }
    let one_public = builtin("protected-tool-public").await;
    let other = json!({"name": "list_notes", "arguments": {}});
    assert_eq!(
        anonymous(&one_public, "tools/call", other).await.status,
        401
    );
}

#[tokio::test]
async fn foreign_origin_is_refused_unless_ignored() {
    let sound = builtin("compliant").await;
    let open = builtin("foreign-origin-accepted").await;
    let send = |running: &Running, origin: &str| {
        let reader = token(running, "reader");
        let request = modern(running, Some(reader), "tools/list", &json!({}));
        finish(request.header("origin", origin))
    };
    let own = sound.mcp_url.strip_suffix("/mcp").unwrap().to_owned();
    assert_eq!(send(&sound, &own).await.status, 200);
    for origin in [
        "https://evil.invalid",
        "null",
        &format!("{own}.evil.invalid"),
    ] {
        assert_eq!(send(&sound, origin).await.status, 403, "{origin}");
        assert_eq!(send(&open, origin).await.status, 200, "{origin}");
    }
}

#[tokio::test]
async fn revoked_token_is_refused() {
    let running = with("").await;
    let reader = token(&running, "reader");
    assert_eq!(list(&running, reader).await, 200);
    let client = &running.clients[0];
    let form = [
        ("token", reader),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ];
    let answer = super::post_form(&format!("{}/revoke", running.issuer), &form).await;
    assert_eq!(answer.status, 200);
    assert_eq!(list(&running, reader).await, 401);
}
