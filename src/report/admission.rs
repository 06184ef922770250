//! The table's block on admission: each way a client gets in, with what stands in front of it.

use crate::model::report::{AdmissionPath, ClientsAnswer, Report};

use super::text::{Page, Tone};
use super::words;

/// Writes the block; a target that could not be audited has none.
pub(super) fn write(page: &mut Page, report: &Report) {
    if report.discovery.unusable.is_some() {
        return;
    }
    let clients = &report.answers.clients;
    page.section("WAYS IN FOR A CLIENT");
    page.blank();
    for path in &clients.paths {
        way(page, path);
    }
    registration(page, clients);
    row(page, "specification", Tone::Muted, &clients.specification);
}

fn way(page: &mut Page, path: &AdmissionPath) {
    let tone = match path.gate.as_str() {
        "none" => Tone::Bad,
        "not determined" | "consent only" => Tone::Caution,
        _ => Tone::Good,
    };
    let mut text = format!("gate: {}", path.gate);
    if let Some(issuer) = &path.issuer {
        text = format!("{text}; at {issuer}");
    }
    if let Some(first) = path.exchanges.first() {
        text = format!("{text} ({first})");
    }
    row(page, &path.path, tone, &text);
}

fn registration(page: &mut Page, clients: &ClientsAnswer) {
    let registration = &clients.registration;
    let posture = registration.posture;
    let text = format!("{}: {}", posture.as_str(), words::posture(posture));
    row(page, "posture", Tone::Plain, &text);
    let seen: Vec<String> = registration
        .exchanges
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut because = registration.reason.clone();
    if !seen.is_empty() {
        because = format!("{because} ({})", seen.join(", "));
    }
    row(page, "because", Tone::Plain, &because);
    let mut label = "limits";
    for limit in &registration.hardening {
        let (word, tone) = match limit.held {
            Some(true) => ("holds", Tone::Good),
            Some(false) => ("does not hold", Tone::Bad),
            None => ("not seen", Tone::Muted),
        };
        row(page, label, tone, &format!("{}: {word}", limit.what));
        label = "";
    }
}

fn row(page: &mut Page, label: &str, tone: Tone, text: &str) {
    page.pair(2, LABEL, (Tone::Muted, label), (tone, text));
}

/// Columns for the longest way in.
const LABEL: usize = 30;
