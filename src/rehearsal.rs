//! Auditing the embedded servers: what `demo` does and what the tests of whole audits use.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::audit;
use crate::checks;
use crate::demo::{
    self, Audit, AuditCanary, AuditObject, AuditStep, Behaviour, DemoToken, Intended, LoginMode,
    Running, TokenKind, visitor,
};
use crate::evidence::Folder;
use crate::model::audit::Engagement;
use crate::model::canary::{CanaryRule, Step};
use crate::model::grant::{ClientAuth, ClientProof, Grant, GrantRequest, OAuthClient};
use crate::model::identity::{IdentityKind, ScopeSet};
use crate::model::probe::Tier;
use crate::model::report::Report;
use crate::model::rules::Rules;
use crate::model::settings::{
    BypassRules, Callback, Calls, CredentialSource, Hierarchy, IdentitySource, KnownClient,
    LoginRequest, Mint, Network, ObjectRule, ObjectTarget, PolicyEntry, Settings, SkippedArm,
    ToolRule, Upkeep, Waiting,
};
use crate::model::verdict::Severity;
use crate::stage::{Entropy, Person, Run, Visit};
use crate::wire::Wire as _;
use crate::wire::documents::{Bounds, DocumentHost};
use crate::wire::http::HttpWire;

/// A finished audit of embedded servers, which are still up.
pub struct Rehearsal {
    /// The report.
    pub report: Report,
    /// The servers, with their counters.
    pub running: Running,
    /// What the audit was allowed.
    pub settings: Settings,
}

/// Starts the servers of a behaviour and audits them as its `[audit]` section says.
///
/// # Errors
/// When no port can be bound, or the behaviour names an unknown revision or tier.
pub async fn rehearse(
    behaviour: &Behaviour,
    seed: [u8; 32],
    started: &str,
) -> io::Result<Rehearsal> {
    rehearse_into(behaviour, seed, started, None).await
}

/// The same, with a folder that the evidence goes to.
///
/// # Errors
/// As [`rehearse`], and a folder that cannot be written.
pub async fn rehearse_into(
    behaviour: &Behaviour,
    seed: [u8; 32],
    started: &str,
    folder: Option<Folder>,
) -> io::Result<Rehearsal> {
    rehearse_before(behaviour, seed, started, folder, &Watch::NOBODY).await
}

/// Who is told how far a rehearsal is.
pub struct Watch<'a> {
    /// Told which stage runs, with its requests and those sent before it.
    pub stage: &'a (dyn Fn(&str, usize, usize) + Send + Sync),
    /// Told how many requests there will be at most.
    pub planned: &'a (dyn Fn(usize) + Send + Sync),
}

impl Watch<'static> {
    /// Nobody.
    pub const NOBODY: Self = Self {
        stage: &|_, _, _| {},
        planned: &|_| {},
    };
}

/// The same before somebody who watches.
///
/// # Errors
/// As [`rehearse_into`].
pub async fn rehearse_before(
    behaviour: &Behaviour,
    seed: [u8; 32],
    started: &str,
    folder: Option<Folder>,
    watch: &Watch<'_>,
) -> io::Result<Rehearsal> {
    let running = demo::start(behaviour).await?;
    let settings = settings(behaviour, &running, &seed)?;
    let decision = match behaviour.audit.login {
        LoginMode::Deny => "deny",
        LoginMode::Nobody | LoginMode::Approve | LoginMode::Registered | LoginMode::Device => {
            "approve"
        }
    };
    let visit = move |visit: &Visit<'_>| {
        let page = visit.url.to_owned();
        // A visitor who finds no page leaves the login unfinished, and the report says so.
        tokio::spawn(async move { visitor::visit(&page, decision).await });
    };
    let documents = documents(&running, &settings).await?;
    let aids = Aids {
        documents: documents.as_ref(),
        folder,
        show: &visit,
        watch,
    };
    let report = audit_with(&running.mcp_url, &settings, seed, started, aids).await?;
    Ok(Rehearsal {
        report,
        running,
        settings,
    })
}

/// Audits a server that is already up, every check included.
///
/// # Errors
/// When the URL or the network settings cannot be used.
pub async fn audit_url(
    url: &str,
    settings: &Settings,
    seed: [u8; 32],
    started: &str,
) -> io::Result<Report> {
    audit_as(url, settings, seed, started, &|_: &Visit<'_>| {}).await
}

/// The same with a person who can be asked to sign in.
///
/// # Errors
/// When the URL or the network settings cannot be used.
pub async fn audit_as(
    url: &str,
    settings: &Settings,
    seed: [u8; 32],
    started: &str,
    show: &(dyn Fn(&Visit<'_>) + Send + Sync),
) -> io::Result<Report> {
    let documents = if settings.allows(Tier::Register) {
        let Callback { base, listen } = settings.callback.clone();
        Some(DocumentHost::bind(listen, base, Bounds::default()).await?)
    } else {
        None
    };
    let aids = Aids {
        documents: documents.as_ref(),
        folder: None,
        show,
        watch: &Watch::NOBODY,
    };
    audit_with(url, settings, seed, started, aids).await
}

/// What an audit may make use of.
struct Aids<'a> {
    documents: Option<&'a DocumentHost>,
    folder: Option<Folder>,
    show: &'a (dyn Fn(&Visit<'_>) + Send + Sync),
    watch: &'a Watch<'a>,
}

async fn audit_with(
    url: &str,
    settings: &Settings,
    seed: [u8; 32],
    started: &str,
    mut aids: Aids<'_>,
) -> io::Result<Report> {
    let url = url::Url::parse(url).map_err(invalid)?;
    let wire = HttpWire::new(&url, &settings.network, CancellationToken::new()).map_err(invalid)?;
    let wire = wire.with_bodies(aids.folder.as_ref().map(Folder::store));
    let engagement = Engagement {
        run_id: settings.run_id.clone(),
        started: started.to_owned(),
        tiers: settings.tiers.iter().copied().collect(),
        reads: settings.reads,
        concurrency: settings.network.concurrency,
        rate: settings.network.rate,
        max_requests: settings.network.max_requests,
        insecure: settings.network.insecure,
        ..Engagement::default()
    };
    let told = |stage: &str, requests: usize| (aids.watch.stage)(stage, requests, wire.sent());
    let run = Run::new(&wire, settings, Entropy::new(seed), &told)
        .with_forecast(aids.watch.planned)
        .with_documents(aids.documents)
        .with_person(Person {
            show: aids.show,
            pasted: None,
            cancel: CancellationToken::new(),
        });
    let collected = Box::pin(audit::collect(&run, audit::target(&url), engagement)).await;
    let all = checks::all().iter().collect::<Vec<_>>();
    let rules = Rules::from(settings);
    if let Some(folder) = &mut aids.folder {
        folder.collected(&collected, &rules)?;
    }
    let report = audit::judge(collected, &all, &rules);
    if let Some(folder) = aids.folder {
        folder.finish(&report, None)?;
    }
    Ok(report)
}

/// The server of documents, and the demo's way to it: it plays the operator's forwarder.
async fn documents(running: &Running, settings: &Settings) -> io::Result<Option<DocumentHost>> {
    if !settings.allows(Tier::Register) {
        return Ok(None);
    }
    let bounds = Bounds {
        patience: PATIENCE,
        ..Bounds::default()
    };
    let base = settings.callback.base.clone();
    let host = DocumentHost::bind(settings.callback.listen, base, bounds).await?;
    if let Some(name) = settings.callback.base.as_ref().and_then(url::Url::host_str) {
        running.forward(name, host.address());
    }
    Ok(Some(host))
}

/// The settings that a behaviour asks for, with the tokens of its servers.
///
/// # Errors
/// When the behaviour names an unknown revision or tier.
pub fn settings(behaviour: &Behaviour, running: &Running, seed: &[u8; 32]) -> io::Result<Settings> {
    let mut tiers = BTreeSet::from([Tier::Passive, Tier::Anonymous, Tier::Authenticated]);
    for word in &behaviour.audit.allow {
        let tier = Tier::ALL.into_iter().find(|tier| tier.as_str() == word);
        tiers.insert(tier.ok_or_else(|| invalid(format!("`{word}` is not a tier")))?);
    }
    let revision = match behaviour.audit.revision.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|problem: String| invalid(problem))?),
    };
    let given = behaviour.audit.identities.iter();
    let mut identities: Vec<IdentitySource> = given
        .filter_map(|name| running.token(name))
        .map(identity)
        .collect();
    for mint in &behaviour.audit.mint {
        let Some(client) = running
            .clients
            .iter()
            .find(|client| client.id == mint.client)
        else {
            return Err(invalid(format!(
                "`{}` is not a client of the demo",
                mint.client
            )));
        };
        identities.push(IdentitySource {
            name: mint.identity.clone(),
            kind: IdentityKind::Valid,
            privileged: false,
            scopes: Some(mint.scopes.iter().cloned().collect()),
            header: None,
            credential: CredentialSource::Grant(GrantRequest {
                grant: Grant::ClientCredentials,
                client: OAuthClient {
                    id: client.id.clone(),
                    proof: ClientProof::Secret {
                        secret: SecretString::from(client.secret.clone()),
                        auth: ClientAuth::Advertised,
                    },
                },
                issuer: None,
                resource: None,
                dpop: None,
            }),
        });
    }
    let set = |scopes: &[String]| scopes.iter().cloned().collect::<ScopeSet>();
    let mint = behaviour.audit.ladder.as_ref().map(|ladder| Mint {
        from: vec![ladder.from.clone()],
        by_login: ladder.by_login,
        scopes: (!ladder.vary.is_empty()).then(|| set(&ladder.vary)),
        keep: set(&ladder.keep),
    });
    let pairs = behaviour.audit.hierarchy.iter();
    let hierarchy = pairs.map(|(broad, narrow)| Hierarchy {
        broad: broad.clone(),
        narrow: narrow.clone(),
    });
    let client = &behaviour.audit.client;
    let client = (!client.id.is_empty()).then(|| KnownClient {
        id: client.id.clone(),
        redirect_uri: client.redirect_uri.clone(),
        issuer: None,
    });
    let base = match behaviour.audit.callback_base.as_str() {
        "" => None,
        text => Some(url::Url::parse(text).map_err(invalid)?),
    };
    let defaults = defaults(seed);
    Ok(Settings {
        tiers,
        revision,
        identities,
        mint,
        hierarchy: hierarchy.collect(),
        calls: calls(behaviour)?,
        policy: behaviour.audit.policy.iter().map(intended).collect(),
        bypass: BypassRules {
            query_token: behaviour.audit.query_token,
            ..BypassRules::default()
        },
        observe_rate_limit: behaviour.audit.observe_rate_limit,
        tools: task_rule(behaviour)
            .into_iter()
            .chain(canaries(behaviour))
            .collect(),
        objects: objects(behaviour),
        client,
        certificates: certificates(behaviour, running),
        login: login(&behaviour.audit),
        callback: Callback {
            base,
            ..Callback::default()
        },
        network: Network {
            // The embedded server's certificate is its own.
            insecure: running.certificate.is_some(),
            ..defaults.network
        },
        ..defaults
    })
}

/// The certificate that the tokens of clients are bound to, for every token that the run mints.
fn certificates(behaviour: &Behaviour, running: &Running) -> BTreeMap<String, SecretString> {
    let pair = |pem: &String| {
        let minted = behaviour.audit.mint.iter();
        let pem = SecretString::from(pem.clone());
        minted.map(move |mint| (mint.identity.clone(), pem.clone()))
    };
    running.certificate.iter().flat_map(pair).collect()
}

/// Settings without identities: the default tiers, every check.
pub fn defaults(seed: &[u8; 32]) -> Settings {
    let run_id = Entropy::new(*seed).run_id();
    Settings {
        tiers: BTreeSet::from([Tier::Passive, Tier::Anonymous, Tier::Authenticated]),
        reads: true,
        bypass: BypassRules::default(),
        revision: None,
        identities: Vec::new(),
        certificates: BTreeMap::new(),
        upkeep: Upkeep::default(),
        login: None,
        waiting: Waiting::default(),
        mint: None,
        hierarchy: Vec::new(),
        client: None,
        policy: Vec::new(),
        accept: Vec::new(),
        tools: Vec::new(),
        values: Vec::new(),
        objects: Vec::new(),
        calls: Calls::default(),
        observe_rate_limit: None,
        network: Network {
            timeout: Duration::from_secs(20),
            user_agent: format!("mcp-assay/{} (run {run_id})", env!("CARGO_PKG_VERSION")),
            ..Network::default()
        },
        only: BTreeSet::new(),
        skip: BTreeSet::new(),
        fail_on: Severity::Medium,
        strict: false,
        named_at: None,
        callback: Callback::default(),
        run_id,
    }
}

/// The call that the auditor may start as a task, on the operator's word.
fn task_rule(behaviour: &Behaviour) -> Vec<ToolRule> {
    let name = &behaviour.audit.task_call;
    let rule = (!name.is_empty()).then(|| ToolRule {
        name: name.clone(),
        arguments: Some(serde_json::json!({})),
        vectors: Vec::new(),
        safe: None,
        null_object: false,
        canary: None,
    });
    rule.into_iter().collect()
}

/// The calls that the auditor may make on objects of its own, on the operator's word.
fn canaries(behaviour: &Behaviour) -> Vec<ToolRule> {
    let step = |step: &AuditStep| Step {
        tool: step.tool.clone(),
        arguments: serde_json::json!(step.arguments),
    };
    let rule = |canary: &AuditCanary| ToolRule {
        name: canary.tool.clone(),
        canary: Some(CanaryRule {
            arguments: serde_json::json!(canary.arguments),
            make: canary.make.as_ref().map(step),
            read_back: canary.read_back.as_ref().map(step),
            undo: canary.undo.as_ref().map(step),
            gone: canary.gone,
            private: canary.private,
        }),
        ..ToolRule::default()
    };
    behaviour.audit.canaries.iter().map(rule).collect()
}

fn objects(behaviour: &Behaviour) -> Vec<ObjectRule> {
    let rule = |object: &AuditObject| ObjectRule {
        owner: object.owner.clone(),
        target: if object.tool.is_empty() {
            ObjectTarget::Resource(object.resource.clone())
        } else {
            ObjectTarget::Tool {
                name: object.tool.clone(),
                arguments: serde_json::json!({"id": object.id}),
            }
        },
        private: true,
    };
    behaviour.audit.objects.iter().map(rule).collect()
}

fn calls(behaviour: &Behaviour) -> io::Result<Calls> {
    let mut skip_arms = BTreeSet::new();
    for word in &behaviour.audit.skip_arms {
        let arm = SkippedArm::ALL.into_iter().find(|arm| arm.as_str() == word);
        skip_arms.insert(arm.ok_or_else(|| invalid(format!("`{word}` is not an arm")))?);
    }
    Ok(Calls {
        observe_limit: behaviour.audit.observe_call_limit,
        traversal: behaviour.audit.probe_traversal,
        repeat: behaviour.audit.repeat,
        skip_arms,
    })
}

fn identity(token: &DemoToken) -> IdentitySource {
    IdentitySource {
        name: token.name.clone(),
        kind: match token.kind {
            TokenKind::Valid => IdentityKind::Valid,
            TokenKind::OtherUser => IdentityKind::OtherUser,
            TokenKind::Expired => IdentityKind::Expired,
            TokenKind::ForeignAudience => IdentityKind::ForeignAudience,
            TokenKind::ForeignIssuer => IdentityKind::ForeignIssuer,
            TokenKind::CrossIssuer => IdentityKind::CrossIssuer,
            TokenKind::IdToken => IdentityKind::IdToken,
            TokenKind::RefreshToken => IdentityKind::RefreshToken,
            TokenKind::WrongType => IdentityKind::WrongType,
            TokenKind::Upstream => IdentityKind::Upstream,
        },
        privileged: false,
        scopes: Some(token.scopes.iter().cloned().collect()),
        header: token.header.clone(),
        credential: CredentialSource::Token {
            source: "demo".to_owned(),
            token: SecretString::from(token.value.clone()),
        },
    }
}

fn intended(entry: &Intended) -> PolicyEntry {
    let set = |scopes: &Vec<String>| scopes.iter().cloned().collect();
    PolicyEntry {
        tools: entry.tools.clone(),
        subjects: entry.subjects.clone(),
        require: set(&entry.require),
        any_of: entry.any_of.iter().map(set).collect(),
        public: entry.public,
        deny: entry.deny,
    }
}

fn login(audit: &Audit) -> Option<LoginRequest> {
    let client_id = match audit.login {
        LoginMode::Nobody => return None,
        LoginMode::Approve | LoginMode::Deny | LoginMode::Device => Some("demo-cli".to_owned()),
        LoginMode::Registered => None,
    };
    let client = client_id.map(|id| OAuthClient {
        id,
        proof: ClientProof::Public,
    });
    Some(LoginRequest {
        client,
        scopes: (!audit.login_scopes.is_empty())
            .then(|| audit.login_scopes.iter().cloned().collect()),
        device: audit.login == LoginMode::Device,
        timeout: Duration::from_secs(5),
        grace: Duration::ZERO,
        ..LoginRequest::named(LoginMode::NAME)
    })
}

fn invalid(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

/// How long a slow document is drawn out; the embedded server gives up sooner.
const PATIENCE: Duration = Duration::from_secs(2);
