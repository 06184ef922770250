//! DELETE of the good token's session, last of all.
//!
//! Everybody tries at once. Where the session is gone afterwards each tries alone on another one, so
//! that it does not depend on whose request came first who is named.

use std::collections::BTreeMap;

use super::place::{Place, Turn};
use super::round::{kept, send};
use crate::model::audit::Collected;
use crate::model::door_trials::Door;
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::model::target::Revision;
use crate::oracle::door_trials::{accepts_end, is_gone};
use crate::stage::{Run, close, file, session, together};

/// Tries to end the session of the good token wherever it has one.
pub(super) async fn ends(
    run: &Run<'_>,
    collected: &mut Collected,
    places: &[Place<'_>],
    who: &[Identity],
    listed: &BTreeMap<Revision, ExchangeId>,
) {
    let held = |place: &&Place<'_>| place.good().open && place.good().id.is_some();
    let held: Vec<&Place<'_>> = places.iter().filter(held).collect();
    let sessions: Vec<_> = held.iter().map(|place| place.good()).collect();
    let mut turns = Vec::new();
    for (place, session) in held.iter().zip(&sessions) {
        turns.extend(who.iter().map(|it| place.lent(it, Door::End, session)));
    }
    let answers = together(turns.iter().map(|turn| send(run, turn)).collect()).await;
    let mut tried: BTreeMap<Revision, Vec<(&Turn<'_>, ExchangeId)>> = BTreeMap::new();
    let mut doubtful = Vec::new();
    for (turn, sent) in turns.iter().zip(answers) {
        let revision = turn.place.revision();
        if accepts_end(&sent.exchange) && !doubtful.contains(&revision) {
            doubtful.push(revision);
        }
        let id = file(collected, sent);
        tried.entry(revision).or_default().push((turn, id));
    }
    let looks = held.iter().filter(|it| doubtful.contains(&it.revision()));
    let looks: Vec<Turn<'_>> = looks.map(|place| place.own_list()).collect();
    let answers = together(looks.iter().map(|turn| send(run, turn)).collect()).await;
    let mut after: BTreeMap<Revision, (ExchangeId, bool)> = BTreeMap::new();
    for (turn, sent) in looks.iter().zip(answers) {
        let gone = is_gone(&sent.exchange);
        after.insert(turn.place.revision(), (file(collected, sent), gone));
    }
    for place in held {
        let revision = place.revision();
        let control = listed.get(&revision).copied();
        let (after, gone) = after.get(&revision).copied().unzip();
        let mut suspects = Vec::new();
        for (turn, id) in tried.remove(&revision).unwrap_or_default() {
            let mut trial = turn.trial(id, control);
            if gone == Some(true) {
                // Whoever came after the one that ended it says nothing.
                suspects.push(turn.identity);
            } else {
                trial.after = after;
                collected.door_trials.push(trial);
            }
        }
        alone(run, collected, place, &suspects).await;
    }
}

/// One after another, until the session is gone.
async fn alone(
    run: &Run<'_>,
    collected: &mut Collected,
    place: &Place<'_>,
    suspects: &[&Identity],
) {
    if suspects.is_empty() {
        return;
    }
    let (served, endpoint) = (place.served, place.endpoint);
    let opened = session::open(run, place.baseline, served, endpoint, "doors").await;
    let (control, session) = kept(collected, place, opened);
    if !session.open {
        return;
    }
    for identity in suspects {
        let turn = place.lent(identity, Door::End, &session);
        let sent = send(run, &turn).await;
        let accepted = accepts_end(&sent.exchange);
        let mut trial = turn.trial(file(collected, sent), control);
        let mut gone = false;
        if accepted {
            let look = place.lent(place.baseline, Door::ToolList, &session);
            let sent = send(run, &look).await;
            gone = is_gone(&sent.exchange);
            trial.after = Some(file(collected, sent));
        }
        collected.door_trials.push(trial);
        if gone {
            break;
        }
    }
    close::one(run, collected, place.baseline, &session).await;
}
