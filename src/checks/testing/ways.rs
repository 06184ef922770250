//! Refused calls in other forms.

use crate::model::bypass::{Attempt, Passage};
use crate::model::exchange::ExchangeId;
use crate::model::identity::IdentityKind;
use crate::model::matrix::Access;
use crate::model::probe::ProbeId;

use super::World;

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
}
