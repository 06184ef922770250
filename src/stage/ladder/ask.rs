//! Asking about the subjects that are still open, within the budget.

use super::Climb;
use super::rungs::passes;
use crate::model::audit::Collected;
use crate::model::identity::{Identity, ScopeSet};
use crate::model::ladder::{OpenSubject, RungPurpose};
use crate::model::matrix::{Access, Cell, Matrix};
use crate::oracle::ladder::{Known, Next, askable, rows, through};
use crate::oracle::matrix;
use crate::stage::calls;
use crate::stage::enumerate::Sessions;

/// An identity and the subjects it is to be asked about.
type Wanted = (Identity, Vec<String>);

impl Climb<'_, '_> {
    /// All but each, one each, what a challenge names, and what settles the rest.
    pub(super) async fn ask(
        &mut self,
        collected: &mut Collected,
        sessions: &mut Sessions,
        top: &Identity,
        base: &ScopeSet,
    ) {
        let minimum = with(collected, RungPurpose::Minimum);
        self.every(collected, sessions, top, minimum).await;
        let all_but = with(collected, RungPurpose::AllButOne);
        self.every(collected, sessions, top, all_but).await;
        self.one_each(collected, sessions, top, base).await;
        self.challenged(collected, sessions, top).await;
        for _ in 0..SETTLING_ROUNDS {
            if !self.settle(collected, sessions, top, base).await {
                break;
            }
        }
        self.note_open(collected, top, base);
    }

    async fn every(
        &mut self,
        collected: &mut Collected,
        sessions: &mut Sessions,
        top: &Identity,
        rungs: Vec<Identity>,
    ) {
        let open = self.open(&self.matrix(collected), collected, top);
        let wanted = rungs.into_iter().map(|rung| (rung, open.clone()));
        self.send(collected, sessions, wanted.collect()).await;
    }

    /// One scope alone says nothing new where two or more are known to be necessary.
    async fn one_each(
        &mut self,
        collected: &mut Collected,
        sessions: &mut Sessions,
        top: &Identity,
        base: &ScopeSet,
    ) {
        let matrix = self.matrix(collected);
        let open = self.open(&matrix, collected, top);
        let needs_one = |row: &&[Cell]| {
            let known = Known::of(row, &collected.identities, top);
            known.necessary(base, &self.varied).difference(base).count() < 2
        };
        let subjects: Vec<String> = rows(&matrix)
            .filter(|row| row.first().is_some_and(|cell| open.contains(&cell.subject)))
            .filter(needs_one)
            .filter_map(|row| Some(row.first()?.subject.clone()))
            .collect();
        let rungs = with(collected, RungPurpose::One).into_iter();
        let wanted = rungs.map(|rung| (rung, subjects.clone()));
        self.send(collected, sessions, wanted.collect()).await;
    }

    /// What the weakest refused token held, with what its challenge names on top.
    async fn challenged(
        &mut self,
        collected: &mut Collected,
        sessions: &mut Sessions,
        top: &Identity,
    ) {
        let matrix = self.matrix(collected);
        let open = self.open(&matrix, collected, top);
        let permitted = self.whole();
        let mut trials: Vec<(ScopeSet, String)> = Vec::new();
        for row in
            rows(&matrix).filter(|row| row.first().is_some_and(|cell| open.contains(&cell.subject)))
        {
            let refused = row
                .iter()
                .filter(|cell| through(cell) == Some(false) && !cell.challenged_scopes.is_empty());
            let ours = refused.filter_map(|cell| {
                let identity = self
                    .family(collected)
                    .find(|identity| identity.name == cell.identity)?;
                Some((identity.scopes()?, cell))
            });
            let Some((held, cell)) = ours.min_by_key(|(held, _)| held.len()) else {
                continue;
            };
            if let Ok(named) = askable(&cell.challenged_scopes, &permitted) {
                trials.push((held.union(&named).cloned().collect(), cell.subject.clone()));
            }
        }
        self.try_sets(collected, sessions, RungPurpose::Challenged, trials)
            .await;
    }

    /// The sets that may settle what is open; whether anything was asked.
    async fn settle(
        &mut self,
        collected: &mut Collected,
        sessions: &mut Sessions,
        top: &Identity,
        base: &ScopeSet,
    ) -> bool {
        let matrix = self.matrix(collected);
        let open = self.open(&matrix, collected, top);
        let mut trials = Vec::new();
        for row in rows(&matrix) {
            let Some(first) = row.first().filter(|cell| open.contains(&cell.subject)) else {
                continue;
            };
            let known = Known::of(row, &collected.identities, top);
            if let Next::Ask(sets) = known.next(base, &self.varied) {
                trials.extend(sets.into_iter().map(|set| (set, first.subject.clone())));
            }
        }
        let before = collected.ladder.calls;
        self.try_sets(collected, sessions, RungPurpose::Several, trials)
            .await;
        collected.ladder.calls > before
    }

    /// Asks about each subject with a token that holds exactly a set, made where there is none.
    async fn try_sets(
        &mut self,
        collected: &mut Collected,
        sessions: &mut Sessions,
        purpose: RungPurpose,
        mut trials: Vec<(ScopeSet, String)>,
    ) {
        let left = collected
            .ladder
            .budget
            .saturating_sub(collected.ladder.calls);
        trials.truncate(left);
        let mut missing: Vec<(RungPurpose, ScopeSet)> = Vec::new();
        for (set, _) in &trials {
            let there = self.holder(collected, set).is_some();
            if !there && !missing.iter().any(|(_, known)| known == set) {
                missing.push((purpose, set.clone()));
            }
        }
        missing.truncate(EXTRA_RUNGS);
        self.make(collected, sessions, missing).await;
        let mut wanted: Vec<Wanted> = Vec::new();
        for (set, subject) in trials {
            let Some(identity) = self.holder(collected, &set) else {
                continue;
            };
            if passes(collected, &identity.name) == Some(false) {
                continue;
            }
            match wanted
                .iter_mut()
                .find(|(known, _)| known.name == identity.name)
            {
                Some((_, subjects)) if subjects.contains(&subject) => {}
                Some((_, subjects)) => subjects.push(subject),
                None => wanted.push((identity.clone(), vec![subject])),
            }
        }
        self.send(collected, sessions, wanted).await;
    }

    fn holder<'c>(&self, collected: &'c Collected, set: &ScopeSet) -> Option<&'c Identity> {
        self.family(collected)
            .find(|identity| identity.scopes() == Some(set))
    }

    /// Sends what was not asked before, as far as the budget goes.
    async fn send(
        &mut self,
        collected: &mut Collected,
        sessions: &mut Sessions,
        wanted: Vec<Wanted>,
    ) {
        let mut left = collected
            .ladder
            .budget
            .saturating_sub(collected.ladder.calls);
        let matrix = self.matrix(collected);
        let mut sent: Vec<Wanted> = Vec::new();
        for (identity, mut subjects) in wanted {
            let asked: std::collections::BTreeSet<&str> = matrix
                .cells
                .iter()
                .filter(|cell| cell.identity == identity.name)
                .filter(|cell| cell.access != Access::NotTested)
                .map(|cell| cell.subject.as_str())
                .collect();
            subjects.retain(|subject| !asked.contains(subject.as_str()));
            subjects.truncate(left);
            left -= subjects.len();
            if !subjects.is_empty() {
                sent.push((identity, subjects));
            }
        }
        if sent.is_empty() {
            return;
        }
        let calls = calls::later(self.run, collected, sessions, self.asked, &sent).await;
        collected.ladder.calls += calls;
    }

    /// Subjects that the whole ladder opens and that nothing less was seen to open for everybody.
    fn open(&self, matrix: &Matrix, collected: &Collected, top: &Identity) -> Vec<String> {
        let bottom = self.bottom(collected).map(|bottom| bottom.name.as_str());
        let minimum = with(collected, RungPurpose::Minimum);
        let lowest = |cell: &&Cell| {
            Some(cell.identity.as_str()) == bottom
                || minimum.iter().any(|rung| rung.name == cell.identity)
        };
        let is_open = |row: &&[Cell]| {
            let opens = row
                .iter()
                .any(|cell| cell.identity == top.name && through(cell) == Some(true));
            let settled = row
                .iter()
                .filter(lowest)
                .any(|cell| cell.access == Access::Allowed);
            opens && !settled
        };
        rows(matrix)
            .filter(is_open)
            .filter_map(|row| Some(row.first()?.subject.clone()))
            .collect()
    }

    fn note_open(&self, collected: &mut Collected, top: &Identity, base: &ScopeSet) {
        let matrix = self.matrix(collected);
        let open = self.open(&matrix, collected, top);
        let mut left: Vec<OpenSubject> = Vec::new();
        for row in rows(&matrix) {
            let Some(first) = row.first().filter(|cell| open.contains(&cell.subject)) else {
                continue;
            };
            let known = Known::of(row, &collected.identities, top);
            let (reason, cost) = match known.next(base, &self.varied) {
                Next::Settled => continue,
                Next::Ask(sets) => (
                    "sets of scopes that would settle it were beyond the budget or could not be had",
                    sets.len(),
                ),
                Next::Costs(sets) => ("it takes more than two scopes, not known which", sets),
            };
            // Where nothing was refused there is nothing to settle: a gate may sit behind validation.
            if !known.refused.is_empty() {
                left.push(OpenSubject {
                    subject: first.subject.clone(),
                    reason: reason.to_owned(),
                    cost,
                });
            }
        }
        collected.ladder.open = left;
    }

    fn matrix(&self, collected: &Collected) -> Matrix {
        matrix::build(&calls::input(collected, self.asked))
    }
}

/// Usable rungs of a purpose that the server's own gate lets in.
fn with(collected: &Collected, purpose: RungPurpose) -> Vec<Identity> {
    let rungs = collected.ladder.rungs.iter();
    let named = rungs
        .filter(|rung| rung.purpose == purpose && rung.passes_gate != Some(false))
        .filter_map(|rung| collected.identities.named(&rung.identity));
    named
        .filter(|identity| identity.invalid.is_none())
        .cloned()
        .collect()
}

/// Rounds of sets that may settle what is open: together, pairs, and what these leave.
const SETTLING_ROUNDS: usize = 3;

/// Tokens made for one round of sets; each costs a session, a list and two random names.
const EXTRA_RUNGS: usize = 12;
