//! A login: a person approves, a code comes back, and the code becomes the token of an identity.
//! What the token endpoint should refuse is tried afterwards, with further codes.

mod authorize;
mod client;
mod close;
mod codes;
mod device;
mod downgrade;
pub mod person;
mod poll;
mod refresh;
#[cfg(test)]
mod testing;
mod token;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::mint::binding;
use super::{Run, mint, obtain};
use crate::codec::jose;
use crate::model::audit::Collected;
use crate::model::discovery::{AuthorizationServer, Discovery};
use crate::model::exchange::ExchangeId;
use crate::model::grant::{Grant, GrantRequest};
use crate::model::identity::{Identity, IdentityKind, MissingIdentity, Provenance, ScopeSet};
use crate::model::login::{ClientOrigin, Login, Redemption, Trial};
use crate::model::settings::{AskedBy, CredentialSource, IdentitySource, LoginRequest};
use crate::wire::ProofKey;
use crate::wire::callback::Callback;

use authorize::Pkce;
use client::LoginClient;
use person::Visit;
use token::{Asked, Held};

pub use close::{close, leave};
pub(crate) use poll::POLLS as MOST_POLLS;

/// What `--login` left for the rest of the run: where further tokens of that person come from.
pub(crate) struct SignedIn {
    /// The identity, with the client of the login.
    pub(crate) source: IdentitySource,
    /// Where every browser of the run is sent back to.
    callback: Option<Arc<Callback>>,
}

/// A login under way: what further probes and the clean-up need.
pub struct Session {
    server: Endpoints,
    client: LoginClient,
    other: Option<LoginClient>,
    callback: Option<Arc<Callback>>,
    facts: Login,
    held: Vec<Held>,
    refresh: Option<SecretString>,
    /// The key to bind tokens to.
    key: Option<Arc<ProofKey>>,
    /// Whether they are to be bound; as the servers demand when absent.
    dpop: Option<bool>,
    /// How long to wait for the person.
    timeout: Duration,
    /// Where the login was asked for.
    asked_by: AskedBy,
    /// Tells its codes from those of other logins of the run.
    tag: String,
}

/// What the metadata of the chosen authorization server says.
#[derive(Clone, Debug)]
struct Endpoints {
    issuer: String,
    authorization: Option<url::Url>,
    token: String,
    device: Option<String>,
    revocation: Option<String>,
    registration: Option<String>,
    scopes: BTreeSet<String>,
    grants: Option<BTreeSet<String>>,
    auth_methods: Option<BTreeSet<String>>,
    challenge_methods: BTreeSet<String>,
    issuer_promised: bool,
    metadata: ExchangeId,
}

/// What a login gave.
pub struct Begun {
    /// The identity, or why it is missing.
    pub identity: Result<Identity, MissingIdentity>,
    /// What has to be probed and cleaned up later.
    pub session: Option<Session>,
}

/// Makes the login that the operator asked for; nothing when none was asked for.
pub async fn begin(run: &Run<'_>, collected: &mut Collected) -> Option<Begun> {
    let request = run.settings.login.clone()?;
    (run.progress)("login", 0);
    let missing = |reason: String, exchange| MissingIdentity {
        name: request.name.clone(),
        reason,
        exchange,
    };
    let mut session = match prepare(run, collected, &request).await {
        Ok(session) => session,
        Err(reason) => {
            return Some(Begun {
                identity: Err(missing(reason, None)),
                session: None,
            });
        }
    };
    let identity = match obtain(run, collected, &mut session, &request).await {
        Ok(obtained) => {
            let identity = identity(&session, &request, obtained);
            remember(run, collected, &session, &request, &identity);
            Ok(identity)
        }
        Err(reason) => {
            session.facts.failed = Some(reason.clone());
            let last = session.facts.redemptions.last();
            Err(missing(reason, last.map(|it| it.answer.exchange)))
        }
    };
    collected.logins.push(session.facts.clone());
    Some(Begun {
        identity,
        session: Some(session),
    })
}

/// Lets the rest of the run renew this identity and make narrower tokens from it.
fn remember(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &Session,
    request: &LoginRequest,
    identity: &Identity,
) {
    let own = GrantRequest {
        grant: if request.device {
            Grant::DeviceCode
        } else {
            Grant::AuthorizationCode
        },
        client: session.client.client.clone(),
        issuer: Some(session.server.issuer.clone()),
        resource: request.resource.clone(),
        dpop: request.dpop,
    };
    if let Some(refresh) = &session.refresh {
        obtain::keep(collected, &identity.name, &own, refresh.clone());
    }
    let scopes = identity.scopes().cloned().map(|mut scopes| {
        // Scopes of OpenID Connect open no tool.
        scopes.retain(|scope| scope != OPENID && scope != OFFLINE);
        scopes
    });
    let source = IdentitySource {
        name: identity.name.clone(),
        kind: identity.kind,
        privileged: identity.privileged,
        scopes,
        header: None,
        credential: CredentialSource::Grant(own),
    };
    let callback = session.callback.clone();
    // One login a run: a second would find the place taken.
    let _ = run.signed_in.set(SignedIn { source, callback });
}

/// A login that is for a token alone: nothing is tried with it, and its client is the operator's.
///
/// # Errors
/// Why there is no token.
pub(super) async fn sign_in(
    run: &Run<'_>,
    collected: &mut Collected,
    request: &LoginRequest,
) -> Result<(Identity, Option<SecretString>), MissingIdentity> {
    (run.progress)("login", 0);
    let missing = |reason: String, exchange| MissingIdentity {
        name: request.name.clone(),
        reason,
        exchange,
    };
    let mut session = prepare(run, collected, request)
        .await
        .map_err(|reason| missing(reason, None))?;
    let obtained = obtain(run, collected, &mut session, request).await;
    let obtained = obtained.map_err(|reason| {
        let last = session.facts.redemptions.last();
        missing(reason, last.map(|it| it.answer.exchange))
    })?;
    let identity = identity(&session, request, obtained);
    Ok((identity, session.refresh))
}

/// Tries what the token endpoint should refuse: bad redemptions, then refreshes, then what may cost
/// the person's tokens.
pub async fn probe(run: &Run<'_>, collected: &mut Collected, session: &mut Session) {
    if session.facts.failed.is_none() {
        close::take_up(collected, session);
        (run.progress)("login probes", 0);
        if session.callback.is_some() {
            codes::probe(run, collected, session).await;
            downgrade::probe(run, collected, session).await;
        }
        refresh::probe(run, collected, session).await;
        if let Some(known) = collected.logins.last_mut() {
            known.clone_from(&session.facts);
        }
    }
}

async fn obtain(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &mut Session,
    request: &LoginRequest,
) -> Result<Obtained, String> {
    if request.device {
        device::obtain(run, collected, session, request).await
    } else {
        first_code(run, collected, session).await
    }
}

/// A token of a person, as the token endpoint gave it.
struct Obtained {
    access: SecretString,
    granted: Option<ScopeSet>,
    expires_in: Option<u64>,
    exchange: ExchangeId,
}

async fn prepare(
    run: &Run<'_>,
    collected: &mut Collected,
    request: &LoginRequest,
) -> Result<Session, String> {
    if run.person.is_none() {
        return Err("a login needs a person, and this run has none to ask".to_owned());
    }
    let server = endpoints(&collected.discovery, request)?;
    let callback = if request.device {
        if server.device.is_none() {
            return Err(format!(
                "the metadata of {} names no `device_authorization_endpoint`; {}",
                server.issuer,
                without_device(request)
            ));
        }
        None
    } else {
        Some(callback(run, request.port).await?)
    };
    let redirect = callback.as_ref().map(|it| it.redirect_uri());
    let redirect = redirect.unwrap_or_default().to_owned();
    let client = client::obtain(run, collected, &server, request, &redirect).await?;
    let wanted = scopes(&collected.discovery, &server, request);
    let facts = Login {
        identity: request.name.clone(),
        issuer: server.issuer.clone(),
        grant: if request.device {
            device::GRANT.to_owned()
        } else {
            "authorization_code".to_owned()
        },
        client_id: client.shown.clone(),
        client: match client.registered {
            Some(_) => ClientOrigin::Registered,
            None => ClientOrigin::Operator,
        },
        public: client.is_public(),
        redirect_uri: redirect,
        requested: wanted,
        resource: request
            .resource
            .clone()
            .unwrap_or_else(|| mint::resource(&collected.discovery)),
        issuer_promised: server.issuer_promised,
        rounds: Vec::new(),
        bare: None,
        redemptions: Vec::new(),
        refreshes: Vec::new(),
        failed: None,
    };
    Ok(Session {
        server,
        client,
        other: None,
        callback,
        facts,
        held: Vec::new(),
        refresh: None,
        key: binding::wanted(run, collected, request.dpop),
        dpop: request.dpop,
        timeout: request.timeout,
        asked_by: request.asked_by,
        tag: tag(run, request),
    })
}

/// The one that `--login` waits on, where it does: its client may have registered no other.
async fn callback(run: &Run<'_>, port: Option<u16>) -> Result<Arc<Callback>, String> {
    let shared = run.signed_in.get().and_then(|it| it.callback.clone());
    if let Some(shared) = shared {
        return Ok(shared);
    }
    let bound = Callback::bind(port).await;
    bound.map(Arc::new).map_err(|error| match port {
        Some(port) => format!(
            "port {port} of 127.0.0.1 cannot be used ({error}); choose another with \
             `--login-port`, or leave it out for a free one"
        ),
        None => format!("no port of 127.0.0.1 can be used ({error})"),
    })
}

fn tag(run: &Run<'_>, request: &LoginRequest) -> String {
    let main = run.settings.login.as_ref();
    let first = run.signed_in.get().is_none();
    if first && main.is_some_and(|main| main.name == request.name) {
        return String::new();
    }
    format!("-{}", request.name)
}

/// The first authorization: its code is redeemed as it should be.
async fn first_code(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &mut Session,
) -> Result<Obtained, String> {
    let code = authorize::code(run, collected, session, "signing in", Pkce::S256).await?;
    let mut asked = codes::redeem(run, collected, session, &code, Trial::Proper).await;
    if token::binds_now(run, collected, session, &asked.answer) {
        // A server that wants a proof says so before it looks at the code (RFC 9449 §5).
        asked = codes::redeem(run, collected, session, &code, Trial::Proper).await;
    }
    let answer = asked.answer.clone();
    session.facts.redemptions.push(Redemption {
        trial: Trial::Proper,
        round: code.round,
        fresh: true,
        answer: answer.clone(),
    });
    session.refresh.clone_from(&asked.refresh);
    let refusal = token::refusal(collected, &answer, session);
    let access = asked.access.ok_or(refusal)?;
    Ok(Obtained {
        access,
        granted: answer.scopes,
        expires_in: asked.expires_in,
        exchange: answer.exchange,
    })
}

fn identity(session: &Session, request: &LoginRequest, obtained: Obtained) -> Identity {
    let requested = session.facts.requested.clone();
    Identity {
        name: request.name.clone(),
        kind: IdentityKind::Valid,
        provenance: Provenance::Minted {
            grant: session.facts.grant.clone(),
            client_id: session.facts.client_id.clone(),
            token_endpoint: session.server.token.clone(),
        },
        privileged: request.privileged,
        believed: None,
        // RFC 6749 §5.1: an absent `scope` means what was asked for was granted.
        granted: obtained.granted.or_else(|| requested.clone()),
        requested,
        expires_in: obtained.expires_in,
        claims: jose::peek(obtained.access.expose_secret()),
        exchange: Some(obtained.exchange),
        invalid: None,
        header: None,
        credential: Some(obtained.access),
    }
}

fn endpoints(discovery: &Discovery, request: &LoginRequest) -> Result<Endpoints, String> {
    let server = chosen(discovery, request)?;
    if server.has_default_endpoints() {
        return at_defaults(server, request);
    }
    let metadata = server.chosen().ok_or_else(|| {
        format!(
            "the metadata of {} was not found, so nobody can sign in there",
            server.issuer
        )
    })?;
    if metadata.text("issuer") != Some(server.issuer.as_str()) {
        // RFC 8414 §3.3: such metadata must not be used.
        return Err(format!(
            "the metadata of {} names the issuer `{}`; a client must not use it",
            server.issuer,
            metadata.text("issuer").unwrap_or_default()
        ));
    }
    let client = request.client.as_ref();
    let shown = |member: &str| match client {
        Some(client) => mint::endpoint(metadata, member, client),
        None => metadata.text(member),
    };
    let need = |member: &str| {
        let text = shown(member);
        text.ok_or_else(|| format!("the metadata of {} names no `{member}`", server.issuer))
    };
    let set = |member: &str| {
        let texts = metadata.texts(member);
        texts.map(|texts| {
            texts
                .into_iter()
                .map(str::to_owned)
                .collect::<BTreeSet<_>>()
        })
    };
    let owned = |member: &str| shown(member).map(str::to_owned);
    let authorization = match metadata.text("authorization_endpoint") {
        Some(text) => Some(authorize::endpoint(text)?),
        None if request.device => None,
        None => return Err(need("authorization_endpoint").err().unwrap_or_default()),
    };
    Ok(Endpoints {
        issuer: server.issuer.clone(),
        authorization,
        token: need("token_endpoint")?.to_owned(),
        device: owned("device_authorization_endpoint"),
        revocation: owned("revocation_endpoint"),
        registration: owned("registration_endpoint"),
        scopes: set("scopes_supported").unwrap_or_default(),
        grants: set("grant_types_supported"),
        auth_methods: set("token_endpoint_auth_methods_supported"),
        challenge_methods: set("code_challenge_methods_supported").unwrap_or_default(),
        issuer_promised: metadata.flag("authorization_response_iss_parameter_supported")
            == Some(true),
        metadata: metadata.exchange,
    })
}

/// The endpoints of 2025-03-26 where there is no metadata (§Fallbacks for Servers without Metadata
/// Discovery). That revision demands PKCE of every client and names no place that would announce it.
fn at_defaults(server: &AuthorizationServer, request: &LoginRequest) -> Result<Endpoints, String> {
    let issuer = &server.issuer;
    if request.device {
        return Err(format!(
            "{issuer} has no metadata, and 2025-03-26 has no default endpoint for devices; {}",
            without_device(request)
        ));
    }
    Ok(Endpoints {
        issuer: issuer.clone(),
        authorization: Some(authorize::endpoint(&format!("{issuer}/authorize"))?),
        token: server.default_token_endpoint(),
        device: None,
        revocation: None,
        registration: Some(format!("{issuer}/register")),
        scopes: BTreeSet::new(),
        grants: None,
        auth_methods: None,
        challenge_methods: BTreeSet::from(["S256".to_owned()]),
        issuer_promised: false,
        metadata: server.named_by,
    })
}

/// What to do where there is no device flow.
const fn without_device(request: &LoginRequest) -> &'static str {
    let entry = "take `grant = \"authorization_code\"` instead";
    request.asked_by.of("log in without `--device`", entry)
}

fn chosen<'d>(
    discovery: &'d Discovery,
    request: &LoginRequest,
) -> Result<&'d AuthorizationServer, String> {
    let servers = &discovery.authorization_servers;
    let issuers = servers.iter().map(|server| server.issuer.as_str());
    let named = issuers.collect::<Vec<_>>().join(", ");
    match &request.issuer {
        Some(issuer) => servers
            .iter()
            .find(|server| server.issuer == *issuer)
            .ok_or_else(|| {
                let said = request.asked_by.of("--issuer", "issuer =");
                format!(
                    "`{said} {issuer}` is none of the authorization servers the target names \
                     ({named})"
                )
            }),
        None if servers.len() > 1 => Err(format!(
            "the target names several authorization servers ({named}); choose one with {}",
            request.asked_by.of("`--issuer`", "`issuer`")
        )),
        None => servers.first().ok_or_else(|| {
            "the target names no authorization server, so nobody can sign in; give a token with \
             `--identity` instead"
                .to_owned()
        }),
    }
}

/// The scopes a client would ask for: the challenge's, else all that the resource lists, else none
/// (MCP §Scope Selection Strategy); with `offline_access` where the server knows it.
fn scopes(discovery: &Discovery, server: &Endpoints, request: &LoginRequest) -> Option<ScopeSet> {
    if let Some(scopes) = &request.scopes {
        return Some(scopes.clone());
    }
    let challenged = discovery.token_challenge().and_then(|challenge| {
        let text = challenge.value.param("scope")?.to_owned();
        let scopes: ScopeSet = text.split_ascii_whitespace().map(str::to_owned).collect();
        (!scopes.is_empty()).then_some(scopes)
    });
    let listed = || {
        let document = discovery.chosen_resource_metadata()?;
        let scopes = document.texts("scopes_supported")?;
        Some(scopes.into_iter().map(str::to_owned).collect::<ScopeSet>())
    };
    let mut scopes = challenged.or_else(listed)?;
    if server.scopes.contains(OFFLINE) {
        scopes.insert(OFFLINE.to_owned());
    }
    Some(scopes)
}

/// OpenID Connect Core §11: the scope that asks for a refresh token.
const OFFLINE: &str = "offline_access";
/// OpenID Connect Core §3.1.2.1: the scope that makes it a request about a user.
const OPENID: &str = "openid";
