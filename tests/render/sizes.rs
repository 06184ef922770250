//! The table with few identities, with as many as it has columns for, and with a long ladder.

use std::collections::BTreeSet;

use mcp_assay::model::audit::Collected;
use mcp_assay::model::identity::{Identities, Identity, IdentityKind, Provenance};
use mcp_assay::model::matrix::{Access, Calibration, Confidence, Matrix};
use mcp_assay::model::report::Report;
use mcp_assay::model::surface::Surface;
use mcp_assay::model::target::{Revision, Transport};
use mcp_assay::oracle::{breaks, effective};
use mcp_assay::report::assemble::{Judged, assemble};
use mcp_assay::report::{Format, Style, render, safe};

use super::rich;

#[test]
fn three_identities_fit_beside_each_other() {
    insta::assert_snapshot!("identities_3", matrix_of(&report(3, 6, false), 100));
}

#[test]
fn twelve_identities_are_blocks_of_columns_and_the_odd_cell_is_marked() {
    let report = report(12, 6, true);
    let text = matrix_of(&report, 120);
    assert!(text.contains("! allowed"), "{text}");
    insta::assert_snapshot!("identities_12", text);
    assert_eq!(
        matrix_of(&report, 60).matches("identities, part").count(),
        6
    );
}

#[test]
fn thirty_identities_are_a_line_each_and_none_is_lost() {
    let report = report(30, 6, true);
    let text = matrix_of(&report, 100);
    insta::assert_snapshot!("identities_30", text);
    for identity in &report.matrices[0].identities {
        assert!(text.contains(&format!("  {identity} ")), "{identity}");
    }
    let style = Style {
        full: true,
        ..Style::default()
    };
    let full = String::from_utf8(render(Format::Table, &report, &style).unwrap()).unwrap();
    assert!(full.contains("identities, part") && full.contains("! allowed"));
}

#[test]
fn a_thousand_tools_stay_a_page() {
    for identities in [3, 12, 30] {
        let text = matrix_of(&report(identities, 1000, true), 100);
        assert!(text.lines().count() < 200, "{}", text.lines().count());
        assert!(text.lines().all(|line| safe::width(line) <= 100));
    }
    insta::assert_snapshot!("tools_1000", matrix_of(&report(3, 1000, true), 100));
}

/// From the matrix to the findings.
fn matrix_of(report: &Report, width: u16) -> String {
    let style = Style {
        width,
        ..Style::default()
    };
    let text = String::from_utf8(render(Format::Table, report, &style).unwrap()).unwrap();
    let start = text.find("WHO CAN USE WHAT").unwrap();
    let stop = text.find("\nFINDINGS").unwrap();
    text[start..stop].trim_end().to_owned() + "\n"
}

/// A server where each tool asks for one scope of several, and tokens hold none, one or all of them;
/// when it is leaky, the first tool opens to a token without scopes and is refused to the others.
fn report(tokens: usize, tools: usize, leaky: bool) -> Report {
    let scopes: Vec<String> = (0..tokens.saturating_sub(2))
        .map(|n| format!("s{n}"))
        .collect();
    let mut held: Vec<(String, BTreeSet<String>)> = vec![("none".to_owned(), BTreeSet::new())];
    let each = scopes.iter();
    held.extend(each.map(|scope| (format!("only-{scope}"), [scope.clone()].into())));
    held.push(("all".to_owned(), scopes.iter().cloned().collect()));
    let mut collected = Collected {
        identities: Identities {
            present: held.iter().map(|(name, held)| valid(name, held)).collect(),
            baseline: Some("all".to_owned()),
            ..Identities::default()
        },
        surface: Surface::default(),
        ..rich::collected()
    };
    let mut cells = Vec::new();
    for n in 0..tools {
        let mut tool = rich::tool(&format!("tool_{n:04}"));
        tool.schemes = None;
        let needed = scopes.get(n % scopes.len());
        for (name, held) in &held {
            let open = needed.is_none_or(|needed| held.contains(needed));
            let leaks = leaky && n == 0 && (name == "none") != open;
            let open = if n == 0 && leaky { leaks } else { open };
            let access = if open {
                Access::Allowed
            } else {
                Access::Denied
            };
            let mut cell = rich::cell(&tool.id, name, access);
            cell.confidence = Confidence::Strong;
            cell.listed = Some(open);
            cells.push(cell);
        }
        collected.surface.subjects.push(tool);
    }
    collected.matrices = vec![Matrix {
        revision: Revision::R2025_11,
        transport: Transport::StreamableHttp,
        identities: held.iter().map(|(name, _)| name.clone()).collect(),
        cells,
        calibration: Calibration::default(),
    }];
    let matrix = &collected.matrices[0];
    let judged = Judged {
        policy: effective::effective(matrix, &collected.identities),
        breaks: vec![breaks::breaks(
            matrix,
            &collected.surface,
            &collected.identities,
            &[],
        )],
        ..rich::judged()
    };
    assemble(collected, judged, &rich::settings())
}

fn valid(name: &str, held: &BTreeSet<String>) -> Identity {
    Identity {
        name: name.to_owned(),
        kind: IdentityKind::Valid,
        provenance: Provenance::Operator {
            source: "env:TOKEN".to_owned(),
        },
        privileged: false,
        believed: Some(held.clone()),
        requested: None,
        granted: None,
        expires_in: None,
        claims: None,
        exchange: None,
        invalid: None,
        header: None,
        credential: None,
    }
}
