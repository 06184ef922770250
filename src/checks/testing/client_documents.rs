//! Documents as the run saw them fetched.

use crate::model::client_documents::{
    ClientDocuments, DocumentAdmission, DocumentAttempt, DocumentFetch, DocumentVariant, Reception,
};
use crate::model::matrix::Confidence;
use crate::model::probe::{ProbeId, ProbeKey};

use super::{ISSUER, World, response};

impl World {
    /// An authorization server that admits the good document, after both controls what is given.
    pub(crate) fn documents(
        &mut self,
        attempts: &[(DocumentVariant, Reception)],
    ) -> &mut ClientDocuments {
        let controls = [
            (DocumentVariant::UnknownClient, Reception::Refused),
            (DocumentVariant::Good, Reception::GoesOn),
        ];
        let attempts: Vec<DocumentAttempt> = controls
            .iter()
            .chain(attempts)
            .map(|&(variant, reception)| self.document(variant, reception))
            .collect();
        self.collected.client_documents.push(ClientDocuments {
            issuer: ISSUER.to_owned(),
            admission: DocumentAdmission::AnyClient,
            confidence: Confidence::Strong,
            reason: "as built".to_owned(),
            decided_by: None,
            base: Some("https://client.example.com/".to_owned()),
            exchanges: attempts.iter().take(2).map(|it| it.exchange).collect(),
            attempts,
        });
        self.collected.client_documents.last_mut().unwrap()
    }

    fn document(&mut self, variant: DocumentVariant, reception: Reception) -> DocumentAttempt {
        let status = if reception == Reception::Refused {
            400
        } else {
            200
        };
        let key = ProbeKey::new(ProbeId::AuthorizeDocument).variant(variant.as_str());
        let url = format!("{ISSUER}/authorize");
        let exchange = self.ask(key, "anonymous", &url, response(status, &[], ""));
        let fetches = match variant {
            DocumentVariant::UnknownClient => Vec::new(),
            _ => vec![DocumentFetch::default()],
        };
        DocumentAttempt {
            variant,
            client_id: format!("https://client.example.com/{}.json", variant.as_str()),
            reception,
            what: format!("HTTP {status}"),
            fetches,
            followed: Vec::new(),
            answered_ms: 1,
            exchange,
        }
    }
}
