//! The README's generated parts are current, and the files it names exist.
//!
//! `UPDATE=1 cargo test --test readme` rewrites them.
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

#[path = "readme/ci.rs"]
mod ci;
#[path = "readme/docs.rs"]
mod docs;
#[path = "readme/picture.rs"]
mod picture;
mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use mcp_assay::checks;
use mcp_assay::report::exit::EXIT_CODES;

#[tokio::test(flavor = "multi_thread")]
async fn the_generated_parts_are_current() {
    let rehearsal = support::rehearse(&support::behaviour("showcase")).await;
    let drawn = picture::matrix(&rehearsal.report);
    let told = picture::finding(&rehearsal.report, "hidden-tool-callable");
    rehearsal.running.shutdown().await;
    roxmltree::Document::parse(&drawn).expect("a drawing that browsers read");
    assert!(drawn.contains("! allowed") && drawn.contains("prefers-color-scheme:dark"));
    let text = std::fs::read_to_string("README.md").expect("the README");
    let mut current = text.clone();
    for (name, content) in [
        ("finding", told),
        ("help", help()),
        ("exit-codes", exit_codes()),
        ("checks", check_table()),
    ] {
        current = replace(&current, name, &content);
    }
    for (path, current) in [("README.md", current), ("docs/matrix.svg", drawn)] {
        if std::fs::read_to_string(path).unwrap_or_default() == current {
            continue;
        }
        assert!(
            std::env::var_os("UPDATE").is_some(),
            "{path} is out of date: run `UPDATE=1 cargo test --test readme`"
        );
        std::fs::write(path, current).expect("the document is writable");
    }
}

#[test]
fn files_named_in_the_documents_exist() {
    let mut missing = Vec::new();
    for document in [
        "README.md",
        "STYLE.md",
        "docs/json.md",
        "docs/add-a-check.md",
    ] {
        let text = std::fs::read_to_string(document).expect("the document");
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = quoted.contains('/')
                && !quoted.contains([' ', ':', '*', '<', '{'])
                && !quoted.contains("ID")
                && !quoted.contains("NAME")
                && ["src/", "tests/", "fixtures/", "checks/"]
                    .iter()
                    .any(|root| quoted.starts_with(root));
            if is_path && !Path::new(quoted).exists() {
                missing.push(format!("{document}: {quoted}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

fn replace(text: &str, name: &str, content: &str) -> String {
    let (begin, end) = (
        format!("<!-- begin:{name} -->"),
        format!("<!-- end:{name} -->"),
    );
    let start = text.find(&begin).expect("the marker") + begin.len();
    let stop = text.find(&end).expect("the marker");
    format!(
        "{}\n{}\n{}",
        &text[..start],
        content.trim_end(),
        &text[stop..]
    )
}

fn help() -> String {
    let mut out = String::new();
    for command in [&["--help"][..], &["audit", "--help"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_mcp-assay"))
            .args(command)
            .env_clear()
            .env("COLUMNS", "100")
            .output()
            .expect("the binary runs");
        let name = if command.len() == 1 {
            "mcp-assay"
        } else {
            "mcp-assay audit"
        };
        let text = String::from_utf8(output.stdout).expect("text");
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let _ = writeln!(
            out,
            "<details><summary><code>{name} --help</code></summary>\n\n```text\n{}\n```\n\n</details>\n",
            lines.join("\n").trim()
        );
    }
    out
}

fn exit_codes() -> String {
    let mut out = String::from("| Code | Name | Meaning |\n| --- | --- | --- |\n");
    for (code, name, meaning) in EXIT_CODES {
        let _ = writeln!(out, "| {code} | {name} | {meaning} |");
    }
    out
}

fn check_table() -> String {
    let mut out = String::from(
        "| Requirement | Check | Severity | Tier | Defect |\n| --- | --- | --- | --- | --- |\n",
    );
    for check in checks::all() {
        let page = check.page();
        let _ = writeln!(
            out,
            "| {} | [`{}`](checks/{}.md) | {} | {} | {} |",
            page.requirements.join(", "),
            check.id,
            check.id,
            page.severity.as_str(),
            page.tier,
            page.title
        );
    }
    out
}
