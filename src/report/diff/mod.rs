//! Two reports of one server: what got worse, what got better, what is merely different.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::report::Report;
use crate::model::verdict::Severity;

mod cells;
mod gate;
mod posture;
mod show;
mod verdicts;

pub use gate::gate;
pub use show::{markdown, table};

/// What changed between two reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    /// The older run.
    pub old: Side,
    /// The newer run.
    pub new: Side,
    /// What got worse, worst first.
    pub regressions: Vec<Change>,
    /// What got better.
    pub improvements: Vec<Change>,
    /// What is different and neither.
    pub changes: Vec<Change>,
    /// What limits the comparison.
    pub notes: Vec<String>,
}

/// One of the two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// The endpoint.
    pub target: String,
    /// The run.
    pub run_id: String,
    /// When it started.
    pub started: String,
    /// The revision spoken, when there was one.
    pub revision: String,
    /// Version of the tool.
    pub tool: String,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What kind of difference.
    pub kind: ChangeKind,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about: a subject id, an issuer, a check with its subject.
    pub subject: String,
    /// Whose token, for cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// How it was.
    pub before: String,
    /// How it is.
    pub after: String,
    /// The finding that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
}

/// What kind of difference.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A token opens what was closed to it.
    CellOpened,
    /// A tool that was not there, and that no scope guards.
    UnguardedAppeared,
    /// Registration is open to more clients.
    PostureDropped,
    /// Tools as a whole are guarded less.
    EnforcementDropped,
    /// A tool is described or called otherwise than before.
    DefinitionChanged,
    /// A finding that was not there.
    FindingAppeared,
    /// A finding that matters more, or that is no longer accepted.
    FindingWorse,
    /// A token is closed out of what was open to it.
    CellClosed,
    /// Registration is open to fewer clients.
    PostureRose,
    /// Tools as a whole are guarded more.
    EnforcementRose,
    /// A finding that is gone, while its check was judged.
    FindingGone,
    /// A finding that matters less, or that is accepted now.
    FindingMilder,
    /// Something to ask for that was not there.
    SubjectAppeared,
    /// Something to ask for that is gone.
    SubjectVanished,
    /// A cell that was decided and is not any more, or the reverse.
    DecisionChanged,
    /// A check that does not say whether its finding is gone.
    FindingUndecided,
}

impl ChangeKind {
    /// The kind in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CellOpened => "access opened",
            Self::UnguardedAppeared => "new and unguarded",
            Self::PostureDropped => "registration opened",
            Self::EnforcementDropped => "enforcement dropped",
            Self::DefinitionChanged => "definition changed",
            Self::FindingAppeared => "new finding",
            Self::FindingWorse => "worse finding",
            Self::CellClosed => "access closed",
            Self::PostureRose => "registration closed",
            Self::EnforcementRose => "enforcement rose",
            Self::FindingGone => "finding gone",
            Self::FindingMilder => "milder finding",
            Self::SubjectAppeared => "appeared",
            Self::SubjectVanished => "vanished",
            Self::DecisionChanged => "decision changed",
            Self::FindingUndecided => "finding not decided",
        }
    }

    const fn is_worse(self) -> bool {
        matches!(
            self,
            Self::CellOpened
                | Self::UnguardedAppeared
                | Self::PostureDropped
                | Self::EnforcementDropped
                | Self::DefinitionChanged
                | Self::FindingAppeared
                | Self::FindingWorse
        )
    }

    const fn is_better(self) -> bool {
        matches!(
            self,
            Self::CellClosed
                | Self::PostureRose
                | Self::EnforcementRose
                | Self::FindingGone
                | Self::FindingMilder
        )
    }
}

/// Compares two reports.
pub fn compare(old: &Report, new: &Report) -> Diff {
    let mut all = Vec::new();
    cells::compare(old, new, &mut all);
    posture::compare(old, new, &mut all);
    verdicts::compare(old, new, &mut all);
    all.sort_by(|a, b| {
        let key = |change: &Change| (change.kind, change.subject.clone(), change.identity.clone());
        b.severity
            .cmp(&a.severity)
            .then_with(|| key(a).cmp(&key(b)))
    });
    let (regressions, rest): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|change| change.kind.is_worse());
    let (improvements, changes) = rest.into_iter().partition(|change| change.kind.is_better());
    Diff {
        old: side(old),
        new: side(new),
        regressions,
        improvements,
        changes,
        notes: notes(old, new),
    }
}

fn side(report: &Report) -> Side {
    Side {
        target: report.target.url.clone(),
        run_id: report.engagement.run_id.clone(),
        started: report.engagement.started.clone(),
        revision: super::facts::revision(report).to_owned(),
        tool: report.tool.version.clone(),
    }
}

/// What keeps two runs from being compared like with like.
fn notes(old: &Report, new: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    let mut differ = |what: &str, before: &str, after: &str| {
        if before != after {
            notes.push(format!("{what} differs: {before} before, {after} now"));
        }
    };
    differ("the target", &old.target.resource.0, &new.target.resource.0);
    let revision = super::facts::revision;
    differ("the revision", revision(old), revision(new));
    differ(
        "the version of the tool",
        &old.tool.version,
        &new.tool.version,
    );
    let tiers = |report: &Report| {
        let tiers = report.engagement.tiers.iter();
        tiers
            .map(|tier| tier.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    differ("what was permitted", &tiers(old), &tiers(new));
    for (which, report) in [("older", old), ("newer", new)] {
        if let Some(reason) = &report.discovery.unusable {
            notes.push(format!(
                "the {which} run could not audit the target: {reason}"
            ));
        } else if report.outcome.interrupted {
            notes.push(format!("the {which} run was interrupted"));
        }
    }
    for stale in &new.stale_acceptances {
        notes.push(format!(
            "the acceptance of {} is stale: {}",
            stale.check, stale.problem
        ));
    }
    for (identity, reason) in cells::incomparable(old, new) {
        notes.push(format!("cells of {identity} are not compared: {reason}"));
    }
    notes
}
