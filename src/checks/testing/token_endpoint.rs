//! Token endpoints as the run saw them.

use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::token_endpoint::{
    OperatorClient, TokenAttempt, TokenEndpoint, TokenOutcome, TokenQuestion,
};

use super::{ISSUER, World, response};

impl World {
    /// A token endpoint that was asked nothing yet.
    pub(crate) fn token_endpoint(&mut self) -> &mut TokenEndpoint {
        self.collected.token_endpoints.push(TokenEndpoint {
            issuer: ISSUER.to_owned(),
            endpoint: format!("{ISSUER}/token"),
            ..TokenEndpoint::default()
        });
        self.collected.token_endpoints.last_mut().unwrap()
    }

    /// A client of the operator that got a token from the last token endpoint.
    pub(crate) fn operator_client(&mut self, scopes: &[&str]) {
        let control = self.answer(ProbeId::MintToken, "machine", 200, &[], "{}");
        let client = OperatorClient {
            client_id: CLIENT.to_owned(),
            method: "client_secret_basic".to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            control,
        };
        self.collected
            .token_endpoints
            .last_mut()
            .unwrap()
            .clients
            .push(client);
    }

    /// A question to the last token endpoint with its answer; an error, or `issued`.
    pub(crate) fn token_asked(
        &mut self,
        question: TokenQuestion,
        client: Option<&str>,
        answer: &str,
    ) -> &mut TokenAttempt {
        let (status, body) = match answer {
            "issued" => (200, "{\"access_token\":\"{token-x}\"}".to_owned()),
            "page" => (200, "<html>".to_owned()),
            error => (400, format!("{{\"error\":\"{error}\"}}")),
        };
        let headers = [("Content-Type", "application/json")];
        let key = ProbeKey::new(ProbeId::TokenGrant);
        let url = format!("{ISSUER}/token");
        let exchange = self.ask(key, "anonymous", &url, response(status, &headers, &body));
        let outcome = match answer {
            "issued" => TokenOutcome::Issued,
            "page" => TokenOutcome::Unclear {
                what: "HTTP 200 text/html".to_owned(),
            },
            error => TokenOutcome::Refused {
                status,
                error: error.to_owned(),
            },
        };
        let attempts = &mut self.collected.token_endpoints.last_mut().unwrap().attempts;
        attempts.push(TokenAttempt {
            question,
            form: "unsigned".to_owned(),
            client: client.map(str::to_owned),
            requested: None,
            granted: None,
            claimed: None,
            outcome,
            exchange,
        });
        attempts.last_mut().unwrap()
    }
}

/// The operator's client.
pub(crate) const CLIENT: &str = "machine";
