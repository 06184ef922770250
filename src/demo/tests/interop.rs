//! A client library that we did not write gets its tokens from the compliant server.

use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    PkceCodeChallenge, RedirectUrl, Scope, TokenResponse as _, TokenUrl,
};
use serde_json::json;

use super::super::Running;
use super::{ask, builtin, get, http, post_form};

async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let mut answer = http()
        .request(parts.method, parts.uri.to_string())
        .headers(parts.headers)
        .body(body)
        .send()
        .await?;
    let mut response = HttpResponse::default();
    *response.status_mut() = answer.status();
    std::mem::swap(response.headers_mut(), answer.headers_mut());
    *response.body_mut() = answer.bytes().await?.to_vec();
    Ok(response)
}

fn token_url(running: &Running) -> TokenUrl {
    TokenUrl::new(format!("{}/token", running.issuer)).unwrap()
}

#[tokio::test]
async fn oauth2_client_is_given_a_token_of_its_own() {
    let running = builtin("compliant").await;
    let client = BasicClient::new(ClientId::new("admin-client".to_owned()))
        .set_client_secret(ClientSecret::new("demo-admin-secret".to_owned()))
        .set_token_uri(token_url(&running));
    let token = client
        .exchange_client_credentials()
        .add_scope(Scope::new("notes:write".to_owned()))
        .add_extra_param("resource", running.mcp_url.clone())
        .request_async(&send)
        .await
        .unwrap();
    let scopes: Vec<&str> = token
        .scopes()
        .unwrap()
        .iter()
        .map(|scope| scope.as_str())
        .collect();
    assert_eq!(scopes, ["notes:write"]);
    let params = json!({"name": "list_revisions", "arguments": {"id": "1"}});
    let called = ask(
        &running,
        Some(token.access_token().secret()),
        "tools/call",
        params,
    )
    .await;
    assert_eq!(called.status, 200, "{}", called.text);
}

#[tokio::test]
async fn oauth2_client_is_given_a_token_of_a_person() {
    let running = builtin("authorization-server-with-path").await;
    let client = BasicClient::new(ClientId::new("demo-cli".to_owned()))
        .set_auth_uri(AuthUrl::new(format!("{}/authorize", running.issuer)).unwrap())
        .set_token_uri(token_url(&running))
        .set_redirect_uri(RedirectUrl::new("http://127.0.0.1:4711/callback".to_owned()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new("notes:read".to_owned()))
        .add_extra_param("resource", running.mcp_url.clone())
        .set_pkce_challenge(challenge)
        .url();
    let page = get(url.as_str()).await.text;
    let handle = page.split("name=\"request\" value=\"").nth(1).unwrap();
    let form = [
        ("request", handle.split('"').next().unwrap()),
        ("decision", "approve"),
    ];
    let back = post_form(&format!("{}/authorize/decision", running.issuer), &form).await;
    let back = url::Url::parse(back.header("location")).unwrap();
    let parameter = |name: &str| {
        back.query_pairs()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .into_owned()
    };
    assert_eq!(&parameter("state"), state.secret());
    assert_eq!(parameter("iss"), running.issuer);
    let token = client
        .exchange_code(AuthorizationCode::new(parameter("code")))
        .set_pkce_verifier(verifier)
        .request_async(&send)
        .await
        .unwrap();
    let list = ask(
        &running,
        Some(token.access_token().secret()),
        "tools/list",
        json!({}),
    )
    .await;
    assert_eq!(list.status, 200, "{}", list.text);
}
