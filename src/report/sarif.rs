//! SARIF 2.1.0 as code scanning takes it: every rule declared, stable fingerprints, one run.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Map, Value, json};

use crate::checks::{self, Check, page::Page};
use crate::model::exchange::{Body, Exchange, HeaderField};
use crate::model::matrix::Confidence;
use crate::model::report::{CoverageRow, Report};
use crate::model::verdict::{Severity, Status};

use super::facts::{self, Item};
use super::{RenderError, Renderer, exit, json, locations, safe};

/// Renders the report for code scanning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sarif;

impl Renderer for Sarif {
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
        let log = json!({
            "$schema": SCHEMA,
            "version": VERSION,
            "runs": [run(report)],
        });
        json::write(&log, out)
    }
}

fn run(report: &Report) -> Value {
    let rules = rules(report);
    let positions: BTreeMap<&str, usize> = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| (rule.id, at))
        .collect();
    let items = facts::items(report);
    let results: Vec<Value> = items
        .iter()
        .map(|item| result(report, item, &positions))
        .collect();
    json!({
        "tool": { "driver": {
            "name": report.tool.name,
            "semanticVersion": report.tool.version,
            "rules": rules.iter().map(Rule::declared).collect::<Vec<_>>(),
        }},
        // One id per target: an upload replaces the earlier one of the same target only.
        "automationDetails": {
            "id": format!("{}/{}/", report.tool.name, shown(&report.target.resource.0, NAME)),
            "description": { "text": format!("Audit of {}", message(&report.target.url, NAME)) },
        },
        "invocations": [invocation(report)],
        "artifacts": locations::artifacts(report),
        "results": results,
        "columnKind": "unicodeCodePoints",
        "properties": {
            "target": shown(&report.target.url, NAME),
            "revision": facts::revision(report),
            "run": shown(&report.engagement.run_id, NAME),
            "answers": {
                "clients": shown(&report.answers.clients.sentence, TEXT),
                "tools": shown(&report.answers.tools.sentence, TEXT),
                "data": shown(&report.answers.data.sentence, TEXT),
            },
        },
    })
}

/// The run of one target among several: no other has its id, even where a long name was cut.
pub(super) fn distinct_run(report: &Report, key: &str) -> Value {
    let mut run = run(report);
    let resource = &report.target.resource.0;
    let cut = shown(resource, NAME);
    if cut != *resource
        && let Some(details) = run.get_mut("automationDetails")
    {
        let id = format!("{}/{cut}/{key}/", report.tool.name);
        json::put(details, "id", id);
    }
    run
}

/// A rule and how its check ended.
struct Rule<'a> {
    id: &'a str,
    page: Option<&'static Page>,
    row: Option<&'a CoverageRow>,
}

/// Every check of the catalogue, also on a clean run, so that fixed alerts close; then what only
/// the report knows.
fn rules(report: &Report) -> Vec<Rule<'_>> {
    let mut rules: Vec<Rule<'_>> = checks::all()
        .iter()
        .map(Check::page)
        .chain(checks::own::pages())
        .map(|page| Rule {
            id: &page.id,
            page: Some(page),
            row: facts::row(report, &page.id),
        })
        .collect();
    let rows = report.coverage.iter().map(|row| row.check.as_str());
    let items = facts::items(report);
    for id in rows.chain(items.iter().map(|item| item.finding.check.as_str())) {
        if !rules.iter().any(|rule| rule.id == id) {
            rules.push(Rule {
                id,
                page: None,
                row: facts::row(report, id),
            });
        }
    }
    rules
}

impl Rule<'_> {
    fn declared(&self) -> Value {
        let title = match (self.page, self.row) {
            (Some(page), _) => page.title.as_str(),
            (None, Some(row)) => row.title.as_str(),
            (None, None) => self.id,
        };
        let severity = match (self.row, self.page) {
            (Some(row), _) => row.severity,
            (None, Some(page)) => page.severity,
            (None, None) => Severity::Info,
        };
        let section = |heading: &str| self.page.and_then(|page| page.section(heading));
        let mut rule = json!({
            "id": shown(self.id, NAME),
            "name": pascal(self.id),
            "shortDescription": { "text": message(title, NAME) },
            "fullDescription": {
                "text": message(section("What it checks").unwrap_or(title), TEXT)
            },
            "defaultConfiguration": { "level": level(severity) },
            "properties": {
                "tags": self.tags(),
                "precision": self.page.map_or("medium", |page| precision(page.confidence)),
                "problem.severity": problem(severity),
                "security-severity": score(severity),
            },
        });
        if let (Some(page), Some(members)) = (self.page, rule.as_object_mut()) {
            let (text, markdown) = help(page);
            let help = json!({ "text": text, "markdown": markdown });
            members.insert("help".to_owned(), help);
        }
        if let (Some(row), Some(members)) = (self.row, rule.get_mut("properties")) {
            json::put(members, "status", row.status.as_str());
            json::put(members, "reason", shown(&row.reason, TEXT));
            json::put(members, "wording", shown(&row.wording, TEXT));
            if let Some(flag) = &row.decided_by {
                json::put(members, "decided_by", shown(flag, TEXT));
            }
        }
        rule
    }

    /// At most twenty: code scanning ignores the others.
    fn tags(&self) -> Vec<String> {
        let mut tags = vec!["security".to_owned()];
        let ids = self.row.map(|row| &row.requirements);
        let ids = ids.or(self.page.map(|page| &page.requirements));
        tags.extend(ids.into_iter().flatten().map(|id| shown(id, NAME)));
        if let Some(page) = self.page {
            let weaknesses = page.maps.cwe.iter();
            tags.extend(weaknesses.map(|id| format!("external/cwe/{}", id.to_ascii_lowercase())));
            tags.extend(page.maps.owasp.iter().cloned());
            tags.extend(page.maps.nist.iter().map(|id| format!("NIST {id}")));
        }
        tags.truncate(20);
        tags
    }
}

fn help(page: &Page) -> (String, String) {
    let mut markdown = String::new();
    for section in &page.sections {
        markdown.push_str(&format!("## {}\n\n{}\n\n", section.heading, section.body));
    }
    let why = page.section("Why it matters").unwrap_or_default();
    let text = format!("{why}\n\nmcp-assay explain {} says how to fix it.", page.id);
    (text.trim().to_owned(), markdown.trim_end().to_owned())
}

fn result(report: &Report, item: &Item<'_>, rules: &BTreeMap<&str, usize>) -> Value {
    let finding = item.finding;
    let evidence: Vec<String> = finding
        .cites
        .iter()
        .map(|cite| {
            format!(
                "{} {}: {}",
                cite.exchange,
                facts::part(&cite.part),
                cite.says
            )
        })
        .map(|line| shown(&line, TEXT))
        .collect();
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("ruleId", shown(&finding.check, NAME).into());
    if let Some(index) = rules.get(finding.check.as_str()) {
        put("ruleIndex", (*index).into());
    }
    put("level", level(finding.severity).into());
    let subject = safe::fit_middle(&finding.subject, NAME);
    let text = message(&format!("{subject}: {}", finding.message), TEXT);
    put("message", json!({ "text": text }));
    put(
        "locations",
        json!([{
            "physicalLocation": locations::physical(report, finding),
            "logicalLocations": [{ "fullyQualifiedName": subject, "kind": "member" }],
        }]),
    );
    put(
        "partialFingerprints",
        json!({ "mcpAssay/v1": shown(&finding.fingerprint, NAME) }),
    );
    if let Some(exchange) = facts::exchanges(report, finding).first() {
        put("webRequest", web_request(exchange));
        if let Some(response) = web_response(exchange) {
            put("webResponse", response);
        }
    }
    if let Some(accepted) = item.acceptance {
        put(
            "suppressions",
            json!([{
                "kind": "external",
                "status": "accepted",
                "justification": shown(&accepted.reason, TEXT),
            }]),
        );
    }
    put(
        "properties",
        json!({
            "severity": finding.severity.as_str(),
            "certainty": super::words::confidence(finding.confidence),
            "wording": item.row.map(|row| shown(&row.wording, TEXT)),
            "evidence": evidence,
        }),
    );
    Value::Object(members)
}

fn invocation(report: &Report) -> Value {
    let code = report.outcome.exit_code;
    let done = matches!(code, exit::CLEAN | exit::FINDINGS);
    let open = report.coverage.iter();
    let open = open.filter(|row| row.status == Status::Inconclusive);
    let mut notes: Vec<Value> = open
        .map(|row| {
            let flag = row.decided_by.as_deref().unwrap_or("no flag of this tool");
            let text = format!(
                "{} is not decided: {}; decided by {flag}",
                row.check, row.reason
            );
            note("note", &text)
        })
        .collect();
    notes.extend(report.residue.iter().map(|item| {
        let text = format!("left behind: {} {}: {}", item.kind, item.name, item.reason);
        note("warning", &text)
    }));
    if !done {
        notes.push(note("error", &report.outcome.meaning));
    }
    json!({
        "executionSuccessful": done,
        "exitCode": code,
        "exitCodeDescription": shown(&report.outcome.meaning, TEXT),
        "startTimeUtc": super::stamp::after(&report.engagement.started, 0),
        "toolExecutionNotifications": notes,
    })
}

fn note(level: &str, text: &str) -> Value {
    json!({ "level": level, "message": { "text": message(text, TEXT) } })
}

fn web_request(exchange: &Exchange) -> Value {
    let request = &exchange.request;
    let mut value = json!({
        "protocol": "HTTP",
        "version": "1.1",
        "method": shown(&request.method, NAME),
        "target": shown(&request.url, TEXT),
        "headers": headers(&request.headers),
    });
    if let Some(body) = &request.body {
        json::put(&mut value, "body", content(body));
    }
    value
}

fn web_response(exchange: &Exchange) -> Option<Value> {
    let response = exchange.response()?;
    let body = response.stream.as_ref().unwrap_or(&response.body);
    Some(json!({
        "protocol": "HTTP",
        "version": "1.1",
        "statusCode": response.status,
        "headers": headers(&response.headers),
        "body": content(body),
    }))
}

/// Equal names are joined as RFC 9110 §5.3 does.
fn headers(fields: &[HeaderField]) -> Value {
    let mut joined: Map<String, Value> = Map::new();
    for field in fields.iter().take(MOST_HEADERS) {
        let (name, value) = (shown(&field.name, NAME), shown(&field.value, TEXT));
        let value = match joined.get(&name).and_then(Value::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value,
        };
        joined.insert(name, value.into());
    }
    Value::Object(joined)
}

/// The beginning of a body: an upload has a limit, the whole exchange stands in other reports.
fn content(body: &Body) -> Value {
    json!({ "text": safe::fit(&body.text(), BODY) })
}

fn shown(text: &str, columns: usize) -> String {
    safe::fit(text, columns)
}

/// Message text: no embedded link (SARIF §3.11.6) and no placeholder (§3.11.5) may come of it.
fn message(text: &str, columns: usize) -> String {
    let plain = text.replace('\n', " ");
    safe::fit(&plain, columns)
        .replace("](", "] (")
        .replace('{', "{{")
        .replace('}', "}}")
}

fn pascal(id: &str) -> String {
    let words = id.split(|c: char| !c.is_ascii_alphanumeric());
    let capital = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    };
    words.map(capital).collect()
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

const fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "recommendation",
    }
}

/// The middle of the range that code scanning calls by the same word.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.5",
        Severity::Info => "0.0",
    }
}

const fn precision(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Proven => "very-high",
        Confidence::Strong => "high",
        Confidence::Weak => "medium",
        Confidence::Inconclusive => "low",
    }
}

pub(super) const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
pub(super) const VERSION: &str = "2.1.0";
const NAME: usize = 200;
const TEXT: usize = 1000;
const BODY: usize = 4000;
const MOST_HEADERS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_holds_neither_links_nor_placeholders() {
        assert_eq!(
            message("see [here](https://evil.example) {0}\nnow", 80),
            "see [here] (https://evil.example) {{0}} now"
        );
        assert_eq!(message("tool `a` ran", 80), "tool `a` ran");
    }

    #[test]
    fn rule_names_are_made_of_words() {
        assert_eq!(pascal("hidden-tool-callable"), "HiddenToolCallable");
        assert_eq!(pascal("-a--b"), "AB");
    }
}
