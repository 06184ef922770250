//! From a treatment to the request it asks for.

use serde_json::Value;

use super::words;
use crate::mcp::Operation;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::surface::{Subject, SubjectKind};
use crate::oracle::calibrate::Treatment;
use crate::stage::rpc::{self, Ask};
use crate::stage::session::Session;
use crate::stage::{Run, doors};
use crate::wire::{Pending, Sent};

/// One call to be made, with a word of its own in its arguments.
pub(super) struct Own<'a> {
    pub(super) subject: &'a Subject,
    pub(super) treatment: Treatment,
    pub(super) identity: &'a Identity,
    pub(super) session: &'a Session,
    pub(super) attempt: u16,
    pub(super) variant: Option<String>,
}

impl<'a> Own<'a> {
    /// The treatment of a subject, for one identity and attempt alone.
    pub(super) fn new(
        run: &Run<'_>,
        subject: &'a Subject,
        treatment: &Treatment,
        identity: &'a Identity,
        session: &'a Session,
        attempt: u16,
        variant: Option<&str>,
    ) -> Self {
        let form = variant.unwrap_or_default();
        let place = format!("{}/{}/{form}/{attempt}", subject.id, identity.name);
        Self {
            subject,
            treatment: words::personal(run, subject, treatment, &place),
            identity,
            session,
            attempt,
            variant: variant.map(str::to_owned),
        }
    }

    fn ask(&self) -> Option<Ask<'_>> {
        question(
            self.subject,
            &self.treatment,
            self.identity,
            self.session,
            self.attempt,
            self.variant.as_deref(),
        )
    }
}

/// The requests of these calls, in their order; nothing for those that are forbidden.
pub(super) fn pending<'a>(run: &'a Run<'_>, calls: &'a [Own<'_>]) -> Vec<Pending<'a, Sent>> {
    let asks = calls.iter().filter_map(Own::ask);
    let send = |ask| -> Pending<'a, Sent> {
        let id = run.next_id();
        Box::pin(rpc::send(run, ask, id))
    };
    asks.map(send).collect()
}

/// The request that a treatment asks for; nothing where it forbids one.
fn question<'a>(
    subject: &'a Subject,
    treatment: &'a Treatment,
    identity: &'a Identity,
    session: &'a Session,
    attempt: u16,
    variant: Option<&str>,
) -> Option<Ask<'a>> {
    let (probe, arguments, tier) = match treatment {
        // A call on an object of its own takes several steps.
        Treatment::NotTested { .. } | Treatment::Canary { .. } => return None,
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
