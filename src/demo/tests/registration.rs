//! Dynamic registration: who may, with what, and what becomes of it.

use serde_json::{Value, json};
use url::Url;

use super::super::Running;
use super::{Answer, ask, builtin, finish, get, http, post_form, post_json};

fn native() -> Value {
    json!({
        "client_name": "test",
        "redirect_uris": ["http://127.0.0.1:53682/callback"],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
    })
}

fn confidential() -> Value {
    json!({
        "redirect_uris": ["https://client.example.com/callback"],
        "token_endpoint_auth_method": "client_secret_basic",
    })
}

async fn register(running: &Running, body: &Value) -> Answer {
    post_json(&format!("{}/register", running.issuer), body).await
}

async fn authorize(running: &Running, client: &str) -> u16 {
    let parameters = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", "http://127.0.0.1:53682/callback"),
        ("code_challenge", "abc"),
        ("code_challenge_method", "S256"),
    ];
    let url = Url::parse_with_params(&format!("{}/authorize", running.issuer), parameters).unwrap();
    get(url.as_str()).await.status
}

async fn advertised(running: &Running) -> bool {
    let url = format!("{}/.well-known/oauth-authorization-server", running.issuer);
    get(&url)
        .await
        .json()
        .get("registration_endpoint")
        .is_some()
}

#[tokio::test]
async fn each_mode_answers_in_its_own_way() {
    // Advertised; status for a broken body, a native client, a confidential one.
    for (name, listed, statuses) in [
        ("compliant", false, [404, 404, 404]),
        ("registration-open", true, [400, 201, 201]),
        ("registration-gated", true, [401, 401, 401]),
        ("registration-gated-403", true, [403, 403, 403]),
        ("registration-source-policy", true, [403, 403, 403]),
        ("registration-software-statement", true, [400, 400, 400]),
        ("registration-rate-limited", true, [429, 429, 429]),
        ("registration-refuses-loopback", true, [400, 400, 201]),
        ("registration-fixed-client-id", true, [400, 200, 200]),
        ("registration-advertised-404", true, [404, 404, 404]),
        ("shadow-registration-endpoint", false, [400, 201, 201]),
        ("registration-limited-to-three", true, [400, 201, 201]),
    ] {
        let running = builtin(name).await;
        assert_eq!(advertised(&running).await, listed, "{name}");
        let url = format!("{}/register", running.issuer);
        let broken = http()
            .post(&url)
            .header("content-type", "application/json")
            .body("{");
        let broken = finish(broken).await.status;
        let public = register(&running, &native()).await.status;
        let secret = register(&running, &confidential()).await.status;
        assert_eq!([broken, public, secret], statuses, "{name}");
    }
}

#[tokio::test]
async fn gates_differ_in_their_words() {
    let gated = register(&builtin("registration-gated").await, &native()).await;
    assert!(gated.header("www-authenticate").starts_with("Bearer"));
    let policy = register(&builtin("registration-source-policy").await, &native()).await;
    assert_eq!(policy.header("www-authenticate"), "");
    let statement = register(&builtin("registration-software-statement").await, &native()).await;
    assert_eq!(statement.json()["error"], "unapproved_software_statement");
    let busy = register(&builtin("registration-rate-limited").await, &native()).await;
    assert_eq!(busy.header("retry-after"), "1");
}

#[tokio::test]
async fn initial_access_token_opens_the_gate() {
    let running = builtin("registration-gated").await;
    let request = http()
        .post(format!("{}/register", running.issuer))
        .bearer_auth(&running.initial_access_token)
        .body(native().to_string());
    assert_eq!(finish(request).await.status, 201);
    assert_eq!(running.registered_clients(), 1);
}

#[tokio::test]
async fn registered_client_lives_from_registration_to_deletion() {
    let running = builtin("registration-open").await;
    let answer = register(&running, &native()).await;
    let client = answer.json();
    let id = client["client_id"].as_str().unwrap();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(client.get("client_secret").is_none());
    assert_eq!(authorize(&running, id).await, 200);
    assert_eq!(running.registered_clients(), 1);
    let uri = client["registration_client_uri"].as_str().unwrap();
    let token = client["registration_access_token"].as_str().unwrap();
    assert_eq!(finish(http().get(uri)).await.status, 401);
    assert_eq!(
        finish(http().get(uri).bearer_auth("guess")).await.status,
        401
    );
    assert_eq!(
        finish(http().get(uri).bearer_auth(token)).await.json()["client_id"],
        id
    );
    assert_eq!(
        finish(http().delete(uri).bearer_auth("guess")).await.status,
        401
    );
    assert_eq!(
        finish(http().delete(uri).bearer_auth(token)).await.status,
        204
    );
    assert_eq!(finish(http().get(uri).bearer_auth(token)).await.status, 401);
    assert_eq!(authorize(&running, id).await, 400);
    assert_eq!(running.registered_clients(), 0);
}

#[tokio::test]
async fn management_knobs_leave_a_client_behind() {
    let delete = |name: &'static str| async move {
        let running = builtin(name).await;
        let client = register(&running, &native()).await.json();
        let uri = client
            .get("registration_client_uri")
            .and_then(Value::as_str);
        let status = match uri {
            Some(uri) => {
                let token = client["registration_access_token"].as_str().unwrap();
                finish(http().delete(uri).bearer_auth(token)).await.status
            }
            None => 0,
        };
        let alive = authorize(&running, client["client_id"].as_str().unwrap()).await == 200;
        (status, alive, running.registered_clients())
    };
    assert_eq!(delete("registration-open").await, (204, false, 0));
    assert_eq!(
        delete("registered-client-not-deletable").await,
        (405, true, 1)
    );
    assert_eq!(delete("registered-client-undead").await, (204, true, 1));
    assert_eq!(
        delete("registration-without-management").await,
        (0, true, 1)
    );
}

#[tokio::test]
async fn redirect_uris_are_limited_unless_the_knob_says_otherwise() {
    let hostile = [
        "http://attacker.invalid/cb",
        "https://*.attacker.invalid/cb",
        "https://attacker.invalid/cb#f",
        "javascript:alert(1)",
        "data:text/html,x",
    ];
    let status = |running: &Running, uris: Vec<&str>| {
        let mut body = native();
        body["redirect_uris"] = json!(uris);
        let url = format!("{}/register", running.issuer);
        async move { post_json(&url, &body).await.status }
    };
    let sound = builtin("registration-open").await;
    let any = builtin("hostile-redirect-registered").await;
    let private = builtin("private-use-redirect-registered").await;
    for uri in hostile {
        assert_eq!(status(&sound, vec![uri]).await, 400, "{uri}");
        assert_eq!(status(&private, vec![uri]).await, 400, "{uri}");
        assert_eq!(status(&any, vec![uri]).await, 201, "{uri}");
    }
    let mixed = vec!["http://127.0.0.1:1/cb", "http://attacker.invalid/cb"];
    assert_eq!(status(&sound, mixed).await, 400);
    assert_eq!(status(&sound, vec![]).await, 400);
    assert_eq!(status(&sound, vec!["com.example.audit:/cb"]).await, 400);
    assert_eq!(status(&private, vec!["com.example.audit:/cb"]).await, 201);
    assert_eq!(status(&sound, vec!["http://localhost:1/cb"]).await, 201);
}

#[tokio::test]
async fn grants_of_registered_clients_are_limited_unless_the_knob_says_otherwise() {
    let mut machine = confidential();
    machine["grant_types"] = json!(["client_credentials"]);
    let sound = builtin("registration-open").await;
    assert_eq!(
        register(&sound, &machine).await.json()["error"],
        "invalid_client_metadata"
    );
    let open = builtin("registration-self-sufficient").await;
    let client = register(&open, &machine).await.json();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client["client_id"].as_str().unwrap()),
        ("client_secret", client["client_secret"].as_str().unwrap()),
    ];
    let token = post_form(&format!("{}/token", open.issuer), &form)
        .await
        .json();
    let token = token["access_token"].as_str().unwrap();
    assert_eq!(
        ask(&open, Some(token), "tools/list", json!({}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn response_is_well_formed_unless_the_knob_says_otherwise() {
    let sound = register(&builtin("registration-open").await, &confidential()).await;
    assert!(sound.json()["client_secret"].is_string());
    assert_eq!(sound.json()["client_secret_expires_at"], 0);
    let malformed = register(&builtin("registration-response-malformed").await, &native()).await;
    assert!(malformed.json()["client_secret"].is_string());
    assert!(malformed.json().get("client_secret_expires_at").is_none());
    assert!(malformed.header("cache-control").contains("public"));
}

#[tokio::test]
async fn fixed_client_id_is_the_same_for_everybody_and_limits_count() {
    let fixed = builtin("registration-fixed-client-id").await;
    let first = register(&fixed, &native()).await.json()["client_id"].clone();
    assert_eq!(
        register(&fixed, &confidential()).await.json()["client_id"],
        first
    );
    let limited = builtin("registration-limited-to-three").await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(register(&limited, &native()).await.status);
    }
    assert_eq!(statuses, [201, 201, 201, 429]);
}
