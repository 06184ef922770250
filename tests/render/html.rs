//! The page for a browser: whole, inert, self-contained, and readable without scripts.

use std::collections::BTreeMap;

use mcp_assay::model::matrix::Access;
use mcp_assay::model::policy::{Conformity, PolicyComparison};
use mcp_assay::model::report::Report;
use mcp_assay::model::settings::PolicyEntry;
use mcp_assay::model::target::Revision;
use mcp_assay::oracle::conformity;
use mcp_assay::report::Format;
use mcp_assay::report::assemble::assemble;
use roxmltree::{Document, Node, ParsingOptions};

use super::{poisoned, rich, rich_report, text};

#[test]
fn the_page_is_well_formed_and_has_its_landmarks() {
    for report in [rich_report(), poisoned(&rich_report()), unreachable()] {
        let page = text(Format::Html, &report);
        assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
        let document = parsed(&page);
        for name in ["header", "nav", "main", "footer", "h1", "title"] {
            let found = document
                .descendants()
                .filter(|node| node.has_tag_name(name));
            assert_eq!(found.count(), 1, "{name}");
        }
        let ids: Vec<&str> = attributes(&document, "id");
        let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
        for target in attributes(&document, "href") {
            if let Some(id) = target.strip_prefix('#') {
                assert!(ids.contains(&id), "{target}");
            }
        }
        for label in attributes(&document, "aria-labelledby") {
            assert!(ids.contains(&label), "{label}");
        }
    }
}

#[test]
fn nothing_on_the_page_fetches_sends_or_runs_what_the_target_said() {
    let page = text(Format::Html, &hostile());
    let document = parsed(&page);
    for name in [
        "img", "iframe", "link", "object", "form", "base", "svg", "b",
    ] {
        assert!(
            !document.descendants().any(|node| node.has_tag_name(name)),
            "{name}"
        );
    }
    let count = |name| {
        document
            .descendants()
            .filter(|node: &Node<'_, '_>| node.has_tag_name(name))
            .count()
    };
    assert_eq!((count("script"), count("style")), (1, 1));
    for node in document.descendants() {
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(
                !name.starts_with("on") && name != "style" && name != "src",
                "{name}"
            );
            if name == "href" {
                let known = [
                    "#",
                    "https://modelcontextprotocol.io/",
                    "https://www.rfc-editor.org/",
                    "https://datatracker.ietf.org/",
                    "https://",
                ];
                assert!(
                    known
                        .iter()
                        .any(|start| attribute.value().starts_with(start))
                );
                assert!(!attribute.value().contains("evil"));
            }
        }
    }
    let policy = document
        .descendants()
        .find(|node| node.attribute("http-equiv") == Some("Content-Security-Policy"))
        .and_then(|node| node.attribute("content"))
        .unwrap();
    assert!(policy.starts_with("default-src 'none'; "));
    assert!(!policy.contains("unsafe") && !policy.contains("http"));
}

#[test]
fn the_policy_names_the_very_style_and_script_of_the_page() {
    use base64::Engine;
    use sha2::Digest;
    let page = text(Format::Html, &rich_report());
    for name in ["style", "script"] {
        let (_, rest) = page.split_once(&format!("<{name}>")).unwrap();
        let (content, _) = rest.split_once(&format!("</{name}>")).unwrap();
        let digest = sha2::Sha256::digest(content);
        let hash = base64::engine::general_purpose::STANDARD.encode(digest);
        assert!(
            page.contains(&format!("{name}-src &#39;sha256-{hash}&#39;")),
            "{name}"
        );
    }
}

#[test]
fn each_cell_says_how_it_stands_to_the_policy_and_says_nothing_without_one() {
    let entry = |tools: &str, scopes: &[&str]| PolicyEntry {
        tools: vec![tools.to_owned()],
        require: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..PolicyEntry::default()
    };
    let policy = [
        entry("create_note", &["notes:admin"]),
        entry("delete_note", &[]),
        entry("gone_*", &[]),
    ];
    let collected = rich::collected();
    let comparison = conformity::compare(
        &collected.matrices[0],
        &collected.surface,
        &collected.identities,
        &policy,
    );
    let comparison = comparison.expect("a policy was given");
    let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, word) in comparison.subjects.iter().flat_map(|it| &it.cells) {
        let shown = match word {
            Conformity::Conforms => "as intended",
            Conformity::TooOpen => "! too open",
            Conformity::TooClosed => "! too closed",
            Conformity::NotDecided => "policy: not decided",
            Conformity::NoPolicy => "no policy",
        };
        *wanted.entry(shown).or_default() += 1;
    }
    assert!(wanted.len() >= 4, "{wanted:?}");
    let shown = |comparison: Option<PolicyComparison>| {
        let mut judged = rich::judged();
        judged.comparison = comparison;
        let report = assemble(rich::collected(), judged, &rich::settings());
        let page = text(Format::Html, &report);
        let document = parsed(&page);
        let cells = document
            .descendants()
            .filter(|node| node.has_tag_name("td") && node.attribute("class").is_some());
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for small in cells.flat_map(|cell| cell.children().filter(|it| it.has_tag_name("small"))) {
            *counts.entry(small.text().unwrap().to_owned()).or_default() += 1;
        }
        (counts, page)
    };
    let (counts, page) = shown(Some(comparison));
    for (word, n) in &wanted {
        assert_eq!(counts.get(*word), Some(n), "{word}: {counts:?}");
    }
    assert!(page.contains("gone_*"), "an entry without a tool is drift");
    let (without, _) = shown(None);
    assert!(
        wanted.keys().all(|word| !without.contains_key(*word)),
        "{without:?}"
    );
}

#[test]
fn a_revision_that_shows_the_same_is_folded_and_kept() {
    let mut report = rich_report();
    let rows = |report: &Report| {
        text(Format::Html, report)
            .matches("<th scope=\"row\"")
            .count()
    };
    let before = rows(&report);
    let mut again = report.matrices.last().unwrap().clone();
    let own = report.matrices.iter().map(|it| it.revision);
    let own: Vec<_> = own.collect();
    let other = Revision::ALL.into_iter().find(|it| !own.contains(it));
    let first = again.revision;
    again.revision = other.unwrap();
    let more = again.subjects.len();
    report.matrices.push(again);
    let said = format!("<summary>The same as in {first}</summary>");
    assert!(text(Format::Html, &report).contains(&said));
    assert!(more > 0 && rows(&report) >= before + more);
    let cells = &mut report.matrices.last_mut().unwrap().cells;
    let turned = match cells[0].access {
        Access::Denied => Access::Allowed,
        _ => Access::Denied,
    };
    cells[0].access = turned;
    assert!(!text(Format::Html, &report).contains(&said));
}

#[test]
fn every_cell_shows_a_sign_and_a_word() {
    let report = rich_report();
    let page = text(Format::Html, &report);
    let document = parsed(&page);
    let cells: Vec<&str> = document
        .descendants()
        .filter(|node| {
            node.has_tag_name("td")
                && node
                    .attribute("class")
                    .is_some_and(|class| class.starts_with("c "))
        })
        .filter_map(|node| node.text())
        .collect();
    let all: usize = report
        .matrices
        .iter()
        .map(|matrix| matrix.cells.len())
        .sum();
    assert_eq!(cells.len(), all);
    assert!(cells.iter().all(|cell| cell.chars().count() > 2));
    assert!(cells.contains(&"✓ allowed") && cells.contains(&"✗ denied"));
}

#[test]
fn a_finding_shows_both_exchanges_with_the_difference_and_a_command_without_a_secret() {
    let mut collected = rich::collected();
    let mut other = rich::exchange(mcp_assay::model::probe::ProbeId::CallValid, "admin");
    other.request.headers = vec![mcp_assay::model::exchange::HeaderField::new(
        "authorization",
        "Bearer {admin}",
    )];
    let id = collected.ledger.file(other);
    let mut judged = rich::judged();
    for finding in &mut judged.findings {
        finding.cites[1].exchange = id;
    }
    let report = assemble(collected, judged, &rich::settings());
    let page = text(Format::Html, &report);
    let document = parsed(&page);
    let marked: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name("mark"))
        .filter_map(|node| node.text())
        .collect();
    assert!(
        marked.contains(&"authorization: Bearer {admin}"),
        "{marked:?}"
    );
    assert!(!marked.contains(&"HTTP 200"));
    assert!(page.contains("&#39;authorization: Bearer &#39;&quot;$TOKEN&quot;"));
}

#[test]
fn a_thousand_tools_stay_one_page() {
    let mut collected = rich::collected();
    for n in 0..1000 {
        let tool = rich::tool(&format!("bulk_{n:04}"));
        for identity in ["anonymous", "garbage", "reader", "admin"] {
            let cell = rich::cell(&tool.id, identity, Access::Denied);
            collected.matrices[0].cells.push(cell);
        }
        collected.surface.subjects.push(tool);
    }
    let report = assemble(collected, rich::judged(), &rich::settings());
    let page = text(Format::Html, &report);
    assert!(page.contains("bulk_0999"));
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    let document = parsed(&page);
    let tools = document
        .descendants()
        .find(|node| {
            let is = node.has_tag_name("summary");
            is && node.text().is_some_and(|it| it.starts_with("Tools (1005)"))
        })
        .unwrap();
    // So many rows are folded until somebody asks for them.
    assert_eq!(tools.parent().unwrap().attribute("open"), None);
}

#[test]
fn the_page_reads_like_this() {
    let page = text(Format::Html, &rich_report());
    let document = parsed(&page);
    let body = document
        .descendants()
        .find(|node| node.has_tag_name("body"))
        .unwrap();
    let mut lines = Vec::new();
    read(body, &mut lines);
    insta::assert_snapshot!("html_text", lines.join("\n"));
}

/// What a reader without style or script has before them.
fn read(node: Node<'_, '_>, lines: &mut Vec<String>) {
    const BLOCKS: [&str; 11] = [
        "h1", "h2", "h3", "h4", "h5", "p", "li", "tr", "summary", "pre", "dd",
    ];
    let name = node.tag_name().name();
    if name == "script" {
        return;
    }
    if BLOCKS.contains(&name) {
        let texts = node.descendants().filter(Node::is_text);
        let texts: Vec<&str> = texts.filter_map(|text| text.text()).collect();
        let between = if name == "tr" { " | " } else { "" };
        lines.push(format!("{name}: {}", texts.join(between).trim()));
        return;
    }
    for child in node.children() {
        read(child, lines);
    }
}

fn unreachable() -> Report {
    assemble(
        rich::unreachable(),
        rich::nothing_judged(),
        &rich::settings(),
    )
}

/// Markup wherever the target has a say.
fn hostile() -> Report {
    let mut collected = rich::collected();
    let tool = rich::tool(MARKUP);
    collected.matrices[0]
        .cells
        .push(rich::cell(&tool.id, "reader", Access::Allowed));
    collected.surface.subjects.push(tool.clone());
    MARKUP.clone_into(&mut collected.residue[0].name);
    let mut judged = rich::judged();
    for finding in &mut judged.findings {
        finding.subject.clone_from(&tool.id);
        MARKUP.clone_into(&mut finding.message);
    }
    MARKUP.clone_into(&mut judged.enforcement.sentence);
    assemble(collected, judged, &rich::settings())
}

fn attributes<'a>(document: &'a Document<'_>, name: &str) -> Vec<&'a str> {
    let nodes = document.descendants();
    nodes.filter_map(|node| node.attribute(name)).collect()
}

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(page, options).expect("the page is well-formed")
}

const MARKUP: &str = "</td></script></style><script>alert(1)</script><img src=https://evil.example \
    onerror=alert(1)><b onclick=\"x\" style='y'>\" ' <!-- ]]> &lt; javascript:alert(1)";
