//! Grants in which a person takes part.

use super::*;

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

/// Under which client ids, and with which redirect URI, the authorization endpoint was asked.
fn asked_in_front(report: &Report) -> Vec<(&str, &str)> {
    let channels = report.front_channels.iter();
    let clients = channels.flat_map(|channel| &channel.clients);
    clients
        .map(|it| (it.client_id.as_str(), it.redirect_uri.as_str()))
        .collect()
}

fn verdict_of<'r>(report: &'r Report, check: &str) -> (&'r str, &'r str) {
    let row = report.coverage.iter().find(|row| row.check == check);
    let row = row.unwrap();
    (row.status.as_str(), row.reason.as_str())
}

#[tokio::test]
async fn the_client_of_an_identity_that_signs_in_is_asked_for_before_the_login() {
    for (knobs, found) in [
        ("", "PASS"),
        ("[front]\nchallenge = \"optional\"\n", "FAIL"),
    ] {
        let bench = Bench::start(knobs).await;
        let report = bench.audit(&identity("person", BROWSER), "approve").await;
        let loopback = "http://127.0.0.1:53682/callback";
        assert_eq!(asked_in_front(&report), [("demo-cli", loopback)]);
        let (status, reason) = verdict_of(&report, "pkce-not-required");
        assert_eq!(status, found, "{reason}");
    }
}

#[tokio::test]
async fn a_client_is_asked_for_where_its_identity_names_the_redirect_uri_and_else_is_not() {
    let bench = Bench::start("").await;
    let report = bench.audit(&identity("user", REFRESHED), "approve").await;
    assert!(asked_in_front(&report).is_empty());
    let (status, reason) = verdict_of(&report, "pkce-not-required");
    assert!(
        status == "INCONCLUSIVE" && reason.contains("`demo-cli` of `user`"),
        "{status}: {reason}"
    );
    let named = format!("{REFRESHED}redirect_uri = \"http://127.0.0.1/callback\"\n");
    let report = bench.audit(&identity("user", &named), "approve").await;
    let (status, reason) = verdict_of(&report, "pkce-not-required");
    assert_eq!(status, "PASS", "{reason}");
}
