//! Tasks: asked for by a stranger under a random id, and with consent by others than their owner.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::sample;
use super::send::{Extra, learned, send};
use crate::mcp::Operation;
use crate::mcp::header;
use crate::model::audit::{Collected, ResidueItem};
use crate::model::exchange::ExchangeId;
use crate::model::handles::{HandleAsk, Role, TaskTrial};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::surface::SubjectKind;
use crate::oracle::calibrate::Treatment;
use crate::stage::calls::Treatments;
use crate::stage::enumerate::Sessions;
use crate::stage::session::Session;
use crate::stage::{Run, file, reply};
use crate::wire::{Learned, RawAnswer};

/// Asks for tasks as far as the operator allows.
pub(super) async fn ask(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    treatments: &Treatments,
) {
    if !is_offered(collected) {
        return;
    }
    strangers(run, collected, sessions).await;
    let started = tool(run, collected, treatments);
    let owner = collected.identities.baseline().cloned();
    if let (Some((tool, arguments)), Some(owner)) = (started, owner)
        && let Some(session) = sessions.get(&owner.name).cloned()
    {
        let mut doors = Door {
            run,
            collected,
            sessions,
        };
        doors.started(&owner, &session, &tool, &arguments).await;
    }
}

/// Upper bounds on requests: without consent, to start one, and to ask for it.
pub(crate) fn planned(
    collected: &Collected,
    settings: &crate::model::settings::Settings,
) -> [usize; 3] {
    if !is_offered(collected) {
        return [0; 3];
    }
    let consent = usize::from(settings.allows(Tier::Call) && !settings.tools.is_empty());
    [1 + MOST_LISTING, consent, 9 * consent]
}

/// Whether the server declares tasks, in the core (2025-11-25) or as an extension.
fn is_offered(collected: &Collected) -> bool {
    let capabilities = collected.discovery.capabilities.as_ref();
    let Some(declared) = capabilities.map(|it| &it.value) else {
        return false;
    };
    let extension = declared.get("extensions").and_then(|it| it.get(EXTENSION));
    declared
        .get("tasks")
        .or(extension)
        .is_some_and(Value::is_object)
}

/// A random id without a token, and the lists of a few identities (2025-11-25).
async fn strangers(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    let mut trial = TaskTrial {
        tool: None,
        created: None,
        asks: Vec::new(),
        cancelled: true,
    };
    let random = SecretString::from(run.entropy.word("ghost-task", 24));
    let asking = sample(collected, MOST_LISTING);
    let mut questions: Vec<(&Identity, Role, &'static str)> = Vec::new();
    let anonymous = asking.iter().find(|it| it.kind == IdentityKind::Anonymous);
    questions.extend(anonymous.map(|it| (it, Role::Anonymous, GET)));
    for identity in &asking {
        let role = match identity.kind {
            IdentityKind::Anonymous => Role::Anonymous,
            _ => Role::Weaker,
        };
        questions.push((identity, role, LIST));
    }
    for (identity, role, method) in questions {
        let Some(session) = sessions.get(&identity.name) else {
            continue;
        };
        if method == LIST && session.revision.is_modern() {
            continue;
        }
        let key = ProbeKey::new(ProbeId::StrangeTask).variant(method);
        let exchange = ask_once(run, collected, key, identity, session, method, &random).await;
        trial.asks.push(said(identity, role, method, exchange));
    }
    collected.handles.tasks.push(trial);
}

/// One run of the pipeline for a task of the run's own.
struct Door<'r, 'a, 'c> {
    run: &'r Run<'a>,
    collected: &'c mut Collected,
    sessions: &'c Sessions,
}

impl Door<'_, '_, '_> {
    async fn started(
        &mut self,
        owner: &Identity,
        session: &Session,
        tool: &str,
        arguments: &Value,
    ) {
        let Some((created, id)) = self.start(owner, session, tool, arguments).await else {
            return;
        };
        let mut trial = TaskTrial {
            tool: Some(SubjectKind::Tool.subject_id(tool)),
            created: Some(created),
            asks: Vec::new(),
            cancelled: false,
        };
        let lists = !session.revision.is_modern();
        let other = self.collected.identities.other_user().cloned();
        let present = self.collected.identities.present.clone();
        let anonymous = present.iter().find(|it| it.kind == IdentityKind::Anonymous);
        let mut questions: Vec<(Identity, Role, &'static str)> =
            vec![(owner.clone(), Role::Owner, GET)];
        for (role, identity) in [
            (Role::OtherUser, other.as_ref()),
            (Role::Anonymous, anonymous),
        ] {
            let Some(identity) = identity else { continue };
            questions.push((identity.clone(), role, GET));
            if lists {
                questions.push((identity.clone(), role, LIST));
            }
        }
        if let Some(other) = other {
            questions.push((other, Role::OtherUser, CANCEL));
        }
        for (identity, role, method) in questions {
            let Some(session) = self.sessions.get(&identity.name) else {
                continue;
            };
            let key = key(tool, method);
            let exchange = ask_once(
                self.run,
                self.collected,
                key,
                &identity,
                session,
                method,
                &id,
            )
            .await;
            trial.asks.push(said(&identity, role, method, exchange));
        }
        trial.cancelled = self.cancel(owner, session, tool, &id).await;
        if !trial.cancelled {
            self.collected.residue.push(residue(tool, session, created));
        }
        self.collected.handles.tasks.push(trial);
    }

    async fn start(
        &mut self,
        owner: &Identity,
        session: &Session,
        tool: &str,
        arguments: &Value,
    ) -> Option<(ExchangeId, SecretString)> {
        let mut params = json!({"name": tool, "arguments": arguments});
        let members = params.as_object_mut()?;
        if session.revision.is_modern() {
            members.insert("_meta".to_owned(), meta(session));
        } else {
            members.insert("task".to_owned(), json!({"ttl": 60_000}));
        }
        let operation = Operation::Raw {
            method: "tools/call",
            params,
        };
        let learn = |answer: &RawAnswer<'_>| task_of(answer);
        let extra = Extra {
            learn: Some(&learn),
            ..Extra::none()
        };
        let key = ProbeKey::new(ProbeId::StartTask).about(SubjectKind::Tool.subject_id(tool));
        let sent = send(self.run, key, owner, session, &operation, extra).await;
        let id = sent.learned.first().map(|it| it.secret.clone());
        let created = file(self.collected, sent);
        Some((created, id?))
    }

    async fn cancel(
        &mut self,
        owner: &Identity,
        session: &Session,
        tool: &str,
        id: &SecretString,
    ) -> bool {
        let key = key(tool, "clean-up");
        let exchange = ask_once(self.run, self.collected, key, owner, session, CANCEL, id).await;
        let answer = self.collected.ledger.exchange(exchange);
        answer.is_some_and(|it| reply::result(it).is_some())
    }
}

async fn ask_once(
    run: &Run<'_>,
    collected: &mut Collected,
    key: ProbeKey,
    identity: &Identity,
    session: &Session,
    method: &'static str,
    id: &SecretString,
) -> ExchangeId {
    let mut params = match method {
        LIST => json!({}),
        _ => json!({"taskId": id.expose_secret()}),
    };
    let mut extra = Extra::none();
    if session.revision.is_modern() {
        if let Some(members) = params.as_object_mut() {
            members.insert("_meta".to_owned(), meta(session));
        }
        // SEP-2663: the task is named in a header as well, so that it can be routed.
        let name = header::encode_value(id.expose_secret());
        extra.headers.push(("Mcp-Name".to_owned(), name));
    }
    let operation = Operation::Raw { method, params };
    let sent = send(run, key, identity, session, &operation, extra).await;
    file(collected, sent)
}

/// The metadata of a request that says its client knows tasks.
fn meta(session: &Session) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": session.revision.as_str(),
        "io.modelcontextprotocol/clientInfo": {
            "name": "mcp-assay", "version": env!("CARGO_PKG_VERSION"),
        },
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}},
    })
}

/// The first tool that the operator gave arguments for and that may be started as a task.
fn tool(run: &Run<'_>, collected: &Collected, treatments: &Treatments) -> Option<(String, Value)> {
    if !run.settings.allows(Tier::Call) {
        return None;
    }
    let modern = collected.discovery.revision()?.is_modern();
    run.settings.tools.iter().find_map(|rule| {
        let id = SubjectKind::Tool.subject_id(&rule.name);
        let given = rule.arguments.as_ref()?;
        let asked = treatments.get(&id)?;
        let allowed = matches!(
            asked,
            Treatment::Valid { .. } | Treatment::ListedCall { .. }
        );
        // Since 2026-07-28 the server decides whether a call becomes a task.
        let takes = modern || supports(collected, &rule.name);
        (allowed && takes).then(|| (rule.name.clone(), given.clone()))
    })
}

/// Whether a list says that the tool may run as a task (2025-11-25 `execution.taskSupport`).
fn supports(collected: &Collected, tool: &str) -> bool {
    let lists = collected
        .ledger
        .iter()
        .filter(|it| it.probe.id == ProbeId::ListTools)
        .filter_map(reply::result);
    let mut listed = lists.flat_map(|result| {
        let tools = result.get("tools").and_then(Value::as_array).cloned();
        tools.unwrap_or_default()
    });
    listed.any(|it| {
        let support = it.pointer("/execution/taskSupport").and_then(Value::as_str);
        it.get("name").and_then(Value::as_str) == Some(tool)
            && matches!(support, Some("optional" | "required"))
    })
}

/// The id of a task in the answer to a call. Whoever holds it may try it, so it is a secret.
fn task_of(answer: &RawAnswer<'_>) -> Vec<Learned> {
    learned(answer, "task", LONGEST, |it| {
        let result = it.get("result")?;
        let task = result.pointer("/task/taskId");
        task.or_else(|| result.get("taskId"))
    })
}

fn key(tool: &str, variant: &str) -> ProbeKey {
    ProbeKey::new(ProbeId::AskTask)
        .about(SubjectKind::Tool.subject_id(tool))
        .variant(variant)
}

fn said(identity: &Identity, role: Role, method: &str, exchange: ExchangeId) -> HandleAsk {
    HandleAsk {
        identity: identity.name.clone(),
        role,
        what: method.to_owned(),
        exchange,
    }
}

fn residue(tool: &str, session: &Session, created: ExchangeId) -> ResidueItem {
    ResidueItem {
        kind: "task".to_owned(),
        name: format!("task of `{tool}`"),
        location: session.url.clone(),
        reason: "`tasks/cancel` of its owner brought no result; the task may still run".to_owned(),
        undo: "`tasks/cancel` with its id, or wait until its time to live is over".to_owned(),
        exchange: Some(created),
    }
}

const GET: &str = "tasks/get";
const LIST: &str = "tasks/list";
const CANCEL: &str = "tasks/cancel";
const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// Identities whose list is read.
const MOST_LISTING: usize = 4;

/// Bytes of a task id.
const LONGEST: usize = 1024;
