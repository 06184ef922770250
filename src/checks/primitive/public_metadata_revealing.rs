//! PRIM-28: what strangers can read was meant for them.
//!
//! Hardening: no clause asks for it.

use std::net::IpAddr;

use serde_json::Value;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::codec::uri;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::identity::IdentityKind;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::observe::observe;

/// Searches what was answered without a token for credentials and internal hosts, both by shape.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let read: Vec<(&Exchange, Value)> = evidence
        .collected()
        .ledger
        .iter()
        .filter(|it| OPEN.contains(&it.probe.id) && is_anonymous(evidence, it))
        .filter_map(|it| Some((it, observe(it).result()?.clone())))
        .collect();
    if read.is_empty() {
        return Verdict::Observed("nothing can be read without a token".to_owned());
    }
    let own = uri::host_of(evidence.endpoint());
    let mut case = evidence.case();
    for (exchange, result) in &read {
        let mut texts = Vec::new();
        collect(result, &mut texts, 0);
        for text in texts {
            if text.contains(REDACTED) {
                case.breach(draft(
                    exchange.id,
                    "credential",
                    format!(
                        "{} answers everybody with something that looks like a credential; expected \
                         none",
                        exchange.probe.id
                    ),
                ));
            }
            if let Some(host) = internal_host(text, own.as_deref()) {
                let message = format!(
                    "{} tells everybody of the internal host `{host}`",
                    exchange.probe.id
                );
                let draft = draft(exchange.id, &host, message);
                case.advise(draft.at_most(Severity::Low, "a name opens nothing by itself"));
            }
        }
    }
    case.verdict(Verdict::Held(format!(
        "{} answer(s) to nobody in particular hold no credential and no internal host",
        read.len()
    )))
}

fn is_anonymous(evidence: &Evidence<'_>, exchange: &Exchange) -> bool {
    let identity = evidence.identity(&exchange.identity);
    identity.is_some_and(|identity| identity.kind == IdentityKind::Anonymous)
}

fn draft(exchange: ExchangeId, subject: &str, message: String) -> Draft {
    Draft::new(subject, message).at(exchange, Part::Body, "the answer")
}

/// Every text for people, down to a bounded depth; templates name their variables in braces, so
/// they are left out.
fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>, depth: usize) {
    if depth > DEEPEST || found.len() >= MOST_TEXTS {
        return;
    }
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|it| collect(it, found, depth + 1)),
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "uriTemplate")
            .for_each(|(_, it)| collect(it, found, depth + 1)),
        _ => {}
    }
}

/// The first host in a text that only leads inside, other than the target's own.
fn internal_host(text: &str, own: Option<&str>) -> Option<String> {
    let part = |c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    text.split(part)
        .map(|word| word.trim_matches(['.', '-', '_']))
        .filter(|word| word.contains('.') && word.len() <= LONGEST_HOST)
        .find(|word| {
            // `10.2.1` is a version, not an address.
            let inside = match word.parse::<IpAddr>() {
                Ok(address) => uri::is_internal_address(address),
                Err(_) => is_name(word) && uri::is_internal_host(word),
            };
            inside && Some(*word) != own && !uri::is_loopback_host(word)
        })
        .map(str::to_owned)
}

fn is_name(word: &str) -> bool {
    word.rsplit('.')
        .next()
        .is_some_and(|last| last.chars().all(|c| c.is_ascii_alphabetic()))
}

/// What stands where something was recognised as a secret by its looks or its place.
const REDACTED: &str = "{secret}";
const DEEPEST: usize = 32;
const MOST_TEXTS: usize = 20_000;
const LONGEST_HOST: usize = 253;
const OPEN: [ProbeId; 7] = [
    ProbeId::DetectModern,
    ProbeId::DetectLegacy,
    ProbeId::OpenSession,
    ProbeId::ListTools,
    ProbeId::ListResources,
    ProbeId::ListResourceTemplates,
    ProbeId::ListPrompts,
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "public-metadata-revealing";

    fn status(identity: &str, result: &Value) -> Status {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        let key = ProbeKey::new(ProbeId::ListTools);
        world.rpc(key, identity, &json!({"result": result}));
        world.status(ID)
    }

    #[test]
    fn a_credential_and_an_internal_host_warn() {
        let secret = json!({"instructions": "use Bearer {secret}"});
        assert_eq!(status("anonymous", &secret), Status::Warn);
        let host = json!({"tools": [{"description": "asks http://db01.notes.internal:5432/x"}]});
        assert_eq!(status("anonymous", &host), Status::Warn);
    }

    #[test]
    fn plain_descriptions_and_what_only_a_token_shows_hold() {
        let plain = json!({"tools": [{"description": "Version 10.2.1 of example.com, see a.b"}]});
        assert_eq!(status("anonymous", &plain), Status::Pass);
        let secret = json!({"instructions": "{secret}"});
        assert_eq!(status("reader", &secret), Status::Observed);
        let template = json!({"resourceTemplates": [{"uriTemplate": "vault://{secret}"}]});
        assert_eq!(status("anonymous", &template), Status::Pass);
    }

    #[test]
    fn hosts_are_recognised_by_their_shape() {
        let found = |text: &str| internal_host(text, Some("10.0.0.9"));
        assert_eq!(found("at 10.0.0.7:8080.").as_deref(), Some("10.0.0.7"));
        assert_eq!(
            found("printer.local is ours").as_deref(),
            Some("printer.local")
        );
        for text in [
            "10.0.0.9",
            "1.2.3",
            "127.0.0.1",
            "localhost.",
            "8.8.8.8",
            "e.g. this",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn deep_and_many_texts_are_bounded() {
        let mut deep = json!("x.internal");
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert_eq!(status("anonymous", &deep), Status::Pass);
    }
}
