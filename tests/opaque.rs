//! What the audit says of wrong tokens where tokens are random strings: a verdict, or why there is none.

mod support;

use mcp_assay::checks;
use mcp_assay::model::report::CoverageRow;
use mcp_assay::model::verdict::Status;

use support::{behaviour, rehearse};

#[tokio::test]
async fn every_check_of_wrong_tokens_is_decided_or_says_why_not() {
    let rehearsal = rehearse(&behaviour("opaque-tokens")).await;
    let about_tokens = checks::all().iter().filter(|check| {
        let requirements = &check.page().requirements;
        requirements.iter().any(|row| row.starts_with("TOK-"))
    });
    let mut seen = 0;
    for check in about_tokens {
        seen += 1;
        let rows = &rehearsal.report.coverage;
        let row = rows.iter().find(|row| row.check == check.id).unwrap();
        let said = format!("{} {}: {}", row.check, row.status.as_str(), row.reason);
        match row.status {
            Status::Pass => assert!(!row.reason.is_empty(), "{said}"),
            Status::Inconclusive => assert!(row.decided_by.is_some(), "{said}"),
            Status::NotApplicable => assert!(explains(row), "{said}"),
            Status::Fail | Status::Warn | Status::Observed => panic!("{said}"),
        }
    }
    assert!(seen > 20, "{seen}");
}

/// The token's form is the reason, unless the question is not about its form.
fn explains(row: &CoverageRow) -> bool {
    row.reason.contains("not JSON Web Tokens") || OTHER_REASONS.contains(&row.check.as_str())
}

/// One server lists one issuer, and one has no gate that a second token could get round.
const OTHER_REASONS: [&str; 2] = ["issuer-keys-pooled", "second-token-decides"];
