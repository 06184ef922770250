//! The tools: those of the behaviour file, those made up for measurements, and their list.

use serde_json::{Map, Value, json};

use super::super::behaviour::{
    Behaviour, Cursor, Input, InputSchemas, ListStability, Revision, Scheme, SchemePlace,
    ScopeModel, Tool, ToolListing,
};
use super::super::state::Shared;
use super::gate::Principal;
use super::handles;

/// The tool of that name.
pub(crate) fn find(behaviour: &Behaviour, name: &str) -> Option<Tool> {
    behaviour.tools.get(name).cloned().or_else(|| {
        let ordinal: usize = name.strip_prefix(GENERATED_PREFIX)?.parse().ok()?;
        let exists = (1..=behaviour.server.generated_tools).contains(&ordinal);
        (exists && generated_name(ordinal) == name).then(|| generated(behaviour, ordinal))
    })
}

/// Whether the body of the tool of that name changes state.
pub(crate) fn writes(behaviour: &Behaviour, name: &str) -> bool {
    find(behaviour, name).is_some_and(|tool| tool.writes)
}

/// One page of the tools that a caller is shown, or none when the cursor leads nowhere.
pub(crate) fn page(
    shared: &Shared,
    revision: Revision,
    principal: Option<&Principal>,
    connection: usize,
    cursor: Option<&str>,
) -> Option<(Vec<Value>, Option<String>)> {
    let behaviour = &shared.behaviour;
    let mut shown = visible(behaviour, principal);
    let missing = match behaviour.server.list_stability {
        ListStability::Stable => false,
        ListStability::PerConnection => connection % 2 == 1,
        ListStability::PerRequest => shared.next_list() % 2 == 1,
    };
    if missing {
        shown.pop();
    }
    let start = match (cursor, behaviour.server.cursor) {
        (None, _) => 0,
        (Some(_), Cursor::Repeating) => behaviour.server.page_size,
        (Some(cursor), kind) => cursor
            .strip_prefix(CURSOR_PREFIX)?
            .parse()
            .ok()
            .filter(|start| *start < shown.len() || kind == Cursor::Endless)?,
    };
    let size = match behaviour.server.page_size {
        0 => shown.len(),
        size => size,
    };
    let end = start.saturating_add(size);
    let next = match behaviour.server.cursor {
        Cursor::Repeating => Some(format!("{CURSOR_PREFIX}again")),
        Cursor::Endless => Some(format!("{CURSOR_PREFIX}{end}")),
        Cursor::Advancing => (end < shown.len()).then(|| format!("{CURSOR_PREFIX}{end}")),
    };
    let tools = shown
        .iter()
        .skip(start)
        .take(size)
        .flat_map(|(name, tool)| {
            let twin = behaviour.server.twins.iter().any(|twin| twin == name);
            let other = twin.then(|| {
                let tool = Tool {
                    input: Input::Anything,
                    ..tool.clone()
                };
                described(behaviour, revision, name, &tool)
            });
            let mut shown = described(behaviour, revision, name, tool);
            let support = handles::support(shared, name);
            if let (Some(support), Some(members)) = (support, shown.as_object_mut()) {
                members.insert("execution".to_owned(), support);
            }
            std::iter::once(shown).chain(other)
        })
        .collect();
    Some((tools, next))
}

/// The JSON Schema of a tool's arguments.
pub(crate) fn input_schema(input: Input) -> Value {
    let text = |description: &str, example: &str| json!({"type": "string", "description": description, "examples": [example]});
    let (properties, required) = match input {
        Input::Anything => return json!({"type": "object"}),
        Input::None => (json!({}), json!([])),
        Input::Id => (json!({"id": text("Id of the note", "1")}), json!(["id"])),
        Input::Query => {
            let limit = json!({"type": "integer", "description": "Notes at most"});
            (
                json!({"query": text("Word to look for", "milk"), "limit": limit}),
                json!(["query"]),
            )
        }
        Input::Mode => {
            let mode = json!({"type": "string", "enum": ["summary", "full"]});
            (
                json!({"id": text("Id of the note", "1"), "mode": mode}),
                json!(["id", "mode"]),
            )
        }
        Input::Note => (
            json!({"title": text("Title", "Plan"), "body": text("Text", "First draft")}),
            json!(["title", "body"]),
        ),
    };
    let mut schema = json!({"type": "object", "properties": properties});
    if let Some(members) = schema.as_object_mut() {
        if required != json!([]) {
            members.insert("required".to_owned(), required);
        }
        members.insert("additionalProperties".to_owned(), json!(false));
    }
    schema
}

fn visible(behaviour: &Behaviour, principal: Option<&Principal>) -> Vec<(String, Tool)> {
    let by_scope = behaviour.server.list == ToolListing::ByScope
        || behaviour.enforcement.scopes == ScopeModel::ListedButNotEnforced;
    let open = |tool: &Tool| match principal {
        Some(principal) => tool
            .scopes
            .iter()
            .all(|scope| principal.scopes.contains(scope)),
        None => tool.scopes.is_empty(),
    };
    let own = behaviour
        .tools
        .iter()
        .map(|(name, tool)| (name.clone(), tool.clone()));
    let made_up = (1..=behaviour.server.generated_tools)
        .map(|ordinal| (generated_name(ordinal), generated(behaviour, ordinal)));
    own.chain(made_up)
        .filter(|(name, _)| !behaviour.server.hidden.contains(name))
        .filter(|(_, tool)| !by_scope || open(tool))
        .collect()
}

fn described(behaviour: &Behaviour, revision: Revision, name: &str, tool: &Tool) -> Value {
    let mut object = Map::new();
    object.insert("name".to_owned(), json!(name));
    object.insert("description".to_owned(), json!(tool.description));
    let schema = match tool.input {
        Input::Id => odd_schema(behaviour.server.input_schemas),
        _ => None,
    };
    let schema = schema.unwrap_or_else(|| input_schema(tool.input));
    object.insert("inputSchema".to_owned(), schema);
    let mut annotations = Map::new();
    if let Some(hint) = tool.read_only {
        annotations.insert("readOnlyHint".to_owned(), json!(hint));
    }
    if let Some(hint) = tool.destructive {
        annotations.insert("destructiveHint".to_owned(), json!(hint));
    }
    // Annotations came with 2025-03-26.
    if revision >= Revision::R2025_03 && !annotations.is_empty() {
        object.insert("annotations".to_owned(), Value::Object(annotations));
    }
    let schemes: Vec<Value> = tool
        .declares
        .iter()
        .map(|scheme| match scheme {
            Scheme::Noauth => json!({"type": "noauth"}),
            Scheme::Oauth2 => json!({"type": "oauth2", "scopes": stated(tool)}),
        })
        .collect();
    if !schemes.is_empty() {
        match behaviour.server.schemes {
            SchemePlace::TopLevel => object.insert("securitySchemes".to_owned(), json!(schemes)),
            SchemePlace::Meta => {
                object.insert("_meta".to_owned(), json!({"securitySchemes": schemes}))
            }
        };
    }
    Value::Object(object)
}

/// The scopes that a tool says it needs.
const fn stated(tool: &Tool) -> &Vec<String> {
    if tool.declared_scopes.is_empty() {
        &tool.scopes
    } else {
        &tool.declared_scopes
    }
}

/// A schema that a careless or hostile server publishes instead of its own.
fn odd_schema(schemas: InputSchemas) -> Option<Value> {
    let of = |property: Value| json!({"type": "object", "properties": {"id": property}, "required": ["id"]});
    match schemas {
        InputSchemas::Sound => None,
        InputSchemas::Recursive => Some(json!({
            "type": "object",
            "properties": {"id": {"$ref": "#"}},
            "required": ["id"],
            "allOf": [{"$ref": "#"}],
        })),
        InputSchemas::Enormous => {
            let names =
                (0..ENORMOUS).map(|number| (format!("p{number}"), json!({"type": "string"})));
            let mut schema = of(json!({"type": "string"}));
            if let Some(members) = schema
                .pointer_mut("/properties")
                .and_then(Value::as_object_mut)
            {
                members.extend(names);
            }
            Some(schema)
        }
        InputSchemas::Invalid => {
            Some(json!({"type": "nonsense", "properties": 7, "required": "id"}))
        }
        InputSchemas::Elsewhere => Some(of(json!({"$ref": "https://schemas.example.com/id.json"}))),
        InputSchemas::Lying => Some(json!({
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
        })),
    }
}

/// Odd ones read a record, even ones change one.
fn generated(behaviour: &Behaviour, ordinal: usize) -> Tool {
    let reads = ordinal % 2 == 1;
    let scope = if reads {
        behaviour.enforcement.base_scope.as_str()
    } else {
        "notes:write"
    };
    let made_up = &behaviour.server.generated_scopes;
    let turn = ordinal.checked_rem(made_up.len()).unwrap_or_default();
    let scope = made_up.get(turn).map_or(scope, String::as_str);
    Tool {
        description: if reads {
            format!("Read record {ordinal} by id")
        } else {
            format!("Update record {ordinal}")
        },
        writes: !reads,
        scopes: vec![scope.to_owned()],
        input: if reads { Input::Id } else { Input::Note },
        read_only: Some(reads),
        destructive: (!reads).then_some(true),
        declares: Vec::new(),
        declared_scopes: Vec::new(),
    }
}

fn generated_name(ordinal: usize) -> String {
    format!("{GENERATED_PREFIX}{ordinal:04}")
}

const ENORMOUS: usize = 6_000;
const GENERATED_PREFIX: &str = "tool_";
const CURSOR_PREFIX: &str = "after-";
