//! A run on disk: judged again to the same bytes, refused when it was touched, signed for others.
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

mod support;

#[path = "evidence/hostile.rs"]
mod hostile;
#[path = "evidence/signing.rs"]
mod signing;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mcp_assay::demo::{self, Behaviour};
use mcp_assay::evidence::signature::SigningKey;
use mcp_assay::evidence::{self, Folder, Saved};
use mcp_assay::model::report::Report;
use mcp_assay::rehearsal;
use mcp_assay::report::{Format, Style, render};
use mcp_assay::{audit, checks};
use serde_json::Value;
use tempfile::TempDir;

use support::{SEED, behaviour, variation};

/// The evidence of one run, and its report.
struct Kept {
    /// Keeps the folder alive.
    _place: TempDir,
    folder: PathBuf,
    report: Report,
}

async fn keep(behaviour: &Behaviour, key: Option<SigningKey>) -> Kept {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let started = jiff::Timestamp::now().to_string();
    let begun = Folder::begin(&folder, key).unwrap();
    let rehearsal = rehearsal::rehearse_into(behaviour, SEED, &started, Some(begun))
        .await
        .expect("the embedded servers start");
    rehearsal.running.shutdown().await;
    Kept {
        _place: place,
        folder,
        report: rehearsal.report,
    }
}

/// A run without tokens: small and quick.
fn anonymous() -> Behaviour {
    variation("[audit]\nidentities = []\nclient = { id = \"\" }\n")
}

fn judged(saved: Saved) -> Report {
    let all: Vec<_> = checks::all().iter().collect();
    audit::judge(saved.collected, &all, &saved.rules)
}

fn binary(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-assay"));
    let command = command.env_clear().env("NO_COLOR", "1").args(args);
    command.stdin(Stdio::null()).output().expect("it runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_run_is_judged_to_the_same_report_in_every_form() {
    let mut residue = 0;
    for behaviour in [
        behaviour("compliant"),
        anonymous(),
        behaviour("scopes-not-enforced"),
        behaviour("registered-client-not-deletable"),
        behaviour("every-revision"),
        behaviour("ladder"),
        behaviour("login"),
        behaviour("foreign-object-readable"),
    ] {
        let kept = keep(&behaviour, None).await;
        let saved = Saved::open(&kept.folder, None).unwrap();
        let (manifest, bodies) = (saved.manifest.clone(), saved.bodies.clone());
        let again = judged(saved);
        for format in Format::ALL {
            let of = |report| render(format, report, &Style::default()).unwrap();
            assert!(
                of(&kept.report) == of(&again),
                "{} {format}",
                behaviour.title
            );
        }
        assert!(evidence::is_report(&manifest, &again).unwrap());
        assert_eq!(bodies.trouble(), None);
        residue += again.residue.len();
    }
    assert!(residue > 0, "one of these leaves something behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_folder_holds_every_exchange_and_each_body_once_for_its_owner_alone() {
    let kept = keep(&behaviour("compliant"), None).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&kept.folder), 0o700);
    assert_eq!(mode(&kept.folder.join("bodies")), 0o700);
    assert!(!kept.folder.join("UNFINISHED").exists());
    let manifest: Value = json(&kept.folder.join("manifest.json"));
    let files = manifest["files"].as_array().unwrap();
    let mut listed: Vec<PathBuf> = files
        .iter()
        .map(|file| kept.folder.join(file["path"].as_str().unwrap()))
        .collect();
    for path in &listed {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    let mut there: Vec<PathBuf> = [&kept.folder, &kept.folder.join("bodies")]
        .into_iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && !path.ends_with("manifest.json"))
        .collect();
    listed.sort();
    there.sort();
    assert_eq!(listed, there, "the manifest names every file and no other");
    let lines = fs::read_to_string(kept.folder.join("exchanges.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), kept.report.ledger.len());
    let report = fs::read(kept.folder.join("report.json")).unwrap();
    assert!(report == render(Format::Json, &kept.report, &Style::default()).unwrap());
    assert_eq!(
        json(&kept.folder.join("plan.json")),
        serde_json::to_value(&kept.report.plan).unwrap()
    );
    let large = kept.report.ledger.iter().filter_map(|it| it.response());
    let stored = large.filter(|it| format!("{:?}", it.body.bytes).contains("stored as"));
    assert!(stored.count() > 0, "large answers are not kept in memory");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_agree_about_bytes_and_exit_code() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let running = demo::start(&behaviour("unsigned-token-accepted"))
        .await
        .unwrap();
    let reader = running.token("reader").unwrap().value.clone();
    let admin = running.token("admin").unwrap().value.clone();
    fs::write(at("reader"), reader).unwrap();
    fs::write(at("admin"), admin).unwrap();
    let identity = |name: &str| format!("{name}=file:{}", at(name).display());
    let url = running.mcp_url.clone();
    let baseline = at("baseline.json");
    let reports = |round: &str| {
        Format::ALL.map(|format| format!("{format}={}", at(&format!("{round}.{format}")).display()))
    };
    let audit = |more: &[&str]| {
        let (reader, admin) = (identity("reader"), identity("admin"));
        let mut args = vec!["audit", &url, "-i", &reader, "-i", &admin];
        args.extend(more);
        binary(&args)
    };
    let plain = audit(&["-r", &format!("json={}", baseline.display())]);
    assert_eq!(plain.status.code(), Some(1), "{}", stderr(&plain));
    // Held against its own result nothing is new, so that the baseline shows in the exit code.
    for (round, more, code) in [
        ("plain", &[] as &[&str], 1),
        ("gated", &["--baseline", text(&baseline)], 0),
        ("lenient", &["--exit-zero"], 0),
        (
            "picky",
            &["--check", "unsigned-token-accepted", "--strict"],
            1,
        ),
    ] {
        let folder = at(&format!("run-{round}"));
        let (before, after) = (reports(round), reports(&format!("{round}-again")));
        let mut args = vec!["--evidence", text(&folder)];
        args.extend(more);
        for report in &before {
            args.extend(["-r", report]);
        }
        let first = audit(&args);
        assert_eq!(first.status.code(), Some(code), "{}", stderr(&first));
        let mut args = vec!["judge", text(&folder), "--quiet"];
        for report in &after {
            args.extend(["-r", report]);
        }
        let second = binary(&args);
        assert_eq!(second.status.code(), Some(code), "{}", stderr(&second));
        assert_eq!(stderr(&second), "");
        for format in Format::ALL {
            let read = |round: &str| fs::read(at(&format!("{round}.{format}"))).unwrap();
            let (a, b) = (read(round), read(&format!("{round}-again")));
            assert!(!a.is_empty() && a == b, "{round} {format}");
        }
    }
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_run_can_be_judged_by_other_rules() {
    let kept = keep(&behaviour("scopes-not-enforced"), None).await;
    let folder = text(&kept.folder);
    let code = |more: &[&str]| {
        let mut args = vec!["judge", folder, "--quiet", "-r", "table=/dev/null"];
        args.extend(more);
        let output = binary(&args);
        (output.status.code().unwrap(), stderr(&output))
    };
    assert_eq!(code(&[]), (1, String::new()));
    assert_eq!(code(&["--exit-zero"]), (0, String::new()));
    let critical = kept
        .report
        .findings
        .iter()
        .any(|finding| finding.severity == mcp_assay::model::verdict::Severity::Critical);
    assert_eq!(code(&["--fail-on", "critical"]).0, i32::from(critical));
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("accept.toml");
    let mut accepted = String::new();
    for finding in &kept.report.findings {
        accepted.push_str(&format!(
            "[[accept]]\ncheck = \"{}\"\nreason = \"known\"\n",
            finding.check
        ));
    }
    fs::write(&config, accepted).unwrap();
    assert_eq!(code(&["--config", text(&config)]), (0, String::new()));
    fs::write(&config, "[[accept]]\ncheck = 1\n").unwrap();
    assert_eq!(code(&["--config", text(&config)]).0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_holds_something_is_not_written_to() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("mine"), "x").unwrap();
    let missing = place.path().join("no/such/folder");
    let file = place.path().join("mine");
    for (folder, says) in [
        (place.path(), "is not empty"),
        (missing.as_path(), "cannot be written"),
        (file.as_path(), "cannot be written"),
    ] {
        let args = ["demo", "compliant", "--evidence", text(folder)];
        let output = binary(&args);
        assert_eq!(output.status.code(), Some(2));
        let told = stderr(&output);
        assert!(told.contains(says) && told.contains("--evidence"), "{told}");
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn a_run_that_was_cut_short_leaves_a_folder_that_says_so() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    drop(Folder::begin(&folder, None).unwrap());
    let output = binary(&["judge", text(&folder)]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(told.contains("is unfinished"), "{told}");
    assert!(folder.join("UNFINISHED").exists());
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}
