//! A session that the control opened, used by others; opened for this and closed again.

use super::messages::question;
use super::passing::{self, Passing};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::bypass::{Passage, SessionUse};
use crate::model::discovery::ServedRevision;
use crate::model::exchange::ExchangeId;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::Transport;
use crate::oracle::bypass::Guarded;
use crate::stage::rpc::{self, Ask};
use crate::stage::session::Session;
use crate::stage::{Run, close, file};

/// Asks on the control's session without a token, with a useless one, with the token of whoever was
/// refused a call, and with another person's; then tries to end it without a token.
pub(super) async fn sessions(run: &Run<'_>, collected: &mut Collected, calls: &[Guarded]) {
    let Some(served) = with_sessions(collected) else {
        return;
    };
    let Some(opener) = collected.identities.baseline().cloned() else {
        return;
    };
    let session = passing::open(run, collected, &opener, &served).await;
    if session.open && session.id.is_some() {
        Borrowed {
            run,
            served,
            opener: opener.clone(),
            session: session.clone(),
        }
        .use_up(collected, calls)
        .await;
    }
    close::one(run, collected, &opener, &session).await;
}

/// The refused call alone, on a session that the control opens for it.
pub(super) async fn lend(run: &Run<'_>, collected: &mut Collected, calls: &[Guarded]) {
    let served = with_sessions(collected);
    let opener = collected.identities.baseline().cloned();
    let call = calls.iter().find(|call| call.identity.is_some());
    let (Some(served), Some(opener), Some(call)) = (served, opener, call) else {
        return;
    };
    let session = passing::open(run, collected, &opener, &served).await;
    if session.open && session.id.is_some() {
        let borrowed = Borrowed {
            run,
            served,
            opener: opener.clone(),
            session: session.clone(),
        };
        borrowed.lent(collected, call).await;
    }
    close::one(run, collected, &opener, &session).await;
}

struct Borrowed<'r, 'w> {
    run: &'r Run<'w>,
    served: ServedRevision,
    opener: Identity,
    session: Session,
}

impl Borrowed<'_, '_> {
    async fn use_up(&self, collected: &mut Collected, calls: &[Guarded]) {
        let control = self.list(collected, &self.opener).await;
        let present = collected.identities.present.clone();
        let strangers = present.iter().filter(|identity| match identity.kind {
            IdentityKind::Anonymous => true,
            IdentityKind::Garbage => identity.name == "garbage",
            _ => false,
        });
        for stranger in strangers {
            let exchange = self.list(collected, stranger).await;
            self.note(collected, stranger, LIST, control, exchange, Vec::new());
        }
        if let Some(call) = calls.iter().find(|call| call.identity.is_some()) {
            self.lent(collected, call).await;
        }
        if let Some(other) = collected.identities.other_user().cloned() {
            let passing =
                Passing::open(self.run, collected, &self.served, &[other.name.as_str()]).await;
            // Without a session of its own nothing is known of that token.
            if passing.get(&other.name).is_some() {
                let exchange = self.list(collected, &other).await;
                self.note(collected, &other, LIST, control, exchange, Vec::new());
            }
            passing.close(self.run, collected).await;
        }
        if let Some(anonymous) = present
            .first()
            .filter(|it| it.kind == IdentityKind::Anonymous)
        {
            let operation = Operation::CloseSession;
            let exchange = self.ask(collected, anonymous, "DELETE", operation).await;
            self.note(
                collected,
                anonymous,
                "DELETE",
                control,
                exchange,
                Vec::new(),
            );
        }
    }

    /// The refused call, with the weak token on the strong session.
    async fn lent(&self, collected: &mut Collected, call: &Guarded) -> Option<()> {
        let weak = collected
            .identities
            .named(call.identity.as_deref()?)?
            .clone();
        let passing = Passing::open(self.run, collected, &self.served, &[weak.name.as_str()]).await;
        if let Some(own) = passing.get(&weak.name) {
            let control = self
                .call(collected, call, &self.opener, &self.session)
                .await;
            let refused = self.call(collected, call, &weak, own).await;
            let exchange = self.call(collected, call, &weak, &self.session).await;
            if let (Some(control), Some(refused), Some(exchange)) = (control, refused, exchange) {
                let refused = vec![refused];
                self.note(
                    collected,
                    &weak,
                    &call.subject.id,
                    control,
                    exchange,
                    refused,
                );
            }
        }
        passing.close(self.run, collected).await;
        Some(())
    }

    async fn call(
        &self,
        collected: &mut Collected,
        call: &Guarded,
        identity: &Identity,
        session: &Session,
    ) -> Option<ExchangeId> {
        let ask = question(call, ProbeId::BorrowedSession, "call", identity, session)?;
        let sent = rpc::ask(self.run, ask).await;
        Some(file(collected, sent))
    }

    async fn list(&self, collected: &mut Collected, identity: &Identity) -> ExchangeId {
        let operation = Operation::ListTools { cursor: None };
        self.ask(collected, identity, LIST, operation).await
    }

    async fn ask(
        &self,
        collected: &mut Collected,
        identity: &Identity,
        variant: &str,
        operation: Operation<'_>,
    ) -> ExchangeId {
        let key = ProbeKey::new(ProbeId::BorrowedSession).variant(variant);
        let ask = Ask::new(key, identity, &self.session, operation);
        let sent = rpc::ask(self.run, ask).await;
        file(collected, sent)
    }

    fn note(
        &self,
        collected: &mut Collected,
        user: &Identity,
        request: &str,
        control: ExchangeId,
        exchange: ExchangeId,
        refused: Vec<ExchangeId>,
    ) {
        collected.bypass.sessions.push(SessionUse {
            revision: self.served.revision,
            opener: self.opener.name.clone(),
            user: user.name.clone(),
            request: request.to_owned(),
            control,
            exchange,
            refused,
            passage: Passage::default(),
            reason: String::new(),
        });
    }
}

/// The audited revision where it has sessions, else the newest other one that has.
fn with_sessions(collected: &Collected) -> Option<ServedRevision> {
    let discovery = &collected.discovery;
    let mut served = discovery.audited.iter().chain(&discovery.revisions);
    served
        .find(|served| {
            served.transport == Transport::StreamableHttp && !served.revision.is_modern()
        })
        .cloned()
}

const LIST: &str = "tools/list";

/// Requests on the session: its opener, two strangers, a refused call thrice, another person, the end.
pub(super) const MOST: usize = 8;
