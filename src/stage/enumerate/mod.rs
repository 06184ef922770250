//! Sessions and lists: what each identity sees.

mod baseline;
mod early;
mod lists;

use std::collections::{BTreeMap, BTreeSet};

use lists::{first_lists, read_lists, second_lists};

use super::rpc::{self, Ask};
use super::session::{self, Session};
use super::{Run, certificates, close, demand, detect, discover, file, together};
use crate::mcp::Operation;
use crate::mcp::decode;
use crate::model::audit::{Collected, SessionRecord};
use crate::model::discovery::{AnonymousAccess, ServedRevision, Sourced};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::{Listing, SubjectKind};
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
    early::explain(collected);
    baseline::choose(collected);
    sessions
}

/// Opens a session for identities that came later and reads their tool list.
pub(crate) async fn join(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &mut Sessions,
    joining: &[Identity],
) {
    let Some(served) = collected.discovery.audited.clone() else {
        return;
    };
    open_for(run, collected, sessions, &served, joining).await;
    let lists = joining
        .iter()
        .map(|identity| (identity.name.clone(), SubjectKind::Tool, 0));
    read_lists(run, collected, sessions, lists.collect()).await;
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
    // The other lists are the baseline's alone: one identity shows whether a list depends on chance.
    for attempt in [1, 2] {
        let name = baseline.iter();
        let again = name.flat_map(|name| OTHER_LISTS.map(|kind| (name.clone(), kind, attempt)));
        let read = |(name, kind, _): &(String, SubjectKind, u16)| {
            let first = collected.surface.listing(name, *kind);
            first.is_some_and(Listing::is_complete)
        };
        let again = again.filter(read).collect::<Vec<_>>();
        read_lists(run, collected, sessions, again).await;
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
        let known = collected.discovery.audited.is_some();
        if known && !demand::is_open(&collected.discovery) {
            break;
        }
        let sighting = detect::look(run, identity, collected).await;
        if !sighting.served.is_empty() {
            seen_by = Some(identity.clone());
        }
        demand::weigh(&mut collected.discovery, &sighting);
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
    collected.discovery.unusable = match (
        run.settings.revision,
        collected.identities.valid().next(),
    ) {
        (Some(wanted), _) if !seen.is_empty() => Some(format!(
            "the target does not serve revision {wanted}; it serves {seen}"
        )),
        (_, Some(_)) => Some(
            match early::any(collected)
                .or_else(|| certificates::explained(&run.settings.certificates, collected))
            {
                Some(why) => format!("the target refused every token given: {why}"),
                None => {
                    "the target refused every token given; check that they are for this server and \
                     have not expired"
                        .to_owned()
                }
            },
        ),
        (_, None) => None,
    };
}

async fn open_all(run: &Run<'_>, collected: &mut Collected, sessions: &mut Sessions) {
    let Some(served) = collected.discovery.audited.clone() else {
        return;
    };
    let identities = asking(run, collected);
    open_for(run, collected, sessions, &served, &identities).await;
    if served.revision.is_modern() {
        modern_doors(run, collected, sessions).await;
    }
}

async fn open_for(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &mut Sessions,
    served: &ServedRevision,
    identities: &[Identity],
) {
    let endpoint = collected.discovery.endpoint.clone();
    let opened = session::open_all(run, identities, served, &endpoint, "session").await;
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
}

/// Everybody but those whom the operator left out.
fn asking(run: &Run<'_>, collected: &Collected) -> Vec<Identity> {
    let present = collected.identities.present.iter();
    let calls = &run.settings.calls;
    present
        .filter(|identity| calls.left_out(identity).is_none())
        .cloned()
        .collect()
}

/// A server that let nobody in: what it does with a bad credential at each door it may have, in the
/// form that needs no session, and `initialize` in the older form.
async fn closed_doors(run: &Run<'_>, collected: &mut Collected, sessions: &mut Sessions) {
    let endpoint = collected.discovery.endpoint.clone();
    let identities = asking(run, collected);
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

/// What else is listed beside tools.
const OTHER_LISTS: [SubjectKind; 3] = [
    SubjectKind::Resource,
    SubjectKind::ResourceTemplate,
    SubjectKind::Prompt,
];

/// Tokens tried to see the revision.
pub(super) const MOST_LOOKS: usize = 3;
