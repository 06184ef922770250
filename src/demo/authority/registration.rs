//! Dynamic client registration (RFC 7591) and its management (RFC 7592).

use axum::http::Method;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::get_current_timestamp;
use serde_json::{Map, Value, json};
use url::{Host, Url};

use super::super::behaviour::{
    Management, RedirectNeed, RedirectPolicy, RefreshRotation, RegistrationGrants,
    RegistrationMode, RegistrationResponse, RegistrationScopes, Statements,
};
use super::super::http::{self, Incoming, method_not_allowed, no_store, with_header};
use super::super::state::{Shared, lock};
use super::clients::{KnownClient, Registration};
use super::{metadata, not_found, oauth_error};

/// Answers a request to the registration endpoint.
pub(crate) fn register(shared: &Shared, incoming: &Incoming) -> Response {
    let policy = &shared.behaviour.registration;
    if matches!(
        policy.mode,
        RegistrationMode::Absent | RegistrationMode::Advertised404
    ) {
        return not_found();
    }
    if incoming.method != Method::POST {
        return method_not_allowed("POST");
    }
    if let Some(refusal) = gate(shared, incoming) {
        return refusal;
    }
    let Ok(Value::Object(wanted)) = serde_json::from_slice(&incoming.body) else {
        return invalid("invalid_client_metadata", "The body must be a JSON object");
    };
    if policy.mode == RegistrationMode::SoftwareStatement {
        let error = match wanted.get("software_statement") {
            Some(_) => "invalid_software_statement",
            None => "unapproved_software_statement",
        };
        return invalid(
            error,
            "A software statement of a trusted publisher is needed",
        );
    }
    let wanted = match (policy.statements, wanted.get("software_statement")) {
        (Statements::Refused, Some(_)) => {
            let error = "invalid_software_statement";
            return invalid(
                error,
                "The software statement is not of a trusted publisher",
            );
        }
        (Statements::Believed, Some(statement)) => believed(&wanted, statement),
        _ => wanted,
    };
    match Application::read(shared, &wanted) {
        Ok(application) => admit(shared, application),
        Err((error, description)) => invalid(error, description),
    }
}

/// Answers a request to a client's configuration endpoint.
pub(crate) fn manage(shared: &Shared, incoming: &Incoming, client_id: &str) -> Response {
    let policy = shared.behaviour.registration.management;
    let mut clients = lock(&shared.clients);
    let registration = clients
        .known
        .get(client_id)
        .and_then(|client| client.registration.clone());
    let token = bearer(incoming);
    if let (Management::Strict, Some(token)) = (policy, token) {
        let fresh = shared.ids.next("registration");
        clients.revoke_elsewhere(client_id, token, fresh);
    }
    let readable = policy == Management::Readable && incoming.method == Method::GET;
    let shared_key = policy == Management::Shared && token.is_some_and(|it| clients.issued(it));
    let owner = registration
        .filter(|one| readable || shared_key || Some(one.access_token.as_str()) == token);
    let (Some(registration), true) = (owner, policy != Management::Absent) else {
        // Unknown clients and wrong tokens look alike (RFC 7592 §2.1).
        let challenge = "Bearer error=\"invalid_token\"";
        let refusal = oauth_error(401, "invalid_token", "The registration token is not valid");
        return with_header(refusal, "www-authenticate", challenge);
    };
    match incoming.method {
        Method::GET => no_store(http::json(200, &registration.answer)),
        Method::DELETE if policy == Management::Undeletable => method_not_allowed("GET"),
        Method::DELETE => {
            if policy != Management::Undead {
                clients.known.remove(client_id);
            }
            no_store(http::empty(204))
        }
        _ => method_not_allowed("GET, DELETE"),
    }
}

/// What stands between anybody and the registration endpoint.
fn gate(shared: &Shared, incoming: &Incoming) -> Option<Response> {
    let policy = &shared.behaviour.registration;
    let (attempts, room) = {
        let mut clients = lock(&shared.clients);
        clients.registration_attempts = clients.registration_attempts.saturating_add(1);
        (clients.registration_attempts, clients.has_room())
    };
    let over = !room || (policy.limit > 0 && attempts > policy.limit);
    if over || policy.mode == RegistrationMode::RateLimited429 {
        let refusal = oauth_error(429, "temporarily_unavailable", "Too many registrations");
        return Some(with_header(refusal, "retry-after", "1"));
    }
    let admitted = bearer(incoming) == Some(shared.initial_access_token.as_str());
    let (status, challenge) = match policy.mode {
        RegistrationMode::Gated401 if !admitted => (401, "Bearer error=\"invalid_token\""),
        RegistrationMode::Gated403 if !admitted => (403, "Bearer error=\"insufficient_scope\""),
        RegistrationMode::SourcePolicy403 => {
            return Some(oauth_error(
                403,
                "access_denied",
                "Policy 'Trusted Hosts' refused",
            ));
        }
        _ => return None,
    };
    let refusal = oauth_error(status, "invalid_token", "An initial access token is needed");
    Some(with_header(refusal, "www-authenticate", challenge))
}

/// A registration request that was found in order.
struct Application {
    name: String,
    redirect_uris: Vec<String>,
    grants: Vec<String>,
    auth_method: String,
    scope: Option<String>,
}

impl Application {
    fn read(
        shared: &Shared,
        wanted: &Map<String, Value>,
    ) -> Result<Self, (&'static str, &'static str)> {
        let policy = &shared.behaviour.registration;
        let metadata = "invalid_client_metadata";
        let grants = words(wanted, "grant_types", &["authorization_code"])
            .ok_or((metadata, "`grant_types` must be an array of strings"))?;
        let machine = matches!(
            policy.grants,
            RegistrationGrants::ClientCredentials | RegistrationGrants::ClientCredentialsUnapproved
        );
        let outdated = policy.grants == RegistrationGrants::Outdated;
        let refreshes = shared.behaviour.grants.refresh != RefreshRotation::Absent;
        let allowed = |grant: &str| match grant {
            "authorization_code" | "refresh_token" => true,
            "client_credentials" => machine,
            _ => outdated,
        };
        if !grants.iter().all(|grant| allowed(grant)) {
            return Err((
                metadata,
                "A grant type is not available to registered clients",
            ));
        }
        let kinds = words(wanted, "response_types", &["code"])
            .ok_or((metadata, "`response_types` must be an array of strings"))?;
        if kinds.iter().any(|kind| kind != "code") && !outdated {
            return Err((metadata, "Only the response type `code` is available"));
        }
        let method = wanted
            .get("token_endpoint_auth_method")
            .map_or(Some("client_secret_basic"), Value::as_str);
        let auth_method = method
            .filter(|method| AUTH_METHODS.contains(method))
            .ok_or((metadata, "The authentication method is not available"))?;
        let redirect_uris = words(wanted, "redirect_uris", &[]).ok_or((
            "invalid_redirect_uri",
            "`redirect_uris` must be an array of strings",
        ))?;
        let redirect_uris: Vec<String> = redirect_uris
            .into_iter()
            .filter(|uri| {
                policy.redirects != RedirectPolicy::Drops || acceptable(RedirectPolicy::Exact, uri)
            })
            .collect();
        let redirects = grants.iter().any(|grant| grant == "authorization_code");
        let needed = policy.redirect_need == RedirectNeed::Required;
        if redirects && redirect_uris.is_empty() && needed {
            return Err((
                "invalid_redirect_uri",
                "At least one redirect URI is needed",
            ));
        }
        if !redirect_uris
            .iter()
            .all(|uri| acceptable(policy.redirects, uri))
        {
            return Err((
                "invalid_redirect_uri",
                "Redirect URIs must be https or loopback",
            ));
        }
        let loopback_refused = policy.mode == RegistrationMode::RefusesLoopback;
        let remote = redirect_uris.iter().all(|uri| uri.starts_with("https://"));
        if loopback_refused && !(remote && auth_method != "none") {
            return Err((
                "invalid_redirect_uri",
                "Clients must be confidential and use https",
            ));
        }
        Ok(Self {
            name: wanted
                .get("client_name")
                .and_then(Value::as_str)
                .unwrap_or("Unnamed")
                .to_owned(),
            redirect_uris,
            // Where no refresh tokens are issued, the answer says so by leaving the grant out.
            grants: grants
                .into_iter()
                .filter(|grant| grant != "refresh_token" || refreshes)
                .collect(),
            auth_method: auth_method.to_owned(),
            scope: scope(shared, wanted),
        })
    }
}

fn admit(shared: &Shared, application: Application) -> Response {
    let behaviour = &shared.behaviour;
    let policy = &behaviour.registration;
    let fixed = policy.mode == RegistrationMode::FixedClientId;
    let malformed = policy.response == RegistrationResponse::Malformed;
    let client_id = if fixed {
        FIXED_ID.to_owned()
    } else {
        shared.ids.next("client")
    };
    let confidential = application.auth_method != "none" || malformed;
    let secret = confidential.then(|| shared.ids.next("secret"));
    let access_token = shared.ids.next("registration");
    let mut answer = Map::new();
    answer.insert("client_id".to_owned(), json!(client_id));
    if let Some(secret) = &secret {
        answer.insert("client_secret".to_owned(), json!(secret));
        if !malformed {
            answer.insert("client_secret_expires_at".to_owned(), json!(0));
        }
    }
    if policy.lifetime_seconds > 0 {
        let end = get_current_timestamp().saturating_add(policy.lifetime_seconds);
        answer.insert("client_secret_expires_at".to_owned(), json!(end));
    }
    answer.insert(
        "client_id_issued_at".to_owned(),
        json!(get_current_timestamp()),
    );
    answer.insert("client_name".to_owned(), json!(application.name));
    answer.insert("redirect_uris".to_owned(), json!(application.redirect_uris));
    answer.insert("grant_types".to_owned(), json!(application.grants));
    answer.insert("response_types".to_owned(), json!(["code"]));
    answer.insert(
        "token_endpoint_auth_method".to_owned(),
        json!(application.auth_method),
    );
    if let Some(scope) = application.scope {
        answer.insert("scope".to_owned(), json!(scope));
    }
    if policy.management != Management::Absent && !fixed {
        let uri = format!("{}{}/{client_id}", shared.issuer, metadata::REGISTER);
        answer.insert("registration_client_uri".to_owned(), json!(uri));
        answer.insert("registration_access_token".to_owned(), json!(access_token));
    }
    let answer = Value::Object(answer);
    let client = KnownClient {
        name: application.name,
        // A public client does not have to show a secret it never asked for.
        secret: secret.filter(|_| application.auth_method != "none"),
        scopes: behaviour.scope_catalogue(),
        redirect_uris: application.redirect_uris,
        grants: application.grants,
        unapproved: policy.grants == RegistrationGrants::ClientCredentialsUnapproved,
        registration: Some(Registration {
            access_token,
            answer: answer.clone(),
        }),
    };
    lock(&shared.clients).known.insert(client_id, client);
    let response = http::json(if fixed { 200 } else { 201 }, &answer);
    if malformed {
        with_header(response, "cache-control", "public, max-age=3600")
    } else {
        no_store(response)
    }
}

/// Whether a redirect URI may be registered (RFC 7591 §5, RFC 8252 §7).
pub(crate) fn acceptable(policy: RedirectPolicy, uri: &str) -> bool {
    if matches!(policy, RedirectPolicy::Any | RedirectPolicy::RefusedLater) {
        return true;
    }
    let Ok(url) = Url::parse(uri) else {
        return false;
    };
    if uri.contains('*') || url.fragment().is_some() {
        return false;
    }
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => url.host().is_some(),
        "http" => loopback,
        // Private-use schemes are named after a domain, backwards (RFC 8252 §7.1).
        scheme => policy == RedirectPolicy::PrivateUse && scheme.contains('.'),
    }
}

/// What the answer says of scopes.
fn scope(shared: &Shared, wanted: &Map<String, Value>) -> Option<String> {
    let asked = wanted.get("scope").and_then(Value::as_str)?;
    match shared.behaviour.registration.scopes {
        RegistrationScopes::Ignored => None,
        RegistrationScopes::Kept => Some(asked.to_owned()),
        RegistrationScopes::Narrowed => Some(shared.behaviour.enforcement.base_scope.clone()),
    }
}

/// The request with the claims of its statement laid over it, whoever signed them.
fn believed(wanted: &Map<String, Value>, statement: &Value) -> Map<String, Value> {
    let claims = statement
        .as_str()
        .and_then(|text| text.split('.').nth(1))
        .and_then(|payload| BASE64URL.decode(payload).ok())
        .and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok())
        .unwrap_or_default();
    let mut merged = wanted.clone();
    for (name, value) in claims {
        merged.insert(name, value);
    }
    merged
}

fn words(wanted: &Map<String, Value>, name: &str, default: &[&str]) -> Option<Vec<String>> {
    let Some(value) = wanted.get(name) else {
        return Some(default.iter().map(|word| (*word).to_owned()).collect());
    };
    value
        .as_array()?
        .iter()
        .map(|word| word.as_str().map(str::to_owned))
        .collect()
}

fn bearer(incoming: &Incoming) -> Option<&str> {
    let (scheme, token) = incoming.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn invalid(error: &str, description: &str) -> Response {
    oauth_error(400, error, description)
}

const AUTH_METHODS: [&str; 3] = ["none", "client_secret_basic", "client_secret_post"];
const FIXED_ID: &str = "demo-shared-client";
