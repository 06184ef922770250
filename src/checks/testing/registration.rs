//! Registrations as the run saw them.

use crate::model::exchange::Outcome;
use crate::model::matrix::Confidence;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::registration::{Posture, Registration, RegistrationAttempt, RegistrationOutcome};

use super::{ISSUER, World, response};

impl World {
    pub(crate) fn registration(&mut self, posture: Posture) -> &mut Registration {
        let endpoint = format!("{ISSUER}/register");
        let key = ProbeKey::new(ProbeId::RegistrationGate);
        let exchange = self.ask(key, "anonymous", &endpoint, response(400, &[], "{}"));
        self.collected.registrations.push(Registration {
            issuer: ISSUER.to_owned(),
            endpoint: (posture != Posture::D0).then_some(endpoint),
            attempts: Vec::new(),
            clients: Vec::new(),
            stranger_token: None,
            posture,
            confidence: Confidence::Strong,
            reason: "as built".to_owned(),
            decided_by: None,
            exchanges: vec![exchange],
        });
        self.collected.registrations.last_mut().unwrap()
    }

    /// A registration request with its answer, filed under the last registration.
    pub(crate) fn registered(
        &mut self,
        variant: &str,
        outcome: RegistrationOutcome,
        redirects: &[&str],
        answer: Outcome,
    ) -> &mut RegistrationAttempt {
        let endpoint = format!("{ISSUER}/register");
        let key = ProbeKey::new(ProbeId::Register).variant(variant);
        let exchange = self.ask(key, "anonymous", &endpoint, answer);
        let redirects: Vec<String> = redirects.iter().map(|&it| it.to_owned()).collect();
        let echoed = (outcome == RegistrationOutcome::Registered).then(|| redirects.clone());
        let registration = self.collected.registrations.last_mut().unwrap();
        registration.attempts.push(RegistrationAttempt {
            variant: variant.to_owned(),
            endpoint,
            outcome,
            requested_redirects: redirects,
            echoed_redirects: echoed,
            client: None,
            exchange,
        });
        registration.attempts.last_mut().unwrap()
    }
}
