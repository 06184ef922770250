//! The ledger's trials become one matrix.

use std::collections::{BTreeMap, BTreeSet};

use super::calibrate::Treatment;
use super::differential::{self, Arm, SubjectTrials};
use super::observe::{Answer, observe};
use crate::model::exchange::{Exchange, FailureKind, Ledger};
use crate::model::identity::{Identities, Identity, IdentityKind};
use crate::model::matrix::{Calibration, Matrix};
use crate::model::probe::{ProbeId, Tier};
use crate::model::surface::{ListOutcome, Subject, SubjectKind, Surface};
use crate::model::target::{Revision, Transport};

/// What the matrix is built from.
#[derive(Clone, Copy, Debug)]
pub struct MatrixInput<'a> {
    /// The revision spoken.
    pub revision: Revision,
    /// The transport used.
    pub transport: Transport,
    /// Every exchange.
    pub ledger: &'a Ledger,
    /// Who asked.
    pub identities: &'a Identities,
    /// What they see.
    pub surface: &'a Surface,
    /// What the pre-flight showed.
    pub calibration: &'a Calibration,
    /// How each subject was asked, by subject id.
    pub treatments: &'a BTreeMap<String, Treatment>,
}

/// Builds the matrix: one row per subject of the surface, one column per identity.
pub fn build(input: &MatrixInput<'_>) -> Matrix {
    let trials = Trials::read(input);
    let cells = input
        .surface
        .subjects
        .iter()
        .flat_map(|subject| differential::decide(&trials.of(input, subject)))
        .collect();
    Matrix {
        revision: input.revision,
        transport: input.transport,
        identities: trials.columns(input.identities),
        cells,
        calibration: input.calibration.clone(),
    }
}

/// The probe that a subject's treatment is sent as.
pub fn probe_of(subject: &Subject, treatment: &Treatment) -> Option<ProbeId> {
    match (treatment, subject.kind) {
        (Treatment::NotTested { .. }, _) => None,
        (_, SubjectKind::Resource | SubjectKind::ResourceTemplate) => Some(ProbeId::ReadResource),
        (_, SubjectKind::Prompt) => Some(ProbeId::PromptGet),
        (Treatment::Valid { .. }, SubjectKind::Tool) => Some(ProbeId::CallValid),
        (Treatment::Invalid { .. }, SubjectKind::Tool) => Some(ProbeId::CallInvalid),
        (Treatment::ListedCall { .. }, SubjectKind::Tool) => Some(ProbeId::CallListed),
        _ => None,
    }
}

/// Every answer that bears on the matrix, read once.
pub(super) struct Trials {
    attempts: BTreeMap<Place, Vec<Attempt>>,
    alive: BTreeSet<String>,
    callers: BTreeSet<String>,
    sessions: BTreeMap<String, BTreeSet<String>>,
    unanswered: Treatment,
}

/// Identity, probe, subject.
type Place = (String, ProbeId, String);

struct Attempt {
    fresh: bool,
    number: u16,
    tier: Tier,
    answer: Answer,
}

impl Trials {
    /// Reads the ledger.
    pub(super) fn read(input: &MatrixInput<'_>) -> Self {
        let mut trials = Self {
            attempts: BTreeMap::new(),
            alive: BTreeSet::new(),
            callers: BTreeSet::new(),
            sessions: BTreeMap::new(),
            unanswered: Treatment::NotTested {
                reason: "no way to ask was chosen".into(),
                decided_by: None,
            },
        };
        for exchange in input.ledger.iter() {
            if TRIALS.contains(&exchange.probe.id) && was_sent(exchange) {
                trials.add(exchange);
            }
        }
        for listing in &input.surface.listings {
            let read = matches!(
                listing.outcome,
                ListOutcome::Complete | ListOutcome::Partial { .. }
            );
            if read {
                trials.alive.insert(listing.identity.clone());
            }
        }
        trials
    }

    /// What a subject was asked, by everybody.
    pub(super) fn of<'a>(
        &'a self,
        input: &MatrixInput<'a>,
        subject: &'a Subject,
    ) -> SubjectTrials<'a> {
        let treatment = input
            .treatments
            .get(&subject.id)
            .unwrap_or(&self.unanswered);
        let probe = probe_of(subject, treatment);
        let present = input.identities.present.iter();
        let arms = present
            .filter(|identity| self.takes_part(identity))
            .map(|identity| {
                let attempts = |fresh: bool| -> Vec<&Attempt> {
                    let Some(probe) = probe else {
                        return Vec::new();
                    };
                    let place = (identity.name.clone(), probe, subject.id.clone());
                    let mut attempts: Vec<&Attempt> = self
                        .attempts
                        .get(&place)
                        .into_iter()
                        .flatten()
                        .filter(|attempt| attempt.fresh == fresh)
                        .collect();
                    attempts.sort_by_key(|attempt| attempt.number);
                    attempts
                };
                let (own, fresh) = (attempts(false), attempts(true));
                let tier = own.iter().chain(&fresh).map(|attempt| attempt.tier).max();
                let answers = |attempts: &[&'a Attempt]| -> Vec<&'a Answer> {
                    attempts.iter().map(|attempt| &attempt.answer).collect()
                };
                Arm {
                    identity,
                    listed: input.surface.listed(&identity.name, subject),
                    list: input
                        .surface
                        .listing(&identity.name, subject.kind)
                        .map(|listing| &listing.outcome),
                    answers: answers(&own),
                    fresh: answers(&fresh),
                    unknown: self.unknown(&identity.name, subject.kind),
                    alive: self.alive.contains(&identity.name),
                    shares_session_with: self.shared_session(&identity.name, &own),
                    tier,
                }
            });
        SubjectTrials {
            subject,
            treatment,
            baseline: input.identities.baseline.as_deref(),
            arms: arms.collect(),
        }
    }

    /// The number that the next attempt gets.
    pub(super) fn next_attempt(
        &self,
        identity: &str,
        probe: ProbeId,
        subject: &str,
        fresh: bool,
    ) -> u16 {
        let place = (identity.to_owned(), probe, subject.to_owned());
        let numbers = self.attempts.get(&place).into_iter().flatten();
        numbers
            .filter(|attempt| attempt.fresh == fresh)
            .map(|attempt| attempt.number.saturating_add(1))
            .max()
            .unwrap_or(0)
    }

    /// Identity names in column order.
    fn columns(&self, identities: &Identities) -> Vec<String> {
        let present = identities.present.iter();
        present
            .filter(|identity| self.takes_part(identity))
            .map(|identity| identity.name.clone())
            .collect()
    }

    /// Valid identities and the anonymous one always have a column, others when they called.
    fn takes_part(&self, identity: &Identity) -> bool {
        matches!(identity.kind, IdentityKind::Valid | IdentityKind::Anonymous)
            || self.callers.contains(&identity.name)
    }

    fn add(&mut self, exchange: &Exchange) {
        let answer = observe(exchange);
        if answer.shape.is_success() && answer.status < 300 {
            self.alive.insert(exchange.identity.clone());
        }
        if let Some(session) = &answer.sent.session
            && session != UNNAMED_SECRET
        {
            self.sessions
                .entry(session.clone())
                .or_default()
                .insert(exchange.identity.clone());
        }
        let subject = exchange.probe.subject.clone().unwrap_or_default();
        // Random names differ per identity: they are filed under the probe alone.
        let baseline = BASELINES.contains(&exchange.probe.id);
        let subject = if baseline { String::new() } else { subject };
        if !baseline {
            self.callers.insert(exchange.identity.clone());
        }
        let place = (exchange.identity.clone(), exchange.probe.id, subject);
        let attempts = self.attempts.entry(place).or_default();
        let attempt = Attempt {
            fresh: exchange.probe.variant.as_deref() == Some(FRESH_SESSION),
            number: exchange.probe.attempt,
            tier: exchange.tier,
            answer,
        };
        // The same key again is the same question after a redirect: the later answer counts.
        let known = attempts
            .iter_mut()
            .find(|known| known.number == attempt.number && known.fresh == attempt.fresh);
        match known {
            Some(known) if !baseline => *known = attempt,
            _ => attempts.push(attempt),
        }
    }

    fn unknown(&self, identity: &str, kind: SubjectKind) -> Vec<&Answer> {
        let probe = match kind {
            SubjectKind::Tool => ProbeId::UnknownName,
            SubjectKind::Prompt => ProbeId::UnknownPrompt,
            _ => ProbeId::UnknownResource,
        };
        let place = (identity.to_owned(), probe, String::new());
        let attempts = self.attempts.get(&place).into_iter().flatten();
        attempts.map(|attempt| &attempt.answer).collect()
    }

    fn shared_session(&self, identity: &str, attempts: &[&Attempt]) -> Option<&str> {
        let sessions = attempts
            .iter()
            .filter_map(|attempt| attempt.answer.sent.session.as_ref());
        sessions
            .filter_map(|session| self.sessions.get(session))
            .flatten()
            .find(|other| *other != identity)
            .map(String::as_str)
    }
}

/// Whether the request left the machine.
pub(super) fn was_sent(exchange: &Exchange) -> bool {
    exchange.failure().is_none_or(|failure| {
        !matches!(
            failure.kind,
            FailureKind::Blocked
                | FailureKind::Inside
                | FailureKind::Budget
                | FailureKind::Cancelled
        )
    })
}

/// The variant of a confirmation in a second session.
pub const FRESH_SESSION: &str = "fresh-session";

const UNNAMED_SECRET: &str = "{secret}";
const BASELINES: [ProbeId; 3] = [
    ProbeId::UnknownName,
    ProbeId::UnknownResource,
    ProbeId::UnknownPrompt,
];
const TRIALS: [ProbeId; 8] = [
    ProbeId::CallValid,
    ProbeId::CallInvalid,
    ProbeId::CallListed,
    ProbeId::ReadResource,
    ProbeId::PromptGet,
    ProbeId::UnknownName,
    ProbeId::UnknownResource,
    ProbeId::UnknownPrompt,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{Failure, HeaderField, Outcome};
    use crate::model::matrix::Access;
    use crate::model::probe::ProbeKey;
    use crate::oracle::testing::{Bench, call, http, rpc_error, said};
    use serde_json::json;

    const TWO: &[(&str, &[&str])] = &[("reader", &["read"]), ("admin", &["read", "write"])];

    #[test]
    fn columns_follow_the_identities_that_take_part() {
        let bench = Bench::valid(TWO).got("admin", vec![said("some data")]);
        let matrix = build(&bench.input());
        assert_eq!(matrix.identities, ["anonymous", "reader", "admin"]);
        assert_eq!(matrix.cells.len(), 3);
        let bench = bench.got("garbage", vec![said("some data")]);
        assert_eq!(build(&bench.input()).identities.len(), 4);
    }

    #[test]
    fn requests_that_never_left_are_not_answers() {
        for (kind, access) in [
            (FailureKind::Budget, Access::NotTested),
            (FailureKind::Blocked, Access::NotTested),
            (FailureKind::Reset, Access::Inconclusive),
        ] {
            let outcome = Outcome::Failure(Failure {
                kind,
                text: String::new(),
                partial: None,
            });
            let bench = Bench::valid(TWO)
                .got("admin", vec![said("some data"), said("some data")])
                .got("reader", vec![outcome]);
            assert_eq!(bench.cell("reader").access, access, "{kind:?}");
        }
    }

    #[test]
    fn after_a_redirect_the_later_answer_counts() {
        let mut bench = Bench::valid(TWO).got("admin", vec![said("some data"), said("some data")]);
        for outcome in [http(307, &[("location", "/mcp/")], ""), said("some data")] {
            let key = ProbeKey::new(ProbeId::CallValid).about("tool/read_note");
            bench.ledger.file(call(
                key,
                "reader",
                "read_note",
                &json!({"id": "1"}),
                outcome,
            ));
        }
        assert_eq!(bench.cell("reader").access, Access::Allowed);
    }

    #[test]
    fn c6_a_shared_session_decides_nothing() {
        let on_session = |label: &str| {
            let mut bench = Bench::valid(TWO);
            for (identity, attempt) in [("admin", 0), ("reader", 0), ("admin", 1)] {
                let key = ProbeKey::new(ProbeId::CallValid)
                    .about("tool/read_note")
                    .attempt(attempt);
                let arguments = json!({"id": "1"});
                let mut exchange = call(key, identity, "read_note", &arguments, said("some data"));
                let own = format!("{{session-{identity}}}");
                let label = if label.is_empty() { &own } else { label };
                exchange.request.headers = vec![HeaderField::new("mcp-session-id", label)];
                bench.ledger.file(exchange);
            }
            bench.cell("reader")
        };
        assert_eq!(on_session("{session-admin}").rule.as_deref(), Some("C6"));
        assert_eq!(on_session("").access, Access::Allowed);
    }

    #[test]
    fn random_names_of_an_identity_are_its_own_baseline() {
        let bench = Bench::valid(TWO)
            .unknown("reader", |name| rpc_error(-32602, &format!("no {name}")))
            .got("admin", vec![said("some data"), said("some data")])
            .got(
                "reader",
                vec![
                    rpc_error(-32602, "no read_note"),
                    rpc_error(-32602, "no read_note"),
                ],
            );
        assert_eq!(bench.cell("reader").rule.as_deref(), Some("D5"));
    }
}
