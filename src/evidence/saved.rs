//! Reads a folder that anybody may have written: bounded, inside the folder, every digest checked.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::bodies::{self, Bodies};
use super::deep;
use super::manifest::{self, FORMAT, Listed, Manifest, VERSION};
use super::signature::VerifyingKey;
use super::{
    BASELINE, BODIES, EXCHANGES, FACTS, MANIFEST, REPORT, RULES, SIGNATURE, UNFINISHED, files, line,
};
use crate::config;
use crate::model::audit::Collected;
use crate::model::exchange::Ledger;
use crate::model::report::Report;
use crate::model::rules::Rules;

/// A folder whose files are what its manifest says.
#[derive(Debug)]
pub struct Saved {
    /// What was collected.
    pub collected: Collected,
    /// What it was judged by.
    pub rules: Rules,
    /// The earlier report that the run was held against.
    pub baseline: Option<Report>,
    /// The manifest.
    pub manifest: Manifest,
    /// The bodies that are read when they are asked for.
    pub bodies: Arc<Bodies>,
}

impl Saved {
    /// Checks a folder and reads what judging it takes.
    ///
    /// # Errors
    /// An unfinished, changed, foreign or newer folder; the text names the file and both digests.
    pub fn open(path: &Path, key: Option<&VerifyingKey>) -> Result<Self, config::Error> {
        let place = Place(path.to_owned());
        let manifest = place.manifest(key)?;
        for file in &manifest.files {
            place.check(file)?;
        }
        let bodies = Arc::new(Bodies::new(path));
        let mut collected: Collected = place.json(FACTS)?;
        if collected.target.is_none() {
            return Err(place.refuse(FACTS, "names no target", WRITTEN_ELSEWHERE));
        }
        collected.ledger = place.ledger(&manifest, &bodies)?;
        let baseline = manifest.file(BASELINE).map(|_| place.json(BASELINE));
        Ok(Self {
            collected,
            rules: place.json(RULES)?,
            baseline: baseline.transpose()?,
            manifest,
            bodies,
        })
    }
}

struct Place(PathBuf);

impl Place {
    fn manifest(&self, key: Option<&VerifyingKey>) -> Result<Manifest, config::Error> {
        let again = "write the folder again with `mcp-assay audit --evidence`";
        if !self.0.is_dir() {
            let remedy = "name a folder that `mcp-assay audit --evidence` wrote";
            return Err(self.refuse("", "is no folder", remedy));
        }
        if std::fs::symlink_metadata(self.0.join(UNFINISHED)).is_ok() {
            let problem = "is unfinished: the run that wrote it has not ended or was cut short";
            return Err(self.refuse("", problem, again));
        }
        let bytes = self.bytes(MANIFEST)?;
        if let Some(key) = key {
            let signature = files::read(&self.0.join(SIGNATURE), 1024).map_err(|error| {
                let remedy = "ask for the signature, or leave `--verify` out";
                self.refuse(SIGNATURE, &format!("cannot be read: {error}"), remedy)
            })?;
            if !key.verifies(&bytes, &signature) {
                let problem = "is no signature of `manifest.json` by this key";
                let remedy = "do not rely on this folder, or give the key of whoever signed it";
                return Err(self.refuse(SIGNATURE, problem, remedy));
            }
        }
        // The version comes first: a newer manifest may have another form altogether.
        let value: Value = self.parsed(MANIFEST, &bytes)?;
        let format = value.get("format").and_then(Value::as_str);
        if format != Some(FORMAT) {
            return Err(self.refuse(MANIFEST, "is no manifest of mcp-assay", again));
        }
        let version = value.get("version").and_then(Value::as_u64);
        if version != Some(u64::from(VERSION)) {
            let actual = version.map_or_else(|| "none".to_owned(), |it| it.to_string());
            let problem = format!("has format version {actual}, and this program reads {VERSION}");
            let remedy = "judge it with the version of mcp-assay that wrote it, or a newer one";
            return Err(self.refuse(MANIFEST, &problem, remedy));
        }
        let manifest: Manifest = self.parsed(MANIFEST, &bytes)?;
        match manifest.oddity() {
            Some(oddity) => Err(self.refuse(MANIFEST, &oddity, again)),
            None => Ok(manifest),
        }
    }

    fn check(&self, file: &Listed) -> Result<(), config::Error> {
        let remedy = "do not rely on this folder; get an unchanged copy";
        let folder = self.0.join(BODIES);
        let inside = std::fs::symlink_metadata(&folder).is_ok_and(|it| it.is_dir());
        let is_body = manifest::body(&file.path).is_some();
        if is_body && !inside {
            return Err(self.refuse(BODIES, "is no folder", remedy));
        }
        let measured = files::measure(&self.0.join(&file.path), most(&file.path));
        let (size, sha256) = measured.map_err(|error| {
            self.refuse(&file.path, &format!("cannot be read: {error}"), remedy)
        })?;
        if (size, &sha256) == (file.size, &file.sha256) {
            return Ok(());
        }
        let problem = format!(
            "was changed: the manifest says SHA-256 {} and {} bytes, the file has {sha256} and \
             {size} bytes",
            file.sha256, file.size
        );
        Err(self.refuse(&file.path, &problem, remedy))
    }

    fn ledger(&self, manifest: &Manifest, bodies: &Arc<Bodies>) -> Result<Ledger, config::Error> {
        let path = self.0.join(EXCHANGES);
        let unreadable = |source| config::Error::Unreadable {
            path: path.display().to_string(),
            source,
        };
        let file = files::plain_file(&path, most(EXCHANGES)).map_err(unreadable)?;
        let mut lines = BufReader::new(file);
        let mut ledger = Ledger::default();
        for number in 1_u32.. {
            let mut line = Vec::new();
            let mut bounded = (&mut lines).take(LINE);
            if bounded.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
                break;
            }
            let refuse = |problem: String| {
                let problem = format!("line {number}: {problem}");
                self.refuse(EXCHANGES, &problem, WRITTEN_ELSEWHERE)
            };
            if !line.ends_with(b"\n") {
                return Err(refuse(format!("has no end within {LINE} bytes")));
            }
            let value = serde_json::from_slice(&line).map_err(|it| refuse(it.to_string()))?;
            let load = |sha256: &str| {
                let listed = manifest.file_of(sha256);
                let listed =
                    listed.ok_or_else(|| format!("body {sha256} is not in the manifest"))?;
                let kept = bodies.kept(sha256, listed.size);
                kept.map_err(|error| format!("body {sha256}: {error}"))
            };
            let exchange = line::read(value, load).map_err(refuse)?;
            let named = exchange.id;
            let filed = ledger.file(exchange);
            if named != filed {
                return Err(refuse(format!("it is exchange {named}; expected {filed}")));
            }
        }
        Ok(ledger)
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, config::Error> {
        self.parsed(name, &self.bytes(name)?)
    }

    fn parsed<T: DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> Result<T, config::Error> {
        deep::read(bytes).map_err(|problem| self.refuse(name, &problem, WRITTEN_ELSEWHERE))
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, config::Error> {
        let path = self.0.join(name);
        files::read(&path, most(name)).map_err(|source| config::Error::Unreadable {
            path: path.display().to_string(),
            source,
        })
    }

    fn refuse(&self, name: &str, problem: &str, remedy: &str) -> config::Error {
        let place = if name.is_empty() {
            self.0.clone()
        } else {
            self.0.join(name)
        };
        config::Error::value(place.display().to_string(), problem, remedy)
    }
}

fn most(path: &str) -> u64 {
    match path {
        // Read line by line, or measured and never read.
        EXCHANGES | REPORT => 16 * 1024 * 1024 * 1024,
        _ if manifest::body(path).is_some() => bodies::MOST,
        _ => 512 * 1024 * 1024,
    }
}

const WRITTEN_ELSEWHERE: &str =
    "judge it with the version of mcp-assay that wrote it, or get a copy of what was written";

/// Bytes of the longest line: two header sections and two URLs, escaped.
const LINE: u64 = 8 * 1024 * 1024;
