//! What the doors cost at most.

use std::collections::BTreeSet;

use crate::model::audit::Collected;
use crate::model::identity::IdentityKind;
use crate::stage::eras;

/// Requests at doors, those of the good token included.
pub(crate) fn most(collected: &Collected) -> usize {
    let others = eras::others(collected).len();
    let wrong = kinds(collected) * (AUDITED + OTHER * others);
    wrong + GOOD_AUDITED + GOOD_OTHER * others
}

/// Sessions that are closed afterwards.
pub(crate) fn closings(collected: &Collected) -> usize {
    let others = eras::others(collected).len();
    AGAIN * (1 + others) + kinds(collected) * others
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
/// Three lists, a read, a prompt, the stream, the end, and alone the end and a look at what came of it.
const AUDITED: usize = 9;
/// The same for the good token, with the tool list; greetings of two sessions, and a look.
const GOOD_AUDITED: usize = 6 + 1 + 2 * AGAIN + 1;
/// The greeting and its notification, the list, a call, a read, a prompt, the stream, the end, and
/// alone the end and a look.
const OTHER: usize = 10;
/// The list, a call, a read, a prompt and the stream; greetings of two sessions, and a look.
const GOOD_OTHER: usize = 5 + 2 * AGAIN + 1;
/// A session of the good token, and another where that one was ended.
const AGAIN: usize = 2;
