//! Tokens by every grant, as a configuration asks for them: what comes, what is said when none
//! comes, and that the audit goes on with the others.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test may stop"
)]

#[path = "grants/sibling.rs"]
mod sibling;
mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use mcp_assay::config::{self, Flags, Secrets, TokenSource};
use mcp_assay::demo::{self, Running, visitor};
use mcp_assay::model::exchange::Exchange;
use mcp_assay::model::identity::{Identity, Provenance};
use mcp_assay::model::probe::ProbeId;
use mcp_assay::model::report::Report;
use mcp_assay::model::verdict::Status;
use mcp_assay::rehearsal;
use mcp_assay::stage::Visit;

use support::{SEED, variation};

const CLIENT_KEY: &str = include_str!("../fixtures/keys/demo-client.pem");
const OTHER_KEY: &str = include_str!("../fixtures/keys/demo-es256.pem");

/// Answers `env:NAME` from a list.
struct Fake(BTreeMap<String, String>);

impl Secrets for Fake {
    fn text(&mut self, source: &TokenSource) -> Result<String, String> {
        let known = self.0.get(&source.to_string()).cloned();
        known.ok_or_else(|| "is not set".to_owned())
    }
}

/// A server, and what an operator would have for it.
struct Bench {
    running: Running,
    secrets: BTreeMap<String, String>,
}

impl Bench {
    async fn start(knobs: &str) -> Self {
        let running = demo::start(&variation(knobs)).await.expect("servers");
        let all = ["notes:read", "notes:write", "notes:delete"];
        let pairs = [
            ("env:READER", running.token("reader").unwrap().value.clone()),
            ("env:ADMIN", running.token("admin").unwrap().value.clone()),
            (
                "env:EXPIRED",
                running.token("expired").unwrap().value.clone(),
            ),
            ("env:SECRET", "demo-admin-secret".to_owned()),
            ("env:KEY", CLIENT_KEY.to_owned()),
            ("env:OTHER_KEY", OTHER_KEY.to_owned()),
            ("env:REFRESH", running.refresh_token("admin-client", &all)),
            ("env:CLI_REFRESH", running.refresh_token("demo-cli", &all)),
            ("env:WRONG", "not-the-secret".to_owned()),
        ];
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self {
            secrets: pairs.collect(),
            running,
        }
    }

    /// The audit of a configuration; the person does as told.
    async fn audit(&self, text: &str, decision: &'static str) -> Report {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        // One identity that always works, so that there is something to go on with.
        let witness = "[[identity]]\nname = \"witness\"\ntoken = \"env:READER\"\n";
        write!(file, "{text}\n{witness}").unwrap();
        let flags = Flags {
            url: Some(self.running.mcp_url.clone()),
            config: Some(file.path().to_owned()),
            ..Flags::default()
        };
        let mut secrets = Fake(self.secrets.clone());
        let read = config::settings(&flags, &mut secrets, "00000000", "2026-11-23");
        let (_, mut settings) = read.unwrap_or_else(|error| panic!("{error}"));
        settings.network.timeout = Duration::from_secs(20);
        let started = jiff::Timestamp::now().to_string();
        let show = move |visit: &Visit<'_>| {
            let page = visit.url.to_owned();
            tokio::spawn(async move { visitor::visit(&page, decision).await });
        };
        let audited = rehearsal::audit_as(&self.running.mcp_url, &settings, SEED, &started, &show);
        audited.await.expect("the audit runs")
    }
}

fn identity(name: &str, rest: &str) -> String {
    format!("[[identity]]\nname = \"{name}\"\n{rest}\n")
}

fn present<'r>(report: &'r Report, name: &str) -> &'r Identity {
    let found = report.identities.named(name);
    found.unwrap_or_else(|| panic!("{:?}", report.identities.missing))
}

fn missing(report: &Report, name: &str) -> String {
    assert!(report.identities.named(name).is_none(), "{name} is there");
    let mut missing = report.identities.missing.iter();
    let found = missing.find(|it| it.name == name);
    // The others were audited all the same.
    assert!(report.identities.named("witness").is_some());
    assert!(report.outcome.decided_cells > 0);
    found
        .unwrap_or_else(|| panic!("{name} is nowhere"))
        .reason
        .clone()
}

fn grant_of(identity: &Identity) -> &str {
    match &identity.provenance {
        Provenance::Minted { grant, .. } => grant,
        other => panic!("{other:?}"),
    }
}

/// Bodies of the requests to the token endpoint for one identity.
fn asked(report: &Report, name: &str) -> Vec<String> {
    let exchanges = report.ledger.iter().filter(|exchange| {
        exchange.probe.id == ProbeId::MintToken && exchange.probe.variant.as_deref() == Some(name)
    });
    let bodies = exchanges.filter_map(|exchange| exchange.request.body.clone());
    bodies
        .map(|body| String::from_utf8_lossy(&body.bytes()).into_owned())
        .collect()
}

#[tokio::test]
async fn a_client_with_a_key_proves_itself_with_an_assertion() {
    let bench = Bench::start("[token_endpoint]\nclient_assertions = \"registered\"\n").await;
    let keyed = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\n";
    let report = bench
        .audit(
            &(identity(
                "keyed",
                &format!("{keyed}client_key = \"env:KEY\"\nscopes = [\"notes:read\"]"),
            ) + &identity(
                "stranger-key",
                &format!("{keyed}client_key = \"env:OTHER_KEY\""),
            )),
            "approve",
        )
        .await;
    let keyed = present(&report, "keyed");
    assert_eq!(grant_of(keyed), "client_credentials");
    assert_eq!(keyed.granted.as_ref().unwrap().len(), 1);
    let body = asked(&report, "keyed").remove(0);
    assert!(
        body.contains("client_assertion_type=") && body.contains("resource="),
        "{body}"
    );
    assert!(!body.contains("client_secret"), "{body}");
    let reason = missing(&report, "stranger-key");
    assert!(
        reason.contains("invalid_client") && reason.contains("client_key"),
        "{reason}"
    );
    // What the run minted was revoked with a new assertion.
    assert!(
        !report.residue.iter().any(|it| it.name == "keyed"),
        "{:?}",
        report.residue
    );
}

#[tokio::test]
async fn one_refresh_token_gives_narrower_tokens_and_the_newest_is_shown_each_time() {
    for rotation in ["rotating", "static", "old-accepted"] {
        let bench = Bench::start(&format!("[grants]\nrefresh = \"{rotation}\"\n")).await;
        let from = "grant = \"refresh_token\"\nrefresh_token = \"env:CLI_REFRESH\"\nclient_id = \"demo-cli\"\n";
        let text = identity(
            "user",
            &format!("{from}scopes = [\"notes:read\", \"notes:write\"]"),
        ) + "[mint]\nfrom = \"user\"\nscopes = \"each\"\n";
        let report = bench.audit(&text, "approve").await;
        let all = present(&report, "user");
        assert_eq!(grant_of(all), "refresh_token");
        let narrow = present(&report, "user-without-notes:write");
        assert_eq!(narrow.granted.as_ref().unwrap().len(), 1, "{rotation}");
        assert!(
            report.ladder.problem.is_none(),
            "{rotation}: {:?}",
            report.ladder.problem
        );
    }
}

#[tokio::test]
async fn a_refresh_token_that_is_not_good_costs_its_identity_only() {
    let bench = Bench::start("").await;
    let text = "grant = \"refresh_token\"\nrefresh_token = \"env:WRONG\"\nclient_id = \"demo-cli\"";
    let report = bench.audit(&identity("user", text), "approve").await;
    let reason = missing(&report, "user");
    assert!(
        reason.contains("invalid_grant") && reason.contains("sign in again"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_narrower_one() {
    let bench = Bench::start("[grants]\nexchange = \"offered\"\n").await;
    let exchange = |token: &str| {
        format!(
            "grant = \"token_exchange\"\nsubject_token = \"env:{token}\"\nclient_id = \
             \"admin-client\"\nclient_secret = \"env:SECRET\"\nscopes = [\"notes:read\"]"
        )
    };
    let text = identity("narrow", &exchange("ADMIN")) + &identity("late", &exchange("EXPIRED"));
    let report = bench.audit(&text, "approve").await;
    let narrow = present(&report, "narrow");
    assert!(grant_of(narrow).ends_with("token-exchange"));
    assert_eq!(narrow.granted.as_ref().unwrap().len(), 1);
    let reason = missing(&report, "late");
    assert!(reason.contains("subject_token"), "{reason}");
}

#[tokio::test]
async fn an_exchange_that_gives_another_kind_of_token_says_so() {
    let bench = Bench::start("[grants]\nexchange = \"of-other-type\"\n").await;
    let text = "grant = \"token_exchange\"\nsubject_token = \"env:ADMIN\"\nclient_id = \
                \"admin-client\"\nclient_secret = \"env:SECRET\"";
    let report = bench.audit(&identity("odd", text), "approve").await;
    let reason = missing(&report, "odd");
    assert!(
        reason.contains("`N_A`") && reason.contains("Bearer"),
        "{reason}"
    );
}

#[tokio::test]
async fn an_assertion_of_the_operator_is_shown_as_it_is() {
    let knobs = "[token_endpoint]\nworkload_assertions = \"registered\"\n";
    let mut bench = Bench::start(knobs).await;
    let key = mcp_assay::model::key::SigningKey::read(CLIENT_KEY).unwrap();
    let assertion = |audience: &str| {
        let expires = jiff::Timestamp::now().as_second() + 300;
        let claims = serde_json::json!({"iss": "https://workload.invalid", "sub": "job",
            "aud": audience, "exp": expires});
        key.sign("ES256", serde_json::Map::new(), &claims).unwrap()
    };
    let good = assertion(&bench.running.issuer);
    let foreign = assertion("https://elsewhere.invalid");
    bench.secrets.insert("env:ASSERTION".to_owned(), good);
    bench.secrets.insert("env:FOREIGN".to_owned(), foreign);
    let grant = |source: &str| {
        format!(
            "grant = \"jwt_bearer\"\nassertion = \"env:{source}\"\nclient_id = \
             \"admin-client\"\nclient_secret = \"env:SECRET\"\nscopes = [\"notes:read\"]"
        )
    };
    let text = identity("job", &grant("ASSERTION")) + &identity("lost", &grant("FOREIGN"));
    let report = bench.audit(&text, "approve").await;
    let job = present(&report, "job");
    assert!(grant_of(job).ends_with("jwt-bearer"));
    assert_eq!(job.granted.as_ref().unwrap().len(), 1);
    let reason = missing(&report, "lost");
    assert!(reason.contains("audience"), "{reason}");
}

#[tokio::test]
async fn people_sign_in_for_identities_one_after_the_other() {
    let bench = Bench::start("[grants]\ndevice = \"approved\"\n").await;
    let by = |grant: &str, scope: &str| {
        format!("grant = \"{grant}\"\nclient_id = \"demo-cli\"\nscopes = [\"{scope}\"]")
    };
    let text = identity("browser", &by("authorization_code", "notes:read"))
        + &identity("device", &by("device_code", "notes:write"));
    let report = bench.audit(&text, "approve").await;
    assert_eq!(grant_of(present(&report, "browser")), "authorization_code");
    assert!(grant_of(present(&report, "device")).ends_with("device_code"));
    let left: Vec<_> = report
        .residue
        .iter()
        .map(|it| (&it.kind, &it.name))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn consent_denied_costs_its_identity_only() {
    let bench = Bench::start("[grants]\ndevice = \"denied\"\n").await;
    let by = |grant: &str| {
        format!("grant = \"{grant}\"\nclient_id = \"demo-cli\"\nscopes = [\"notes:read\"]")
    };
    let text =
        identity("browser", &by("authorization_code")) + &identity("device", &by("device_code"));
    let report = bench.audit(&text, "deny").await;
    let reason = missing(&report, "browser");
    assert!(
        reason.contains("access_denied") || reason.contains("refused"),
        "{reason}"
    );
    let reason = missing(&report, "device");
    assert!(reason.contains("refused on the other device"), "{reason}");
}

#[tokio::test]
async fn a_wrong_secret_costs_its_identity_only() {
    let bench = Bench::start("").await;
    let text = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_secret = \"env:WRONG\"";
    let report = bench.audit(&identity("machine", text), "approve").await;
    let reason = missing(&report, "machine");
    assert!(
        reason.contains("invalid_client") && reason.contains("secret"),
        "{reason}"
    );
}

#[tokio::test]
async fn errors_in_html_are_told_as_what_they_are() {
    let bench = Bench::start("[token_endpoint]\nerrors = \"page\"\n").await;
    let text = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_secret = \"env:WRONG\"";
    let report = bench.audit(&identity("machine", text), "approve").await;
    let reason = missing(&report, "machine");
    assert!(
        reason.contains("text/html") && reason.contains("expected"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_token_without_a_lifetime_is_used_all_the_same() {
    let bench = Bench::start("[grants]\nlifetime = \"omitted\"\n").await;
    let text = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_secret = \"env:SECRET\"";
    let report = bench.audit(&identity("machine", text), "approve").await;
    assert_eq!(present(&report, "machine").expires_in, None);
    assert!(report.outcome.decided_cells > 0);
}

#[tokio::test]
async fn a_server_that_grants_more_than_was_asked_for_spoils_the_narrow_token_and_says_so() {
    let bench = Bench::start("[tokens]\nmint = \"grants-more\"\n").await;
    let text = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_secret = \
                \"env:SECRET\"\nscopes = [\"notes:read\"]";
    let report = bench.audit(&identity("machine", text), "approve").await;
    let machine = present(&report, "machine");
    let reason = machine.invalid.clone().unwrap();
    assert!(reason.contains("also holds"), "{reason}");
}

#[tokio::test]
async fn tokens_that_are_bound_to_a_key_go_out_with_proofs_and_nonces() {
    let knobs = "[token_endpoint]\nbinding = \"proven\"\n[grants]\nexchange = \"offered\"\n";
    let bench = Bench::start(knobs).await;
    let machine = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_secret = \"env:SECRET\"\n";
    let refresh = "grant = \"refresh_token\"\nrefresh_token = \"env:CLI_REFRESH\"\nclient_id = \"demo-cli\"\n";
    let browser =
        "grant = \"authorization_code\"\nclient_id = \"demo-cli\"\nscopes = [\"notes:read\"]\n";
    let text = identity("asked", &format!("{machine}dpop = true"))
        + &identity("demanded", machine)
        + &identity("refreshed", &format!("{refresh}scopes = [\"notes:read\"]"))
        + &identity("person", &format!("{browser}dpop = true"))
        + &identity("refused", &format!("{machine}dpop = false"));
    let report = bench.audit(&text, "approve").await;
    for name in ["asked", "demanded", "refreshed", "person"] {
        let bound = present(&report, name);
        assert!(bound.claims.as_ref().unwrap().key_bound, "{name}");
        let lists = report.ledger.iter().filter(|exchange| {
            exchange.identity == name && exchange.probe.id == ProbeId::ListTools
        });
        let statuses: Vec<_> = lists.map(Exchange::status).collect();
        assert!(statuses.contains(&Some(200)), "{name}: {statuses:?}");
    }
    let reason = missing(&report, "refused");
    assert!(reason.contains("invalid_dpop_proof"), "{reason}");
    let nonces = report
        .ledger
        .iter()
        .filter(|it| it.probe.id == ProbeId::ProofNonce);
    assert!(nonces.count() >= 1);
    let bound = report
        .coverage
        .iter()
        .find(|row| row.check == "bound-token-accepted-unproven");
    assert_eq!(bound.unwrap().status, Status::Inconclusive);
    // Neither a token nor a proof is written anywhere.
    let written = format!("{:?}", report.ledger);
    assert!(
        !written.contains("eyJ"),
        "a proof or a token is in the ledger"
    );
}

const MACHINE: &str = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_secret = \"env:SECRET\"\nscopes = [\"notes:read\", \"notes:write\"]\n";
const REFRESHED: &str = "grant = \"refresh_token\"\nrefresh_token = \"env:CLI_REFRESH\"\nclient_id = \"demo-cli\"\nscopes = [\"notes:read\", \"notes:write\"]\n";
const BROWSER: &str = "grant = \"authorization_code\"\nclient_id = \"demo-cli\"\nscopes = [\"notes:read\", \"notes:write\"]\n";
const LADDER: &str = "[mint]\nscopes = \"each\"\n";

/// The ladder has a token for each set, and knows what each scope opens.
fn is_complete(report: &Report, from: &str) {
    let ladder = &report.ladder;
    assert_eq!(ladder.from, from);
    assert_eq!(ladder.problem, None);
    for scope in ["notes:read", "notes:write"] {
        let rung = present(report, &format!("{from}-without-{scope}"));
        assert!(rung.invalid.is_none() && !rung.scopes().unwrap().contains(scope));
    }
    assert!(ladder.open.is_empty(), "{:?}", ladder.open);
}

#[tokio::test]
async fn the_cheapest_grant_makes_the_ladder_and_is_named() {
    let bench = Bench::start("").await;
    let text = identity("user", REFRESHED) + &identity("machine", MACHINE) + LADDER;
    let report = bench.audit(&text, "approve").await;
    is_complete(&report, "machine");
    assert_eq!(report.ladder.grant.as_deref(), Some("client_credentials"));
    assert!(report.ladder.passed_over.is_empty());
}

#[tokio::test]
async fn a_grant_that_gives_no_narrower_token_is_passed_over_with_its_reason() {
    let bench = Bench::start("").await;
    // The client may ask for reading alone: it cannot make this ladder.
    let reader = MACHINE
        .replace("admin-client", "reader-client")
        .replace("SECRET", "READER_SECRET");
    let mut bench = bench;
    let secret = "demo-reader-secret".to_owned();
    bench.secrets.insert("env:READER_SECRET".to_owned(), secret);
    let text = identity("machine", &reader) + &identity("user", REFRESHED) + LADDER;
    let report = bench.audit(&text, "approve").await;
    is_complete(&report, "user");
    let passed = &report.ladder.passed_over[0];
    assert_eq!(passed.identity, "machine");
    assert!(passed.reason.contains("invalid_scope"), "{}", passed.reason);
}

#[tokio::test]
async fn a_server_that_ignores_the_scope_makes_no_ladder_and_the_report_says_why() {
    let bench = Bench::start("[tokens]\nmint = \"grants-more\"\n").await;
    let one = identity("machine", MACHINE) + LADDER;
    let report = bench.audit(&one, "approve").await;
    let problem = report.ladder.problem.clone().unwrap();
    assert!(
        problem.contains("also holds") || problem.contains("ignores"),
        "{problem}"
    );
    let two = identity("machine", MACHINE) + &identity("user", REFRESHED) + LADDER;
    let report = bench.audit(&two, "approve").await;
    let problem = report.ladder.problem.clone().unwrap();
    assert!(
        problem.contains("`machine`") && problem.contains("`user`"),
        "{problem}"
    );
    assert_eq!(report.ladder.passed_over.len(), 2);
    // The tokens of the trials were given back.
    assert!(
        report.residue.iter().all(|it| it.kind != "token"),
        "{:?}",
        report.residue
    );
}

#[tokio::test]
async fn one_login_makes_a_ladder_through_its_refresh_token() {
    let bench = Bench::start("").await;
    let text = identity("person", BROWSER) + "[mint]\nfrom = \"person\"\nscopes = \"each\"\n";
    let report = bench.audit(&text, "approve").await;
    is_complete(&report, "person");
    let logins = |report: &Report| {
        let returned = report
            .ledger
            .iter()
            .filter(|it| it.probe.id == ProbeId::LoginReturn);
        returned.count()
    };
    assert_eq!(logins(&report), 1);
    let text = identity("person", BROWSER) + "[mint]\nfrom = \"login\"\nscopes = \"each\"\n";
    let report = bench.audit(&text, "approve").await;
    is_complete(&report, "person");
    assert!(logins(&report) > 2, "each rung takes a login of its own");
    let left: Vec<_> = report
        .residue
        .iter()
        .map(|it| (&it.kind, &it.name))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn an_exchange_makes_a_ladder_from_the_token_that_was_given() {
    let bench = Bench::start("[grants]\nexchange = \"offered\"\n").await;
    let exchange = "grant = \"token_exchange\"\nsubject_token = \"env:ADMIN\"\nclient_id = \
        \"admin-client\"\nclient_secret = \"env:SECRET\"\nscopes = [\"notes:read\", \"notes:write\"]\n";
    let text =
        identity("swap", exchange) + "[mint]\nfrom = \"token_exchange\"\nscopes = \"each\"\n";
    is_complete(&bench.audit(&text, "approve").await, "swap");
}

#[tokio::test]
async fn a_replaced_refresh_token_of_the_operator_is_residue() {
    let bench = Bench::start("").await;
    let report = bench.audit(&identity("user", REFRESHED), "approve").await;
    let kinds: Vec<&str> = report.residue.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["refresh token"]);
    let bench = Bench::start("[grants]\nrefresh = \"static\"\n").await;
    // RFC 7009 §2.1: giving the token back could end the login of the operator, which still works.
    let report = bench.audit(&identity("user", REFRESHED), "approve").await;
    let kept = &report.residue[0];
    assert_eq!((kept.kind.as_str(), report.residue.len()), ("token", 1));
    assert!(kept.reason.contains("still works"), "{}", kept.reason);
}

#[tokio::test]
async fn each_identity_says_how_it_was_had() {
    let bench = Bench::start("").await;
    let report = bench.audit(&identity("machine", MACHINE), "approve").await;
    for format in [
        mcp_assay::report::Format::Table,
        mcp_assay::report::Format::Html,
    ] {
        let bytes =
            mcp_assay::report::render(format, &report, &mcp_assay::report::Style::default());
        let text = String::from_utf8_lossy(&bytes.unwrap()).replace('\n', " ");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in [
            "client_credentials as client admin-client",
            "asked notes:read",
            "granted",
            "until ",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_run_goes_on_with_the_refresh_token_that_was_cached() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::start("").await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("assay.toml");
    std::fs::write(&config, identity("user", REFRESHED)).unwrap();
    let cache = folder.path().join("tokens.json");
    let run = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-assay"));
        command
            .args(["audit", &bench.running.mcp_url, "--config"])
            .arg(&config)
            .arg(format!("--token-cache={}", cache.display()))
            .args(["--report", "json=-", "--exit-zero", "--quiet"])
            .env("CLI_REFRESH", &bench.secrets["env:CLI_REFRESH"]);
        command.output().unwrap()
    };
    for round in 0..2 {
        let output = tokio::task::block_in_place(run);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let missing = &report["identities"]["missing"];
        assert_eq!(missing, &serde_json::json!([]), "{round}");
        let kinds: Vec<&str> = report["residue"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it["kind"].as_str())
            .collect();
        assert!(!kinds.contains(&"refresh token"), "{kinds:?}");
        let kept = std::fs::read_to_string(&cache).unwrap();
        assert!(kept.contains("\"user\"") && !kept.contains(&bench.secrets["env:CLI_REFRESH"]));
        let mode = std::fs::metadata(&cache).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = tokio::task::block_in_place(run);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("--token-cache") && text.contains("chmod 600"),
        "{text}"
    );
}
