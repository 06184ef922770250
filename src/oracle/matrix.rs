//! The ledger's trials become one matrix.

use std::collections::{BTreeMap, BTreeSet};

use super::calibrate::Treatment;
use super::differential::{self, Arm, SubjectTrials};
use super::liveness::Deaths;
use super::observe::{Answer, observe, session};
use crate::model::canary::{CanaryTrial, Effect};
use crate::model::exchange::{Exchange, ExchangeId, FailureKind, Ledger};
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
    /// Calls on objects of the run's own, and what they brought about.
    pub canaries: &'a [CanaryTrial],
    /// How often each cell is to be asked at least.
    pub repeat: u16,
    /// The argument vector to look at; the first one when absent.
    pub vector: Option<&'a str>,
}

/// Builds the matrix: one row per subject of the surface, one column per identity.
pub fn build(input: &MatrixInput<'_>) -> Matrix {
    let trials = Trials::read(input);
    let cells = input
        .surface
        .subjects
        .iter()
        .flat_map(|subject| {
            let answers = trials.answers(input, subject);
            differential::decide(&trials.of(input, subject, &answers))
        })
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
        (_, SubjectKind::Completion) => Some(ProbeId::Complete),
        (Treatment::Valid { .. }, SubjectKind::Tool) => Some(ProbeId::CallValid),
        (Treatment::Invalid { .. }, SubjectKind::Tool) => Some(ProbeId::CallInvalid),
        (Treatment::ListedCall { .. }, SubjectKind::Tool) => Some(ProbeId::CallListed),
        (Treatment::Canary { .. }, SubjectKind::Tool) => Some(ProbeId::CallCanary),
        _ => None,
    }
}

/// Every exchange that bears on the matrix, in its place. Answers are read a subject at a time: all
/// of them at once would take several times the memory of the ledger.
pub(super) struct Trials<'a> {
    attempts: BTreeMap<Place<'a>, Vec<Attempt<'a>>>,
    unknown: BTreeMap<(&'a str, ProbeId), Vec<Answer>>,
    alive: BTreeSet<&'a str>,
    callers: BTreeSet<&'a str>,
    sessions: BTreeMap<&'a str, BTreeSet<&'a str>>,
    effects: BTreeMap<ExchangeId, Effect>,
    unanswered: Treatment,
    deaths: Deaths<'a>,
}

/// Identity, probe, subject.
type Place<'a> = (&'a str, ProbeId, &'a str);

#[derive(Clone, Copy)]
struct Attempt<'a> {
    fresh: bool,
    number: u16,
    exchange: &'a Exchange,
}

/// What one identity was answered about one subject.
#[derive(Default)]
pub(super) struct Answers {
    own: Vec<Answer>,
    fresh: Vec<Answer>,
    tier: Option<Tier>,
}

impl<'a> Trials<'a> {
    /// Reads the ledger.
    pub(super) fn read(input: &MatrixInput<'a>) -> Self {
        let mut trials = Self {
            attempts: BTreeMap::new(),
            unknown: BTreeMap::new(),
            alive: BTreeSet::new(),
            callers: BTreeSet::new(),
            sessions: BTreeMap::new(),
            effects: effects(input.canaries),
            unanswered: Treatment::NotTested {
                reason: "no way to ask was chosen".into(),
                decided_by: None,
            },
            deaths: Deaths::read(input.ledger),
        };
        for listing in &input.surface.listings {
            let read = matches!(
                listing.outcome,
                ListOutcome::Complete | ListOutcome::Partial { .. }
            );
            if read {
                trials.alive.insert(&listing.identity);
            }
        }
        for exchange in input.ledger.iter() {
            let dead = trials.deaths.explains(exchange);
            let counts = TRIALS.contains(&exchange.probe.id) && was_sent(exchange) && !dead;
            if counts && is_of_vector(exchange, input.vector) {
                trials.add(exchange);
            }
        }
        trials
    }

    /// What was answered about a subject, by identity.
    pub(super) fn answers(
        &self,
        input: &MatrixInput<'a>,
        subject: &'a Subject,
    ) -> BTreeMap<&'a str, Answers> {
        let mut all = BTreeMap::new();
        let Some(probe) = probe_of(subject, self.treatment(input, subject)) else {
            return all;
        };
        for identity in &input.identities.present {
            let place = (identity.name.as_str(), probe, subject.id.as_str());
            let Some(attempts) = self.attempts.get(&place) else {
                continue;
            };
            let read = |fresh: bool| -> Vec<Answer> {
                let mut chosen: Vec<&Attempt<'_>> = attempts
                    .iter()
                    .filter(|attempt| attempt.fresh == fresh)
                    .collect();
                chosen.sort_by_key(|attempt| attempt.number);
                let chosen = chosen.into_iter();
                let answer = |attempt: &Attempt<'_>| Answer {
                    effect: self.effects.get(&attempt.exchange.id).copied(),
                    ..observe(attempt.exchange)
                };
                chosen.map(answer).collect()
            };
            let tiers = attempts.iter().map(|attempt| attempt.exchange.tier);
            let answers = Answers {
                own: read(false),
                fresh: read(true),
                tier: tiers.max(),
            };
            all.insert(identity.name.as_str(), answers);
        }
        all
    }

    /// What a subject was asked, by everybody.
    pub(super) fn of<'t>(
        &'t self,
        input: &MatrixInput<'t>,
        subject: &'t Subject,
        answers: &'t BTreeMap<&str, Answers>,
    ) -> SubjectTrials<'t>
    where
        'a: 't,
    {
        let present = input.identities.present.iter();
        let arms = present
            .filter(|identity| self.takes_part(identity))
            .map(|identity| {
                let name = identity.name.as_str();
                let theirs = answers.get(name);
                let own: Vec<&Answer> = theirs.iter().flat_map(|it| &it.own).collect();
                Arm {
                    identity,
                    listed: input.surface.listed(name, subject),
                    list: input
                        .surface
                        .listing(name, subject.kind)
                        .map(|listing| &listing.outcome),
                    shares_session_with: self.shared_session(name, &own),
                    answers: own,
                    fresh: theirs.iter().flat_map(|it| &it.fresh).collect(),
                    unknown: self.unknown(name, subject.kind),
                    alive: self.alive.contains(name),
                    tier: theirs.and_then(|it| it.tier),
                    ended: self.deaths.standing(name),
                }
            });
        SubjectTrials {
            subject,
            treatment: self.treatment(input, subject),
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
        let numbers = self.attempts.get(&(identity, probe, subject));
        let numbers = numbers.into_iter().flatten();
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
            || identity.kind != IdentityKind::OtherUser
                && self.callers.contains(identity.name.as_str())
    }

    fn treatment<'t>(&'t self, input: &MatrixInput<'t>, subject: &Subject) -> &'t Treatment
    where
        'a: 't,
    {
        let treatment = input.treatments.get(&subject.id);
        treatment.unwrap_or(&self.unanswered)
    }

    fn add(&mut self, exchange: &'a Exchange) {
        let identity = exchange.identity.as_str();
        if !self.alive.contains(identity) {
            let answer = observe(exchange);
            if answer.shape.is_success() && answer.status < 300 {
                self.alive.insert(identity);
            }
        }
        if let Some(session) = session(&exchange.request)
            && session != UNNAMED_SECRET
        {
            self.sessions.entry(session).or_default().insert(identity);
        }
        let probe = exchange.probe.id;
        // Random names differ per identity: they are filed under the probe alone.
        if BASELINES.contains(&probe) {
            let unknown = self.unknown.entry((identity, probe)).or_default();
            unknown.push(observe(exchange));
            return;
        }
        self.callers.insert(identity);
        let subject = exchange.probe.subject.as_deref().unwrap_or_default();
        let attempts = self.attempts.entry((identity, probe, subject)).or_default();
        let attempt = Attempt {
            fresh: exchange.probe.variant.as_deref() == Some(FRESH_SESSION),
            number: exchange.probe.attempt,
            exchange,
        };
        // The same key again is the same question after a redirect: the later answer counts.
        let known = attempts
            .iter_mut()
            .find(|known| known.number == attempt.number && known.fresh == attempt.fresh);
        match known {
            Some(known) => *known = attempt,
            None => attempts.push(attempt),
        }
    }

    fn unknown<'s>(&'s self, identity: &'s str, kind: SubjectKind) -> Vec<&'s Answer> {
        let probe = match kind {
            SubjectKind::Tool => ProbeId::UnknownName,
            SubjectKind::Prompt => ProbeId::UnknownPrompt,
            // Nothing unknown is completed: what a server suggests for it says nothing.
            SubjectKind::Completion => return Vec::new(),
            _ => ProbeId::UnknownResource,
        };
        let unknown = self.unknown.get(&(identity, probe));
        unknown.into_iter().flatten().collect()
    }

    fn shared_session(&self, identity: &str, answers: &[&Answer]) -> Option<&str> {
        let sessions = answers
            .iter()
            .filter_map(|answer| answer.sent.session.as_deref());
        sessions
            .filter_map(|session| self.sessions.get(session))
            .flatten()
            .copied()
            .find(|other| *other != identity)
    }
}

fn effects(trials: &[CanaryTrial]) -> BTreeMap<ExchangeId, Effect> {
    let called = trials.iter();
    called
        .filter_map(|trial| Some((trial.call?, trial.effect)))
        .collect()
}

/// Baselines belong to every vector; a second session only to the first.
fn is_of_vector(exchange: &Exchange, vector: Option<&str>) -> bool {
    let variant = exchange.probe.variant.as_deref();
    BASELINES.contains(&exchange.probe.id)
        || variant == vector
        || (vector.is_none() && variant == Some(FRESH_SESSION))
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
const TRIALS: [ProbeId; 10] = [
    ProbeId::CallValid,
    ProbeId::CallInvalid,
    ProbeId::CallListed,
    ProbeId::CallCanary,
    ProbeId::ReadResource,
    ProbeId::PromptGet,
    ProbeId::Complete,
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
