//! A JSON Schema validator that a hostile schema cannot keep busy.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

/// A compiled schema with bounds on what it may cost.
pub(super) struct Checker<'s> {
    root: &'s Value,
    validator: Validator,
}

/// Which top-level properties of an instance are wrong.
#[derive(Debug, Default)]
pub(super) struct Broken {
    /// Present with a value that its schema refuses.
    pub(super) mistyped: BTreeSet<String>,
    /// Required and absent.
    pub(super) missing: BTreeSet<String>,
}

impl<'s> Checker<'s> {
    /// Compiles a schema; `None` when it is too large, points outside itself, or is no schema.
    pub(super) fn new(root: &'s Value) -> Option<Self> {
        let mut left = MAX_NODES;
        let mut text_left = MAX_TEXT;
        if !is_bounded(root, MAX_DEPTH, &mut left, &mut text_left) {
            return None;
        }
        let options = jsonschema::options()
            .offline()
            .with_draft(draft(root))
            .should_validate_formats(true)
            // The built-in check is the one parser of instance text without a depth limit.
            .with_format("regex", |_: &str| true)
            .with_pattern_options(
                PatternOptions::fancy_regex()
                    .backtrack_limit(BACKTRACKS)
                    .size_limit(REGEX_BYTES)
                    .dfa_size_limit(REGEX_BYTES),
            );
        let validator = contained(|| options.build(root).ok())??;
        Some(Self { root, validator })
    }

    /// Whether an instance is valid; `None` when telling would cost too much.
    pub(super) fn accepts(&self, instance: &Value) -> Option<bool> {
        self.is_affordable(instance)
            .then(|| contained(|| self.validator.is_valid(instance)))?
    }

    /// The place in the schema of the first demand that an instance does not meet.
    pub(super) fn first_fault(&self, instance: &Value) -> Option<String> {
        if !self.is_affordable(instance) {
            return None;
        }
        contained(|| {
            let mut errors = self.validator.iter_errors(instance);
            errors.next().map(|error| error.schema_path().to_string())
        })?
    }

    /// Which top-level properties are wrong; `None` when telling would cost too much.
    pub(super) fn broken_properties(&self, instance: &Value) -> Option<Broken> {
        if !self.is_affordable(instance) {
            return None;
        }
        contained(|| {
            let mut broken = Broken::default();
            for error in self.validator.iter_errors(instance).take(MAX_ERRORS) {
                match (error.instance_path().into_iter().next(), error.kind()) {
                    (Some(LocationSegment::Property(name)), _) => {
                        broken.mistyped.insert(name.into_owned());
                    }
                    (None, ValidationErrorKind::Required { property }) => {
                        broken.missing.extend(property.as_str().map(str::to_owned));
                    }
                    _ => {}
                }
            }
            broken
        })
    }

    fn is_affordable(&self, instance: &Value) -> bool {
        let mut visits = MAX_VISITS;
        self.walk(self.root, instance, MAX_WALK, &mut visits)
            .is_some()
    }

    /// Follows every branch that a validator could take; `None` when the budget runs out.
    fn walk(
        &self,
        schema: &Value,
        instance: &Value,
        depth: usize,
        visits: &mut usize,
    ) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        *visits = visits.checked_sub(1)?;
        let Some(members) = schema.as_object() else {
            return Some(());
        };
        // `unevaluated…` runs its neighbours again to learn what they evaluated.
        let rounds = if members.keys().any(|key| key.starts_with("unevaluated")) {
            3
        } else {
            1
        };
        for _ in 0..rounds {
            if members.contains_key("$ref") {
                self.walk(resolve(self.root, schema)?, instance, depth, visits)?;
            }
            for keyword in IN_PLACE {
                match members.get(keyword) {
                    Some(Value::Array(parts)) => {
                        for part in parts {
                            self.walk(part, instance, depth, visits)?;
                        }
                    }
                    Some(part) => self.walk(part, instance, depth, visits)?,
                    None => {}
                }
            }
            for keyword in ["dependentSchemas", "dependencies"] {
                let parts = members.get(keyword).and_then(Value::as_object);
                for part in parts.into_iter().flat_map(|parts| parts.values()) {
                    self.walk(part, instance, depth, visits)?;
                }
            }
        }
        if members.contains_key("pattern") {
            *visits = visits.checked_sub(MATCH_COST)?;
        }
        let enumerated = members.get("enum").and_then(Value::as_array);
        *visits = visits.checked_sub(enumerated.map_or(0, Vec::len))?;
        match instance {
            Value::Object(properties) => {
                let patterns = members.get("patternProperties");
                let patterns = patterns
                    .and_then(Value::as_object)
                    .map_or(0, serde_json::Map::len);
                let matches = patterns.saturating_mul(properties.len());
                *visits = visits.checked_sub(matches.saturating_mul(MATCH_COST))?;
                for (name, value) in properties {
                    for part in members_for(members, name) {
                        self.walk(part, value, depth, visits)?;
                    }
                }
            }
            Value::Array(items) => {
                // `uniqueItems` compares every pair.
                *visits = visits.checked_sub(items.len().saturating_mul(items.len()))?;
                for (at, item) in items.iter().enumerate() {
                    for part in items_for(members, at) {
                        self.walk(part, item, depth, visits)?;
                    }
                }
            }
            Value::String(text) if text.len() > MAX_MATCHED => return None,
            _ => {}
        }
        Some(())
    }
}

/// The schema that a local `$ref` names; references out of the document resolve to nothing.
pub(super) fn resolve<'s>(root: &'s Value, schema: &Value) -> Option<&'s Value> {
    let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
    if pointer.contains('%') {
        return root.pointer(&percent_decoded(pointer)?);
    }
    root.pointer(pointer)
}

fn members_for<'s>(
    schema: &'s serde_json::Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'s Value> {
    let own = schema.get("properties").and_then(|all| all.get(name));
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let others = [
        "additionalProperties",
        "unevaluatedProperties",
        "propertyNames",
    ];
    own.into_iter()
        .chain(patterns.into_iter().flat_map(|all| all.values()))
        .chain(others.into_iter().filter_map(|keyword| schema.get(keyword)))
}

fn items_for(schema: &serde_json::Map<String, Value>, at: usize) -> impl Iterator<Item = &Value> {
    let tuple = |keyword: &str| schema.get(keyword)?.as_array()?.get(at);
    let whole = ["items", "contains", "additionalItems", "unevaluatedItems"];
    [tuple("prefixItems"), tuple("items")]
        .into_iter()
        .flatten()
        .chain(whole.into_iter().filter_map(|keyword| schema.get(keyword)))
}

/// Counts values and text, and refuses what would lead the validator elsewhere than [`resolve`].
fn is_bounded(value: &Value, depth: usize, nodes: &mut usize, text: &mut usize) -> bool {
    let (Some(depth), Some(nodes_left)) = (depth.checked_sub(1), nodes.checked_sub(1)) else {
        return false;
    };
    *nodes = nodes_left;
    let mut spend = |length: usize| match text.checked_sub(length) {
        Some(left) if length <= MAX_STRING => {
            *text = left;
            true
        }
        _ => false,
    };
    match value {
        Value::String(string) => spend(string.len()),
        Value::Array(items) => items
            .iter()
            .all(|item| is_bounded(item, depth, nodes, text)),
        Value::Object(members) => {
            let is_root = depth == MAX_DEPTH.saturating_sub(1);
            members.keys().all(|name| spend(name.len()))
                && members.iter().all(|(name, member)| {
                    let allowed = match (name.as_str(), member) {
                        ("$ref", Value::String(target)) => {
                            target == "#" || target.starts_with("#/")
                        }
                        ("$dynamicRef" | "$recursiveRef", Value::String(_)) => false,
                        ("$id", Value::String(_)) => is_root,
                        ("pattern", Value::String(pattern)) => pattern.len() <= MAX_PATTERN,
                        ("patternProperties", Value::Object(all)) => {
                            all.keys().all(|pattern| pattern.len() <= MAX_PATTERN)
                        }
                        _ => true,
                    };
                    allowed && is_bounded(member, depth, nodes, text)
                })
        }
        _ => true,
    }
}

/// The draft that a schema names; the current one when it names none or an unknown one.
///
/// Drafts before 6 resolve references by `id`, which [`resolve`] does not, so they count as 7.
fn draft(root: &Value) -> Draft {
    let named = root.get("$schema").and_then(Value::as_str).unwrap_or("");
    match named {
        _ if named.contains("draft-06") => Draft::Draft6,
        _ if named.contains("draft-0") => Draft::Draft7,
        _ if named.contains("2019-09") => Draft::Draft201909,
        _ => Draft::Draft202012,
    }
}

/// Keeps a panic of the validator from ending the audit.
fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn percent_decoded(pointer: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(pointer.len());
    let mut rest = pointer.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

const IN_PLACE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];
const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 10_000;
const MAX_TEXT: usize = 256 * 1024;
const MAX_STRING: usize = 16 * 1024;
const MAX_PATTERN: usize = 1000;
const MAX_VISITS: usize = 50_000;
const MAX_WALK: usize = 96;
/// What matching a pattern counts in visits.
const MATCH_COST: usize = 16;
const MAX_MATCHED: usize = 4096;
const MAX_ERRORS: usize = 1000;
const BACKTRACKS: usize = 10_000;
const REGEX_BYTES: usize = 1024 * 1024;
