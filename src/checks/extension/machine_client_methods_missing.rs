//! EXT-01: where machines may come as clients, the metadata says how they prove themselves.
//!
//! Client credentials extension §Server Metadata Requirements; RFC 8414 §2.

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::model::discovery::{AuthorizationServer, MetadataAttempt};
use crate::model::token_endpoint::{TokenOutcome, TokenQuestion};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads the members about client authentication, and what worked beside them.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut offered = 0_usize;
    for (server, attempt) in evidence.authorization_metadata() {
        let grants = attempt.texts("grant_types_supported").unwrap_or_default();
        if !grants.contains(&"client_credentials") {
            continue;
        }
        offered += 1;
        methods(&mut case, server, attempt);
        algorithms(&mut case, server, attempt);
        working(evidence, &mut case, server, attempt);
    }
    case.verdict(match offered {
        0 => Verdict::NotApplicable("no metadata lists the `client_credentials` grant".to_owned()),
        _ => Verdict::Held("the metadata says how machine clients prove themselves".to_owned()),
    })
}

fn methods(case: &mut Case<'_>, server: &AuthorizationServer, attempt: &MetadataAttempt) {
    let at = |draft: Draft, part| draft.at(attempt.exchange, part, "client authentication");
    let Some(methods) = attempt.texts(METHODS) else {
        let message =
            format!("`{METHODS}` is absent, expected `private_key_jwt` or `client_secret_basic`");
        let why = "RFC 8414 §2 reads the absence as `client_secret_basic`";
        let draft = Draft::new(server.issuer.clone(), message).at_most(Severity::Info, why);
        return case.advise(at(draft, Part::Body));
    };
    let has = |wanted: &[&str]| methods.iter().any(|method| wanted.contains(method));
    let message =
        format!("`{METHODS}` is {methods:?}, expected `private_key_jwt` or `client_secret_basic`");
    let draft = Draft::new(server.issuer.clone(), message);
    let part = Part::Pointer(format!("/{METHODS}"));
    if has(&["private_key_jwt", "client_secret_basic"]) {
    } else if has(&["client_secret_post", "client_secret_jwt"]) {
        let why = "the extension's own text sends the secret in the body";
        case.advise(at(draft.at_most(Severity::Info, why), part));
    } else {
        case.breach(at(draft, part));
    }
}

fn algorithms(case: &mut Case<'_>, server: &AuthorizationServer, attempt: &MetadataAttempt) {
    let methods = attempt.texts(METHODS).unwrap_or_default();
    let signed = methods.iter().any(|it| SIGNED.contains(it));
    let listed = attempt.texts(ALGORITHMS);
    let (message, part) = match listed {
        Some(listed) if listed.contains(&"none") => (
            format!("`{ALGORITHMS}` lists `none`, expected signatures only"),
            Part::Pointer(format!("/{ALGORITHMS}")),
        ),
        None if signed => (
            format!("`{ALGORITHMS}` is absent although client assertions are offered"),
            Part::Body,
        ),
        _ => return,
    };
    let subject = format!("{}: {ALGORITHMS}", server.issuer);
    let draft = Draft::new(subject, message);
    case.breach(draft.at(attempt.exchange, part, "client assertions"));
}

/// A way that works and is not listed escapes whoever hardens what is listed.
fn working(
    evidence: &Evidence<'_>,
    case: &mut Case<'_>,
    server: &AuthorizationServer,
    metadata: &MetadataAttempt,
) {
    let Some(listed) = metadata.texts(METHODS) else {
        return;
    };
    let endpoints = evidence.collected().token_endpoints.iter();
    for endpoint in endpoints.filter(|endpoint| endpoint.issuer == server.issuer) {
        let own = endpoint.clients.iter();
        let own = own.map(|client| (client.method.as_str(), client.control));
        let other = endpoint.asked(TokenQuestion::OtherMethod);
        let other = other
            .filter(|attempt| attempt.outcome == TokenOutcome::Issued)
            .map(|attempt| (attempt.form.as_str(), attempt.exchange));
        for (method, exchange) in own.chain(other) {
            if listed.contains(&method) {
                continue;
            }
            let message = format!(
                "a token was issued to a client that used `{method}`, which `{METHODS}` does \
                 not list"
            );
            let draft = Draft::new(format!("{}: {method}", server.issuer), message);
            let draft = draft.at_most(Severity::Low, "the secret was right");
            case.advise(draft.at(exchange, Part::Status, "issued"));
        }
    }
}

const METHODS: &str = "token_endpoint_auth_methods_supported";
const ALGORITHMS: &str = "token_endpoint_auth_signing_alg_values_supported";
const SIGNED: [&str; 2] = ["private_key_jwt", "client_secret_jwt"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{CLIENT, World};
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    const ID: &str = "machine-client-methods-missing";

    fn world(methods: Value, algorithms: Value) -> World {
        let mut world = World::new();
        world.sound_server(&[(METHODS, methods), (ALGORITHMS, algorithms)]);
        world
    }

    #[test]
    fn a_listed_way_holds() {
        let basic = world(json!(["client_secret_basic"]), Value::Null);
        assert_eq!(basic.status(ID), Status::Pass);
        let signed = world(json!(["private_key_jwt"]), json!(["ES256"]));
        assert_eq!(signed.status(ID), Status::Pass);
    }

    #[test]
    fn no_way_at_all_is_broken_and_the_body_only_told() {
        let none = world(json!(["none"]), Value::Null);
        assert_eq!(none.status(ID), Status::Fail);
        let post = world(json!(["client_secret_post"]), Value::Null);
        assert_eq!(post.status(ID), Status::Warn);
        assert_eq!(world(Value::Null, Value::Null).status(ID), Status::Warn);
    }

    #[test]
    fn assertions_need_algorithms_and_never_none() {
        let silent = world(json!(["private_key_jwt"]), Value::Null);
        assert_eq!(silent.status(ID), Status::Fail);
        let unsigned = world(json!(["private_key_jwt"]), json!(["ES256", "none"]));
        assert_eq!(unsigned.status(ID), Status::Fail);
    }

    #[test]
    fn a_way_that_works_and_is_not_listed_is_told() {
        let mut world = world(json!(["client_secret_basic"]), Value::Null);
        world.token_endpoint();
        world.operator_client(&["a"]);
        assert_eq!(world.status(ID), Status::Pass);
        let attempt = world.token_asked(TokenQuestion::OtherMethod, Some(CLIENT), "issued");
        "client_secret_post".clone_into(&mut attempt.form);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn without_the_grant_it_does_not_apply() {
        let mut world = World::new();
        world.sound_server(&[("grant_types_supported", json!(["authorization_code"]))]);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
