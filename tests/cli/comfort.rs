//! What makes the tool pleasant: progress, suggestions, help, and a configuration that is kept in order.

use std::path::Path;

use mcp_assay::demo;
use serde_json::Value;

use super::support::behaviour;
use super::{audit, binary, run, stderr, stdout};

#[tokio::test(flavor = "multi_thread")]
async fn acceptances_that_outlived_their_purpose_are_findings_with_their_line() {
    let running = demo::start(&behaviour("metadata-at-appended-path"))
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let with = |entries: &str| {
        let path = folder.path().join("assay.toml");
        let text = format!("[target]\nurl = \"{}\"\n\n{entries}", running.mcp_url);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let entry = |check: &str, more: &str| {
        format!("[[accept]]\ncheck = \"{check}\"\nreason = \"CR-118\"\n{more}\n")
    };
    let stale = with(&format!(
        "{}{}",
        entry("metadata-at-appended-path", "expires = 2020-01-31"),
        entry("plaintext-endpoint", ""),
    ));
    let only = [
        "--check",
        "metadata-at-appended-path",
        "--check",
        "plaintext-endpoint",
    ];
    let (code, report) = configured(&stale, &only);
    assert_eq!(code, 0, "{}", report["outcome"]["meaning"]);
    let found = about(&report);
    assert_eq!(
        found,
        [
            ("acceptance-expired".to_owned(), 5),
            ("acceptance-unused".to_owned(), 9),
        ]
    );
    let ids = report["stale_acceptances"].as_array().unwrap();
    assert_eq!(ids.len(), 2);
    let strict = [&only[..], &["--fail-on", "low"]].concat();
    let (code, _) = configured(&stale, &strict);
    assert_eq!(code, 1);

    // The sound twin: the same finding, accepted for as long as it is there.
    let kept = with(&entry("metadata-at-appended-path", "expires = 2999-12-31"));
    let (code, report) = configured(&kept, &strict);
    assert_eq!(code, 0, "{}", report["outcome"]["meaning"]);
    assert_eq!(about(&report), []);
    assert_eq!(report["accepted"].as_array().unwrap().len(), 1);
    running.shutdown().await;
}

#[test]
fn an_acceptance_of_no_check_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assay.toml");
    let text = "[target]\nurl = \"http://127.0.0.1:9/mcp\"\n\n[[accept]]\ncheck = \"registraton-open\"\nreason = \"x\"\n";
    std::fs::write(&path, text).unwrap();
    let output = run(&["audit", "--config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("assay.toml:5: `registraton-open`"), "{said}");
    assert!(said.contains("did you mean `registration-open`?"), "{said}");
}

#[test]
fn what_was_meant_is_suggested() {
    for (args, meant) in [
        (
            &["explain", "hiden-tool-callable"][..],
            "hidden-tool-callable",
        ),
        (&["explain", "acceptance-expires"], "acceptance-expired"),
        (
            &[
                "audit",
                "http://127.0.0.1:9/mcp",
                "--check",
                "regstration-open",
            ],
            "registration-open",
        ),
        (
            &["audit", "http://127.0.0.1:9/mcp", "--skip", "tranport"],
            "transport",
        ),
        (
            &["audit", "http://127.0.0.1:9/mcp", "--report", "sarf=x"],
            "sarif",
        ),
        (
            &["audit", "http://127.0.0.1:9/mcp", "--identty", "x"],
            "--identity",
        ),
        (&["audti"], "audit"),
        (&["demo", "compliantt"], "compliant"),
        (&["generate", "man", "audt"], "audit"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = stderr(&output);
        assert!(said.contains(meant), "{args:?}: {said}");
    }
    let said = stderr(&run(&["explain", "qqqq"]));
    assert!(!said.contains("did you mean"), "{said}");
}

#[test]
fn a_page_is_explained_with_links_that_a_terminal_makes_clickable() {
    for (id, link) in [
        (
            "registration-open",
            "\n  https://www.rfc-editor.org/rfc/rfc7591#section-3\n",
        ),
        ("acceptance-unused", "\n  https://csrc.nist.gov/"),
    ] {
        let output = run(&["explain", id]);
        assert_eq!(output.status.code(), Some(0));
        let text = stdout(&output);
        assert!(text.contains(link), "{text}");
        assert!(!text.contains("]("), "{text}");
    }
    let text = stdout(&run(&["explain", "registration-open"]));
    assert!(text.contains("\nREG-02: "), "{text}");
}

#[test]
fn short_help_fits_a_screen_and_long_help_leaves_nothing_out() {
    let short = |args: &[&str]| stdout(&run(args));
    let lines = short(&["-h"]).lines().count();
    assert!(lines <= 50, "{lines} lines");
    let text = short(&["audit", "-h"]);
    assert!(text.lines().count() <= 60, "{} lines", text.lines().count());
    assert!(text.contains("Examples:") && text.contains("see more with '--help'"));
    assert!(!text.contains("--callback-base"));
    let long = short(&["audit", "--help"]);
    assert!(long.contains("--callback-base") && long.contains("Examples:"));
    for name in [
        "plan", "login", "demo", "checks", "judge", "diff", "explain", "generate",
    ] {
        let text = short(&[name, "-h"]);
        let lines = text.lines().count();
        assert!(lines <= 60, "{name}: {lines} lines");
        assert!(text.contains("\nExamples:\n  mcp-assay "), "{name}");
    }
    // What is not shown works all the same.
    let output = run(&[
        "audit",
        "--callback-listen",
        "nonsense",
        "http://127.0.0.1:9/mcp",
    ]);
    assert!(
        stderr(&output).contains("--callback-listen"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn man_pages_and_completions_know_every_command_and_flag() {
    let text = stdout(&run(&["generate", "man", "audit"]));
    assert!(
        text.contains("mcp\\-assay\\-audit") && text.contains("callback\\-base"),
        "{text}"
    );
    for shell in ["bash", "zsh", "fish"] {
        let text = stdout(&run(&["generate", "completions", shell]));
        assert!(
            text.contains("callback-base") && text.contains("plain"),
            "{shell}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_plain_lines_when_asked_for_and_nothing_in_a_pipe() {
    let running = demo::start(&behaviour("compliant")).await.unwrap();
    let url = running.mcp_url.as_str();
    let (_, report, said) = audit(url, &[], &[]).await;
    assert!(said.starts_with("exit "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(report.is_object());
    let (_, _, said) = audit(url, &["--plain"], &[]).await;
    assert!(said.starts_with("discover: 0 requests sent\n"), "{said}");
    assert!(said.contains("\nenumerate: "), "{said}");
    assert!(!said.contains(['\u{1b}', '\r']), "{said:?}");
    let (_, _, said) = audit(url, &["--plain", "--quiet"], &[]).await;
    assert_eq!(said, "");
    let own = url.to_owned();
    let others = tokio::task::spawn_blocking(move || {
        let alone = [
            "login",
            &own,
            "--client-id",
            "demo-cli",
            "--login-timeout",
            "1",
        ];
        for (command, first) in [
            (&["plan", &own][..], "discover: "),
            (&["demo", "compliant"], "discover: "),
            (&alone, "discover: "),
        ] {
            let said = |more: &[&str]| stderr(&run(&[command, more].concat()));
            let lines = said(&["--plain"]);
            assert!(lines.starts_with(first), "{command:?}: {lines}");
            assert!(!lines.contains(['\u{1b}', '\r']), "{lines:?}");
            for quiet in [said(&[]), said(&["--plain", "--quiet"])] {
                assert!(!quiet.contains("requests sent"), "{command:?}: {quiet}");
            }
        }
    });
    others.await.unwrap();
    let (_, _, said) = audit(url, &["--verbose"], &[]).await;
    assert!(said.contains("INFO") && !said.contains('\u{1b}'), "{said}");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn colour_is_for_those_who_want_it() {
    let running = demo::start(&behaviour("compliant")).await.unwrap();
    let coloured = |args: &[&str], no_color: bool| {
        let mut command = binary();
        if !no_color {
            command.env_remove("NO_COLOR");
        }
        command.args(["audit", &running.mcp_url]).args(args);
        let output = tokio::task::block_in_place(|| command.output().unwrap());
        stdout(&output).contains('\u{1b}')
    };
    assert!(!coloured(&[], false), "a pipe is no terminal");
    assert!(coloured(&["--color", "always"], false));
    assert!(
        coloured(&["--color", "always"], true),
        "a flag is asked for last"
    );
    assert!(!coloured(&["--color", "always", "--plain"], false));
    running.shutdown().await;
}

fn configured(config: &str, more: &[&str]) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let mut command = binary();
    command
        .args(["audit", "--config", config, "--report"])
        .arg(format!("json={}", path.display()))
        .args(more);
    let output = tokio::task::block_in_place(|| command.output().unwrap());
    (
        output.status.code().unwrap_or(-1),
        super::read(Path::new(&path)),
    )
}

/// Findings about the configuration, with their lines.
fn about(report: &Value) -> Vec<(String, u64)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let own = findings.filter(|it| it["place"].is_object());
    own.map(|it| {
        let place = &it["place"];
        let line = place["line"].as_u64().unwrap();
        let message = it["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("assay.toml:{line}: ")),
            "{message}"
        );
        (it["check"].as_str().unwrap().to_owned(), line)
    })
    .collect()
}

#[test]
fn a_run_whose_reports_all_go_to_files_says_how_it_ended_unless_it_is_to_be_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let page = format!("html={}", folder.path().join("page.html").display());
    let audit = |more: &[&str]| run(&[&["audit", "http://127.0.0.1:9/mcp"][..], more].concat());
    let output = audit(&["-r", &page]);
    assert_eq!(output.status.code(), Some(3));
    let said = stderr(&output);
    assert!(said.starts_with("exit 3 incomplete: "), "{said}");
    assert!(said.trim_end().ends_with("page.html"), "{said}");
    for told_elsewhere in [
        &["-r", &page, "--quiet"][..],
        &["-r", &page, "-r", "table=-"],
        &[],
    ] {
        let said = stderr(&audit(told_elsewhere));
        assert!(!said.contains("exit 3"), "{said}");
    }
    let several = audit(&[
        "http://127.0.0.1:10/mcp",
        "-r",
        &page.replace("page", "{target}"),
    ]);
    let said = stderr(&several);
    assert!(
        said.contains("exit 3 incomplete: 2 targets: 2 incomplete; written: "),
        "{said}"
    );
}
