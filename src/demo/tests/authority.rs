//! The token endpoint and the authorization endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64URL};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::super::Running;
use super::{Answer, ask, builtin, finish, get, http, post_form};

async fn token(running: &Running, form: &[(&str, &str)]) -> Answer {
    let mut whole = vec![
        ("grant_type", "client_credentials"),
        ("client_id", "admin-client"),
        ("client_secret", "demo-admin-secret"),
    ];
    whole.extend_from_slice(form);
    post_form(&format!("{}/token", running.issuer), &whole).await
}

fn claims(answer: &Answer) -> Value {
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let payload = BASE64URL.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn authorize_url(running: &Running, parameters: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("response_type", "code"),
        ("client_id", "demo-cli"),
        ("redirect_uri", "http://127.0.0.1:4711/callback"),
        ("code_challenge_method", "S256"),
        ("state", "s1"),
    ];
    let challenge = BASE64URL.encode(Sha256::digest(VERIFIER));
    all.push(("code_challenge", &challenge));
    all.retain(|(name, _)| !parameters.iter().any(|(other, _)| other == name));
    all.extend(parameters.iter().filter(|(_, value)| !value.is_empty()));
    Url::parse_with_params(&format!("{}/authorize", running.issuer), all)
        .unwrap()
        .into()
}

fn location(answer: &Answer, name: &str) -> Option<String> {
    let url = Url::parse(answer.header("location")).ok()?;
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn client_credentials_tokens_carry_what_was_asked_for() {
    let running = builtin("compliant").await;
    let answer = token(&running, &[("scope", "notes:read profile")]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["scope"], "notes:read");
    assert_eq!(answer.json()["expires_in"], 3600);
    let claims = claims(&answer);
    assert_eq!(claims["aud"], running.mcp_url);
    assert_eq!(claims["scope"], "notes:read");
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        3600
    );
    let value = answer.json()["access_token"].as_str().unwrap().to_owned();
    let list = ask(&running, Some(&value), "tools/list", serde_json::json!({})).await;
    assert_eq!(list.status, 200);
    let all = token(&running, &[]).await;
    assert_eq!(all.json()["scope"], "notes:read notes:write notes:delete");
    let none = token(&running, &[("scope", "profile")]).await;
    assert_eq!(
        (none.status, none.json()["error"].clone()),
        (400, "invalid_scope".into())
    );
}

#[tokio::test]
async fn minting_knobs_change_scope_audience_and_lifetime() {
    let more = builtin("granted-more-than-requested").await;
    let answer = token(&more, &[("scope", "notes:read")]).await;
    assert_eq!(
        answer.json()["scope"],
        "notes:read notes:write notes:delete"
    );
    let generic = builtin("token-audience-generic").await;
    assert_eq!(claims(&token(&generic, &[]).await)["aud"], "api");
    let long = builtin("long-lived-tokens").await;
    assert_eq!(token(&long, &[]).await.json()["expires_in"], 2_592_000);
}

#[tokio::test]
async fn resource_parameter_decides_the_audience() {
    let running = builtin("compliant").await;
    let sibling = running.mcp_url.replace("/mcp", "/other");
    let other = token(&running, &[("resource", &sibling)]).await;
    assert_eq!(claims(&other)["aud"], sibling.as_str());
    let unknown = token(&running, &[("resource", "https://evil.invalid/mcp")]).await;
    assert_eq!(
        (unknown.status, unknown.json()["error"].clone()),
        (400, "invalid_target".into())
    );
}

#[tokio::test]
async fn clients_are_authenticated_either_way_but_not_both() {
    let running = builtin("compliant").await;
    let url = format!("{}/token", running.issuer);
    let basic = |pair: &str, body: &str| {
        http()
            .post(&url)
            .header("authorization", format!("Basic {}", BASE64.encode(pair)))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.to_owned())
    };
    let grant = "grant_type=client_credentials";
    assert_eq!(
        finish(basic("admin-client:demo-admin-secret", grant))
            .await
            .status,
        200
    );
    assert_eq!(
        finish(basic("admin%2Dclient:demo%2Dadmin%2Dsecret", grant))
            .await
            .status,
        200
    );
    let wrong = finish(basic("admin-client:guess", grant)).await;
    assert_eq!(
        (wrong.status, wrong.json()["error"].clone()),
        (401, "invalid_client".into())
    );
    let both = format!("{grant}&client_id=admin-client&client_secret=demo-admin-secret");
    assert_eq!(
        finish(basic("admin-client:demo-admin-secret", &both))
            .await
            .status,
        400
    );
    let public = [
        ("grant_type", "client_credentials"),
        ("client_id", "demo-cli"),
    ];
    let public = post_form(&url, &public).await;
    assert_eq!(public.json()["error"], "unauthorized_client");
    let nobody = post_form(&url, &[("grant_type", "client_credentials")]).await;
    assert_eq!(nobody.status, 401);
    let revoke = format!("{}/revoke", running.issuer);
    assert_eq!(post_form(&revoke, &[("token", "x")]).await.status, 401);
}

#[tokio::test]
async fn password_grant_is_never_served() {
    for name in ["compliant", "password-grant-advertised"] {
        let running = builtin(name).await;
        let url = format!("{}/token", running.issuer);
        let form = [
            ("grant_type", "password"),
            ("client_id", "demo-cli"),
            ("username", "u"),
        ];
        assert_eq!(
            post_form(&url, &form).await.json()["error"],
            "unsupported_grant_type"
        );
    }
}

#[tokio::test]
async fn login_page_is_shown_for_requests_in_order_only() {
    let running = builtin("compliant").await;
    let page = get(&authorize_url(&running, &[])).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("127.0.0.1") && page.text.contains("<form"),
        "{}",
        page.text
    );
    assert_eq!(page.header("x-frame-options"), "DENY");
    for stray in [
        [("client_id", "nobody")],
        [("client_id", "")],
        [("redirect_uri", "")],
        [("redirect_uri", "http://127.0.0.1:4711/callback/x")],
        [("redirect_uri", "http://127.0.0.1:4711/callback?x=1")],
        [("redirect_uri", "http://127.0.0.1:4711/x/../callback")],
        [("redirect_uri", "http://evil@127.0.0.1:4711/callback")],
        [("redirect_uri", "https://evil.invalid/callback")],
        [("client_id", "http://client.example.com/doc")],
        [("client_id", "https://client.example.com")],
        // Nobody forwards to this host, so its document cannot be had.
        [("client_id", "https://client.example.com/doc")],
    ] {
        let answer = get(&authorize_url(&running, &stray)).await;
        assert_eq!(answer.status, 400, "{stray:?}");
        assert_eq!(answer.header("location"), "", "{stray:?}");
    }
}

#[tokio::test]
async fn faulty_requests_of_known_clients_are_sent_back_with_the_issuer() {
    let running = builtin("compliant").await;
    for (parameter, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("resource", "https://evil.invalid"), "invalid_target"),
        (("scope", "nonsense"), "invalid_scope"),
        (("prompt", "none"), "login_required"),
    ] {
        let answer = get(&authorize_url(&running, &[parameter])).await;
        assert_eq!(answer.status, 302, "{parameter:?}");
        assert_eq!(location(&answer, "error").as_deref(), Some(error));
        assert_eq!(location(&answer, "state").as_deref(), Some("s1"));
        assert_eq!(location(&answer, "iss"), Some(running.issuer.clone()));
    }
    let silent = builtin("issuer-parameter-not-advertised").await;
    let answer = get(&authorize_url(&silent, &[("prompt", "none")])).await;
    assert_eq!(location(&answer, "iss"), None);
    let plain = builtin("plain-pkce-advertised").await;
    let answer = get(&authorize_url(
        &plain,
        &[("code_challenge_method", "plain")],
    ))
    .await;
    assert_eq!(answer.status, 200);
}

async fn code(running: &Running, decision: &str) -> Answer {
    let page = get(&authorize_url(running, &[("scope", "notes:read")])).await;
    let handle = page.text.split("name=\"request\" value=\"").nth(1).unwrap();
    let handle = handle.split('"').next().unwrap();
    let url = format!("{}/authorize/decision", running.issuer);
    post_form(&url, &[("request", handle), ("decision", decision)]).await
}

#[tokio::test]
async fn code_is_redeemed_once_by_whoever_holds_the_verifier() {
    let running = builtin("compliant").await;
    let url = format!("{}/token", running.issuer);
    let redeem = |code: String, verifier: &'static str| {
        let url = url.clone();
        async move {
            let form = [
                ("grant_type", "authorization_code"),
                ("client_id", "demo-cli"),
                ("code", &code),
                ("redirect_uri", "http://127.0.0.1:4711/callback"),
                ("code_verifier", verifier),
            ];
            post_form(&url, &form).await
        }
    };
    let back = code(&running, "approve").await;
    let value = location(&back, "code").unwrap();
    let answer = redeem(value.clone(), VERIFIER).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["scope"], "notes:read");
    assert_eq!(
        redeem(value, VERIFIER).await.json()["error"],
        "invalid_grant"
    );
    let other = location(&code(&running, "approve").await, "code").unwrap();
    assert_eq!(
        redeem(other, "guess").await.json()["error"],
        "invalid_grant"
    );
    let refused = code(&running, "deny").await;
    assert_eq!(
        location(&refused, "error").as_deref(),
        Some("access_denied")
    );
}

const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters";
