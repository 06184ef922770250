//! OSCAL 1.1 assessment results: an observation for every finding and every check, a finding for
//! every control that some observation speaks against. Passes never make a control satisfied.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::model::exchange::Exchange;
use crate::model::hex::hex;
use crate::model::report::{CoverageRow, Report};
use crate::model::verdict::Status;

use super::facts::{self, Item};
use super::{RenderError, Renderer, json, safe, stamp, words};

/// Renders the report for an assessor's file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Oscal;

impl Renderer for Oscal {
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
        let document = Document { report };
        json::write(&document.value(), out)
    }
}

struct Document<'a> {
    report: &'a Report,
}

impl Document<'_> {
    fn value(&self) -> Value {
        let report = self.report;
        let title = format!("Audit of {}", report.target.url);
        json!({ "assessment-results": {
            "uuid": self.uuid("document", &report.engagement.run_id),
            "metadata": {
                "title": shown(&title),
                "last-modified": self.end(),
                "version": shown(&report.schema_version),
                "oscal-version": "1.1.3",
            },
            "import-ap": { "href": format!("#{}", self.uuid("plan", "plan")) },
            "results": [self.result()],
            "back-matter": { "resources": [{
                "uuid": self.uuid("plan", "plan"),
                "title": "What was planned",
                "description": format!(
                    "At most {} within the tiers that the operator allowed",
                    words::count(report.plan.requests(), "request")
                ),
            }]},
        }})
    }

    fn result(&self) -> Value {
        let report = self.report;
        let items = facts::items(report);
        let mut observations: Vec<Value> = items.iter().map(|item| self.found(item)).collect();
        observations.extend(report.coverage.iter().map(|row| self.checked(row)));
        let controls = controls(&items);
        let answers = &report.answers;
        let mut result = json!({
            "uuid": self.uuid("result", &report.engagement.run_id),
            "title": shown(&format!("Run {}", report.engagement.run_id)),
            "description": shown(&format!(
                "{} {} {}",
                answers.clients.sentence, answers.tools.sentence, answers.data.sentence
            )),
            "start": stamp::after(&report.engagement.started, 0),
            "end": self.end(),
            "props": [
                prop("revision", facts::revision(report)),
                prop("outcome", &report.outcome.meaning),
            ],
            "local-definitions": { "components": [{
                "uuid": self.uuid("component", &report.target.url),
                "type": "service",
                "title": shown(&report.target.url),
                "description": "The audited MCP server, seen from outside",
                "status": { "state": "operational" },
            }]},
            "reviewed-controls": { "control-selections": [self.reviewed()] },
        });
        // The format knows no empty lists.
        if !observations.is_empty() {
            json::put(&mut result, "observations", observations);
        }
        if !controls.is_empty() {
            let findings = controls.iter();
            let findings: Vec<Value> = findings
                .map(|(control, items)| self.against(control, items))
                .collect();
            json::put(&mut result, "findings", findings);
        }
        result
    }

    /// The controls that the checks of this run speak about.
    fn reviewed(&self) -> Value {
        let rows = self.report.coverage.iter();
        let mut ids: Vec<String> = rows
            .filter(|row| row.status != Status::NotApplicable)
            .filter_map(|row| facts::page(&row.check))
            .flat_map(|page| page.maps.nist.iter())
            .filter_map(|name| control(name))
            .collect();
        ids.sort();
        ids.dedup();
        if ids.is_empty() {
            return json!({ "description": "No control of a catalogue was reviewed" });
        }
        let ids: Vec<Value> = ids.iter().map(|id| json!({ "control-id": id })).collect();
        json!({ "description": "SP 800-53 Rev. 5", "include-controls": ids })
    }

    /// A finding of the audit, as an observation.
    fn found(&self, item: &Item<'_>) -> Value {
        let finding = item.finding;
        let mut props = vec![
            prop("finding-id", &finding.fingerprint),
            prop("check", &finding.check),
            prop("severity", finding.severity.as_str()),
            prop("certainty", words::confidence(finding.confidence)),
        ];
        if let Some(row) = item.row {
            props.push(prop("wording", &row.wording));
            props.extend(row.requirements.iter().map(|id| prop("requirement", id)));
        }
        let evidence = facts::exchanges(self.report, finding);
        let mut observation = json!({
            "uuid": self.uuid("observation", &finding.fingerprint),
            "title": shown(item.title()),
            "description": shown(&format!("{}: {}", finding.subject, finding.message)),
            "props": props,
            "methods": ["TEST"],
            "types": ["finding"],
            "subjects": [self.subject()],
            "collected": evidence.first().map_or_else(|| self.end(), |first| self.moment(first)),
        });
        if !evidence.is_empty() {
            let evidence: Vec<Value> = evidence.into_iter().map(evidence_of).collect();
            json::put(&mut observation, "relevant-evidence", evidence);
        }
        if let Some(accepted) = item.acceptance {
            let until = accepted.expires.as_deref().unwrap_or("further notice");
            let remarks = format!("Accepted until {until}: {}", accepted.reason);
            json::put(&mut observation, "remarks", shown(&remarks));
        }
        observation
    }

    /// How a check ended; what is not decided stays an open observation.
    fn checked(&self, row: &CoverageRow) -> Value {
        let mut props = vec![
            prop("check", &row.check),
            prop("status", row.status.as_str()),
            prop("wording", &row.wording),
        ];
        props.extend(row.requirements.iter().map(|id| prop("requirement", id)));
        if row.status == Status::Inconclusive {
            props.push(prop("open", "yes"));
            let flag = row.decided_by.as_deref().unwrap_or("no flag of this tool");
            props.push(prop("decided-by", flag));
        }
        json!({
            "uuid": self.uuid("check", &row.check),
            "title": shown(&row.title),
            "description": shown(&row.reason),
            "props": props,
            "methods": ["TEST"],
            "types": ["control-objective"],
            "subjects": [self.subject()],
            "collected": self.end(),
        })
    }

    /// What speaks against a control.
    fn against(&self, control: &str, items: &[&Item<'_>]) -> Value {
        let observations: Vec<Value> = items
            .iter()
            .map(|item| {
                json!({ "observation-uuid": self.uuid("observation", &item.finding.fingerprint) })
            })
            .collect();
        let all_accepted = items.iter().all(|item| item.acceptance.is_some());
        let name = control.to_ascii_uppercase();
        let description = format!(
            "{} of this audit speak against {name}{}",
            words::count(items.len(), "observation"),
            if all_accepted {
                ", all accepted by the operator"
            } else {
                ""
            }
        );
        json!({
            "uuid": self.uuid("finding", control),
            "title": format!("{name} is not met by what was observed"),
            "description": description,
            "target": {
                "type": "statement-id",
                "target-id": format!("{control}_smt"),
                "status": { "state": "not-satisfied", "reason": "fail" },
            },
            "related-observations": observations,
        })
    }

    fn subject(&self) -> Value {
        json!({
            "subject-uuid": self.uuid("component", &self.report.target.url),
            "type": "component",
        })
    }

    fn moment(&self, exchange: &Exchange) -> String {
        stamp::after(&self.report.engagement.started, exchange.started_ms)
    }

    /// When the last answer came.
    fn end(&self) -> String {
        let exchanges = self.report.ledger.iter();
        let ends = exchanges.map(|it| it.started_ms.saturating_add(it.elapsed_ms));
        stamp::after(&self.report.engagement.started, ends.max().unwrap_or(0))
    }

    /// The same thing of the same target has the same id in every run (RFC 9562 §5.5); the hash is
    /// SHA-256, since the format takes no version 8.
    fn uuid(&self, kind: &str, name: &str) -> String {
        let mut hash = Sha256::new();
        for part in ["mcp-assay", kind, &self.report.target.resource.0, name] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let hex = hex(&hash.finalize());
        let at = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!(
            "{}-{}-5{}-a{}-{}",
            at(0, 8),
            at(8, 12),
            at(13, 16),
            at(17, 20),
            at(20, 32)
        )
    }
}

fn evidence_of(exchange: &Exchange) -> Value {
    let request = &exchange.request;
    let outcome = facts::outcome(exchange);
    let mut props = vec![
        prop("exchange", &exchange.id.to_string()),
        prop("probe", exchange.probe.id.as_str()),
        prop("identity", &exchange.identity),
    ];
    if let Some(response) = exchange.response() {
        props.push(prop("body-sha256", &response.body.sha256));
    }
    let text = format!("{} {} answered {outcome}", request.method, request.url);
    json!({ "description": shown(&text), "props": props })
}

/// Controls with the findings whose pages name them.
fn controls<'a, 'b>(items: &'b [Item<'a>]) -> BTreeMap<String, Vec<&'b Item<'a>>> {
    let mut controls: BTreeMap<String, Vec<&Item<'_>>> = BTreeMap::new();
    for item in items {
        let names = item.page.into_iter().flat_map(|page| page.maps.nist.iter());
        for id in names.filter_map(|name| control(name)) {
            let known = controls.entry(id).or_default();
            if !known.iter().any(|one| std::ptr::eq(*one, item)) {
                known.push(item);
            }
        }
    }
    controls
}

/// `AC-6(10)` as the catalogue writes it: `ac-6.10`. Items of a statement belong to their control.
fn control(name: &str) -> Option<String> {
    let mut parts = name.split(['(', ')']).filter(|part| !part.is_empty());
    let base = parts.next()?.trim().to_ascii_lowercase();
    let number = parts
        .next()
        .filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let (family, rest) = base.split_once('-')?;
    let known = family.len() == 2
        && family.bytes().all(|byte| byte.is_ascii_lowercase())
        && rest.bytes().all(|byte| byte.is_ascii_digit())
        && !rest.is_empty();
    known.then(|| number.map_or(base.clone(), |number| format!("{base}.{number}")))
}

fn prop(name: &'static str, value: &str) -> Value {
    json!({ "name": name, "ns": NAMESPACE, "value": shown(value) })
}

/// Inert, on one line, without blanks around it, never empty.
fn shown(text: &str) -> String {
    let text = safe::fit(text, TEXT);
    match text.trim() {
        "" => "-".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

const NAMESPACE: &str = "urn:mcp-assay";
const TEXT: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_written_as_the_catalogue_does() {
        for (name, id) in [
            ("AC-3", "ac-3"),
            ("AC-6(10)", "ac-6.10"),
            ("IA-13(3)(c)", "ia-13.3"),
        ] {
            assert_eq!(control(name).as_deref(), Some(id));
        }
        for name in ["", "AC", "AC-x", "800-63C"] {
            assert_eq!(control(name), None, "{name}");
        }
    }
}
