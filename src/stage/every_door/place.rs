//! One revision: what is asked there, and on whose session.

use std::collections::BTreeMap;

use super::ask::Question;
use crate::model::audit::Collected;
use crate::model::discovery::ServedRevision;
use crate::model::door_trials::{Door, DoorTrial};
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::{Revision, Transport};
use crate::stage::enumerate::Sessions;
use crate::stage::session::Session;

/// A revision that is tried.
pub(super) struct Place<'r> {
    pub(super) served: &'r ServedRevision,
    pub(super) baseline: &'r Identity,
    pub(super) endpoint: &'r str,
    /// What is asked.
    pub(super) doors: Vec<Question>,
    /// The sessions of the run, in the audited revision.
    known: Option<&'r Sessions>,
    /// What is open here, and has to be closed again.
    own: BTreeMap<String, (Identity, Session)>,
}

/// One request of the round: who, where, and on whose session.
pub(super) struct Turn<'a> {
    pub(super) place: &'a Place<'a>,
    pub(super) identity: &'a Identity,
    pub(super) door: Door,
    pub(super) question: Option<&'a Question>,
    pub(super) session: Session,
    pub(super) borrowed: bool,
}

impl<'r> Place<'r> {
    pub(super) fn audited(
        served: &'r ServedRevision,
        baseline: &'r Identity,
        endpoint: &'r str,
        sessions: &'r Sessions,
    ) -> Self {
        Self {
            known: Some(sessions),
            ..Self::other(served, baseline, endpoint)
        }
    }

    pub(super) const fn other(
        served: &'r ServedRevision,
        baseline: &'r Identity,
        endpoint: &'r str,
    ) -> Self {
        Self {
            served,
            baseline,
            endpoint,
            doors: Vec::new(),
            known: None,
            own: BTreeMap::new(),
        }
    }

    pub(super) const fn is_audited(&self) -> bool {
        self.known.is_some()
    }

    pub(super) const fn revision(&self) -> Revision {
        self.served.revision
    }

    pub(super) const fn is_modern(&self) -> bool {
        self.revision().is_modern()
    }

    /// For whom a session is opened: in the audited revision only the good token needs another.
    pub(super) fn greeted(&self, who: &[Identity]) -> Vec<Identity> {
        if self.is_modern() || self.served.transport != Transport::StreamableHttp {
            return Vec::new();
        }
        let others = who.iter().filter(|_| !self.is_audited());
        std::iter::once(self.baseline)
            .chain(others)
            .cloned()
            .collect()
    }

    /// Keeps a session that was opened here.
    pub(super) fn keep(&mut self, identity: &Identity, session: Session) {
        let name = identity.name.clone();
        self.own.insert(name, (identity.clone(), session));
    }

    /// What has to be closed.
    pub(super) fn own(&self) -> impl Iterator<Item = (&Identity, &Session)> {
        let owners = self.own.values();
        owners.map(|(identity, session)| (identity, session))
    }

    /// The session of the good token.
    pub(super) fn good(&self) -> Session {
        let own = self.own.get(&self.baseline.name);
        let known = || self.known?.get(&self.baseline.name).cloned();
        own.map(|(_, session)| session.clone())
            .or_else(known)
            .unwrap_or_else(|| Session {
                open: self.is_modern(),
                ..Session::stateless(self.revision(), self.endpoint)
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

    /// Every message, for the good token first, and every stream; nothing where the good token has
    /// no session that could show what a door is worth.
    pub(super) fn turns<'a>(&'a self, collected: &Collected, who: &'a [Identity]) -> Vec<Turn<'a>> {
        let good = self.good();
        let mut turns = Vec::new();
        if !good.open {
            return turns;
        }
        for question in &self.doors {
            turns.push(self.turn(self.baseline, question.door, Some(question), &good));
            for identity in who {
                if !self.is_audited() || !question.was_asked(collected, &identity.name) {
                    turns.push(self.turn(identity, question.door, Some(question), &good));
                }
            }
        }
        if !self.is_modern() && good.transport == Transport::StreamableHttp {
            turns.extend(who.iter().map(|it| self.lent(it, Door::Stream, &good)));
        }
        turns
    }

    /// The event stream of the good token.
    pub(super) fn own_stream(&self) -> Turn<'_> {
        self.turn(self.baseline, Door::Stream, None, &self.good())
    }

    /// The tool list of the good token.
    pub(super) fn own_list(&self) -> Turn<'_> {
        self.turn(self.baseline, Door::ToolList, None, &self.good())
    }

    /// A request that goes on the session of the good token, whoever sends it.
    pub(super) fn lent<'a>(
        &'a self,
        identity: &'a Identity,
        door: Door,
        session: &Session,
    ) -> Turn<'a> {
        Turn {
            session: session.clone(),
            borrowed: session.id.is_some(),
            ..self.turn(identity, door, None, session)
        }
    }

    fn turn<'a>(
        &'a self,
        identity: &'a Identity,
        door: Door,
        question: Option<&'a Question>,
        good: &Session,
    ) -> Turn<'a> {
        let (session, borrowed) = self.session(identity, good);
        Turn {
            place: self,
            identity,
            door,
            question,
            session,
            borrowed: borrowed && (good.id.is_some() || good.stream.is_some()),
        }
    }

    pub(super) fn key(&self, door: Door) -> ProbeKey {
        let key = ProbeKey::new(ProbeId::WrongTokenDoor).about(door.as_str());
        key.variant(self.revision().as_str())
    }

    /// What came of a greeting.
    pub(super) fn greeting(
        &self,
        identity: &Identity,
        exchange: ExchangeId,
        control: Option<ExchangeId>,
    ) -> DoorTrial {
        DoorTrial {
            revision: self.revision(),
            door: Door::Initialize,
            identity: identity.name.clone(),
            exchange,
            control,
            borrowed: false,
            after: None,
        }
    }
}

impl Turn<'_> {
    pub(super) fn is_control(&self) -> bool {
        self.identity.name == self.place.baseline.name
    }

    pub(super) fn trial(&self, exchange: ExchangeId, control: Option<ExchangeId>) -> DoorTrial {
        DoorTrial {
            door: self.door,
            borrowed: self.borrowed,
            ..self.place.greeting(self.identity, exchange, control)
        }
    }
}
