use serde_json::json;

use super::*;
use crate::model::exchange::Outcome;
use crate::model::probe::ProbeKey;
use crate::oracle::testing::{call, failed, http, said, tool};

fn permitted<'a>(
    rules: &'a [ToolRule],
    tiers: &'a BTreeSet<Tier>,
    calibration: &'a Calibration,
) -> Permissions<'a> {
    Permissions {
        rules,
        reads: true,
        tiers,
        calibration,
        canary: "mcpaudit-abcdefghijkl",
    }
}

fn tiers(with_call: bool) -> BTreeSet<Tier> {
    let mut tiers = BTreeSet::from([Tier::Passive, Tier::Anonymous, Tier::Authenticated]);
    if with_call {
        tiers.insert(Tier::Call);
    }
    tiers
}

fn seen(validation: ValidationSeen) -> Calibration {
    Calibration {
        validation,
        ..Calibration::default()
    }
}

fn rule(name: &str, arguments: Option<Value>, safe: Option<bool>) -> ToolRule {
    ToolRule {
        name: name.into(),
        arguments,
        safe,
    }
}

fn chosen(
    subject: &Subject,
    rules: &[ToolRule],
    with_call: bool,
    seen_as: ValidationSeen,
) -> Treatment {
    treatment(
        subject,
        &permitted(rules, &tiers(with_call), &seen(seen_as)),
    )
}

#[test]
fn clearly_reading_tools_are_called_and_others_are_not() {
    let reading = tool("read_note", Some(true));
    let called = chosen(&reading, &[], false, ValidationSeen::Unknown);
    assert!(matches!(called, Treatment::Valid { .. }), "{called:?}");
    let lying = tool("delete_note", Some(true));
    let refused = chosen(&lying, &[], false, ValidationSeen::Unknown);
    assert!(
        matches!(refused, Treatment::NotTested { .. }),
        "{refused:?}"
    );
}

#[test]
fn schema_invalid_calls_of_writing_tools_wait_for_central_validation() {
    let writing = tool("write_note", Some(false));
    let central = chosen(&writing, &[], false, ValidationSeen::Central);
    let Treatment::Invalid { arguments, broken } = central else {
        panic!("{central:?}")
    };
    assert_eq!(broken, ["id"]);
    assert!(arguments.get("id").is_none_or(|id| !id.is_string()));
    for calibration in [ValidationSeen::Unknown, ValidationSeen::Lenient] {
        let kept = chosen(&writing, &[], false, calibration);
        let Treatment::NotTested { decided_by, .. } = kept else {
            panic!("{kept:?}")
        };
        assert!(decided_by.unwrap().contains("--allow call"));
    }
}

#[test]
fn nothing_required_means_nothing_can_be_broken() {
    let mut writing = tool("write_note", None);
    writing.input_schema = Some(json!({"type": "object"}));
    let kept = chosen(&writing, &[], false, ValidationSeen::Central);
    assert!(matches!(kept, Treatment::NotTested { .. }), "{kept:?}");
}

#[test]
fn the_operator_may_forbid_vouch_and_list() {
    let writing = tool("write_note", Some(false));
    let arguments = json!({"id": "n1"});
    let forbid = [rule("write_*", Some(arguments.clone()), Some(false))];
    let kept = chosen(&writing, &forbid, true, ValidationSeen::Central);
    assert!(matches!(kept, Treatment::NotTested { .. }));
    let vouch = [rule("write_*", None, Some(true))];
    let called = chosen(&writing, &vouch, false, ValidationSeen::Unknown);
    assert!(matches!(called, Treatment::Valid { .. }));
    let list = [rule("write_note", Some(arguments.clone()), None)];
    let listed = chosen(&writing, &list, true, ValidationSeen::Unknown);
    assert_eq!(listed, Treatment::ListedCall { arguments });
    let not_allowed = chosen(&writing, &list, false, ValidationSeen::Unknown);
    assert!(matches!(not_allowed, Treatment::NotTested { .. }));
}

#[test]
fn without_reads_a_reading_tool_gets_broken_arguments_and_a_resource_nothing() {
    let tiers = tiers(false);
    let calibration = seen(ValidationSeen::Unknown);
    let permissions = Permissions {
        reads: false,
        ..permitted(&[], &tiers, &calibration)
    };
    let reading = treatment(&tool("read_note", Some(true)), &permissions);
    assert!(matches!(reading, Treatment::Invalid { .. }));
    let mut resource = tool("note://1", None);
    resource.kind = SubjectKind::Resource;
    assert!(matches!(
        treatment(&resource, &permissions),
        Treatment::NotTested { .. }
    ));
    assert!(matches!(
        treatment(&resource, &permitted(&[], &tiers, &calibration)),
        Treatment::Valid { .. }
    ));
}

#[test]
fn prompts_get_their_required_arguments_and_templates_nothing() {
    let tiers = tiers(false);
    let calibration = Calibration::default();
    let permissions = permitted(&[], &tiers, &calibration);
    let mut prompt = tool("plan", None);
    prompt.kind = SubjectKind::Prompt;
    prompt.prompt_arguments = vec![("topic".into(), true), ("style".into(), false)];
    assert_eq!(
        treatment(&prompt, &permissions),
        Treatment::Valid {
            arguments: json!({"topic": "mcpaudit-abcdefghijkl"})
        }
    );
    let mut template = tool("note://{id}", None);
    template.kind = SubjectKind::ResourceTemplate;
    assert!(matches!(
        treatment(&template, &permissions),
        Treatment::NotTested { .. }
    ));
}

#[test]
fn the_preflight_takes_reading_tools_with_a_required_property() {
    let mut bare = tool("list_notes", Some(true));
    bare.input_schema = Some(json!({"type": "object"}));
    let subjects = [
        tool("write_note", Some(false)),
        bare,
        tool("read_note", Some(true)),
    ];
    let chosen = preflights(&subjects, &[]);
    let [chosen] = chosen.as_slice() else {
        panic!("expected one tool");
    };
    assert_eq!(chosen.subject.name, "read_note");
    assert_eq!(chosen.broken, ["id"]);
    let forbidden = [rule("read_note", None, Some(false))];
    assert!(preflights(&subjects, &forbidden).is_empty());
    assert!(preflights(&subjects[..2], &[]).is_empty());
}

#[test]
fn no_more_than_three_tools_are_tried() {
    let many: Vec<Subject> = (0..5)
        .map(|number| tool(&format!("read_{number}"), Some(true)))
        .collect();
    assert_eq!(preflights(&many, &[]).len(), MOST_PREFLIGHTS);
}

fn calibrated(probe: ProbeId, outcome: Outcome) -> Calibration {
    let subject = tool("read_note", Some(true));
    let mut ledger = Ledger::default();
    let key = ProbeKey::new(probe).about(&subject.id);
    ledger.file(call(key, "admin", "read_note", &json!({"id": {}}), outcome));
    let surface = Surface {
        subjects: vec![subject],
        ..Surface::default()
    };
    calibration(&ledger, &surface, Some("admin"))
}

#[test]
fn the_preflight_answer_tells_central_lenient_and_unknown() {
    let refused = failed("'id' is not of type 'string'");
    let named = failed("Das Feld id muss Text sein");
    for central in [refused, named] {
        assert_eq!(
            calibrated(ProbeId::Calibrate, central).validation,
            ValidationSeen::Central
        );
    }
    let ran = calibrated(ProbeId::Calibrate, said("milk, eggs and bread"));
    assert_eq!(ran.validation, ValidationSeen::Lenient);
    for unclear in [
        failed("An error occurred invoking 'read_note'."),
        failed("Forbidden"),
        http(429, &[], ""),
        http(500, &[], ""),
    ] {
        assert_eq!(
            calibrated(ProbeId::Calibrate, unclear).validation,
            ValidationSeen::Unknown
        );
    }
}

#[test]
fn a_later_schema_invalid_call_that_ran_makes_the_server_lenient() {
    let ran = calibrated(ProbeId::CallInvalid, said("wrote the note to disk"));
    assert_eq!(ran.validation, ValidationSeen::Lenient);
    let refused = calibrated(ProbeId::CallInvalid, failed("'id' is not of type 'string'"));
    assert_eq!(refused.validation, ValidationSeen::Unknown);
}
