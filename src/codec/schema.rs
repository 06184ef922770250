//! JSON Schema to arguments: a minimal call that a tool accepts, and one that it cannot accept.
//!
//! Whatever is built is checked with a validator before it is handed out; what cannot be checked
//! within bounds is not built. No reference outside the schema is ever followed.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::schema_bounds::{Checker, resolve};
use super::schema_value::{Choices, generate};

/// Arguments that break every required property of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// The arguments: wrong types only, no property that is not required, nothing plausible.
    pub arguments: Value,
    /// The required properties, each of which is mistyped or missing.
    pub broken: Vec<String>,
}

/// The smallest arguments that satisfy an input schema; `canary` fills free text.
///
/// Examples, defaults and fixed values of the schema come first, generated values after them.
/// `None` when nothing that was tried validates, or the schema is too costly to check.
pub fn minimal_valid(schema: &Value, canary: &str) -> Option<Value> {
    let checker = Checker::new(schema)?;
    let empty = json!({});
    if required(schema).is_empty() && checker.accepts(&empty) == Some(true) {
        return Some(empty);
    }
    Choices::ALL.into_iter().find_map(|choices| {
        let value = generate(schema, canary, choices)?;
        (value.is_object() && checker.accepts(&value) == Some(true)).then_some(value)
    })
}

/// Whether a schema was seen to accept a value.
pub fn accepts(schema: &Value, value: &Value) -> bool {
    Checker::new(schema).and_then(|checker| checker.accepts(value)) == Some(true)
}

/// Valid arguments that name nothing which exists: no value of the schema's own, every text the
/// canary. `None` when an identifier would have to be a number or one of a list, which could hit
/// something.
pub fn null_object(schema: &Value, canary: &str) -> Option<Value> {
    let checker = Checker::new(schema)?;
    let made = generate(schema, canary, Choices::WITHOUT_HINTS)?;
    let members = made.as_object()?;
    let names_nothing = |value: &Value| match value {
        Value::String(text) => text.contains(canary),
        other => !other.is_number() && !other.is_array() && !other.is_object(),
    };
    let names_one = members
        .values()
        .any(|value| value.as_str().is_some_and(|text| text.contains(canary)));
    (names_one && members.values().all(names_nothing) && checker.accepts(&made) == Some(true))
        .then_some(made)
}

/// The same valid arguments with another value of one enumerated property, each still valid; `keep`
/// says which values may be tried.
pub fn choices(
    schema: &Value,
    arguments: &Value,
    most: usize,
    keep: &dyn Fn(&str) -> bool,
) -> Vec<Value> {
    let (Some(checker), Some(given)) = (Checker::new(schema), arguments.as_object()) else {
        return Vec::new();
    };
    let properties = |name: &str| {
        let mut found = None;
        visit_conjuncts(schema, schema, MAX_NESTING, &mut |part| {
            let own = part.get("properties").and_then(|all| all.get(name));
            let offered = own
                .and_then(|own| own.get("enum"))
                .and_then(Value::as_array);
            found = found.or(offered);
        });
        found
    };
    let mut varied = Vec::new();
    for name in required(schema) {
        let Some(offered) = properties(&name).filter(|all| (2..=MOST_CHOICES).contains(&all.len()))
        else {
            continue;
        };
        for value in offered
            .iter()
            .filter(|value| given.get(&name) != Some(value))
        {
            if !value.as_str().is_some_and(keep) || varied.len() >= most {
                continue;
            }
            let mut other = given.clone();
            other.insert(name.clone(), value.clone());
            let other = Value::Object(other);
            if checker.accepts(&other) == Some(true) {
                varied.push(other);
            }
        }
    }
    varied
}

/// What keeps arguments from being made for a schema, with its place.
pub fn obstacle(schema: &Value) -> String {
    if !schema.is_object() {
        return "its input schema is not an object".to_owned();
    }
    let mut outside = None;
    visit_references(schema, &mut String::new(), MAX_NESTING * 2, &mut outside);
    if let Some(place) = outside {
        return format!("`{place}` of its input schema points outside it, and nothing is fetched");
    }
    let Some(checker) = Checker::new(schema) else {
        return "its input schema is too large, too deep or no valid JSON Schema".to_owned();
    };
    let made = Choices::ALL
        .into_iter()
        .find_map(|choices| generate(schema, "mcpaudit", choices));
    match made.and_then(|value| checker.first_fault(&value)) {
        Some(place) => format!("nothing that was made satisfies `{place}` of its input schema"),
        None => "its input schema is recursive or too demanding to be satisfied within bounds"
            .to_owned(),
    }
}

/// Arguments in which every required property is wrong, so that no validating server runs them.
///
/// An object stands in for a required string or number, a number for an object or array, a string
/// for a boolean; a property that accepts anything is left out. With two or more required
/// properties at least one is mistyped. `None` when nothing is required or the defect cannot be
/// shown for each of them.
pub fn invalid_for_every_required(schema: &Value) -> Option<Invalid> {
    let broken = required(schema);
    if broken.is_empty() || broken.len() > MAX_REQUIRED {
        return None;
    }
    let checker = Checker::new(schema)?;
    let mut arguments = Map::new();
    for property in &broken {
        let wrong = substitutes(schema, property).into_iter().find(|wrong| {
            let lone = json!({property: wrong});
            checker
                .broken_properties(&lone)
                .is_some_and(|found| found.mistyped.contains(property))
        });
        if let Some(wrong) = wrong {
            arguments.insert(property.clone(), wrong);
        }
    }
    if broken.len() > 1 && arguments.is_empty() {
        return None;
    }
    let arguments = Value::Object(arguments);
    let found = checker.broken_properties(&arguments)?;
    let all = broken
        .iter()
        .all(|property| found.mistyped.contains(property) || found.missing.contains(property));
    (all && checker.accepts(&arguments) == Some(false)).then_some(Invalid { arguments, broken })
}

/// The properties that every call must carry: the schema's own and those of its `allOf` and `$ref`.
pub fn required(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    visit_conjuncts(schema, schema, MAX_NESTING, &mut |part| {
        let names = part.get("required").and_then(Value::as_array);
        for name in names.into_iter().flatten().filter_map(Value::as_str) {
            if seen.insert(name.to_owned()) {
                found.push(name.to_owned());
            }
        }
    });
    found
}

/// Finds the first reference that leaves the document.
fn visit_references(value: &Value, at: &mut String, depth: usize, found: &mut Option<String>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    if found.is_some() {
        return;
    }
    let mut step = |name: &str, member: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(name);
        let leaves = name == "$ref" && member.as_str().is_some_and(|it| !it.starts_with('#'));
        if leaves && found.is_none() {
            *found = Some(at.clone());
        }
        visit_references(member, at, depth, found);
        at.truncate(length);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| step(name, member)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| step(&index.to_string(), item)),
        _ => {}
    }
}

/// Values of types that the property does not declare, the preferred one first.
fn substitutes(schema: &Value, property: &str) -> Vec<Value> {
    let mut types = BTreeSet::new();
    visit_conjuncts(schema, schema, MAX_NESTING, &mut |part| {
        if let Some(declared) = part.get("properties").and_then(|all| all.get(property)) {
            collect_types(schema, declared, MAX_NESTING, &mut types);
        }
    });
    let object = json!({MARKER: true});
    let number = json!(1);
    let text = json!(MARKER);
    let takes = |kind: &str| types.contains(kind);
    if takes("object") || takes("array") {
        vec![number, text]
    } else if takes("boolean") && !takes("string") {
        vec![text, object]
    } else {
        vec![object, number, text]
    }
}

/// Calls `visit` with every schema that must hold at the place of `schema`.
fn visit_conjuncts<'s>(
    root: &'s Value,
    schema: &'s Value,
    depth: usize,
    visit: &mut dyn FnMut(&'s Value),
) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    visit(schema);
    if let Some(target) = resolve(root, schema) {
        visit_conjuncts(root, target, depth, visit);
    }
    let parts = schema.get("allOf").and_then(Value::as_array);
    for part in parts.into_iter().flatten().take(MAX_BRANCHES) {
        visit_conjuncts(root, part, depth, visit);
    }
}

fn collect_types(root: &Value, schema: &Value, depth: usize, types: &mut BTreeSet<String>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match schema.get("type") {
        Some(Value::String(name)) => drop(types.insert(name.clone())),
        Some(Value::Array(names)) => {
            types.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        _ => {}
    }
    if let Some(target) = resolve(root, schema) {
        collect_types(root, target, depth, types);
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let parts = schema.get(keyword).and_then(Value::as_array);
        for part in parts.into_iter().flatten().take(MAX_BRANCHES) {
            collect_types(root, part, depth, types);
        }
    }
}

/// Fills values that stand where they cannot belong.
const MARKER: &str = "mcp-assay-invalid";
/// A longer enumeration is a vocabulary, not a choice of actions.
const MOST_CHOICES: usize = 5;
const MAX_REQUIRED: usize = 32;
const MAX_NESTING: usize = 6;
const MAX_BRANCHES: usize = 8;

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
