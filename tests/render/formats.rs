//! Every form of one report: the same findings, inert text, and the size its reader takes.

use std::collections::BTreeSet;

use mcp_assay::model::matrix::Access;
use mcp_assay::model::report::Report;
use mcp_assay::model::verdict::{Severity, Status};
use mcp_assay::report::Format;
use mcp_assay::report::assemble::assemble;
use pulldown_cmark::{Event, Parser, Tag};
use serde_json::Value;

use super::{assert_inert, poisoned, rich, rich_report, text};

#[test]
fn every_form_names_the_same_findings() {
    let report = rich_report();
    let open = report.findings.iter();
    let accepted = report.accepted.iter().map(|item| &item.finding);
    let ids: BTreeSet<&str> = open
        .chain(accepted)
        .map(|finding| finding.fingerprint.as_str())
        .collect();
    assert_eq!(ids.len(), 4);
    for format in Format::ALL {
        let text = text(format, &report);
        let found: BTreeSet<&str> = ids.iter().copied().filter(|id| text.contains(id)).collect();
        assert_eq!(found, ids, "{format}");
    }
}

#[test]
fn structured_forms_hold_exactly_these_findings() {
    let report = rich_report();
    let sarif: Value = serde_json::from_str(&text(Format::Sarif, &report)).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    let suppressed = results
        .iter()
        .filter(|result| result.get("suppressions").is_some());
    assert_eq!(suppressed.count(), report.accepted.len());
    let oscal: Value = serde_json::from_str(&text(Format::Oscal, &report)).unwrap();
    let observations = oscal["assessment-results"]["results"][0]["observations"]
        .as_array()
        .unwrap();
    let findings = observations.iter().filter(|observation| {
        let props = observation["props"].as_array().unwrap();
        props.iter().any(|prop| prop["name"] == "finding-id")
    });
    assert_eq!(findings.count(), 4);
    let open = observations.iter().filter(|observation| {
        let props = observation["props"].as_array().unwrap();
        props.iter().any(|prop| prop["name"] == "open")
    });
    let undecided = report.coverage.iter();
    let undecided = undecided.filter(|row| row.status == Status::Inconclusive);
    assert_eq!(open.count(), undecided.count());
    let annotations = text(Format::Github, &report);
    assert_eq!(annotations.matches("; id ").count(), 4);
    let har: Value = serde_json::from_str(&text(Format::Har, &report)).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), report.ledger.len());
    let found = har["log"]["_findings"].as_array().unwrap();
    assert_eq!(found.len(), 4);
    let kept: BTreeSet<&str> = entries
        .iter()
        .map(|it| it["_id"].as_str().unwrap())
        .collect();
    let cited = found
        .iter()
        .flat_map(|it| it["exchanges"].as_array().unwrap());
    let cited: Vec<&str> = cited.map(|id| id.as_str().unwrap()).collect();
    assert!(
        cited.len() >= 3 && cited.iter().all(|id| kept.contains(id)),
        "{cited:?}"
    );
}

#[test]
fn a_brief_of_a_thousand_findings_stays_a_page_and_says_what_is_missing() {
    let mut judged = rich::judged();
    let one = judged.findings[0].clone();
    for n in 0..1_000 {
        let mut finding = one.clone();
        finding.subject = format!("tool:t{n}");
        finding.fingerprint = format!("{n:016x}");
        judged.findings.push(finding);
    }
    let report = assemble(rich::collected(), judged, &rich::settings());
    let text = text(Format::Brief, &report);
    assert!(text.len() < 8_000, "{}", text.len());
    assert!(text.contains("more in the full report"));
}

#[test]
fn every_rule_is_declared_even_on_a_clean_run() {
    let mut judged = rich::nothing_judged();
    judged.coverage.clear();
    let mut settings = rich::settings();
    settings.accept.clear();
    let clean = assemble(rich::collected(), judged, &settings);
    let sarif: Value = serde_json::from_str(&text(Format::Sarif, &clean)).unwrap();
    let run = &sarif["runs"][0];
    assert!(run["results"].as_array().unwrap().is_empty());
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let declared: BTreeSet<&str> = rules
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    let known: BTreeSet<&str> = mcp_assay::checks::all()
        .iter()
        .map(|check| check.id)
        .chain(mcp_assay::checks::own::pages().iter().map(|page| &*page.id))
        .collect();
    assert_eq!(declared, known);
    assert!(
        rules
            .iter()
            .all(|rule| rule["properties"]["tags"].as_array().unwrap().len() <= 20)
    );
}

#[test]
fn results_lie_in_the_configuration_where_there_is_one_and_at_the_server_else() {
    let places = |report: &Report| -> Vec<(String, String, u64)> {
        let sarif: Value = serde_json::from_str(&text(Format::Sarif, report)).unwrap();
        let run = &sarif["runs"][0];
        let known: Vec<&Value> = run["artifacts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|artifact| &artifact["location"]["uri"])
            .collect();
        let results = run["results"].as_array().unwrap().iter();
        results
            .map(|result| {
                let place = &result["locations"][0]["physicalLocation"];
                let uri = &place["artifactLocation"]["uri"];
                assert!(known.contains(&uri), "{uri} is no artefact");
                (
                    result["ruleId"].as_str().unwrap().to_owned(),
                    uri.as_str().unwrap().to_owned(),
                    place["region"]["startLine"].as_u64().unwrap(),
                )
            })
            .collect()
    };
    let place = |rule: &str, uri: &str, line| (rule.to_owned(), uri.to_owned(), line);
    let mut report = rich_report();
    assert_eq!(
        places(&report),
        [
            place("calls-hidden-tools", "ci/assay.toml", 2),
            place("unguarded-write-tool", "ci/assay.toml", 2),
            place("acceptance-expired", "ci/assay.toml", 12),
            place("registration-open", "ci/assay.toml", 2),
        ]
    );
    report.engagement.named_at = None;
    let places = places(&report);
    assert_eq!(
        places[0],
        place("calls-hidden-tools", "mcp-server/mcp.example.com", 1)
    );
    assert_eq!(places[2], place("acceptance-expired", "ci/assay.toml", 12));
}

#[test]
fn fingerprints_stay_when_only_the_run_changes_and_targets_are_told_apart() {
    let first: Value = serde_json::from_str(&text(Format::Sarif, &rich_report())).unwrap();
    let mut report = rich_report();
    report.engagement.run_id = "ffffffff".to_owned();
    report.engagement.started = "2027-01-01T00:00:00Z".to_owned();
    let second: Value = serde_json::from_str(&text(Format::Sarif, &report)).unwrap();
    let prints = |log: &Value| -> Vec<Value> {
        let results = log["runs"][0]["results"].as_array().unwrap().iter();
        results
            .map(|result| result["partialFingerprints"].clone())
            .collect()
    };
    assert_eq!(prints(&first), prints(&second));
    let id = |log: &Value| log["runs"][0]["automationDetails"]["id"].clone();
    assert_eq!(id(&first), id(&second));
    report.target.resource.0 = "https://other.example/mcp".to_owned();
    let third: Value = serde_json::from_str(&text(Format::Sarif, &report)).unwrap();
    assert_ne!(id(&first), id(&third));
}

#[test]
fn a_target_that_nobody_reached_is_green_nowhere() {
    let report = assemble(
        rich::unreachable(),
        rich::nothing_judged(),
        &rich::settings(),
    );
    let junit = text(Format::Junit, &report);
    assert!(junit.contains("errors=\"1\""), "{junit}");
    let sarif: Value = serde_json::from_str(&text(Format::Sarif, &report)).unwrap();
    assert_eq!(
        sarif["runs"][0]["invocations"][0]["executionSuccessful"],
        false
    );
    assert!(text(Format::Markdown, &report).contains("**Not complete**"));
    assert!(text(Format::Brief, &report).contains("could not be audited"));
    assert!(text(Format::Github, &report).contains("exit 3 incomplete"));
}

#[test]
fn what_is_not_decided_is_an_error_and_never_a_pass() {
    let junit = text(Format::Junit, &rich_report());
    let document = roxmltree::Document::parse(&junit).unwrap();
    let case = |name: &str| {
        document
            .descendants()
            .find(|node| node.has_tag_name("testcase") && node.attribute("name") == Some(name))
            .unwrap()
    };
    let kinds = |name: &str| -> Vec<String> {
        let children = case(name).children().filter(roxmltree::Node::is_element);
        children
            .map(|node| node.tag_name().name().to_owned())
            .collect()
    };
    assert_eq!(kinds("accepts-foreign-audience"), ["error"]);
    assert_eq!(kinds("calls-hidden-tools"), ["failure"]);
    assert_eq!(kinds("registration-open"), ["skipped"]);
    assert_eq!(kinds("challenge-without-metadata"), ["system-out"]);
    let suites = document.root_element();
    assert_eq!(suites.attribute("errors"), Some("1"));
    // Two open findings, and an acceptance that has expired.
    assert_eq!(suites.attribute("failures"), Some("3"));
}

#[test]
fn hostile_text_stays_visible_and_inert_in_every_form() {
    let report = poisoned(&rich_report());
    for format in Format::ALL {
        let text = text(format, &report);
        assert_inert(&text);
        if format == Format::Json || format == Format::Har {
            continue;
        }
        assert!(text.contains("u{202e}"), "{format}");
    }
}

#[test]
fn markup_of_the_target_becomes_text() {
    let report = named(MARKUP);
    for format in [Format::Markdown, Format::Brief] {
        let text = text(format, &report);
        for event in Parser::new_ext(&text, pulldown_cmark::Options::ENABLE_TABLES) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => {
                    let plain = [
                        "<details>",
                        "</details>",
                        "<summary>",
                        "</summary>",
                        "<code>",
                    ];
                    assert!(
                        plain.iter().any(|tag| html.trim().starts_with(tag)),
                        "{format}: {html}"
                    );
                    assert!(
                        !html.contains("<script") && !html.contains("<img"),
                        "{html}"
                    );
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let known = [
                        "https://modelcontextprotocol.io/",
                        "https://www.rfc-editor.org/",
                        "https://datatracker.ietf.org/",
                    ];
                    assert!(
                        known.iter().any(|host| dest_url.starts_with(host)),
                        "{dest_url}"
                    );
                }
                _ => {}
            }
        }
    }
    let junit = text(Format::Junit, &report);
    let document = roxmltree::Document::parse(&junit).unwrap();
    assert!(
        !document
            .descendants()
            .any(|node| node.has_tag_name("script"))
    );
    let annotations = text(Format::Github, &report);
    assert!(annotations.lines().all(|line| {
        ["::error ", "::warning ", "::notice "]
            .iter()
            .any(|start| line.starts_with(start))
    }));
}

#[test]
fn names_of_a_million_characters_do_not_flood_a_comment() {
    let report = named(&"n".repeat(1_000_000));
    for (format, most) in [
        (Format::Markdown, 65_000),
        (Format::Brief, 20_000),
        (Format::Github, 40_000),
        (Format::Oscal, 200_000),
    ] {
        let text = text(format, &report);
        assert!(text.len() <= most, "{format}: {} bytes", text.len());
    }
}

#[test]
fn a_comment_of_a_thousand_findings_keeps_to_its_limit_and_says_what_is_missing() {
    let mut judged = rich::judged();
    let template = judged.findings[0].clone();
    for n in 0..1000 {
        let mut finding = template.clone();
        finding.subject = format!("tool/bulk_{n}");
        finding.fingerprint = format!("{n:016x}");
        finding.severity = Severity::High;
        judged.findings.push(finding);
    }
    let report = assemble(rich::collected(), judged, &rich::settings());
    let text = text(Format::Markdown, &report);
    assert!(text.len() <= 65_000);
    assert!(text.contains("did not fit"));
    assert!(!super::text(Format::Markdown, &rich_report()).contains("did not fit"));
}

#[test]
fn forms_look_like_this() {
    let report = rich_report();
    for format in [
        Format::Junit,
        Format::Markdown,
        Format::Github,
        Format::Brief,
    ] {
        insta::assert_snapshot!(format!("form_{format}"), text(format, &report));
    }
}

/// The rich report with a tool of this name that is broken, undecided and left behind.
fn named(name: &str) -> Report {
    let mut collected = rich::collected();
    let mut judged = rich::judged();
    let tool = rich::tool(name);
    let cell = rich::cell(&tool.id, "reader", Access::Inconclusive);
    collected.matrices[0].cells.push(cell);
    collected.surface.subjects.push(tool.clone());
    name.clone_into(&mut collected.residue[0].name);
    for finding in &mut judged.findings {
        finding.subject.clone_from(&tool.id);
        finding.message = format!("tool `{name}` ran; {name}");
    }
    name.clone_into(&mut judged.enforcement.sentence);
    for row in &mut judged.coverage {
        name.clone_into(&mut row.reason);
    }
    assemble(collected, judged, &rich::settings())
}

const MARKUP: &str = "<script>alert(1)</script><img src=x onerror=y> [a](https://evil.example) \
    ![b](https://evil.example/p.png) `` ` ``` | a\\\\|b \\| </summary></details> <https://evil.example> \
    @someone #12 \n# h\n::error::x\n- [ ] z ]]> <!-- --> &lt;script&gt; https://evil.example \\";
