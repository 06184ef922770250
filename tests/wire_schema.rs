//! What an audit sends is held to the official JSON Schema of the revision that it speaks, message by
//! message. Left out are the probes that break a message on purpose, each with its reason.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may stop, and what was checked is printed"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use jsonschema::Validator;
use mcp_assay::model::exchange::Exchange;
use mcp_assay::model::probe::ProbeId;
use mcp_assay::model::report::Report;
use serde_json::{Value, json};

use support::{behaviour, rehearse};

/// Message definitions of one revision, by method.
struct Schema {
    messages: BTreeMap<String, Validator>,
    envelopes: [Validator; 2],
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_keeps_to_the_schema_of_its_revision() {
    let schemas: BTreeMap<&str, Schema> = REVISIONS.iter().map(|it| (*it, schema(it))).collect();
    let (mut wrong, mut left_out) = (BTreeSet::new(), BTreeSet::new());
    let mut checked: BTreeMap<(String, String), usize> = BTreeMap::new();
    for name in AUDITS {
        let report = rehearse(&behaviour(name)).await.report;
        let audited = report.discovery.audited.as_ref();
        let audited = audited.map_or_else(String::new, |served| served.revision.to_string());
        for exchange in report.ledger.iter() {
            let Some(message) = message(&report, exchange) else {
                continue;
            };
            if is_broken(exchange.probe.id) {
                left_out.insert(exchange.probe.id);
                continue;
            }
            let revision = spoken(exchange, &message, &audited);
            let method = message["method"].as_str().unwrap_or_default().to_owned();
            let place = format!(
                "{name} {} {} {revision} {method}",
                exchange.id, exchange.probe.id
            );
            let Some(schema) = schemas.get(revision.as_str()) else {
                wrong.insert(format!("{place}: a revision without a schema"));
                continue;
            };
            for problem in schema.problems(&message) {
                wrong.insert(format!("{place}: {problem}"));
            }
            *checked.entry((revision, method)).or_default() += 1;
        }
    }
    let told: Vec<String> = wrong.iter().take(40).cloned().collect();
    assert!(
        wrong.is_empty(),
        "{} messages:\n{}",
        wrong.len(),
        told.join("\n")
    );
    for (probe, reason) in ON_PURPOSE {
        assert!(
            left_out.contains(probe),
            "{probe} is left out and never sent: {reason}"
        );
    }
    for ((revision, method), times) in &checked {
        println!("{revision} {method}: {times}");
    }
    for revision in REVISIONS {
        for method in ["tools/list", "tools/call"] {
            let key = (revision.to_owned(), method.to_owned());
            assert!(checked.contains_key(&key), "no {method} in {revision}");
        }
    }
}

#[test]
fn the_schemas_tell_a_good_message_from_a_bad_one() {
    for revision in REVISIONS {
        let schema = schema(revision);
        let mut call = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "read_note", "arguments": {"id": "1"}},
        });
        if revision == REVISIONS[4] {
            call["params"]["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": revision,
                "io.modelcontextprotocol/clientInfo": {"name": "a", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        assert_eq!(schema.problems(&call), [""; 0], "{revision}");
        call["params"].as_object_mut().unwrap().remove("name");
        assert!(!schema.problems(&call).is_empty(), "{revision}");
        let unknown = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/run"});
        assert!(!schema.problems(&unknown).is_empty(), "{revision}");
        let bare = json!({"id": 1, "method": "tools/list", "params": {}});
        assert!(!schema.problems(&bare).is_empty(), "{revision}");
    }
}

impl Schema {
    fn problems(&self, message: &Value) -> Vec<String> {
        let method = message["method"].as_str().unwrap_or_default();
        let envelope = &self.envelopes[usize::from(message.get("id").is_none())];
        let own = self.messages.get(method);
        if own.is_none() && !OF_EXTENSIONS.contains(&method) {
            return vec!["a method that the revision does not have".to_owned()];
        }
        let validators = std::iter::once(envelope).chain(own);
        let problems = validators.flat_map(|validator| validator.iter_errors(message));
        problems
            .map(|problem| format!("{}: {problem}", problem.instance_path()))
            .collect()
    }
}

fn schema(revision: &str) -> Schema {
    let path = format!(
        "{}/fixtures/schemas/mcp/{revision}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let kept = ["definitions", "$defs"];
    let kept = kept
        .into_iter()
        .find(|it| document.get(it).is_some())
        .unwrap();
    let of = |name: &str| {
        let mut schema = document.clone();
        schema["$ref"] = json!(format!("#/{kept}/{name}"));
        jsonschema::validator_for(&schema).unwrap()
    };
    let mut messages = BTreeMap::new();
    for union in ["ClientRequest", "ClientNotification"] {
        let definition = &document[kept][union];
        let named = definition["anyOf"].as_array().into_iter().flatten();
        let names = named.filter_map(|it| it["$ref"].as_str()?.rsplit('/').next());
        let names: Vec<&str> = names.collect();
        // A union of one is written as that one.
        let names = if names.is_empty() { vec![union] } else { names };
        for name in names {
            let method = &document[kept][name]["properties"]["method"]["const"];
            messages.insert(method.as_str().unwrap().to_owned(), of(name));
        }
    }
    Schema {
        messages,
        envelopes: [of("JSONRPCRequest"), of("JSONRPCNotification")],
    }
}

/// The JSON-RPC message in a request to the target; none where the body is something else.
fn message(report: &Report, exchange: &Exchange) -> Option<Value> {
    let host = |url: &str| url::Url::parse(url).ok().map(|url| url.origin());
    let body = exchange.request.body.as_ref()?;
    if host(&exchange.request.url) != host(&report.target.url) {
        return None;
    }
    let message: Value = serde_json::from_slice(&body.bytes()).ok()?;
    (message.is_array() || message.get("jsonrpc").is_some()).then_some(message)
}

/// The revision that a message speaks: as it says, as its field says, else as the session does.
fn spoken(exchange: &Exchange, message: &Value, audited: &str) -> String {
    let params = &message["params"];
    let stated = params["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str();
    let asked = params["protocolVersion"].as_str();
    let mut fields = exchange.request.headers.iter();
    let field = fields.find(|field| field.name.eq_ignore_ascii_case("mcp-protocol-version"));
    let field = field.map(|field| field.value.to_string());
    let told = stated.or(asked).map(str::to_owned).or(field);
    // The first revisions have no field; those of today are compared with the second.
    told.unwrap_or_else(|| match audited {
        "2024-11-05" => audited.to_owned(),
        _ => "2025-03-26".to_owned(),
    })
}

fn is_broken(probe: ProbeId) -> bool {
    ON_PURPOSE.iter().any(|(left_out, _)| *left_out == probe)
}

/// Audits whose messages are looked at: every revision, every door, calls that ask back.
const AUDITS: [&str; 6] = [
    "compliant",
    "every-revision",
    "revision-2024-11-05",
    "revision-2025-03-26",
    "all-doors",
    "all-doors-with-sessions",
];
const REVISIONS: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    "2026-07-28",
];
/// Methods of extensions, whose schemas are kept with them.
const OF_EXTENSIONS: [&str; 3] = ["tasks/get", "tasks/update", "tasks/cancel"];
/// Probes whose messages break the schema, because the answer to that is what they are for.
const ON_PURPOSE: &[(ProbeId, &str)] = &[
    (
        ProbeId::MethodSpelling,
        "a gate that compares spellings is passed by another one",
    ),
    (
        ProbeId::ArgumentsForm,
        "a gate that reads arguments is passed by a form it does not expect",
    ),
    (
        ProbeId::CallInArray,
        "a gate that reads single messages is passed by a batch",
    ),
    (
        ProbeId::VersionField,
        "a gate that depends on the version is passed by one that does not exist",
    ),
    (
        ProbeId::UnknownVersion,
        "a version that does not exist has to be refused",
    ),
    (
        ProbeId::MissingMetadata,
        "a request without a required member has to be refused",
    ),
    (
        ProbeId::UnknownMethod,
        "a method that does not exist has to be refused",
    ),
];
