//! What the doors cost at most.

use std::collections::BTreeSet;

use crate::model::audit::Collected;
use crate::model::identity::IdentityKind;
use crate::stage::eras;

/// Requests at doors, those of the good token included.
pub(crate) fn most(collected: &Collected) -> usize {
    (kinds(collected) + 1) * (AUDITED + OTHER * eras::others(collected).len())
}

/// Sessions that are closed afterwards.
pub(crate) fn closings(collected: &Collected) -> usize {
    1 + (kinds(collected) + 1) * eras::others(collected).len()
}

fn kinds(collected: &Collected) -> usize {
    let present = &collected.identities.present;
    let refused = present.iter().filter(|it| it.kind.must_be_refused());
    let kinds: BTreeSet<IdentityKind> = refused.map(|it| it.kind).collect();
    if present.is_empty() {
        MOST_KINDS
    } else {
        kinds.len()
    }
}

/// Before any token is read, nobody knows which copies can be made of it.
const MOST_KINDS: usize = 13;
/// Three lists, a read, a prompt, the stream and the end; for the good token the same, the list
/// before and after, and a session of its own.
const AUDITED: usize = 9;
/// The greeting and its notification, the list, a call, a read, a prompt, the stream and the end.
const OTHER: usize = 8;
