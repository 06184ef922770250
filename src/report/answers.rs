//! The three questions of a buyer, answered from what was collected and judged.

use std::collections::BTreeSet;

use crate::model::audit::Collected;
use crate::model::exchange::ExchangeId;
use crate::model::matrix::Confidence;
use crate::model::report::{Answers, CoverageRow, ToolEnforcement, ToolsAnswer};
use crate::model::verdict::{Finding, Status};

use super::{clients, data, words};

/// Answers the three questions. `findings` holds every finding, accepted ones included: an
/// acceptance changes what fails the run, not what is true.
pub fn answers(
    collected: &Collected,
    findings: &[Finding],
    coverage: &[CoverageRow],
    enforcement: ToolEnforcement,
) -> Answers {
    let sorted = Sorted::new(findings, coverage);
    Answers {
        clients: clients::answer(collected, &sorted.of(Question::Clients)),
        tools: tools(&sorted, coverage, enforcement),
        data: data::answer(collected, &sorted.of(Question::Data)),
    }
}

/// Findings behind one answer.
pub(super) struct Behind {
    pub(super) findings: Vec<String>,
    pub(super) exchanges: Vec<ExchangeId>,
    /// The checks that found them, with the exchange each rests on.
    pub(super) checks: Vec<(String, Option<ExchangeId>)>,
}

/// Every exchange once, in ledger order.
pub(super) fn in_order(exchanges: impl IntoIterator<Item = ExchangeId>) -> Vec<ExchangeId> {
    exchanges
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Clients,
    Tools,
    Data,
}

/// Each finding with the question that its check bears on.
struct Sorted<'a>(Vec<(Question, &'a Finding)>);

impl<'a> Sorted<'a> {
    fn new(findings: &'a [Finding], coverage: &[CoverageRow]) -> Self {
        let question = |finding: &'a Finding| {
            let row = coverage.iter().find(|row| row.check == finding.check);
            let requirements = row.map_or(&[][..], |row| &row.requirements);
            Some((question(requirements, &finding.subject)?, finding))
        };
        Self(findings.iter().filter_map(question).collect())
    }

    fn of(&self, wanted: Question) -> Behind {
        let findings = || {
            let mine = self.0.iter().filter(|(question, _)| *question == wanted);
            mine.map(|(_, finding)| *finding)
        };
        Behind {
            findings: findings()
                .map(|finding| finding.fingerprint.clone())
                .collect(),
            exchanges: in_order(findings().filter_map(primary)),
            checks: findings()
                .map(|finding| (finding.check.clone(), primary(finding)))
                .collect(),
        }
    }
}

fn primary(finding: &Finding) -> Option<ExchangeId> {
    let mut cites = finding.cites.iter();
    cites.find(|cite| cite.primary).map(|cite| cite.exchange)
}

/// Registration, grants and the servers behind them are about clients; audience and whatever is
/// no tool is about data; the rest of tokens, scopes and primitives decides which tools run.
fn question(requirements: &[String], subject: &str) -> Option<Question> {
    if ABOUT_DATA
        .iter()
        .any(|id| requirements.iter().any(|r| r == id))
        || ["resource/", "resource_template/", "prompt/"]
            .iter()
            .any(|prefix| subject.starts_with(prefix))
    {
        return Some(Question::Data);
    }
    requirements.iter().find_map(|id| {
        let (area, _) = id.split_once('-')?;
        match area {
            "REG" | "ASE" | "EXT" => Some(Question::Clients),
            "PRIM" | "SCP" | "TOK" => Some(Question::Tools),
            _ => None,
        }
    })
}

fn tools(sorted: &Sorted<'_>, coverage: &[CoverageRow], seen: ToolEnforcement) -> ToolsAnswer {
    let Behind {
        findings,
        exchanges,
        ..
    } = sorted.of(Question::Tools);
    // Scopes guard little when the token itself is not checked.
    let failed: Vec<&str> = coverage
        .iter()
        .filter(|row| row.status == Status::Fail && is_about_tokens(&row.requirements))
        .map(|row| row.title.as_str())
        .collect();
    let sentence = if failed.is_empty() {
        seen.sentence
    } else {
        let failed = words::list(&failed);
        format!("{} Token handling failed too: {failed}.", seen.sentence)
    };
    ToolsAnswer {
        sentence,
        enforcement: seen.enforcement,
        confidence: seen.confidence,
        counts: seen.counts,
        broken_by: seen.broken_by,
        coverage: seen.coverage,
        findings,
        exchanges: in_order(exchanges.into_iter().chain(seen.exchanges)),
    }
}

fn is_about_tokens(requirements: &[String]) -> bool {
    requirements
        .iter()
        .any(|id| id.starts_with("TOK-") && !ABOUT_DATA.contains(&id.as_str()))
}

/// The least sure of several statements.
pub(super) fn weakest(all: impl IntoIterator<Item = Confidence>) -> Confidence {
    all.into_iter().min().unwrap_or(Confidence::Inconclusive)
}

const ABOUT_DATA: [&str; 9] = [
    "TOK-08", "TOK-15", "PRIM-14", "PRIM-18", "PRIM-19", "PRIM-20", "PRIM-21", "PRIM-22", "PRIM-23",
];
