//! The policy that the cells describe: for each subject the smallest scope sets that open it.

mod hierarchy;
mod lattice;

use std::collections::{BTreeMap, BTreeSet};

use lattice::Lattice;

use crate::model::exchange::ExchangeId;
use crate::model::identity::{Identities, Identity, IdentityKind, ScopeSet};
use crate::model::matrix::{Access, Cell, Class, Confidence, Layer, Matrix};
use crate::model::policy::{EffectivePolicy, EffectiveRule, Gate};

/// Reads the effective policy off the cells.
pub fn effective(matrix: &Matrix, identities: &Identities) -> EffectivePolicy {
    let universe: ScopeSet = usable(identities)
        .filter_map(Identity::scopes)
        .flatten()
        .cloned()
        .collect();
    let rows = rows(matrix, identities);
    let rules: Vec<EffectiveRule> = rows.iter().map(|row| rule(row, &universe)).collect();
    let gated = |gate: Gate| -> Vec<String> {
        let rules = rules.iter().filter(|rule| rule.gate == gate);
        rules.map(|rule| rule.subject.clone()).collect()
    };
    EffectivePolicy {
        idle_scopes: idle(&rules, &universe),
        unguarded: gated(Gate::AnyToken),
        without_token: gated(Gate::NoToken),
        hierarchies: hierarchy::observed(&columns(&rows, identities)),
        subjects: rules,
    }
}

/// A subject's cells with those who asked.
struct Row<'a> {
    subject: &'a str,
    cells: Vec<(&'a Cell, &'a Identity)>,
}

/// What a cell says about the scopes of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// Let in; whether it ran.
    Open(bool),
    Refused,
    /// Both, for the same token.
    Mixed,
    Nothing,
}

impl<'a> Row<'a> {
    fn valid(&self) -> impl Iterator<Item = (&'a Cell, &'a Identity)> {
        self.cells
            .iter()
            .filter(|(_, identity)| is_usable(identity))
            .copied()
    }

    fn said(&self, cell: &Cell) -> Said {
        if cell.rule.as_deref() == Some(MIXED) {
            return Said::Mixed;
        }
        if cell.confidence < Confidence::Strong {
            return Said::Nothing;
        }
        match cell.access {
            Access::Allowed => Said::Open(true),
            Access::Denied if is_about_the_token(cell) => Said::Refused,
            // A call that got past a gate which refuses others opened that gate.
            Access::Reached if self.has_gate() => Said::Open(false),
            _ => Said::Nothing,
        }
    }

    /// Whether the subject's own gate refuses somebody, and not only the server's.
    fn has_gate(&self) -> bool {
        self.valid().any(|(cell, _)| {
            cell.access == Access::Denied
                && cell.confidence >= Confidence::Strong
                && is_about_the_token(cell)
                && !matches!(
                    cell.layer,
                    Some(Layer::ServerGate | Layer::Edge | Layer::Unknown)
                )
        })
    }
}

fn rows<'a>(matrix: &'a Matrix, identities: &'a Identities) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let named: BTreeMap<&str, &Identity> = identities
        .present
        .iter()
        .map(|identity| (identity.name.as_str(), identity))
        .collect();
    for cell in &matrix.cells {
        let next = rows.len();
        let at = *places.entry(cell.subject.as_str()).or_insert(next);
        if at == next {
            rows.push(Row {
                subject: &cell.subject,
                cells: Vec::new(),
            });
        }
        let identity = named.get(cell.identity.as_str());
        if let (Some(row), Some(identity)) = (rows.get_mut(at), identity) {
            row.cells.push((cell, identity));
        }
    }
    rows
}

fn rule(row: &Row<'_>, universe: &ScopeSet) -> EffectiveRule {
    let mut lattice = Lattice::over(universe);
    let mut seen = Seen::default();
    for (cell, identity) in row.valid() {
        let said = row.said(cell);
        let scopes = match (said, identity.scopes()) {
            (Said::Nothing, _) => {
                seen.silent(cell);
                continue;
            }
            (Said::Mixed, _) => {
                seen.mixed(cell, identity);
                continue;
            }
            (_, None) => {
                seen.unknown(identity);
                continue;
            }
            (_, Some(scopes)) => scopes.clone(),
        };
        seen.count(cell);
        match said {
            Said::Open(ran) => {
                seen.opened = true;
                seen.ran |= ran;
                lattice.open(scopes);
            }
            _ => {
                seen.refused = true;
                lattice.refuse(scopes);
            }
        }
    }
    let strangers: Vec<&(&Cell, &Identity)> = row
        .cells
        .iter()
        .filter(|(cell, identity)| {
            let kind = identity.kind;
            matches!(kind, IdentityKind::Anonymous | IdentityKind::Garbage)
                && row.said(cell) == Said::Open(true)
        })
        .collect();
    for (cell, _) in &strangers {
        seen.count(cell);
    }
    let by = |kind: IdentityKind| strangers.iter().any(|(_, identity)| identity.kind == kind);
    let (without_token, any_string) = (by(IdentityKind::Anonymous), by(IdentityKind::Garbage));
    if any_string {
        seen.opened = true;
        seen.ran = true;
        lattice.open(ScopeSet::new());
    }
    close(row.subject, &lattice, seen, without_token)
}

/// What the cells of a subject add up to, beside the scope sets.
#[derive(Default)]
struct Seen {
    opened: bool,
    refused: bool,
    ran: bool,
    confidence: Option<Confidence>,
    exchanges: Vec<ExchangeId>,
    silent: usize,
    why: Option<String>,
    decided_by: Option<String>,
    mixed: Option<String>,
}

impl Seen {
    fn count(&mut self, cell: &Cell) {
        let least = self
            .confidence
            .map_or(cell.confidence, |known| known.min(cell.confidence));
        self.confidence = Some(least);
        let first = cell.exchanges.first().copied();
        self.exchanges
            .extend(first.filter(|id| !self.exchanges.contains(id)));
    }

    fn silent(&mut self, cell: &Cell) {
        self.silent += 1;
        if self.why.is_none() {
            let reason = cell.reason.as_deref().unwrap_or(match cell.access {
                Access::Allowed | Access::Denied => "the evidence is weak",
                Access::Reached => "the call got as far as argument validation",
                Access::Inconclusive | Access::NotTested => "not decided",
            });
            self.why = Some(format!("`{}`: {reason}", cell.identity));
        }
        if self.decided_by.is_none() {
            self.decided_by.clone_from(&cell.decided_by);
        }
    }

    fn unknown(&mut self, identity: &Identity) {
        self.silent += 1;
        if self.why.is_none() {
            self.why = Some(format!("the scopes of `{}` are not known", identity.name));
            self.decided_by = Some("`scopes = […]` of its `[[identity]]`".to_owned());
        }
    }

    fn mixed(&mut self, cell: &Cell, identity: &Identity) {
        let reason = cell.reason.as_deref().unwrap_or("inconsistent");
        self.mixed = Some(format!("`{}`: {reason}", identity.name));
        self.count(cell);
    }
}

fn close(subject: &str, lattice: &Lattice, seen: Seen, without_token: bool) -> EffectiveRule {
    let smallest = lattice.smallest();
    let unsettled = lattice.unsettled();
    let contradiction = lattice.contradiction();
    let any_token = smallest.iter().any(ScopeSet::is_empty);
    let gate = if without_token {
        Gate::NoToken
    } else if seen.mixed.is_some() || contradiction.is_some() {
        Gate::Inconsistent
    } else if any_token {
        Gate::AnyToken
    } else {
        match (seen.opened, seen.refused) {
            (true, true) => Gate::Scopes,
            (true, false) if seen.silent == 0 => Gate::EveryTokenTried,
            (false, true) if seen.silent == 0 => Gate::NoTokenTried,
            _ => Gate::NotDetermined,
        }
    };
    let exact = match gate {
        Gate::NoToken | Gate::AnyToken => true,
        Gate::Scopes => unsettled.is_empty(),
        _ => false,
    };
    let open = match gate {
        _ if exact => None,
        Gate::Inconsistent => seen.mixed.or_else(|| contradiction.map(contradicts)),
        Gate::NotDetermined => seen.why,
        Gate::NoTokenTried => Some("no token that was tried is let in".to_owned()),
        _ => Some("smaller scope sets, or others, may do".to_owned()),
    };
    // More tokens of the same kind do not make contradictory answers agree.
    let settled_by = match gate {
        Gate::Scopes | Gate::EveryTokenTried => unsettled.into_iter().take(MOST_TOKENS).collect(),
        _ => Vec::new(),
    };
    let decided_by = match gate {
        _ if exact => None,
        Gate::NotDetermined => seen.decided_by.or_else(|| Some(TOKENS.to_owned())),
        Gate::Inconsistent => None,
        _ => Some(TOKENS.to_owned()),
    };
    let required = if matches!(gate, Gate::Scopes) {
        lattice.required()
    } else {
        ScopeSet::new()
    };
    EffectiveRule {
        subject: subject.to_owned(),
        gate,
        opened_by: smallest,
        refused_for: lattice.largest_refused(),
        required,
        exact,
        ran: seen.ran || without_token,
        confidence: match gate {
            Gate::NotDetermined => Confidence::Inconclusive,
            _ => seen.confidence.unwrap_or(Confidence::Inconclusive),
        },
        open,
        settled_by,
        decided_by,
        exchanges: seen.exchanges,
    }
}

fn contradicts((open, refused): (&ScopeSet, &ScopeSet)) -> String {
    let name = |set: &ScopeSet| match set.is_empty() {
        true => "no scope".to_owned(),
        false => set
            .iter()
            .map(|scope| format!("`{scope}`"))
            .collect::<Vec<_>>()
            .join(" "),
    };
    format!(
        "a token with {} is let in and one with {} is refused",
        name(open),
        name(refused)
    )
}

/// A scope opens nothing only when every subject is settled and none of them needs it.
fn idle(rules: &[EffectiveRule], universe: &ScopeSet) -> Vec<String> {
    if rules.is_empty() || rules.iter().any(|rule| !rule.exact) {
        return Vec::new();
    }
    let used: BTreeSet<&String> = rules
        .iter()
        .flat_map(|rule| &rule.opened_by)
        .flatten()
        .collect();
    let idle = universe.iter().filter(|scope| !used.contains(scope));
    idle.cloned().collect()
}

fn columns<'a>(
    rows: &[Row<'a>],
    identities: &'a Identities,
) -> Vec<(&'a Identity, hierarchy::Column<'a>)> {
    let mut columns: BTreeMap<&str, hierarchy::Column<'a>> = BTreeMap::new();
    for row in rows {
        for (cell, identity) in row.valid() {
            let open = match row.said(cell) {
                Said::Open(_) => true,
                Said::Refused => false,
                Said::Mixed | Said::Nothing => continue,
            };
            let column = columns.entry(&identity.name).or_default();
            column.insert(row.subject, open);
        }
    }
    usable(identities)
        .filter_map(|identity| Some((identity, columns.remove(identity.name.as_str())?)))
        .collect()
}

fn usable(identities: &Identities) -> impl Iterator<Item = &Identity> {
    identities.valid().filter(|identity| is_usable(identity))
}

fn is_usable(identity: &Identity) -> bool {
    identity.kind == IdentityKind::Valid && identity.invalid.is_none()
}

/// Whether a refusal can have the token's scopes as its cause.
pub(super) fn is_about_the_token(cell: &Cell) -> bool {
    cell.layer != Some(Layer::Backend) && cell.class != Some(Class::DeniedOtherPolicy)
}

const MIXED: &str = "D27";
const MOST_TOKENS: usize = 4;
const TOKENS: &str = "`[mint]`, or an `[[identity]]` with such a token";

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
