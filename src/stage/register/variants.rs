//! The registrations that ask a question: each must be refused, narrowed or ignored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::Url;

use super::post::Order;
use crate::codec::jose;
use crate::model::audit::Collected;
use crate::model::consequence::ClientTerms;
use crate::model::discovery::AuthorizationServer;
use crate::model::probe::ProbeId;
use crate::stage::Run;
use crate::stage::client::{LOOPBACK, body, hostile};

/// A registration, perhaps sent only after another was refused.
pub(super) struct Question {
    pub(super) order: Order,
    pub(super) only_after: Option<&'static str>,
    /// Whether what it tells is not worth a client that stays.
    pub(super) only_deletable: bool,
}

/// Every question, the most telling first: a limit may end the series at any place.
pub(super) fn questions(
    run: &Run<'_>,
    collected: &Collected,
    server: &AuthorizationServer,
) -> Vec<Question> {
    let mut all = Vec::new();
    let mut ask = |probe, variant: &str, metadata| {
        all.push(Question {
            order: Order::new(probe, variant, metadata),
            only_after: None,
            only_deletable: probe == ProbeId::RegisterLoopback,
        });
    };
    for (variant, redirects) in hostile(&run.settings.run_id) {
        let redirects = redirects.iter().map(String::as_str).collect::<Vec<_>>();
        let metadata = body(run, &redirects, "none", "native");
        ask(ProbeId::RegisterHostile, variant, metadata);
    }
    let machine = with(
        body(run, &[LOOPBACK], "client_secret_basic", "native"),
        &[("grant_types", json!(["client_credentials"]))],
        &["response_types"],
    );
    ask(ProbeId::RegisterMachine, MACHINE, machine);
    let bare = with(body(run, &[], "none", "native"), &[], &["redirect_uris"]);
    ask(ProbeId::RegisterBare, BARE, bare);
    let scope = scopes(collected, server)
        .into_iter()
        .chain(["admin".to_owned(), "*".to_owned()])
        .collect::<Vec<_>>()
        .join(" ");
    let wide = with(
        body(run, &[LOOPBACK], "none", "native"),
        &[("scope", json!(scope))],
        &[],
    );
    ask(ProbeId::RegisterScopes, SCOPES, wide);
    let own = own_redirect(run);
    let named = with(
        body(run, &[&own], "none", "web"),
        &[("client_name", json!(claimed_name(collected)))],
        &[],
    );
    ask(ProbeId::RegisterName, NAMED, named);
    if is_openid(server) {
        let web = body(run, &["http://localhost:53682/callback"], "none", "web");
        ask(ProbeId::RegisterLoopback, WEB_LOCALHOST, web);
    }
    let names = [
        "http://localhost:53682/callback",
        "http://[::1]:53682/callback",
    ];
    let names = body(run, &names, "none", "native");
    ask(ProbeId::RegisterLoopback, LOOPBACK_NAMES, names);
    all.extend(grants(run));
    all.extend(statements(run));
    all
}

/// The other grants that need no consent screen: all at once, and the outdated ones alone when the
/// whole list was refused.
fn grants(run: &Run<'_>) -> Vec<Question> {
    let with_grants = |grants: &[&str], responses: &[&str]| {
        with(
            body(run, &[LOOPBACK], "client_secret_basic", "native"),
            &[
                ("grant_types", json!(grants)),
                ("response_types", json!(responses)),
            ],
            &[],
        )
    };
    let every = with_grants(
        &[
            "authorization_code",
            "password",
            "implicit",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
        &["code", "token"],
    );
    [
        (GRANTS, every, None),
        (
            "password-grant",
            with_grants(&["authorization_code", "password"], &["code"]),
            Some(GRANTS),
        ),
        (
            "implicit-grant",
            with_grants(&["authorization_code", "implicit"], &["code", "token"]),
            Some(GRANTS),
        ),
    ]
    .into_iter()
    .map(|(variant, metadata, only_after)| Question {
        order: Order::new(ProbeId::RegisterGrants, variant, metadata),
        only_after,
        only_deletable: false,
    })
    .collect()
}

/// Software statements that nobody trustworthy signed (RFC 7591 §2.3).
fn statements(run: &Run<'_>) -> Vec<Question> {
    let run_id = &run.settings.run_id;
    let stated = ClientTerms {
        stated_name: Some(format!("mcp-assay {run_id} (forged statement)")),
        stated_redirects: vec![format!("https://{run_id}.mcp-assay.invalid/forged")],
        ..ClientTerms::default()
    };
    let claims = json!({
        "iss": format!("https://{run_id}.mcp-assay.invalid"),
        "software_id": "mcp-assay-forged",
        "client_name": stated.stated_name,
        "redirect_uris": stated.stated_redirects,
    });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", encode(&json!({"alg": "none"})), encode(&claims));
    let signed = jose::hs256_with_key(&unsigned, &run.entropy.bytes("statement-key"));
    [
        (SIGNED_STATEMENT, signed),
        (UNSIGNED_STATEMENT, Some(unsigned)),
    ]
    .into_iter()
    .filter_map(|(variant, statement)| {
        let metadata = with(
            body(run, &[LOOPBACK], "none", "native"),
            &[("software_statement", json!(statement?))],
            &[],
        );
        let mut order = Order::new(ProbeId::RegisterStatement, variant, metadata);
        order.stated = stated.clone();
        Some(Question {
            order,
            only_after: None,
            only_deletable: false,
        })
    })
    .collect()
}

/// Every scope that the resource or the authorization server publishes, at most so many.
pub(super) fn scopes(collected: &Collected, server: &AuthorizationServer) -> Vec<String> {
    let resource = collected.discovery.chosen_resource_metadata();
    let published = [resource, server.chosen()].into_iter().flatten();
    let mut scopes = Vec::new();
    for scope in published
        .filter_map(|metadata| metadata.texts("scopes_supported"))
        .flatten()
    {
        if scopes.len() < MOST_SCOPES && !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    scopes
}

/// The name that users of this server trust most: its own. No third party's is borrowed.
pub(super) fn claimed_name(collected: &Collected) -> String {
    let host = Url::parse(&collected.discovery.endpoint)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    format!("Official client of {host}")
}

/// A redirect URI on a host that resolves for nobody.
pub(super) fn own_redirect(run: &Run<'_>) -> String {
    format!("https://{}.mcp-assay.invalid/callback", run.settings.run_id)
}

/// Whether it says that it is an OpenID provider; others may ignore `application_type`.
fn is_openid(server: &AuthorizationServer) -> bool {
    server
        .chosen()
        .is_some_and(|metadata| metadata.texts("subject_types_supported").is_some())
}

fn with(mut metadata: Value, set: &[(&str, Value)], remove: &[&str]) -> Value {
    if let Some(members) = metadata.as_object_mut() {
        for (name, value) in set {
            members.insert((*name).to_owned(), value.clone());
        }
        for name in remove {
            members.remove(*name);
        }
    }
    metadata
}

/// For `client_credentials`.
pub(super) const MACHINE: &str = "client-credentials";
/// Without redirect URIs.
pub(super) const BARE: &str = "no-redirect";
/// With every scope there is.
pub(super) const SCOPES: &str = "every-scope";
/// With a name that is not ours.
pub(super) const NAMED: &str = "claimed-name";
/// One of a series.
pub(super) const BURST: &str = "burst";
const GRANTS: &str = "every-grant";
const SIGNED_STATEMENT: &str = "self-signed-statement";
const UNSIGNED_STATEMENT: &str = "unsigned-statement";
const WEB_LOCALHOST: &str = "web-localhost";
const LOOPBACK_NAMES: &str = "loopback-names";
const MOST_SCOPES: usize = 50;
