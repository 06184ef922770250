//! The same calls in every other revision that is served: one more matrix each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::calls::{self, Asked, Treatments};
use super::rpc::{self, Ask};
use super::session::{self, Session};
use super::{Run, close, file, reply, together};
use crate::mcp::{Operation, decode};
use crate::model::audit::Collected;
use crate::model::discovery::ServedRevision;
use crate::model::exchange::{ExchangeId, Ledger};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::{Access, Cell, Layer, Matrix};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::{ListOutcome, Listing, Subject, SubjectKind, Surface};
use crate::oracle::calibrate::Treatment;
use crate::oracle::matrix::{self, MatrixInput, probe_of};
use crate::wire::{Pending, Sent};

/// One matrix for each other revision, over a sample of the tools: those that somebody was refused
/// first, as many as keep all of it below the first matrix.
pub async fn eras(run: &Run<'_>, collected: &mut Collected, asked: &Asked) -> Vec<Matrix> {
    if !run.settings.bypass.allowed {
        return Vec::new();
    }
    let others = others(collected);
    if others.is_empty() || who(collected).len() < 2 || collected.identities.baseline.is_none() {
        return Vec::new();
    }
    let first = matrix::build(&calls::input(collected, asked));
    let subjects = sample(&first, &collected.surface, &asked.treatments, others.len());
    if subjects.is_empty() {
        return Vec::new();
    }
    let who = telling(collected, &first);
    (run.progress)("other revisions", others.len() * subjects.len() * who.len());
    let mut matrices = Vec::new();
    for served in others {
        matrices.extend(era(run, collected, asked, &served, &who, &subjects).await);
    }
    matrices
}

/// Revisions beside the audited one.
pub(crate) fn others(collected: &Collected) -> Vec<ServedRevision> {
    let audited = collected.discovery.revision();
    let revisions = collected.discovery.revisions.iter();
    revisions
        .filter(|served| audited.is_some() && Some(served.revision) != audited)
        .take(MOST_ERAS)
        .cloned()
        .collect()
}

/// How many other revisions a plan counts with: before anybody looked, as many as are asked at most.
pub(crate) fn others_planned(collected: &Collected) -> usize {
    if collected.identities.present.is_empty() && collected.discovery.audited.is_none() {
        MOST_ERAS
    } else {
        others(collected).len()
    }
}

/// No token, up to three weaker ones, and the baseline last.
pub(crate) fn who(collected: &Collected) -> Vec<Identity> {
    chosen(collected, |_| false)
}

/// The same, those first who were refused something behind the gate of the server: who is refused
/// everything says nothing of the tools.
fn telling(collected: &Collected, first: &Matrix) -> Vec<Identity> {
    chosen(collected, |identity| {
        let mut cells = first.cells.iter();
        cells.any(|cell| cell.identity == identity.name && at_a_tool(cell))
    })
}

fn at_a_tool(cell: &Cell) -> bool {
    cell.access == Access::Denied && !matches!(cell.layer, Some(Layer::ServerGate | Layer::Edge))
}

fn chosen(collected: &Collected, first: impl Fn(&Identity) -> bool) -> Vec<Identity> {
    let baseline = collected.identities.baseline.as_deref();
    let present = || collected.identities.present.iter();
    let anonymous = present()
        .filter(|it| it.kind == IdentityKind::Anonymous)
        .take(1);
    let weak = present().filter(|it| {
        it.kind == IdentityKind::Valid && it.invalid.is_none() && Some(it.name.as_str()) != baseline
    });
    let (telling, others): (Vec<&Identity>, Vec<&Identity>) = weak.partition(|it| first(it));
    let strong = present().filter(|it| Some(it.name.as_str()) == baseline);
    anonymous
        .chain(telling.into_iter().chain(others).take(MOST_WEAK))
        .chain(strong)
        .cloned()
        .collect()
}

async fn era(
    run: &Run<'_>,
    collected: &mut Collected,
    asked: &Asked,
    served: &ServedRevision,
    who: &[Identity],
    subjects: &[Subject],
) -> Option<Matrix> {
    let mut era = Era {
        run,
        served,
        sessions: BTreeMap::new(),
        listings: Vec::new(),
        exchanges: Vec::new(),
    };
    era.open(collected, who).await;
    era.list(collected, who).await;
    era.unknown(collected, who).await;
    let baseline = collected.identities.baseline.clone()?;
    let (strong, weak): (Vec<&Identity>, Vec<&Identity>) =
        who.iter().partition(|identity| identity.name == baseline);
    for (attempt, asking) in [(0, &strong), (0, &weak), (1, &strong), (1, &weak)] {
        era.call(collected, asking, subjects, &asked.treatments, attempt)
            .await;
    }
    let owners = era.sessions.values();
    let owners = owners.map(|(identity, session)| (identity, session));
    close::all(run, collected, owners).await;
    Some(era.matrix(collected, asked, subjects))
}

struct Era<'r, 'w> {
    run: &'r Run<'w>,
    served: &'r ServedRevision,
    sessions: BTreeMap<String, (Identity, Session)>,
    listings: Vec<Listing>,
    exchanges: Vec<(ProbeId, ExchangeId)>,
}

impl Era<'_, '_> {
    async fn open(&mut self, collected: &mut Collected, who: &[Identity]) {
        let endpoint = collected.discovery.endpoint.clone();
        let opened = session::open_all(self.run, who, self.served, &endpoint, "era").await;
        for (identity, opened) in who.iter().zip(opened) {
            for mut sent in opened.sent {
                sent.exchange.probe = self.key(ProbeId::EraSession);
                file(collected, sent);
            }
            let mut session = opened.session;
            // A server that refuses to open a session may still answer calls without one.
            if session.transport == crate::model::target::Transport::StreamableHttp {
                session.open = true;
            }
            if session.open {
                self.sessions
                    .insert(identity.name.clone(), (identity.clone(), session));
            }
        }
    }

    async fn list(&mut self, collected: &mut Collected, who: &[Identity]) {
        let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
        let mut asked = Vec::new();
        for identity in who {
            let Some((_, session)) = self.sessions.get(&identity.name) else {
                continue;
            };
            let operation = Operation::ListTools { cursor: None };
            let ask = Ask::new(self.key(ProbeId::EraList), identity, session, operation);
            let id = self.run.next_id();
            pending.push(Box::pin(rpc::send(self.run, ask, id)));
            asked.push(identity);
        }
        let revision = self.served.revision;
        let answers = together(pending).await;
        for (identity, sent) in asked.into_iter().zip(answers) {
            let result = reply::result(&sent.exchange);
            let status = sent.exchange.status();
            let exchange = file(collected, sent);
            let page = result
                .map(|result| decode::decode_list(&result, SubjectKind::Tool, revision, exchange));
            let outcome = match (&page, status) {
                (Some(page), _) if page.next_cursor.is_some() => ListOutcome::Partial {
                    reason: "only the first page was read".to_owned(),
                },
                (Some(_), _) => ListOutcome::Complete,
                (None, Some(status @ 400..=499)) => ListOutcome::Refused { status },
                (None, _) => ListOutcome::Failed {
                    reason: "no result".to_owned(),
                },
            };
            let subjects = page.map(|page| page.subjects).unwrap_or_default();
            self.listings.push(Listing {
                identity: identity.name.clone(),
                kind: SubjectKind::Tool,
                outcome,
                names: subjects.into_iter().map(|subject| subject.name).collect(),
                duplicates: Vec::new(),
                exchanges: vec![exchange],
                cache_scopes: Vec::new(),
                attempt: 0,
            });
        }
    }

    /// Two random names: the baseline for what is hidden in this revision.
    async fn unknown(&mut self, collected: &mut Collected, who: &[Identity]) {
        let nothing = json!({});
        let names = [0, 1].map(|number| self.run.entropy.word(&format!("era-ghost-{number}"), 12));
        let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
        for identity in who.iter().filter(|it| it.kind == IdentityKind::Valid) {
            let Some((_, session)) = self.sessions.get(&identity.name) else {
                continue;
            };
            for (attempt, name) in (0_u16..).zip(&names) {
                let key = self
                    .key(ProbeId::EraUnknown)
                    .about(name.clone())
                    .attempt(attempt);
                pending.push(self.ask(identity, session, key, name, &nothing, None));
            }
        }
        let answers = together(pending).await;
        for sent in answers {
            let exchange = file(collected, sent);
            self.exchanges.push((ProbeId::UnknownName, exchange));
        }
    }

    async fn call(
        &mut self,
        collected: &mut Collected,
        asking: &[&Identity],
        subjects: &[Subject],
        treatments: &Treatments,
        attempt: u16,
    ) {
        let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
        let mut probes = Vec::new();
        for subject in subjects {
            let Some(treatment) = treatments.get(&subject.id) else {
                continue;
            };
            let (Some(probe), Some(arguments)) =
                (probe_of(subject, treatment), arguments(treatment))
            else {
                continue;
            };
            for identity in asking {
                // A stranger's refusal is the door's own; once is enough.
                if attempt > 0 && identity.kind.must_be_refused() {
                    continue;
                }
                let Some((_, session)) = self.sessions.get(&identity.name) else {
                    continue;
                };
                let key = self
                    .key(ProbeId::EraCall)
                    .about(subject.id.clone())
                    .attempt(attempt);
                let schema = subject.input_schema.as_ref();
                pending.push(self.ask(identity, session, key, &subject.name, arguments, schema));
                probes.push(probe);
            }
        }
        let answers = together(pending).await;
        for (probe, sent) in probes.into_iter().zip(answers) {
            let exchange = file(collected, sent);
            self.exchanges.push((probe, exchange));
        }
    }

    fn ask<'a>(
        &'a self,
        identity: &'a Identity,
        session: &'a Session,
        key: ProbeKey,
        name: &'a str,
        arguments: &'a Value,
        schema: Option<&'a Value>,
    ) -> Pending<'a, Sent> {
        let operation = Operation::CallTool {
            name,
            arguments,
            schema,
        };
        let id = self.run.next_id();
        Box::pin(rpc::send(
            self.run,
            Ask::new(key, identity, session, operation),
            id,
        ))
    }

    /// The matrix reads a ledger of its own, in which the calls of this revision are plain calls.
    fn matrix(&self, collected: &Collected, asked: &Asked, subjects: &[Subject]) -> Matrix {
        let mut ledger = Ledger::default();
        let mut places = BTreeMap::new();
        for (probe, id) in &self.exchanges {
            if let Some(exchange) = collected.ledger.exchange(*id) {
                let mut exchange = exchange.clone();
                exchange.probe.id = *probe;
                exchange.probe.variant = None;
                places.insert(ledger.file(exchange), *id);
            }
        }
        let mut identities = collected.identities.clone();
        identities
            .present
            .retain(|identity| self.sessions.contains_key(&identity.name));
        let surface = Surface {
            subjects: subjects.to_vec(),
            listings: self.listings.clone(),
            ..Surface::default()
        };
        let mut matrix = matrix::build(&MatrixInput {
            revision: self.served.revision,
            transport: self.served.transport,
            ledger: &ledger,
            identities: &identities,
            surface: &surface,
            calibration: &asked.calibration,
            treatments: &asked.treatments,
            canaries: &[],
            repeat: 0,
            vector: None,
        });
        for cell in &mut matrix.cells {
            let own = cell
                .exchanges
                .iter()
                .filter_map(|id| places.get(id).copied());
            cell.exchanges = own.collect();
        }
        matrix
    }

    fn key(&self, probe: ProbeId) -> ProbeKey {
        ProbeKey::new(probe).variant(self.served.revision.as_str())
    }
}

/// What is asked again: nothing that the operator listed, which runs once.
fn arguments(treatment: &Treatment) -> Option<&Value> {
    match treatment {
        Treatment::Valid { arguments } | Treatment::Invalid { arguments, .. } => Some(arguments),
        Treatment::ListedCall { .. } | Treatment::Canary { .. } | Treatment::NotTested { .. } => {
            None
        }
    }
}

/// Tools that somebody was refused, then the others, as many for each revision as keep all of them
/// together below the first matrix.
fn sample(first: &Matrix, surface: &Surface, treatments: &Treatments, eras: usize) -> Vec<Subject> {
    let refused: BTreeSet<&str> = first
        .cells
        .iter()
        .filter(|cell| cell.access == Access::Denied)
        .map(|cell| cell.subject.as_str())
        .collect();
    let mut tools: Vec<&Subject> = surface
        .subjects
        .iter()
        .filter(|subject| {
            let treatment = treatments.get(&subject.id).and_then(arguments);
            subject.kind == SubjectKind::Tool && treatment.is_some()
        })
        .collect();
    let by_valid = |subject: &Subject| {
        let denied_to_a_token = first.cells.iter().any(|cell| {
            cell.subject == subject.id
                && cell.access == Access::Denied
                && cell.identity != "anonymous"
        });
        (!denied_to_a_token, !refused.contains(subject.id.as_str()))
    };
    tools.sort_by_key(|subject| by_valid(subject));
    let most = (tools.len() / eras.max(1)).clamp(LEAST_TOOLS, MOST_TOOLS);
    tools.into_iter().take(most).cloned().collect()
}

/// Revisions that are compared with the audited one.
pub(crate) const MOST_ERAS: usize = 3;

/// Weaker tokens that are compared; more show the same gate.
pub(crate) const MOST_WEAK: usize = 3;

/// Tools for each revision: enough for one of each kind of refusal.
const LEAST_TOOLS: usize = 3;

/// Tools for each revision at most.
pub(crate) const MOST_TOOLS: usize = 40;
