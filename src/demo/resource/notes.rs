//! The notes, and the bodies of the tools: what the author of a server would have written.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::behaviour::{Ownership, Promise, Receipt};
use super::super::state::{Shared, lock};
use super::gate::Principal;
use super::handles;

/// The notes, by id.
pub(crate) struct Notes {
    notes: BTreeMap<u64, Note>,
    next: u64,
}

/// A note.
#[derive(Clone)]
pub(crate) struct Note {
    pub(crate) title: String,
    pub(crate) body: String,
    /// Who made it; nobody's notes are everybody's.
    pub(crate) maker: String,
}

impl Default for Notes {
    fn default() -> Self {
        let note = |title: &str, body: &str| Note {
            title: title.to_owned(),
            body: body.to_owned(),
            maker: String::new(),
        };
        let notes = BTreeMap::from([
            (1, note("Shopping", "Milk, bread, candles")),
            (2, note("Meeting", "Thursday at ten, bring the milk budget")),
        ]);
        Self { notes, next: 3 }
    }
}

impl Notes {
    pub(crate) fn by_id(&self, id: &str) -> Option<Note> {
        self.notes.get(&id.parse().ok()?).cloned()
    }

    fn seen(&self, id: &str, eyes: &Eyes<'_>) -> Option<Note> {
        self.by_id(id).filter(|note| eyes.sees(note))
    }

    /// How many notes there are beyond those of the beginning, and how many of those are missing.
    pub(crate) fn changed(&self) -> usize {
        let begun = Self::default().notes;
        let missing = begun.keys().filter(|id| !self.notes.contains_key(id));
        let added = self.notes.keys().filter(|id| !begun.contains_key(id));
        missing.count() + added.count()
    }

    pub(crate) fn titles(&self) -> Vec<(String, String)> {
        self.notes
            .iter()
            .map(|(id, note)| (id.to_string(), note.title.clone()))
            .collect()
    }
}

/// Runs the body of a tool, counts it, and returns its result.
pub(crate) fn run(
    shared: &Shared,
    principal: Option<&Principal>,
    tool: &str,
    arguments: &Value,
) -> Value {
    shared.count_execution(tool);
    let empty = Map::new();
    let arguments = arguments.as_object().unwrap_or(&empty);
    let word = |name: &str| {
        arguments
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    if let Some(result) = handles::run(shared, principal, tool, arguments) {
        return result;
    }
    let knobs = shared.behaviour.store;
    let caller = principal.map_or("", |principal| principal.subject.as_str());
    let eyes = |open: &[Ownership]| Eyes {
        caller,
        all: open.contains(&knobs.sharing),
    };
    let reader = eyes(&[Ownership::Everybody, Ownership::Readers]);
    let deleter = eyes(&[Ownership::Everybody, Ownership::Deleters]);
    let finder = eyes(&[Ownership::Everybody]);
    let mut store = lock(&shared.notes);
    match tool {
        "list_notes" => {
            let lines: Vec<String> = store
                .titles()
                .iter()
                .map(|(id, title)| format!("{id}: {title}"))
                .collect();
            said(&lines.join("\n"))
        }
        "read_note" | "view_note" => match store.seen(word("id"), &reader) {
            Some(note) => said(&format!("{}\n\n{}", note.title, note.body)),
            None => failed(&format!("There is no note {}", word("id"))),
        },
        "search_notes" => {
            let wanted = word("query").to_lowercase();
            let hits: Vec<String> = store
                .notes
                .iter()
                .filter(|(_, note)| note.body.to_lowercase().contains(&wanted) && finder.sees(note))
                .map(|(id, note)| format!("{id}: {}", note.title))
                .collect();
            said(&format!("{} notes found\n{}", hits.len(), hits.join("\n")))
        }
        "list_revisions" => match store.by_id(word("id")) {
            Some(note) => said(&format!("1: {} (first draft)", note.title)),
            None => failed(&format!("There is no note {}", word("id"))),
        },
        "create_note" => match knobs.writes {
            Promise::Failing => failed("The store is read-only this week"),
            promise => {
                let id = store.next;
                if promise == Promise::Kept {
                    store.next += 1;
                    store.notes.insert(
                        id,
                        Note {
                            title: word("title").to_owned(),
                            body: word("body").to_owned(),
                            maker: caller.to_owned(),
                        },
                    );
                }
                created(knobs.receipt, id)
            }
        },
        "delete_note" => match (store.seen(word("id"), &deleter), knobs.deletes) {
            (None, _) => failed(&format!("There is no note {}", word("id"))),
            (Some(_), Promise::Failing) => failed("Notes are kept for thirty days"),
            (Some(note), promise) => {
                let id = word("id").parse().ok().filter(|_| promise == Promise::Kept);
                id.and_then(|id: u64| store.notes.remove(&id));
                said(&format!("Deleted note {}", note.title))
            }
        },
        "whoami" => {
            let name = principal.map_or("nobody", |principal| principal.subject.as_str());
            said(&format!("You are {name}"))
        }
        other => said(&format!("{other} is done")),
    }
}

/// What a call that was refused is told where refusals look like successes.
pub(crate) fn pretended(shared: &Shared, tool: &str) -> Value {
    match tool {
        "create_note" => created(shared.behaviour.store.receipt, lock(&shared.notes).next),
        "delete_note" => said("Deleted note Plan"),
        other => said(&format!("{other} is done")),
    }
}

fn created(receipt: Receipt, id: u64) -> Value {
    match receipt {
        Receipt::Id => said(&format!("Created note {id}")),
        Receipt::Bare => said("OK"),
    }
}

/// Whose notes a caller gets to see.
struct Eyes<'a> {
    caller: &'a str,
    all: bool,
}

impl Eyes<'_> {
    fn sees(&self, note: &Note) -> bool {
        self.all || note.maker.is_empty() || note.maker == self.caller
    }
}

/// A tool result that says something.
pub(crate) fn said(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

/// A tool result that reports a failure.
pub(crate) fn failed(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": true})
}
