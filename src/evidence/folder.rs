//! Writes a folder. Until the manifest is in place a file says that the run did not end.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::bodies::Bodies;
use super::files::{self, Measured};
use super::line;
use super::manifest::{FORMAT, Listed, Manifest, VERSION};
use super::signature::SigningKey;
use super::{
    ABOUT, BASELINE, BODIES, EXCHANGES, FACTS, MANIFEST, PLAN, REPORT, RULES, SIGNATURE, UNFINISHED,
};
use crate::config;
use crate::model::audit::Collected;
use crate::model::body::BodyStore;
use crate::model::report::Report;
use crate::model::rules::Rules;
use crate::report::{RenderError, write_json, write_json_line};

/// A folder that is being written.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    bodies: Arc<Bodies>,
    key: Option<SigningKey>,
    listed: Vec<Listed>,
}

impl Folder {
    /// Starts a folder that is new or empty, and marks it as unfinished.
    ///
    /// # Errors
    /// A path that holds something, or cannot be written.
    pub fn begin(path: &Path, key: Option<SigningKey>) -> Result<Self, config::Error> {
        let refuse = |problem: String| {
            let remedy = "name a new folder, or an empty one, in a folder that can be written";
            config::Error::value("--evidence", problem, remedy)
        };
        let shown = path.display();
        match fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(refuse(format!("`{shown}` is not empty")));
                }
                fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => files::new_folder(path),
            Err(error) => Err(error),
        }
        .and_then(|()| files::new_folder(&path.join(BODIES)))
        .and_then(|()| files::new_file(&path.join(UNFINISHED))?.write_all(CUT.as_bytes()))
        .map_err(|error| refuse(format!("`{shown}` cannot be written: {error}")))?;
        Ok(Self {
            path: path.to_owned(),
            bodies: Arc::new(Bodies::new(path)),
            key,
            listed: Vec::new(),
        })
    }

    /// Where the wire puts bodies as they arrive.
    pub fn store(&self) -> Arc<dyn BodyStore> {
        Arc::<Bodies>::clone(&self.bodies)
    }

    /// Writes what was collected and what it is judged by.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn collected(&mut self, collected: &Collected, rules: &Rules) -> io::Result<()> {
        let bodies = Arc::clone(&self.bodies);
        self.write(EXCHANGES, |out| {
            for exchange in collected.ledger.iter() {
                let line = line::write(exchange, |bytes| bodies.save(bytes))?;
                write_json_line(&line, out).map_err(plain)?;
            }
            Ok(())
        })?;
        self.write(FACTS, |out| write_json_line(collected, out).map_err(plain))?;
        self.json(RULES, rules)?;
        self.json(PLAN, &collected.plan)
    }

    /// Writes the report and, last of all, the manifest; then the folder is finished.
    ///
    /// # Errors
    /// A file that cannot be written, or a body that could not.
    pub fn finish(mut self, report: &Report, baseline: Option<&Report>) -> io::Result<()> {
        if let Some(baseline) = baseline {
            self.json(BASELINE, baseline)?;
        }
        self.json(REPORT, report)?;
        self.write(ABOUT, |out| out.write_all(READ_ME.as_bytes()))?;
        if let Some(trouble) = self.bodies.trouble() {
            return Err(io::Error::other(trouble));
        }
        let mut files = std::mem::take(&mut self.listed);
        files.extend(self.bodies.listed());
        files.sort();
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            version: VERSION,
            tool: report.tool.clone(),
            target: report.target.url.clone(),
            run_id: report.engagement.run_id.clone(),
            started: report.engagement.started.clone(),
            files,
        };
        let mut bytes = Vec::new();
        write_json(&manifest, &mut bytes).map_err(plain)?;
        if let Some(key) = &self.key {
            self.put(SIGNATURE, &key.sign(&bytes))?;
        }
        self.put(MANIFEST, &bytes)?;
        fs::remove_file(self.path.join(UNFINISHED))?;
        File::open(&self.path)?.sync_all()
    }

    fn json<T: Serialize>(&mut self, name: &str, value: &T) -> io::Result<()> {
        self.write(name, |out| write_json(value, out).map_err(plain))
    }

    fn write(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let file = files::new_file(&self.path.join(name)).map_err(|error| named(name, &error))?;
        let mut out = Measured::new(BufWriter::with_capacity(1 << 16, file));
        fill(&mut out)
            .and_then(|()| out.flush())
            .map_err(|error| named(name, &error))?;
        let (size, sha256) = out.result();
        self.listed.push(Listed {
            path: name.to_owned(),
            size,
            sha256,
        });
        Ok(())
    }

    /// A file that is there completely or not at all.
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let half = self.path.join(format!("{name}.new"));
        let mut file = files::new_file(&half)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(half, self.path.join(name))
    }
}

fn plain(error: RenderError) -> io::Error {
    match error {
        RenderError::Io(error) => error,
        RenderError::Json(error) => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

fn named(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {error}"))
}

const CUT: &str = "The run that wrote this folder has not ended, or was cut short.\n\
    Without manifest.json nothing here is evidence of anything.\n";

const READ_ME: &str = "\
Evidence of one audit by mcp-assay. Secrets were replaced by labels such as {token-reader} before
anything was written.

manifest.json      every other file with its size and SHA-256
manifest.json.sig  a detached Ed25519 signature of manifest.json, where the run was signed
exchanges.jsonl    one request and its outcome a line, in order; `file` names a body
bodies/            bodies, each once, named after the SHA-256 of its bytes
facts.json         what was learned from the exchanges
rules.json         what the operator intended and accepted
plan.json          what was to be sent
report.json        the report
baseline.json      the earlier report that the run was held against, if any

To check that nothing was changed, and to write the report again in any form, without a network:

    mcp-assay judge FOLDER
    mcp-assay judge FOLDER --report html=report.html

To check a signature with the public key of whoever signed, without mcp-assay:

    openssl pkeyutl -verify -pubin -inkey PUBLIC.pem -rawin -in manifest.json -sigfile manifest.json.sig

and the files that the manifest lists:

    python3 -c \"import json,hashlib as h; [print(f['path'], h.sha256(open(f['path'],'rb').read()).hexdigest() == f['sha256']) for f in json.load(open('manifest.json'))['files']]\"
";
