//! Whole audits of the peers: what the report says must be what the manifest says, and no tool that
//! writes may have run.

use std::collections::BTreeSet;

use mcp_assay::model::client_documents::Reception;
use mcp_assay::model::grant::{ClientAuth, ClientProof, Grant, GrantRequest, OAuthClient};
use mcp_assay::model::identity::IdentityKind;
use mcp_assay::model::probe::Tier;
use mcp_assay::model::report::Report;
use mcp_assay::model::settings::{Callback, CredentialSource, IdentitySource, Settings, ToolRule};
use mcp_assay::rehearsal;
use serde_json::Value;

use crate::harness::{Outcome, Running, named};
use crate::manifest::{Identity, Role};

/// Fixed, so that run id and canaries repeat.
pub const SEED: [u8; 32] = *b"a fixed seed for auditing peers!";

/// Audits a peer, and where its manifest tells how it treats registrations a second time with consent
/// to register; lists every disagreement.
pub async fn disagreements(name: &str) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let registers = named(name)?.expected()?.registration.is_some();
    for consent in [false, true].into_iter().take(1 + usize::from(registers)) {
        let peer = named(name)?.start()?;
        let settings = settings(&peer, consent)?;
        let before = peer.clients()?;
        let started = jiff::Timestamp::now().to_string();
        let report = rehearsal::audit_url(&peer.expected.url, &settings, SEED, &started).await?;
        summary(name, consent, &report);
        answers(&peer, consent, &report, &mut found);
        if consent {
            documents(&peer, &report, &mut found);
        } else {
            cells(&peer, &report, &mut found);
            checks(&peer, &report, &mut found);
        }
        if peer.expected.counts_executions {
            for (tool, count) in peer.executed()? {
                if WRITES.contains(&tool.as_str()) && count > 0 {
                    found.push(format!("`{tool}` ran {count} times"));
                }
            }
        }
        left_behind(&peer.clients()?, &before, &report, &mut found);
        if !report.residue.iter().all(|item| item.kind != "session") {
            found.push(format!("sessions left open: {:?}", report.residue));
        }
    }
    Ok(found)
}

fn summary(name: &str, consent: bool, report: &Report) {
    let tools = &report.answers.tools;
    println!(
        "{name} (register: {consent}): {} requests, {} of {} cells decided, {} {:?}, registration {}",
        report.requests.total,
        report.outcome.decided_cells,
        report.outcome.cells,
        tools.enforcement.as_str(),
        tools.confidence,
        report.answers.clients.registration.posture.as_str(),
    );
}

fn answers(peer: &Running, consent: bool, report: &Report, found: &mut Vec<String>) {
    let expect = &peer.expected.expect;
    let posture = report.answers.clients.registration.posture.as_str();
    let wanted = if consent {
        &expect.registration_with_register
    } else {
        &expect.registration
    };
    if !wanted.iter().any(|word| word == posture) {
        let reason = &report.answers.clients.registration.reason;
        found.push(format!(
            "registration (consent {consent}) is {posture}, expected {wanted:?}: {reason}"
        ));
    }
    let enforcement = report.answers.tools.enforcement.as_str();
    if !expect.enforcement.iter().any(|word| word == enforcement) {
        let sentence = &report.answers.tools.sentence;
        found.push(format!(
            "enforcement is {enforcement}, expected {:?}: {sentence}",
            expect.enforcement
        ));
    }
}

/// Nothing but what the manifest names goes on with a faulty document.
fn documents(peer: &Running, report: &Report, found: &mut Vec<String>) {
    let Some(expected) = &peer.expected.documents else {
        return;
    };
    let Some(seen) = report.client_documents.first() else {
        found.push("no documents were offered".to_owned());
        return;
    };
    if seen.admission.as_str() != expected.admission {
        found.push(format!(
            "documents: {}, expected {}: {}",
            seen.admission.as_str(),
            expected.admission,
            seen.reason
        ));
    }
    for attempt in &seen.attempts {
        let name = attempt.variant.as_str();
        let sound = ["good", "good-again"].contains(&name);
        let goes_on = sound || expected.lenient.iter().any(|it| it == name);
        let wanted = if goes_on {
            Reception::GoesOn
        } else {
            Reception::Refused
        };
        let free = expected.unspecified.iter().any(|it| it == name);
        if !free && attempt.reception != wanted {
            found.push(format!(
                "{name} is {:?}, expected {wanted:?}: {}",
                attempt.reception, attempt.what
            ));
        }
    }
}

fn cells(peer: &Running, report: &Report, found: &mut Vec<String>) {
    let Some(matrix) = report.matrices.first() else {
        found.push(format!("no matrix: {:?}", report.discovery.unusable));
        return;
    };
    for (subject, row) in &peer.expected.expect.cells {
        for (identity, words) in row {
            let cell = matrix
                .cells
                .iter()
                .find(|c| c.subject == *subject && c.identity == *identity);
            let access = cell.map_or("missing", |cell| cell.access.as_str());
            if !words.iter().any(|word| word == access) {
                let why =
                    cell.map(|cell| format!("{:?} {:?} {:?}", cell.class, cell.rule, cell.reason));
                found.push(format!(
                    "{subject} × {identity} is {access}, expected {words:?}: {why:?}"
                ));
            }
        }
    }
    for cell in &matrix.cells {
        for word in peer.expected.false_words(&cell.subject, &cell.identity) {
            if cell.access.as_str() == word {
                found.push(format!(
                    "{} × {} is {word}, which is false ({:?})",
                    cell.subject, cell.identity, cell.rule
                ));
            }
        }
    }
}

/// What the server's own list has more than before must be what the residue names.
fn left_behind(
    after: &BTreeSet<String>,
    before: &BTreeSet<String>,
    report: &Report,
    found: &mut Vec<String>,
) {
    let named: BTreeSet<&String> = report
        .residue
        .iter()
        .filter(|item| item.kind == "client")
        .map(|item| &item.name)
        .collect();
    let left: BTreeSet<&String> = after.difference(before).collect();
    println!(
        "  {} client(s) left, {} named as residue",
        left.len(),
        named.len()
    );
    if left != named {
        found.push(format!(
            "the server keeps the clients {left:?}, the residue names {named:?}"
        ));
    }
}

fn checks(peer: &Running, report: &Report, found: &mut Vec<String>) {
    for (id, words) in &peer.expected.expect.checks {
        let row = report.coverage.iter().find(|row| row.check == *id);
        let status = row.map_or("missing", |row| row.status.as_str());
        if !words.iter().any(|word| word == status) {
            let reason = row.map(|row| &row.reason);
            found.push(format!("{id} is {status}, expected {words:?}: {reason:?}"));
        }
    }
}

/// The settings of an audit as the manifest has them.
pub fn settings(peer: &Running, consent: bool) -> Outcome<Settings> {
    let mut settings = rehearsal::defaults(&SEED);
    if consent {
        settings.tiers.insert(Tier::Register);
    }
    if let Some(documents) = &peer.expected.documents {
        settings.callback = Callback {
            base: Some(documents.base.parse()?),
            listen: documents.listen.parse()?,
        };
    }
    for identity in &peer.expected.identities {
        settings.identities.push(source(peer, identity)?);
    }
    for (subject, arguments) in &peer.expected.arguments {
        if let Some(name) = subject.strip_prefix("tool/") {
            settings.tools.push(ToolRule {
                name: name.to_owned(),
                arguments: Some(Value::Object(arguments.clone())),
                safe: None,
                ..ToolRule::default()
            });
        }
    }
    Ok(settings)
}

fn source(peer: &Running, identity: &Identity) -> Outcome<IdentitySource> {
    let scopes: BTreeSet<String> = identity.scopes.iter().cloned().collect();
    let credential = match &identity.client_credentials {
        Some(client) if !client.given => CredentialSource::Grant(GrantRequest {
            grant: Grant::ClientCredentials,
            client: OAuthClient {
                id: client.client_id.clone(),
                proof: ClientProof::Secret {
                    secret: client.client_secret.clone().into(),
                    auth: match client.method.as_str() {
                        "client_secret_post" => ClientAuth::Post,
                        _ => ClientAuth::Basic,
                    },
                },
            },
            issuer: None,
            resource: (identity.role == Role::ForeignAudience).then(|| client.resource.clone()),
            dpop: None,
        }),
        _ => CredentialSource::Token {
            source: "manifest".to_owned(),
            token: peer.token(identity)?.trim().to_owned().into(),
        },
    };
    Ok(IdentitySource {
        name: identity.name.clone(),
        kind: match identity.role {
            Role::Operator => IdentityKind::Valid,
            Role::ForeignAudience => IdentityKind::ForeignAudience,
            Role::Expired => IdentityKind::Expired,
        },
        privileged: identity.privileged,
        header: None,
        scopes: Some(scopes),
        credential,
    })
}

/// Tools of the peers that change something.
const WRITES: &[&str] = &["create_note", "delete_note"];
