//! What belongs to a folder: every file with its size and digest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ABOUT, BASELINE, BODIES, EXCHANGES, FACTS, PLAN, REPORT, RULES};
use crate::model::report::ToolInfo;

/// What the folder is.
pub const FORMAT: &str = "mcp-assay-evidence";

/// The version of its layout; raised when a file changes its meaning or disappears.
pub const VERSION: u32 = 1;

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// What wrote it.
    pub tool: ToolInfo,
    /// What was audited.
    pub target: String,
    /// The run.
    pub run_id: String,
    /// RFC 3339 start of the run.
    pub started: String,
    /// Every file but the manifest and its signature, by path.
    pub files: Vec<Listed>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listed {
    /// Relative to the folder.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Lower-case hex SHA-256.
    pub sha256: String,
}

impl Manifest {
    /// The file with this path.
    pub fn file(&self, path: &str) -> Option<&Listed> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The body with this digest; files are in the order of their paths.
    pub(super) fn file_of(&self, sha256: &str) -> Option<&Listed> {
        let path = format!("{BODIES}/{sha256}");
        let at = self.files.binary_search_by(|file| file.path.cmp(&path));
        at.ok().and_then(|at| self.files.get(at))
    }

    /// The first thing that no manifest of ours says.
    pub(super) fn oddity(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        for file in &self.files {
            let path = &file.path;
            if !is_ours(path) {
                return Some(format!("`{path}` is no file of an evidence folder"));
            }
            if !is_digest(&file.sha256) {
                return Some(format!("`{path}` has no SHA-256 but `{}`", file.sha256));
            }
            if body(path).is_some_and(|name| name != file.sha256) {
                return Some(format!("`{path}` is not named after its digest"));
            }
            if !seen.insert(path) {
                return Some(format!("`{path}` is listed twice"));
            }
        }
        let mut needed = [EXCHANGES, FACTS, RULES, PLAN, REPORT].into_iter();
        let missing = needed.find(|path| self.file(path).is_none())?;
        Some(format!("`{missing}` is not listed"))
    }
}

/// The digest that a body file is named after.
pub(super) fn body(path: &str) -> Option<&str> {
    path.strip_prefix(BODIES)?.strip_prefix('/')
}

/// Only these names are ever opened, so that no path leads out of the folder.
fn is_ours(path: &str) -> bool {
    [EXCHANGES, FACTS, RULES, PLAN, REPORT, BASELINE, ABOUT].contains(&path)
        || body(path).is_some_and(is_digest)
}

/// Whether a text is a SHA-256 in lower-case hex.
pub(super) fn is_digest(text: &str) -> bool {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(path: &str, sha256: &str) -> Listed {
        Listed {
            path: path.to_owned(),
            size: 1,
            sha256: sha256.to_owned(),
        }
    }

    fn manifest() -> Manifest {
        let digest = "ab".repeat(32);
        let mut files: Vec<Listed> = [EXCHANGES, FACTS, RULES, PLAN, REPORT]
            .map(|path| listed(path, &digest))
            .into();
        files.push(listed(&format!("bodies/{digest}"), &digest));
        Manifest {
            format: FORMAT.to_owned(),
            version: VERSION,
            tool: ToolInfo {
                name: "mcp-assay".to_owned(),
                version: "0".to_owned(),
            },
            target: String::new(),
            run_id: String::new(),
            started: String::new(),
            files,
        }
    }

    #[test]
    fn a_manifest_of_ours_has_nothing_odd() {
        assert_eq!(manifest().oddity(), None);
    }

    #[test]
    fn paths_that_leave_the_folder_or_are_not_ours_are_odd() {
        let digest = "ab".repeat(32);
        for path in [
            "../facts.json".to_owned(),
            "/etc/passwd".to_owned(),
            "bodies/../facts.json".to_owned(),
            format!("bodies/../{digest}"),
            format!("bodies/{}", "AB".repeat(32)),
            "bodies/".to_owned(),
            "bodies".to_owned(),
            "notes.txt".to_owned(),
            String::new(),
        ] {
            let mut odd = manifest();
            odd.files.push(listed(&path, &digest));
            let oddity = odd.oddity().expect(&path);
            assert!(oddity.contains("no file of an evidence folder"), "{oddity}");
        }
    }

    #[test]
    fn doubles_missing_files_and_wrong_digests_are_odd() {
        let digest = "ab".repeat(32);
        let odd = |change: &dyn Fn(&mut Manifest)| {
            let mut manifest = manifest();
            change(&mut manifest);
            manifest.oddity().expect("odd")
        };
        let doubled = odd(&|it| it.files.push(listed(FACTS, &digest)));
        assert!(doubled.contains("listed twice"), "{doubled}");
        let missing = odd(&|it| it.files.retain(|file| file.path != RULES));
        assert!(missing.contains("`rules.json` is not listed"), "{missing}");
        let short = odd(&|it| it.files.push(listed(BASELINE, "ab")));
        assert!(short.contains("has no SHA-256"), "{short}");
        let other = odd(&|it| {
            let path = format!("bodies/{}", "cd".repeat(32));
            it.files.push(listed(&path, &digest));
        });
        assert!(other.contains("not named after its digest"), "{other}");
    }
}
