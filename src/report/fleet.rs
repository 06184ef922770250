//! Several targets in one document: an overview, then report after report, in the order in which the
//! operator named the targets, whichever ended first.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

use crate::model::fleet::{FleetOutcome, Sentences, TargetOutcome};
use crate::model::report::{Report, SCHEMA_VERSION, ToolInfo};

use super::text::{Page, Tone};
use super::{Format, RenderError, Style, exit, github, json, junit, markdown, sarif, words};

/// What stands in the document for one target.
#[derive(Debug, Default)]
pub struct Part {
    bytes: Vec<u8>,
    /// Where they are instead, from the present position on.
    file: Option<File>,
    counts: junit::Counts,
}

impl Part {
    /// What will stand in the document, as far as it is in memory.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, with its bytes in a file that stands at the first of them.
    #[must_use]
    pub fn in_file(self, file: File) -> Self {
        Self {
            bytes: Vec::new(),
            file: Some(file),
            ..self
        }
    }

    fn write(self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.bytes)?;
        if let Some(mut file) = self.file {
            io::copy(&mut file, out)?;
        }
        Ok(())
    }
}

/// A document of several targets that grows as they end.
pub struct Combined {
    format: Format,
    style: Style,
    next: usize,
    written: usize,
    waiting: BTreeMap<usize, Option<Part>>,
}

/// How one target ended.
pub fn row(name: &str, key: &str, report: &Report, exit_code: u8) -> TargetOutcome {
    let answers = &report.answers;
    TargetOutcome {
        name: name.to_owned(),
        key: key.to_owned(),
        url: report.target.url.clone(),
        exit_code,
        meaning: report.outcome.meaning.clone(),
        answers: Some(Sentences {
            clients: answers.clients.sentence.clone(),
            tools: answers.tools.sentence.clone(),
            data: answers.data.sentence.clone(),
        }),
    }
}

impl Combined {
    /// An empty document.
    pub const fn new(format: Format, style: Style) -> Self {
        Self {
            format,
            style,
            next: 0,
            written: 0,
            waiting: BTreeMap::new(),
        }
    }

    /// Whether a form can hold several targets; the others take a file of each.
    pub const fn holds(format: Format) -> bool {
        match format {
            Format::Table
            | Format::Json
            | Format::Sarif
            | Format::Junit
            | Format::Markdown
            | Format::Github => true,
            Format::Html | Format::Har | Format::Oscal | Format::Brief => false,
        }
    }

    /// Renders what stands for one target, after which its report can go.
    ///
    /// # Errors
    /// When the form cannot hold the report.
    pub fn part(&self, target: &TargetOutcome, report: &Report) -> Result<Part, RenderError> {
        let mut part = Part::default();
        let mut out = &mut part.bytes;
        match self.format {
            Format::Json => json::write(report, &mut Indented(&mut out))?,
            Format::Sarif => {
                let run = sarif::distinct_run(report, &target.key);
                json::write(&run, &mut Indented(&mut out))?;
            }
            Format::Junit => part.counts = junit::part(report, &target.name, &mut out)?,
            other => other.renderer(&self.style).render(report, &mut out)?,
        }
        if self.streams() {
            while part.bytes.last().is_some_and(u8::is_ascii_whitespace) {
                part.bytes.pop();
            }
        }
        Ok(part)
    }

    /// Takes the part of the target at this place, or the news that it has none, and writes what can
    /// be written already.
    ///
    /// # Errors
    /// When the destination takes no more.
    pub fn add(&mut self, at: usize, part: Option<Part>, out: &mut dyn Write) -> io::Result<()> {
        self.waiting.insert(at, part);
        if !self.streams() {
            return Ok(());
        }
        while let Some(part) = self.waiting.remove(&self.next) {
            self.next += 1;
            let Some(part) = part else { continue };
            let before = if self.written == 0 {
                self.head()
            } else {
                ",\n".to_owned()
            };
            self.written += 1;
            write!(out, "{before}{DEEP}")?;
            part.write(out)?;
        }
        Ok(())
    }

    /// Whether the part of the target at this place would have to wait for those before it, in a
    /// form whose parts are large.
    pub fn waits(&self, at: usize) -> bool {
        self.streams() && at != self.next
    }

    /// Ends the document.
    ///
    /// # Errors
    /// When the destination takes no more.
    pub fn finish(
        self,
        tool: &ToolInfo,
        targets: &[TargetOutcome],
        out: &mut dyn Write,
    ) -> Result<(), RenderError> {
        match self.format {
            Format::Json | Format::Sarif => self.tail(tool, targets, out),
            Format::Junit => self.suites(tool, targets, out),
            Format::Markdown => self.markdown(targets, out),
            Format::Github => {
                github::overview(&sentence(targets), out)?;
                self.rest(b"", out)
            }
            _ => {
                out.write_all(self.overview(tool, targets).as_bytes())?;
                self.rest(b"\n\n", out)
            }
        }
    }

    const fn streams(&self) -> bool {
        matches!(self.format, Format::Json | Format::Sarif)
    }

    fn head(&self) -> String {
        match self.format {
            Format::Sarif => format!(
                "{{\n  \"$schema\": \"{}\",\n  \"version\": \"{}\",\n  \"runs\": [\n",
                sarif::SCHEMA,
                sarif::VERSION
            ),
            _ => format!("{{\n  \"schema_version\": \"{SCHEMA_VERSION}\",\n  \"reports\": [\n"),
        }
    }

    fn tail(
        &self,
        tool: &ToolInfo,
        targets: &[TargetOutcome],
        out: &mut dyn Write,
    ) -> Result<(), RenderError> {
        if self.written == 0 {
            out.write_all(self.head().as_bytes())?;
        }
        out.write_all(b"\n  ]")?;
        if self.format == Format::Json {
            let outcome = FleetOutcome {
                exit_code: exit::worst(targets.iter().map(|target| target.exit_code)),
                targets: targets.to_vec(),
            };
            for (name, value) in [
                ("tool", super::inert_json(tool)?),
                ("outcome", super::inert_json(&outcome)?),
            ] {
                let value = value.trim_end().replace('\n', "\n  ");
                write!(out, ",\n  \"{name}\": {value}")?;
            }
        }
        out.write_all(b"\n}\n")?;
        Ok(())
    }

    fn suites(
        mut self,
        tool: &ToolInfo,
        targets: &[TargetOutcome],
        out: &mut dyn Write,
    ) -> Result<(), RenderError> {
        let mut parts = Vec::new();
        for (at, target) in targets.iter().enumerate() {
            let known = self.waiting.remove(&at).flatten();
            if let Some(part) = known {
                parts.push(part);
                continue;
            }
            let mut part = Part::default();
            part.counts = junit::missing(&target.name, &target.meaning, &mut part.bytes)?;
            parts.push(part);
        }
        let counts = parts.iter().map(|part| part.counts);
        let counts = counts.fold(junit::Counts::default(), |sum, one| sum + one);
        junit::document(&tool.name, counts, out, |xml| {
            parts.iter().try_for_each(|part| xml.raw(&part.bytes))
        })
    }

    /// As much as fits into a comment, target by target; what does not is said.
    fn markdown(self, targets: &[TargetOutcome], out: &mut dyn Write) -> Result<(), RenderError> {
        let mut text = markdown::overview(targets);
        let mut left_out = 0;
        for part in self.waiting.into_values().flatten() {
            let part = String::from_utf8_lossy(&part.bytes);
            if text.len() + part.len() < markdown::MOST - markdown::RESERVE {
                text.push('\n');
                text.push_str(&part);
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            text.push_str(&format!(
                "\n**{} did not fit**; `--report markdown={{target}}.md` writes a page for each \
                 target.\n",
                words::count(left_out, "report")
            ));
        }
        out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// The overview for people.
    fn overview(&self, tool: &ToolInfo, targets: &[TargetOutcome]) -> String {
        let mut page = Page::new(self.style);
        let title = format!(
            "{} {}: {}",
            tool.name,
            tool.version,
            words::count(targets.len(), "target")
        );
        page.text(0, Tone::Heading, &title);
        for target in targets {
            page.blank();
            page.text(2, Tone::Plain, &format!("{}  {}", target.name, target.url));
            let tone = match target.exit_code {
                exit::CLEAN => Tone::Good,
                exit::FINDINGS => Tone::Bad,
                _ => Tone::Caution,
            };
            let ending = format!("{} {}", target.exit_code, exit::name(target.exit_code));
            page.labelled(4, "exit", tone, &format!("{ending}: {}", target.meaning));
            for (label, sentence) in answers(target) {
                page.labelled(4, label, Tone::Plain, sentence);
            }
        }
        page.finish()
    }

    fn rest(self, before: &[u8], out: &mut dyn Write) -> Result<(), RenderError> {
        for part in self.waiting.into_values().flatten() {
            out.write_all(before)?;
            out.write_all(&part.bytes)?;
        }
        Ok(())
    }
}

/// The three answers with the word for each question.
pub(super) fn answers(target: &TargetOutcome) -> Vec<(&'static str, &str)> {
    let answers = target.answers.as_ref();
    answers.map_or_else(Vec::new, |it| {
        vec![
            ("clients", &*it.clients),
            ("tools", &*it.tools),
            ("data", &*it.data),
        ]
    })
}

/// How every target ended, in one sentence.
fn sentence(targets: &[TargetOutcome]) -> String {
    let each = targets.iter().map(|target| {
        let name = exit::name(target.exit_code);
        format!("{} ended with {} {name}", target.name, target.exit_code)
    });
    each.collect::<Vec<_>>().join("; ")
}

/// Indents what comes after a line break; in JSON none stands inside a string (RFC 8259 §7).
struct Indented<'a, W>(&'a mut W);

impl<W: Write> Write for Indented<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.0.write_all(line)?;
            if line.ends_with(b"\n") {
                self.0.write_all(DEEP.as_bytes())?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

const DEEP: &str = "    ";
