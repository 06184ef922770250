//! Clients that show a certificate at an authorization server that we did not write (RFC 8705 §2): one
//! whose certificate is registered, one whose certificate has the registered name, and a stranger's.

use std::fs;
use std::path::Path;

use mcp_assay::model::probe::ProbeId;

use crate::grants::{audit, left, section};
use crate::harness::{Outcome, named};
use crate::person::Decision;

/// What the provider gave to whom.
pub async fn disagreements() -> Outcome<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let (own, strange) = write_certificates(folder.path())?;
    let path = folder.path().to_string_lossy();
    let peer = named("oidc-opaque")?.start_with(&[("none", &path)])?;
    let mut text = format!("[network]\ncacert = \"{path}/server.pem\"\n");
    for (name, client, certificate) in [
        ("registered", "by-certificate", "OWN"),
        ("named", "by-subject", "OWN"),
        ("unregistered", "by-certificate", "STRANGE"),
        ("unnamed", "by-subject", "STRANGE"),
    ] {
        let asks = format!(
            "grant = \"client_credentials\"\nclient_id = \"{client}\"\nclient_certificate = \
             \"env:{certificate}\"\nscopes = [\"notes:read\"]"
        );
        text.push_str(&section(name, &asks));
    }
    let secrets = [("env:OWN", own), ("env:STRANGE", strange)];
    let report = audit(&peer, &text, Decision::Approve, secrets).await?;
    let mut found = Vec::new();
    for name in ["registered", "named"] {
        let identity = report.identities.named(name);
        let granted = identity.and_then(|identity| identity.granted.as_ref());
        if granted.is_none_or(|granted| granted.iter().ne(["notes:read"])) {
            let missing = &report.identities.missing;
            found.push(format!("{name} was granted {granted:?}: {missing:?}"));
        }
        let matrix = report.matrices.first();
        let mut cells = matrix.iter().flat_map(|matrix| &matrix.cells);
        let opened = cells.any(|cell| {
            cell.identity == name
                && cell.subject == "tool/read_note"
                && cell.access.as_str() == "allowed"
        });
        if !opened {
            found.push(format!("{name} did not open read_note"));
        }
    }
    for name in ["unregistered", "unnamed"] {
        let mut missing = report.identities.missing.iter();
        let reason = missing.find(|it| it.name == name).map(|it| &it.reason);
        println!("  {name}: {reason:?}");
        let said = [
            "HTTP 401 invalid_client",
            "that the certificate is registered",
        ];
        if reason.is_none_or(|reason| said.iter().any(|part| !reason.contains(part))) {
            found.push(format!("{name}: {reason:?}, expected it to say {said:?}"));
        }
    }
    let asked = report
        .ledger
        .iter()
        .filter(|it| it.probe.id == ProbeId::MintToken);
    for exchange in asked {
        let body = exchange.request.body.as_ref().map(|body| body.bytes());
        let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        if !body.contains("client_id=by-") || body.contains("client_secret") {
            found.push(format!("a certificate came with `{body}`"));
        }
    }
    left(&report, &peer.tokens()?, &mut found);
    Ok(found)
}

/// The server's certificate, its clients', and one that nobody registered; the last two with their keys.
fn write_certificates(folder: &Path) -> Outcome<(String, String)> {
    let server = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    fs::write(folder.join("server.pem"), server.cert.pem())?;
    fs::write(
        folder.join("server-key.pem"),
        server.signing_key.serialize_pem(),
    )?;
    let own = rcgen::generate_simple_self_signed(["machine.notes.invalid".to_owned()])?;
    fs::write(folder.join("client.pem"), own.cert.pem())?;
    // The same name, by nobody whom the server trusts.
    let strange = rcgen::generate_simple_self_signed(["machine.notes.invalid".to_owned()])?;
    let both = |made: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem())
    };
    Ok((both(&own), both(&strange)))
}
