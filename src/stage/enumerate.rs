//! Sessions and lists: what each identity sees.

use std::collections::{BTreeMap, BTreeSet};

use super::rpc::{self, Ask};
use super::session::{self, OpenedSession, Session};
use super::{Run, close, detect, discover, file, reply, together};
use crate::mcp::Operation;
use crate::mcp::decode;
use crate::model::audit::{Collected, SessionRecord};
use crate::model::discovery::{AnonymousAccess, Sourced};
use crate::model::exchange::{Exchange, ExchangeId, FailureKind};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::{ListOutcome, Listing, Subject, SubjectKind, Surface};
use crate::model::target::Revision;
use crate::wire::{Pending, Sent};

/// Sessions by identity name.
pub type Sessions = BTreeMap<String, Session>;

/// Finds the revision with a token where the anonymous look did not, opens one session per
/// identity, reads every list, and names the baseline.
pub async fn enumerate(run: &Run<'_>, collected: &mut Collected) -> Sessions {
    (run.progress)("enumerate", 0);
    find_revision(run, collected).await;
    let mut sessions = Sessions::new();
    if collected.discovery.audited.is_none() {
        if collected.discovery.anonymous == AnonymousAccess::Refused {
            closed_doors(run, collected, &mut sessions).await;
        }
        return sessions;
    }
    open_all(run, collected, &mut sessions).await;
    read_lists(run, collected, &sessions, first_lists(collected, &sessions)).await;
    read_lists(run, collected, &sessions, second_lists(collected)).await;
    choose_baseline(collected);
    sessions
}

/// Reads the tool list again over fresh connections: twice in a row for the baseline, which tells a
/// list that varies from one that changed once, and once for another identity.
pub async fn repeat_lists(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    let baseline = collected.identities.baseline.clone();
    let valid = collected
        .identities
        .valid()
        .map(|identity| identity.name.clone());
    let other = valid
        .filter(|name| Some(name) != baseline.as_ref())
        .take(1)
        .collect::<Vec<_>>();
    let repeats = baseline.iter().flat_map(|name| [(name, 1), (name, 2)]);
    for (name, attempt) in repeats.chain(other.iter().map(|name| (name, 1))) {
        let first = collected.surface.listing(name, SubjectKind::Tool);
        if first.is_some_and(Listing::is_complete) {
            let list = vec![(name.clone(), SubjectKind::Tool, attempt)];
            read_lists(run, collected, sessions, list).await;
        }
    }
}

async fn find_revision(run: &Run<'_>, collected: &mut Collected) {
    let mut candidates: Vec<Identity> = collected.identities.valid().cloned().collect();
    candidates.sort_by_key(|identity| {
        std::cmp::Reverse((
            identity.privileged,
            identity.scopes().map_or(0, BTreeSet::len),
        ))
    });
    let mut seen_by = None;
    for identity in candidates.iter().take(MOST_LOOKS) {
        if collected.discovery.audited.is_some() {
            break;
        }
        let sighting = detect::look(run, identity, collected).await;
        if !sighting.served.is_empty() {
            seen_by = Some(identity.clone());
        }
        detect::settle(run, collected, sighting);
    }
    let identity = seen_by.or_else(|| {
        collected
            .identities
            .present
            .first()
            .filter(|_| collected.discovery.audited.is_some())
            .cloned()
    });
    if let Some(identity) = identity {
        detect::enumerate(run, &identity, collected).await;
        let none = detect::Sighting::default();
        detect::settle(run, collected, none);
    }
    explain_missing_revision(run, collected);
}

fn explain_missing_revision(run: &Run<'_>, collected: &mut Collected) {
    if collected.discovery.audited.is_some() || collected.discovery.unusable.is_some() {
        return;
    }
    if let Some(reason) = discover::unusable(collected, false) {
        collected.discovery.unusable = Some(reason);
        return;
    }
    let seen = collected
        .discovery
        .revisions
        .iter()
        .map(|served| served.revision.as_str());
    let seen = seen.collect::<Vec<_>>().join(", ");
    collected.discovery.unusable = match (run.settings.revision, collected.identities.valid().next()) {
        (Some(wanted), _) if !seen.is_empty() => {
            Some(format!("the target does not serve revision {wanted}; it serves {seen}"))
        }
        (_, Some(_)) => Some(
            "the target refused every token given; check that they are for this server and have not \
             expired"
                .to_owned(),
        ),
        (_, None) => None,
    };
}

async fn open_all(run: &Run<'_>, collected: &mut Collected, sessions: &mut Sessions) {
    let Some(served) = collected.discovery.audited.clone() else {
        return;
    };
    let endpoint = collected.discovery.endpoint.clone();
    let identities = collected.identities.present.clone();
    let opened = together(
        identities
            .iter()
            .map(|identity| {
                Box::pin(session::open(run, identity, &served, &endpoint, "session"))
                    as Pending<'_, OpenedSession>
            })
            .collect(),
    )
    .await;
    for (identity, mut opened) in identities.iter().zip(opened) {
        let mut ids = Vec::new();
        for sent in opened.sent {
            ids.push(file(collected, sent));
        }
        opened.session.opened_by = opened.initialize.and_then(|index| ids.get(index).copied());
        if let (Some(exchange), true) = (opened.session.opened_by, opened.session.open) {
            collected.sessions.push(SessionRecord {
                identity: identity.name.clone(),
                exchange,
                closed: false,
            });
            let missing = collected.discovery.capabilities.is_none();
            if let Some(value) = opened.result.as_ref().and_then(decode::capabilities)
                && missing
            {
                collected.discovery.capabilities = Some(Sourced {
                    value: value.clone(),
                    exchange,
                });
            }
        }
        sessions.insert(identity.name.clone(), opened.session);
    }
    if served.revision.is_modern() {
        modern_doors(run, collected, sessions).await;
    }
}

/// A server that let nobody in: what it does with a bad credential at each door it may have, in the
/// form that needs no session, and `initialize` in the older form.
async fn closed_doors(run: &Run<'_>, collected: &mut Collected, sessions: &mut Sessions) {
    let endpoint = collected.discovery.endpoint.clone();
    let identities = collected.identities.present.clone();
    for identity in &identities {
        let session = Session::stateless(Revision::R2026_07, &endpoint);
        sessions.insert(identity.name.clone(), session);
    }
    modern_doors(run, collected, sessions).await;
    let legacy = Session::stateless(Revision::R2025_11, &endpoint);
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for identity in identities.iter().filter(|identity| at_doors(identity)) {
        let key = ProbeKey::new(ProbeId::OpenSession).variant("initialize");
        let id = run.next_id();
        let ask = Ask::new(key, identity, &legacy, Operation::Initialize);
        pending.push(Box::pin(rpc::send(run, ask, id)));
    }
    for (identity, sent) in identities
        .iter()
        .filter(|identity| at_doors(identity))
        .zip(together(pending).await)
    {
        let session = Session {
            id: sent.learned.first().map(|learned| learned.secret.clone()),
            ..legacy.clone()
        };
        file(collected, sent);
        close::one(run, collected, identity, &session).await;
    }
    let lists = identities
        .iter()
        .map(|identity| (identity.name.clone(), SubjectKind::Tool, 0));
    read_lists(run, collected, sessions, lists.collect()).await;
}

/// Credentials that must be refused; the anonymous look has been at the first doors already.
fn at_doors(identity: &Identity) -> bool {
    identity.kind.must_be_refused() && identity.kind != IdentityKind::Anonymous
}

/// `server/discover` is a door of its own: every credential that must be refused tries it.
async fn modern_doors(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    let identities = collected.identities.present.clone();
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for identity in identities.iter().filter(|identity| at_doors(identity)) {
        let Some(session) = sessions.get(&identity.name) else {
            continue;
        };
        let key = ProbeKey::new(ProbeId::OpenSession).variant("discover");
        let id = run.next_id();
        let ask = Ask::new(key, identity, session, Operation::Discover);
        pending.push(Box::pin(rpc::send(run, ask, id)));
    }
    for sent in together(pending).await {
        file(collected, sent);
    }
}

type Wanted = (String, SubjectKind, u16);

/// Every list for identities that may have one; the tool list alone for the others.
fn first_lists(collected: &Collected, sessions: &Sessions) -> Vec<Wanted> {
    let offered = offered(collected);
    let mut wanted = Vec::new();
    for identity in &collected.identities.present {
        let open = sessions
            .get(&identity.name)
            .is_some_and(|session| session.open);
        for kind in &offered {
            let whole = identity.kind == IdentityKind::Valid && open;
            if whole || *kind == SubjectKind::Tool {
                wanted.push((identity.name.clone(), *kind, 0));
            }
        }
    }
    wanted
}

/// The remaining lists for anonymous and garbage, where their tool list was answered.
fn second_lists(collected: &Collected) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for name in ["anonymous", "garbage"] {
        let answered = collected
            .surface
            .listing(name, SubjectKind::Tool)
            .is_some_and(|listing| {
                !matches!(
                    listing.outcome,
                    ListOutcome::Refused { .. } | ListOutcome::Failed { .. }
                )
            });
        if answered {
            let rest = offered(collected)
                .into_iter()
                .filter(|kind| *kind != SubjectKind::Tool);
            wanted.extend(rest.map(|kind| (name.to_owned(), kind, 0)));
        }
    }
    wanted
}

fn offered(collected: &Collected) -> Vec<SubjectKind> {
    let capabilities = collected
        .discovery
        .capabilities
        .as_ref()
        .map(|sourced| &sourced.value);
    let kinds = [
        SubjectKind::Tool,
        SubjectKind::Resource,
        SubjectKind::ResourceTemplate,
        SubjectKind::Prompt,
    ];
    let asked = |kind: &SubjectKind| {
        // Tools are asked for whatever the capabilities say: they are what an agent invokes.
        *kind == SubjectKind::Tool || decode::offers(capabilities, *kind).unwrap_or(true)
    };
    kinds.into_iter().filter(asked).collect()
}

struct ReadList {
    listing: Listing,
    sent: Vec<Sent>,
    /// Results with the index of the page they came from.
    pages: Vec<(usize, Vec<Subject>)>,
}

async fn read_lists(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    wanted: Vec<Wanted>,
) {
    let identities = collected.identities.present.clone();
    let mut pending: Vec<Pending<'_, ReadList>> = Vec::new();
    for (name, kind, attempt) in wanted {
        let identity = identities.iter().find(|identity| identity.name == name);
        if let (Some(identity), Some(session)) = (identity, sessions.get(&name)) {
            pending.push(Box::pin(read_list(run, identity, session, kind, attempt)));
        }
    }
    for read in together(pending).await {
        let ReadList {
            mut listing,
            sent,
            pages,
        } = read;
        listing.exchanges = sent.into_iter().map(|sent| file(collected, sent)).collect();
        for (page, subjects) in pages {
            let Some(exchange) = listing.exchanges.get(page).copied() else {
                continue;
            };
            for subject in subjects {
                merge(
                    &mut collected.surface,
                    Subject {
                        exchange,
                        ..subject
                    },
                );
            }
        }
        collected.surface.listings.push(listing);
    }
}

async fn read_list(
    run: &Run<'_>,
    identity: &Identity,
    session: &Session,
    kind: SubjectKind,
    attempt: u16,
) -> ReadList {
    let mut read = ReadList {
        listing: Listing {
            identity: identity.name.clone(),
            kind,
            outcome: ListOutcome::Complete,
            names: Vec::new(),
            duplicates: Vec::new(),
            exchanges: Vec::new(),
            cache_scopes: Vec::new(),
            attempt,
        },
        sent: Vec::new(),
        pages: Vec::new(),
    };
    let mut cursor: Option<String> = None;
    let mut cursors = BTreeSet::new();
    for page in 1..=MOST_PAGES {
        let (probe, operation) = operation(kind, cursor.as_deref());
        let key = ProbeKey::new(probe)
            .variant(format!("page-{page}"))
            .attempt(attempt);
        let mut ask = Ask::new(key, identity, session, operation);
        ask.fresh_connection = attempt > 0;
        let sent = rpc::ask(run, ask).await;
        let result = reply::result(&sent.exchange);
        if result.is_none() {
            read.listing.outcome = ended(&sent.exchange, page);
        }
        read.sent.push(sent);
        let Some(result) = result else { break };
        // The page is filed later; the subjects get its id then.
        let decoded = decode::decode_list(&result, kind, session.revision, ExchangeId(0));
        read.listing.cache_scopes.extend(decoded.cache_scope);
        read.listing
            .names
            .extend(decoded.subjects.iter().map(|subject| subject.name.clone()));
        read.pages.push((read.sent.len() - 1, decoded.subjects));
        if let Some(problem) = decoded.problems.into_iter().next() {
            read.listing.outcome = ListOutcome::Partial { reason: problem };
            break;
        }
        let Some(next) = decoded.next_cursor else {
            break;
        };
        if !cursors.insert(next.clone()) {
            read.listing.outcome = ListOutcome::Partial {
                reason: format!("page {page} repeats an earlier cursor"),
            };
            break;
        }
        if page == MOST_PAGES || read.listing.names.len() >= MOST_SUBJECTS {
            read.listing.outcome = ListOutcome::Partial {
                reason: format!(
                    "stopped after {page} pages and {} entries",
                    read.listing.names.len()
                ),
            };
            break;
        }
        cursor = Some(next);
    }
    read.listing.duplicates = duplicates(&read.listing.names);
    read
}

fn operation(kind: SubjectKind, cursor: Option<&str>) -> (ProbeId, Operation<'_>) {
    match kind {
        SubjectKind::Resource => (ProbeId::ListResources, Operation::ListResources { cursor }),
        SubjectKind::ResourceTemplate => (
            ProbeId::ListResourceTemplates,
            Operation::ListResourceTemplates { cursor },
        ),
        SubjectKind::Prompt => (ProbeId::ListPrompts, Operation::ListPrompts { cursor }),
        _ => (ProbeId::ListTools, Operation::ListTools { cursor }),
    }
}

fn ended(exchange: &Exchange, page: usize) -> ListOutcome {
    if page > 1 {
        return ListOutcome::Partial {
            reason: format!("page {page} brought no result"),
        };
    }
    if reply::error_code(exchange) == Some(METHOD_NOT_FOUND) {
        return ListOutcome::NotOffered;
    }
    match (exchange.status(), exchange.failure()) {
        (Some(status @ 400..=499), _) => ListOutcome::Refused { status },
        (Some(status), _) => ListOutcome::Failed {
            reason: format!("HTTP {status} without a result"),
        },
        (None, Some(failure)) if failure.kind == FailureKind::Cancelled => ListOutcome::Failed {
            reason: "the run was interrupted".to_owned(),
        },
        (None, failure) => ListOutcome::Failed {
            reason: failure.map_or_else(|| "no answer".to_owned(), |failure| failure.text.clone()),
        },
    }
}

fn merge(surface: &mut Surface, subject: Subject) {
    let Some(known) = surface.subjects.iter().find(|known| known.id == subject.id) else {
        surface.subjects.push(subject);
        return;
    };
    let mut members = Vec::new();
    if known.description != subject.description || known.title != subject.title {
        members.push("description".to_owned());
    }
    if known.input_schema != subject.input_schema {
        members.push("inputSchema".to_owned());
    }
    if known.annotations != subject.annotations {
        members.push("annotations".to_owned());
    }
    if known.schemes != subject.schemes {
        members.push("securitySchemes".to_owned());
    }
    if !members.is_empty() {
        surface.differing.insert(subject.id, members);
    }
}

fn duplicates(names: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let twice = names
        .iter()
        .filter(|name| !seen.insert(name.as_str()))
        .cloned();
    twice.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The strongest valid identity: marked, else the one whose scopes include all others', else the
/// one that sees most.
fn choose_baseline(collected: &mut Collected) {
    let usable = |identity: &&Identity| {
        collected
            .surface
            .listing(&identity.name, SubjectKind::Tool)
            .is_some_and(|listing| {
                !matches!(
                    listing.outcome,
                    ListOutcome::Refused { .. } | ListOutcome::Failed { .. }
                )
            })
    };
    let valid = collected
        .identities
        .valid()
        .filter(usable)
        .collect::<Vec<_>>();
    let all_valid = collected.identities.valid().collect::<Vec<_>>();
    let pool = if valid.is_empty() { all_valid } else { valid };
    let marked = pool.iter().find(|identity| identity.privileged);
    let includes_all = pool.iter().find(|identity| {
        identity.scopes().is_some_and(|scopes| {
            pool.iter()
                .all(|other| other.scopes().is_some_and(|held| held.is_subset(scopes)))
        })
    });
    let sees = |identity: &Identity| {
        let listings = collected.surface.listings.iter();
        listings
            .filter(|l| l.identity == identity.name)
            .map(|l| l.names.len())
            .sum::<usize>()
    };
    let chosen = match (marked, includes_all) {
        (Some(identity), _) => Some((identity.name.clone(), "marked as privileged".to_owned())),
        (None, Some(identity)) if pool.len() > 1 => Some((
            identity.name.clone(),
            "its scopes include those of every other identity".to_owned(),
        )),
        // Of those that see equally much the one with more scopes, then the one named first.
        _ => pool
            .iter()
            .rev()
            .max_by_key(|identity| {
                let held = identity.scopes().map_or(0, BTreeSet::len);
                (sees(identity), held)
            })
            .map(|identity| {
                let why = if pool.len() == 1 {
                    "the only usable token".to_owned()
                } else {
                    format!(
                        "it sees most ({} entries); mark another with `--privileged`",
                        sees(identity)
                    )
                };
                (identity.name.clone(), why)
            }),
    };
    if let Some((name, why)) = chosen {
        collected.identities.baseline = Some(name);
        collected.identities.baseline_reason = why;
    }
}

/// Tokens tried to see the revision.
pub(super) const MOST_LOOKS: usize = 3;

/// Pages per list (a hostile server can invent cursors for ever).
const MOST_PAGES: usize = 200;

/// Entries per list.
const MOST_SUBJECTS: usize = 20_000;

/// JSON-RPC: method not found.
const METHOD_NOT_FOUND: i64 = -32601;
