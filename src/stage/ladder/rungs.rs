//! Making rungs, and how high the server's own gate is.

use super::{Climb, name};
use crate::model::audit::Collected;
use crate::model::identity::{Identity, ScopeSet};
use crate::model::ladder::{Rung, RungPurpose};
use crate::model::surface::{ListOutcome, SubjectKind};
use crate::oracle::ladder::{Known, Next, askable};
use crate::stage::enumerate::{self, Sessions};
use crate::stage::obtain::{self, Order};

impl Climb<'_, '_> {
    /// Every scope but one, once for each.
    pub(super) async fn leave_one_out(&self, collected: &mut Collected, sessions: &mut Sessions) {
        let whole = self.whole();
        let sets = self.varied.iter().map(|left_out| {
            let rest = whole.iter().filter(|scope| *scope != left_out);
            (RungPurpose::AllButOne, rest.cloned().collect())
        });
        self.make(collected, sessions, sets.collect()).await;
    }

    /// One scope more than the server's own gate demands, once for each.
    pub(super) async fn one_above(
        &self,
        collected: &mut Collected,
        sessions: &mut Sessions,
        base: &ScopeSet,
    ) {
        let sets = self.varied.difference(base).map(|scope| {
            let more = base.iter().chain([scope]).cloned().collect();
            (RungPurpose::One, more)
        });
        self.make(collected, sessions, sets.collect()).await;
    }

    /// The scopes without which the server answers no list; found with lists alone.
    pub(super) async fn gate(
        &self,
        collected: &mut Collected,
        sessions: &mut Sessions,
    ) -> ScopeSet {
        for step in 0..GATE_STEPS {
            let lists = self.lists(collected);
            if lists.settles(&self.kept) == Some(true) {
                collected.ladder.minimum = Some(self.kept.clone());
                return self.kept.clone();
            }
            if lists.settles(&self.kept).is_none() {
                break;
            }
            if let Some(smallest) = lists.smallest(&self.kept) {
                let smallest = smallest.clone();
                collected.ladder.minimum = Some(smallest.clone());
                return smallest;
            }
            let sets = match (step, lists.next(&self.kept, &self.varied)) {
                (0, Next::Ask(_)) => self.first_guesses(collected, &lists),
                (_, Next::Ask(sets)) => sets.into_iter().take(GATE_GUESSES).collect(),
                _ => break,
            };
            let sets = sets.into_iter().map(|set| (RungPurpose::Minimum, set));
            self.make(collected, sessions, sets.collect()).await;
        }
        self.kept.clone()
    }

    /// Mints what is not there yet, opens its session and reads its list.
    pub(super) async fn make(
        &self,
        collected: &mut Collected,
        sessions: &mut Sessions,
        wanted: Vec<(RungPurpose, ScopeSet)>,
    ) {
        let Some(request) = obtain::rung_request(collected, self.source) else {
            return;
        };
        let whole = self.whole();
        let mut orders = Vec::new();
        let mut rungs: Vec<Rung> = Vec::new();
        for (purpose, scopes) in wanted {
            let made = collected.ladder.rungs.iter().chain(&rungs);
            let mut known = made.map(|rung| &rung.asked);
            let full = collected.ladder.rungs.len() + rungs.len() >= MOST_RUNGS;
            let is_end = scopes == whole || scopes == self.kept;
            if known.any(|asked| *asked == scopes) || is_end || full {
                continue;
            }
            let identity = self.free_name(collected, &rungs, purpose, &scopes);
            orders.push(Order {
                source: self.source,
                request: &request,
                scopes: Some(scopes.clone()),
                name: identity.clone(),
                varied: Some(self.varied.clone()),
            });
            rungs.push(Rung {
                identity,
                purpose,
                asked: scopes,
                realised: None,
                passes_gate: None,
                unused: None,
            });
        }
        let answers = obtain::obtain(self.run, collected, orders).await;
        let mut joining: Vec<Identity> = Vec::new();
        for (rung, answer) in rungs.iter_mut().zip(answers) {
            match answer {
                Ok(identity) => {
                    rung.realised = identity.scopes().cloned();
                    rung.unused.clone_from(&identity.invalid);
                    if identity.invalid.is_none() {
                        joining.push(identity.clone());
                    }
                    collected.identities.present.push(identity);
                }
                Err(missing) => {
                    rung.unused = Some(missing.reason.clone());
                    collected.identities.missing.push(missing);
                }
            }
        }
        enumerate::join(self.run, collected, sessions, &joining).await;
        for rung in &mut rungs {
            rung.passes_gate = passes(collected, &rung.identity);
        }
        collected.ladder.rungs.extend(rungs);
    }

    /// What the list refusal names, else each scope by itself, and what is necessary together.
    fn first_guesses(&self, collected: &Collected, lists: &Known) -> Vec<ScopeSet> {
        let named = self.bottom(collected).and_then(|bottom| {
            let listing = collected.surface.listing(&bottom.name, SubjectKind::Tool)?;
            let refusal = collected.ledger.exchange(*listing.exchanges.first()?)?;
            let named = crate::oracle::observe::observe(refusal).challenged_scopes();
            askable(&named, &self.whole()).ok()
        });
        let above = |scopes: ScopeSet| self.kept.iter().cloned().chain(scopes).collect();
        let necessary = lists.necessary(&self.kept, &self.varied);
        let named = named.filter(|named| !named.is_empty());
        let mut guesses: Vec<ScopeSet> = named.into_iter().map(above).collect();
        if necessary.is_empty() {
            let each = self.varied.iter().cloned();
            guesses.extend(each.map(|scope| above(ScopeSet::from([scope]))));
        } else {
            guesses.push(above(necessary));
        }
        guesses
    }

    /// What the lists of this ladder's tokens show of the gate before them.
    fn lists(&self, collected: &Collected) -> Known {
        let mut known = Known::default();
        for identity in self.family(collected) {
            let Some(held) = identity.scopes() else {
                continue;
            };
            match passes(collected, &identity.name) {
                Some(true) => known.open.push(held.clone()),
                Some(false) => known.refused.push(held.clone()),
                None => {}
            }
        }
        known
    }

    fn free_name(
        &self,
        collected: &Collected,
        rungs: &[Rung],
        purpose: RungPurpose,
        scopes: &ScopeSet,
    ) -> String {
        let wanted = name(&self.source.name, purpose, scopes, &self.varied);
        let taken = |name: &str| {
            let missing = &collected.identities.missing;
            collected.identities.named(name).is_some()
                || missing.iter().any(|missing| missing.name == name)
                || rungs.iter().any(|rung| rung.identity == name)
        };
        if !taken(&wanted) {
            return wanted;
        }
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        numbered
            .take(MOST_RUNGS + 2)
            .find(|name| !taken(name))
            .unwrap_or(wanted)
    }
}

/// Which of the rungs that were made before are let in.
pub(super) fn measure(collected: &mut Collected) {
    let mut rungs = std::mem::take(&mut collected.ladder.rungs);
    for rung in &mut rungs {
        rung.passes_gate = passes(collected, &rung.identity);
    }
    collected.ladder.rungs = rungs;
}

/// Whether an identity's tool list was answered; `None` when it is not known.
pub(super) fn passes(collected: &Collected, identity: &str) -> Option<bool> {
    let listing = collected.surface.listing(identity, SubjectKind::Tool)?;
    match listing.outcome {
        ListOutcome::Complete | ListOutcome::Partial { .. } | ListOutcome::NotOffered => Some(true),
        ListOutcome::Refused { status: 401 | 403 } => Some(false),
        ListOutcome::Refused { .. } | ListOutcome::Failed { .. } => None,
    }
}

/// Rungs of one ladder: two for each of thirty scopes, and some for what stays open.
pub(super) const MOST_RUNGS: usize = 84;

/// Rounds of guesses about the gate: what is named or necessary, then pairs.
const GATE_STEPS: usize = 3;

/// Pairs that are guessed at for the gate; each costs a token and a list.
const GATE_GUESSES: usize = 10;
