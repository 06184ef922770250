//! Doors that let in what the tool list refuses, and which of them another finding tells of already.

use std::collections::BTreeSet;

use super::evidence::Evidence;
use super::revisions;
use crate::model::bypass::Passage;
use crate::model::door_trials::{Door, DoorTrial};
use crate::model::identity::IdentityKind;
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;
use crate::model::target::Revision;
use crate::oracle::door_trials::outcome;

/// What became of wrong tokens at the doors beside the tool list.
pub(crate) struct Entrances<'a> {
    /// Open, and told nowhere else.
    pub(crate) open: Vec<&'a DoorTrial>,
    /// Open, with the check that tells of it.
    pub(crate) told: Vec<(&'a DoorTrial, &'static str)>,
    /// Refused.
    pub(crate) refused: Vec<&'a DoorTrial>,
    /// Open to anybody, as greetings may be, and everything where the tool list is: no defect by
    /// itself.
    pub(crate) public: BTreeSet<(Revision, Door)>,
}

impl Entrances<'_> {
    /// Whether the finding about forgotten doors names this one.
    pub(crate) fn tells(&self, revision: Revision, door: Door, identity: &str) -> bool {
        let mut open = self.open.iter();
        open.any(|it| it.revision == revision && it.door == door && it.identity == identity)
    }

    /// Whether it names DELETE there, whoever is named: a session is ended once.
    pub(crate) fn tells_of_ends(&self, revision: Revision) -> bool {
        let mut open = self.open.iter();
        open.any(|it| it.revision == revision && it.door == Door::End)
    }
}

/// Sorts what was seen.
pub(crate) fn entrances<'a>(evidence: &Evidence<'a>) -> Entrances<'a> {
    let collected = evidence.collected();
    let seen: Vec<(&DoorTrial, GateOutcome)> = collected
        .door_trials
        .iter()
        .map(|trial| (trial, outcome(&collected.ledger, trial)))
        .collect();
    let public_list = evidence.gates(IdentityKind::Anonymous).any(|gate| {
        gate.door == ProbeId::ListTools.as_str() && gate.outcome == GateOutcome::Accepted
    });
    let is_public = |trial: &DoorTrial| {
        // Only who sends no token shows whether a door is meant for everybody.
        let turned_away = seen.iter().any(|(other, outcome)| {
            let same = other.revision == trial.revision && other.door == trial.door;
            same && other.identity == "anonymous" && *outcome == GateOutcome::Refused
        });
        (public_list || trial.door.is_greeting()) && !turned_away
    };
    let ungated = revisions::without_gate(evidence);
    let credential = is_credential(evidence);
    let elsewhere = |trial: &DoorTrial| {
        if ungated.contains(&trial.revision.to_string()) {
            Some("revision-asks-no-token")
        } else if credential && (trial.borrowed || trial.door == Door::End) {
            Some("session-id-is-credential")
        } else {
            is_known(evidence, trial).then_some("missing-token-accepted")
        }
    };
    let mut found = Entrances {
        open: Vec::new(),
        told: Vec::new(),
        refused: Vec::new(),
        public: BTreeSet::new(),
    };
    for (trial, outcome) in &seen {
        match outcome {
            GateOutcome::Refused | GateOutcome::RefusedInBand => found.refused.push(trial),
            GateOutcome::Accepted if is_public(trial) => {
                found.public.insert((trial.revision, trial.door));
            }
            GateOutcome::Accepted => match elsewhere(trial) {
                Some(check) => found.told.push((trial, check)),
                None => found.open.push(trial),
            },
            GateOutcome::Unclear => {}
        }
    }
    found
}

/// Whether a session lists the tools to somebody who has no token of worth.
fn is_credential(evidence: &Evidence<'_>) -> bool {
    let mut uses = evidence.collected().bypass.sessions.iter();
    uses.any(|used| {
        let stranger = evidence.identity(&used.user).is_some_and(|user| {
            matches!(user.kind, IdentityKind::Anonymous | IdentityKind::Garbage)
        });
        stranger && used.request == Door::ToolList.as_str() && used.passage == Passage::Through
    })
}

/// Whether the same door lets the same in where the other checks look, and they tell of it.
fn is_known(evidence: &Evidence<'_>, trial: &DoorTrial) -> bool {
    let probes: &[ProbeId] = match trial.door {
        Door::Initialize | Door::Discover => &[ProbeId::OpenSession],
        Door::ToolList => &[ProbeId::ListTools],
        Door::ResourceList => &[ProbeId::ListResources],
        Door::TemplateList => &[ProbeId::ListResourceTemplates],
        Door::PromptList => &[ProbeId::ListPrompts],
        Door::Call => &[ProbeId::UnknownName],
        Door::Read => &[ProbeId::ReadResource],
        Door::Prompt => &[ProbeId::PromptGet],
        Door::Stream | Door::End => &[],
    };
    evidence.collected().gates.iter().any(|gate| {
        let same = gate.identity == trial.identity || gate.identity == "anonymous";
        let door = probes.iter().any(|probe| probe.as_str() == gate.door);
        same && door && gate.outcome == GateOutcome::Accepted
    })
}
