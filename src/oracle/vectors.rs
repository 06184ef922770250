//! Further arguments of a tool: a policy may depend on them, and a cell speaks of one vector only.

use serde_json::Value;

use super::calibrate::Treatment;
use super::cells::note;
use super::intent;
use super::policy;
use crate::codec::schema;
use crate::model::arguments::Variation;
use crate::model::matrix::{Access, Cell, Matrix};
use crate::model::settings::ToolRule;
use crate::model::surface::{Subject, SubjectKind};

/// One further argument vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector {
    /// Subject id.
    pub subject: String,
    /// `vector-2`, `vector-3`, ….
    pub label: String,
    /// How it is asked.
    pub treatment: Treatment,
}

/// What else a tool may be asked: what the operator listed, or other values of an enumerated argument
/// of a tool that only reads.
pub fn further(subject: &Subject, treatment: &Treatment, rules: &[ToolRule]) -> Vec<Vector> {
    if subject.kind != SubjectKind::Tool {
        return Vec::new();
    }
    let listed = rules
        .iter()
        .find(|rule| policy::matches(&rule.name, &subject.name))
        .map(|rule| rule.vectors.clone())
        .unwrap_or_default();
    let arguments = match treatment {
        Treatment::Valid { arguments } if listed.is_empty() => {
            let keep = |value: &str| !intent::is_act(value);
            let schema = subject.input_schema.as_ref();
            schema.map_or_else(Vec::new, |schema| {
                schema::choices(schema, arguments, MOST_CHOICES, &keep)
            })
        }
        Treatment::Valid { .. } | Treatment::ListedCall { .. } => listed,
        _ => Vec::new(),
    };
    let numbered = arguments.into_iter().take(MOST_VECTORS).enumerate();
    numbered
        .map(|(index, arguments)| Vector {
            subject: subject.id.clone(),
            label: format!("vector-{}", index + 2),
            treatment: match treatment {
                Treatment::ListedCall { .. } => Treatment::ListedCall { arguments },
                _ => Treatment::Valid { arguments },
            },
        })
        .collect()
}

/// Takes the cells of further arguments where nobody got through with the first ones: these tell
/// nothing then, and one vector that works for somebody is a control.
pub fn lift(matrix: &mut Matrix, variations: &[Variation]) {
    for variation in variations {
        let of = |cell: &&mut Cell| cell.subject == variation.subject;
        let base: Vec<&mut Cell> = matrix.cells.iter_mut().filter(of).collect();
        let unworkable = |cell: &&mut Cell| {
            cell.access == Access::NotTested || cell.rule.as_deref() == Some(NOBODY)
        };
        let works = |cell: &Cell| cell.access == Access::Allowed;
        if !base.iter().all(unworkable) || !variation.cells.iter().any(works) {
            continue;
        }
        let shown = shortened(&variation.arguments.to_string());
        for cell in base {
            let mut others = variation.cells.iter();
            if let Some(other) = others.find(|other| other.identity == cell.identity) {
                cell.clone_from(other);
                note(
                    cell,
                    &format!(
                        "asked with `{shown}`, since nobody got through with the first arguments"
                    ),
                );
            }
        }
    }
}

/// Says in each cell which other arguments led elsewhere.
pub fn annotate(matrix: &mut Matrix, variations: &[Variation]) {
    for cell in &mut matrix.cells {
        let own = variations.iter().filter(|it| it.subject == cell.subject);
        let told: Vec<String> = own
            .filter_map(|variation| {
                let mut others = variation.cells.iter();
                let other = others.find(|other| other.identity == cell.identity)?;
                differs(cell, other, &variation.arguments)
            })
            .collect();
        for text in told {
            note(cell, &text);
        }
    }
}

/// One sentence where two vectors were decided differently; never more than the vectors say.
fn differs(cell: &Cell, other: &Cell, arguments: &Value) -> Option<String> {
    let shown = shortened(&arguments.to_string());
    match (cell.access, other.access) {
        (Access::Denied, Access::Allowed) => Some(format!(
            "denied for these arguments only: it ran with `{shown}`"
        )),
        (Access::Allowed, Access::Denied) => Some(format!(
            "allowed for these arguments only: it was refused with `{shown}`"
        )),
        _ => None,
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The rule of a cell where no identity got the call through (oracle §6.1).
const NOBODY: &str = "D23";
/// With the first one, four vectors a tool: enough to see a policy that reads arguments.
const MOST_CHOICES: usize = 3;
/// An operator who lists more means a test suite.
const MOST_VECTORS: usize = 15;
const MOST_SHOWN: usize = 120;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oracle::testing::{cell, matrix, tool};

    fn with_modes(modes: &[&str]) -> Subject {
        let mut subject = tool("read_note", Some(true));
        subject.input_schema = Some(json!({
            "type": "object",
            "properties": {"mode": {"type": "string", "enum": modes}},
            "required": ["mode"]
        }));
        subject
    }

    fn valid(mode: &str) -> Treatment {
        Treatment::Valid {
            arguments: json!({"mode": mode}),
        }
    }

    fn modes(vectors: &[Vector]) -> Vec<String> {
        let arguments = vectors.iter().map(|vector| match &vector.treatment {
            Treatment::Valid { arguments } | Treatment::ListedCall { arguments } => arguments,
            _ => &Value::Null,
        });
        arguments
            .map(|it| it["mode"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_small_choice_is_varied_and_what_names_an_act_is_left_out() {
        let subject = with_modes(&["short", "full", "raw", "delete"]);
        let vectors = further(&subject, &valid("short"), &[]);
        assert_eq!(modes(&vectors), ["full", "raw"]);
        assert_eq!(vectors[0].label, "vector-2");
    }

    #[test]
    fn a_vocabulary_is_not_varied() {
        let subject = with_modes(&["a", "b", "c", "d", "e", "f"]);
        assert!(further(&subject, &valid("a"), &[]).is_empty());
    }

    #[test]
    fn the_operators_vectors_go_before_the_schemas() {
        let subject = with_modes(&["short", "full"]);
        let rules = [ToolRule {
            name: "read_*".into(),
            vectors: vec![json!({"mode": "own"})],
            ..ToolRule::default()
        }];
        assert_eq!(modes(&further(&subject, &valid("short"), &rules)), ["own"]);
        let listed = Treatment::ListedCall {
            arguments: json!({"mode": "short"}),
        };
        assert_eq!(modes(&further(&subject, &listed, &rules)), ["own"]);
        assert!(further(&subject, &listed, &[]).is_empty());
    }

    #[test]
    fn broken_arguments_have_no_vectors() {
        let broken = Treatment::Invalid {
            arguments: json!({}),
            broken: vec!["mode".into()],
        };
        assert!(further(&with_modes(&["a", "b"]), &broken, &[]).is_empty());
    }

    fn variation(vector: &str, cells: &[(&str, Access)]) -> Variation {
        Variation {
            subject: "tool/a".into(),
            vector: vector.into(),
            arguments: json!({"mode": vector}),
            cells: cells
                .iter()
                .map(|(identity, access)| cell("tool/a", identity, *access))
                .collect(),
        }
    }

    fn by_nobody(identity: &str) -> Cell {
        Cell {
            rule: Some(NOBODY.into()),
            ..cell("tool/a", identity, Access::Inconclusive)
        }
    }

    #[test]
    fn where_nobody_got_through_the_first_vector_that_works_decides() {
        use Access::{Allowed, Denied, Inconclusive};
        let mut all = matrix(vec![by_nobody("reader"), by_nobody("admin")]);
        let open = variation("one", &[("reader", Inconclusive), ("admin", Inconclusive)]);
        let works = variation("two", &[("reader", Denied), ("admin", Allowed)]);
        let other = variation("three", &[("reader", Allowed), ("admin", Allowed)]);
        lift(&mut all, &[open, works, other]);
        let told: Vec<Access> = all.cells.iter().map(|cell| cell.access).collect();
        assert_eq!(told, [Denied, Allowed]);
        let reason = all.cells[0].reason.as_deref().unwrap();
        assert!(
            reason.contains(r#"asked with `{"mode":"two"}`"#),
            "{reason}"
        );
    }

    #[test]
    fn a_first_vector_that_told_something_is_kept() {
        use Access::{Allowed, Denied};
        let mut decided = matrix(vec![by_nobody("reader"), cell("tool/a", "admin", Allowed)]);
        let before = decided.clone();
        let works = variation("two", &[("reader", Allowed), ("admin", Allowed)]);
        lift(&mut decided, std::slice::from_ref(&works));
        assert_eq!(decided, before);
        let mut undecided = matrix(vec![by_nobody("reader")]);
        let before = undecided.clone();
        let refused = variation("two", &[("reader", Denied)]);
        lift(&mut undecided, &[refused]);
        assert_eq!(undecided, before);
    }

    #[test]
    fn a_cell_says_which_other_arguments_led_elsewhere() {
        let told = |first: Access, other: Access| {
            let mut all = matrix(vec![cell("tool/a", "reader", first)]);
            let variations = [Variation {
                subject: "tool/a".into(),
                vector: "vector-2".into(),
                arguments: json!({"mode": "x".repeat(500)}),
                cells: vec![cell("tool/a", "reader", other)],
            }];
            annotate(&mut all, &variations);
            all.cells.remove(0).reason
        };
        let denied = told(Access::Denied, Access::Allowed).unwrap();
        assert!(
            denied.starts_with("denied for these arguments only"),
            "{denied}"
        );
        assert!(denied.len() < 250, "{denied}");
        let allowed = told(Access::Allowed, Access::Denied).unwrap();
        assert!(
            allowed.starts_with("allowed for these arguments only"),
            "{allowed}"
        );
        assert_eq!(told(Access::Denied, Access::Denied), None);
        assert_eq!(told(Access::Denied, Access::Inconclusive), None);
    }
}
