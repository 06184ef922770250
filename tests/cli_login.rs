//! `mcp-assay login` as an operator sees it.
#![cfg(unix)]
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

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use mcp_assay::demo;

use support::behaviour;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-assay"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the command while somebody signs in at the address that it prints.
async fn signed_in(arguments: Vec<String>) -> Output {
    let handle = tokio::runtime::Handle::current();
    let run = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut child = command(&arguments).spawn().expect("the command starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr"));
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).expect("text") == 0 {
                break;
            }
            if let Some(at) = line
                .find("http://")
                .filter(|_| line.contains("/authorize?"))
            {
                let page = line[at..].trim().to_owned();
                handle
                    .block_on(demo::visitor::visit(&page, "approve"))
                    .expect("somebody signs in");
            }
            seen.push_str(&line);
        }
        lines.read_to_string(&mut seen).expect("text");
        let mut output = child.wait_with_output().expect("it ends");
        output.stderr = seen.into_bytes();
        output
    };
    tokio::task::spawn_blocking(run).await.expect("it runs")
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&it| it.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_goes_into_the_file_and_nowhere_else() {
    let running = demo::start(&behaviour("login")).await.expect("servers");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    let shown = path.display().to_string();
    let url = running.mcp_url.clone();
    let arguments = arguments_of(&url, &shown);
    let output = signed_in(owned(&arguments)).await;
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let token = std::fs::read_to_string(&path).expect("the token");
    assert!(token.starts_with("eyJ"));
    assert!(!stdout.contains(token.trim()) && !stderr.contains(token.trim()));
    let mode = std::fs::metadata(&path)
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(stdout.contains("notes:read"), "{stdout}");
    // A second run must not replace it unasked.
    let again = move || command(&arguments_of(&url, &shown)).output();
    let again = tokio::task::spawn_blocking(again);
    let again = again.await.expect("it runs").expect("it ends");
    assert_eq!(again.status.code(), Some(2));
    assert!(texts(&again).1.contains("--force"));
    assert_eq!(std::fs::read_to_string(&path).expect("the token"), token);
}

fn arguments_of<'a>(url: &'a str, path: &'a str) -> [&'a str; 6] {
    [
        "login",
        url,
        "--client-id",
        "demo-cli",
        "--token-file",
        path,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_file_the_token_is_given_back() {
    let running = demo::start(&behaviour("login-registered"))
        .await
        .expect("servers");
    let arguments = [
        "login",
        &running.mcp_url,
        "--allow",
        "register",
        "--no-browser",
    ];
    let output = signed_in(owned(&arguments)).await;
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stdout.contains("registered for this run"), "{stdout}");
    assert!(stdout.contains("given back"), "{stdout}");
    assert!(!stderr.contains("Left behind"), "{stderr}");
    assert_eq!(running.registered_clients(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_signs_in_and_asks_for_further_codes() {
    let running = demo::start(&behaviour("code-replay-accepted"))
        .await
        .expect("servers");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.json");
    let report = format!("json={}", path.display());
    let arguments = [
        "audit",
        &running.mcp_url,
        "--login=visitor",
        "--client-id",
        "demo-cli",
        "--login-grace",
        "0",
        "-r",
        &report,
    ];
    let output = signed_in(owned(&arguments)).await;
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("Approve once more, 2 of 5"), "{stderr}");
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).expect("a report")).expect("JSON");
    let findings = report["findings"].to_string();
    assert!(findings.contains("code-replay-accepted"), "{findings}");
    assert_eq!(report["logins"][0]["identity"], "visitor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_and_no_client_end_in_words_and_code_3() {
    let running = demo::start(&behaviour("login")).await.expect("servers");
    let url = running.mcp_url.clone();
    let run = move || {
        let idle = [
            "login",
            &url,
            "--client-id",
            "demo-cli",
            "--login-timeout",
            "1",
        ];
        let idle = command(&idle).output().expect("it ends");
        let clientless = command(&["login", &url]).output().expect("it ends");
        let stray = command(&["audit", &url, "--device"])
            .output()
            .expect("it ends");
        (idle, clientless, stray)
    };
    let (idle, clientless, stray) = tokio::task::spawn_blocking(run).await.expect("it runs");
    assert_eq!(idle.status.code(), Some(3));
    assert!(
        texts(&idle)
            .1
            .contains("nobody finished the login within 1 s")
    );
    assert_eq!(clientless.status.code(), Some(3));
    assert!(texts(&clientless).1.contains("--client-id"));
    assert_eq!(stray.status.code(), Some(2));
    assert!(texts(&stray).1.contains("add `--login`"));
}
