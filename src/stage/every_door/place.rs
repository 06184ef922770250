//! One revision: its greeting, its methods, its stream and the end of a session.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::ask::Question;
use crate::mcp::{self, Operation};
use crate::model::audit::Collected;
use crate::model::discovery::ServedRevision;
use crate::model::door_trials::{Door, DoorTrial};
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::Transport;
use crate::oracle::door_trials;
use crate::stage::enumerate::Sessions;
use crate::stage::rpc::{self, Ask};
use crate::stage::session::{self, Session};
use crate::stage::{Run, close, file, together};
use crate::wire::{Outgoing, Pending, Sent};

/// A revision that is tried.
pub(super) struct Place<'r, 'w> {
    run: &'r Run<'w>,
    served: &'r ServedRevision,
    baseline: &'r Identity,
    endpoint: String,
    /// The sessions of the run, in the audited revision.
    known: Option<&'r Sessions>,
    /// What is open here, and has to be closed again.
    own: BTreeMap<String, (Identity, Session)>,
}

/// One request of the round: who, where, and on whose session.
struct Turn<'a> {
    identity: &'a Identity,
    door: Door,
    question: Option<&'a Question>,
    session: Session,
    borrowed: bool,
}

impl<'r, 'w> Place<'r, 'w> {
    pub(super) fn audited(
        run: &'r Run<'w>,
        served: &'r ServedRevision,
        baseline: &'r Identity,
        endpoint: &str,
        sessions: &'r Sessions,
    ) -> Self {
        Self {
            known: Some(sessions),
            ..Self::other(run, served, baseline, endpoint)
        }
    }

    pub(super) fn other(
        run: &'r Run<'w>,
        served: &'r ServedRevision,
        baseline: &'r Identity,
        endpoint: &str,
    ) -> Self {
        Self {
            run,
            served,
            baseline,
            endpoint: endpoint.to_owned(),
            known: None,
            own: BTreeMap::new(),
        }
    }

    pub(super) const fn is_audited(&self) -> bool {
        self.known.is_some()
    }

    pub(super) const fn is_modern(&self) -> bool {
        self.served.revision.is_modern()
    }

    /// Shows everybody's credential to every door, and the good one beside them.
    pub(super) async fn knock(
        &mut self,
        collected: &mut Collected,
        who: &[Identity],
        doors: &[Question],
    ) {
        self.open(collected, who).await;
        let good = self.good();
        if good.open {
            let control = self.ask(collected, who, doors, &good).await;
            if good.id.is_some() {
                self.end(collected, who, &good, control).await;
            }
        }
        let owners = self.own.values();
        let owners = owners.map(|(identity, session)| (identity, session));
        close::all(self.run, collected, owners).await;
    }

    /// Sessions of everybody who is let in; in the audited revision only the good token needs another.
    async fn open(&mut self, collected: &mut Collected, who: &[Identity]) {
        if self.is_modern() || self.served.transport != Transport::StreamableHttp {
            return;
        }
        let mut all = vec![self.baseline.clone()];
        if !self.is_audited() {
            all.extend(who.iter().cloned());
        }
        let opened = session::open_all(self.run, &all, self.served, &self.endpoint, "doors").await;
        let mut control = None;
        for (identity, opened) in all.iter().zip(opened) {
            let mut greeting = None;
            for (place, mut sent) in opened.sent.into_iter().enumerate() {
                sent.exchange.probe = self.key(Door::Initialize);
                let id = file(collected, sent);
                if opened.initialize == Some(place) {
                    greeting = Some(id);
                }
            }
            if identity.name == self.baseline.name {
                control = greeting;
            } else if let Some(exchange) = greeting {
                self.note(collected, identity, Door::Initialize, exchange, control);
            }
            if opened.session.open {
                self.own
                    .insert(identity.name.clone(), (identity.clone(), opened.session));
            }
        }
    }

    /// The session of the good token.
    fn good(&self) -> Session {
        let own = self.own.get(&self.baseline.name);
        let known = || self.known?.get(&self.baseline.name).cloned();
        own.map(|(_, session)| session.clone())
            .or_else(known)
            .unwrap_or_else(|| Session {
                open: self.is_modern(),
                ..Session::stateless(self.served.revision, &self.endpoint)
            })
    }

    /// Whose session a credential goes on: its own, else that of the good token.
    fn session(&self, identity: &Identity, good: &Session) -> (Session, bool) {
        let own = self.own.get(&identity.name).map(|(_, session)| session);
        let known = || self.known?.get(&identity.name);
        let own = own.or_else(known).filter(|session| session.open);
        match own {
            Some(own) => (own.clone(), false),
            None => (good.clone(), identity.name != self.baseline.name),
        }
    }

    /// Sends what takes a message, and opens streams; returns what the good token was listed.
    async fn ask(
        &self,
        collected: &mut Collected,
        who: &[Identity],
        doors: &[Question],
        good: &Session,
    ) -> Option<ExchangeId> {
        let mut turns = Vec::new();
        for question in doors {
            turns.push(self.turn(self.baseline, question.door, Some(question), good));
            for identity in who {
                if !self.is_audited() || !question.was_asked(collected, &identity.name) {
                    turns.push(self.turn(identity, question.door, Some(question), good));
                }
            }
        }
        if !self.is_modern() && good.transport == Transport::StreamableHttp {
            let streams = who.iter().map(|it| Turn {
                session: good.clone(),
                borrowed: good.id.is_some(),
                ..self.turn(it, Door::Stream, None, good)
            });
            turns.extend(streams);
        }
        let pending = turns.iter().map(|turn| self.send(turn)).collect();
        let mut controls = BTreeMap::new();
        let mut filed = Vec::new();
        for (turn, sent) in turns.iter().zip(together(pending).await) {
            let opened = door_trials::opens(&sent.exchange);
            let id = file(collected, sent);
            if turn.identity.name == self.baseline.name {
                controls.insert(turn.door, id);
            } else {
                filed.push((turn, id, opened));
            }
        }
        let streamed = |(turn, _, opened): &(&Turn<'_>, ExchangeId, bool)| {
            turn.door == Door::Stream && *opened
        };
        if filed.iter().any(streamed) {
            let turn = self.turn(self.baseline, Door::Stream, None, good);
            let sent = self.send(&turn).await;
            controls.insert(Door::Stream, file(collected, sent));
        }
        for (turn, id, _) in filed {
            let control = controls.get(&turn.door).copied();
            let trial = self.trial(turn, id, control);
            collected.door_trials.push(trial);
        }
        controls.get(&Door::ToolList).copied()
    }

    /// DELETE of the good token's session, last of all; whether it still works shows what came of it.
    async fn end(
        &self,
        collected: &mut Collected,
        who: &[Identity],
        good: &Session,
        control: Option<ExchangeId>,
    ) {
        let turns: Vec<Turn<'_>> = who
            .iter()
            .map(|identity| Turn {
                session: good.clone(),
                borrowed: true,
                ..self.turn(identity, Door::End, None, good)
            })
            .collect();
        let pending = turns.iter().map(|turn| self.send(turn)).collect();
        let mut ended = false;
        let mut ids = Vec::new();
        for sent in together(pending).await {
            ended |= sent.exchange.status().is_some_and(|status| status < 300);
            ids.push(file(collected, sent));
        }
        let mut after = None;
        if ended {
            let list = Operation::ListTools { cursor: None };
            let ask = Ask::new(self.key(Door::ToolList), self.baseline, good, list);
            let sent = rpc::ask(self.run, ask).await;
            after = Some(file(collected, sent));
        }
        for (turn, id) in turns.iter().zip(ids) {
            let trial = DoorTrial {
                after,
                ..self.trial(turn, id, control)
            };
            collected.door_trials.push(trial);
        }
    }

    fn turn<'a>(
        &self,
        identity: &'a Identity,
        door: Door,
        question: Option<&'a Question>,
        good: &Session,
    ) -> Turn<'a> {
        let (session, borrowed) = self.session(identity, good);
        Turn {
            identity,
            door,
            question,
            session,
            borrowed: borrowed && (good.id.is_some() || good.stream.is_some()),
        }
    }

    fn send<'a>(&'a self, turn: &'a Turn<'_>) -> Pending<'a, Sent> {
        let id = self.run.next_id();
        let operation = match (turn.door, turn.question) {
            (Door::Stream, _) => return self.stream(turn, id),
            (_, Some(question)) => question.operation(),
            _ => Operation::CloseSession,
        };
        let ask = Ask::new(self.key(turn.door), turn.identity, &turn.session, operation);
        Box::pin(rpc::send(self.run, ask, id))
    }

    /// Opens the event stream and closes it at once: one that is let in never ends by itself.
    fn stream<'a>(&'a self, turn: &'a Turn<'_>, id: u64) -> Pending<'a, Sent> {
        let session = &turn.session;
        let context = mcp::Context {
            revision: session.revision,
            session: session.id.as_ref().map(ExposeSecret::expose_secret),
            run_id: &self.run.settings.run_id,
            id,
        };
        let encoded = mcp::encode(&Operation::OpenStream, &context);
        let key = self.key(Door::Stream);
        let mut outgoing = Outgoing::new(key, encoded.method, session.url.clone());
        outgoing.identity.clone_from(&turn.identity.name);
        outgoing.headers = encoded.headers;
        outgoing.credential.clone_from(&turn.identity.credential);
        outgoing.credential_field.clone_from(&turn.identity.header);
        Box::pin(async move {
            let opened = self.run.wire.open(outgoing).await;
            if let Some(stream) = opened.stream {
                self.run.wire.close(stream);
            }
            opened.sent
        })
    }

    fn trial(
        &self,
        turn: &Turn<'_>,
        exchange: ExchangeId,
        control: Option<ExchangeId>,
    ) -> DoorTrial {
        DoorTrial {
            revision: self.served.revision,
            door: turn.door,
            identity: turn.identity.name.clone(),
            exchange,
            control,
            borrowed: turn.borrowed,
            after: None,
        }
    }

    fn note(
        &self,
        collected: &mut Collected,
        identity: &Identity,
        door: Door,
        exchange: ExchangeId,
        control: Option<ExchangeId>,
    ) {
        collected.door_trials.push(DoorTrial {
            revision: self.served.revision,
            door,
            identity: identity.name.clone(),
            exchange,
            control,
            borrowed: false,
            after: None,
        });
    }

    fn key(&self, door: Door) -> ProbeKey {
        let key = ProbeKey::new(ProbeId::WrongTokenDoor).about(door.as_str());
        key.variant(self.served.revision.as_str())
    }
}
