//! Candidate values for a schema; the caller validates them.

use serde_json::{Map, Number, Value};

use super::schema_bounds::resolve;
use super::schema_text::text_for;

/// How choices are made where a schema leaves one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choices {
    /// Whether `examples` and `default` are taken.
    hints: bool,
    /// Which alternative of `anyOf` and `oneOf` is taken.
    branch: usize,
}

impl Choices {
    /// Every combination in the order of preference.
    pub(super) const ALL: [Self; 6] = [
        Self::new(true, 0),
        Self::new(false, 0),
        Self::new(true, 1),
        Self::new(false, 1),
        Self::new(false, 2),
        Self::new(false, 3),
    ];

    /// Nothing that the schema offers by itself.
    pub(super) const WITHOUT_HINTS: Self = Self::new(false, 0);

    const fn new(hints: bool, branch: usize) -> Self {
        Self { hints, branch }
    }
}

/// A value that should satisfy the schema; `None` when none can be built within bounds.
pub(super) fn generate(schema: &Value, canary: &str, choices: Choices) -> Option<Value> {
    let mut generator = Generator {
        root: schema,
        canary,
        choices,
        left: MAX_VALUES,
    };
    generator.value(schema, 0, MAX_DEPTH)
}

struct Generator<'s> {
    root: &'s Value,
    canary: &'s str,
    choices: Choices,
    left: usize,
}

impl Generator<'_> {
    /// `nth` makes the values of one array differ.
    fn value(&mut self, schema: &Value, nth: usize, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.left = self.left.checked_sub(1)?;
        if schema == &Value::Bool(false) {
            return None;
        }
        if let Some(given) = self.given(schema, nth) {
            return Some(given);
        }
        let schema = self.flattened(schema, depth)?;
        if let Some(given) = self.given(&schema, nth) {
            return Some(given);
        }
        match kind(&schema) {
            Kind::Object => self.object(&schema, depth),
            Kind::Array => self.array(&schema, depth),
            Kind::Text => text_for(&schema, self.canary, nth).map(Value::String),
            Kind::Number { integer } => number(&schema, integer, nth),
            Kind::Boolean => Some(Value::Bool(false)),
            Kind::Null => Some(Value::Null),
        }
    }

    /// A value that the schema itself offers.
    fn given(&self, schema: &Value, nth: usize) -> Option<Value> {
        if let Some(only) = schema.get("const") {
            return Some(only.clone());
        }
        let element = |keyword: &str| -> Option<Value> {
            let offered = schema.get(keyword)?.as_array()?;
            let mut candidates = offered.iter().filter(|value| !value.is_null());
            candidates.nth(nth).or(offered.first()).cloned()
        };
        if self.choices.hints && nth == 0 {
            let default = schema.get("default").filter(|value| !value.is_null());
            if let Some(hint) = element("examples").or_else(|| default.cloned()) {
                return Some(hint);
            }
        }
        element("enum")
    }

    /// One schema without `$ref` and composition, an alternative chosen by the choices.
    fn flattened(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.left = self.left.checked_sub(1)?;
        let mut merged = schema.as_object().cloned().unwrap_or_default();
        let mut parts = Vec::new();
        if merged.remove("$ref").is_some() {
            parts.push(resolve(self.root, schema)?.clone());
        }
        if let Some(Value::Array(all)) = merged.remove("allOf") {
            parts.extend(all);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(alternatives)) = merged.remove(keyword) {
                parts.extend(self.alternative(&alternatives));
            }
        }
        for part in parts {
            let part = self.flattened(&part, depth)?;
            merge(&mut merged, part);
        }
        Some(Value::Object(merged))
    }

    fn alternative(&self, alternatives: &[Value]) -> Option<Value> {
        let is_null = |part: &&Value| part.get("type").and_then(Value::as_str) == Some("null");
        let useful: Vec<&Value> = alternatives.iter().filter(|part| !is_null(part)).collect();
        let choice = self.choices.branch.checked_rem(useful.len());
        let chosen = choice.and_then(|at| useful.get(at).copied());
        chosen.or(alternatives.first()).cloned()
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let names = schema.get("required").and_then(Value::as_array);
        let mut object = Map::new();
        for name in names.into_iter().flatten().filter_map(Value::as_str) {
            let own = properties.and_then(|all| all.get(name));
            let other = schema
                .get("additionalProperties")
                .filter(|other| other.is_object());
            let value = match own.or(other) {
                Some(property) => self.value(property, 0, depth)?,
                None => Value::from(self.canary),
            };
            object.insert(name.to_owned(), value);
        }
        let wanted = bound(schema, "minProperties").unwrap_or_default();
        for (name, property) in properties.into_iter().flatten() {
            if object.len() >= wanted {
                break;
            }
            if !object.contains_key(name) {
                object.insert(name.clone(), self.value(property, 0, depth)?);
            }
        }
        Some(Value::Object(object))
    }

    fn array(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        let length = bound(schema, "minItems").unwrap_or_default();
        if length > MAX_ITEMS {
            return None;
        }
        let tuple = ["prefixItems", "items"]
            .iter()
            .find_map(|keyword| schema.get(*keyword)?.as_array());
        let rest = schema.get("items").or_else(|| schema.get("contains"));
        let rest = rest.filter(|rest| !rest.is_array());
        let mut items = Vec::new();
        for nth in 0..length {
            let item = tuple.and_then(|schemas| schemas.get(nth)).or(rest);
            items.push(match item {
                Some(item) => self.value(item, nth, depth)?,
                None => Value::from(format!("{}{nth}", self.canary)),
            });
        }
        Some(Value::Array(items))
    }
}

enum Kind {
    Object,
    Array,
    Text,
    Number { integer: bool },
    Boolean,
    Null,
}

/// The type to build: the declared one, else the one that the keywords speak of, else text.
fn kind(schema: &Value) -> Kind {
    let declared = match schema.get("type") {
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .or(names.first().and_then(Value::as_str)),
        Some(name) => name.as_str(),
        None => None,
    };
    let mentions = |keywords: &[&str]| keywords.iter().any(|keyword| schema.get(keyword).is_some());
    match declared {
        Some("object") => Kind::Object,
        Some("array") => Kind::Array,
        Some("integer") => Kind::Number { integer: true },
        Some("number") => Kind::Number { integer: false },
        Some("boolean") => Kind::Boolean,
        Some("null") => Kind::Null,
        None if mentions(&["properties", "required", "minProperties"]) => Kind::Object,
        None if mentions(&["items", "prefixItems", "minItems"]) => Kind::Array,
        None if mentions(&["minimum", "maximum", "exclusiveMinimum", "multipleOf"]) => {
            Kind::Number { integer: false }
        }
        _ => Kind::Text,
    }
}

/// Adds the demands of `part`: properties and `required` united, the narrower of two bounds kept.
fn merge(merged: &mut Map<String, Value>, part: Value) {
    let Value::Object(part) = part else {
        return;
    };
    for (keyword, value) in part {
        match (merged.get_mut(&keyword), value) {
            (None, value) => drop(merged.insert(keyword, value)),
            (Some(Value::Object(ours)), Value::Object(theirs)) => {
                for (name, schema) in theirs {
                    ours.entry(name).or_insert(schema);
                }
            }
            (Some(Value::Array(ours)), Value::Array(theirs)) if keyword == "required" => {
                ours.extend(theirs);
            }
            (Some(ours), theirs) => {
                if let (Some(a), Some(b)) = (ours.as_f64(), theirs.as_f64()) {
                    let lower = keyword.to_ascii_lowercase().contains("min");
                    if (lower && b > a) || (!lower && b < a) {
                        *ours = theirs;
                    }
                }
            }
        }
    }
}

fn number(schema: &Value, integer: bool, nth: usize) -> Option<Value> {
    let read = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let low = read("minimum");
    let above = read("exclusiveMinimum");
    let high = read("maximum");
    let below = read("exclusiveMaximum");
    let step = read("multipleOf").filter(|step| *step > 0.0);
    let width = step.unwrap_or(1.0);
    let floor = [
        low,
        above.map(|above| above + if integer { 1.0 } else { width }),
    ]
    .into_iter()
    .flatten()
    .fold(f64::NEG_INFINITY, f64::max);
    let ceiling = [
        high,
        below.map(|below| below - if integer { 1.0 } else { width }),
    ]
    .into_iter()
    .flatten()
    .fold(f64::INFINITY, f64::min);
    let mut value = 1.0_f64.clamp(floor, ceiling.max(floor));
    if let (Some(above), Some(below)) = (above.or(low), below.or(high))
        && !integer
        && step.is_none()
        && floor > ceiling
    {
        value = f64::midpoint(above, below);
    }
    if let Some(step) = step {
        value = (value / step).ceil() * step;
    } else if integer {
        value = value.ceil();
    }
    let shift = width * f64::from(u32::try_from(nth).ok()?);
    if value + shift <= ceiling {
        value += shift;
    } else if value - shift >= floor {
        value -= shift;
    }
    if !value.is_finite() {
        return None;
    }
    if value.fract() == 0.0 && value.abs() < MAX_WHOLE {
        return format!("{value:.0}").parse::<i64>().ok().map(Value::from);
    }
    Number::from_f64(value).map(Value::Number)
}

/// A count that a keyword names.
pub(super) fn bound(schema: &Value, keyword: &str) -> Option<usize> {
    let value = schema.get(keyword)?;
    if let Some(count) = value.as_u64() {
        return usize::try_from(count).ok();
    }
    format!("{:.0}", value.as_f64()?).parse().ok()
}

const MAX_DEPTH: usize = 16;
const MAX_VALUES: usize = 2000;
const MAX_ITEMS: usize = 64;
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;
