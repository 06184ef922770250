//! One word and one sentence for how the tools are guarded.

use std::collections::HashMap;

use super::cut;
use super::policy;
use super::scopes;
use crate::model::exchange::ExchangeId;
use crate::model::identity::{Identities, Identity, IdentityKind, ScopeSet};
use crate::model::matrix::{Access, Cell, Confidence, Layer, Matrix};
use crate::model::report::{CellCoverage, Enforcement, ToolCounts};
use crate::model::settings::PolicyEntry;
use crate::model::surface::{Subject, SubjectKind, Surface};

/// How the tools are guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnforcementAnswer {
    /// The word.
    pub enforcement: Enforcement,
    /// How sure.
    pub confidence: Confidence,
    /// How many tools stand behind which word.
    pub counts: ToolCounts,
    /// Tools that break enforcement, by name.
    pub broken_by: Vec<String>,
    /// How many cells of tools were decided.
    pub coverage: CellCoverage,
    /// For each tool a call that was let in and one that was refused, as far as there is room.
    pub exchanges: Vec<ExchangeId>,
    /// One sentence that a person could say aloud.
    pub sentence: String,
}

/// Answers the question which tools an agent can invoke.
pub fn enforcement(
    matrix: &Matrix,
    identities: &Identities,
    surface: &Surface,
    policy: &[PolicyEntry],
) -> EnforcementAnswer {
    let scoped = differently_scoped(identities);
    let tools = surface
        .subjects
        .iter()
        .filter(|subject| subject.kind == SubjectKind::Tool);
    let mut cells: HashMap<&str, Vec<(&Cell, &Identity)>> = HashMap::new();
    for cell in matrix.cells.iter().filter(|cell| !cell.is_settled()) {
        if let Some(identity) = identities.named(&cell.identity) {
            let row = cells.entry(cell.subject.as_str()).or_default();
            row.push((cell, identity));
        }
    }
    let mut rows: Vec<Row<'_>> = tools
        .map(|subject| {
            let cells = cells.remove(subject.id.as_str()).unwrap_or_default();
            Row::read(subject, cells, scoped)
        })
        .collect();
    let siblings_guarded = rows.iter().any(|row| row.state == State::Guarded);
    let authenticates = rows.iter().any(|row| row.stranger_denied);
    for row in &mut rows {
        row.broken = broken(row, policy, siblings_guarded, authenticates);
    }
    let number = |state: State| rows.iter().filter(|row| row.state == state).count();
    let counts = ToolCounts {
        guarded_by_scope: number(State::Guarded),
        open_to_every_token: number(State::OpenToTokens),
        open_without_token: number(State::OpenToAll),
        undecided: number(State::Undecided) + number(State::ServerGate),
        total: rows.len(),
    };
    let enforcement = word(&rows, scoped, authenticates);
    let broken_by: Vec<String> = rows
        .iter()
        .filter(|row| row.broken.is_some())
        .map(|row| row.subject.name.clone())
        .collect();
    let all = || rows.iter().flat_map(|row| &row.cells);
    let cut = cut::of_tools(surface);
    let mut sentence = sentence(enforcement, &counts, &rows, scoped);
    let mut confidence = confidence(enforcement, &rows);
    if let Some(cut) = &cut {
        sentence = format!("{sentence} {cut}");
        // What was seen is seen; what is said of every tool is not.
        if enforcement != Enforcement::Partial {
            confidence = confidence.min(Confidence::Weak);
        }
    }
    EnforcementAnswer {
        coverage: CellCoverage {
            decided: all().filter(|(cell, _)| cell.access.is_decided()).count(),
            cells: all().count(),
        },
        exchanges: witnesses(&rows),
        confidence,
        sentence,
        enforcement,
        counts,
        broken_by,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Guarded,
    OpenToTokens,
    OpenToAll,
    ServerGate,
    Undecided,
}

struct Row<'a> {
    subject: &'a Subject,
    cells: Vec<(&'a Cell, &'a Identity)>,
    state: State,
    stranger_denied: bool,
    broken: Option<Confidence>,
}

impl<'a> Row<'a> {
    fn read(subject: &'a Subject, cells: Vec<(&'a Cell, &'a Identity)>, scoped: bool) -> Self {
        let valid = || cells.iter().filter(|(_, identity)| is_usable(identity));
        let strangers = || {
            cells
                .iter()
                .filter(|(_, identity)| identity.kind.must_be_refused())
        };
        let passes = |cell: &Cell| matches!(cell.access, Access::Allowed | Access::Reached);
        let refused = |wanted: fn(&Cell) -> bool| {
            valid().any(|(cell, _)| cell.access == Access::Denied && wanted(cell))
        };
        let through = valid().any(|(cell, _)| passes(cell));
        let by_tool = refused(|cell| {
            !matches!(
                cell.layer,
                Some(Layer::ServerGate | Layer::Edge | Layer::Backend)
            )
        });
        let by_server = refused(|cell| cell.layer == Some(Layer::ServerGate));
        let state = if strangers().any(|(cell, _)| cell.access == Access::Allowed) {
            State::OpenToAll
        } else if through && by_tool {
            State::Guarded
        } else if through && by_server {
            State::ServerGate
        } else if scoped
            && valid().count() >= 2
            && valid().all(|(cell, _)| cell.access == Access::Allowed)
        {
            State::OpenToTokens
        } else {
            State::Undecided
        };
        Self {
            subject,
            state,
            stranger_denied: strangers().any(|(cell, _)| cell.access == Access::Denied),
            broken: None,
            cells,
        }
    }

    /// Asked, and neither refused to a weaker token nor open to all: somebody may get in.
    fn may_be_open(&self) -> bool {
        let asked = |cell: &Cell| matches!(cell.access, Access::Reached | Access::Inconclusive);
        self.state == State::Undecided
            && self
                .cells
                .iter()
                .any(|(cell, who)| is_usable(who) && asked(cell))
    }

    /// Allowed to every valid identity that the server's gate did not stop.
    fn is_open_behind_the_gate(&self) -> bool {
        let mut inside = self.cells.iter().filter(|(cell, identity)| {
            is_usable(identity) && cell.layer != Some(Layer::ServerGate)
        });
        inside.clone().next().is_some() && inside.all(|(cell, _)| cell.access == Access::Allowed)
    }

    /// Not declared read-only, so it may change something.
    fn changes_state(&self) -> bool {
        self.subject
            .annotations
            .is_none_or(|hints| hints.read_only != Some(true))
    }
}

/// How sure it is that a tool lets somebody in whom it should not.
fn broken(
    row: &Row<'_>,
    policy: &[PolicyEntry],
    siblings_guarded: bool,
    authenticates: bool,
) -> Option<Confidence> {
    let entry = policy::intended(policy, row.subject);
    let schemes = row.subject.schemes.as_deref().unwrap_or_default();
    let listed_elsewhere = row.cells.iter().any(|(cell, _)| cell.listed == Some(true));
    let public = entry.is_some_and(|entry| entry.public && !entry.deny)
        || schemes.iter().any(|scheme| scheme.kind == "noauth");
    let allowed = row
        .cells
        .iter()
        .filter(|(cell, _)| cell.access == Access::Allowed);
    let wrong = allowed.filter(|(cell, identity)| {
        if identity.kind.must_be_refused() {
            // A stranger may get no more than a valid token does.
            let more_than_valid = row
                .cells
                .iter()
                .any(|(other, who)| is_usable(who) && other.access == Access::Denied);
            return !public
                && (authenticates || more_than_valid || entry.is_some() || !schemes.is_empty());
        }
        if !is_usable(identity) {
            return false;
        }
        if let Some(entry) = entry {
            return policy::permits(entry, identity) == Some(false);
        }
        let undeclared = !public
            && !schemes.is_empty()
            && identity
                .scopes()
                .is_some_and(|held| schemes.iter().all(|scheme| !scheme.scopes.is_subset(held)));
        let hidden = cell.listed == Some(false) && listed_elsewhere;
        let weakest = row
            .cells
            .iter()
            .any(|(_, other)| is_usable(other) && scopes::holds_less(identity, other));
        undeclared || hidden || (siblings_guarded && row.changes_state() && weakest)
    });
    wrong.map(|(cell, _)| cell.confidence).max()
}

/// For each tool the surest call that was let in and the surest that was refused.
fn witnesses(rows: &[Row<'_>]) -> Vec<ExchangeId> {
    let surest = |row: &Row<'_>, access: Access| {
        let cells = row.cells.iter().filter(|(cell, _)| cell.access == access);
        let cell = cells.max_by_key(|(cell, _)| cell.confidence);
        cell.and_then(|(cell, _)| cell.exchanges.first().copied())
    };
    let both = rows.iter().flat_map(|row| {
        let pair = [Access::Allowed, Access::Denied].map(|access| surest(row, access));
        pair.into_iter().flatten()
    });
    both.take(MOST_WITNESSES).collect()
}

fn word(rows: &[Row<'_>], scoped: bool, authenticates: bool) -> Enforcement {
    let any = |state: State| rows.iter().any(|row| row.state == state);
    let undecided = any(State::Undecided);
    if any(State::Guarded) {
        if rows.iter().any(|row| row.broken.is_some()) {
            return Enforcement::Partial;
        }
        // Guarded siblings say nothing of a tool that a weaker token got into.
        let writes_open = rows
            .iter()
            .any(|row| row.changes_state() && row.may_be_open());
        let writes_guarded = rows
            .iter()
            .any(|row| row.changes_state() && row.state == State::Guarded);
        return if !writes_open && (writes_guarded || !undecided) {
            Enforcement::PerTool
        } else {
            Enforcement::Undetermined
        };
    }
    if any(State::ServerGate) {
        // What the gate lets in must be seen to run everything, or a tool gate may sit behind it.
        let all_open = rows.iter().all(Row::is_open_behind_the_gate);
        return if all_open {
            Enforcement::ServerOnly
        } else {
            Enforcement::Undetermined
        };
    }
    let unauthenticated = any(State::OpenToAll) && !authenticates;
    let open = any(State::OpenToTokens) || any(State::OpenToAll);
    if unauthenticated || (open && !undecided && scoped) {
        return Enforcement::None;
    }
    Enforcement::Undetermined
}

fn confidence(enforcement: Enforcement, rows: &[Row<'_>]) -> Confidence {
    let of = |wanted: fn(&Cell) -> bool, state: State| {
        rows.iter()
            .filter(|row| row.state == state)
            .filter_map(|row| {
                let cells = row.cells.iter().filter(|(cell, identity)| {
                    wanted(cell) && (is_usable(identity) || state == State::OpenToAll)
                });
                cells.map(|(cell, _)| cell.confidence).max()
            })
            .min()
            .unwrap_or(Confidence::Inconclusive)
    };
    let denied = |cell: &Cell| cell.access == Access::Denied;
    let allowed = |cell: &Cell| cell.access == Access::Allowed;
    match enforcement {
        Enforcement::PerTool => {
            // Tools that nobody could ask about leave room for doubt.
            let untested = rows
                .iter()
                .any(|row| row.changes_state() && row.state == State::Undecided);
            let seen = of(denied, State::Guarded);
            if untested {
                seen.min(Confidence::Weak)
            } else {
                seen
            }
        }
        Enforcement::Partial => rows
            .iter()
            .filter_map(|row| row.broken)
            .max()
            .unwrap_or(Confidence::Weak)
            .min(of(denied, State::Guarded)),
        Enforcement::ServerOnly => of(denied, State::ServerGate),
        Enforcement::None => [State::OpenToTokens, State::OpenToAll]
            .into_iter()
            .filter(|state| rows.iter().any(|row| row.state == *state))
            .map(|state| of(allowed, state))
            .min()
            .unwrap_or(Confidence::Inconclusive),
        Enforcement::Undetermined => Confidence::Inconclusive,
    }
}

fn sentence(
    enforcement: Enforcement,
    counts: &ToolCounts,
    rows: &[Row<'_>],
    scoped: bool,
) -> String {
    if rows.is_empty() {
        return "No identity was shown any tool.".into();
    }
    let opening = match enforcement {
        Enforcement::PerTool => "Scope decides tool by tool",
        Enforcement::Partial => "Some tools are guarded by scope and others that should be are not",
        Enforcement::ServerOnly => {
            "One gate stands before the whole server; tools are not told apart"
        }
        Enforcement::None => "What a token may do makes no difference: every tool is open",
        Enforcement::Undetermined => "How the tools are guarded was not determined",
    };
    let mut parts = vec![format!(
        "{} guarded by scope",
        of_tools(counts.guarded_by_scope, counts.total)
    )];
    let mut part = |number: usize, what: &str| {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    };
    part(
        counts.open_to_every_token,
        "open to every token that was tried",
    );
    part(counts.open_without_token, "open without a valid token");
    part(counts.undecided, "not decided");
    let mut sentence = format!("{opening}: {}", parts.join(", "));
    let broken: Vec<&str> = rows
        .iter()
        .filter(|row| row.broken.is_some())
        .map(|row| row.subject.name.as_str())
        .collect();
    if !broken.is_empty() {
        sentence.push_str("; open where it should not be: ");
        sentence.push_str(&some(&broken));
    }
    let undecided: Vec<&str> = rows
        .iter()
        .filter(|row| row.state == State::Undecided)
        .map(|row| row.subject.name.as_str())
        .collect();
    if !scoped && enforcement == Enforcement::Undetermined {
        sentence.push_str("; it takes two valid tokens of different scopes");
    } else if !undecided.is_empty() {
        sentence.push_str("; not decided: ");
        sentence.push_str(&some(&undecided));
    }
    sentence.push('.');
    sentence
}

fn of_tools(number: usize, total: usize) -> String {
    match total {
        1 => format!("{number} of 1 tool"),
        _ => format!("{number} of {total} tools"),
    }
}

fn some(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(NAMES_SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn is_usable(identity: &Identity) -> bool {
    identity.kind == IdentityKind::Valid && identity.invalid.is_none()
}

/// Whether at least two valid tokens are known to hold different scopes.
fn differently_scoped(identities: &Identities) -> bool {
    let mut sets: Vec<&ScopeSet> = identities
        .valid()
        .filter(|identity| is_usable(identity))
        .filter_map(Identity::scopes)
        .collect();
    sets.sort_unstable();
    sets.dedup();
    sets.len() >= 2
}

const NAMES_SHOWN: usize = 5;
const MOST_WITNESSES: usize = 100;

#[cfg(test)]
#[path = "enforcement_tests.rs"]
mod tests;
