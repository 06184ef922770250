//! Every labelled answer of the corpus, read with its context and again without it.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken fixture should stop the test where it is read"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use mcp_assay::model::exchange::{
    Body, Exchange, ExchangeId, Failure, FailureKind, HeaderField, Outcome, Request, Response,
};
use mcp_assay::model::matrix::{Class, Confidence, Inference};
use mcp_assay::model::probe::{ProbeId, ProbeKey, Tier};
use mcp_assay::oracle::cascade::{Arguments, Context, Control, Observation, Principal, classify};
use mcp_assay::oracle::observe::observe;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Clone, Debug, Deserialize)]
struct Row {
    id: String,
    http_status: u16,
    headers: BTreeMap<String, String>,
    content_type: Option<String>,
    body: Option<String>,
    label: Class,
    expected_inference: Inference,
    byte_twins_with_other_label: bool,
    context: RowContext,
}

#[derive(Clone, Debug, Deserialize)]
struct RowContext {
    method: String,
    tool: Option<String>,
    args: String,
    principal: String,
    list_status_same_principal: Option<u16>,
    listed_for_principal: Option<bool>,
    listed_for_privileged: Option<bool>,
    privileged_control: Option<String>,
}

impl RowContext {
    fn known(&self) -> Context<'static> {
        Context {
            principal: Some(match self.principal.as_str() {
                "privileged" => Principal::Privileged,
                "underprivileged" => Principal::Underprivileged,
                "anonymous" => Principal::Anonymous,
                "garbage_token" => Principal::Garbage,
                other => panic!("unknown principal {other}"),
            }),
            arguments: Some(match self.args.as_str() {
                "valid" => Arguments::Valid,
                "schema_invalid" => Arguments::SchemaInvalid,
                "unknown_tool_name" => Arguments::UnknownName,
                "malformed_envelope" => Arguments::MalformedEnvelope,
                "n/a" => Arguments::NotApplicable,
                other => panic!("unknown arguments {other}"),
            }),
            list_status: self.list_status_same_principal,
            listed: self.listed_for_principal,
            listed_for_privileged: self.listed_for_privileged,
            control: self
                .privileged_control
                .as_deref()
                .map(|control| match control {
                    "executed" => Control::Executed,
                    "denied" => Control::Denied,
                    "error" => Control::Error,
                    "invalid_arguments" => Control::InvalidArguments,
                    "unknown_tool" => Control::UnknownTool,
                    other => panic!("unknown control {other}"),
                }),
            ..Context::default()
        }
    }
}

fn rows() -> Vec<Row> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle-corpus.jsonl");
    let path = std::env::var_os("ORACLE_CORPUS").map_or(default, PathBuf::from);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows: Vec<Row> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!rows.is_empty(), "{} has no rows", path.display());
    rows
}

fn body(text: &str) -> Body {
    Body {
        bytes: text.as_bytes().into(),
        truncated: false,
        length: text.len() as u64,
        sha256: String::new(),
    }
}

fn exchange(row: &Row) -> Exchange {
    // The recorder numbered its requests by kind.
    let id = match (row.context.method.as_str(), row.context.args.as_str()) {
        ("initialize", _) => 0,
        ("tools/call", "malformed_envelope") => 9,
        ("tools/call", _) => 7,
        _ => 3,
    };
    let mut request =
        json!({"jsonrpc": "2.0", "id": id, "method": row.context.method, "params": {}});
    if let Some(tool) = &row.context.tool {
        request["params"]["name"] = json!(tool);
    }
    let mut headers: Vec<HeaderField> = row
        .headers
        .iter()
        .map(|(name, value)| HeaderField::new(name, value))
        .collect();
    if let Some(media) = &row.content_type
        && !row.headers.contains_key("content-type")
    {
        headers.push(HeaderField::new("content-type", media));
    }
    let outcome = if row.http_status == 0 {
        Outcome::Failure(Failure {
            kind: FailureKind::Reset,
            text: "connection reset".into(),
            partial: None,
        })
    } else {
        Outcome::Response(Response {
            status: row.http_status,
            headers,
            body: body(row.body.as_deref().unwrap_or_default()),
            stream: None,
        })
    };
    Exchange {
        id: ExchangeId(1),
        probe: ProbeKey::new(ProbeId::CallValid),
        identity: row.context.principal.clone(),
        tier: Tier::Authenticated,
        request: Request {
            method: "POST".into(),
            url: "https://mcp.example.com/mcp".into(),
            headers: Vec::new(),
            body: Some(body(&request.to_string())),
        },
        outcome,
        started_ms: 0,
        elapsed_ms: 0,
        caused_by: None,
    }
}

fn judged(row: &Row, context: &Context<'_>) -> Observation {
    classify(&observe(&exchange(row)), context)
}

#[derive(Default)]
struct Tally {
    agree: usize,
    labels: usize,
    false_passed: Vec<String>,
    false_refused: Vec<String>,
    undecided: usize,
    disagreements: Vec<String>,
}

impl Tally {
    fn add(&mut self, row: &Row, seen: &Observation) {
        let agrees = seen.inference == row.expected_inference;
        self.agree += usize::from(agrees);
        self.labels += usize::from(seen.class == row.label);
        if !agrees || seen.class != row.label {
            let mark = if agrees { "label" } else { "INFERENCE" };
            self.disagreements.push(format!(
                "{} {mark}: expected {:?} {:?}, found {:?} {:?} {:?} by {}",
                row.id,
                row.label,
                row.expected_inference,
                seen.class,
                seen.inference,
                seen.confidence,
                seen.rule
            ));
        }
        if agrees {
            return;
        }
        let line = format!("{} at {:?} by {}", row.id, seen.confidence, seen.rule);
        match seen.inference {
            Inference::CallPassed => self.false_passed.push(line),
            Inference::CallRefused => self.false_refused.push(line),
            _ => self.undecided += 1,
        }
    }
}

/// Class and inference, the part that re-framing must not change.
fn meaning(row: &Row) -> (Class, Inference) {
    let seen = judged(row, &row.context.known());
    (seen.class, seen.inference)
}

/// The row's JSON-RPC message, when its body is one.
fn message(row: &Row) -> Option<Value> {
    let body = row.body.as_deref()?;
    let message: Value = serde_json::from_str(body.trim()).ok()?;
    message.get("jsonrpc").is_some().then_some(message)
}

fn with_body(row: &Row, media: &str, body: String) -> Row {
    let mut changed = row.clone();
    changed.headers.insert("content-type".into(), media.into());
    changed.content_type = Some(media.into());
    changed.body = Some(body);
    changed
}

fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .rev()
            .map(|(name, value)| (name.clone(), reversed(value)))
            .collect(),
        Value::Array(items) => items.iter().map(reversed).collect(),
        other => other.clone(),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}").unwrap();
            }
        }
    }
    out
}

#[test]
fn the_corpus_is_judged_without_false_certainty() {
    let rows = rows();
    let mut with = Tally::default();
    let mut certain: BTreeMap<(Confidence, Inference), (usize, usize)> = BTreeMap::new();
    for row in &rows {
        let seen = judged(row, &row.context.known());
        with.add(row, &seen);
        let count = certain
            .entry((seen.confidence, seen.inference))
            .or_default();
        count.0 += 1;
        count.1 += usize::from(seen.inference != row.expected_inference);
    }
    for line in &with.disagreements {
        println!("{line}");
    }
    let (mut strong, mut wrong_strong) = (0, 0);
    for ((confidence, inference), (all, wrong)) in &certain {
        println!("{confidence:?} {inference:?}: {all}, of which {wrong} differ");
        if !matches!(inference, Inference::CallPassed | Inference::CallRefused) {
            continue;
        }
        match confidence {
            Confidence::Proven => assert_eq!(*wrong, 0, "proven {inference:?} that differ"),
            Confidence::Strong => {
                strong += all;
                wrong_strong += wrong;
            }
            _ => {}
        }
    }
    assert!(
        wrong_strong * 100 <= strong,
        "{wrong_strong} of {strong} strong ones differ"
    );
    println!("labels agree {} of {}", with.labels, rows.len());
    println!("false passed: {:?}", with.false_passed);
    println!("false refused: {:?}", with.false_refused);
    println!(
        "rows {}, agree {}, false-passed {}, false-refused {}, undecided {}",
        rows.len(),
        with.agree,
        with.false_passed.len(),
        with.false_refused.len(),
        with.undecided
    );
}

#[test]
fn without_context_nothing_is_decided_and_twins_stay_apart() {
    let rows = rows();
    let mut labels = 0;
    for row in &rows {
        let seen = judged(row, &Context::default());
        labels += usize::from(seen.class == row.label);
        let decided = matches!(
            seen.inference,
            Inference::CallPassed | Inference::CallRefused
        );
        assert!(!decided, "{} is decided without context", row.id);
        if row.byte_twins_with_other_label {
            assert_eq!(seen.inference, Inference::Inconclusive, "{}", row.id);
            assert_eq!(seen.confidence, Confidence::Inconclusive, "{}", row.id);
        }
    }
    println!(
        "without context: candidate labels agree {labels} of {}",
        rows.len()
    );
}

#[test]
fn framing_ids_member_order_and_escapes_do_not_change_the_class() {
    let mut compared = [0_usize; 4];
    for row in rows() {
        let Some(message) = message(&row) else {
            continue;
        };
        let expected = meaning(&row);
        let json = "application/json";
        let sse = with_body(
            &row,
            "text/event-stream",
            format!("event: message\ndata: {message}\n\n"),
        );
        assert_eq!(meaning(&sse), expected, "{} as an event stream", row.id);
        compared[0] += 1;
        if let Some(id) = message.get("id").and_then(Value::as_i64) {
            let mut renamed = message.clone();
            renamed["id"] = json!(id.to_string());
            let renamed = with_body(&row, json, renamed.to_string());
            assert_eq!(meaning(&renamed), expected, "{} with a string id", row.id);
            compared[1] += 1;
        }
        let reordered = with_body(&row, json, reversed(&message).to_string());
        assert_eq!(meaning(&reordered), expected, "{} reordered", row.id);
        compared[2] += 1;
        let plain = message.to_string();
        if !plain.is_ascii() {
            let escaped = with_body(&row, json, escaped(&plain));
            assert_eq!(meaning(&escaped), expected, "{} escaped", row.id);
            compared[3] += 1;
        }
    }
    assert!(compared.iter().all(|count| *count > 0), "{compared:?}");
}
