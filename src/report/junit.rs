//! `JUnit` XML: a suite per area, a test per check. What was not decided is an error, never a pass.

use std::io::{self, Write};

use crate::checks::requirements::Area;
use crate::model::report::{CoverageRow, Report};
use crate::model::verdict::{Finding, Status};

use super::facts::{self, Item};
use super::markup::Markup;
use super::{RenderError, Renderer, exit, safe, words};

/// Renders the report for whatever shows test results.
#[derive(Clone, Copy, Debug, Default)]
pub struct Junit;

impl Renderer for Junit {
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
        let suites = suites(report);
        document(&report.tool.name, Counts::of(&suites), out, |xml| {
            suites.iter().try_for_each(|suite| {
                xml.newline()?;
                suite.write(xml, report, None)
            })
        })
    }
}

/// How many tests there are, and how many of them are no pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
}

impl Counts {
    /// One test that is an error.
    pub(super) const ERROR: Self = Self {
        tests: 1,
        failures: 0,
        errors: 1,
    };

    fn of(suites: &[Suite<'_>]) -> Self {
        let sum = |part: fn(&Suite<'_>) -> usize| suites.iter().map(part).sum();
        Self {
            tests: sum(|suite| suite.tests.len()),
            failures: sum(|suite| suite.count(Word::Failure)),
            errors: sum(|suite| suite.count(Word::Error)),
        }
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
        }
    }
}

/// Writes the suites of one target among several.
pub(super) fn part(report: &Report, target: &str, out: &mut dyn Write) -> io::Result<Counts> {
    let suites = suites(report);
    let mut xml = Markup::new(out);
    for suite in &suites {
        xml.newline()?;
        suite.write(&mut xml, report, Some(target))?;
    }
    Ok(Counts::of(&suites))
}

/// Writes the one test of a target that there is no report of.
pub(super) fn missing(target: &str, meaning: &str, out: &mut dyn Write) -> io::Result<Counts> {
    let name = format!("{}/run", safe::fit(target, NAME));
    let class = format!("mcp-assay.{name}");
    let mut xml = Markup::new(out);
    xml.newline()?;
    let suite = [
        ("name", &*name),
        ("tests", "1"),
        ("failures", "0"),
        ("errors", "1"),
    ];
    xml.element("testsuite", &suite, |xml| {
        let case = [("name", target), ("classname", &*class)];
        xml.element("testcase", &case, |xml| {
            let message = safe::fit(meaning, MESSAGE);
            let attributes = [("type", "not reported"), ("message", &*message)];
            xml.leaf("error", &attributes, meaning)
        })
    })?;
    Ok(Counts::ERROR)
}

/// Writes the element that holds all suites.
pub(super) fn document(
    name: &str,
    counts: Counts,
    out: &mut dyn Write,
    suites: impl FnOnce(&mut Markup<'_>) -> io::Result<()>,
) -> Result<(), RenderError> {
    let mut xml = Markup::new(out);
    xml.literal("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
    let [tests, failures, errors] =
        [counts.tests, counts.failures, counts.errors].map(|count| count.to_string());
    let attributes = [
        ("name", name),
        ("tests", &*tests),
        ("failures", &*failures),
        ("errors", &*errors),
    ];
    xml.element("testsuites", &attributes, |xml| {
        suites(xml)?;
        xml.newline()
    })?;
    xml.newline()?;
    Ok(())
}

/// The kind of an outcome that is not a plain pass.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Failure,
    Error,
    Skipped,
    Note,
}

/// One outcome of a test.
struct Remark {
    word: Word,
    kind: String,
    message: String,
    text: String,
}

struct Test<'a> {
    name: &'a str,
    remarks: Vec<Remark>,
}

struct Suite<'a> {
    name: &'static str,
    tests: Vec<Test<'a>>,
}

impl Suite<'_> {
    /// Tests with such an outcome, each once.
    fn count(&self, word: Word) -> usize {
        let has = |test: &&Test<'_>| test.remarks.iter().any(|remark| remark.word == word);
        self.tests.iter().filter(has).count()
    }

    /// Writes the suite; where there are several targets it bears the name of its own.
    fn write(&self, xml: &mut Markup<'_>, report: &Report, target: Option<&str>) -> io::Result<()> {
        let count = |word| self.count(word).to_string();
        let target = target.map(|target| safe::fit(target, NAME));
        let name = target.map_or_else(
            || self.name.to_owned(),
            |target| format!("{target}/{}", self.name),
        );
        let attributes = [
            ("name", &*name),
            ("tests", &self.tests.len().to_string()),
            ("failures", &count(Word::Failure)),
            ("errors", &count(Word::Error)),
            ("skipped", &count(Word::Skipped)),
            ("timestamp", &report.engagement.started),
            ("hostname", &facts::host(report)),
        ];
        xml.element("testsuite", &attributes, |xml| {
            for test in &self.tests {
                xml.newline()?;
                test.write(xml, &name)?;
            }
            xml.newline()
        })
    }
}

impl Test<'_> {
    fn write(&self, xml: &mut Markup<'_>, suite: &str) -> io::Result<()> {
        let name = safe::fit_middle(self.name, NAME);
        let class = format!("mcp-assay.{suite}");
        let attributes = [("name", &*name), ("classname", &*class)];
        xml.element("testcase", &attributes, |xml| {
            for remark in &self.remarks {
                xml.newline()?;
                let attributes = [("type", &*remark.kind), ("message", &*remark.message)];
                match remark.word {
                    Word::Failure => xml.leaf("failure", &attributes, &remark.text)?,
                    Word::Error => xml.leaf("error", &attributes, &remark.text)?,
                    Word::Skipped => xml.leaf("skipped", &attributes, &remark.text)?,
                    Word::Note => xml.leaf("system-out", &[], &remark.text)?,
                }
            }
            Ok(())
        })
    }
}

fn suites(report: &Report) -> Vec<Suite<'_>> {
    let items = facts::items(report);
    let mut suites = vec![Suite {
        name: "run",
        tests: vec![run(report)],
    }];
    let areas = Area::ALL.into_iter().map(Some).chain([None]);
    for area in areas {
        let rows = report.coverage.iter();
        let tests: Vec<Test<'_>> = rows
            .filter(|row| facts::area(row) == area)
            .map(|row| test(row, &items))
            .collect();
        if !tests.is_empty() {
            let name = area.map_or("configuration", Area::as_str);
            suites.push(Suite { name, tests });
        }
    }
    // A finding whose check has no row would otherwise be lost.
    let orphans: Vec<Test<'_>> = items
        .iter()
        .filter(|item| item.row.is_none())
        .map(|item| Test {
            name: &item.finding.check,
            remarks: vec![found(item)],
        })
        .collect();
    if !orphans.is_empty() {
        suites.push(Suite {
            name: "without-row",
            tests: orphans,
        });
    }
    suites
}

/// Whether the audit could be done at all: a target that nobody reached must not look green.
fn run(report: &Report) -> Test<'_> {
    let code = report.outcome.exit_code;
    let remark = |word| Remark {
        word,
        kind: facts::ending(report).to_owned(),
        message: report.outcome.meaning.clone(),
        text: format!(
            "{}\nrun {}, revision {}, {} of {} cells decided",
            report.outcome.meaning,
            report.engagement.run_id,
            facts::revision(report),
            report.outcome.decided_cells,
            report.outcome.cells
        ),
    };
    let done = matches!(code, exit::CLEAN | exit::FINDINGS);
    Test {
        name: &report.target.url,
        remarks: vec![remark(if done { Word::Note } else { Word::Error })],
    }
}

fn test<'a>(row: &'a CoverageRow, items: &[Item<'_>]) -> Test<'a> {
    let own = items.iter().filter(|item| item.finding.check == row.check);
    let mut remarks: Vec<Remark> = own.map(found).collect();
    if remarks.iter().any(|remark| remark.word == Word::Failure) {
        // A test is either failed or skipped: what is still open decides.
        for remark in &mut remarks {
            if remark.word == Word::Skipped {
                remark.word = Word::Note;
            }
        }
    }
    if remarks.is_empty() {
        let word = match row.status {
            Status::Fail | Status::Warn => Word::Failure,
            Status::Inconclusive => Word::Error,
            Status::NotApplicable => Word::Skipped,
            Status::Pass | Status::Observed => Word::Note,
        };
        let decided = row.decided_by.as_ref();
        let decided = decided.map_or(String::new(), |flag| format!("\ndecided by: {flag}"));
        remarks.push(Remark {
            word,
            kind: row.status.as_str().to_owned(),
            message: safe::fit(&row.reason, MESSAGE),
            text: format!("{}\n{}{decided}", row.title, row.reason),
        });
    }
    Test {
        name: &row.check,
        remarks,
    }
}

fn found(item: &Item<'_>) -> Remark {
    let finding = item.finding;
    Remark {
        word: match item.acceptance {
            Some(_) => Word::Skipped,
            None => Word::Failure,
        },
        kind: finding.severity.as_str().to_owned(),
        message: safe::fit(
            &format!("{}: {}", finding.subject, finding.message),
            MESSAGE,
        ),
        text: details(item, finding),
    }
}

fn details(item: &Item<'_>, finding: &Finding) -> String {
    let mut text = format!(
        "{}\nsubject: {}\n{}\n",
        item.title(),
        finding.subject,
        finding.message
    );
    if let Some(row) = item.row {
        text.push_str(&format!("{}; ", row.wording));
    }
    text.push_str(&format!(
        "certainty {}\n",
        words::confidence(finding.confidence)
    ));
    for cite in &finding.cites {
        let part = facts::part(&cite.part);
        text.push_str(&format!("{} {part}: {}\n", cite.exchange, cite.says));
    }
    if let Some(accepted) = item.acceptance {
        text.push_str(&format!("accepted: {}\n", accepted.reason));
    }
    text.push_str(&format!(
        "what to do: mcp-assay explain {}\nid {}",
        finding.check, finding.fingerprint
    ));
    text
}

const NAME: usize = 200;
const MESSAGE: usize = 400;
