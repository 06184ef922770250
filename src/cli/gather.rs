//! What a run against several targets has to show, as they end.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;

use super::args::{Global, OutputArgs};
use super::ending;
use super::session::{self, Destination};
use crate::model::fleet::TargetOutcome;
use crate::model::report::{Report, ToolInfo};
use crate::report::exit;
use crate::report::fleet::{Combined, Part};

/// The outcomes so far and the documents that grow with them.
pub(crate) struct Gathered {
    /// Where the operator wants reports, the files of each target included.
    asked: Vec<String>,
    rows: Vec<Option<TargetOutcome>>,
    documents: Vec<Document>,
    tool: ToolInfo,
}

/// A document that holds every target.
struct Document {
    path: String,
    combined: Combined,
    out: Sink,
    trouble: Option<io::Error>,
}

/// Where it goes: standard output waits, so that two documents never mix there.
enum Sink {
    Unopened,
    File(BufWriter<File>),
    Memory(Vec<u8>),
}

impl Gathered {
    /// Nothing yet.
    pub(crate) fn new(
        destinations: Vec<Destination>,
        global: &Global,
        output: &OutputArgs,
    ) -> Self {
        let document = |Destination { format, path }| {
            let to_stdout = path == "-";
            let style = session::style(global, to_stdout, output.full);
            Document {
                path,
                combined: Combined::new(format, style),
                out: if to_stdout {
                    Sink::Memory(Vec::new())
                } else {
                    Sink::Unopened
                },
                trouble: None,
            }
        };
        let asked = output.reports.iter();
        let asked = asked.map(|it| it.split_once('=').map_or("-", |(_, path)| path));
        Self {
            asked: if output.reports.is_empty() {
                vec!["-".to_owned()]
            } else {
                asked.map(str::to_owned).collect()
            },
            rows: Vec::new(),
            documents: destinations.into_iter().map(document).collect(),
            tool: ToolInfo {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        }
    }

    /// How many targets have ended.
    pub(crate) fn done(&self) -> usize {
        self.rows.iter().flatten().count()
    }

    /// A target ended; its report is rendered now and not kept.
    pub(crate) fn add(&mut self, at: usize, row: TargetOutcome, report: Option<&Report>) {
        for document in &mut self.documents {
            document.add(at, &row, report);
        }
        if self.rows.len() <= at {
            self.rows.resize(at + 1, None);
        }
        if let Some(slot) = self.rows.get_mut(at) {
            *slot = Some(row);
        }
    }

    /// Ends every document; the exit code of the run.
    ///
    /// # Errors
    /// A document that could not be written; the others are written all the same.
    pub(crate) fn finish(self, global: &Global) -> anyhow::Result<u8> {
        let rows: Vec<TargetOutcome> = self.rows.into_iter().flatten().collect();
        let mut trouble = None;
        for document in self.documents {
            let path = document.path.clone();
            if let Err(error) = document.finish(&self.tool, &rows) {
                trouble = Some(error.context(format!("{path} was not written")));
            }
        }
        let codes: Vec<u8> = rows.iter().map(|row| row.exit_code).collect();
        let code = exit::worst(codes.iter().copied());
        if let Some(error) = trouble {
            return Err(error);
        }
        let paths: Vec<&str> = self.asked.iter().map(String::as_str).collect();
        ending::tell_of_several(code, &codes, &paths, global);
        Ok(code)
    }
}

impl Document {
    fn add(&mut self, at: usize, row: &TargetOutcome, report: Option<&Report>) {
        let part = report.map(|report| self.combined.part(row, report));
        let part = part.transpose().map_err(io::Error::other);
        let added = part.and_then(|part| self.grow(at, part));
        if let Err(error) = added {
            self.trouble.get_or_insert(error);
        }
    }

    fn grow(&mut self, at: usize, part: Option<Part>) -> io::Result<()> {
        self.open()?;
        let part = part.map(|part| self.set_aside(at, part));
        match &mut self.out {
            Sink::File(file) => self.combined.add(at, part, file),
            Sink::Memory(bytes) => self.combined.add(at, part, bytes),
            Sink::Unopened => Ok(()),
        }
    }

    /// A large part that waits for others waits on disk, beside the document that it goes into.
    fn set_aside(&self, at: usize, part: Part) -> Part {
        let on_disk = matches!(self.out, Sink::File(_));
        if !on_disk || part.bytes().len() < LARGE || !self.combined.waits(at) {
            return part;
        }
        match aside(&format!("{}.{at}.part", self.path), part.bytes()) {
            Ok(file) => part.in_file(file),
            // Where there is no room beside it, there is memory.
            Err(_) => part,
        }
    }

    fn open(&mut self) -> io::Result<()> {
        if matches!(self.out, Sink::Unopened) {
            let file = File::create(&self.path)?;
            self.out = Sink::File(BufWriter::with_capacity(1 << 16, file));
        }
        Ok(())
    }

    fn finish(mut self, tool: &ToolInfo, rows: &[TargetOutcome]) -> anyhow::Result<()> {
        if let Some(error) = self.trouble.take() {
            return Err(error.into());
        }
        self.open()?;
        match self.out {
            Sink::File(mut file) => {
                self.combined.finish(tool, rows, &mut file)?;
                file.flush()?;
            }
            Sink::Memory(mut bytes) => {
                self.combined.finish(tool, rows, &mut bytes)?;
                session::stream("-", &mut |out| out.write_all(&bytes))?;
            }
            Sink::Unopened => {}
        }
        Ok(())
    }
}

/// A file without a name, so that it is gone whenever the run ends.
fn aside(path: &str, bytes: &[u8]) -> io::Result<File> {
    let mut options = File::options();
    let options = options.read(true).write(true).create_new(true);
    let mut file = options.mode(0o600).open(path)?;
    std::fs::remove_file(path)?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// Parts below this size wait in memory.
const LARGE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_set_aside_reads_back_and_leaves_no_name_and_replaces_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.json.1.part").display().to_string();
        let mut file = aside(&path, b"{}").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "{}");
        std::fs::write(&path, "mine").unwrap();
        assert!(aside(&path, b"{}").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
