//! The metadata of both servers, and where it is served.

use serde_json::{Value, json};

use super::super::Running;
use super::{builtin, get};

fn origin(running: &Running) -> String {
    running.mcp_url.strip_suffix("/mcp").unwrap().to_owned()
}

/// Statuses at: inserted path, root, behind the endpoint.
async fn prm_places(running: &Running) -> [u16; 3] {
    let origin = origin(running);
    let mut statuses = [0; 3];
    for (status, path) in statuses.iter_mut().zip([
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-protected-resource",
        "/mcp/.well-known/oauth-protected-resource",
    ]) {
        *status = get(&format!("{origin}{path}")).await.status;
    }
    statuses
}

async fn prm(running: &Running) -> Value {
    get(&format!(
        "{}/.well-known/oauth-protected-resource/mcp",
        origin(running)
    ))
    .await
    .json()
}

async fn asm(running: &Running) -> Value {
    let answer = get(&format!(
        "{}/.well-known/oauth-authorization-server",
        running.issuer
    ))
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn resource_metadata_is_served_where_its_knob_says() {
    for (name, places) in [
        ("compliant", [200, 404, 404]),
        ("resource-metadata-at-root", [404, 200, 404]),
        ("metadata-at-appended-path", [404, 404, 200]),
        ("resource-metadata-missing", [404, 404, 404]),
        ("discovery-routes-disagree", [200, 200, 404]),
    ] {
        assert_eq!(prm_places(&builtin(name).await).await, places, "{name}");
    }
}

#[tokio::test]
async fn resource_metadata_of_the_compliant_server_is_complete() {
    let running = builtin("compliant").await;
    let document = prm(&running).await;
    assert_eq!(document["resource"], running.mcp_url);
    assert_eq!(document["authorization_servers"], json!([running.issuer]));
    assert_eq!(document["scopes_supported"], json!(["notes:read"]));
    assert_eq!(document["bearer_methods_supported"], json!(["header"]));
}

#[tokio::test]
async fn resource_metadata_takes_the_shape_of_its_knobs() {
    let member = |name: &'static str, member: &'static str| async move {
        prm(&builtin(name).await).await.get(member).cloned()
    };
    let slashed = builtin("resource-trailing-slash").await;
    assert_eq!(
        prm(&slashed).await["resource"],
        format!("{}/", slashed.mcp_url)
    );
    let other = member("resource-other-origin", "resource").await;
    assert_eq!(other, Some(json!("https://notes.example.com/mcp")));
    assert_eq!(member("resource-member-missing", "resource").await, None);
    let servers = member("authorization-servers-missing", "authorization_servers").await;
    assert_eq!(servers, Some(json!([])));
    let methods = member("query-tokens-invited", "bearer_methods_supported").await;
    assert_eq!(methods, Some(json!(["header", "query"])));
    assert_eq!(
        member("scopes-not-advertised", "scopes_supported").await,
        None
    );
    let all = member("whole-scope-catalogue-advertised", "scopes_supported").await;
    assert_eq!(
        all,
        Some(json!(["notes:delete", "notes:read", "notes:write"]))
    );
}

#[tokio::test]
async fn authorization_server_metadata_of_the_compliant_server_is_complete() {
    let running = builtin("compliant").await;
    let document = asm(&running).await;
    assert_eq!(document["issuer"], running.issuer);
    assert_eq!(
        document["token_endpoint"],
        format!("{}/token", running.issuer)
    );
    assert_eq!(
        document["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert_eq!(document["response_types_supported"], json!(["code"]));
    assert_eq!(
        document["authorization_response_iss_parameter_supported"],
        true
    );
    assert_eq!(document["client_id_metadata_document_supported"], true);
    assert!(document.get("registration_endpoint").is_none());
    let jwks = get(document["jwks_uri"].as_str().unwrap()).await.json();
    assert_eq!(jwks["keys"][0]["alg"], "ES256");
    assert!(jwks["keys"][0].get("d").is_none());
}

#[tokio::test]
async fn authorization_server_metadata_takes_the_shape_of_its_knobs() {
    let member = |name: &'static str, member: &'static str| async move {
        asm(&builtin(name).await).await.get(member).cloned()
    };
    let slashed = builtin("issuer-trailing-slash").await;
    assert_eq!(
        asm(&slashed).await["issuer"],
        format!("{}/", slashed.issuer)
    );
    let other = member("issuer-mismatch", "issuer").await;
    assert_eq!(other, Some(json!("https://login.example.com")));
    let methods = "code_challenge_methods_supported";
    assert_eq!(member("pkce-not-advertised", methods).await, None);
    let plain = member("plain-pkce-advertised", methods).await;
    assert_eq!(plain, Some(json!(["S256", "plain"])));
    let kinds = member("implicit-flow-advertised", "response_types_supported").await;
    assert_eq!(kinds, Some(json!(["code", "token"])));
    let grants = member("password-grant-advertised", "grant_types_supported")
        .await
        .unwrap();
    assert!(grants.as_array().unwrap().contains(&json!("password")));
    let iss = "authorization_response_iss_parameter_supported";
    assert_eq!(member("issuer-parameter-not-advertised", iss).await, None);
    let cimd = "client_id_metadata_document_supported";
    assert_eq!(
        member("client-metadata-documents-unsupported", cimd).await,
        None
    );
    let jwks = member("metadata-points-inside", "jwks_uri").await;
    assert_eq!(jwks, Some(json!("https://10.11.12.13/jwks")));
    let cleartext = member("insecure-authorization-endpoints", "registration_endpoint").await;
    assert_eq!(
        cleartext,
        Some(json!("http://auth.example.invalid/register"))
    );
}

#[tokio::test]
async fn authorization_server_metadata_is_served_where_its_knob_says() {
    // Statuses of: RFC 8414, OpenID inserted, OpenID appended; all below the issuer's origin.
    for (name, tenant, places) in [
        ("compliant", "", [200, 404, 404]),
        ("authorization-server-metadata-missing", "", [404, 404, 404]),
        ("discovery-documents-disagree", "", [200, 200, 200]),
        ("authorization-server-oidc", "/tenant", [404, 404, 200]),
        ("authorization-server-with-path", "/tenant", [200, 200, 404]),
    ] {
        let running = builtin(name).await;
        let origin = running.issuer.strip_suffix(tenant).unwrap();
        let urls = [
            format!("{origin}/.well-known/oauth-authorization-server{tenant}"),
            format!("{origin}/.well-known/openid-configuration{tenant}"),
            format!("{origin}{tenant}/.well-known/openid-configuration"),
        ];
        for (url, status) in urls.iter().zip(places) {
            let answer = get(url).await;
            assert_eq!(answer.status, status, "{name}: {url}");
            if status == 200 {
                assert_eq!(answer.json()["issuer"], running.issuer, "{name}: {url}");
            }
        }
        assert_eq!(
            get(&format!("{}/jwks", running.issuer)).await.status,
            200,
            "{name}"
        );
    }
}

#[tokio::test]
async fn routes_disagree_where_the_knob_says() {
    let running = builtin("discovery-routes-disagree").await;
    let root = get(&format!(
        "{}/.well-known/oauth-protected-resource",
        origin(&running)
    ))
    .await;
    assert_eq!(
        root.json()["authorization_servers"],
        json!(["https://login.example.com"])
    );
    assert_eq!(
        prm(&running).await["authorization_servers"],
        json!([running.issuer])
    );
    let running = builtin("discovery-documents-disagree").await;
    let oidc = get(&format!(
        "{}/.well-known/openid-configuration",
        running.issuer
    ))
    .await
    .json();
    assert_ne!(
        oidc["token_endpoint"],
        asm(&running).await["token_endpoint"]
    );
}

#[tokio::test]
async fn first_revision_is_its_own_authorization_server() {
    let running = builtin("revision-2025-03-26").await;
    assert_eq!(running.issuer, origin(&running));
    assert_eq!(asm(&running).await["issuer"], running.issuer);
    assert_eq!(prm_places(&running).await, [404, 404, 404]);
    let bare = builtin("revision-2025-03-26-bare").await;
    let well_known = format!("{}/.well-known/oauth-authorization-server", bare.issuer);
    assert_eq!(get(&well_known).await.status, 404);
    assert_eq!(get(&format!("{}/authorize", bare.issuer)).await.status, 400);
    assert_eq!(get(&format!("{}/token", bare.issuer)).await.status, 405);
}
