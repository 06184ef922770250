//! The three answers as they follow from what was collected.

use mcp_assay::model::audit::Collected;
use mcp_assay::model::discovery::AnonymousAccess;
use mcp_assay::model::identity::IdentityKind;
use mcp_assay::model::matrix::{Access, Confidence, GateOutcome};
use mcp_assay::model::registration::Posture;
use mcp_assay::model::report::Answers;
use mcp_assay::model::surface::{ListOutcome, SubjectKind};
use mcp_assay::model::verdict::Status;
use mcp_assay::report::answers::answers;

use super::rich;

#[test]
fn an_open_registration_is_said_aloud_with_what_was_not_tested() {
    let clients = answer(|_| {}).clients;
    assert!(
        clients
            .sentence
            .starts_with("Anyone can register a client without being asked.")
    );
    assert!(clients.sentence.contains("was not tested"));
    assert_eq!(clients.confidence, Confidence::Proven);
    let gates: Vec<(&str, &str)> = clients
        .paths
        .iter()
        .map(|path| (path.path.as_str(), path.gate.as_str()))
        .collect();
    assert_eq!(
        gates,
        [
            ("dynamic registration", "consent only"),
            ("client ID metadata document", "not determined"),
            ("pre-registration", "operator-registered"),
        ]
    );
}

#[test]
fn a_server_that_serves_strangers_says_so_before_anything_else() {
    let clients = answer(|collected| {
        collected.discovery.anonymous = AnonymousAccess::Served;
        collected.registrations[0].posture = Posture::D0;
    })
    .clients;
    assert!(clients.sentence.starts_with("Any client can connect"));
    assert!(clients.sentence.contains("No client can register itself"));
    assert_eq!(clients.paths[0].gate, "none");
}

#[test]
fn each_finding_stands_behind_the_question_it_bears_on() {
    let answers = answer(|_| {});
    assert_eq!(answers.clients.findings, ["22cc33dd44ee55ff"]);
    assert_eq!(
        answers.tools.findings,
        ["11bb22cc33dd44ee", "00aa11bb22cc33dd"]
    );
    assert!(answers.data.findings.is_empty());
    assert_eq!(answers.tools.exchanges.len(), 1);
}

#[test]
fn broken_token_checks_are_part_of_the_answer_about_tools_and_weak_ones_are_not() {
    let with = |status| {
        let mut judged = rich::judged();
        let row = &mut judged.coverage[3];
        "Accepts unsigned tokens".clone_into(&mut row.title);
        row.requirements = vec!["TOK-05".to_owned()];
        row.status = status;
        let collected = rich::collected();
        let answers = answers(
            &collected,
            &judged.findings,
            &judged.coverage,
            judged.enforcement,
        );
        answers.tools.sentence
    };
    assert!(with(Status::Fail).ends_with("Token handling failed too: Accepts unsigned tokens."));
    assert!(!with(Status::Warn).contains("Token handling"));
    assert!(!with(Status::Inconclusive).contains("Token handling"));
}

#[test]
fn the_audience_answer_follows_the_gates() {
    let audience = |change: fn(&mut Collected)| {
        let data = answer(change).data;
        (data.audience, data.sentence)
    };
    let (word, _) = audience(|_| {});
    assert_eq!(word, "refused in 1 of 1 request");

    let (word, sentence) = audience(|collected| {
        collected.gates[1].outcome = GateOutcome::Accepted;
    });
    assert_eq!(word, "accepted in 1 of 1 request");
    assert!(sentence.starts_with("Tokens meant for another server are accepted."));

    let (word, _) = audience(|collected| {
        collected.gates[1].outcome = GateOutcome::Unclear;
    });
    assert!(word.starts_with("not decided"));

    // A door that is open to everyone shows nothing about audience.
    let (word, _) = audience(|collected| {
        collected.gates[0].outcome = GateOutcome::Accepted;
        collected.gates[1].outcome = GateOutcome::Accepted;
    });
    assert!(word.starts_with("not decided"));

    let (word, sentence) = audience(|collected| {
        let present = &mut collected.identities.present;
        present.retain(|identity| identity.kind != IdentityKind::ForeignAudience);
    });
    assert!(word.starts_with("not tested"));
    assert!(sentence.contains("was not tested"));
}

#[test]
fn resources_are_counted_by_who_got_in() {
    let data = answer(|_| {}).data;
    assert_eq!(
        data.resources,
        "2 resources: 1 open to every token tested, 1 open to some tokens and refused to others"
    );
    assert!(
        data.sentence.contains(
            "Of 2 resources, 1 is open to every token tested and 1 is open to some tokens"
        )
    );
    let open = answer(|collected| {
        for cell in &mut collected.matrices[0].cells {
            if cell.subject.starts_with("resource/") && cell.identity == "anonymous" {
                cell.access = Access::Allowed;
            }
        }
    });
    assert_eq!(open.data.resources, "2 resources: 2 open without a token");
}

#[test]
fn nothing_listed_is_told_apart_from_nothing_asked() {
    let without_prompts = |listed: Option<ListOutcome>| {
        answer(move |collected| {
            let surface = &mut collected.surface;
            surface
                .subjects
                .retain(|subject| subject.kind != SubjectKind::Prompt);
            if let Some(outcome) = listed {
                let mut listing = surface.listings[0].clone();
                listing.kind = SubjectKind::Prompt;
                listing.outcome = outcome;
                surface.listings.push(listing);
            }
        })
        .data
        .prompts
    };
    assert!(without_prompts(None).starts_with("not tested"));
    let offered = without_prompts(Some(ListOutcome::NotOffered));
    assert_eq!(offered, "no prompts listed");
    let refused = without_prompts(Some(ListOutcome::Refused { status: 403 }));
    assert!(refused.starts_with("not decided"));
}

#[test]
fn another_users_data_is_never_passed_over_in_silence() {
    let data = answer(|_| {}).data;
    assert!(data.tenant.starts_with("not tested"));
    assert!(data.sentence.contains("second user"));
}

fn answer(change: impl FnOnce(&mut Collected)) -> Answers {
    let mut collected = rich::collected();
    change(&mut collected);
    let judged = rich::judged();
    answers(
        &collected,
        &judged.findings,
        &judged.coverage,
        judged.enforcement,
    )
}
