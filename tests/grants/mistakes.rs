//! What goes wrong costs its identity only, and is told.

use super::*;

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

/// A server whose clock is off, and an assertion that is dated by ours.
async fn off_by(seconds: i64) -> Report {
    let knobs = "[token_endpoint]\nworkload_assertions = \"registered\"\nclient_assertions = \
                 \"registered\"\n";
    let mut bench = Bench::start(&format!("{knobs}clock_ahead_seconds = {seconds}\n")).await;
    let key = mcp_assay::model::key::SigningKey::read(CLIENT_KEY).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let claims = serde_json::json!({"iss": "https://workload.invalid", "sub": "job",
        "aud": bench.running.issuer, "iat": now, "nbf": now, "exp": now + 300});
    let assertion = key.sign("ES256", serde_json::Map::new(), &claims).unwrap();
    bench.secrets.insert("env:ASSERTION".to_owned(), assertion);
    let grant = "grant = \"jwt_bearer\"\nassertion = \"env:ASSERTION\"\nclient_id = \
        \"admin-client\"\nclient_secret = \"env:SECRET\"\nscopes = [\"notes:read\"]";
    let keyed = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_key = \
        \"env:KEY\"\nscopes = [\"notes:read\"]";
    let stranger = keyed.replace("env:KEY", "env:OTHER_KEY");
    let text = identity("job", grant) + &identity("keyed", keyed) + &identity("odd", &stranger);
    bench.audit(&text, "approve").await
}

#[tokio::test]
async fn assertions_that_the_operator_dated_by_another_clock_are_told_with_both_times() {
    for seconds in [3600, -3600] {
        let report = off_by(seconds).await;
        let reason = missing(&report, "job");
        assert!(
            reason.contains("invalid_grant") && reason.contains("set the clock that is wrong"),
            "{reason}"
        );
        // Two times, an hour apart, in one form.
        let times: Vec<jiff::Timestamp> = reason
            .split([' ', ',', ':'].as_slice())
            .filter(|word| word.starts_with("20"))
            .filter_map(|word| reason[reason.find(word).unwrap()..].get(..20)?.parse().ok())
            .collect();
        assert_eq!(times.len(), 2, "{reason}");
        let apart = times[0].as_second() - times[1].as_second();
        assert!((seconds - 60..=seconds + 60).contains(&apart), "{reason}");
        // Assertions that we sign are dated by the server's own clock.
        assert!(present(&report, "keyed").granted.is_some());
        let told = missing(&report, "odd");
        assert!(told.contains("by this machine's"), "{told}");
    }
}

#[tokio::test]
async fn where_the_clocks_agree_a_refusal_says_nothing_of_them() {
    let told = missing(&off_by(0).await, "odd");
    assert!(
        told.contains("invalid_client") && !told.contains("clock it is"),
        "{told}"
    );
}

#[tokio::test]
async fn a_server_that_ignores_the_scope_is_told_at_the_identity() {
    let bench =
        Bench::start("[tokens]\nmint = \"grants-more\"\n[grants]\nscope_echo = \"omitted\"\n")
            .await;
    let text = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_secret = \
                \"env:SECRET\"\nscopes = [\"notes:read\"]";
    let report = bench.audit(&identity("machine", text), "approve").await;
    let machine = present(&report, "machine");
    assert_eq!(machine.granted, None, "the answer is silent");
    let reason = machine.invalid.clone().unwrap();
    assert!(reason.contains("also holds"), "{reason}");
}

#[tokio::test]
async fn a_person_of_an_identity_who_never_comes_costs_that_identity_only() {
    let bench = Bench::start("").await;
    let brief = Flags {
        login: LoginFlags {
            timeout: Some(1),
            ..LoginFlags::default()
        },
        ..Flags::default()
    };
    let text = identity("absent", BROWSER) + &identity("machine", MACHINE);
    let report = bench.audit_with(&text, brief, AWAY).await;
    let reason = missing(&report, "absent");
    assert!(reason.contains("nobody finished the login"), "{reason}");
    assert!(present(&report, "machine").granted.is_some());
}

#[tokio::test]
async fn a_token_from_the_future_is_told_by_both_clocks_and_a_sound_one_is_used() {
    for (ahead, early) in [(3600, true), (0, false)] {
        let bench = Bench::start(&format!(
            "[resource]\nstart = \"checked\"\n\n[token_endpoint]\nclock_ahead_seconds = {ahead}\n"
        ))
        .await;
        let report = bench.audit(&identity("machine", MACHINE), "approve").await;
        let machine = present(&report, "machine");
        let told = machine.invalid.clone().unwrap_or_default();
        assert_eq!(machine.invalid.is_some(), early, "{told}");
        assert_eq!(told.contains("`iat`"), early, "{told}");
        let denied = report.matrices.iter().flat_map(|matrix| &matrix.cells);
        let mut denied = denied.filter(|cell| cell.identity == "machine");
        // Its refusals are no sign of a scope that is enforced.
        assert!(!early || denied.all(|cell| cell.access != Access::Denied));
        assert_eq!(present(&report, "witness").invalid, None);
    }
}
