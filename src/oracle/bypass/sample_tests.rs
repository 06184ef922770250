use serde_json::json;

use super::*;
use crate::oracle::testing::{cell, identities, matrix, tool};

struct Bench {
    identities: Identities,
    surface: Surface,
    treatments: BTreeMap<String, Treatment>,
    matrix: Matrix,
}

impl Bench {
    /// Three readable tools and one that writes; `reader` may call the first only.
    fn new() -> Self {
        let names = ["open", "read_a", "read_b", "write"];
        let subjects: Vec<Subject> = names.map(|name| tool(name, Some(name != "write"))).into();
        let treatments = subjects.iter().map(|subject| {
            let treatment = if subject.name == "write" {
                Treatment::Invalid {
                    arguments: json!({"id": {}}),
                    broken: vec!["id".into()],
                }
            } else {
                Treatment::Valid {
                    arguments: json!({"id": "1"}),
                }
            };
            (subject.id.clone(), treatment)
        });
        let mut cells = Vec::new();
        for name in names {
            let id = format!("tool/{name}");
            let reader = if name == "open" {
                Access::Allowed
            } else {
                Access::Denied
            };
            let admin = if name == "write" {
                Access::Reached
            } else {
                Access::Allowed
            };
            cells.push(cell(&id, "reader", reader));
            cells.push(cell(&id, "admin", admin));
        }
        Self {
            identities: identities(&[("reader", &["r"]), ("admin", &["r", "w"])]),
            treatments: treatments.collect(),
            surface: Surface {
                subjects,
                ..Surface::default()
            },
            matrix: matrix(cells),
        }
    }

    fn known<'a>(&'a self, ledger: &'a Ledger) -> Known<'a> {
        Known {
            matrix: &self.matrix,
            identities: &self.identities,
            surface: &self.surface,
            treatments: &self.treatments,
            ledger,
        }
    }

    fn sample(&self) -> Vec<String> {
        let ledger = Ledger::default();
        let calls = guarded(&self.known(&ledger));
        calls.into_iter().map(|call| call.subject.name).collect()
    }

    fn cell(&mut self, name: &str, identity: &str) -> &mut Cell {
        let id = format!("tool/{name}");
        let mut cells = self.matrix.cells.iter_mut();
        cells
            .find(|cell| cell.subject == id && cell.identity == identity)
            .unwrap()
    }
}

#[test]
fn one_tool_that_can_run_and_one_that_cannot_are_taken() {
    assert_eq!(Bench::new().sample(), ["read_a", "write"]);
}

#[test]
fn the_cover_is_a_readable_tool_that_both_may_call() {
    let bench = Bench::new();
    let ledger = Ledger::default();
    let calls = guarded(&bench.known(&ledger));
    let covers = calls
        .iter()
        .map(|call| call.cover.as_ref().map(|(subject, _)| &*subject.name));
    assert_eq!(covers.collect::<Vec<_>>(), [Some("open"), Some("open")]);
}

#[test]
fn a_weak_refusal_and_a_gate_before_the_server_are_left_out() {
    let mut bench = Bench::new();
    bench.cell("read_a", "reader").confidence = Confidence::Weak;
    bench.cell("read_b", "reader").layer = Some(Layer::ServerGate);
    assert_eq!(bench.sample(), ["write"]);
    bench.cell("write", "admin").access = Access::Denied;
    assert!(bench.sample().is_empty());
}

#[test]
fn what_the_operator_listed_is_never_repeated() {
    let mut bench = Bench::new();
    for treatment in bench.treatments.values_mut() {
        *treatment = Treatment::ListedCall {
            arguments: json!({}),
        };
    }
    assert!(bench.sample().is_empty());
}

#[test]
fn an_invalid_token_is_no_witness_and_at_most_three_identities_are() {
    let mut bench = Bench::new();
    bench.identities.present[2].invalid = Some("holds more".into());
    assert!(bench.sample().is_empty());
    let mut many = Bench::new();
    let model = many.identities.present[2].clone();
    for number in 0..5 {
        let name = format!("reader-{number}");
        let cells: Vec<Cell> = many
            .matrix
            .cells
            .iter()
            .filter(|cell| cell.identity == "reader")
            .map(|cell| Cell {
                identity: name.clone(),
                ..cell.clone()
            })
            .collect();
        many.matrix.cells.extend(cells);
        many.identities.present.push(Identity {
            name,
            ..model.clone()
        });
    }
    assert_eq!(many.sample().len(), MOST_IDENTITIES * MOST_SUBJECTS);
}

#[test]
fn without_a_refusal_the_control_alone_can_be_asked() {
    let bench = Bench::new();
    let ledger = Ledger::default();
    let call = readable(&bench.known(&ledger)).unwrap();
    assert_eq!((call.subject.name.as_str(), call.identity), ("open", None));
    assert_eq!(call.cover.unwrap().0.name, "read_a");
    let mut bare = Bench::new();
    bare.identities.baseline = None;
    assert!(readable(&bare.known(&ledger)).is_none());
    assert!(bare.sample().is_empty());
}

#[test]
fn one_refused_resource_and_one_refused_prompt_are_taken_with_a_cover() {
    use Access::{Allowed, Denied};
    let mut bench = Bench::new();
    let mut add = |kind: SubjectKind, name: &str, reader: Access, admin: Access| {
        let mut subject = tool(name, None);
        subject.kind = kind;
        subject.id = kind.subject_id(name);
        let valid = Treatment::Valid {
            arguments: json!(null),
        };
        bench.treatments.insert(subject.id.clone(), valid);
        bench.matrix.cells.push(cell(&subject.id, "reader", reader));
        bench.matrix.cells.push(cell(&subject.id, "admin", admin));
        bench.surface.subjects.push(subject);
    };
    add(SubjectKind::Resource, "note://1", Allowed, Allowed);
    add(SubjectKind::Resource, "note://pay", Denied, Allowed);
    add(SubjectKind::Resource, "note://more", Denied, Allowed);
    add(SubjectKind::Prompt, "nobody", Denied, Denied);
    add(SubjectKind::Prompt, "compare", Denied, Allowed);
    let ledger = Ledger::default();
    let doors = guarded_doors(&bench.known(&ledger));
    let taken: Vec<(&str, Option<&str>)> = doors
        .iter()
        .map(|door| {
            let cover = door
                .cover
                .as_ref()
                .map(|(subject, _)| subject.name.as_str());
            (door.subject.name.as_str(), cover)
        })
        .collect();
    assert_eq!(taken, [("note://pay", Some("note://1")), ("compare", None)]);
    assert!(doors.len() <= MOST_DOORS);
    assert!(bench.sample().iter().all(|name| !name.contains("note")));
}
