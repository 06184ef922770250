//! Sessions of a login that nobody made, and what a client with a certificate sends in one.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::client::LoginClient;
use super::{Endpoints, Session, close, endpoints};
use crate::model::audit::Collected;
use crate::model::discovery::{AuthorizationServer, MetadataAttempt, Route};
use crate::model::exchange::ExchangeId;
use crate::model::grant::{ClientProof, OAuthClient};
use crate::model::login::{ClientOrigin, Login};
use crate::model::settings::{AskedBy, LoginRequest};
use crate::oracle::testing::http;
use crate::rehearsal::defaults;
use crate::stage::testing::Scripted;
use crate::stage::{Entropy, Run};

/// A session of a public client without a browser.
pub(super) fn session() -> Session {
    let server = Endpoints {
        issuer: ISSUER.to_owned(),
        authorization: None,
        token: format!("{ISSUER}/token"),
        device: Some(format!("{ISSUER}/device")),
        revocation: None,
        registration: None,
        scopes: BTreeSet::new(),
        grants: None,
        auth_methods: None,
        challenge_methods: BTreeSet::new(),
        issuer_promised: false,
        metadata: ExchangeId(1),
    };
    with(server, ClientProof::Public)
}

fn with(server: Endpoints, proof: ClientProof) -> Session {
    Session {
        facts: Login {
            identity: "user".to_owned(),
            issuer: server.issuer.clone(),
            grant: super::device::GRANT.to_owned(),
            client_id: "cli".to_owned(),
            client: ClientOrigin::Operator,
            public: true,
            redirect_uri: String::new(),
            requested: None,
            resource: "https://mcp.example/mcp".to_owned(),
            issuer_promised: false,
            rounds: Vec::new(),
            bare: None,
            redemptions: Vec::new(),
            refreshes: Vec::new(),
            failed: None,
        },
        server,
        client: LoginClient {
            client: OAuthClient {
                id: "cli".to_owned(),
                proof,
            },
            shown: "cli".to_owned(),
            registered: None,
        },
        other: None,
        callback: None,
        held: Vec::new(),
        refresh: None,
        key: None,
        dpop: None,
        timeout: Duration::from_secs(1),
        asked_by: AskedBy::Flags,
        tag: String::new(),
    }
}

#[tokio::test]
async fn a_certificate_is_shown_in_every_request_and_at_the_endpoints_that_ask_for_one() {
    let document = json!({
        "issuer": ISSUER,
        "token_endpoint": format!("{ISSUER}/token"),
        "revocation_endpoint": format!("{ISSUER}/revoke"),
        "device_authorization_endpoint": format!("{ISSUER}/device"),
        "mtls_endpoint_aliases": {
            "token_endpoint": format!("{MTLS}/token"),
            "revocation_endpoint": format!("{MTLS}/revoke"),
            "device_authorization_endpoint": format!("{MTLS}/device"),
        },
    });
    let server = AuthorizationServer {
        issuer: ISSUER.to_owned(),
        named_by: ExchangeId(1),
        metadata: vec![MetadataAttempt {
            url: format!("{ISSUER}/.well-known/oauth-authorization-server"),
            route: Route::WellKnownRoot,
            exchange: ExchangeId(1),
            document: Some(document),
            problem: None,
        }],
        blocked: None,
        assumed: false,
    };
    let mut collected = Collected::default();
    collected.discovery.authorization_servers.push(server);
    let proof = ClientProof::Certificate("pem".to_owned().into());
    let request = LoginRequest {
        client: Some(OAuthClient {
            id: "cli".to_owned(),
            proof: proof.clone(),
        }),
        device: true,
        ..LoginRequest::named("user")
    };
    let server = endpoints(&collected.discovery, &request).unwrap();
    let mut session = with(server, proof);
    let code = json!({"device_code": "d", "user_code": "u", "interval": 1,
        "verification_uri": format!("{ISSUER}/device")});
    let token = r#"{"access_token":"one-token","refresh_token":"another","token_type":"Bearer"}"#;
    let wire = Scripted::new(vec![
        http(200, &[], &code.to_string()),
        http(200, &[], token),
        http(200, &[], ""),
        http(200, &[], ""),
    ]);
    let settings = defaults(&[7; 32]);
    let run = Run::new(&wire, &settings, Entropy::new([7; 32]), &|_, _| {});
    let grant = super::device::device_code(&run, &mut collected, &session).await;
    let grant = grant.unwrap();
    let at_once = |_: Duration| -> crate::wire::Pending<'static, ()> { Box::pin(async {}) };
    let interval = Duration::from_secs(1);
    let code = &grant.device_code;
    super::poll::poll(&run, &mut collected, &mut session, code, interval, &at_once)
        .await
        .ok()
        .unwrap();
    close(&run, &mut collected, session).await;
    let asked = wire.asked();
    let urls: Vec<&str> = asked.iter().map(|it| it.url.as_str()).collect();
    let expected = ["device", "token", "revoke", "revoke"].map(|path| format!("{MTLS}/{path}"));
    assert_eq!(urls, expected);
    for request in &asked {
        assert!(request.certified, "{}", request.url);
        assert!(request.body.contains("client_id=cli"), "{}", request.body);
    }
    assert!(collected.residue.is_empty(), "{:?}", collected.residue);
}

const ISSUER: &str = "https://as.example";
const MTLS: &str = "https://mtls.as.example";
