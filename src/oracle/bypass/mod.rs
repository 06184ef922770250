//! Ways round a gate: which refused calls to try again, and what the answers show.

mod kept;
mod passage;
mod sample;
mod session;

pub use kept::{annotate, begins, fresh, kept};
pub use passage::{passage, seems_open};
pub use sample::{
    Guarded, Known, MOST_DOORS, MOST_IDENTITIES, MOST_SUBJECTS, guarded, guarded_doors, readable,
};
pub use session::borrowed;
