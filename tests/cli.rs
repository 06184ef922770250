//! The binary: exit codes, messages and reports for every way a run can go wrong.
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
#![cfg(unix)]

#[path = "cli/comfort.rs"]
mod comfort;
#[path = "cli/repeat.rs"]
mod repeat;
mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use mcp_assay::demo::raw::{RawScript, RawServer};
use mcp_assay::demo::{self, Running};
use serde_json::Value;

use support::{behaviour, variation};

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-assay"));
    command
        .env_clear()
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    binary().args(args).output().expect("the binary runs")
}

async fn audit(url: &str, more: &[&str], env: &[(&str, &str)]) -> (i32, Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.json");
    let report = format!("json={}", path.display());
    let mut command = binary();
    command
        .args([
            "audit",
            url,
            "--timeout",
            "2",
            "--connect-timeout",
            "2",
            "-r",
            &report,
        ])
        .args(more);
    command.envs(env.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().expect("the binary runs"))
        .await
        .expect("the binary ends");
    (
        output.status.code().unwrap_or(-1),
        read(&path),
        stderr(&output),
    )
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn wrong_usage_ends_with_2_and_names_place_and_remedy() {
    let cases: &[(&[&str], &str)] = &[
        (&["audit", "mcp.example.com"], "is not a URL"),
        (
            &["audit", "ftp://mcp.example.com/"],
            "not an http or https URL",
        ),
        (&["audit"], "no target given"),
        (
            &[
                "audit",
                "https://x.invalid/mcp",
                "-i",
                "reader=env:NOT_SET_ANYWHERE",
            ],
            "env:NOT_SET_ANYWHERE is not set",
        ),
        (
            &[
                "audit",
                "https://x.invalid/mcp",
                "-i",
                "reader=file:/does/not/exist",
            ],
            "file:/does/not/exist cannot be read",
        ),
        (
            &[
                "audit",
                "https://x.invalid/mcp",
                "-i",
                "reader=topsecretvalue",
            ],
            "refused",
        ),
        (
            &[
                "audit",
                "https://x.invalid/mcp",
                "-c",
                "/does/not/exist.toml",
            ],
            "/does/not/exist.toml",
        ),
        (
            &["audit", "https://x.invalid/mcp", "-r", "pdf=x"],
            "is not a report format",
        ),
        (
            &[
                "audit",
                "https://x.invalid/mcp",
                "--check",
                "registration-opn",
            ],
            "did you mean",
        ),
        (
            &[
                "audit",
                "https://x.invalid/mcp",
                "--cacert",
                "/does/not/exist.pem",
            ],
            "/does/not/exist.pem",
        ),
        (&["explain", "nonsense"], "is not a check"),
        (&["demo", "nonsense"], "is not a behaviour"),
    ];
    for (args, expected) in cases {
        let output = run(args);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(expected), "{args:?}: {text}");
        assert!(
            !text.contains("topsecretvalue"),
            "a secret is repeated: {text}"
        );
    }
}

#[test]
fn an_empty_token_and_an_unknown_key_are_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("assay.toml");
    std::fs::write(
        &config,
        "[target]\nurl = \"https://x.invalid/mcp\"\nreviion = \"x\"\n",
    )
    .expect("written");
    let output = run(&["audit", "-c", &config.display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("line 3"), "{}", stderr(&output));
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").expect("written");
    let identity = format!("reader=file:{}", empty.display());
    let output = run(&["audit", "https://x.invalid/mcp", "-i", &identity]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is empty"), "{}", stderr(&output));
}

#[tokio::test]
async fn a_target_that_is_not_there_ends_with_3_and_still_reports() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|it| it.local_addr())
        .expect("a port")
        .port();
    let (code, report, _) = audit(&format!("http://127.0.0.1:{port}/mcp"), &[], &[]).await;
    assert_eq!(code, 3);
    let meaning = report
        .pointer("/outcome/meaning")
        .and_then(Value::as_str)
        .unwrap_or_default();
    assert!(meaning.contains("cannot be reached"), "{meaning}");
    assert!(
        report["coverage"]
            .as_array()
            .is_some_and(|rows| rows.len() > 40)
    );
}

#[tokio::test]
async fn a_target_that_is_no_mcp_server_ends_with_3_and_says_what_it_is() {
    let page =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>";
    let login = b"HTTP/1.1 302 Found\r\nLocation: https://login.example.invalid/in\r\nContent-Length: 0\r\n\r\n";
    let json =
        b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let garbage = b"SSH-2.0-OpenSSH_9.2\r\n";
    let cases: [(&[u8], &str); 4] = [
        (page, "HTML page"),
        (login, "login.example.invalid"),
        (json, "404"),
        (garbage, "no MCP server"),
    ];
    for (bytes, expected) in cases {
        let server = RawServer::start(RawScript::Respond(bytes.to_vec()))
            .await
            .expect("starts");
        let url = format!("{}/mcp", server.url.trim_end_matches('/'));
        let (code, report, _) = audit(
            &url,
            &["-i", "reader=env:T"],
            &[("T", "s3cr3t-t0ken-value")],
        )
        .await;
        let meaning = report
            .pointer("/outcome/meaning")
            .and_then(Value::as_str)
            .unwrap_or_default();
        assert_eq!(code, 3, "{expected}: {meaning}");
        assert!(meaning.contains(expected), "{expected}: {meaning}");
        // A JSON error may hide an MCP server that wants a token; a page, a login and SSH do not.
        for request in server.requests().into_iter().filter(|_| bytes != json) {
            let sent = String::from_utf8_lossy(&request).into_owned();
            assert!(
                !sent.contains("s3cr3t"),
                "a token went to what is no MCP server: {sent}"
            );
        }
    }
}

#[tokio::test]
async fn a_target_that_hangs_ends_with_3() {
    let server = RawServer::start(RawScript::Hang).await.expect("starts");
    let (code, report, _) = audit(&server.url, &[], &[]).await;
    let meaning = report
        .pointer("/outcome/meaning")
        .and_then(Value::as_str)
        .unwrap_or_default();
    assert_eq!(code, 3, "{meaning}");
}

async fn compliant() -> Running {
    demo::start(&behaviour("compliant")).await.expect("starts")
}

#[tokio::test]
async fn a_useless_token_never_ends_with_0() {
    let running = compliant().await;
    let expired = running.token("expired").expect("exists").value.clone();
    for token in [expired.as_str(), "not-a-token-at-all-0000"] {
        let (code, report, _) =
            audit(&running.mcp_url, &["-i", "reader=env:T"], &[("T", token)]).await;
        assert_eq!(code, 3, "{}", report["outcome"]);
    }
}

#[tokio::test]
async fn a_sound_server_ends_with_0_and_a_broken_one_with_1() {
    let tokens = |running: &Running| {
        let value = |name: &str| running.token(name).expect("exists").value.clone();
        (value("reader"), value("admin"))
    };
    let identities = ["-i", "reader=env:R", "-i", "admin=env:A"];
    let sound = compliant().await;
    let (reader, admin) = tokens(&sound);
    let env = [("R", reader.as_str()), ("A", admin.as_str())];
    let (code, report, _) = audit(&sound.mcp_url, &identities, &env).await;
    assert_eq!(code, 0, "{}", report["outcome"]);
    assert_eq!(report["answers"]["tools"]["enforcement"], "per_tool");
    let (code, report, _) = audit(
        &sound.mcp_url,
        &[&identities[..], &["--strict"]].concat(),
        &env,
    )
    .await;
    let open = report["coverage"]
        .as_array()
        .is_some_and(|rows| rows.iter().any(|row| row["status"] == "inconclusive"));
    assert_eq!(
        code,
        if open { 3 } else { 0 },
        "--strict counts what is inconclusive"
    );
    let broken = demo::start(&behaviour("garbage-token-accepted"))
        .await
        .expect("starts");
    let (reader, admin) = tokens(&broken);
    let env = [("R", reader.as_str()), ("A", admin.as_str())];
    let (code, ..) = audit(&broken.mcp_url, &identities, &env).await;
    assert_eq!(code, 1);
    let (code, ..) = audit(
        &broken.mcp_url,
        &[&identities[..], &["--exit-zero"]].concat(),
        &env,
    )
    .await;
    assert_eq!(code, 0);
}

#[tokio::test]
async fn an_interrupt_cleans_up_and_writes_what_was_learned() {
    let running = demo::start(&variation(
        "[server]\ndelay_ms = 200\nrevisions = [\"2025-11-25\"]\n",
    ))
    .await
    .expect("starts");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.json");
    let token = running.token("admin").expect("exists").value.clone();
    let mut child = binary()
        .args([
            "audit",
            &running.mcp_url,
            "-i",
            "admin=env:A",
            "-r",
            &format!("json={}", path.display()),
        ])
        .env("A", token)
        .spawn()
        .expect("the binary starts");
    // Interrupted in the middle: after the first session is open, before the calls are done.
    while running.open_sessions() == 0 {
        let ended = child.try_wait().expect("its state can be read");
        assert!(ended.is_none(), "it ended before the interrupt: {ended:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = child.id().to_string();
    Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .expect("kill runs");
    let status = tokio::task::spawn_blocking(move || child.wait())
        .await
        .expect("ends")
        .expect("ends");
    let report = read(&path);
    assert_eq!(status.code(), Some(130), "{}", report["outcome"]);
    assert_eq!(report["outcome"]["interrupted"], true);
    assert!(
        report["ledger"]
            .as_array()
            .is_some_and(|ledger| !ledger.is_empty())
    );
    assert_eq!(
        running.open_sessions(),
        0,
        "sessions are closed after an interrupt"
    );
}

#[test]
fn the_demo_explains_itself() {
    let output = run(&["demo"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for expected in [
        "Which clients can connect",
        "Which tools can an agent invoke",
        "What data",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    let output = run(&["demo", "--list"]);
    assert!(stdout(&output).lines().count() >= 25);
}

#[test]
fn the_catalogue_counts_covered_and_open_requirements() {
    let output = run(&["checks"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stdout(&output).contains("of 146 requirements covered"),
        "{}",
        stdout(&output)
    );
    let output = run(&["explain", "registration-open"]);
    assert!(
        stdout(&output).contains("## How it is decided"),
        "{}",
        stdout(&output)
    );
    for args in [
        &["generate", "man"][..],
        &["generate", "completions", "bash"],
        &["generate", "schema", "config"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty(), "{args:?}");
    }
}

#[tokio::test]
async fn a_plan_sends_metadata_requests_only() {
    let running = demo::start(&behaviour("registration-open"))
        .await
        .expect("starts");
    let url = running.mcp_url.clone();
    let output = tokio::task::spawn_blocking(move || run(&["plan", &url]))
        .await
        .expect("ends");
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let sent = text
        .lines()
        .filter(|line| line.trim_start().starts_with("GET "))
        .count();
    assert_eq!(
        running.requests(),
        sent,
        "only what the plan shows was sent: {text}"
    );
    assert!(
        text.contains("registration-gate") && text.contains("--allow register"),
        "{text}"
    );
}
