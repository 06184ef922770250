//! Where findings are shown by tools that know files only: the line of the configuration they are
//! about, else the one that names the target, else an artefact that stands for the server.

use serde_json::{Value, json};

use crate::model::place::Place;
use crate::model::report::Report;
use crate::model::verdict::Finding;

use super::{facts, safe};

/// The file and line a finding belongs to; none when only a flag names the target.
pub(super) fn place<'a>(report: &'a Report, finding: &'a Finding) -> Option<&'a Place> {
    finding
        .place
        .as_ref()
        .or(report.engagement.named_at.as_ref())
}

/// The place of a finding in SARIF: code scanning refuses results without one.
pub(super) fn physical(report: &Report, finding: &Finding) -> Value {
    let (uri, line) = match place(report, finding) {
        Some(place) => (uri(&place.path), place.line.max(1)),
        None => (server(report), 1),
    };
    json!({
        "artifactLocation": { "uri": uri },
        "region": { "startLine": line },
    })
}

/// What the places name, each once: the server always, so that its artefact stays the same.
pub(super) fn artifacts(report: &Report) -> Vec<Value> {
    let mut artifacts = vec![json!({
        "location": { "uri": server(report) },
        "description": { "text": "Stands for the audited server, which has no file here." },
    })];
    let accepted = report.accepted.iter().map(|item| &item.finding);
    let mut paths: Vec<&str> = report
        .findings
        .iter()
        .chain(accepted)
        .filter_map(|finding| place(report, finding))
        .map(|place| place.path.as_str())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    artifacts.extend(paths.into_iter().map(|path| {
        json!({
            "location": { "uri": uri(path) },
            "description": { "text": "The configuration of the audit." },
        })
    }));
    artifacts
}

/// The artefact that stands for a server.
fn server(report: &Report) -> String {
    let host = facts::host(report).replace(':', "_");
    let plain = host.chars().map(|c| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    });
    format!("mcp-server/{}", plain.take(NAME).collect::<String>())
}

/// A path as a URI reference (RFC 3986): relative ones stay relative to where the run was started,
/// which in a pipeline is the root of the repository.
fn uri(path: &str) -> String {
    let (scheme, path) = match path.strip_prefix('/') {
        Some(rest) => ("file:///", rest),
        None => ("", path.strip_prefix("./").unwrap_or(path)),
    };
    let mut text = scheme.to_owned();
    for byte in safe::fit_middle(path, LONG).bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

const NAME: usize = 200;
const LONG: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        for (path, expected) in [
            ("assay.toml", "assay.toml"),
            ("./ci/assay.toml", "ci/assay.toml"),
            ("/etc/a b/assay.toml", "file:///etc/a%20b/assay.toml"),
            ("../x%y#z?.toml", "../x%25y%23z%3F.toml"),
            ("c:é.toml", "c%3A%C3%A9.toml"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
