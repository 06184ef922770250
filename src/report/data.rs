//! What data can the tools access? Audience, tenant, resources and prompts, and what was not asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::audit::Collected;
use crate::model::exchange::ExchangeId;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::{Access, Cell, Confidence, GateOutcome};
use crate::model::report::{CellCoverage, DataAnswer};
use crate::model::surface::{ListOutcome, SubjectKind};

use super::answers::{Behind, in_order, weakest};
use super::tenant::tenant;
use super::words;

/// Answers the question from gates and cells.
pub(super) fn answer(collected: &Collected, behind: &Behind) -> DataAnswer {
    let audience = audience(collected);
    let resources = kind(
        collected,
        &[SubjectKind::Resource, SubjectKind::ResourceTemplate],
        "resource",
    );
    let prompts = kind(collected, &[SubjectKind::Prompt], "prompt");
    let tenant = tenant(collected);
    let decided = [&audience, &resources, &prompts]
        .into_iter()
        .filter_map(|part| part.confidence)
        .chain(tenant.confidence);
    let sentence = format!(
        "{} {} {} {}",
        audience.sentence, resources.sentence, prompts.sentence, tenant.sentence
    );
    let exchanges = behind.exchanges.iter().chain(&audience.exchanges);
    let exchanges = exchanges.chain(&tenant.exchanges);
    DataAnswer {
        sentence,
        confidence: weakest(decided),
        exchanges: in_order(exchanges.copied()),
        audience: audience.word,
        tenant: tenant.word,
        resources: resources.word,
        prompts: prompts.word,
        coverage: coverage(collected),
        findings: behind.findings.clone(),
    }
}

/// The cells of everything that is no tool.
fn coverage(collected: &Collected) -> CellCoverage {
    let tool = SubjectKind::Tool.subject_id("");
    let cells = collected.matrix().map_or(&[][..], |matrix| &matrix.cells);
    let cells = || cells.iter().filter(|cell| !cell.subject.starts_with(&tool));
    CellCoverage {
        decided: cells().filter(|cell| cell.access.is_decided()).count(),
        cells: cells().count(),
    }
}

/// One part of the answer; no confidence when nothing was asked.
pub(super) struct Statement {
    pub(super) word: String,
    pub(super) sentence: String,
    pub(super) confidence: Option<Confidence>,
    pub(super) exchanges: Vec<ExchangeId>,
}

impl Statement {
    pub(super) fn untested(word: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            word: word.into(),
            sentence: sentence.into(),
            confidence: None,
            exchanges: Vec::new(),
        }
    }
}

/// Whether tokens for other resources were refused, at doors that are not open to everyone.
fn audience(collected: &Collected) -> Statement {
    let named = |kind: IdentityKind| -> BTreeSet<&str> {
        let present = collected.identities.present.iter();
        present
            .filter(|identity| identity.kind == kind)
            .map(|identity| identity.name.as_str())
            .collect()
    };
    let foreign = named(IdentityKind::ForeignAudience);
    if foreign.is_empty() {
        return Statement::untested(
            "not tested: needs a genuine token for another resource, given as an identity",
            "Whether a token meant for another server is refused was not tested.",
        );
    }
    let anonymous = named(IdentityKind::Anonymous);
    let open: BTreeSet<_> = collected
        .gates
        .iter()
        .filter(|gate| {
            anonymous.contains(gate.identity.as_str()) && gate.outcome == GateOutcome::Accepted
        })
        .map(|gate| (&gate.door, &gate.subject))
        .collect();
    let guarded: Vec<_> = collected
        .gates
        .iter()
        .filter(|gate| foreign.contains(gate.identity.as_str()))
        .filter(|gate| !open.contains(&(&gate.door, &gate.subject)))
        .collect();
    let with = |outcomes: &[GateOutcome]| -> usize {
        let gates = guarded.iter();
        gates
            .filter(|gate| outcomes.contains(&gate.outcome))
            .count()
    };
    let accepted = with(&[GateOutcome::Accepted]);
    let refused = with(&[GateOutcome::Refused, GateOutcome::RefusedInBand]);
    let all = guarded.len();
    let exchanges = guarded.iter().map(|gate| gate.exchange).collect();
    let requests = words::count(all, "request");
    match (accepted, refused) {
        (0, 0) => Statement::untested(
            "not decided: no door that asks for a token gave a clear answer",
            "Whether a token meant for another server is refused was not decided.",
        ),
        (0, n) if n == all => Statement {
            word: format!("refused in {n} of {requests}"),
            sentence: "Tokens meant for another server were refused.".to_owned(),
            confidence: Some(Confidence::Strong),
            exchanges,
        },
        (0, n) => Statement {
            word: format!("refused in {n} of {requests}; the others were unclear"),
            sentence: "Tokens meant for another server were refused where the answer was clear."
                .to_owned(),
            confidence: Some(Confidence::Weak),
            exchanges,
        },
        (n, _) => Statement {
            word: format!("accepted in {n} of {requests}"),
            sentence: "Tokens meant for another server are accepted.".to_owned(),
            confidence: Some(Confidence::Proven),
            exchanges,
        },
    }
}

/// What the cells of one kind of subject show across the valid identities.
fn kind(collected: &Collected, kinds: &[SubjectKind], noun: &str) -> Statement {
    let subjects: Vec<_> = collected
        .surface
        .subjects
        .iter()
        .filter(|subject| kinds.contains(&subject.kind))
        .collect();
    if subjects.is_empty() {
        return none_listed(collected, kinds, noun);
    }
    let mut cells: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
    for cell in collected.matrix().iter().flat_map(|matrix| &matrix.cells) {
        cells.entry(&cell.subject).or_default().push(cell);
    }
    let mut tally = Tally::default();
    let mut sure = Vec::new();
    for subject in &subjects {
        let cells = cells
            .get(subject.id.as_str())
            .map_or(&[][..], Vec::as_slice);
        tally.add(collected, cells, &mut sure);
    }
    let Tally {
        strangers,
        everyone,
        some,
        nobody,
        open,
    } = tally;
    let counted: Vec<(usize, &str)> = [
        (strangers, "open without a token"),
        (everyone, "open to every token tested"),
        (some, "open to some tokens and refused to others"),
        (nobody, "refused to every token tested"),
        (open, "not decided"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .collect();
    let phrases = |is: &str, are: &str| -> Vec<String> {
        let verb = |n: usize| if n == 1 { is } else { are }.to_owned();
        let counted = counted.iter();
        counted
            .map(|(n, what)| format!("{n} {}{what}", verb(*n)))
            .collect()
    };
    let total = words::count(subjects.len(), noun);
    Statement {
        sentence: if open == subjects.len() {
            format!("Access to {total} was not decided.")
        } else {
            format!("Of {total}, {}.", words::list(&phrases("is ", "are ")))
        },
        confidence: (open < subjects.len()).then(|| weakest(sure)),
        word: format!("{total}: {}", phrases("", "").join(", ")),
        exchanges: Vec::new(),
    }
}

fn none_listed(collected: &Collected, kinds: &[SubjectKind], noun: &str) -> Statement {
    let mut lists = collected
        .surface
        .listings
        .iter()
        .filter(|listing| kinds.contains(&listing.kind))
        .peekable();
    if lists.peek().is_none() {
        return Statement::untested(
            format!("not tested: no {noun} list was read"),
            format!("Access to {noun}s was not tested."),
        );
    }
    let answered =
        |outcome: &ListOutcome| matches!(outcome, ListOutcome::Complete | ListOutcome::NotOffered);
    if lists.any(|listing| answered(&listing.outcome)) {
        Statement::untested(
            format!("no {noun}s listed"),
            format!("The server lists no {noun}s."),
        )
    } else {
        Statement::untested(
            format!("not decided: no {noun} list could be read"),
            format!("Access to {noun}s was not decided, since no list could be read."),
        )
    }
}

/// Subjects by who got in.
#[derive(Default)]
struct Tally {
    strangers: usize,
    everyone: usize,
    some: usize,
    nobody: usize,
    open: usize,
}

impl Tally {
    fn add(&mut self, collected: &Collected, cells: &[&Cell], sure: &mut Vec<Confidence>) {
        let (mut allowed, mut denied, mut open, mut stranger) = (0, 0, 0, false);
        for cell in cells {
            let identity = collected.identities.named(&cell.identity);
            let usable = |identity: &Identity| {
                identity.kind == IdentityKind::Valid && identity.invalid.is_none()
            };
            let tokenless =
                identity.is_some_and(|identity| identity.kind == IdentityKind::Anonymous);
            if tokenless && cell.access == Access::Allowed {
                stranger = true;
                sure.push(cell.confidence);
            }
            if !identity.is_some_and(usable) {
                continue;
            }
            match cell.access {
                Access::Allowed => allowed += 1,
                Access::Denied => denied += 1,
                _ => open += 1,
            }
            if cell.access.is_decided() {
                sure.push(cell.confidence);
            }
        }
        let slot = match (stranger, allowed, denied, open) {
            (true, ..) => &mut self.strangers,
            (_, 1.., 1.., _) => &mut self.some,
            (_, 1.., 0, 0) => &mut self.everyone,
            (_, 0, 1.., 0) => &mut self.nobody,
            _ => &mut self.open,
        };
        *slot += 1;
    }
}
