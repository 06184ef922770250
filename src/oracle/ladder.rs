//! Which scope sets open a subject, which are worth asking next, and what challenges are worth.
//!
//! Sets are taken to be monotone: what a set opens a larger one opens too. A cell that contradicts
//! this is reported by its own relation, not here.

use std::collections::{BTreeMap, BTreeSet};

use super::scopes::same_holder;
use crate::model::exchange::ExchangeId;
use crate::model::identity::{Identities, Identity, IdentityKind, ScopeSet};
use crate::model::ladder::{ChallengeFit, ChallengeTrial, Ladder};
use crate::model::matrix::{Access, Cell, Confidence, Layer, Matrix, SETTLED};

/// Scope sets that are known to open a subject, and sets that are known not to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Sets that open it.
    pub open: Vec<ScopeSet>,
    /// Sets that do not.
    pub refused: Vec<ScopeSet>,
}

/// What is to be asked next about a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A smallest set is known, or nothing opens the subject.
    Settled,
    /// These sets, each of which may settle it.
    Ask(Vec<ScopeSet>),
    /// Sets of more than two scopes would have to be tried, so many of them.
    Costs(usize),
}

impl Known {
    /// What the cells of one subject show for tokens of the same holder as this one.
    pub fn of(row: &[Cell], identities: &Identities, like: &Identity) -> Self {
        let mut known = Self::default();
        for cell in row {
            let Some(held) = held(identities, &cell.identity, like) else {
                continue;
            };
            match through(cell) {
                Some(true) => known.open.push(held.clone()),
                Some(false) => known.refused.push(held.clone()),
                None => {}
            }
        }
        known
    }

    /// Whether a set opens the subject, as far as known sets decide it.
    pub fn settles(&self, set: &ScopeSet) -> Option<bool> {
        if self.open.iter().any(|open| open.is_subset(set)) {
            return Some(true);
        }
        let covered = self.refused.iter().any(|refused| set.is_subset(refused));
        covered.then_some(false)
    }

    /// Scopes without which even all the others do not open it.
    pub fn necessary(&self, base: &ScopeSet, varied: &ScopeSet) -> ScopeSet {
        let all: ScopeSet = base.union(varied).cloned().collect();
        let needed = varied
            .iter()
            .filter(|scope| self.settles(&without(&all, scope)) == Some(false));
        needed.cloned().collect()
    }

    /// A set from which no scope above the base can be taken away; none when no known one is that.
    pub fn smallest(&self, base: &ScopeSet) -> Option<&ScopeSet> {
        let minimal = |set: &&ScopeSet| {
            let mut above = set.difference(base);
            above.all(|scope| self.settles(&without(set, scope)) == Some(false))
        };
        self.open.iter().filter(minimal).min_by_key(|set| set.len())
    }

    /// What to ask next: first what is necessary for itself, then pairs.
    pub fn next(&self, base: &ScopeSet, varied: &ScopeSet) -> Next {
        if self.open.is_empty() || self.smallest(base).is_some() {
            return Next::Settled;
        }
        let necessary = self.necessary(base, varied);
        let together: ScopeSet = base.union(&necessary).cloned().collect();
        if !necessary.is_empty() && self.settles(&together).is_none() {
            return Next::Ask(vec![together]);
        }
        let free: Vec<&String> = varied.difference(base).collect();
        let mut sets: Vec<ScopeSet> = Vec::new();
        for (at, one) in free.iter().enumerate() {
            for other in free.iter().skip(at + 1) {
                let pair = [(*one).clone(), (*other).clone()];
                sets.push(base.iter().cloned().chain(pair).collect());
            }
        }
        sets.retain(|set| self.settles(set).is_none());
        if sets.is_empty() {
            return Next::Costs(triples(free.len()));
        }
        Next::Ask(sets)
    }
}

/// The cells of each subject; a matrix holds them row by row.
pub fn rows(matrix: &Matrix) -> impl Iterator<Item = &[Cell]> {
    matrix
        .cells
        .chunk_by(|one, other| one.subject == other.subject)
}

/// Whether a cell shows the call let through or refused for a reason of the subject's own.
pub fn through(cell: &Cell) -> Option<bool> {
    match cell.access {
        Access::Allowed | Access::Reached => (cell.confidence >= Confidence::Strong
            && cell.rule.as_deref() != Some("D27"))
        .then_some(true),
        Access::Denied => {
            let elsewhere = matches!(
                cell.layer,
                Some(Layer::ServerGate | Layer::Edge | Layer::Backend)
            );
            (cell.confidence >= Confidence::Strong && !elsewhere).then_some(false)
        }
        Access::Inconclusive | Access::NotTested => None,
    }
}

/// Explains the cells that a rung was not asked about: others settle them, or the budget was spent.
pub fn settle(matrix: &mut Matrix, identities: &Identities, ladder: &Ladder) {
    let rungs: BTreeMap<&str, bool> = ladder
        .rungs
        .iter()
        .map(|rung| (rung.identity.as_str(), rung.passes_gate == Some(false)))
        .collect();
    if rungs.is_empty() {
        return;
    }
    let rows = matrix
        .cells
        .chunk_by_mut(|one, other| one.subject == other.subject);
    for row in rows {
        let asked = |cell: &Cell| rungs.contains_key(cell.identity.as_str());
        let unasked = |cell: &Cell| asked(cell) && cell.access == Access::NotTested;
        if !row.iter().any(unasked) || row.iter().all(|cell| cell.exchanges.is_empty()) {
            continue;
        }
        let mut known: Option<Known> = None;
        for at in 0..row.len() {
            let Some(identity) = row
                .get(at)
                .filter(|cell| unasked(cell))
                .and_then(|cell| identities.named(&cell.identity))
            else {
                continue;
            };
            let known = known.get_or_insert_with(|| Known::of(row, identities, identity));
            let settled = usable(identity).and_then(|held| known.settles(held));
            let Some(cell) = row.get_mut(at) else {
                continue;
            };
            let below = rungs.get(cell.identity.as_str()) == Some(&true);
            let reason = match settled {
                _ if below => "not asked: the gate before the whole server refused its list",
                Some(true) => "not asked: a token with no more scopes than these gets through",
                Some(false) => "not asked: a token with at least these scopes is refused",
                None => "not asked: the calls that the ladder was allowed were spent",
            };
            cell.reason = Some(reason.to_owned());
            cell.rule = (below || settled.is_some()).then(|| SETTLED.to_owned());
        }
    }
}

/// Every refusal that names scopes, with the token that holds what was held and what was named.
pub fn trials(matrix: &Matrix, identities: &Identities) -> Vec<ChallengeTrial> {
    let mut found: Vec<ChallengeTrial> = Vec::new();
    for row in rows(matrix) {
        for cell in row {
            let refused = cell.access == Access::Denied && cell.confidence >= Confidence::Strong;
            let identity = identities.named(&cell.identity).filter(|_| refused);
            let Some((like, held)) = identity.and_then(|it| Some((it, usable(it)?))) else {
                continue;
            };
            if cell.challenged_scopes.is_empty() || found.len() >= MOST_TRIALS {
                continue;
            }
            let challenged: ScopeSet = cell.challenged_scopes.iter().cloned().collect();
            let known = Known::of(row, identities, like);
            let wanted: ScopeSet = held.union(&challenged).cloned().collect();
            let (with, fit, answer) = fit(&known, row, (held, &wanted), identities, like);
            let mut exchanges: Vec<_> = cell.exchanges.first().copied().into_iter().collect();
            exchanges.extend(answer);
            found.push(ChallengeTrial {
                subject: cell.subject.clone(),
                identity: cell.identity.clone(),
                held: held.clone(),
                challenged,
                with,
                fit,
                exchanges,
            });
        }
    }
    found
}

type Fit = (Option<String>, ChallengeFit, Option<ExchangeId>);

fn fit(
    known: &Known,
    row: &[Cell],
    (refused, wanted): (&ScopeSet, &ScopeSet),
    identities: &Identities,
    like: &Identity,
) -> Fit {
    // Whoever holds at least that much and is still refused shows that it is not enough; exactly
    // that much and let in, that it is.
    let held = |cell: &Cell| held(identities, &cell.identity, like);
    let exact = |cell: &&Cell| held(cell) == Some(wanted) && through(cell).is_some();
    let wider = |cell: &&Cell| {
        held(cell).is_some_and(|more| wanted.is_subset(more)) && through(cell) == Some(false)
    };
    let answered = row.iter().find(exact);
    let Some(answer) = answered.or_else(|| row.iter().find(wider)) else {
        let reason = format!(
            "no token holds exactly `{}`",
            wanted.iter().cloned().collect::<Vec<_>>().join(" ")
        );
        return (None, ChallengeFit::Untried { reason }, None);
    };
    let with = Some(answer.identity.clone());
    let at = answer.exchanges.first().copied();
    if through(answer) == Some(false) {
        let again = answer.challenged_scopes.iter().cloned().collect();
        return (with, ChallengeFit::TooLittle { again }, at);
    }
    // What was held already is no part of the challenge.
    let parts = wanted
        .difference(refused)
        .map(|scope| without(wanted, scope));
    let enough = parts
        .into_iter()
        .find(|part| known.settles(part) == Some(true));
    let fit = match enough {
        Some(enough) => ChallengeFit::TooMuch { enough },
        None => ChallengeFit::Exact,
    };
    (with, fit, at)
}

/// The scopes of a named token, when it may stand for its scopes alone beside `like`.
fn held<'a>(identities: &'a Identities, name: &str, like: &Identity) -> Option<&'a ScopeSet> {
    let same = |identity: &&Identity| same_holder(identity, like) == Some(true);
    usable(identities.named(name).filter(same)?)
}

fn usable(identity: &Identity) -> Option<&ScopeSet> {
    let stands = identity.kind == IdentityKind::Valid && identity.invalid.is_none();
    identity.scopes().filter(|_| stands)
}

fn without(set: &ScopeSet, scope: &str) -> ScopeSet {
    set.iter().filter(|held| *held != scope).cloned().collect()
}

/// Refusals read; a thousand tools behind ten rungs are ten thousand.
const MOST_TRIALS: usize = 20_000;

fn triples(scopes: usize) -> usize {
    scopes * scopes.saturating_sub(1) * scopes.saturating_sub(2) / 6
}

/// Scopes that may be asked for because a server named them: the operator's own.
///
/// # Errors
/// When it names one that the operator did not list.
pub fn askable(named: &[String], permitted: &BTreeSet<String>) -> Result<ScopeSet, String> {
    let strange = named.iter().find(|scope| !permitted.contains(*scope));
    match strange {
        Some(scope) => Err(format!(
            "the challenge names `{scope}`, which the operator did not list for this client"
        )),
        None => Ok(named.iter().cloned().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ladder::{Rung, RungPurpose};
    use crate::oracle::testing::{cell, identities, matrix, scopes};

    fn known(open: &[&[&str]], refused: &[&[&str]]) -> Known {
        Known {
            open: open.iter().map(|set| scopes(set)).collect(),
            refused: refused.iter().map(|set| scopes(set)).collect(),
        }
    }

    fn abc() -> ScopeSet {
        scopes(&["a", "b", "c"])
    }

    #[test]
    fn one_scope_that_opens_where_nothing_does_not_settles_it() {
        let known = known(&[&["a", "b", "c"], &["a"]], &[&[]]);
        assert_eq!(known.smallest(&ScopeSet::new()), Some(&scopes(&["a"])));
        assert_eq!(known.next(&ScopeSet::new(), &abc()), Next::Settled);
    }

    #[test]
    fn what_is_necessary_is_tried_together_first() {
        let known = known(&[&["a", "b", "c"]], &[&["a", "c"], &["b", "c"]]);
        assert_eq!(
            known.necessary(&ScopeSet::new(), &abc()),
            scopes(&["a", "b"])
        );
        let next = known.next(&ScopeSet::new(), &abc());
        assert_eq!(next, Next::Ask(vec![scopes(&["a", "b"])]));
    }

    #[test]
    fn once_the_necessary_ones_open_it_nothing_is_left_to_ask() {
        let known = known(
            &[&["a", "b", "c"], &["a", "b"]],
            &[&["a", "c"], &["b", "c"]],
        );
        assert_eq!(known.next(&ScopeSet::new(), &abc()), Next::Settled);
    }

    #[test]
    fn where_nothing_is_necessary_pairs_are_left_that_no_known_set_decides() {
        let open: &[&[&str]] = &[&["a", "b", "c"], &["a", "c"]];
        let known = known(open, &[&["a"], &["b"], &["c"], &["b", "c"]]);
        assert_eq!(known.next(&ScopeSet::new(), &abc()), Next::Settled);
        let known = Known {
            open: vec![abc()],
            refused: known.refused[..3].to_vec(),
        };
        let Next::Ask(sets) = known.next(&ScopeSet::new(), &abc()) else {
            panic!("pairs are left");
        };
        assert_eq!(sets.len(), 3);
    }

    #[test]
    fn beyond_pairs_the_cost_is_told() {
        let four = scopes(&["a", "b", "c", "d"]);
        let pairs: &[&[&str]] = &[
            &["a", "b"],
            &["a", "c"],
            &["a", "d"],
            &["b", "c"],
            &["b", "d"],
            &["c", "d"],
        ];
        let known = known(&[&["a", "b", "c", "d"]], pairs);
        assert_eq!(known.next(&ScopeSet::new(), &four), Next::Costs(4));
    }

    #[test]
    fn a_base_stays_in_every_set() {
        let base = scopes(&["m"]);
        let known = known(&[&["m", "a", "b"]], &[&["m", "a"], &["m", "b"], &["m"]]);
        assert_eq!(known.smallest(&base), Some(&scopes(&["m", "a", "b"])));
        assert_eq!(known.next(&base, &scopes(&["a", "b"])), Next::Settled);
    }

    #[test]
    fn what_nobody_opens_is_not_asked_further() {
        assert_eq!(
            known(&[], &[&["a"]]).next(&ScopeSet::new(), &abc()),
            Next::Settled
        );
    }

    fn tried(rows: &[(&str, &[&str], Access, &[&str])]) -> Vec<ChallengeTrial> {
        let held: Vec<(&str, &[&str])> =
            rows.iter().map(|(name, held, ..)| (*name, *held)).collect();
        let cells = rows.iter().map(|(name, _, access, named)| {
            let mut cell = cell("tool/a", name, *access);
            cell.challenged_scopes = named.iter().map(|&scope| scope.to_owned()).collect();
            cell
        });
        trials(&matrix(cells.collect()), &identities(&held))
    }

    #[test]
    fn exactly_the_challenged_scopes_open_it() {
        let found = tried(&[
            ("none", &[], Access::Denied, &["w"]),
            ("writer", &["w"], Access::Allowed, &[]),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].fit, ChallengeFit::Exact);
        assert_eq!(found[0].with.as_deref(), Some("writer"));
    }

    #[test]
    fn a_second_challenge_is_too_little() {
        let found = tried(&[
            ("none", &[], Access::Denied, &["w"]),
            ("writer", &["w"], Access::Denied, &["d"]),
            ("both", &["d", "w"], Access::Allowed, &[]),
        ]);
        let again = scopes(&["d"]);
        assert_eq!(found[0].fit, ChallengeFit::TooLittle { again });
        assert_eq!(found[1].fit, ChallengeFit::Exact);
    }

    #[test]
    fn a_wider_token_that_is_still_refused_shows_the_same() {
        let found = tried(&[
            ("none", &[], Access::Denied, &["w"]),
            ("wide", &["r", "w"], Access::Denied, &[]),
        ]);
        let again = ScopeSet::new();
        assert_eq!(found[0].fit, ChallengeFit::TooLittle { again });
    }

    #[test]
    fn a_part_that_is_enough_makes_it_too_much() {
        let found = tried(&[
            ("none", &[], Access::Denied, &["d", "w"]),
            ("writer", &["w"], Access::Allowed, &[]),
            ("both", &["d", "w"], Access::Allowed, &[]),
        ]);
        let enough = scopes(&["w"]);
        assert_eq!(found[0].fit, ChallengeFit::TooMuch { enough });
    }

    #[test]
    fn what_was_held_before_does_not_make_a_challenge_too_much() {
        let found = tried(&[
            ("reader", &["r"], Access::Denied, &["w"]),
            ("writer", &["w"], Access::Allowed, &[]),
            ("both", &["r", "w"], Access::Allowed, &[]),
        ]);
        assert_eq!(found[0].fit, ChallengeFit::Exact);
    }

    #[test]
    fn cells_that_others_settle_say_so_and_the_rest_say_that_the_budget_is_spent() {
        let rungs = ["none", "low", "high", "odd", "shut"].map(|name| Rung {
            identity: name.to_owned(),
            purpose: RungPurpose::One,
            asked: ScopeSet::new(),
            realised: None,
            passes_gate: (name == "shut").then_some(false),
            unused: None,
        });
        let ladder = Ladder {
            rungs: rungs.into(),
            ..Ladder::default()
        };
        let people = identities(&[
            ("none", &[]),
            ("low", &["a"]),
            ("mid", &["a", "b"]),
            ("high", &["a", "b", "c"]),
            ("odd", &["d"]),
            ("shut", &["e"]),
        ]);
        let asked = |name: &str, access| {
            let mut cell = cell("tool/a", name, access);
            cell.exchanges = vec![ExchangeId(1)];
            cell
        };
        let mut built = matrix(vec![
            asked("low", Access::Denied),
            asked("mid", Access::Allowed),
            cell("tool/a", "none", Access::NotTested),
            cell("tool/a", "high", Access::NotTested),
            cell("tool/a", "odd", Access::NotTested),
            cell("tool/a", "shut", Access::NotTested),
        ]);
        settle(&mut built, &people, &ladder);
        let settled: Vec<bool> = built.cells.iter().map(Cell::is_settled).collect();
        assert_eq!(settled, [false, false, true, true, false, true]);
        let reason = built.cells[4].reason.clone().unwrap_or_default();
        assert!(reason.contains("spent"), "{reason}");
    }

    #[test]
    fn another_persons_token_is_no_trial() {
        let mut people = identities(&[("none", &[]), ("writer", &["w"])]);
        let other = people.present.last_mut().and_then(|it| it.claims.as_mut());
        other.unwrap().subject = Some("bob".to_owned());
        let mut refused = cell("tool/a", "none", Access::Denied);
        refused.challenged_scopes = vec!["w".to_owned()];
        let cells = vec![refused, cell("tool/a", "writer", Access::Allowed)];
        let found = trials(&matrix(cells), &people);
        assert!(matches!(found[0].fit, ChallengeFit::Untried { .. }));
    }

    #[test]
    fn without_such_a_token_nothing_is_decided() {
        let found = tried(&[("none", &[], Access::Denied, &["w"])]);
        assert!(matches!(found[0].fit, ChallengeFit::Untried { .. }));
        let wider = tried(&[
            ("none", &[], Access::Denied, &["w"]),
            ("wide", &["r", "w"], Access::Allowed, &[]),
        ]);
        assert!(matches!(wider[0].fit, ChallengeFit::Untried { .. }));
    }

    #[test]
    fn scopes_that_the_operator_did_not_list_are_not_asked_for() {
        let permitted = abc();
        let ours = ["a".to_owned()];
        assert_eq!(askable(&ours, &permitted), Ok(scopes(&["a"])));
        let foreign = ["a".to_owned(), "payments".to_owned()];
        assert!(
            askable(&foreign, &permitted)
                .unwrap_err()
                .contains("payments")
        );
    }
}
