//! Doors beside tools: what each identity is told, how templates are filled, what is suggested and
//! what can be watched.

mod completions;
mod greetings;
mod links;
mod objects;
mod send;
mod states;
mod subscriptions;
mod tasks;
mod templates;

use super::Run;
use super::calls::{self, Asked, Treatments};
use super::enumerate::Sessions;
use crate::model::audit::Collected;
use crate::model::identity::{Identity, IdentityKind};
use crate::oracle::matrix;

pub(crate) use completions::{METHOD as COMPLETE, values_asked};
pub(crate) use greetings::MOST_GREETED;
pub(crate) use links::MOST_FOLLOWED;
pub(crate) use objects::{MOST_OBJECTS, PER_OBJECT, SECOND_USER};
pub(crate) use states::MOST_GIVEN_BACK;
pub(crate) use subscriptions::planned as subscriptions_planned;
pub(crate) use tasks::planned as tasks_planned;

/// Before the calls: what every identity is offered as an argument, and from that the values with
/// which templates are asked about.
pub async fn prepare(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    if collected.discovery.audited.is_none() {
        return;
    }
    completions::introduce(run, collected, sessions).await;
    templates::expand(run, collected);
}

/// How templates and completions are asked about, where reads are allowed.
pub(crate) fn treat(run: &Run<'_>, collected: &Collected, treatments: &mut Treatments) {
    let reads = run.settings.reads;
    templates::fill(collected, reads, treatments);
    if reads {
        completions::treat(collected, &run.settings.values, treatments);
    }
}

/// After the calls: what each identity is told, and what it can watch.
pub async fn knock(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions, asked: &Asked) {
    if collected.discovery.audited.is_none() {
        return;
    }
    greetings::greet(run, collected, sessions).await;
    completions::read(collected);
    if run.settings.reads {
        let cells = matrix::build(&calls::input(collected, asked)).cells;
        if subscriptions::is_offered(collected) {
            let refused = subscriptions::refused(collected, &cells);
            subscriptions::watch(run, collected, sessions, &refused).await;
        }
        links::follow(run, collected, sessions, &cells).await;
        states::give_back(run, collected, sessions, &asked.treatments).await;
    }
    objects::ask(run, collected, sessions, &asked.calibration).await;
    tasks::ask(run, collected, sessions, &asked.treatments).await;
}

/// The baseline first, then the anonymous one, then others whose token works; never more than asked
/// for, since what holds for a few holds for the door.
fn sample(collected: &Collected, most: usize) -> Vec<Identity> {
    let present = &collected.identities.present;
    let usable = |it: &&Identity| matches!(it.kind, IdentityKind::Valid | IdentityKind::Anonymous);
    let mut chosen: Vec<&Identity> = present
        .iter()
        .filter(usable)
        .filter(|it| it.invalid.is_none())
        .collect();
    let baseline = collected.identities.baseline.as_deref();
    chosen.sort_by_key(|it| {
        (
            Some(it.name.as_str()) != baseline,
            it.kind != IdentityKind::Anonymous,
            it.scopes().map_or(0, std::collections::BTreeSet::len),
        )
    });
    chosen.into_iter().take(most).cloned().collect()
}
