//! REG-03: a successful registration says everything a client needs and is not cacheable.
//!
//! RFC 7591 §3.2.1; RFC 6749 §5.1.

use serde_json::Value;

use super::registration_open::without_clients;
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::model::exchange::Response;
use crate::model::registration::RegistrationAttempt;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads every answer that created a client, or says it did.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut read = 0_usize;
    for registration in &evidence.collected().registrations {
        for attempt in &registration.attempts {
            let exchange = evidence.exchange(attempt.exchange);
            let response = exchange.and_then(|exchange| exchange.response());
            let success = response.filter(|it| matches!(it.status, 200 | 201));
            let parsed = success.and_then(|it| Some((it, object(it)?)));
            if let Some((response, document)) = parsed {
                read += 1;
                examine(&mut case, attempt, response, &document);
            }
        }
    }
    if read == 0 {
        return without_clients(evidence);
    }
    case.verdict(Verdict::Held(format!("{read} answer(s) are complete")))
}

fn examine(
    case: &mut Case<'_>,
    attempt: &RegistrationAttempt,
    response: &Response,
    document: &Value,
) {
    let at = attempt.exchange;
    if !document.get("client_id").is_some_and(Value::is_string) {
        let message = "the answer has no string `client_id`";
        case.breach(Draft::new("client_id", message).at(at, Part::Body, "no client_id"));
    }
    if document.get("client_secret").is_some() {
        let secret = Part::Pointer("/client_secret".to_owned());
        if document.get("client_secret_expires_at").is_none() {
            let message = "`client_secret` comes without `client_secret_expires_at`";
            let draft = Draft::new("client_secret_expires_at", message);
            case.breach(draft.at(at, secret.clone(), "the secret"));
        }
        let stored = response
            .header_values("cache-control")
            .all(|value| !value.to_ascii_lowercase().contains("no-store"));
        if stored {
            let message = "the answer holds a secret and lacks `Cache-Control: no-store`";
            case.breach(Draft::new("cache-control", message).at(at, secret, "the secret"));
        }
    }
    if response.status == 200 {
        let message = "the answer has HTTP 200, expected 201";
        let draft = Draft::new("status", message).at(at, Part::Status, "200");
        case.advise(draft.at_most(Severity::Info, "common, and clients cope"));
    }
    if !attempt.requested_redirects.is_empty() && document.get("redirect_uris").is_none() {
        let message = "the answer does not repeat `redirect_uris`";
        let draft = Draft::new("redirect_uris", message).at(at, Part::Body, "not repeated");
        case.advise(draft.at_most(Severity::Info, "the client cannot tell what was registered"));
    }
}

fn object(response: &Response) -> Option<Value> {
    let document: Value = serde_json::from_slice(&response.body.bytes()).ok()?;
    document.is_object().then_some(document)
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, response};
    use crate::model::registration::{Posture, RegistrationOutcome};
    use crate::model::verdict::Status;

    const ID: &str = "registration-response-malformed";
    const LOOPBACK: &[&str] = &["http://127.0.0.1:1/cb"];

    fn status(code: u16, headers: &[(&str, &str)], body: &str) -> Status {
        let mut world = World::new();
        world.registration(Posture::D3);
        let answer = response(code, headers, body);
        world.registered(
            "native-loopback",
            RegistrationOutcome::Registered,
            LOOPBACK,
            answer,
        );
        world.status(ID)
    }

    #[test]
    fn a_complete_answer_holds() {
        let public = r#"{"client_id":"c","redirect_uris":["http://127.0.0.1:1/cb"]}"#;
        assert_eq!(status(201, &[], public), Status::Pass);
        let secret = r#"{"client_id":"c","client_secret":"{secret}","client_secret_expires_at":0,
            "redirect_uris":[]}"#;
        let headers = [("Cache-Control", "private, No-Store")];
        assert_eq!(status(201, &headers, secret), Status::Pass);
    }

    #[test]
    fn a_missing_client_id_is_broken() {
        assert_eq!(status(201, &[], r#"{"redirect_uris":[]}"#), Status::Fail);
    }

    #[test]
    fn a_secret_needs_an_expiry_and_no_store() {
        let endless = r#"{"client_id":"c","client_secret":"{secret}","redirect_uris":[]}"#;
        let headers = [("Cache-Control", "no-store")];
        assert_eq!(status(201, &headers, endless), Status::Fail);
        let cached = r#"{"client_id":"c","client_secret":"{secret}",
            "client_secret_expires_at":0,"redirect_uris":[]}"#;
        assert_eq!(status(201, &[], cached), Status::Fail);
    }

    #[test]
    fn status_200_only_warns() {
        let body = r#"{"client_id":"c","redirect_uris":[]}"#;
        assert_eq!(status(200, &[], body), Status::Warn);
    }

    #[test]
    fn without_consent_to_register_it_is_undecided() {
        let mut world = World::new();
        world.registration(Posture::Undetermined);
        assert_eq!(world.status(ID), Status::Inconclusive);
        let mut world = World::new();
        world.registration(Posture::D1);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
