//! Puts the report together from what was collected and what was judged.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::audit::Collected;
use crate::model::exchange::{Exchange, FailureKind, Ledger};
use crate::model::matrix::{Access, Matrix};
use crate::model::policy::{CellBreak, EffectivePolicy, PolicyComparison};
use crate::model::probe::ProbeId;
use crate::model::report::{
    CoverageRow, MatrixDifference, Report, ReportMatrix, ReportSubject, RequestCounts,
    SCHEMA_VERSION, ToolEnforcement, ToolInfo,
};
use crate::model::rules::Rules;
use crate::model::surface::Subject;
use crate::model::target::{ResourceId, Revision, Target};
use crate::model::verdict::Finding;

use super::accept::{Split, split};
use super::acceptances;
use super::answers::answers;
use super::definition;
use super::exit::outcome;
use super::undecided::undecided;

/// What came out of the judging.
#[derive(Clone, Debug)]
pub struct Judged {
    /// A row for every check.
    pub coverage: Vec<CoverageRow>,
    /// Every finding, accepted ones included.
    pub findings: Vec<Finding>,
    /// What the cells say about tools.
    pub enforcement: ToolEnforcement,
    /// What was seen to open each subject.
    pub policy: EffectivePolicy,
    /// The cells against the operator's policy.
    pub comparison: Option<PolicyComparison>,
    /// Cells that are not as they should be, matrix by matrix.
    pub breaks: Vec<Vec<CellBreak>>,
}

/// Builds the report; takes the evidence over, since a ledger is too large to copy.
pub fn assemble(collected: Collected, judged: Judged, rules: impl Into<Rules>) -> Report {
    let rules = rules.into();
    let Judged {
        mut coverage,
        mut findings,
        enforcement,
        policy,
        comparison,
        breaks,
    } = judged;
    let mut breaks = breaks.into_iter();
    worst_first(&mut findings);
    let complete = !collected.interrupted && collected.discovery.unusable.is_none();
    let answers = answers(&collected, &findings, &coverage, enforcement);
    let Split {
        mut open,
        accepted,
        standings,
    } = split(findings, &rules, &coverage, complete);
    let resource = collected.target.as_ref();
    let resource = resource.map_or("", |target| target.resource.0.as_str());
    let said = acceptances::judge(&rules.accept, &standings, resource);
    coverage.extend(said.rows);
    open.extend(said.findings);
    worst_first(&mut open);
    let outcome = outcome(&collected, &coverage, &open, &rules);
    let requests = request_counts(&collected.ledger);
    let undecided = undecided(&collected, &coverage);
    let differences = differences(&collected.matrices);
    let subjects: Vec<ReportSubject> = collected.surface.subjects.iter().map(label).collect();
    let matrices = collected.matrices.into_iter();
    Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: ToolInfo {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        target: collected.target.unwrap_or_else(|| Target {
            url: collected.discovery.endpoint.clone(),
            resource: ResourceId(collected.discovery.endpoint.clone()),
        }),
        engagement: collected.engagement,
        outcome,
        answers,
        matrices: matrices
            .enumerate()
            .map(|(n, matrix)| {
                let breaks = breaks.next().unwrap_or_default();
                with_labels(n, matrix, &subjects, breaks)
            })
            .collect(),
        differences,
        effective_policy: policy,
        ladder: collected.ladder,
        policy: comparison,
        coverage,
        findings: open,
        accepted,
        stale_acceptances: said.stale,
        undecided,
        residue: collected.residue,
        sessions: collected.sessions,
        identities: collected.identities,
        discovery: collected.discovery,
        registrations: collected.registrations,
        token_endpoints: collected.token_endpoints,
        front_channels: collected.front_channels,
        logins: collected.logins,
        client_documents: collected.client_documents,
        key_documents: collected.key_documents,
        doors: collected.doors,
        canaries: collected.canaries,
        objects: collected.objects,
        handles: collected.handles,
        bypass: collected.bypass,
        listings: collected.surface.listings,
        gates: collected.gates,
        plan: collected.plan,
        requests,
        ledger: collected.ledger,
    }
}

fn worst_first(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.check.clone(), finding.subject.clone());
        b.severity
            .cmp(&a.severity)
            .then_with(|| key(a).cmp(&key(b)))
    });
}

fn label(subject: &Subject) -> ReportSubject {
    ReportSubject {
        id: subject.id.clone(),
        kind: subject.kind,
        name: subject.name.clone(),
        annotations: subject.annotations,
        declared: subject.schemes.clone(),
        description_sha256: definition::description(subject),
        schema_sha256: definition::schema(subject),
    }
}

/// Every subject belongs to the audited revision's matrix; the others may hold a part of them.
fn with_labels(
    n: usize,
    matrix: Matrix,
    subjects: &[ReportSubject],
    breaks: Vec<CellBreak>,
) -> ReportMatrix {
    let held: BTreeSet<&str> = matrix.cells.iter().map(|cell| &*cell.subject).collect();
    let mine = subjects
        .iter()
        .filter(|subject| n == 0 || held.contains(subject.id.as_str()));
    ReportMatrix {
        revision: matrix.revision,
        transport: matrix.transport,
        identities: matrix.identities,
        subjects: mine.cloned().collect(),
        cells: matrix.cells,
        calibration: matrix.calibration,
        breaks,
    }
}

/// Cells whose word is not the same in every matrix that has them.
fn differences(matrices: &[Matrix]) -> Vec<MatrixDifference> {
    let mut words: BTreeMap<(&str, &str), Vec<(Revision, Access)>> = BTreeMap::new();
    for matrix in matrices {
        for cell in &matrix.cells {
            words
                .entry((&cell.subject, &cell.identity))
                .or_default()
                .push((matrix.revision, cell.access));
        }
    }
    words
        .into_iter()
        .filter(|(_, access)| {
            access
                .iter()
                .any(|(_, word)| access.first().map(|(_, w)| w) != Some(word))
        })
        .map(|((subject, identity), access)| MatrixDifference {
            subject: subject.to_owned(),
            identity: identity.to_owned(),
            access,
        })
        .collect()
}

/// Counts what went out, by tier and probe, cells apart from controls.
fn request_counts(ledger: &Ledger) -> RequestCounts {
    let mut counts = RequestCounts::default();
    for exchange in sent(ledger) {
        counts.total += 1;
        let tier = exchange.tier.as_str().to_owned();
        *counts.by_tier.entry(tier).or_default() += 1;
        let probe = exchange.probe.id.as_str().to_owned();
        *counts.by_probe.entry(probe).or_default() += 1;
        match exchange.probe.id {
            ProbeId::CallInvalid
            | ProbeId::CallValid
            | ProbeId::CallListed
            | ProbeId::CallCanary
            | ProbeId::ReadResource
            | ProbeId::PromptGet => {
                let confirms = exchange.probe.variant.as_deref() == Some("fresh-session");
                if exchange.probe.attempt == 0 && !confirms {
                    counts.cell_requests += 1;
                } else {
                    counts.control_requests += 1;
                }
            }
            ProbeId::UnknownName
            | ProbeId::UnknownResource
            | ProbeId::UnknownPrompt
            | ProbeId::Calibrate => counts.control_requests += 1,
            _ => {}
        }
    }
    counts
}

/// Blocked and over-budget requests are on record but never left.
fn sent(ledger: &Ledger) -> impl Iterator<Item = &Exchange> {
    ledger.iter().filter(|exchange| {
        exchange
            .failure()
            .is_none_or(|failure| !failure.kind.is_refusal() && failure.kind != FailureKind::Budget)
    })
}
