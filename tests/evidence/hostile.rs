//! Folders that somebody touched, or that nobody honest wrote.

use std::os::unix::fs::symlink;

use sha2::{Digest, Sha256};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_that_was_changed_is_named_with_both_digests() {
    let kept = keep(&anonymous(), None).await;
    let manifest = json(&kept.folder.join("manifest.json"));
    for file in manifest["files"].as_array().unwrap() {
        let name = file["path"].as_str().unwrap();
        let path = kept.folder.join(name);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        match changed.last_mut() {
            Some(last) => *last ^= 1,
            None => changed.push(b'x'),
        }
        fs::write(&path, &changed).unwrap();
        let told = refusal(&kept.folder);
        assert!(told.contains(&format!("{name}: was changed")), "{told}");
        assert!(told.contains(file["sha256"].as_str().unwrap()), "{told}");
        assert!(told.contains(&digest(&changed)), "{told}");
        fs::write(&path, whole).unwrap();
    }
    assert!(Saved::open(&kept.folder, None).is_ok());
    let output = {
        fs::write(kept.folder.join("facts.json"), "{}").unwrap();
        binary(&["judge", text(&kept.folder)])
    };
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_folders_and_missing_files_are_not_followed() {
    let kept = keep(&anonymous(), None).await;
    let facts = kept.folder.join("facts.json");
    let away = kept.folder.with_file_name("elsewhere");
    fs::rename(&facts, &away).unwrap();
    let told = refusal(&kept.folder);
    assert!(told.contains("facts.json: cannot be read"), "{told}");
    // The very same bytes behind a link: still not a file of this folder.
    symlink(&away, &facts).unwrap();
    let told = refusal(&kept.folder);
    assert!(told.contains("it is no plain file"), "{told}");
    fs::remove_file(&facts).unwrap();
    fs::create_dir(&facts).unwrap();
    let told = refusal(&kept.folder);
    assert!(told.contains("it is no plain file"), "{told}");
    fs::remove_dir(&facts).unwrap();
    fs::rename(&away, &facts).unwrap();
    let bodies = kept.folder.join("bodies");
    fs::rename(&bodies, &away).unwrap();
    symlink(&away, &bodies).unwrap();
    let told = refusal(&kept.folder);
    assert!(told.contains("bodies: is no folder"), "{told}");
    fs::remove_file(&bodies).unwrap();
    fs::rename(&away, &bodies).unwrap();
    let manifest = kept.folder.join("manifest.json");
    fs::rename(&manifest, &away).unwrap();
    symlink(&away, &manifest).unwrap();
    let told = refusal(&kept.folder);
    assert!(told.contains("it is no plain file"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manifests_that_are_newer_foreign_or_lead_elsewhere_are_refused() {
    let kept = keep(&anonymous(), None).await;
    let path = kept.folder.join("manifest.json");
    let whole = json(&path);
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut manifest = whole.clone();
        change(&mut manifest);
        fs::write(&path, manifest.to_string()).unwrap();
        refusal(&kept.folder)
    };
    let newer = refused(&|it| {
        it["version"] = 2.into();
        it["files"] = "another form".into();
    });
    assert!(
        newer.contains("has format version 2") && newer.contains("reads 1"),
        "{newer}"
    );
    assert!(newer.contains("a newer one"), "{newer}");
    let foreign = refused(&|it| it["format"] = "something".into());
    assert!(foreign.contains("is no manifest of mcp-assay"), "{foreign}");
    for leads in [
        "../facts.json",
        "/etc/hostname",
        "bodies/../../x",
        "notes.txt",
    ] {
        let told = refused(&|it| {
            let file = serde_json::json!({"path": leads, "size": 1, "sha256": "ab".repeat(32)});
            it["files"].as_array_mut().unwrap().push(file);
        });
        assert!(told.contains("no file of an evidence folder"), "{told}");
    }
    let less = refused(&|it| it["files"].as_array_mut().unwrap().clear());
    assert!(less.contains("is not listed"), "{less}");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in ["", "null", "{", deep.as_str()] {
        fs::write(&path, text).unwrap();
        let told = refusal(&kept.folder);
        assert!(told.contains("manifest.json"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consistent_folders_with_nonsense_in_them_are_refused_and_never_panic() {
    let kept = keep(&anonymous(), None).await;
    let lines = fs::read_to_string(kept.folder.join("exchanges.jsonl")).unwrap();
    let mut swapped: Vec<&str> = lines.lines().collect();
    swapped.swap(0, 1);
    let first = lines.lines().next().unwrap().to_owned();
    let unknown = first.replacen("\"file\":\"", "\"file\":\"00", 1);
    for (name, forged, says) in [
        (
            "exchanges.jsonl",
            swapped.join("\n") + "\n",
            "line 1: it is exchange x0002",
        ),
        (
            "exchanges.jsonl",
            format!("{unknown}\n"),
            "is not in the manifest",
        ),
        ("exchanges.jsonl", first.clone(), "has no end"),
        ("exchanges.jsonl", "{}\n".to_owned(), "line 1"),
        ("facts.json", "[]".to_owned(), "facts.json"),
        (
            "facts.json",
            format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000)),
            "nested too deeply",
        ),
        ("rules.json", "{}".to_owned(), "rules.json"),
    ] {
        let whole = fs::read(kept.folder.join(name)).unwrap();
        relist(&kept.folder, name, forged.as_bytes());
        let told = refusal(&kept.folder);
        assert!(told.contains(says), "{told}");
        relist(&kept.folder, name, &whole);
    }
    // Facts that fit no exchange are judged as they are, without a panic.
    relist(&kept.folder, "exchanges.jsonl", b"");
    let report = judged(Saved::open(&kept.folder, None).unwrap());
    assert_eq!(report.ledger.len(), 0);
    assert_ne!(report.outcome.exit_code, 0);
}

/// Replaces a file and says so in the manifest.
fn relist(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).unwrap();
    let path = folder.join("manifest.json");
    let mut manifest = json(&path);
    let mut files = manifest["files"].as_array_mut().unwrap().iter_mut();
    let file = files.find(|file| file["path"] == name).unwrap();
    file["size"] = bytes.len().into();
    file["sha256"] = digest(bytes).into();
    fs::write(&path, manifest.to_string()).unwrap();
}

fn refusal(folder: &Path) -> String {
    Saved::open(folder, None).unwrap_err().to_string()
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
