//! Several reports in one document: the overview, the order, the schemas.

use std::io::{Seek as _, Write as _};

use mcp_assay::model::fleet::{Reports, TargetOutcome};
use mcp_assay::model::report::{Report, ToolInfo};
use mcp_assay::report::assemble::assemble;
use mcp_assay::report::fleet::{Combined, Part, row};
use mcp_assay::report::schema::reports_schema;
use mcp_assay::report::{Format, Style, safe};
use serde_json::Value;

use super::schemas::{Xsd, one};
use super::{poisoned, rich, rich_report};

#[test]
fn documents_of_several_targets_are_valid_by_their_schemas() {
    let targets = targets();
    for (format, schema) in [
        (Format::Json, reports_schema()),
        (Format::Sarif, one("sarif-2.1.0.schema.json")),
    ] {
        let json: Value = serde_json::from_str(&document(format, &targets, &[0, 1, 2])).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&json)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{format}");
    }
    let junit = document(Format::Junit, &targets, &[0, 1, 2]);
    let document = roxmltree::Document::parse(&junit).unwrap();
    let schema = Xsd::read("junit-10.xsd");
    assert_eq!(schema.problems(&document), Vec::<String>::new());
}

#[test]
fn the_order_is_that_of_the_targets_whichever_ended_first() {
    let targets = targets();
    for format in Format::ALL.into_iter().filter(|it| Combined::holds(*it)) {
        let first = document(format, &targets, &[0, 1, 2]);
        for order in [[2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            assert_eq!(document(format, &targets, &order), first, "{format}");
        }
        assert!(
            first.chars().all(|c| c == '\n' || safe::is_inert(c)),
            "{format}"
        );
    }
}

#[test]
fn every_report_is_in_the_json_as_it_would_be_alone() {
    let targets = targets();
    let json = document(Format::Json, &targets, &[0, 1, 2]);
    let read: Reports = serde_json::from_str(&json).unwrap();
    assert_eq!(read.reports.len(), 3);
    for (inside, (_, report)) in read.reports.iter().zip(&targets) {
        let (inside, alone) = (serde_json::to_value(inside), serde_json::to_value(report));
        assert_eq!(inside.unwrap(), alone.unwrap());
    }
    let rows: Vec<TargetOutcome> = targets.iter().map(|(row, _)| row.clone()).collect();
    assert_eq!(read.outcome.targets, rows);
    assert_eq!(read.outcome.exit_code, 3);
}

#[test]
fn runs_of_one_log_have_ids_of_their_own_even_where_names_were_cut() {
    let mut targets = targets();
    let long = "x".repeat(400);
    for (at, (_, report)) in targets.iter_mut().enumerate() {
        report.target.resource.0 = format!("https://mcp.example.com/{long}/{at}");
    }
    let log: Value = serde_json::from_str(&document(Format::Sarif, &targets, &[0, 1, 2])).unwrap();
    let runs = log["runs"].as_array().unwrap();
    let ids: std::collections::BTreeSet<&str> = runs
        .iter()
        .map(|run| run["automationDetails"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert!(ids.iter().all(|id| id.ends_with('/')));
}

#[test]
fn a_target_without_a_report_is_missed_in_no_form() {
    let mut targets = targets();
    targets[1].0.answers = None;
    targets[1].0.meaning = "the target was not audited: its baseline is gone".to_owned();
    for format in [Format::Table, Format::Markdown, Format::Junit, Format::Json] {
        let text = without(format, &targets, 1);
        assert!(text.contains("its baseline is gone"), "{format}: {text}");
    }
    let junit = without(Format::Junit, &targets, 1);
    let document = roxmltree::Document::parse(&junit).unwrap();
    let suites = document.root_element();
    let errors = document.descendants().filter(|it| it.has_tag_name("error"));
    let counted: usize = suites.attribute("errors").unwrap().parse().unwrap();
    assert_eq!(errors.count(), counted);
    let log: Value = serde_json::from_str(&without(Format::Sarif, &targets, 1)).unwrap();
    assert_eq!(log["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_document_without_any_report_is_still_one() {
    let rows: Vec<TargetOutcome> = targets().into_iter().map(|(row, _)| row).collect();
    for format in [Format::Json, Format::Sarif] {
        let mut out = Vec::new();
        let combined = Combined::new(format, Style::default());
        combined.finish(&tool(), &rows, &mut out).unwrap();
        serde_json::from_slice::<Value>(&out).unwrap();
    }
}

#[test]
fn a_comment_of_many_targets_keeps_its_limit_and_says_what_is_left_out() {
    let (row, report) = &targets()[0];
    let many: Vec<_> = (0..60).map(|_| (row.clone(), report.clone())).collect();
    let order: Vec<usize> = (0..60).collect();
    let text = document(Format::Markdown, &many, &order);
    assert!(text.len() <= 65_000, "{}", text.len());
    assert!(text.contains("did not fit") && text.contains("{target}.md"));
    assert_eq!(text.matches("| `rich` |").count(), 60);
}

#[test]
fn the_overview_looks_like_this() {
    let text = document(Format::Table, &targets(), &[0, 1, 2]);
    let overview = text.split("\n\n\n").next().unwrap();
    insta::assert_snapshot!("fleet_table", overview);
    let text = document(Format::Markdown, &targets(), &[0, 1, 2]);
    let overview: Vec<&str> = text.lines().take(7).collect();
    insta::assert_snapshot!("fleet_markdown", overview.join("\n"));
}

/// A rich one, a hostile one, and one that was not reached.
fn targets() -> Vec<(TargetOutcome, Report)> {
    let gone = assemble(
        rich::unreachable(),
        rich::nothing_judged(),
        &rich::settings(),
    );
    let (rich, hostile) = (rich_report(), poisoned(&rich_report()));
    [("rich", rich), ("<b>|`x`\u{202e}", hostile), ("gone", gone)]
        .into_iter()
        .enumerate()
        .map(|(at, (name, report))| {
            let code = report.outcome.exit_code;
            (row(name, &format!("key-{at}"), &report, code), report)
        })
        .collect()
}

/// The document, with the targets ending in this order.
fn document(format: Format, targets: &[(TargetOutcome, Report)], order: &[usize]) -> String {
    let parts = order.iter().map(|&at| (at, true));
    built(format, targets, parts)
}

/// The document, one of them without a report.
fn without(format: Format, targets: &[(TargetOutcome, Report)], gone: usize) -> String {
    built(
        format,
        targets,
        (0..targets.len()).map(|at| (at, at != gone)),
    )
}

fn built(
    format: Format,
    targets: &[(TargetOutcome, Report)],
    parts: impl Iterator<Item = (usize, bool)>,
) -> String {
    let mut combined = Combined::new(format, Style::default());
    let mut out = Vec::new();
    for (at, reported) in parts {
        let (row, report) = &targets[at];
        let part = reported.then(|| combined.part(row, report).unwrap());
        let part = part.map(|part| {
            if combined.waits(at) {
                on_disk(part)
            } else {
                part
            }
        });
        combined.add(at, part, &mut out).unwrap();
    }
    let rows: Vec<TargetOutcome> = targets.iter().map(|(row, _)| row.clone()).collect();
    combined.finish(&tool(), &rows, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What has to wait reads the same from a file.
fn on_disk(part: Part) -> Part {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(part.bytes()).unwrap();
    file.rewind().unwrap();
    part.in_file(file)
}

fn tool() -> ToolInfo {
    ToolInfo {
        name: "mcp-assay".to_owned(),
        version: "0.1.0".to_owned(),
    }
}
