use super::*;
use crate::oracle::testing::{cell, identities, matrix, tool};

const TWO: &[(&str, &[&str])] = &[("reader", &["read"]), ("admin", &["read", "write"])];

fn surface(tools: &[(&str, bool)]) -> Surface {
    Surface {
        subjects: tools
            .iter()
            .map(|(name, reads)| tool(name, Some(*reads)))
            .collect(),
        ..Surface::default()
    }
}

/// Cells for `reader` and `admin`, tool by tool.
fn answer(tools: &[(&str, bool)], rows: &[(Access, Access)]) -> EnforcementAnswer {
    answer_with(tools, rows, &[])
}

fn answer_with(
    tools: &[(&str, bool)],
    rows: &[(Access, Access)],
    policy: &[PolicyEntry],
) -> EnforcementAnswer {
    let cells = tools
        .iter()
        .zip(rows)
        .flat_map(|((name, _), (reader, admin))| {
            let id = format!("tool/{name}");
            [cell(&id, "reader", *reader), cell(&id, "admin", *admin)]
        });
    enforcement(
        &matrix(cells.collect()),
        &identities(TWO),
        &surface(tools),
        policy,
    )
}

use Access::{Allowed, Denied, Inconclusive, NotTested, Reached};

#[test]
fn guarded_writes_and_open_reads_are_per_tool() {
    let seen = answer(
        &[("list", true), ("write", false)],
        &[(Allowed, Allowed), (Denied, Reached)],
    );
    assert_eq!(seen.enforcement, Enforcement::PerTool);
    assert_eq!(seen.confidence, Confidence::Strong);
    assert_eq!(
        (
            seen.counts.guarded_by_scope,
            seen.counts.open_to_every_token
        ),
        (1, 1)
    );
    assert!(seen.broken_by.is_empty());
    assert!(
        seen.sentence.contains("1 of 2 tools guarded by scope"),
        "{}",
        seen.sentence
    );
}

#[test]
fn guarded_reads_say_nothing_of_writes_that_were_only_reached() {
    let seen = answer(
        &[("read", true), ("write", false)],
        &[(Denied, Allowed), (Reached, Reached)],
    );
    assert_eq!(seen.enforcement, Enforcement::Undetermined);
    assert!(seen.sentence.contains("`write`"), "{}", seen.sentence);
    let reads_only = answer(&[("read", true)], &[(Denied, Allowed)]);
    assert_eq!(reads_only.enforcement, Enforcement::PerTool);
}

#[test]
fn an_open_write_beside_guarded_ones_is_partial() {
    let seen = answer(
        &[("write", false), ("purge", false)],
        &[(Denied, Allowed), (Allowed, Allowed)],
    );
    assert_eq!(seen.enforcement, Enforcement::Partial);
    assert_eq!(seen.broken_by, ["purge"]);
    let read = answer(
        &[("write", false), ("list", true)],
        &[(Denied, Allowed), (Allowed, Allowed)],
    );
    assert_eq!(read.enforcement, Enforcement::PerTool);
}

#[test]
fn a_policy_or_a_declaration_makes_an_open_read_a_breach() {
    let policy = [PolicyEntry {
        tools: vec!["list".into()],
        require: ["write".to_owned()].into(),
        ..PolicyEntry::default()
    }];
    let tools = [("write", false), ("list", true)];
    let rows = [(Denied, Allowed), (Allowed, Allowed)];
    assert_eq!(answer_with(&tools, &rows, &policy).broken_by, ["list"]);
    let allowing = [PolicyEntry {
        tools: vec!["*".into()],
        require: ["read".to_owned()].into(),
        ..PolicyEntry::default()
    }];
    assert!(answer_with(&tools, &rows, &allowing).broken_by.is_empty());
}

#[test]
fn a_gate_before_the_whole_server_is_server_only() {
    let mut cells = vec![
        cell("tool/a", "reader", Denied),
        cell("tool/a", "admin", Allowed),
    ];
    cells[0].layer = Some(Layer::ServerGate);
    let seen = enforcement(
        &matrix(cells),
        &identities(TWO),
        &surface(&[("a", true)]),
        &[],
    );
    assert_eq!(seen.enforcement, Enforcement::ServerOnly);
    assert_eq!(seen.counts.guarded_by_scope, 0);
}

#[test]
fn a_backend_refusal_guards_nothing() {
    let mut cells = vec![
        cell("tool/a", "reader", Denied),
        cell("tool/a", "admin", Allowed),
    ];
    cells[0].layer = Some(Layer::Backend);
    let seen = enforcement(
        &matrix(cells),
        &identities(TWO),
        &surface(&[("a", true)]),
        &[],
    );
    assert_eq!(seen.enforcement, Enforcement::Undetermined);
}

#[test]
fn none_takes_every_tool_decided_and_open() {
    let tools = [("list", true), ("write", false)];
    let open = answer(&tools, &[(Allowed, Allowed), (Allowed, Allowed)]);
    assert_eq!(open.enforcement, Enforcement::None);
    for undecided in [Reached, Inconclusive, NotTested] {
        let seen = answer(&tools, &[(Allowed, Allowed), (undecided, Reached)]);
        assert_eq!(seen.enforcement, Enforcement::Undetermined);
    }
}

#[test]
fn equal_scopes_determine_nothing() {
    let same: &[(&str, &[&str])] = &[("a", &["read"]), ("b", &["read"])];
    let cells = vec![cell("tool/t", "a", Allowed), cell("tool/t", "b", Allowed)];
    let seen = enforcement(
        &matrix(cells),
        &identities(same),
        &surface(&[("t", true)]),
        &[],
    );
    assert_eq!(seen.enforcement, Enforcement::Undetermined);
    assert!(
        seen.sentence.contains("two valid tokens"),
        "{}",
        seen.sentence
    );
}

#[test]
fn a_server_without_authentication_is_open_to_all() {
    let cells = vec![cell("tool/t", "anonymous", Allowed)];
    let seen = enforcement(
        &matrix(cells),
        &identities(&[]),
        &surface(&[("t", true)]),
        &[],
    );
    assert_eq!(seen.enforcement, Enforcement::None);
    assert_eq!(seen.counts.open_without_token, 1);
    assert!(seen.broken_by.is_empty());
}

#[test]
fn one_tool_open_without_a_token_among_refusing_ones_is_a_breach() {
    let cells = vec![
        cell("tool/a", "anonymous", Allowed),
        cell("tool/a", "reader", Allowed),
        cell("tool/a", "admin", Allowed),
        cell("tool/b", "anonymous", Denied),
        cell("tool/b", "reader", Denied),
        cell("tool/b", "admin", Allowed),
    ];
    let surface = surface(&[("a", true), ("b", false)]);
    let seen = enforcement(&matrix(cells), &identities(TWO), &surface, &[]);
    assert_eq!(seen.enforcement, Enforcement::Partial);
    assert_eq!(seen.broken_by, ["a"]);
}

#[test]
fn a_stranger_who_gets_more_than_a_valid_token_is_a_breach() {
    let cells = |reader| {
        vec![
            cell("tool/a", "anonymous", Allowed),
            cell("tool/a", "reader", reader),
            cell("tool/a", "admin", Allowed),
        ]
    };
    let surface = surface(&[("a", true)]);
    let more = enforcement(&matrix(cells(Denied)), &identities(TWO), &surface, &[]);
    assert_eq!(more.broken_by, ["a"]);
    let equal = enforcement(&matrix(cells(Allowed)), &identities(TWO), &surface, &[]);
    assert!(equal.broken_by.is_empty());
}
