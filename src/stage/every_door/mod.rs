//! The same wrong tokens at every door of every revision that is served, beside a good one.
//!
//! A gate that was mounted in front of one method, verb or revision alone shows here. Calls are of a
//! random name, so that no tool runs; a stream is closed as soon as it opens.

mod ask;
mod ends;
mod place;
mod plan;
mod round;

use place::Place;
pub(crate) use plan::{closings, most};

use super::calls::Asked;
use super::enumerate::Sessions;
use super::{Run, eras};
use crate::model::audit::Collected;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;
use crate::model::target::Transport;
use crate::oracle::gates;

/// Tries no token, and one wrong token of each kind that the audited revision refused.
pub async fn every_door(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &Asked,
) {
    let baseline = collected.identities.baseline().cloned();
    let audited = collected.discovery.audited.clone();
    let (Some(baseline), Some(audited)) = (baseline, audited) else {
        return;
    };
    let mut who = witnesses(collected);
    who.retain(|identity| run.settings.calls.left_out(identity).is_none());
    if who.is_empty() {
        return;
    }
    let others = eras::others(collected).into_iter();
    let others = others.filter(|served| served.transport == Transport::StreamableHttp);
    let others: Vec<_> = others.collect();
    let endpoint = collected.discovery.endpoint.clone();
    let first = Place::audited(&audited, &baseline, &endpoint, sessions);
    let further = others.iter();
    let further = further.map(|served| Place::other(served, &baseline, &endpoint));
    let mut places: Vec<Place<'_>> = std::iter::once(first).chain(further).collect();
    for place in &mut places {
        place.doors = ask::doors(run, collected, asked, place);
    }
    (run.progress)("every door", places.len() * who.len());
    round::knock(run, collected, &mut places, &who).await;
}

/// Whom the tool list refuses, the first of each kind; who gets in there is no witness elsewhere. No
/// token at all always takes part: it shows which doors are public.
fn witnesses(collected: &Collected) -> Vec<Identity> {
    let seen = gates::gates(&collected.ledger, &collected.identities);
    let at = |name: &str, door: ProbeId| {
        let mut own = seen
            .iter()
            .filter(|gate| gate.identity == name && gate.door == door.as_str());
        own.next().map(|gate| gate.outcome)
    };
    let mut kinds: Vec<IdentityKind> = Vec::new();
    let mut witnesses = Vec::new();
    let mut refuses = false;
    for identity in &collected.identities.present {
        let refused = at(&identity.name, ProbeId::ListTools)
            .or_else(|| at(&identity.name, ProbeId::OpenSession));
        let wrong = identity.kind.must_be_refused() && !kinds.contains(&identity.kind);
        let counts = refused == Some(GateOutcome::Refused);
        if wrong && (counts || identity.kind == IdentityKind::Anonymous) {
            refuses |= counts;
            kinds.push(identity.kind);
            witnesses.push(identity.clone());
        }
    }
    if refuses { witnesses } else { Vec::new() }
}
