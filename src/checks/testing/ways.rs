//! Refused calls in other forms.

use crate::model::bypass::{Attempt, Passage, SessionUse};
use crate::model::door_trials::{Door, DoorTrial};
use crate::model::exchange::ExchangeId;
use crate::model::identity::IdentityKind;
use crate::model::matrix::Access;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::Revision;
use crate::oracle::testing::{http, unauthorized};

use super::{ENDPOINT, World, response};

impl World {
    /// A world where `reader` is refused `delete_note` and `admin` is not.
    pub(crate) fn guarded() -> Self {
        let mut world = Self::new();
        world.identity("reader", IdentityKind::Valid, &["notes:read"]);
        world.valid("admin", &["notes:read", "notes:delete"]);
        world.tool("delete_note");
        world.cell("delete_note", "reader", Access::Denied);
        world.cell("delete_note", "admin", Access::Reached);
        world
    }

    /// One form of that call, with a refusal and an answer of the control.
    pub(crate) fn attempt(&mut self, way: ProbeId, form: &str, passage: Passage) -> &mut Attempt {
        let own = |world: &Self, at: usize| -> Vec<ExchangeId> {
            let matrix = world.collected.matrix();
            let cell = matrix.and_then(|matrix| matrix.cells.get(at));
            cell.map(|cell| cell.exchanges.clone()).unwrap_or_default()
        };
        let (refused, granted) = (own(self, 0), own(self, 1));
        let strong = self.answer(way, "admin", 200, &[], "{}");
        let weak = self.answer(way, "reader", 200, &[], "{}");
        let revision = self.collected.discovery.revision().unwrap();
        self.collected.bypass.attempts.push(Attempt {
            way,
            form: form.to_owned(),
            revision,
            subject: "tool/delete_note".to_owned(),
            identity: Some("reader".to_owned()),
            control: "admin".to_owned(),
            valid: false,
            broken: vec!["id".to_owned()],
            refused,
            granted,
            cover: Vec::new(),
            strong: vec![strong],
            weak: vec![weak],
            again: None,
            passage,
            reason: String::new(),
        });
        self.collected.bypass.attempts.last_mut().unwrap()
    }

    /// A request on a session of `admin`.
    pub(crate) fn borrowed(&mut self, user: &str, request: &str, passage: Passage) {
        let revision = self.collected.discovery.revision().unwrap();
        let control = self.answer(ProbeId::BorrowedSession, "admin", 200, &[], "{}");
        let exchange = self.answer(ProbeId::BorrowedSession, user, 200, &[], "{}");
        self.collected.bypass.sessions.push(SessionUse {
            revision,
            opener: "admin".to_owned(),
            user: user.to_owned(),
            request: request.to_owned(),
            control,
            exchange,
            refused: Vec::new(),
            passage,
            reason: "as it was seen".to_owned(),
        });
    }

    /// A wrong token at a door where the good one gets through; whether it does, too.
    pub(crate) fn at_door(&mut self, revision: Revision, door: Door, who: &str, open: bool) {
        let key = ProbeKey::new(ProbeId::WrongTokenDoor).about(door.as_str());
        let served = || match door {
            Door::Stream => response(200, &[("content-type", "text/event-stream")], ""),
            _ => http(
                200,
                &[],
                r#"{"jsonrpc":"2.0","id":null,"result":{"tools":[]}}"#,
            ),
        };
        let got = if open { served() } else { unauthorized() };
        let control = self.ask(key.clone(), "admin", ENDPOINT, served());
        let exchange = self.ask(key, who, ENDPOINT, got);
        self.collected.door_trials.push(DoorTrial {
            revision,
            door,
            identity: who.to_owned(),
            exchange,
            control: Some(control),
            borrowed: false,
            after: None,
        });
    }

    /// A session of `admin` that somebody else ended.
    pub(crate) fn ended_by(&mut self, who: &str) {
        let revision = self.collected.discovery.revision().unwrap();
        self.at_door(revision, Door::End, who, true);
        let key = || ProbeKey::new(ProbeId::WrongTokenDoor).about(Door::End.as_str());
        let ended = self.ask(key(), who, ENDPOINT, http(204, &[], ""));
        let gone = self.ask(key(), "admin", ENDPOINT, http(404, &[], ""));
        if let Some(trial) = self.collected.door_trials.last_mut() {
            trial.exchange = ended;
            trial.after = Some(gone);
            trial.borrowed = true;
        }
    }
}
