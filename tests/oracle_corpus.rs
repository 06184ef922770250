//! Every labelled answer of the corpus, read with its context and again without it.

use std::collections::BTreeMap;
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
    if std::env::var_os("ORACLE_CORPUS_VERBOSE").is_some() {
        for line in &with.disagreements {
            println!("{line}");
        }
    }
    for ((confidence, inference), (all, wrong)) in &certain {
        println!("{confidence:?} {inference:?}: {all}, of which {wrong} differ");
        let claims = matches!(inference, Inference::CallPassed | Inference::CallRefused);
        match confidence {
            Confidence::Proven if claims => assert_eq!(*wrong, 0),
            Confidence::Strong if claims => assert!(wrong * 100 <= *all, "{wrong} of {all}"),
            _ => {}
        }
    }
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
