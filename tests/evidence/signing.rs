//! Signatures of the manifest, checked by `openssl` where there is one.

use super::*;
use mcp_assay::evidence::signature::VerifyingKey;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_folder_is_verified_by_the_stock_tool_and_a_changed_manifest_is_not() {
    let place = tempfile::tempdir().unwrap();
    let (private, public) = (place.path().join("key"), place.path().join("public"));
    fs::write(&private, PRIVATE).unwrap();
    fs::write(&public, PUBLIC).unwrap();
    let kept = keep(&anonymous(), Some(SigningKey::read(&private).unwrap())).await;
    let manifest = kept.folder.join("manifest.json");
    let judge = |key: &Path| {
        let folder = text(&kept.folder);
        binary(&[
            "judge",
            folder,
            "--verify",
            text(key),
            "-r",
            "table=/dev/null",
        ])
    };
    assert_eq!(judge(&public).status.code(), Some(0));
    assert_ne!(stock(&public, &kept.folder), Some(false));

    let other = place.path().join("other");
    fs::write(&other, OTHER_PUBLIC).unwrap();
    let refused = judge(&other);
    assert_eq!(refused.status.code(), Some(2));
    let told = stderr(&refused);
    assert!(
        told.contains("is no signature of `manifest.json`"),
        "{told}"
    );
    assert_ne!(stock(&other, &kept.folder), Some(true));

    let changed = fs::read_to_string(&manifest).unwrap() + "\n";
    fs::write(&manifest, changed).unwrap();
    assert_eq!(judge(&public).status.code(), Some(2));
    assert_ne!(stock(&public, &kept.folder), Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_that_is_asked_for_has_to_be_there() {
    let place = tempfile::tempdir().unwrap();
    let public = place.path().join("public");
    fs::write(&public, PUBLIC).unwrap();
    let kept = keep(&anonymous(), None).await;
    assert!(!kept.folder.join("manifest.json.sig").exists());
    let key = VerifyingKey::read(&public).unwrap();
    let told = Saved::open(&kept.folder, Some(&key))
        .unwrap_err()
        .to_string();
    assert!(told.contains("manifest.json.sig: cannot be read"), "{told}");
    assert!(Saved::open(&kept.folder, None).is_ok());
}

#[test]
fn a_key_that_is_none_is_refused_before_anything_is_written() {
    let place = tempfile::tempdir().unwrap();
    let (key, folder) = (place.path().join("key"), place.path().join("run"));
    fs::write(&key, PUBLIC).unwrap();
    let args = [
        "demo",
        "compliant",
        "--evidence",
        text(&folder),
        "--sign",
        text(&key),
    ];
    let output = binary(&args);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--sign"), "{}", stderr(&output));
    assert!(!folder.exists());
    let alone = binary(&["demo", "compliant", "--sign", text(&key)]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(stderr(&alone).contains("--evidence"), "{}", stderr(&alone));
}

/// What `openssl` says; nothing where there is none that knows how.
fn stock(public: &Path, folder: &Path) -> Option<bool> {
    let version = Command::new("openssl").arg("version").output().ok()?;
    if !String::from_utf8_lossy(&version.stdout).starts_with("OpenSSL 3") {
        return None;
    }
    let mut command = Command::new("openssl");
    command.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]);
    command
        .arg(public)
        .arg("-in")
        .arg(folder.join("manifest.json"));
    command
        .arg("-sigfile")
        .arg(folder.join("manifest.json.sig"));
    Some(command.output().unwrap().status.success())
}

/// RFC 8410 §10.3 and §10.1: a key that everybody knows, and its public half.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    -----END PUBLIC KEY-----\n";
/// RFC 8032 §7.1, test 2.
const OTHER_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n\
    -----END PUBLIC KEY-----\n";
