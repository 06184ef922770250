//! No secret leaves in a report or in the evidence, whatever the encoding.
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

use base64::Engine;
use mcp_assay::demo::Behaviour;
use mcp_assay::evidence::Folder;
use mcp_assay::model::identity::{IdentityKind, Provenance};
use mcp_assay::rehearsal;
use mcp_assay::report::{Format, Style, render};

use support::{SEED, behaviour, rehearse};

fn encodings(secret: &str) -> Vec<String> {
    let standard = base64::engine::general_purpose::STANDARD.encode(secret);
    let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret);
    let form = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
    let json = serde_json::to_string(secret).unwrap_or_default();
    vec![
        secret.to_owned(),
        standard,
        url_safe,
        form,
        json.trim_matches('"').to_owned(),
    ]
}

#[tokio::test]
async fn no_token_secret_or_session_appears_in_any_report_or_file() {
    for name in [
        "compliant",
        "registration-open",
        "every-revision",
        "opaque-tokens",
        "api-keys",
        "denial-tool-error",
        "token-endpoint-extensions",
        "client-secret-not-checked",
        "client-assertion-stale-accepted",
        "login-behind-redirect",
        "consent-skipped-by-proxy",
        "certificate-bound-token-compared",
    ] {
        let behaviour: Behaviour = behaviour(name);
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("run");
        let begun = Folder::begin(&folder, None).expect("a folder");
        let started = jiff::Timestamp::now().to_string();
        let rehearsal = rehearsal::rehearse_into(&behaviour, SEED, &started, Some(begun))
            .await
            .expect("the embedded servers start");
        let mut canaries: Vec<String> = rehearsal
            .running
            .tokens
            .iter()
            .map(|token| token.value.clone())
            .collect();
        canaries.extend(
            rehearsal
                .running
                .clients
                .iter()
                .map(|client| client.secret.clone()),
        );
        let certificate = rehearsal.running.certificate.as_deref().unwrap_or_default();
        let (_, key) = certificate
            .split_once("PRIVATE KEY-----")
            .unwrap_or_default();
        canaries.extend(
            key.lines()
                .filter(|line| line.len() > 20)
                .map(str::to_owned),
        );
        let mut written = Vec::new();
        for format in Format::ALL {
            written.push(render(format, &rehearsal.report, &Style::default()).expect("renders"));
        }
        written.push(format!("{:?}", rehearsal.report).into_bytes());
        for part in [folder.clone(), folder.join("bodies")] {
            let files = std::fs::read_dir(part).expect("the evidence");
            let files = files.map(|file| file.expect("a file").path());
            for file in files.filter(|path| path.is_file()) {
                written.push(std::fs::read(file).expect("it reads"));
            }
        }
        assert!(
            written.len() > 50,
            "{name}: the folder holds more than that"
        );
        assert!(!canaries.is_empty());
        for bytes in &written {
            let text = String::from_utf8_lossy(bytes);
            for canary in &canaries {
                for form in encodings(canary) {
                    assert!(
                        !text.contains(&form),
                        "{name}: a secret appears in a report"
                    );
                }
                // The signature alone would let a reader complete a known payload.
                if let Some((_, signature)) = canary.rsplit_once('.') {
                    assert!(
                        !text.contains(signature),
                        "{name}: a signature appears in a report"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn derived_tokens_go_to_the_target_alone() {
    for name in [
        "every-token-kind",
        "api-keys",
        "opaque-tokens",
        "opaque-token-compared-in-part",
        "embedded-key-accepted",
        "embedded-certificate-accepted",
        "key-address-trusted",
        "introspection-open",
    ] {
        let rehearsal = rehearse(&behaviour(name)).await;
        let report = &rehearsal.report;
        let present = &report.identities.present;
        let derived: Vec<&str> = present
            .iter()
            .filter(|identity| matches!(&identity.provenance, Provenance::Derived { .. }))
            .filter(|identity| identity.kind != IdentityKind::Anonymous)
            .map(|identity| identity.name.as_str())
            .collect();
        let mut sent = 0;
        for exchange in report.ledger.iter() {
            let to_target = exchange.request.url.starts_with(&rehearsal.running.mcp_url);
            let request = format!("{:?}", exchange.request);
            for identity in derived.iter().filter(|_| !to_target) {
                // The label that stands for a token wherever it goes, in a field or in a body.
                let label = format!("{{token-{identity}}}");
                assert!(!request.contains(&label), "{name}: {request}");
            }
            if derived.contains(&exchange.identity.as_str()) {
                sent += 1;
                let url = &exchange.request.url;
                assert!(url.starts_with(&rehearsal.running.mcp_url), "{name}: {url}");
            }
        }
        assert!(sent > 0, "{name}: no derived token was sent at all");
        // Whoever fetches a key of the run hands nothing on.
        let offers = report.key_documents.iter().flat_map(|it| &it.offers);
        for fetch in offers.flat_map(|offer| &offer.fetches) {
            let mut fields = fetch.headers.iter();
            assert!(!fields.any(|field| field.eq_ignore_ascii_case("authorization")));
        }
    }
}

#[tokio::test]
async fn a_certificate_for_the_target_goes_nowhere_else() {
    let rehearsal = rehearse(&behaviour("certificate-bound-token-compared")).await;
    let (target, authority) = rehearsal.running.certificates_shown();
    assert!(target > 0, "it was not shown at all");
    assert_eq!(authority, 0);
}
