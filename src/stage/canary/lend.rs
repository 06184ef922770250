//! Another user's way to an object of the run: what one person makes, the other reads and changes.

use super::{Attempt, Turn};
use crate::model::audit::Collected;
use crate::model::canary::Effect;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::handles::{HandleAsk, ObjectOutcome, ObjectTrial, Role};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::probe::ProbeId;
use crate::model::surface::Subject;
use crate::oracle::calibrate;
use crate::oracle::canary;
use crate::stage::Run;
use crate::stage::enumerate::Sessions;

/// With another user: that person's own object for the strongest identity to read, or the strongest
/// identity's for that person to change.
pub(super) async fn borrow(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    subject: &Subject,
) {
    let Some(other) = other_user(collected).cloned() else {
        return;
    };
    let Some(rule) = calibrate::canary_of(&run.settings.tools, &subject.name) else {
        return;
    };
    let Some(session) = sessions.get(&other.name) else {
        return;
    };
    let changes = rule.make.is_some();
    let turn = Turn {
        maker: (!changes).then_some(&other),
        probe: ProbeId::AskCanary,
        ..Turn::new(&other, session, 0)
    };
    super::attempt(run, collected, sessions, subject, &turn).await;
    if changes {
        changed(collected, subject, &other, rule.private);
    }
}

impl Attempt<'_, '_> {
    /// Shows the object to another user and to a caller without a token, its maker before and after.
    pub(super) async fn lend(&mut self, collected: &mut Collected, sessions: &Sessions) {
        let (Some(step), Some(after)) = (&self.rule.read_back, self.trial.after) else {
            return;
        };
        let others = others(collected, self.maker);
        if others.is_empty() || !self.is_ours(collected) {
            return;
        }
        let mut asks = vec![said(self.maker, Role::Owner, after)];
        for (role, identity) in &others {
            let Some(session) = sessions.get(&identity.name) else {
                continue;
            };
            let what = format!("lent-{}", identity.name);
            let asked = self
                .step_as(
                    collected,
                    ProbeId::AskCanary,
                    step,
                    &what,
                    identity,
                    session,
                )
                .await;
            asks.extend(asked.ok().map(|id| said(identity, *role, id)));
        }
        let again = self.read(collected, "again").await.ok();
        asks.extend(again.map(|id| said(self.maker, Role::Owner, id)));
        let exchange = |id: ExchangeId| collected.ledger.exchange(id);
        let known = self.trial.before.filter(|_| self.rule.make.is_none());
        let known = known.and_then(exchange);
        let known = known.map_or(0, |before| canary::occurrences(before, &self.object));
        let answers: Vec<(Role, &Exchange)> = asks
            .iter()
            .filter_map(|ask| Some((ask.role, exchange(ask.exchange)?)))
            .collect();
        // A call that changed the object brought its own word.
        let word = match (&self.rule.make, self.trial.effect) {
            (Some(_), Effect::Shown) => &self.trial.canary,
            _ => &self.object,
        };
        let (outcome, reason) = canary::handed(&answers, word, known);
        let name = format!("object of {}", self.subject.id);
        file(
            collected,
            name,
            &self.maker.name,
            asks,
            (outcome, reason),
            self.rule.private,
        );
    }
}

/// What the call of another user did to an object of the strongest identity.
fn changed(collected: &mut Collected, subject: &Subject, other: &Identity, private: bool) {
    let of = |name: &str| {
        let mut own = collected.canaries.iter().rev();
        own.find(|trial| trial.subject == subject.id && trial.identity == name)
    };
    let baseline = collected.identities.baseline.clone().unwrap_or_default();
    let (Some(theirs), Some(control)) = (of(&other.name), of(&baseline)) else {
        return;
    };
    let Some(call) = theirs.call else { return };
    let answer = collected.ledger.exchange(call);
    let refused = answer.is_some_and(canary::is_refused);
    let found = match (control.effect, theirs.effect) {
        (Effect::Shown, Effect::Shown) => (
            ObjectOutcome::OtherUser,
            "another user's call changed what its owner had made".to_owned(),
        ),
        (Effect::Shown, Effect::Absent) => (
            ObjectOutcome::OwnerOnly,
            "its owner's call had its effect, and another user's had none".to_owned(),
        ),
        (Effect::Shown, Effect::Unknown) if refused => (
            ObjectOutcome::OwnerOnly,
            "its owner's call had its effect, and another user's was refused".to_owned(),
        ),
        (Effect::Shown, _) => (
            ObjectOutcome::Undecided,
            "what another user's call did to it was not seen".to_owned(),
        ),
        _ => (
            ObjectOutcome::Undecided,
            "its owner's own call had no effect that was seen".to_owned(),
        ),
    };
    let owners = control.call.into_iter().map(|id| HandleAsk {
        identity: baseline.clone(),
        role: Role::Owner,
        what: CHANGED.to_owned(),
        exchange: id,
    });
    let mut asks: Vec<HandleAsk> = owners.collect();
    asks.push(HandleAsk {
        what: CHANGED.to_owned(),
        ..said(other, Role::OtherUser, call)
    });
    let name = format!("object changed by {}", subject.id);
    file(collected, name, &baseline, asks, found, private);
}

fn file(
    collected: &mut Collected,
    name: String,
    owner: &str,
    asks: Vec<HandleAsk>,
    (outcome, reason): (ObjectOutcome, String),
    private: bool,
) {
    let shared = matches!(outcome, ObjectOutcome::OtherUser | ObjectOutcome::Anyone);
    let nobody = other_user(collected).is_none();
    let decided_by = if shared && !private {
        Some(PRIVATE)
    } else if nobody && outcome == ObjectOutcome::Undecided {
        Some(crate::stage::doors::SECOND_USER)
    } else {
        None
    };
    collected.objects.push(ObjectTrial {
        name,
        owner: owner.to_owned(),
        private,
        asks,
        outcome,
        reason,
        decided_by: decided_by.map(str::to_owned),
    });
}

/// Another person, and whoever has no token.
fn others(collected: &Collected, maker: &Identity) -> Vec<(Role, Identity)> {
    let present = &collected.identities.present;
    let other = if maker.kind == IdentityKind::OtherUser {
        collected.identities.baseline()
    } else {
        other_user(collected)
    };
    // Without another user this would ask about authentication alone, which calls do.
    let Some(other) = other else {
        return Vec::new();
    };
    let anonymous = present.iter().find(|it| it.kind == IdentityKind::Anonymous);
    std::iter::once((Role::OtherUser, other))
        .chain(anonymous.map(|it| (Role::Anonymous, it)))
        .map(|(role, identity)| (role, identity.clone()))
        .collect()
}

pub(super) fn other_user(collected: &Collected) -> Option<&Identity> {
    let mut present = collected.identities.present.iter();
    present.find(|it| it.kind == IdentityKind::OtherUser && it.invalid.is_none())
}

fn said(identity: &Identity, role: Role, exchange: ExchangeId) -> HandleAsk {
    HandleAsk {
        identity: identity.name.clone(),
        role,
        what: "read".to_owned(),
        exchange,
    }
}

const CHANGED: &str = "change";
const PRIVATE: &str =
    "`private = true` in the tool's `canary`, where its objects belong to their maker alone";
