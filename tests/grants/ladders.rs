//! Ladders of narrower tokens from any grant.

use super::*;

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
    is_within_plan(report);
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

fn signed_in(scopes: &str) -> Flags {
    Flags {
        client_id: Some("admin-client".to_owned()),
        login: LoginFlags {
            name: Some("person".to_owned()),
            client_secret: Some("env:SECRET".to_owned()),
            scopes: Some(scopes.to_owned()),
            timeout: Some(20),
            grace: Some(0),
            ..LoginFlags::default()
        },
        ..Flags::default()
    }
}

const BOTH: &str = "notes:read notes:write";
const FROM_PERSON: &str = "[mint]\nfrom = \"person\"\nscopes = \"each\"\n";

/// By which grant each rung was obtained.
fn rungs_by(report: &Report) -> BTreeSet<&str> {
    let rungs = report.ladder.rungs.iter();
    let made = rungs.filter_map(|rung| report.identities.named(&rung.identity));
    made.map(grant_of).collect()
}

fn left(report: &Report) -> Vec<(&str, &str)> {
    let left = report.residue.iter();
    left.map(|it| (it.kind.as_str(), it.name.as_str()))
        .collect()
}

#[tokio::test]
async fn a_login_makes_a_ladder_through_its_refresh_token_and_nothing_is_left() {
    for rotation in ["rotating", "static"] {
        let bench = Bench::start(&format!("[grants]\nrefresh = \"{rotation}\"\n")).await;
        let report = bench
            .audit_with(FROM_PERSON, signed_in(BOTH), "approve")
            .await;
        is_complete(&report, "person");
        assert_eq!(report.ladder.grant.as_deref(), Some("refresh_token"));
        assert_eq!(rungs_by(&report), BTreeSet::from(["refresh_token"]));
        // The checks of the login went on with the newest refresh token.
        let login = &report.logins[0];
        let proper = login
            .refreshes
            .iter()
            .find(|it| it.trial.as_str() == "proper");
        assert!(proper.unwrap().answer.issued, "{rotation}");
        assert!(left(&report).is_empty(), "{rotation}: {:?}", left(&report));
    }
}

#[tokio::test]
async fn without_a_refresh_token_the_login_is_exchanged_where_that_is_announced() {
    let knobs = "[grants]\nrefresh = \"absent\"\nexchange = \"offered\"\n";
    let bench = Bench::start(knobs).await;
    let report = bench
        .audit_with(FROM_PERSON, signed_in(BOTH), "approve")
        .await;
    is_complete(&report, "person");
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    assert_eq!(report.ladder.grant.as_deref(), Some(exchange));
    assert_eq!(rungs_by(&report), BTreeSet::from([exchange]));
    assert!(left(&report).is_empty(), "{:?}", left(&report));
}

#[tokio::test]
async fn a_login_that_can_make_no_ladder_says_what_would() {
    let bench = Bench::start("[grants]\nrefresh = \"absent\"\n").await;
    let report = bench
        .audit_with(FROM_PERSON, signed_in(BOTH), "approve")
        .await;
    let problem = report.ladder.problem.clone().unwrap();
    assert!(
        problem.contains("no refresh token") && problem.contains("from = \"login\""),
        "{problem}"
    );
    assert!(present(&report, "person").invalid.is_none());
}

#[tokio::test]
async fn by_consent_a_person_signs_in_for_each_rung() {
    let bench = Bench::start("[grants]\nrefresh = \"absent\"\n").await;
    let text = "[mint]\nfrom = \"login\"\nscopes = \"each\"\n";
    let report = bench.audit_with(text, signed_in(BOTH), "approve").await;
    is_complete(&report, "person");
    assert_eq!(report.ladder.grant.as_deref(), Some("authorization_code"));
    assert_eq!(rungs_by(&report), BTreeSet::from(["authorization_code"]));
    assert!(left(&report).is_empty(), "{:?}", left(&report));
}

#[tokio::test]
async fn a_login_comes_after_every_grant_that_costs_no_person_anything() {
    let bench = Bench::start("").await;
    let text = identity("machine", MACHINE) + LADDER;
    let report = bench.audit_with(&text, signed_in(BOTH), "approve").await;
    is_complete(&report, "machine");
    assert!(present(&report, "person").granted.is_some());
}

#[tokio::test]
async fn every_rung_of_a_bound_login_is_bound_and_closes_what_it_opened() {
    let bench = Bench::start("[token_endpoint]\nbinding = \"proven\"\n").await;
    let report = bench
        .audit_with(FROM_PERSON, signed_in(BOTH), "approve")
        .await;
    is_complete(&report, "person");
    let rungs = report.ladder.rungs.iter();
    let made: Vec<&Identity> = rungs
        .filter_map(|rung| report.identities.named(&rung.identity))
        .collect();
    assert!(made.len() >= 2, "{:?}", report.ladder.rungs);
    for rung in made {
        assert!(rung.claims.as_ref().unwrap().key_bound, "{}", rung.name);
    }
    assert_eq!(bench.running.open_sessions(), 0);
    assert!(left(&report).is_empty(), "{:?}", left(&report));
}

#[tokio::test]
async fn a_login_at_a_server_that_ignores_the_scope_is_passed_over_way_by_way() {
    let knobs = "[tokens]\nmint = \"grants-more\"\n[grants]\nexchange = \"offered\"\n";
    let bench = Bench::start(knobs).await;
    let report = bench
        .audit_with(FROM_PERSON, signed_in(BOTH), "approve")
        .await;
    let passed: Vec<(&str, bool)> = report
        .ladder
        .passed_over
        .iter()
        .map(|it| (it.grant.as_str(), it.reason.contains("also holds")))
        .collect();
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    assert_eq!(passed, [("refresh_token", true), (exchange, true)]);
    assert!(report.ladder.problem.is_some());
    // The tokens of the trials were given back with those of the login.
    assert!(left(&report).is_empty(), "{:?}", left(&report));
    is_within_plan(&report);
}
