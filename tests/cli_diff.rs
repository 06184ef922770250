//! Two runs against one server: the comparison, and the baseline that gates a pipeline.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may stop")]
#![cfg(unix)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mcp_assay::demo::{self, Running};
use serde_json::Value;

use support::behaviour;

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_lets_known_findings_pass_and_new_ones_fail() {
    let running = demo::start(&behaviour("hidden-tool-callable"))
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first.json");
    let (code, report) = audit(&running, &first, &[]).await;
    assert_eq!(code, 1, "{report}");

    let known = first.display().to_string();
    let second = folder.path().join("second.json");
    let (code, report) = audit(&running, &second, &["--baseline", &known]).await;
    assert_eq!(code, 0, "{}", report["outcome"]);
    let meaning = report["outcome"]["meaning"].as_str().unwrap();
    assert!(meaning.contains("new or worse"), "{meaning}");
    // The findings stay in the report: a baseline hides nothing.
    assert!(!report["findings"].as_array().unwrap().is_empty());

    let clean = folder.path().join("clean.json");
    without_findings(&first, &clean);
    let known = clean.display().to_string();
    let (code, report) = audit(&running, &second, &["--baseline", &known]).await;
    assert_eq!(code, 1, "{}", report["outcome"]);

    let same = diff(&[&first, &first], &[]);
    assert_eq!(same.status.code(), Some(0));
    let worse = diff(&[&clean, &first], &["--format", "json"]);
    assert_eq!(worse.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&worse.stdout).unwrap();
    assert!(!json["regressions"].as_array().unwrap().is_empty());
    let forgiven = diff(&[&clean, &first], &["--exit-zero"]);
    assert_eq!(forgiven.status.code(), Some(0));
    running.shutdown().await;
}

#[test]
fn what_is_no_report_or_of_another_server_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let nonsense = folder.path().join("nonsense.json");
    std::fs::write(&nonsense, "{}").unwrap();
    let output = diff(&[&nonsense, &nonsense], &[]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("is no report") && text.contains("--report json=PATH"),
        "{text}"
    );

    let missing = folder.path().join("missing.json");
    let output = diff(&[&missing, &nonsense], &[]);
    assert_eq!(output.status.code(), Some(2));

    let path = nonsense.display().to_string();
    let output = binary()
        .args(["audit", "http://127.0.0.1:9/mcp", "--baseline", &path])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_of_another_server_is_refused() {
    let running = demo::start(&behaviour("compliant")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    audit(&running, &report, &[]).await;
    running.shutdown().await;
    let path = report.display().to_string();
    let output = binary()
        .args(["audit", "http://127.0.0.1:9/mcp", "--baseline", &path])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("--baseline") && text.contains("same server"),
        "{text}"
    );
}

#[test]
fn several_forms_are_written_in_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary();
    command.args(["demo", "compliant"]);
    let forms = [
        "json", "sarif", "junit", "markdown", "html", "github", "har", "oscal", "brief",
    ];
    for form in forms {
        let path = folder.path().join(form);
        command.args(["-r", &format!("{form}={}", path.display())]);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
    for form in forms {
        let text = std::fs::read_to_string(folder.path().join(form)).unwrap();
        assert!(text.len() > 100, "{form}");
    }
}

async fn audit(running: &Running, path: &Path, more: &[&str]) -> (i32, Value) {
    let mut command = binary();
    command.args(["audit", &running.mcp_url, "-r"]);
    command.arg(format!("json={}", path.display()));
    for name in ["reader", "admin"] {
        let token = running.token(name).unwrap();
        let variable = format!("{}_TOKEN", name.to_uppercase());
        command.args(["-i", &format!("{name}=env:{variable}")]);
        command.env(variable, &token.value);
    }
    command.args(more);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let code = output.await.unwrap().status.code().unwrap_or(-1);
    let text = std::fs::read_to_string(path).unwrap_or_default();
    (code, serde_json::from_str(&text).unwrap_or_default())
}

fn diff(paths: &[&PathBuf; 2], more: &[&str]) -> Output {
    binary()
        .arg("diff")
        .args(paths)
        .args(more)
        .output()
        .unwrap()
}

/// The same report as if nothing had been found.
fn without_findings(from: &Path, to: &Path) {
    let text = std::fs::read_to_string(from).unwrap();
    let mut json: Value = serde_json::from_str(&text).unwrap();
    json.as_object_mut()
        .unwrap()
        .insert("findings".to_owned(), Value::Array(Vec::new()));
    std::fs::write(to, json.to_string()).unwrap();
}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-assay"));
    command
        .env_clear()
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}
