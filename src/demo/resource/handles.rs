//! Things that belong to one caller: drafts, attachments, the state of unfinished calls, tasks.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::behaviour::{CallState, Drafts, Links, Revision, Tasks};
use super::super::state::{Shared, lock};
use super::gate::{Asked, Principal};
use super::methods::{Context, Outcome};
use super::notes::{Note, failed, said};

/// The tasks, by id.
pub(crate) type Started = BTreeMap<String, Task>;

/// A task.
pub(crate) struct Task {
    owner: String,
    cancelled: bool,
}

/// The result of a tool whose body lives here.
pub(crate) fn run(
    shared: &Shared,
    principal: Option<&Principal>,
    tool: &str,
    arguments: &Map<String, Value>,
) -> Option<Value> {
    let id = arguments.get("id").and_then(Value::as_str);
    let id = id.unwrap_or_default();
    match tool {
        "read_draft" => {
            let author = principal.is_some_and(|one| one.subject == AUTHOR);
            let open = author || shared.behaviour.doors.drafts == Drafts::Anybody;
            Some(if id == "1" && open {
                said("Draft of a letter: I hereby resign")
            } else {
                failed(&format!("There is no draft {id}"))
            })
        }
        "show_attachment" => Some(json!({"content": [{
            "type": "resource_link",
            "uri": format!("{ATTACHMENT}{id}"),
            "name": "attachment",
        }]})),
        "compile_report" => Some(said("Two notes, one of them about milk")),
        _ => None,
    }
}

/// The scope that an attachment asks for at the door.
pub(crate) fn scope(shared: &Shared, asked: &Asked<'_>) -> Option<String> {
    let guarded = asked.method == "resources/read"
        && asked.name.starts_with(ATTACHMENT)
        && shared.behaviour.doors.links != Links::Open;
    let tool = shared.behaviour.tools.get("show_attachment")?;
    tool.scopes.first().filter(|_| guarded).cloned()
}

/// The attachment behind a URI.
pub(crate) fn attachment(
    shared: &Shared,
    principal: Option<&Principal>,
    uri: &str,
) -> Option<Note> {
    let id = uri.strip_prefix(ATTACHMENT)?;
    let exists = shared.behaviour.tools.contains_key("show_attachment") && id == "1";
    let author = principal.is_some_and(|one| one.subject == AUTHOR);
    let open = author || shared.behaviour.doors.links != Links::Guarded;
    (exists && open).then(|| Note {
        title: "Attachment".to_owned(),
        body: "Receipt of the milk, 3.20".to_owned(),
        maker: String::new(),
    })
}

/// `read_minutes` asks which chapter; the state says for whom the question was meant.
pub(crate) fn minutes(context: &Context<'_>, tool: &str, params: &Value) -> Option<Outcome> {
    if tool != "read_minutes" || context.revision != Revision::R2026_07 {
        return None;
    }
    let owner = context.principal.map_or("", |one| one.key.as_str());
    let subject = context.principal.map_or("", |one| one.subject.as_str());
    let own = sealed(context.shared, subject);
    let Some(state) = params.get("requestState").and_then(Value::as_str) else {
        let question = json!({"method": "elicitation/create", "params": {
            "mode": "form", "message": "Which chapter?",
            "requestedSchema": {"type": "object", "properties": {"chapter": {"type": "string"}}},
        }});
        return Some(Outcome::Result(json!({
            "resultType": "input_required",
            "inputRequests": {"chapter": question},
            "requestState": own,
        })));
    };
    let known = match context.shared.behaviour.doors.state {
        CallState::Bound => state == own,
        CallState::Unbound => [subject, "demo-user", "other-user"]
            .iter()
            .any(|one| state == sealed(context.shared, one)),
        CallState::Unchecked => true,
    };
    Some(if known && !owner.is_empty() {
        Outcome::Result(said(
            "Minutes: no chapter was chosen, so here is the summary",
        ))
    } else {
        Outcome::invalid_params("requestState is not valid")
    })
}

/// What the knob adds to a tool in the list.
pub(crate) fn support(shared: &Shared, tool: &str) -> Option<Value> {
    let takes = tool == TASK_TOOL && shared.behaviour.doors.tasks != Tasks::Off;
    takes.then(|| json!({"taskSupport": "optional"}))
}

/// What the knob adds to the capabilities.
pub(crate) fn capabilities(shared: &Shared, modern: bool, members: &mut Map<String, Value>) {
    if shared.behaviour.doors.tasks == Tasks::Off {
        return;
    }
    if modern {
        members.insert("extensions".to_owned(), json!({EXTENSION: {}}));
    } else {
        members.insert("tasks".to_owned(), json!({"list": {}, "cancel": {}}));
    }
}

/// A task in the place of a result, where the caller asked for one.
pub(crate) fn start(context: &Context<'_>, tool: &str, params: &Value) -> Option<Outcome> {
    let tasks = context.shared.behaviour.doors.tasks;
    if tool != TASK_TOOL || tasks == Tasks::Off {
        return None;
    }
    let modern = context.revision == Revision::R2026_07;
    let extensions = params
        .get("_meta")
        .and_then(|meta| meta.get("io.modelcontextprotocol/clientCapabilities"))
        .and_then(|declared| declared.get("extensions"));
    let wanted = if modern {
        extensions.is_some_and(|known| known.get(EXTENSION).is_some())
    } else {
        params.get("task").is_some()
    };
    if !wanted {
        return None;
    }
    let id = context.shared.ids.next("task");
    let task = Task {
        owner: context
            .principal
            .map(|one| one.subject.clone())
            .unwrap_or_default(),
        cancelled: false,
    };
    let shown = shown(&id, &task);
    lock(&context.shared.tasks).insert(id, task);
    Some(Outcome::Result(if modern {
        let mut whole = Map::from_iter([("resultType".to_owned(), json!("task"))]);
        whole.extend(shown);
        Value::Object(whole)
    } else {
        json!({"task": shown})
    }))
}

/// `tasks/get`, `tasks/list`, `tasks/cancel`.
pub(crate) fn answer(context: &Context<'_>, method: &str, params: &Value) -> Option<Outcome> {
    let doors = &context.shared.behaviour.doors;
    if doors.tasks == Tasks::Off {
        return None;
    }
    let caller = context.principal.map_or("", |one| one.subject.as_str());
    let visible = |task: &Task| task.owner == caller || doors.tasks == Tasks::Shared;
    let mut tasks = lock(&context.shared.tasks);
    if method == "tasks/list" {
        if context.revision == Revision::R2026_07 {
            return None;
        }
        let listed: Vec<_> = tasks
            .iter()
            .filter(|(_, task)| visible(task))
            .map(|(id, task)| shown(id, task))
            .collect();
        return Some(Outcome::Result(json!({"tasks": listed})));
    }
    let id = params
        .get("taskId")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let Some(task) = tasks.get_mut(id).filter(|task| visible(task)) else {
        return Some(Outcome::invalid_params("Task not found"));
    };
    if method == "tasks/cancel" {
        task.cancelled = true;
    }
    Some(Outcome::Result(Value::Object(shown(id, task))))
}

fn shown(id: &str, task: &Task) -> Map<String, Value> {
    let status = if task.cancelled {
        "cancelled"
    } else {
        "working"
    };
    Map::from_iter([
        ("taskId".to_owned(), json!(id)),
        ("status".to_owned(), json!(status)),
        ("ttl".to_owned(), json!(60_000)),
    ])
}

/// The server's own mark on a caller.
fn sealed(shared: &Shared, subject: &str) -> String {
    let seal = Sha256::digest(format!("{} {subject}", shared.initial_access_token));
    format!("{seal:x}")
}

/// Who wrote every draft and attached every file.
const AUTHOR: &str = "demo-user";
const ATTACHMENT: &str = "attachment://";
const TASK_TOOL: &str = "compile_report";
const EXTENSION: &str = "io.modelcontextprotocol/tasks";
