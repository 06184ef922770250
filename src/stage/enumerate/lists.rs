//! Lists: page by page, merged into one surface.

use std::collections::BTreeSet;

use super::Sessions;
use crate::mcp::Operation;
use crate::mcp::decode;
use crate::model::audit::Collected;
use crate::model::exchange::{Exchange, ExchangeId, FailureKind};
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::{ListOutcome, Listing, Subject, SubjectKind, Surface};
use crate::stage::rpc::{self, Ask};
use crate::stage::session::Session;
use crate::stage::{Run, file, reply, together};
use crate::wire::{Pending, Sent};

/// Who reads which list, and the repetition.
pub(super) type Wanted = (String, SubjectKind, u16);

/// Every list for identities that may have one; the tool list alone for the others.
pub(super) fn first_lists(collected: &Collected, sessions: &Sessions) -> Vec<Wanted> {
    let offered = offered(collected);
    let mut wanted = Vec::new();
    let present = collected.identities.present.iter();
    for identity in present.filter(|identity| sessions.contains_key(&identity.name)) {
        let open = sessions
            .get(&identity.name)
            .is_some_and(|session| session.open);
        for kind in &offered {
            let whole = !identity.kind.must_be_refused() && open;
            if whole || *kind == SubjectKind::Tool {
                wanted.push((identity.name.clone(), *kind, 0));
            }
        }
    }
    wanted
}

/// The remaining lists for anonymous and garbage, where their tool list was answered.
pub(super) fn second_lists(collected: &Collected) -> Vec<Wanted> {
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

pub(super) async fn read_lists(
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
    let mut empty = 0;
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
        empty = if decoded.subjects.is_empty() {
            empty + 1
        } else {
            0
        };
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
        if empty == MOST_EMPTY {
            read.listing.outcome = ListOutcome::Partial {
                reason: format!("{empty} pages in a row were empty, and there was another cursor"),
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

/// Pages per list (a hostile server can invent cursors for ever).
const MOST_PAGES: usize = 200;

/// Pages without an entry in a row: a cursor that leads nowhere leads there for ever.
const MOST_EMPTY: usize = 10;

/// Entries per list.
const MOST_SUBJECTS: usize = 20_000;

/// JSON-RPC: method not found.
const METHOD_NOT_FOUND: i64 = -32601;
