//! Registrations as the run saw them.

use crate::model::consequence::{AuthorizationTrial, ClientTerms, Consequences, Untried};
use crate::model::exchange::{ExchangeId, Outcome};
use crate::model::matrix::Confidence;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::registration::{
    CreatedClient, Deletion, Posture, Registration, RegistrationAttempt, RegistrationOutcome,
    Usability,
};

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
            consequences: Consequences::default(),
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
            requested: ClientTerms::default(),
            echoed: ClientTerms::default(),
            client: None,
            exchange,
        });
        registration.attempts.last_mut().unwrap()
    }

    /// A registration that was wanted and not sent.
    pub(crate) fn untried(&mut self, variant: &str) {
        let registration = self.collected.registrations.last_mut().unwrap();
        registration.consequences.untried.push(Untried {
            variant: variant.to_owned(),
            why: "the registration endpoint answered with a limit".to_owned(),
        });
    }

    /// A question to the authorization endpoint, filed under the last registration.
    pub(crate) fn authorization(&mut self, variant: &str, accepted: Option<bool>) {
        let status = if accepted == Some(false) { 400 } else { 200 };
        let probe = ProbeId::AuthorizeRedirect;
        let exchange = self.answer(probe, "anonymous", status, &[], "");
        let registration = self.collected.registrations.last_mut().unwrap();
        let trials = &mut registration.consequences.authorizations;
        trials.push(AuthorizationTrial {
            variant: variant.to_owned(),
            asked: "https://run.mcp-assay.invalid/anywhere".to_owned(),
            accepted,
            what: "as built".to_owned(),
            shows_name: None,
            shows_host: None,
            exchange,
        });
    }
}

/// A client that one exchange created and another asked the authorization endpoint about.
pub(crate) fn client(
    variant: &str,
    created: ExchangeId,
    accepted: Option<bool>,
    asked: ExchangeId,
) -> CreatedClient {
    CreatedClient {
        client_id: format!("client-{variant}"),
        variant: variant.to_owned(),
        exchange: created,
        manageable: true,
        expires_at: None,
        usable: Some(Usability {
            accepted,
            what: "as built".to_owned(),
            exchange: asked,
        }),
        deletion: Deletion::NotOffered,
    }
}
