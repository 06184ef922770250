//! Knobs for what a stranger's registration leads to: each against the sound server.

use serde_json::{Value, json};
use url::Url;

use super::super::Running;
use super::{Answer, builtin, finish, get, http, post_json};

const OTHER_PORT: &str = "http://127.0.0.1:53683/callback";

fn client(changes: &[(&str, Value)]) -> Value {
    let mut client = json!({
        "client_name": "test",
        "redirect_uris": ["http://127.0.0.1:53682/callback"],
        "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "none",
    });
    for (name, value) in changes {
        client[*name] = value.clone();
    }
    client
}

async fn register(running: &Running, changes: &[(&str, Value)]) -> Answer {
    post_json(&format!("{}/register", running.issuer), &client(changes)).await
}

async fn authorize(running: &Running, client: &Value, redirect: &str) -> Answer {
    let id = client["client_id"].as_str().unwrap();
    let parameters = [
        ("response_type", "code"),
        ("client_id", id),
        ("redirect_uri", redirect),
        ("code_challenge", "abc"),
        ("code_challenge_method", "S256"),
    ];
    let url = Url::parse_with_params(&format!("{}/authorize", running.issuer), parameters).unwrap();
    get(url.as_str()).await
}

#[tokio::test]
async fn a_client_without_redirect_uris_goes_where_the_knob_says() {
    let anywhere = "https://elsewhere.invalid/cb";
    for (name, registered, page) in [
        ("registration-open", 400, 0),
        ("registration-without-redirect", 201, 200),
        ("registration-redirect-refused-later", 201, 400),
    ] {
        let running = builtin(name).await;
        let answer = register(&running, &[("redirect_uris", json!([]))]).await;
        assert_eq!(answer.status, registered, "{name}");
        if registered == 201 {
            let asked = authorize(&running, &answer.json(), anywhere).await;
            assert_eq!(asked.status, page, "{name}");
        }
    }
}

#[tokio::test]
async fn hostile_uris_are_dropped_or_refused_later_where_the_knob_says() {
    let hostile = "http://attacker.invalid/cb";
    let mixed = json!(["http://127.0.0.1:53682/callback", hostile]);
    let dropping = builtin("hostile-redirect-dropped").await;
    let kept = register(&dropping, &[("redirect_uris", mixed)])
        .await
        .json();
    assert_eq!(
        kept["redirect_uris"],
        json!(["http://127.0.0.1:53682/callback"])
    );
    for (name, page) in [
        ("hostile-redirect-refused-later", 400),
        ("hostile-redirect-registered", 200),
    ] {
        let running = builtin(name).await;
        let stored = register(&running, &[("redirect_uris", json!([hostile]))]).await;
        assert_eq!(stored.status, 201, "{name}");
        let asked = authorize(&running, &stored.json(), hostile).await;
        assert_eq!(asked.status, page, "{name}");
    }
}

#[tokio::test]
async fn the_loopback_port_may_vary_unless_the_knob_says_otherwise() {
    for (name, page) in [("registration-open", 200), ("native-loopback-refused", 400)] {
        let running = builtin(name).await;
        let stored = register(&running, &[]).await.json();
        let asked = authorize(&running, &stored, OTHER_PORT).await;
        assert_eq!(asked.status, page, "{name}");
    }
}

#[tokio::test]
async fn scopes_are_ignored_narrowed_or_kept() {
    for (name, scope) in [
        ("registration-open", Value::Null),
        ("registered-scope-narrowed", json!("mcp")),
        ("registered-scope-unlimited", json!("admin *")),
    ] {
        let running = builtin(name).await;
        let stored = register(&running, &[("scope", json!("admin *"))]).await;
        let echoed = stored.json()["scope"].clone();
        if name == "registered-scope-narrowed" {
            assert_ne!(echoed, json!("admin *"));
            assert!(echoed.is_string());
        } else {
            assert_eq!(echoed, scope, "{name}");
        }
    }
}

#[tokio::test]
async fn a_forged_statement_is_ignored_refused_or_believed() {
    // {"alg":"none"} and {"client_name":"forged"}
    let statement = json!("eyJhbGciOiJub25lIn0.eyJjbGllbnRfbmFtZSI6ImZvcmdlZCJ9.");
    for (name, status, shown) in [
        ("registration-open", 201, json!("test")),
        ("software-statement-refused", 400, Value::Null),
        ("forged-software-statement-accepted", 201, json!("forged")),
    ] {
        let running = builtin(name).await;
        let answer = register(&running, &[("software_statement", statement.clone())]).await;
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(answer.json()["client_name"], shown, "{name}");
    }
}

#[tokio::test]
async fn the_login_page_says_what_the_knob_says() {
    for (name, shows) in [
        ("registration-open", [true, true]),
        ("claimed-name-trusted", [true, false]),
        ("login-page-silent", [false, false]),
    ] {
        let running = builtin(name).await;
        let redirect = "https://client.example.com/cb";
        let changes = [
            ("client_name", json!("Official client")),
            ("redirect_uris", json!([redirect])),
        ];
        let stored = register(&running, &changes).await.json();
        let page = authorize(&running, &stored, redirect).await.text;
        let found = ["Official client", "client.example.com"].map(|text| page.contains(text));
        assert_eq!(found, shows, "{name}");
    }
}

#[tokio::test]
async fn records_open_to_others_where_the_knob_says() {
    for (name, statuses) in [
        ("registration-open", [401, 401]),
        ("client-record-exposed", [200, 200]),
        ("client-record-shared", [401, 200]),
    ] {
        let running = builtin(name).await;
        let victim = register(&running, &[]).await.json();
        let other = register(&running, &[]).await.json();
        let uri = victim["registration_client_uri"].as_str().unwrap();
        let token = other["registration_access_token"].as_str().unwrap();
        let without = finish(http().get(uri)).await.status;
        let foreign = finish(http().get(uri).bearer_auth(token)).await.status;
        assert_eq!([without, foreign], statuses, "{name}");
    }
}

#[tokio::test]
async fn outdated_grants_and_a_lifetime_are_in_the_answer_where_the_knob_says() {
    let grants = json!(["authorization_code", "password"]);
    let asked = [("grant_types", grants.clone())];
    assert_eq!(
        register(&builtin("registration-open").await, &asked)
            .await
            .status,
        400
    );
    let kept = register(&builtin("outdated-grants-registered").await, &asked).await;
    assert_eq!(kept.json()["grant_types"], grants);
    let lasting = register(&builtin("registration-open").await, &[])
        .await
        .json();
    assert!(lasting.get("client_secret_expires_at").is_none());
    let ending = register(&builtin("registered-clients-expire").await, &[]).await;
    assert!(ending.json()["client_secret_expires_at"].as_u64().unwrap() > 0);
}
