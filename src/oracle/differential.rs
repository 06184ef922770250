//! One subject's answers across identities become cells (oracle §6, §8, §9).

use super::observe::Answer;
use crate::model::identity::Identity;
use crate::model::matrix::Cell;
use crate::model::surface::{ListOutcome, Subject};

/// What one identity got.
#[derive(Clone, Debug)]
pub struct Arm<'a> {
    /// Who.
    pub identity: &'a Identity,
    /// Whether its list names the subject.
    pub listed: Option<bool>,
    /// How its list ended.
    pub list: Option<&'a ListOutcome>,
    /// Answers in attempt order.
    pub answers: Vec<&'a Answer>,
    /// Answers in a second session.
    pub fresh: Vec<&'a Answer>,
    /// Answers to random names.
    pub unknown: Vec<&'a Answer>,
}

/// Everything one subject was asked.
#[derive(Clone, Debug)]
pub struct SubjectTrials<'a> {
    /// The subject.
    pub subject: &'a Subject,
    /// Name of the strongest valid identity.
    pub baseline: Option<&'a str>,
    /// One arm per identity, in column order.
    pub arms: Vec<Arm<'a>>,
}

/// One cell per arm.
pub fn decide(_trials: &SubjectTrials<'_>) -> Vec<Cell> {
    Vec::new()
}
