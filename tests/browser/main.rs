//! The page for a browser, in a browser: no error, no request, both themes, two widths, no script.
//!
//! Installs headless Chromium from the npm registry, so that it runs with the feature `peers` only.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may stop"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mcp_assay::demo::Behaviour;
use mcp_assay::rehearsal;
use mcp_assay::report::{Format, Style, render};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_opens_without_an_error_and_nothing_leaves_it() {
    let behaviour = Behaviour::builtin("showcase").unwrap().unwrap();
    let started = jiff::Timestamp::now().to_string();
    let seed = *b"a fixed seed for repeating tests";
    let rehearsal = rehearsal::rehearse(&behaviour, seed, &started)
        .await
        .unwrap();
    let page = render(Format::Html, &rehearsal.report, &Style::default()).unwrap();
    rehearsal.running.shutdown().await;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, page).unwrap();
    let installed = install();
    let output = Command::new("node")
        .current_dir(&installed)
        .arg("look.mjs")
        .args([&file, folder.path()])
        .stderr(Stdio::inherit())
        .output()
        .expect("node runs");
    assert!(output.status.success());
    let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");

    assert_eq!(seen["console"], Value::Array(Vec::new()));
    assert_eq!(seen["errors"], Value::Array(Vec::new()));
    let own = format!("file://{}", file.display());
    let requests = seen["requests"].as_array().unwrap();
    assert!(
        requests.iter().all(|url| url == own.as_str()),
        "{requests:?}"
    );
    let views = seen["views"].as_array().unwrap();
    assert_eq!(views.len(), 4);
    for view in views {
        assert!(view["scroll"].as_u64() <= view["width"].as_u64(), "{view}");
        assert!(view["rows"].as_u64() > Some(5), "{view}");
    }
    assert_ne!(views[0]["background"], views[2]["background"]);
    assert_eq!(seen["filtered"], 0);
    assert_eq!(seen["sorted"]["order"], "descending");
    let mut up = seen["sorted"]["up"].as_array().unwrap().clone();
    up.reverse();
    assert_eq!(Some(&up), seen["sorted"]["down"].as_array());
    let walked = seen["walked"].as_array().unwrap();
    let places: Vec<(u64, u64)> = walked
        .iter()
        .map(|at| (at["row"].as_u64().unwrap(), at["column"].as_u64().unwrap()))
        .collect();
    let last = places[3].1;
    assert!(last > 2, "{places:?}");
    assert_eq!(places, [(1, 1), (1, 2), (2, 2), (2, last), (2, 1), (2, 1)]);
    let (hidden, shown) = walked.split_last().unwrap();
    assert_eq!(hidden["told"], "");
    for at in shown {
        let (told, evidence) = (
            at["told"].as_str().unwrap(),
            at["evidence"].as_str().unwrap(),
        );
        assert!(evidence.contains("certainty"), "{at}");
        assert!(told.ends_with(evidence), "{at}");
    }
    // One stop of the tab key for each table, whatever its size.
    assert_eq!(seen["tabStops"], 0);
    assert!(seen["withoutScript"].as_u64() > Some(5_000));
    for picture in ["light-1280", "light-390", "dark-1280", "dark-390"] {
        let path = folder.path().join(format!("{picture}.png"));
        assert!(std::fs::metadata(path).unwrap().len() > 10_000, "{picture}");
    }
}

/// Puts the browser beside the build, once.
fn install() -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let into = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    std::fs::create_dir_all(&into).unwrap();
    for file in ["package.json", "package-lock.json", "look.mjs"] {
        std::fs::copy(from.join(file), into.join(file)).unwrap();
    }
    if !into.join("node_modules/puppeteer-core").is_dir() {
        let status = Command::new("npm")
            .current_dir(&into)
            .args(["ci", "--no-audit", "--no-fund"])
            .env("PUPPETEER_SKIP_DOWNLOAD", "1")
            .stdout(Stdio::null())
            .status()
            .expect("npm runs");
        assert!(status.success());
    }
    into
}
