//! One rich report in every form: complete, inert, and true to its schema.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of a test may panic as tests do"
)]

use mcp_assay::model::identity::{IdentityKind, Provenance};
use mcp_assay::model::matrix::Access;
use mcp_assay::model::report::Report;
use mcp_assay::model::target::Revision;
use mcp_assay::report::assemble::assemble;
use mcp_assay::report::schema::report_schema;
use mcp_assay::report::{Format, Style, render, safe};
use serde_json::Value;

#[path = "render/answers.rs"]
mod answers;
#[path = "render/diff.rs"]
mod diff;
#[path = "render/fleet.rs"]
mod fleet;
#[path = "render/formats.rs"]
mod formats;
#[path = "render/html.rs"]
mod html;
#[path = "render/kept.rs"]
mod kept;
#[path = "render/outcome.rs"]
mod outcome;
#[path = "support/rich_report.rs"]
mod rich;
#[path = "render/schemas.rs"]
mod schemas;
#[path = "render/sizes.rs"]
mod sizes;

#[test]
fn tables_look_like_this() {
    let report = rich_report();
    insta::assert_snapshot!("table_80", table(&report, 80, false));
    insta::assert_snapshot!("table_120", table(&report, 120, false));
    let coloured = table(&report, 80, true).replace('\u{1b}', "␛");
    insta::assert_snapshot!("table_80_colour", coloured);
    let coloured = table(&report, 120, true).replace('\u{1b}', "␛");
    insta::assert_snapshot!("table_120_colour", coloured);
}

#[test]
fn an_unreachable_target_says_so_first() {
    let report = assemble(
        rich::unreachable(),
        rich::nothing_judged(),
        &rich::settings(),
    );
    let text = table(&report, 80, false);
    assert!(text.lines().nth(1).unwrap().starts_with("NOT AUDITED: "));
    assert!(!text.contains("NOT DECIDED: nothing"));
    insta::assert_snapshot!("unreachable_80", text);
}

#[test]
fn colour_adds_and_never_carries() {
    let report = rich_report();
    for width in [80, 120] {
        let coloured = table(&report, width, true);
        let plain = table(&report, width, false);
        assert_ne!(coloured, plain);
        assert_eq!(without_colour(&coloured), plain);
        assert!(!plain.contains('\u{1b}'));
    }
}

#[test]
fn no_line_is_wider_than_asked_and_no_width_panics() {
    let empty = assemble(
        mcp_assay::model::audit::Collected::default(),
        rich::nothing_judged(),
        &rich::settings(),
    );
    for report in [rich_report(), empty] {
        for width in [0, 1, 48, 60, 79, 80, 120, 200, u16::MAX] {
            let limit = usize::from(width).clamp(48, 400);
            for line in table(&report, width, false).lines() {
                assert!(safe::width(line) <= limit, "{width}: {line:?}");
                assert_eq!(line, line.trim_end());
            }
        }
    }
}

#[test]
fn every_finding_and_every_open_question_is_shown() {
    let report = rich_report();
    let json: Value = serde_json::from_str(&text(Format::Json, &report)).unwrap();
    let table = table(&report, 120, false);
    let accepted = report.accepted.iter().map(|item| &item.finding);
    let mut seen = Vec::new();
    for finding in report.findings.iter().chain(accepted) {
        assert!(table.contains(&finding.fingerprint), "{finding:?}");
        assert!(table.contains(&finding.subject), "{finding:?}");
        seen.push(finding.fingerprint.as_str());
    }
    // What was judged, and what is said about the acceptances.
    assert_eq!(seen.len(), rich::judged().findings.len() + 1);
    let in_json = |list: &str, pointer: &str| -> Vec<String> {
        let items = json[list].as_array().unwrap().iter();
        items
            .map(|item| item.pointer(pointer).unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    let mut listed = in_json("findings", "/fingerprint");
    listed.extend(in_json("accepted", "/finding/fingerprint"));
    assert_eq!(listed, seen);
    assert!(!report.undecided.is_empty());
    for item in &report.undecided {
        assert!(table.contains(&item.what), "{item:?}");
        assert!(table.contains(&item.reason), "{item:?}");
    }
}

#[test]
fn long_matrices_fold_equal_rows_unless_everything_is_asked_for() {
    let many = |n: usize| {
        let mut collected = rich::collected();
        let matrix = &mut collected.matrices[0];
        for i in 0..n {
            let tool = rich::tool(&format!("bulk_{i:03}"));
            for identity in ["anonymous", "garbage", "reader", "admin"] {
                let access = match identity {
                    "reader" | "admin" => Access::Reached,
                    _ => Access::Denied,
                };
                matrix.cells.push(rich::cell(&tool.id, identity, access));
            }
            collected.surface.subjects.push(tool);
        }
        assemble(collected, rich::judged(), &rich::settings())
    };
    let short = table(&many(50), 80, false);
    assert!(short.contains("bulk_049"));
    assert!(!short.contains("same row"));
    let long = table(&many(200), 80, false);
    // create_note has the same row and is shown in their place.
    assert!(long.contains("… 199 more, same row"), "{long}");
    assert!(!long.contains("\n  bulk_150"));
    let style = Style {
        full: true,
        ..Style::default()
    };
    let full = String::from_utf8(render(Format::Table, &many(200), &style).unwrap()).unwrap();
    assert!(full.contains("\n  bulk_150"));
    assert!(!full.contains("same row"));
}

#[test]
fn forged_copies_are_counted_and_named_when_everything_is_asked_for() {
    let mut collected = rich::collected();
    let model = collected.identities.present[0].clone();
    let mut names = Vec::new();
    for n in 0..9 {
        let mut copy = model.clone();
        copy.name = format!("copy-{n}");
        copy.kind = if n < 5 {
            IdentityKind::Tampered
        } else {
            IdentityKind::Unsigned
        };
        copy.invalid = None;
        copy.provenance = Provenance::Derived {
            from: Some("admin".to_owned()),
            change: "edited".to_owned(),
        };
        names.push(copy.name.clone());
        collected.identities.present.push(copy);
    }
    let report = assemble(collected, rich::judged(), &rich::settings());
    let short = table(&report, 120, false);
    let line = "9 more, made by mcp-assay: 5 × tampered copy of a valid token; \
                4 × unsigned copy of a valid token";
    assert!(short.contains(line), "{short}");
    assert!(names.iter().all(|name| !short.contains(name.as_str())));
    let style = Style {
        full: true,
        ..Style::default()
    };
    let full = String::from_utf8(render(Format::Table, &report, &style).unwrap()).unwrap();
    assert!(names.iter().all(|name| full.contains(&format!("{name}: "))));
}

#[test]
fn revisions_that_show_the_same_share_a_matrix_and_others_do_not() {
    let heading =
        "WHO CAN USE WHAT (2025-11-25 and 2025-06-18 over Streamable HTTP, the same in each)";
    let with = |change: bool, full: bool| {
        let mut collected = rich::collected();
        collected.matrices.truncate(1);
        let mut second = collected.matrices[0].clone();
        second.revision = Revision::R2025_06;
        if change {
            second.cells[0].access = Access::Inconclusive;
        }
        collected.matrices.push(second);
        let mut judged = rich::judged();
        let marked = judged.breaks.first().cloned().unwrap_or_default();
        judged.breaks = vec![marked.clone(), marked];
        let report = assemble(collected, judged, &rich::settings());
        let style = Style {
            width: 120,
            full,
            ..Style::default()
        };
        String::from_utf8(render(Format::Table, &report, &style).unwrap()).unwrap()
    };
    let same = with(false, false);
    assert!(same.contains(heading), "{same}");
    assert_eq!(same.matches("WHO CAN USE WHAT").count(), 1);
    for apart in [with(true, false), with(false, true)] {
        assert!(!apart.contains("the same in each"));
        assert_eq!(apart.matches("WHO CAN USE WHAT").count(), 2);
        // The signs are explained once.
        assert_eq!(apart.matches("~ reached: as far").count(), 1);
    }
}

#[test]
fn many_identities_wrap_into_blocks_and_none_is_lost() {
    let mut collected = rich::collected();
    let names: Vec<String> = (0..11).map(|n| format!("identity-{n:02}")).collect();
    collected.matrices = vec![rich::matrix(Revision::R2025_11)];
    collected.matrices[0].identities.clone_from(&names);
    let report = assemble(collected, rich::judged(), &rich::settings());
    let text = table(&report, 80, false);
    assert!(text.contains("identities, part 3 of 3"));
    for name in &names {
        assert_eq!(text.matches(name.as_str()).count(), 1, "{name}");
    }
    assert!(!table(&rich_report(), 80, false).contains("identities, part"));
}

#[test]
fn hostile_text_in_every_place_stays_visible_and_inert() {
    let report = poisoned(&rich_report());
    let plain = table(&report, 80, false);
    assert!(plain.contains("\\u{202e}") && plain.contains("\\u{1b}"));
    assert_inert(&plain);
    assert_inert(&without_colour(&table(&report, 120, true)));
    let json = text(Format::Json, &report);
    assert_inert(&json);
    assert_eq!(
        serde_json::from_str::<Value>(&json).unwrap(),
        serde_json::to_value(&report).unwrap()
    );
}

#[test]
fn names_of_ten_thousand_characters_do_not_flood_the_page() {
    let mut collected = rich::collected();
    let name = "n".repeat(10_000);
    let tool = rich::tool(&name);
    for identity in ["reader", "admin"] {
        let cell = rich::cell(&tool.id, identity, Access::Reached);
        collected.matrices[0].cells.push(cell);
    }
    collected.surface.subjects.push(tool);
    let report = assemble(collected, rich::judged(), &rich::settings());
    let text = table(&report, 80, false);
    assert!(text.contains("nnn…nnn"));
    assert!(text.len() < 20_000, "{} bytes", text.len());
}

#[test]
fn json_is_valid_by_the_published_schema_and_a_wrong_word_is_not() {
    let validator = jsonschema::validator_for(&report_schema()).unwrap();
    for report in [
        rich_report(),
        poisoned(&rich_report()),
        assemble(
            rich::unreachable(),
            rich::nothing_judged(),
            &rich::settings(),
        ),
    ] {
        let json = serde_json::from_str(&text(Format::Json, &report)).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&json)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new());
    }
    let mut json = serde_json::to_value(rich_report()).unwrap();
    json["answers"]["clients"]["registration"]["posture"] = "D9".into();
    assert!(!validator.is_valid(&json));
    let mut json = serde_json::to_value(rich_report()).unwrap();
    json.as_object_mut().unwrap().remove("undecided");
    assert!(!validator.is_valid(&json));
}

#[test]
fn json_reads_back_as_the_same_report() {
    let json = text(Format::Json, &rich_report());
    assert!(json.ends_with("}\n"));
    let back: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(text(Format::Json, &back), json);
    assert!(!json.contains("\"secret\""));
}

fn rich_report() -> Report {
    assemble(rich::collected(), rich::judged(), &rich::settings())
}

fn table(report: &Report, width: u16, colour: bool) -> String {
    let style = Style {
        width,
        colour,
        full: false,
    };
    String::from_utf8(render(Format::Table, report, &style).unwrap()).unwrap()
}

fn text(format: Format, report: &Report) -> String {
    String::from_utf8(render(format, report, &Style::default()).unwrap()).unwrap()
}

/// Takes out what a painter may put in: `ESC [ digits m`.
fn without_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find('m').expect("a colour sequence ends with m");
        let code = &part[..end];
        assert!(code.chars().all(|c| c.is_ascii_digit() || c == ';'));
        plain.push_str(&part[end + 1..]);
    }
    plain
}

fn assert_inert(text: &str) {
    for c in text.chars().filter(|c| *c != '\n') {
        let moves = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}');
        let breaks = matches!(c, '\u{2028}' | '\u{2029}');
        assert!(
            !c.is_control() && !moves && !hides && !breaks,
            "U+{:04X} came through",
            u32::from(c)
        );
    }
}

/// The report with hostile text behind every string that is not one of a closed set of words.
fn poisoned(report: &Report) -> Report {
    let mut json = serde_json::to_value(report).unwrap();
    let mut texts = std::collections::BTreeSet::new();
    collect(&json, &mut texts);
    let mut changed = 0;
    for text in texts {
        let mut tried = json.clone();
        replace(&mut tried, &text, &format!("{text}{HOSTILE}"));
        if serde_json::from_value::<Report>(tried.clone()).is_ok() {
            json = tried;
            changed += 1;
        }
    }
    assert!(changed > 80, "only {changed} texts took the poison");
    serde_json::from_value(json).unwrap()
}

fn collect(value: &Value, texts: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::String(text) => {
            texts.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|item| collect(item, texts)),
        _ => {}
    }
}

fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|item| replace(item, from, to)),
        _ => {}
    }
}

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\n\t\u{7f}\u{202e}\u{2066}\u{200b}\
    \u{2028}\u{feff}\u{e0041}\u{0}";
