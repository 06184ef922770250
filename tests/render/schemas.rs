//! What is written for other programs, held to the schemas that are published for it.

use std::path::Path;

use mcp_assay::report::Format;
use mcp_assay::report::assemble::assemble;
use serde_json::Value;

use super::{poisoned, rich, rich_report, text};

#[test]
fn json_forms_are_valid_by_their_official_schemas() {
    let unreachable = || {
        assemble(
            rich::unreachable(),
            rich::nothing_judged(),
            &rich::settings(),
        )
    };
    for (format, schema) in [
        (Format::Sarif, one("sarif-2.1.0.schema.json")),
        (
            Format::Oscal,
            one("oscal-assessment-results-1.1.3.schema.json"),
        ),
        (Format::Har, archive()),
    ] {
        let validator = jsonschema::validator_for(&schema).unwrap();
        for report in [rich_report(), poisoned(&rich_report()), unreachable()] {
            let json: Value = serde_json::from_str(&text(format, &report)).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&json)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(errors, Vec::<String>::new(), "{format}");
        }
    }
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    for (format, schema, pointer) in [
        (
            Format::Sarif,
            one("sarif-2.1.0.schema.json"),
            "/runs/0/results/0/level",
        ),
        (
            Format::Oscal,
            one("oscal-assessment-results-1.1.3.schema.json"),
            "/assessment-results/uuid",
        ),
        (Format::Har, archive(), "/log/entries/0/startedDateTime"),
    ] {
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut json: Value = serde_json::from_str(&text(format, &rich_report())).unwrap();
        *json.pointer_mut(pointer).unwrap() = "nonsense".into();
        assert!(!validator.is_valid(&json), "{format}");
    }
}

#[test]
fn test_results_are_valid_by_the_schema_that_readers_use() {
    let schema = Xsd::read("junit-10.xsd");
    for report in [rich_report(), poisoned(&rich_report())] {
        let junit = text(Format::Junit, &report);
        let document = roxmltree::Document::parse(&junit).unwrap();
        assert_eq!(schema.problems(&document), Vec::<String>::new());
    }
    let wrong = "<testsuites><testsuite name='a' tests='1' failures='0'><testcase colour='x'>\
                 <oops/></testcase></testsuite></testsuites>";
    let document = roxmltree::Document::parse(wrong).unwrap();
    assert_eq!(schema.problems(&document).len(), 4);
}

/// Elements of a schema that nests by reference: what each may hold, have, and must have.
pub(super) struct Xsd {
    elements: std::collections::BTreeMap<String, Element>,
}

#[derive(Default)]
struct Element {
    children: Vec<String>,
    attributes: Vec<String>,
    required: Vec<String>,
}

impl Xsd {
    pub(super) fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(path(name)).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let declared = document.root_element().children();
        let elements = declared
            .filter(|node| node.tag_name().name() == "element")
            .map(|node| {
                let mut element = Element::default();
                for inner in node.descendants().skip(1) {
                    let name = inner.attribute("name").or(inner.attribute("ref"));
                    let name = name.unwrap_or_default().to_owned();
                    match inner.tag_name().name() {
                        "element" => element.children.push(name),
                        "attribute" => {
                            if inner.attribute("use") == Some("required") {
                                element.required.push(name.clone());
                            }
                            element.attributes.push(name);
                        }
                        _ => {}
                    }
                }
                (node.attribute("name").unwrap().to_owned(), element)
            });
        Self {
            elements: elements.collect(),
        }
    }

    pub(super) fn problems(&self, document: &roxmltree::Document<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            let name = node.tag_name().name();
            let Some(element) = self.elements.get(name) else {
                continue;
            };
            for attribute in node.attributes() {
                if !element
                    .attributes
                    .iter()
                    .any(|known| known == attribute.name())
                {
                    problems.push(format!("{name} has {}", attribute.name()));
                }
            }
            for required in &element.required {
                if node.attribute(required.as_str()).is_none() {
                    problems.push(format!("{name} lacks {required}"));
                }
            }
            for child in node.children().filter(roxmltree::Node::is_element) {
                let child = child.tag_name().name();
                if !element.children.iter().any(|known| known == child) {
                    problems.push(format!("{name} holds {child}"));
                }
            }
        }
        problems
    }
}

pub(super) fn one(name: &str) -> Value {
    let text = std::fs::read_to_string(path(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The parts of the archive's schema as one: references to files become references inside.
fn archive() -> Value {
    let mut parts = serde_json::Map::new();
    for entry in std::fs::read_dir(path("har-1.2")).unwrap() {
        let file = entry.unwrap().path();
        if file
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = std::fs::read_to_string(&file).unwrap();
            let mut part: Value = serde_json::from_str(&text).unwrap();
            let members = part.as_object_mut().unwrap();
            members.remove("$id");
            members.remove("$schema");
            localise(&mut part);
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            parts.insert(name, part);
        }
    }
    serde_json::json!({
        "$schema": "http://json-schema.org/draft-06/schema#",
        "$ref": "#/definitions/har.json",
        "definitions": parts,
    })
}

fn localise(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(target) if name == "$ref" => {
                        *target = format!("#/definitions/{}", target.trim_end_matches('#'));
                    }
                    _ => localise(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(localise),
        _ => {}
    }
}

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/schemas")
        .join(name)
}
