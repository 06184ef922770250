//! The dependency rule: who may import whom. Read from the sources, so that no review has to.
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

use std::fs;
use std::path::{Path, PathBuf};

/// Module, modules it may name, crates it must not name.
const RULES: &[(&str, &[&str], &[&str])] = &[
    (
        "model",
        &["model"],
        &["tokio", "reqwest", "axum", "jiff", "getrandom"],
    ),
    (
        "codec",
        &["codec", "model"],
        &["tokio", "reqwest", "axum", "jiff", "getrandom"],
    ),
    (
        "wire",
        &["wire", "model"],
        &["axum", "jsonwebtoken", "getrandom"],
    ),
    (
        "mcp",
        &["mcp", "model", "codec"],
        &["tokio", "reqwest", "axum", "jiff", "getrandom"],
    ),
    (
        "stage",
        &["stage", "model", "codec", "mcp", "oracle", "wire"],
        &["reqwest", "axum", "jsonwebtoken", "jiff", "getrandom"],
    ),
    (
        "oracle",
        &["oracle", "model", "codec"],
        &["tokio", "reqwest", "axum", "jiff", "getrandom"],
    ),
    (
        "checks",
        &["checks", "model", "codec", "oracle"],
        &["tokio", "reqwest", "axum", "getrandom"],
    ),
    (
        "report",
        &["report", "model", "checks"],
        &["tokio", "reqwest", "axum", "getrandom"],
    ),
    (
        "evidence",
        &["evidence", "model", "report", "config"],
        &["tokio", "reqwest", "axum", "jiff", "getrandom"],
    ),
    // A mistake shared by both sides would hide: the demo stands alone.
    (
        "demo",
        &["demo"],
        &["reqwest", "jsonschema", "sse_stream", "http_auth"],
    ),
    (
        // What the operator writes in the wire's own forms (URI templates) is read by the same codec.
        "config",
        &["config", "model", "codec"],
        &["tokio", "reqwest", "axum", "getrandom"],
    ),
];

/// Crates that only one place may name.
const SOLE_USERS: &[(&str, &[&str])] = &[
    ("reqwest", &["src/wire/"]),
    ("axum", &["src/demo/"]),
    ("jsonwebtoken", &["src/demo/"]),
    ("colored", &["src/report/table.rs", "src/report/text.rs"]),
    ("jsonschema", &["src/codec/"]),
    (
        // Reading a stamp is no clock: only `cli` asks what time it is.
        "jiff",
        &[
            "src/cli/",
            "src/wire/pace.rs",
            "src/checks/evidence.rs",
            "src/report/stamp.rs",
        ],
    ),
];

/// Lines of the longest file that needs no reason.
const MOST_LINES: usize = 600;

#[test]
fn every_module_imports_only_what_the_table_allows() {
    let mut broken = Vec::new();
    for (module, allowed, banned) in RULES {
        for file in sources(&Path::new("src").join(module)) {
            for (number, line) in code_lines(&file) {
                for name in named_after(&line, "crate::") {
                    if !allowed.contains(&name.as_str()) && is_module(&name) {
                        broken.push(format!(
                            "{}:{number}: `{module}` must not use `{name}`",
                            file.display()
                        ));
                    }
                }
                for banned in *banned {
                    if names_crate(&line, banned) {
                        broken.push(format!(
                            "{}:{number}: `{module}` must not use the crate `{banned}`",
                            file.display()
                        ));
                    }
                }
            }
        }
    }
    assert!(
        broken.is_empty(),
        "the dependency rule is broken:\n{}",
        broken.join("\n")
    );
}

#[test]
fn some_crates_have_one_user() {
    let mut broken = Vec::new();
    for file in sources(Path::new("src")) {
        if is_test_file(&file) {
            continue;
        }
        for (number, line) in code_lines(&file) {
            for (name, users) in SOLE_USERS {
                let path = file.to_string_lossy();
                if names_crate(&line, name) && !users.iter().any(|user| path.starts_with(user)) {
                    broken.push(format!(
                        "{path}:{number}: only {} may use `{name}`",
                        users.join(", ")
                    ));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn no_file_outgrows_its_reader() {
    let mut long = Vec::new();
    for root in ["src", "tests"] {
        for file in sources(Path::new(root)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            if lines > MOST_LINES {
                long.push(format!(
                    "{}: {lines} lines, at most {MOST_LINES}",
                    file.display()
                ));
            }
        }
    }
    assert!(
        long.is_empty(),
        "is there a room missing?\n{}",
        long.join("\n")
    );
}

#[test]
fn the_rule_sees_a_forbidden_import() {
    let line = "use crate::wire::Wire; use tokio::sync::Mutex;";
    assert_eq!(named_after(line, "crate::"), ["wire"]);
    assert!(names_crate(line, "tokio"));
    assert!(!names_crate("let tokio_like = 1;", "tokio"));
}

/// Code up to the first `mod tests`, without comments; tests may use more.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).unwrap();
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("mod tests {") {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        lines.push((index + 1, code.to_owned()));
    }
    if is_test_file(file) {
        Vec::new()
    } else {
        lines
    }
}

fn is_test_file(file: &Path) -> bool {
    let path = file.to_string_lossy();
    path.contains("tests") || path.contains("testing")
}

/// Identifiers that follow a prefix, also inside braces: `crate::{a, b}`.
fn named_after(line: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in line.split(prefix).skip(1) {
        let list = part
            .strip_prefix('{')
            .map_or_else(|| vec![part], |inside| inside.split(',').collect());
        for item in list {
            let name: String = item
                .trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            names.push(name);
        }
    }
    names
}

fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().last());
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
    })
}

fn is_module(name: &str) -> bool {
    Path::new("src").join(name).is_dir() || Path::new("src").join(format!("{name}.rs")).is_file()
}

fn sources(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
