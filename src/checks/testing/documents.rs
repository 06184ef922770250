//! Sound documents to spoil, and answers to put them in.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::model::exchange::{Body, Failure, FailureKind, HeaderField, Outcome, Response};

use super::{ENDPOINT, ISSUER, owned};

/// Sound protected resource metadata with members replaced; null removes one.
pub(crate) fn resource_document(changes: &[(&str, Value)]) -> Value {
    let document = json!({
        "resource": ENDPOINT,
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["notes:read"],
    });
    changed(document, changes)
}

/// Sound authorization server metadata with members replaced; null removes one.
pub(crate) fn server_document(changes: &[(&str, Value)]) -> Value {
    let document = json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": true,
    });
    changed(document, changes)
}

pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Outcome {
    let headers = owned(headers).into_iter();
    Outcome::Response(Response {
        status,
        headers: headers
            .map(|(name, value)| HeaderField::new(name, value))
            .collect(),
        body: Body {
            bytes: body.as_bytes().into(),
            truncated: false,
            length: body.len() as u64,
            sha256: format!("{:x}", Sha256::digest(body)),
        },
        stream: None,
    })
}

pub(crate) fn failure(kind: FailureKind) -> Outcome {
    Outcome::Failure(Failure {
        kind,
        text: "as built".to_owned(),
        partial: None,
    })
}

fn changed(mut document: Value, changes: &[(&str, Value)]) -> Value {
    for (member, value) in changes {
        let members = document.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(*member);
        } else {
            members.insert((*member).to_owned(), value.clone());
        }
    }
    document
}
