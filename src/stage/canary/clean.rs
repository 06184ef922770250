//! What the run made is removed by whoever made it; what could not be removed is residue.

use super::Attempt;
use crate::model::audit::{Collected, ResidueItem};
use crate::model::canary::{Effect, Fate};
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::probe::ProbeId;
use crate::oracle::canary;
use crate::stage::plan;

/// Whether there is an object of ours.
enum Existence {
    Ours,
    None,
    /// Nothing showed what is there, so nothing may be removed.
    Perhaps(&'static str),
}

impl Attempt<'_, '_> {
    /// Removes the object, and looks whether it is gone.
    pub(super) async fn remove(&mut self, collected: &mut Collected) {
        match self.existence(collected) {
            Existence::None => {}
            Existence::Perhaps(why) => self.left(collected, why),
            Existence::Ours => match &self.rule.undo {
                None => self.left(collected, "the configuration says that it may stay"),
                Some(step) => {
                    let undo = self
                        .step(collected, ProbeId::RemoveCanary, step, "undo")
                        .await;
                    match undo {
                        Ok(undo) => self.check(collected, undo).await,
                        Err(missing) => {
                            let why = format!("it cannot be named: {missing}");
                            self.left(collected, &why);
                        }
                    }
                }
            },
        }
    }

    /// Whether the object that was made is one that others may be asked about.
    pub(super) fn is_ours(&self, collected: &Collected) -> bool {
        matches!(self.existence(collected), Existence::Ours)
    }

    fn existence(&self, collected: &Collected) -> Existence {
        let exchange = |id: Option<ExchangeId>| id.and_then(|id| collected.ledger.exchange(id));
        if self.rule.make.is_some() {
            let Some(made) = exchange(self.trial.made) else {
                return Existence::None;
            };
            let shown = |before: &Exchange| canary::shows(before, &self.object, 0);
            return if self.rule.gone && self.trial.effect == Effect::Shown {
                Existence::None
            } else if exchange(self.trial.before).is_some_and(shown) {
                Existence::Ours
            } else if canary::is_refused(made) {
                Existence::None
            } else {
                Existence::Perhaps("reading it did not show that it is ours")
            };
        }
        let Some(call) = exchange(self.trial.call) else {
            return Existence::None;
        };
        match self.trial.effect {
            Effect::Shown | Effect::Echoed => Existence::Ours,
            Effect::Unknown if canary::may_have_run(call) => {
                Existence::Perhaps("nothing showed whether the call had its effect")
            }
            Effect::Absent | Effect::Unknown => Existence::None,
        }
    }

    /// A removal counts once the object cannot be read any more.
    async fn check(&mut self, collected: &mut Collected, undo: ExchangeId) {
        self.trial.undo = Some(undo);
        self.trial.removed = self.read(collected, "removed").await.ok();
        let exchange = |id: Option<ExchangeId>| id.and_then(|id| collected.ledger.exchange(id));
        let said = exchange(Some(undo)).is_some_and(canary::ran);
        let gone = match exchange(self.trial.removed) {
            Some(reading) => {
                let known = exchange(self.trial.before).filter(|_| self.rule.make.is_none());
                let is_gone = |word: &str| {
                    let before = known.map_or(0, |before| canary::occurrences(before, word));
                    let repeated = canary::ran(reading) && before > 0;
                    canary::is_gone(reading, word)
                        || (repeated && canary::occurrences(reading, word) <= before)
                };
                is_gone(&self.object) && is_gone(&self.trial.canary)
            }
            None => said,
        };
        if gone {
            self.trial.fate = Fate::Removed;
        } else if said {
            self.left(
                collected,
                "the call that removes it was answered like a success, and it is still there",
            );
        } else {
            self.left(collected, "the call that removes it was refused");
        }
    }

    fn left(&mut self, collected: &mut Collected, why: &str) {
        self.trial.fate = Fate::Left;
        let named = self.rule.undo.as_ref().and_then(|step| {
            let arguments = canary::fill(&step.arguments, &self.bindings(collected), None);
            Some((&step.tool, plan::shown(self.run.settings, &arguments.ok()?)))
        });
        let maker = match &self.rule.make {
            Some(step) => &step.tool,
            None => &self.subject.name,
        };
        let object = &self.object;
        let undo = match named {
            Some((tool, arguments)) => format!("`{tool}` with {arguments}"),
            None => format!("remove what carries `{object}` by hand"),
        };
        collected.residue.push(ResidueItem {
            kind: "object".to_owned(),
            name: format!("`{object}`, made by `{maker}`"),
            location: self.keeper.url.clone(),
            reason: why.to_owned(),
            undo,
            exchange: self.trial.made.or(self.trial.call),
        });
    }
}
