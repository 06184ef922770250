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
