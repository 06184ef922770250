//! A second `Authorization` line: a copy of the control's token whose signature is broken. A gate that
//! verifies one line and a dispatcher that reads the other lend the rights of the copy.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::forms::Form;
use crate::codec::jose;
use crate::model::audit::Collected;
use crate::model::identity::Identity;
use crate::model::probe::ProbeId;
use crate::stage::Run;
use crate::stage::rpc::Ask;

/// Which line the forged token is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Before the caller's own.
    First,
    /// Behind it.
    Last,
}

/// The two orders, for tokens that can be forged.
pub(super) fn forms() -> Vec<Form> {
    let places = [("forged-first", Place::First), ("forged-last", Place::Last)];
    let forms = places.into_iter().map(|(name, place)| {
        let mut form = Form::new(ProbeId::TwoTokens, name, |_| {});
        form.second = Some(place);
        form
    });
    forms.collect()
}

/// Callers whose requests carry the forged token in place of their own, which moves into a line of
/// its own.
pub(super) struct Seconds {
    line: Option<String>,
    swapped: BTreeMap<String, (Identity, String)>,
}

impl Seconds {
    /// Forges the token; nothing where it is no JSON Web Token.
    pub(super) fn of(run: &Run<'_>, collected: &Collected) -> Self {
        let baseline = collected.identities.baseline();
        let token = baseline.and_then(|identity| identity.credential.as_ref());
        let forged = token.and_then(|token| jose::flip_signature(token.expose_secret()));
        let forged = forged.map(SecretString::from);
        if let Some(forged) = &forged {
            run.wire.know("token-second", forged);
        }
        let mut swapped = BTreeMap::new();
        for identity in collected.identities.valid() {
            if let (Some(forged), Some(own)) = (&forged, &identity.credential) {
                let with = Identity {
                    credential: Some(forged.clone()),
                    ..identity.clone()
                };
                swapped.insert(identity.name.clone(), (with, line(own)));
            }
        }
        Self {
            line: forged.as_ref().map(line),
            swapped,
        }
    }

    /// Whether there is a forged token to send.
    pub(super) const fn can_be_made(&self) -> bool {
        self.line.is_some()
    }

    /// Puts both lines on a question; false where there is no forged token.
    pub(super) fn put<'a>(&'a self, place: Place, ask: &mut Ask<'a>) -> bool {
        match place {
            Place::First => {
                let Some(line) = &self.line else { return false };
                ask.extra.push((FIELD.to_owned(), line.clone()));
            }
            Place::Last => {
                let Some((identity, own)) = self.swapped.get(&ask.identity.name) else {
                    return false;
                };
                ask.extra.push((FIELD.to_owned(), own.clone()));
                ask.identity = identity;
            }
        }
        true
    }
}

fn line(token: &SecretString) -> String {
    format!("Bearer {}", token.expose_secret())
}

const FIELD: &str = "Authorization";

/// Forms at most.
pub(super) const MOST: usize = 2;
