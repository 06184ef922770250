//! Everything beside tools that the knobs of `doors` change: private things, completions, watching.

use serde_json::{Value, json};

use super::super::behaviour::{
    CacheMark, Completions, Greeting, Guard, MissingResource, PrivateRefusal, ResourceList,
    Revision, Subscriptions,
};
use super::super::state::{Shared, lock};
use super::gate::{Asked, Principal};
use super::handles;
use super::methods::{Context, Outcome};
use super::notes::Note;

/// What a request asks for is private, and its scope is asked for at the door.
pub(crate) fn scope(shared: &Shared, asked: &Asked<'_>) -> Option<String> {
    if let Some(scope) = handles::scope(shared, asked) {
        return Some(scope);
    }
    let doors = &shared.behaviour.doors;
    if !doors.private || doors.refusal != PrivateRefusal::Scope {
        return None;
    }
    let note = asked.name == PRIVATE_URI;
    let guarded = match asked.method {
        "resources/read" => note && doors.resources == Guard::Enforced,
        "resources/subscribe" => note && doors.subscriptions == Subscriptions::Readers,
        "prompts/get" => asked.name == PRIVATE_PROMPT && doors.prompts == Guard::Enforced,
        _ => false,
    };
    guarded.then(|| doors.scope.clone())
}

/// What a caller without the scope is told inside the answer, when the door said nothing.
pub(crate) fn refusal(
    context: &Context<'_>,
    guard: Guard,
    missing: &dyn Fn() -> Outcome,
) -> Option<Outcome> {
    let doors = &context.shared.behaviour.doors;
    if guard == Guard::ListOnly || holds(context.shared, context.principal) {
        return None;
    }
    match doors.refusal {
        PrivateRefusal::Scope => None,
        PrivateRefusal::Missing => Some(missing()),
        PrivateRefusal::Hinted => Some(Outcome::Error {
            code: -32003,
            message: "This belongs to the owner of the workspace".to_owned(),
            data: None,
        }),
    }
}

/// The resources that a caller is shown: id and title.
pub(crate) fn listed(shared: &Shared, principal: Option<&Principal>) -> Vec<(String, String)> {
    let mut notes = lock(&shared.notes).titles();
    if sees(shared, principal) {
        notes.push((PRIVATE_ID.to_owned(), "Salaries".to_owned()));
    }
    if shared.behaviour.doors.resource_list == ResourceList::Alternating
        && shared.next_list() % 2 == 1
    {
        notes.pop();
    }
    notes
}

/// The note behind a URI, the private one included.
pub(crate) fn note(shared: &Shared, principal: Option<&Principal>, uri: &str) -> Option<Note> {
    if let Some(attachment) = handles::attachment(shared, principal, uri) {
        return Some(attachment);
    }
    let id = uri.strip_prefix("note://")?;
    if id == PRIVATE_ID && shared.behaviour.doors.private {
        return Some(Note {
            title: "Salaries".to_owned(),
            body: "Ada 4100, Grace 4300, Edsger 4200".to_owned(),
            maker: String::new(),
        });
    }
    lock(&shared.notes).by_id(id)
}

/// What becomes of a URI that does not exist.
pub(crate) fn missing(context: &Context<'_>, uri: &str) -> Outcome {
    let missing = context.shared.behaviour.doors.missing;
    if missing == MissingResource::Empty {
        return Outcome::Result(json!({"contents": []}));
    }
    // -32002 was retired with 2026-07-28.
    let retired = context.revision != Revision::R2026_07 || missing == MissingResource::RetiredCode;
    Outcome::Error {
        code: if retired { -32002 } else { -32602 },
        message: "Resource not found".to_owned(),
        data: Some(json!({"uri": uri})),
    }
}

/// Whether a caller is shown the private things.
pub(crate) fn sees(shared: &Shared, principal: Option<&Principal>) -> bool {
    shared.behaviour.doors.private && holds(shared, principal)
}

/// What lists say about who may share them; the cursor tells the first page from the others.
pub(crate) fn cache_scope(shared: &Shared, params: &Value) -> Option<&'static str> {
    match shared.behaviour.doors.cache {
        CacheMark::Private => Some("private"),
        CacheMark::Mixed => Some(if params.get("cursor").is_none() {
            "private"
        } else {
            "public"
        }),
        CacheMark::Public => Some("public"),
        CacheMark::Absent => None,
    }
}

/// What the server tells everybody about itself.
pub(crate) fn instructions(shared: &Shared) -> String {
    let more = match shared.behaviour.doors.greeting {
        Greeting::Plain => "",
        Greeting::InternalHost => " Backed by http://db01.notes.internal:5432/notes.",
        Greeting::Secret => {
            " Backed by https://api.notes.example with Bearer \
             eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJub3RlcyJ9.c2lnbmF0dXJlLW9mLW5vYm9keQ."
        }
    };
    format!("Notes to read, search and change.{more}")
}

/// What the knobs add to the capabilities.
pub(crate) fn capabilities(shared: &Shared, modern: bool) -> Value {
    let doors = &shared.behaviour.doors;
    let mut capabilities = json!({"tools": {}, "resources": {}, "prompts": {}});
    if let Some(members) = capabilities.as_object_mut() {
        handles::capabilities(shared, modern, members);
        if doors.completions != Completions::Off {
            members.insert("completions".to_owned(), json!({}));
        }
        if doors.subscriptions != Subscriptions::Off {
            members.insert("resources".to_owned(), json!({"subscribe": true}));
        }
    }
    capabilities
}

/// `completion/complete`: ids of notes, for the prompt and for the template.
pub(crate) fn complete(context: &Context<'_>, params: &Value) -> Option<Outcome> {
    let shared = context.shared;
    let completions = shared.behaviour.doors.completions;
    if completions == Completions::Off {
        return None;
    }
    let text = |pointer: &str| params.pointer(pointer).and_then(Value::as_str);
    let known = match text("/ref/type") {
        Some("ref/prompt") => text("/ref/name") == Some("summarize_note"),
        Some("ref/resource") => text("/ref/uri") == Some("note://{id}"),
        _ => false,
    };
    if !known || text("/argument/name") != Some("id") {
        return Some(Outcome::invalid_params("There is nothing to complete here"));
    }
    let start = text("/argument/value").unwrap_or_default();
    let mut ids: Vec<String> = lock(&shared.notes)
        .titles()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    let all = completions == Completions::Everything && shared.behaviour.doors.private;
    if all || sees(shared, context.principal) {
        ids.push(PRIVATE_ID.to_owned());
    }
    ids.retain(|id| id.starts_with(start));
    let total = ids.len();
    Some(Outcome::Result(
        json!({"completion": {"values": ids, "total": total, "hasMore": false}}),
    ))
}

/// `resources/subscribe` and its opposite, up to 2025-11-25.
pub(crate) fn subscribe(context: &Context<'_>, params: &Value) -> Option<Outcome> {
    if context.revision == Revision::R2026_07 {
        return None;
    }
    let uri = params.get("uri").and_then(Value::as_str)?;
    match context.shared.behaviour.doors.subscriptions {
        Subscriptions::Off => None,
        _ if watches(context, uri) => Some(Outcome::Result(json!({}))),
        _ => Some(missing(context, uri)),
    }
}

/// The acknowledgement of `subscriptions/listen`: what of it is watched.
pub(crate) fn listen(context: &Context<'_>, params: &Value) -> Option<Value> {
    if context.shared.behaviour.doors.subscriptions == Subscriptions::Off {
        return None;
    }
    let asked = params.pointer("/notifications/resourceSubscriptions");
    let asked = asked.and_then(Value::as_array).cloned().unwrap_or_default();
    let watched: Vec<&str> = asked
        .iter()
        .filter_map(Value::as_str)
        .filter(|uri| watches(context, uri))
        .collect();
    Some(json!({
        "jsonrpc": "2.0",
        "method": "notifications/subscriptions/acknowledged",
        "params": {"notifications": {"resourceSubscriptions": watched}},
    }))
}

fn watches(context: &Context<'_>, uri: &str) -> bool {
    let exists = note(context.shared, context.principal, uri).is_some();
    match context.shared.behaviour.doors.subscriptions {
        Subscriptions::Off => false,
        Subscriptions::Readers => {
            exists && (uri != PRIVATE_URI || holds(context.shared, context.principal))
        }
        Subscriptions::Anybody => exists,
        Subscriptions::Unseen => true,
    }
}

fn holds(shared: &Shared, principal: Option<&Principal>) -> bool {
    principal.is_some_and(|one| one.scopes.contains(&shared.behaviour.doors.scope))
}

/// The prompt that only the scope shows.
pub(crate) const PRIVATE_PROMPT: &str = "compare_salaries";
/// The note that only the scope shows.
pub(crate) const PRIVATE_URI: &str = "note://9";
const PRIVATE_ID: &str = "9";
