//! The round: greetings, messages and streams, the end of sessions. What does not depend on each other
//! goes out together, in every revision at once.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::place::{Place, Turn};
use crate::mcp::{self, Operation};
use crate::model::audit::Collected;
use crate::model::door_trials::Door;
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::model::target::Revision;
use crate::oracle::door_trials;
use crate::stage::rpc::{self, Ask};
use crate::stage::session::{self, OpenedSession};
use crate::stage::{Run, close, file, together};
use crate::wire::{Outgoing, Pending, Sent};

/// Shows everybody's credential to every door, and the good one beside them.
pub(super) async fn knock(
    run: &Run<'_>,
    collected: &mut Collected,
    places: &mut [Place<'_>],
    who: &[Identity],
) {
    greet(run, collected, places, who).await;
    let listed = ask(run, collected, places, who).await;
    super::ends::ends(run, collected, places, who, &listed).await;
    let owners = places.iter().flat_map(Place::own);
    close::all(run, collected, owners).await;
}

/// Opens sessions for everybody who is let in.
async fn greet(
    run: &Run<'_>,
    collected: &mut Collected,
    places: &mut [Place<'_>],
    who: &[Identity],
) {
    let greeted: Vec<Vec<Identity>> = places.iter().map(|place| place.greeted(who)).collect();
    let pending = places.iter().zip(&greeted).map(|(place, all)| {
        let opened = session::open_all(run, all, place.served, place.endpoint, "doors");
        Box::pin(opened) as Pending<'_, Vec<OpenedSession>>
    });
    let answers = together(pending.collect()).await;
    for ((place, all), answers) in places.iter_mut().zip(&greeted).zip(answers) {
        let mut control = None;
        for (identity, opened) in all.iter().zip(answers) {
            let (greeting, session) = kept(collected, place, opened);
            if identity.name == place.baseline.name {
                control = greeting;
            } else if let Some(exchange) = greeting {
                let trial = place.greeting(identity, exchange, control);
                collected.door_trials.push(trial);
            }
            if session.open {
                place.keep(identity, session);
            }
        }
    }
}

/// Files what opening a session took; returns the answer to the greeting and the session.
pub(super) fn kept(
    collected: &mut Collected,
    place: &Place<'_>,
    opened: OpenedSession,
) -> (Option<ExchangeId>, session::Session) {
    let mut greeting = None;
    for (number, mut sent) in opened.sent.into_iter().enumerate() {
        sent.exchange.probe = place.key(Door::Initialize);
        let id = file(collected, sent);
        if opened.initialize == Some(number) {
            greeting = Some(id);
        }
    }
    (greeting, opened.session)
}

/// Sends what takes a message, and opens streams; returns where the good token was listed the tools.
async fn ask(
    run: &Run<'_>,
    collected: &mut Collected,
    places: &[Place<'_>],
    who: &[Identity],
) -> BTreeMap<Revision, ExchangeId> {
    let turns = places.iter().flat_map(|place| place.turns(collected, who));
    let turns: Vec<Turn<'_>> = turns.collect();
    let answers = together(turns.iter().map(|turn| send(run, turn)).collect()).await;
    let mut controls: BTreeMap<(Revision, Door), ExchangeId> = BTreeMap::new();
    let mut filed = Vec::new();
    let mut streamed = Vec::new();
    for (turn, sent) in turns.iter().zip(answers) {
        let revision = turn.place.revision();
        if turn.door == Door::Stream && door_trials::opens(&sent.exchange) {
            streamed.push(revision);
        }
        let id = file(collected, sent);
        if turn.is_control() {
            controls.insert((revision, turn.door), id);
        } else {
            filed.push((turn, id));
        }
    }
    // The good token's own stream is only opened where another one was: it might be the only one.
    let own = places.iter().filter(|it| streamed.contains(&it.revision()));
    let own: Vec<Turn<'_>> = own.map(Place::own_stream).collect();
    let answers = together(own.iter().map(|turn| send(run, turn)).collect()).await;
    for (turn, sent) in own.iter().zip(answers) {
        let door = (turn.place.revision(), turn.door);
        controls.insert(door, file(collected, sent));
    }
    for (turn, id) in filed {
        let control = controls.get(&(turn.place.revision(), turn.door)).copied();
        collected.door_trials.push(turn.trial(id, control));
    }
    let lists = controls.into_iter();
    lists
        .filter(|((_, door), _)| *door == Door::ToolList)
        .map(|((revision, _), id)| (revision, id))
        .collect()
}

pub(super) fn send<'a>(run: &'a Run<'_>, turn: &'a Turn<'_>) -> Pending<'a, Sent> {
    let id = run.next_id();
    let operation = match (turn.door, turn.question) {
        (Door::Stream, _) => return stream(run, turn, id),
        (_, Some(question)) => question.operation(),
        (Door::ToolList, None) => Operation::ListTools { cursor: None },
        _ => Operation::CloseSession,
    };
    let key = turn.place.key(turn.door);
    let ask = Ask::new(key, turn.identity, &turn.session, operation);
    Box::pin(rpc::send(run, ask, id))
}

/// Opens the event stream and closes it at once: one that is let in never ends by itself.
fn stream<'a>(run: &'a Run<'_>, turn: &'a Turn<'_>, id: u64) -> Pending<'a, Sent> {
    let session = &turn.session;
    let context = mcp::Context {
        revision: session.revision,
        session: session.id.as_ref().map(ExposeSecret::expose_secret),
        run_id: &run.settings.run_id,
        id,
    };
    let encoded = mcp::encode(&Operation::OpenStream, &context);
    let key = turn.place.key(Door::Stream);
    let mut outgoing = Outgoing::new(key, encoded.method, session.url.clone());
    outgoing.identity.clone_from(&turn.identity.name);
    outgoing.headers = encoded.headers;
    outgoing.credential.clone_from(&turn.identity.credential);
    outgoing.credential_field.clone_from(&turn.identity.header);
    Box::pin(async move {
        let opened = run.wire.open(outgoing).await;
        if let Some(stream) = opened.stream {
            run.wire.close(stream);
        }
        opened.sent
    })
}
