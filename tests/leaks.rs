//! No secret leaves in a report, whatever the encoding.
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
use mcp_assay::model::identity::{IdentityKind, Provenance};
use mcp_assay::report::{Format, Style, render};

use support::{behaviour, rehearse};

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
async fn no_token_secret_or_session_appears_in_any_report() {
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
    ] {
        let behaviour: Behaviour = behaviour(name);
        let rehearsal = rehearse(&behaviour).await;
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
        let mut written = Vec::new();
        for format in Format::ALL {
            written.push(render(format, &rehearsal.report, &Style::default()).expect("renders"));
        }
        written.push(format!("{:?}", rehearsal.report).into_bytes());
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
    for name in ["every-token-kind", "api-keys", "embedded-key-accepted"] {
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
            if derived.contains(&exchange.identity.as_str()) {
                sent += 1;
                let url = &exchange.request.url;
                assert!(url.starts_with(&rehearsal.running.mcp_url), "{name}: {url}");
            }
        }
        assert!(sent > 0, "{name}: no derived token was sent at all");
    }
}
