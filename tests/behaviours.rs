//! Every behaviour of the embedded servers against every check: each defect is found, nothing else
//! is accused, nothing is executed, nothing is left behind.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test may stop, and a budget is printed"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use futures_util::StreamExt;
use mcp_assay::checks;
use mcp_assay::demo::{Behaviour, LoginMode, TokenKind};
use mcp_assay::model::probe::ProbeId;
use mcp_assay::model::report::Report;
use mcp_assay::model::verdict::Status;

use support::{behaviour, rehearse, with_status};

struct Ran {
    name: &'static str,
    behaviour: Behaviour,
    report: Report,
    state_changing: usize,
    notes: usize,
    sessions: usize,
    clients: usize,
}

async fn run(name: &'static str) -> Ran {
    let behaviour = behaviour(name);
    let rehearsal = rehearse(&behaviour).await;
    let running = &rehearsal.running;
    let listed = rehearsal
        .report
        .residue
        .iter()
        .any(|it| it.kind == "session");
    for _ in 0..STREAM_END_LOOKS {
        if listed || running.open_sessions() == 0 {
            break;
        }
        tokio::time::sleep(STREAM_END_PAUSE).await;
    }
    Ran {
        name,
        state_changing: running.executed_state_changing(),
        notes: running.changed_notes(),
        sessions: running.open_sessions(),
        clients: running.registered_clients(),
        behaviour,
        report: rehearsal.report,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_defect_is_found_and_nothing_else_is_accused() {
    let names = Behaviour::names()
        .into_iter()
        .filter(|name| !BY_CHANCE.contains(name));
    let all: Vec<Ran> = futures_util::stream::iter(names.map(|name| tokio::spawn(run(name))))
        .buffered(4)
        .map(|ran| ran.expect("an audit that ends"))
        .collect()
        .await;
    let mut wrong = String::new();
    for ran in &all {
        compare(
            &mut wrong,
            ran,
            "FAIL or WARN",
            &ran.behaviour.trips,
            &[Status::Fail, Status::Warn],
        );
        let unasked = needing_a_login(ran);
        let unasked = unasked.into_iter().chain(needing_a_ladder(ran));
        let open = ran.behaviour.inconclusive.iter().cloned();
        compare(
            &mut wrong,
            ran,
            "INCONCLUSIVE",
            &open
                .chain(unasked)
                .chain(awaiting_consent(ran))
                .collect::<Vec<_>>(),
            &[Status::Inconclusive],
        );
        let consented = ran
            .behaviour
            .audit
            .allow
            .iter()
            .any(|it| it == "destructive");
        let objects = ran.report.residue.iter().filter(|it| it.kind == "object");
        let objects = objects.count();
        // What only may be there is listed as well.
        if ran.notes > objects {
            let _ = writeln!(
                wrong,
                "{}: {} notes made or removed, {objects} listed as residue",
                ran.name, ran.notes
            );
        }
        if ran.state_changing != 0 && !consented {
            let _ = writeln!(
                wrong,
                "{}: {} state-changing bodies ran",
                ran.name, ran.state_changing
            );
        }
        let left = ran
            .report
            .residue
            .iter()
            .filter(|item| item.kind == "client")
            .count();
        if ran.clients > left {
            let _ = writeln!(
                wrong,
                "{}: {} clients left, {left} listed as residue",
                ran.name, ran.clients
            );
        }
        let unlisted = ran.report.residue.iter().all(|item| item.kind != "session");
        if ran.sessions != 0 && unlisted {
            let _ = writeln!(
                wrong,
                "{}: {} sessions left open and not listed",
                ran.name, ran.sessions
            );
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    insta::assert_snapshot!("behaviours", matrix(&all));
}

#[test]
fn every_check_has_a_behaviour_that_breaks_it() {
    let tripped: BTreeSet<String> = Behaviour::names()
        .into_iter()
        .flat_map(|name| behaviour(name).trips)
        .collect();
    let known: BTreeSet<String> = checks::all()
        .iter()
        .map(|check| check.id.to_owned())
        .collect();
    let never: Vec<_> = known.difference(&tripped).collect();
    let unknown: Vec<_> = tripped.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "behaviours name checks that do not exist: {unknown:?}"
    );
    assert_eq!(
        never, NEEDS_MORE_THAN_LOOPBACK,
        "checks without a negative behaviour"
    );
}

/// Checks that ask for consent or for an object which the behaviour does not give: each behaviour
/// leaves them open.
fn awaiting_consent(ran: &Ran) -> Vec<String> {
    let given = &ran.behaviour.audit.allow;
    let rows = ran.report.coverage.iter().filter(|row| {
        let flag = row.decided_by.as_deref().unwrap_or_default();
        let tier = flag.strip_prefix("--allow ");
        let tier = tier.is_some_and(|tier| !given.iter().any(|it| it == tier));
        let query = flag == "--query-token" && !ran.behaviour.audit.query_token;
        let lent = LENT_BY_THE_OPERATOR.contains(&row.check.as_str());
        let unnamed = ran.behaviour.audit.objects.is_empty() && flag.starts_with("an `[[object]]`");
        row.status == Status::Inconclusive
            && (unnamed
                || tier
                || query
                || ON_REQUEST.iter().any(|own| flag.starts_with(own))
                || (lent && flag.starts_with("an [[identity]]"))
                || flag.contains("other-user") && !has_another_user(ran))
    });
    rows.map(|row| row.check.clone()).collect()
}

/// Flags that allow one probe each: their checks wait for them in nearly every behaviour.
const ON_REQUEST: [&str; 2] = ["--probe-traversal", "--observe-call-limit"];

/// Checks that wait for a token which most behaviours do not lend.
const LENT_BY_THE_OPERATOR: [&str; 6] = [
    "foreign-issuer-accepted",
    "issuer-keys-pooled",
    "revoked-token-accepted",
    "token-type-unchecked",
    "upstream-token-accepted",
    "wrong-kind-accepted",
];

fn has_another_user(ran: &Ran) -> bool {
    let kind = |name: &String| ran.behaviour.identities.get(name).map(|it| it.kind);
    let mut given = ran.behaviour.audit.identities.iter();
    given.any(|name| kind(name) == Some(TokenKind::OtherUser))
}

/// How often, and with what pause, a server is asked whether it has noticed that its streams ended.
const STREAM_END_LOOKS: u32 = 100;
const STREAM_END_PAUSE: Duration = Duration::from_millis(20);

/// Behaviours whose defect shows in every second request, so that what is seen depends on chance.
const BY_CHANCE: [&str; 1] = ["list-varies-per-request"];

/// Its defect always shows, but which connection an answer came over depends on chance, and with it
/// the cells.
const VARIES: &str = "list-varies-per-connection";

/// Checks whose defect cannot be shown by a server on loopback over plain http; their negative tests
/// are the judges' own, over hand-built evidence.
const NEEDS_MORE_THAN_LOOPBACK: [&str; 1] = ["plaintext-endpoint"];

/// Checks that read a login are undecided wherever nobody was asked to sign in.
fn needing_a_login(ran: &Ran) -> Vec<String> {
    let asked = ran.behaviour.audit.login != LoginMode::Nobody;
    let open = with_status(&ran.report, &[Status::Inconclusive]);
    let needy = checks::all().iter().filter(|check| {
        let needs = &check.page().needs;
        needs.contains(&ProbeId::RedeemCode) || needs.contains(&ProbeId::LoginReturn)
    });
    needy
        .map(|check| check.id.to_owned())
        .filter(|id| !asked && open.contains(id))
        .collect()
}

/// Checks that compare tokens which only a ladder brings are undecided without one.
fn needing_a_ladder(ran: &Ran) -> Vec<String> {
    let given = ran.behaviour.audit.ladder.is_some();
    let open = with_status(&ran.report, &[Status::Inconclusive]);
    let needy = NEED_A_LADDER.into_iter().map(str::to_owned);
    needy.filter(|id| !given && open.contains(id)).collect()
}

const NEED_A_LADDER: [&str; 4] = [
    "advertised-scope-unobtainable",
    "challenge-incomplete",
    "narrow-token-refused",
    "unrelated-token-accepted",
];

fn compare(wrong: &mut String, ran: &Ran, word: &str, expected: &[String], statuses: &[Status]) {
    let expected: BTreeSet<&String> = expected.iter().collect();
    let found = with_status(&ran.report, statuses);
    let found: BTreeSet<&String> = found.iter().collect();
    for id in expected.difference(&found) {
        let row = ran.report.coverage.iter().find(|row| row.check == **id);
        let text = row.map_or("no such check".to_owned(), |row| {
            format!("{} ({})", row.status.as_str(), row.reason)
        });
        let _ = writeln!(wrong, "{}: `{id}` should be {word}, is {text}", ran.name);
    }
    for id in found.difference(&expected) {
        let row = ran.report.coverage.iter().find(|row| row.check == **id);
        let text = row.map_or(String::new(), |row| row.reason.clone());
        let _ = writeln!(wrong, "{}: `{id}` is {word} unexpectedly: {text}", ran.name);
    }
}

/// One row per behaviour, one column per check: `.` pass, `F` fail, `W` warn, `?` inconclusive,
/// `-` not applicable, `o` observed; then enforcement, registration posture and exit code.
fn matrix(all: &[Ran]) -> String {
    let mut out = String::new();
    for (number, check) in checks::all().iter().enumerate() {
        let _ = writeln!(out, "{number:>3} {}", check.id);
    }
    out.push('\n');
    for ran in all.iter().filter(|ran| ran.name != VARIES) {
        let word = |status: Status| match status {
            Status::Pass => '.',
            Status::Fail => 'F',
            Status::Warn => 'W',
            Status::Inconclusive => '?',
            Status::NotApplicable => '-',
            Status::Observed => 'o',
        };
        let row: String = ran
            .report
            .coverage
            .iter()
            .map(|row| word(row.status))
            .collect();
        let answers = &ran.report.answers;
        let _ = writeln!(
            out,
            "{:<40} {row} {} {} exit {}",
            ran.name,
            answers.tools.enforcement.as_str(),
            answers.clients.registration.posture.as_str(),
            ran.report.outcome.exit_code,
        );
    }
    out
}
