//! EXT-09: an authorization extension that the MCP server declares is one its authorization server
//! offers.
//!
//! No clause; compare MCP §Extension Negotiation.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::discovery::MetadataAttempt;
use crate::model::verdict::{Part, Verdict};

/// Compares `capabilities.extensions` with the authorization servers' metadata.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(capabilities) = &evidence.discovery().capabilities else {
        return Verdict::NotApplicable("no declaration of capabilities was read".to_owned());
    };
    let declared = capabilities.value.get("extensions");
    let declared = declared.and_then(serde_json::Value::as_object);
    let known: Vec<_> = KNOWN
        .iter()
        .filter(|known| declared.is_some_and(|declared| declared.contains_key(known.name)))
        .collect();
    if known.is_empty() {
        return Verdict::NotApplicable("no authorization extension is declared".to_owned());
    }
    let servers: Vec<_> = evidence.authorization_metadata().collect();
    if servers.is_empty() {
        return Verdict::inconclusive(
            "an authorization extension is declared, and no authorization server metadata was \
             found",
        );
    }
    let mut case = evidence.case();
    for extension in &known {
        if servers
            .iter()
            .any(|(_, attempt)| (extension.offered)(attempt))
        {
            continue;
        }
        let message = format!(
            "the server declares `{}`, and no authorization server's metadata {}",
            extension.name, extension.needs
        );
        let mut draft =
            Draft::new(extension.name, message).at(capabilities.exchange, Part::Body, "declared");
        for (_, attempt) in &servers {
            draft = draft.at(attempt.exchange, Part::Body, "not offered");
        }
        case.breach(draft);
    }
    let names: Vec<_> = known.iter().map(|extension| extension.name).collect();
    case.verdict(Verdict::Held(format!(
        "{} declared and offered",
        names.join(", ")
    )))
}

/// An extension and what shows in the metadata that it is offered.
struct Extension {
    name: &'static str,
    needs: &'static str,
    offered: fn(&MetadataAttempt) -> bool,
}

const KNOWN: &[Extension] = &[
    Extension {
        name: "io.modelcontextprotocol/oauth-client-credentials",
        needs: "lists the `client_credentials` grant",
        offered: |attempt| {
            let grants = attempt.texts("grant_types_supported").unwrap_or_default();
            grants.contains(&"client_credentials")
        },
    },
    Extension {
        name: "io.modelcontextprotocol/enterprise-managed-authorization",
        needs: "announces the grant profile `id-jag`",
        offered: MetadataAttempt::takes_identity_assertions,
    },
];

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::discovery::Sourced;
    use crate::model::probe::ProbeId;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    const ID: &str = "extensions-inconsistent";

    fn world(extensions: &Value) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        let exchange = world.answer(ProbeId::DetectModern, "admin", 200, &[], "{}");
        world.collected.discovery.capabilities = Some(Sourced {
            value: json!({"extensions": extensions}),
            exchange,
        });
        world.sound_server(&[]);
        world
    }

    #[test]
    fn a_declared_extension_that_is_offered_holds() {
        let declared = json!({"io.modelcontextprotocol/oauth-client-credentials": {}});
        assert_eq!(world(&declared).status(ID), Status::Pass);
    }

    #[test]
    fn a_declared_extension_that_nobody_offers_warns() {
        let declared = json!({"io.modelcontextprotocol/enterprise-managed-authorization": {}});
        assert_eq!(world(&declared).status(ID), Status::Warn);
        let mut lost = world(&declared);
        lost.collected.discovery.authorization_servers.clear();
        assert_eq!(lost.status(ID), Status::Inconclusive);
    }

    #[test]
    fn other_extensions_and_none_do_not_apply() {
        let other = json!({"io.modelcontextprotocol/ui": {}});
        assert_eq!(world(&other).status(ID), Status::NotApplicable);
        assert_eq!(world(&json!([])).status(ID), Status::NotApplicable);
        let mut silent = world(&json!({}));
        silent.collected.discovery.capabilities = None;
        assert_eq!(silent.status(ID), Status::NotApplicable);
    }
}
