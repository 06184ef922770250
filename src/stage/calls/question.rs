//! From a treatment to the request it asks for.

use serde_json::Value;

use crate::mcp::Operation;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::surface::{Subject, SubjectKind};
use crate::oracle::calibrate::Treatment;
use crate::stage::doors;
use crate::stage::rpc::Ask;
use crate::stage::session::Session;

/// The request that a treatment asks for; nothing where it forbids one.
pub(super) fn question<'a>(
    subject: &'a Subject,
    treatment: &'a Treatment,
    identity: &'a Identity,
    session: &'a Session,
    attempt: u16,
    variant: Option<&str>,
) -> Option<Ask<'a>> {
    let (probe, arguments, tier) = match treatment {
        Treatment::NotTested { .. } => return None,
        Treatment::Invalid { arguments, .. } => {
            (ProbeId::CallInvalid, arguments, Tier::Authenticated)
        }
        Treatment::ListedCall { arguments } => (ProbeId::CallListed, arguments, Tier::Call),
        Treatment::Valid { arguments } => match subject.kind {
            SubjectKind::Resource | SubjectKind::ResourceTemplate => {
                (ProbeId::ReadResource, arguments, Tier::Authenticated)
            }
            SubjectKind::Prompt => (ProbeId::PromptGet, arguments, Tier::Authenticated),
            SubjectKind::Completion => (ProbeId::Complete, arguments, Tier::Authenticated),
            _ => (ProbeId::CallValid, arguments, Tier::Authenticated),
        },
    };
    let operation = match probe {
        ProbeId::ReadResource => Operation::ReadResource {
            uri: arguments
                .get("uri")
                .and_then(Value::as_str)
                .unwrap_or(&subject.name),
        },
        ProbeId::PromptGet => Operation::GetPrompt {
            name: &subject.name,
            arguments,
        },
        ProbeId::Complete => Operation::Raw {
            method: doors::COMPLETE,
            params: arguments.clone(),
        },
        _ => Operation::CallTool {
            name: &subject.name,
            arguments,
            schema: subject.input_schema.as_ref(),
        },
    };
    let mut key = ProbeKey::new(probe)
        .about(subject.id.clone())
        .attempt(attempt);
    if let Some(variant) = variant {
        key = key.variant(variant);
    }
    let mut ask = Ask::new(key, identity, session, operation);
    ask.tier = Some(tier);
    Some(ask)
}
