//! Tokens that are asked for another server: they show who verifies the audience, and only when they are
//! for that server alone.

use mcp_assay::model::verdict::Status;

use super::{Bench, MACHINE, asked, identity, missing, present};

#[tokio::test]
async fn a_token_for_a_sibling_is_asked_for_and_tells_who_verifies_the_audience() {
    for (knobs, status) in [
        ("", Status::Pass),
        ("[resource]\naudience = \"ignored\"\n", Status::Fail),
    ] {
        let bench = Bench::start(knobs).await;
        let sibling = bench.running.mcp_url.replace("/mcp", "/other");
        let foreign = format!("{MACHINE}kind = \"foreign-audience\"\nresource = \"{sibling}\"\n");
        let text = identity("machine", MACHINE) + &identity("sibling", &foreign);
        let report = bench.audit(&text, "approve").await;
        let token = present(&report, "sibling");
        assert_eq!(token.claims.as_ref().unwrap().audience, [sibling.as_str()]);
        let body = asked(&report, "sibling").remove(0);
        assert!(
            body.contains("resource=") && body.contains("other"),
            "{body}"
        );
        let check = "foreign-audience-accepted";
        let row = report.coverage.iter().find(|row| row.check == check);
        assert_eq!(row.unwrap().status, status, "{}", row.unwrap().reason);
    }
}

#[tokio::test]
async fn a_token_for_this_server_does_not_pass_for_one_of_a_sibling() {
    let bench = Bench::start("").await;
    let own = &bench.running.mcp_url;
    let foreign = format!("{MACHINE}kind = \"foreign-audience\"\nresource = \"{own}\"\n");
    let report = bench.audit(&identity("sibling", &foreign), "approve").await;
    let reason = missing(&report, "sibling");
    assert!(reason.contains("the audited server itself"), "{reason}");
    let row = report
        .coverage
        .iter()
        .find(|row| row.check == "foreign-audience-accepted");
    assert_eq!(row.unwrap().status, Status::Inconclusive);
    // It was given back.
    assert!(report.residue.is_empty(), "{:?}", report.residue);
}
