//! The token endpoint beside codes and secrets: grants, assertions, introspection, refusals.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::super::Running;
use super::{Answer, builtin, get, post_form, with};

async fn asked(running: &Running, form: &[(&str, &str)]) -> Answer {
    post_form(&format!("{}/token", running.issuer), form).await
}

async fn error(running: &Running, form: &[(&str, &str)]) -> String {
    let answer = asked(running, form).await;
    answer.json()["error"].as_str().unwrap_or("none").to_owned()
}

async fn metadata(running: &Running) -> Value {
    let url = format!("{}/.well-known/oauth-authorization-server", running.issuer);
    get(&url).await.json()
}

fn unsigned(typ: &str) -> String {
    let encode = |value: Value| BASE64URL.encode(value.to_string());
    let header = encode(json!({"alg": "none", "typ": typ}));
    format!("{header}.{}.", encode(json!({"sub": "x"})))
}

const USER: [(&str, &str); 4] = [
    ("grant_type", "password"),
    ("username", "u"),
    ("password", "p"),
    ("client_id", "nobody"),
];

const CLIENT: [(&str, &str); 2] = [
    ("grant_type", "client_credentials"),
    ("client_id", "admin-client"),
];

const ASSERTION_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

#[tokio::test]
async fn the_password_grant_runs_only_where_it_is_planted() {
    assert_eq!(
        error(&builtin("compliant").await, &USER).await,
        "invalid_client"
    );
    let open = builtin("password-grant-honoured").await;
    assert_eq!(error(&open, &USER).await, "invalid_grant");
    let unknown = [("grant_type", "made-up"), ("client_id", "nobody")];
    assert_eq!(error(&open, &unknown).await, "unsupported_grant_type");
}

#[tokio::test]
async fn a_secret_counts_unless_the_defect_is_planted() {
    let wrong = [CLIENT[0], CLIENT[1], ("client_secret", "wrong")];
    for (name, without, with_wrong) in [
        ("compliant", 401, 401),
        ("client-secret-not-checked", 401, 200),
        ("client-secret-optional", 200, 401),
    ] {
        let running = builtin(name).await;
        let bare = asked(&running, &CLIENT).await.status;
        assert_eq!(bare, without, "{name} without a secret");
        let status = asked(&running, &wrong).await.status;
        assert_eq!(status, with_wrong, "{name} with a wrong secret");
    }
}

#[tokio::test]
async fn an_unsigned_client_assertion_is_believed_only_where_that_is_planted() {
    let assertion = unsigned("JWT");
    let form = [CLIENT[0], CLIENT[1], ("client_assertion", &assertion)];
    for (name, status) in [
        ("compliant", 401),
        ("token-endpoint-extensions", 401),
        ("client-assertion-stale-accepted", 401),
        ("client-assertion-forged-accepted", 200),
    ] {
        let running = builtin(name).await;
        assert_eq!(asked(&running, &form).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn assertion_grants_tell_identities_from_workloads() {
    let form = |typ: &str| {
        vec![
            ("grant_type".to_owned(), ASSERTION_GRANT.to_owned()),
            ("client_id".to_owned(), "admin-client".to_owned()),
            ("client_secret".to_owned(), "demo-admin-secret".to_owned()),
            ("assertion".to_owned(), unsigned(typ)),
        ]
    };
    for (name, identity, workload) in [
        (
            "compliant",
            "unsupported_grant_type",
            "unsupported_grant_type",
        ),
        (
            "token-endpoint-extensions",
            "invalid_grant",
            "invalid_grant",
        ),
        (
            "identity-assertion-forged-accepted",
            "none",
            "invalid_grant",
        ),
        (
            "workload-assertion-forged-accepted",
            "invalid_grant",
            "none",
        ),
    ] {
        let running = builtin(name).await;
        for (typ, expected) in [("oauth-id-jag+jwt", identity), ("JWT", workload)] {
            let form = form(typ);
            let form: Vec<_> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(error(&running, &form).await, expected, "{name}: {typ}");
        }
    }
}

#[tokio::test]
async fn introspection_asks_who_is_asking() {
    for (name, status) in [
        ("compliant", 404),
        ("token-endpoint-extensions", 401),
        ("introspection-open", 200),
    ] {
        let running = builtin(name).await;
        let url = format!("{}/introspect", running.issuer);
        let answer = post_form(&url, &[("token", "x")]).await;
        assert_eq!(answer.status, status, "{name}");
        let listed = metadata(&running)
            .await
            .get("introspection_endpoint")
            .is_some();
        assert_eq!(listed, status != 404, "{name}");
    }
}

#[tokio::test]
async fn refusals_take_the_form_that_is_planted() {
    let page = builtin("token-error-malformed").await;
    let answer = asked(&page, &CLIENT).await;
    assert_eq!(answer.header("content-type"), "text/html");
    let success = builtin("token-error-with-success-status").await;
    assert_eq!(asked(&success, &CLIENT).await.status, 200);
    let bare = with("[token_endpoint]\nerrors = \"without-challenge\"").await;
    let answer = asked(&bare, &CLIENT).await;
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, "")
    );
}

#[tokio::test]
async fn the_metadata_lists_what_the_knobs_offer() {
    let plain = metadata(&builtin("compliant").await).await;
    let grants = |document: &Value| document["grant_types_supported"].to_string();
    assert!(!grants(&plain).contains("jwt-bearer"), "{plain}");
    let full = metadata(&builtin("token-endpoint-extensions").await).await;
    assert!(grants(&full).contains("jwt-bearer"), "{full}");
    let algorithms = &full["token_endpoint_auth_signing_alg_values_supported"];
    assert_eq!(*algorithms, json!(["ES256", "HS256"]));
    let member = "authorization_grant_profiles_supported";
    assert!(full.get(member).is_some() && plain.get(member).is_none());
}
