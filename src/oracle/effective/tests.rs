use super::*;
use crate::oracle::testing::{cell, identities, matrix, scopes};

fn of(held: &[(&str, &[&str])], row: &[(&str, Access)]) -> EffectiveRule {
    with(held, row, |_| {})
}

fn with(
    held: &[(&str, &[&str])],
    row: &[(&str, Access)],
    change: impl FnOnce(&mut Vec<Cell>),
) -> EffectiveRule {
    let cells = row.iter();
    let mut cells: Vec<Cell> = cells
        .map(|(who, access)| cell("tool/a", who, *access))
        .collect();
    change(&mut cells);
    let policy = effective(&matrix(cells), &identities(held));
    policy.subjects.into_iter().next().unwrap()
}

use Access::{Allowed, Denied, Inconclusive, Reached};

const LADDER: &[(&str, &[&str])] = &[
    ("none", &[]),
    ("read", &["read"]),
    ("write", &["write"]),
    ("all", &["read", "write"]),
];

#[test]
fn a_full_ladder_settles_one_scope_both_and_either() {
    let one = of(
        LADDER,
        &[
            ("none", Denied),
            ("read", Denied),
            ("write", Allowed),
            ("all", Allowed),
        ],
    );
    assert_eq!((one.gate, one.exact, one.ran), (Gate::Scopes, true, true));
    assert_eq!(one.opened_by, [scopes(&["write"])]);
    assert_eq!(one.required, scopes(&["write"]));
    let both = of(
        LADDER,
        &[
            ("none", Denied),
            ("read", Denied),
            ("write", Denied),
            ("all", Allowed),
        ],
    );
    assert_eq!(both.opened_by, [scopes(&["read", "write"])]);
    assert!(both.exact);
    let either = of(
        LADDER,
        &[
            ("none", Denied),
            ("read", Allowed),
            ("write", Allowed),
            ("all", Allowed),
        ],
    );
    assert_eq!(either.opened_by.len(), 2);
    assert!(either.exact && either.required.is_empty());
}

#[test]
fn two_tokens_leave_open_which_scope_it_was_and_say_what_would_tell() {
    let held: &[(&str, &[&str])] = &[("reader", &["read"]), ("admin", &["read", "write", "x"])];
    let rule = of(held, &[("reader", Denied), ("admin", Allowed)]);
    assert_eq!((rule.gate, rule.exact), (Gate::Scopes, false));
    assert!(rule.settled_by.contains(&scopes(&["read", "write"])));
    assert!(rule.open.is_some() && rule.decided_by.is_some());
}

#[test]
fn every_token_in_is_not_any_token_until_one_without_scopes_got_in() {
    let held: &[(&str, &[&str])] = &[("reader", &["read"]), ("admin", &["read", "write"])];
    let rule = of(held, &[("reader", Allowed), ("admin", Allowed)]);
    assert_eq!((rule.gate, rule.exact), (Gate::EveryTokenTried, false));
    assert!(rule.settled_by.contains(&scopes(&["write"])));
    let rule = of(LADDER, &[("none", Allowed), ("read", Allowed)]);
    assert_eq!((rule.gate, rule.exact), (Gate::AnyToken, true));
}

#[test]
fn strangers_open_it_for_all_and_validation_alone_does_not() {
    let rule = of(LADDER, &[("anonymous", Allowed), ("read", Allowed)]);
    assert_eq!((rule.gate, rule.exact), (Gate::NoToken, true));
    let rule = of(
        LADDER,
        &[
            ("garbage", Allowed),
            ("anonymous", Denied),
            ("read", Allowed),
        ],
    );
    assert_eq!(rule.gate, Gate::AnyToken);
    let rule = of(LADDER, &[("anonymous", Reached), ("read", Allowed)]);
    assert_eq!(rule.gate, Gate::EveryTokenTried);
}

#[test]
fn past_a_gate_that_refuses_others_counts_and_is_marked_as_not_run() {
    let row = [
        ("none", Denied),
        ("read", Denied),
        ("write", Reached),
        ("all", Reached),
    ];
    let rule = of(LADDER, &row);
    assert_eq!(
        (rule.gate, rule.exact, rule.ran),
        (Gate::Scopes, true, false)
    );
    let nobody_refused = of(LADDER, &[("read", Reached), ("all", Reached)]);
    assert_eq!(nobody_refused.gate, Gate::NotDetermined);
    let by_the_server = with(LADDER, &row, |cells| {
        for cell in cells {
            cell.layer = (cell.access == Denied).then_some(Layer::ServerGate);
        }
    });
    assert_eq!(by_the_server.gate, Gate::NotDetermined);
    assert!(!by_the_server.exact && by_the_server.opened_by.is_empty());
}

#[test]
fn mixed_and_contradictory_cells_are_inconsistent() {
    let mixed = with(LADDER, &[("none", Allowed), ("all", Allowed)], |cells| {
        cells[0].rule = Some("D27".into());
    });
    assert_eq!((mixed.gate, mixed.exact), (Gate::Inconsistent, false));
    let inverted = of(LADDER, &[("read", Allowed), ("all", Denied)]);
    assert_eq!(inverted.gate, Gate::Inconsistent);
    assert!(inverted.open.unwrap().contains("`read`"));
}

#[test]
fn weak_cells_backends_and_other_policies_do_not_count() {
    let row = [("read", Denied), ("all", Allowed)];
    for change in [
        (|cell: &mut Cell| cell.confidence = Confidence::Weak) as fn(&mut Cell),
        |cell| cell.layer = Some(Layer::Backend),
        |cell| cell.class = Some(Class::DeniedOtherPolicy),
    ] {
        let rule = with(LADDER, &row, |cells| change(&mut cells[0]));
        assert_eq!(rule.gate, Gate::NotDetermined);
        assert!(rule.refused_for.is_empty());
    }
    assert_eq!(of(LADDER, &row).gate, Gate::Scopes);
}

#[test]
fn nobody_in_is_told_from_not_asked() {
    let shut = of(LADDER, &[("none", Denied), ("all", Denied)]);
    assert_eq!(shut.gate, Gate::NoTokenTried);
    let open = of(LADDER, &[("none", Denied), ("all", Inconclusive)]);
    assert_eq!(open.gate, Gate::NotDetermined);
    assert!(open.open.unwrap().contains("`all`"));
}

#[test]
fn a_scope_is_idle_only_when_every_subject_is_settled() {
    let held: &[(&str, &[&str])] = &[
        ("none", &[]),
        ("extra", &["extra"]),
        ("read", &["read"]),
        ("all", &["read", "extra"]),
    ];
    let row = |subject: &str, of: [Access; 4]| -> Vec<Cell> {
        let who = ["none", "extra", "read", "all"].iter().zip(of);
        who.map(|(who, access)| cell(subject, who, access))
            .collect()
    };
    let mut cells = row("tool/a", [Denied, Denied, Allowed, Allowed]);
    let settled = effective(&matrix(cells.clone()), &identities(held));
    assert_eq!(settled.idle_scopes, ["extra"]);
    cells.extend(row("tool/b", [Denied, Inconclusive, Allowed, Allowed]));
    let open = effective(&matrix(cells), &identities(held));
    assert!(open.idle_scopes.is_empty());
}
