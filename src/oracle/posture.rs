//! From registration attempts to the posture of an authorization server (D0…D5).

use crate::model::exchange::ExchangeId;
use crate::model::matrix::Confidence;
use crate::model::registration::{CreatedClient, Posture, RegistrationAttempt, StrangerToken};

/// What is known of one authorization server's registration.
#[derive(Clone, Copy, Debug)]
pub struct PostureInput<'a> {
    /// Whether its metadata was read.
    pub metadata_read: bool,
    /// The endpoint it advertises.
    pub advertised: Option<&'a str>,
    /// Every request, in order.
    pub attempts: &'a [RegistrationAttempt],
    /// Every client that came of them.
    pub clients: &'a [CreatedClient],
    /// What a stranger's client got from the token endpoint.
    pub stranger: Option<&'a StrangerToken>,
    /// Whether registering was allowed.
    pub may_register: bool,
}

/// The posture and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostureVerdict {
    /// The posture.
    pub posture: Posture,
    /// How sure.
    pub confidence: Confidence,
    /// Why, or what would determine it.
    pub reason: String,
    /// The flag that would determine it.
    pub decided_by: Option<String>,
    /// The exchanges it rests on.
    pub exchanges: Vec<ExchangeId>,
}

/// Determines the posture.
pub fn posture(_input: &PostureInput<'_>) -> PostureVerdict {
    PostureVerdict {
        posture: Posture::Undetermined,
        confidence: Confidence::Inconclusive,
        reason: String::new(),
        decided_by: None,
        exchanges: Vec::new(),
    }
}
