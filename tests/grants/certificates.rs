//! Tokens that are bound to a client certificate, and the certificate that the target may see.

use mcp_assay::model::matrix::Access;
use mcp_assay::model::report::CoverageRow;
use mcp_assay::model::verdict::Status;

use super::*;

fn row(report: &Report) -> &CoverageRow {
    row_of(report, "certificate-bound-token-accepted")
}

fn row_of<'a>(report: &'a Report, check: &str) -> &'a CoverageRow {
    let mut rows = report.coverage.iter();
    rows.find(|row| row.check == check).expect("the check")
}

fn shown(report: &Report) -> usize {
    let asked = report.ledger.iter();
    asked
        .filter(|it| it.probe.id == ProbeId::BoundCertificate)
        .count()
}

async fn audited(binding: &str, certificate: Option<&str>) -> (Bench, Report) {
    audited_with(binding, "", certificate).await
}

async fn audited_with(binding: &str, knobs: &str, certificate: Option<&str>) -> (Bench, Report) {
    let knobs = format!("{knobs}[token_endpoint]\nbinding = \"{binding}\"\n");
    let mut bench = Bench::start(&knobs).await;
    let other = rcgen::generate_simple_self_signed(["stranger".to_owned()]).unwrap();
    let pem = format!("{}{}", other.cert.pem(), other.signing_key.serialize_pem());
    bench
        .secrets
        .insert("env:OTHER_CERTIFICATE".to_owned(), pem);
    let given = certificate.map(|source| format!("target_certificate = \"env:{source}\""));
    let text = identity(
        "machine",
        &format!("{MACHINE}{}", given.unwrap_or_default()),
    );
    let flags = Flags {
        insecure: true,
        ..Flags::default()
    };
    let report = bench.audit_with(&text, flags, "approve").await;
    (bench, report)
}

#[tokio::test]
async fn the_certificate_of_the_configuration_is_compared_with_none_and_with_another() {
    for (binding, expected) in [
        ("certificate-compared", Status::Pass),
        ("certificate-any", Status::Warn),
    ] {
        let (bench, report) = audited(binding, Some("CERTIFICATE")).await;
        assert_eq!(row(&report).status, expected, "{}", row(&report).reason);
        assert_eq!(shown(&report), 4);
        assert_eq!(bench.running.certificates_shown().1, 0);
        // The token comes with its certificate everywhere, and so do its broken copies.
        let cells = report.matrices.iter().flat_map(|matrix| &matrix.cells);
        let mut own = cells.filter(|cell| cell.identity == "machine");
        assert!(own.any(|cell| cell.access == Access::Allowed), "{binding}");
        assert_eq!(
            row_of(&report, "tampered-token-accepted").status,
            Status::Pass
        );
    }
}

#[tokio::test]
async fn no_certificate_is_shown_unasked_and_a_wrong_one_decides_nothing() {
    let (bench, report) = audited("certificate-compared", None).await;
    assert_eq!(row(&report).status, Status::Inconclusive);
    assert_eq!(bench.running.certificates_shown(), (0, 0));
    let decides = row(&report).decided_by.as_deref().unwrap_or_default();
    assert!(decides.contains("target_certificate"), "{decides}");

    let (_, report) = audited("certificate-compared", Some("OTHER_CERTIFICATE")).await;
    assert_eq!(row(&report).status, Status::Inconclusive);
    assert_eq!(shown(&report), 1);
}

#[tokio::test]
async fn a_copy_that_comes_with_the_certificate_of_its_model_is_refused_for_what_is_wrong_with_it()
{
    let lax = "[resource]\nsignature = \"ignored\"\n";
    let (_, report) = audited_with("certificate-compared", lax, Some("CERTIFICATE")).await;
    for check in ["tampered-token-accepted", "unsigned-token-accepted"] {
        assert_eq!(row_of(&report, check).status, Status::Fail, "{check}");
    }
    assert_eq!(row(&report).status, Status::Pass);
}
