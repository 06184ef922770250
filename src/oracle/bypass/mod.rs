//! Ways round a gate: which refused calls to try again, and what the answers show.

mod passage;
mod sample;

pub use passage::{passage, seems_open};
pub use sample::{Guarded, Known, MOST_IDENTITIES, MOST_SUBJECTS, guarded, readable};
