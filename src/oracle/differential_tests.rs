use super::*;
use crate::model::matrix::{Access, Class, Confidence, Layer};
use crate::oracle::testing::{
    Bench, failed, http, reset, rpc_error, said, scopes as set, step_up, unauthorized,
};

pub(super) const TWO: &[(&str, &[&str])] = &[
    ("reader", &["read"]),
    ("admin", &["read", "write", "admin"]),
];
/// `writer` is `reader` with one scope more.
const LADDER: &[(&str, &[&str])] = &[("reader", &["read"]), ("writer", &["read", "write"])];
pub(super) const DATA: &str = "milk, eggs, bread and butter";

pub(super) fn unknown(name: &str) -> crate::model::exchange::Outcome {
    rpc_error(-32602, &format!("Unknown tool: {name}"))
}

pub(super) fn refusal() -> crate::model::exchange::Outcome {
    failed("No tiene permiso para esta herramienta")
}

/// `admin` gets the data before and after; every valid identity has its baselines.
pub(super) fn readable(held: &[(&str, &[&str])]) -> Bench {
    let baseline = held.last().unwrap().0;
    held.iter()
        .fold(Bench::valid(held), |bench, (name, _)| {
            bench.unknown(name, unknown)
        })
        .got(baseline, vec![said(DATA), said(DATA)])
}

fn invalid_arguments() -> crate::model::exchange::Outcome {
    failed("Input validation error: 'id' is not of type 'string'")
}

/// `admin` reaches validation before and after.
pub(super) fn refusing_arguments() -> Bench {
    TWO.iter()
        .fold(Bench::invalid(TWO), |bench, (name, _)| {
            bench.unknown(name, unknown)
        })
        .got("admin", vec![invalid_arguments(), invalid_arguments()])
}

fn shows(bench: &Bench, identity: &str) -> (Access, Confidence, String) {
    let cell = bench.cell(identity);
    (cell.access, cell.confidence, cell.rule.unwrap_or_default())
}

#[track_caller]
pub(super) fn assert_cell(
    bench: &Bench,
    identity: &str,
    access: Access,
    confidence: Confidence,
    rule: &str,
) {
    let cell = bench.cell(identity);
    assert_eq!(
        (
            cell.access,
            cell.confidence,
            cell.rule.as_deref().unwrap_or_default()
        ),
        (access, confidence, rule),
        "{cell:?}"
    );
}

#[test]
fn d1_a_challenge_is_strong_without_a_flip_and_proven_with_one() {
    let bench = readable(TWO).got("reader", vec![step_up("write"), step_up("write")]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D1");
    assert_eq!(bench.cell("reader").challenged_scopes, ["write"]);
    assert_eq!(bench.cell("reader").class, Some(Class::StepUpChallenge));
    let flipped = readable(LADDER).got("reader", vec![step_up("write"), step_up("write")]);
    assert_cell(&flipped, "reader", Access::Denied, Confidence::Proven, "D1");
}

#[test]
fn d2_and_d3_a_repeated_refusal_is_strong_and_proven_by_a_flip() {
    let bench = readable(TWO).got("reader", vec![refusal(), refusal()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D3");
    let flipped = readable(LADDER).got("reader", vec![refusal(), refusal()]);
    assert_cell(&flipped, "reader", Access::Denied, Confidence::Proven, "D2");
}

#[test]
fn d3_seen_once_is_weak() {
    let bench = readable(TWO).got("reader", vec![refusal()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Weak, "D3");
}

#[test]
fn another_subject_makes_a_refusal_weak_and_never_proven() {
    let bench = readable(LADDER)
        .got("reader", vec![refusal(), refusal()])
        .identity("reader", |identity| {
            identity.claims.as_mut().unwrap().subject = Some("bob".into());
        });
    assert_cell(&bench, "reader", Access::Denied, Confidence::Weak, "D3");
    assert!(bench.cell("reader").reason.unwrap().contains("role"));
}

#[test]
fn opaque_tokens_reach_strong_but_not_proven() {
    let bench = readable(LADDER)
        .got("reader", vec![refusal(), refusal()])
        .identity("reader", |identity| {
            identity.claims = None;
            identity.believed = Some(set(&["read"]));
        });
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D3");
}

#[test]
fn d4_and_d5_equal_to_a_random_name_is_hidden() {
    let hidden = || rpc_error(-32602, "Unknown tool: read_note");
    let bench = readable(TWO).got("reader", vec![hidden(), hidden()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D5");
    let bench = bench.list("reader", &ListOutcome::Complete, false);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D4");
    assert_eq!(bench.cell("reader").class, Some(Class::HiddenUnknownTool));
}

#[test]
fn d6_a_refusal_unlike_a_random_name_leaks_existence() {
    let bench = readable(TWO)
        .got("reader", vec![refusal(), refusal()])
        .list("reader", &ListOutcome::Complete, false);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D6");
}

#[test]
fn without_the_random_name_baseline_an_in_band_refusal_stays_weak() {
    let bench = Bench::valid(TWO)
        .got("admin", vec![said(DATA), said(DATA)])
        .got("reader", vec![refusal(), refusal()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Weak, "D3");
}

#[test]
fn d7_a_refused_list_makes_it_a_server_gate() {
    let bench = readable(TWO).got("reader", vec![step_up("mcp")]).list(
        "reader",
        &ListOutcome::Refused { status: 403 },
        false,
    );
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D7");
    assert_eq!(bench.cell("reader").layer, Some(Layer::ServerGate));
}

#[test]
fn d8_a_401_for_list_and_call_may_be_a_dead_token() {
    let bench = readable(TWO)
        .got("garbage", vec![unauthorized()])
        .got("reader", vec![unauthorized()])
        .list("reader", &ListOutcome::Refused { status: 401 }, false);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Weak, "D8");
}

#[test]
fn a_401_where_the_list_works_is_about_the_tool() {
    let bench = readable(TWO).got("reader", vec![unauthorized(), unauthorized()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D3");
}

#[test]
fn d9_a_masked_error_is_weak_and_strong_after_a_flip() {
    let masked = || rpc_error(-32603, "Error while executing tool");
    let bench = readable(TWO).got("reader", vec![masked(), masked()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Weak, "D9");
    let flipped = readable(LADDER).got("reader", vec![masked(), masked()]);
    assert_cell(&flipped, "reader", Access::Denied, Confidence::Strong, "D9");
}

#[test]
fn d10_a_backend_refusal_is_not_the_servers_gate() {
    let quoted = || failed("POST https://api.example.com/notes: 403 Forbidden");
    let bench = readable(TWO).got("reader", vec![quoted(), quoted()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D10");
    assert_eq!(bench.cell("reader").layer, Some(Layer::Backend));
}

#[test]
fn d11_and_d23_nobody_through_decides_nothing() {
    let quoted = || failed("upstream answered 403 Forbidden");
    let bench = Bench::valid(TWO)
        .got("admin", vec![quoted(), quoted()])
        .got("reader", vec![quoted(), quoted()]);
    assert_eq!(shows(&bench, "reader").0, Access::Inconclusive);
    assert_eq!(shows(&bench, "reader").2, "D11");
    let bench = Bench::valid(TWO)
        .got("admin", vec![refusal(), refusal()])
        .got("reader", vec![refusal(), refusal()]);
    assert_cell(
        &bench,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "D23",
    );
    assert_cell(
        &bench,
        "admin",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "D23",
    );
}

#[test]
fn a_challenge_that_everybody_gets_names_the_identity_that_would_decide() {
    let bench = Bench::valid(TWO)
        .got("admin", vec![step_up("root"), step_up("root")])
        .got("reader", vec![step_up("root")]);
    let cell = bench.cell("admin");
    assert_eq!(cell.access, Access::Inconclusive);
    assert!(cell.decided_by.unwrap().contains("root"));
}

#[test]
fn d12_equal_data_is_a_proven_pass() {
    let bench = readable(TWO).got("reader", vec![said(DATA)]);
    let cell = bench.cell("reader");
    assert_eq!(
        (cell.access, cell.rule.as_deref()),
        (Access::Allowed, Some("D12"))
    );
    assert_eq!(cell.confidence, Confidence::Proven);
}

#[test]
fn d13_a_hidden_tool_that_runs_is_proven_once_confirmed() {
    let bench =
        readable(TWO)
            .got("reader", vec![said(DATA)])
            .list("reader", &ListOutcome::Complete, false);
    assert_cell(&bench, "reader", Access::Allowed, Confidence::Strong, "D13");
    assert_eq!(bench.cell("reader").layer, Some(Layer::ListingOnly));
    let confirmed = bench.fresh("reader", said(DATA));
    assert_cell(
        &confirmed,
        "reader",
        Access::Allowed,
        Confidence::Proven,
        "D13",
    );
}

#[test]
fn d14_and_d15_strangers_who_get_the_data() {
    let bench = readable(TWO)
        .got("anonymous", vec![said(DATA)])
        .fresh("anonymous", said(DATA))
        .got("garbage", vec![said(DATA)])
        .fresh("garbage", said(DATA));
    assert_cell(
        &bench,
        "anonymous",
        Access::Allowed,
        Confidence::Proven,
        "D14",
    );
    assert_cell(
        &bench,
        "garbage",
        Access::Allowed,
        Confidence::Proven,
        "D15",
    );
}

#[test]
fn strangers_refused_by_401_are_denied() {
    let bench = readable(TWO).got("anonymous", vec![unauthorized()]).got(
        "garbage",
        vec![
            failed("authentication required"),
            failed("authentication required"),
        ],
    );
    assert_cell(
        &bench,
        "anonymous",
        Access::Denied,
        Confidence::Strong,
        "C5",
    );
    assert_eq!(bench.cell("anonymous").layer, Some(Layer::ServerGate));
    assert_cell(&bench, "garbage", Access::Denied, Confidence::Strong, "C5");
}

#[test]
fn d14_without_any_valid_identity_a_plausible_result_counts() {
    let bench = Bench::valid(&[])
        .got("anonymous", vec![said(DATA)])
        .fresh("anonymous", said(DATA));
    assert_cell(
        &bench,
        "anonymous",
        Access::Allowed,
        Confidence::Strong,
        "D14",
    );
    let sorry = Bench::valid(&[]).got("anonymous", vec![said("Sorry, not for you")]);
    assert_eq!(sorry.cell("anonymous").access, Access::Inconclusive);
}

#[test]
fn d16_fewer_rows_are_a_pass_with_filtered_data() {
    let rows = |text: &str| said(text);
    let bench = Bench::valid(TWO)
        .got(
            "admin",
            vec![
                rows(r#"[{"id":1},{"id":2}]"#),
                rows(r#"[{"id":1},{"id":2}]"#),
            ],
        )
        .got("reader", vec![rows("[]")]);
    let cell = bench.cell("reader");
    assert_eq!(
        (cell.access, cell.rule.as_deref()),
        (Access::Allowed, Some("D16"))
    );
    assert_eq!(cell.confidence, Confidence::Strong);
}

#[test]
fn d17_a_bare_acknowledgement_of_a_write_decides_nothing() {
    let ok = || vec![said("OK"), said("OK")];
    let mut bench = Bench::valid(TWO).got("admin", ok()).got("reader", ok());
    assert_eq!(bench.cell("reader").access, Access::Allowed);
    bench.surface.subjects[0].annotations = None;
    assert_cell(
        &bench,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "D17",
    );
}

#[test]
fn d18_a_refusal_in_the_form_of_a_result_is_no_pass() {
    let bench = readable(TWO).got("reader", vec![said("Sorry, that is beyond me")]);
    assert_cell(
        &bench,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "D18",
    );
    let flagged = || said(r#"{"ok":false,"reason":"no"}"#);
    let bench = readable(TWO).got("reader", vec![flagged(), flagged()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Weak, "D18");
}

#[test]
fn a_refusal_in_the_form_of_a_result_to_everybody_is_no_control() {
    let denied = || vec![said("Access denied"), said("Access denied")];
    let bench = Bench::valid(TWO)
        .got("admin", denied())
        .got("reader", denied());
    assert_eq!(bench.cell("reader").access, Access::Inconclusive);
    assert_eq!(bench.cell("admin").access, Access::Inconclusive);
}

#[test]
fn d19_a_refusal_before_validation_is_strong() {
    let bench = refusing_arguments().got("reader", vec![refusal(), refusal()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Strong, "D19");
    assert_eq!(
        bench.cell("reader").layer,
        Some(Layer::ToolGateBeforeValidation)
    );
    assert_eq!(bench.cell("admin").access, Access::Reached);
}

#[test]
fn d20_equal_validation_errors_only_reach() {
    let bench = refusing_arguments().got("reader", vec![invalid_arguments()]);
    assert_cell(&bench, "reader", Access::Reached, Confidence::Strong, "D20");
    assert!(
        bench
            .cell("reader")
            .decided_by
            .unwrap()
            .contains("--allow call")
    );
}

#[test]
fn d21_a_stranger_at_validation_is_reached_not_allowed() {
    let bench = refusing_arguments().got("anonymous", vec![invalid_arguments()]);
    assert_cell(
        &bench,
        "anonymous",
        Access::Reached,
        Confidence::Strong,
        "D21",
    );
}

#[test]
fn d22_a_hidden_tool_at_validation_is_only_suspected() {
    let bench = refusing_arguments()
        .got("reader", vec![invalid_arguments()])
        .list("reader", &ListOutcome::Complete, false);
    assert_cell(&bench, "reader", Access::Reached, Confidence::Weak, "D22");
}

fn not_found() -> crate::model::exchange::Outcome {
    failed("there is no note mcpaudit-abcdefghijkl")
}

/// A call with generated arguments that name nothing.
fn generated() -> Bench {
    let mut bench = Bench::valid(TWO);
    let id = bench.surface.subjects[0].id.clone();
    let arguments = serde_json::json!({"id": "mcpaudit-abcdefghijkl"});
    bench.treatments.insert(id, Treatment::Valid { arguments });
    bench
}

#[test]
fn l6_the_tools_own_error_reaches_and_a_challenge_before_it_denies() {
    let bench = TWO
        .iter()
        .fold(generated(), |bench, (name, _)| bench.unknown(name, unknown))
        .got("admin", vec![not_found(), not_found()]);
    let same = bench.got("reader", vec![not_found()]);
    assert_cell(&same, "reader", Access::Reached, Confidence::Strong, "L6");
    assert_cell(&same, "admin", Access::Reached, Confidence::Strong, "C1");
    let bench = generated().got("admin", vec![not_found(), not_found()]);
    let gated = bench.got("reader", vec![step_up("read"), step_up("read")]);
    assert_cell(&gated, "reader", Access::Denied, Confidence::Strong, "D19");
}

#[test]
fn l6_another_error_without_a_name_decides_nothing() {
    let bench = generated()
        .got("admin", vec![not_found(), not_found()])
        .got(
            "reader",
            vec![failed("note 17 is archived"), failed("note 17 is archived")],
        );
    assert_eq!(bench.cell("reader").access, Access::Inconclusive);
}

#[test]
fn an_empty_result_for_everybody_is_executed_but_not_proven() {
    let bench = Bench::valid(TWO)
        .got("admin", vec![said("[]"), said("[]")])
        .got("reader", vec![said("[]")]);
    let cell = bench.cell("reader");
    assert_eq!(
        (cell.access, cell.confidence),
        (Access::Allowed, Confidence::Strong)
    );
}

#[test]
fn words_of_a_refusal_inside_the_data_do_not_make_it_data() {
    let docs = "when access to this tool is denied ask for files:write you need the scope";
    let bench = Bench::valid(TWO)
        .got("admin", vec![said(docs), said(docs)])
        .got("reader", vec![said("access to this tool is denied")]);
    assert_eq!(bench.cell("reader").access, Access::Inconclusive);
}

#[test]
fn an_unrecognised_error_shared_by_all_is_not_called_validation() {
    let masked = || failed("An error occurred invoking 'write_note'.");
    let bench = Bench::invalid(TWO)
        .got("admin", vec![masked(), masked()])
        .got("reader", vec![masked(), masked()]);
    assert_cell(
        &bench,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "D23",
    );
}

#[test]
fn d24_a_name_unknown_to_everybody_is_not_authorization() {
    let hidden = || rpc_error(-32602, "Unknown tool: read_note");
    let bench = Bench::valid(TWO)
        .unknown("admin", unknown)
        .unknown("reader", unknown)
        .got("admin", vec![hidden(), hidden()])
        .got("reader", vec![hidden(), hidden()]);
    assert_cell(
        &bench,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "D24",
    );
}

#[test]
fn d25_limits_and_lost_answers_are_missing_data() {
    for outcome in [
        http(429, &[("retry-after", "3")], "{}"),
        http(503, &[], "busy"),
        reset(),
        http(202, &[], ""),
    ] {
        let bench = readable(TWO).got("reader", vec![outcome]);
        assert_cell(
            &bench,
            "reader",
            Access::Inconclusive,
            Confidence::Inconclusive,
            "D25",
        );
    }
}

#[test]
fn d26_progress_before_a_refusal_is_weak() {
    let events = concat!(
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progress\":1}}\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32001,\"message\":\"Forbidden\"}}\n\n"
    );
    let outcome = || http(200, &[], events);
    let bench = readable(TWO).got("reader", vec![outcome(), outcome()]);
    assert_cell(&bench, "reader", Access::Denied, Confidence::Weak, "D26");
}

#[test]
fn d27_mixed_results_are_a_proven_inconsistent_pass() {
    let bench = readable(TWO).got("reader", vec![refusal(), said(DATA)]);
    assert_cell(&bench, "reader", Access::Allowed, Confidence::Proven, "D27");
    assert!(
        bench
            .cell("reader")
            .reason
            .unwrap()
            .contains("inconsistent")
    );
}

#[test]
fn d28_data_with_status_403_were_disclosed() {
    let text = serde_json::json!({"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": DATA}]}});
    let bench = readable(TWO).got("reader", vec![http(403, &[], &text.to_string())]);
    assert_cell(&bench, "reader", Access::Allowed, Confidence::Strong, "D28");
}

#[test]
fn d29_a_cached_answer_decides_nothing() {
    let text = serde_json::json!({"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": DATA}]}});
    let bench = readable(TWO).got(
        "reader",
        vec![http(200, &[("age", "12")], &text.to_string())],
    );
    assert_cell(
        &bench,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "D29",
    );
}

#[test]
fn d30_a_question_to_the_user_decides_nothing() {
    let bench = readable(TWO).got("reader", vec![rpc_error(-32042, "link your account")]);
    assert_cell(
        &bench,
        "reader",
        Access::Inconclusive,
        Confidence::Inconclusive,
        "D30",
    );
}
