//! Controls: random names, and schema-invalid calls of read-only tools.

use serde_json::{Value, json};

use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::identity::IdentityKind;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::{Subject, SubjectKind};
use crate::oracle::calibrate;
use crate::stage::enumerate::Sessions;
use crate::stage::rpc::{self, Ask};
use crate::stage::{Run, file, together};
use crate::wire::{Pending, Sent};

/// Sends them for every identity at once.
pub(super) async fn controls(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    let identities = collected.identities.present.clone();
    let random = |number: usize| {
        format!(
            "{}{}",
            prefix(&collected.surface.subjects),
            run.entropy.word(&format!("ghost-{number}"), 12)
        )
    };
    let names = [random(0), random(1)];
    let nothing = json!({});
    let preflights = calibrate::preflights(&collected.surface.subjects, &run.settings.tools);
    let preflights: Vec<(String, String, Value)> = preflights
        .into_iter()
        .map(|it| (it.subject.id.clone(), it.subject.name.clone(), it.arguments))
        .collect();
    let unknown = Unknown::new(run, collected);
    let baseline = collected.identities.baseline().cloned();
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for identity in &identities {
        let Some(session) = sessions.get(&identity.name) else {
            continue;
        };
        let times = if identity.kind == IdentityKind::Valid {
            2
        } else {
            1
        };
        for (attempt, name) in (0_u16..).zip(names.iter().take(times)) {
            let key = ProbeKey::new(ProbeId::UnknownName)
                .about(name.clone())
                .attempt(attempt);
            let operation = Operation::CallTool {
                name,
                arguments: &nothing,
                schema: None,
            };
            let id = run.next_id();
            pending.push(Box::pin(rpc::send(
                run,
                Ask::new(key, identity, session, operation),
                id,
            )));
        }
        if identity.kind == IdentityKind::Valid {
            for (key, operation) in unknown.questions(&nothing) {
                let id = run.next_id();
                pending.push(Box::pin(rpc::send(
                    run,
                    Ask::new(key, identity, session, operation),
                    id,
                )));
            }
        }
    }
    if let Some(identity) = &baseline
        && let Some(session) = sessions.get(&identity.name)
    {
        for (subject, name, arguments) in &preflights {
            let key = ProbeKey::new(ProbeId::Calibrate).about(subject.clone());
            let operation = Operation::CallTool {
                name,
                arguments,
                schema: None,
            };
            let id = run.next_id();
            pending.push(Box::pin(rpc::send(
                run,
                Ask::new(key, identity, session, operation),
                id,
            )));
        }
    }
    let answers = together(pending).await;
    for sent in answers {
        file(collected, sent);
    }
}

/// Random resources and prompts, where the server has any.
struct Unknown {
    uri: Option<String>,
    prompt: Option<String>,
}

impl Unknown {
    fn new(run: &Run<'_>, collected: &Collected) -> Self {
        let of = |kind: SubjectKind| {
            collected
                .surface
                .subjects
                .iter()
                .find(|subject| subject.kind == kind)
        };
        let uri = of(SubjectKind::Resource).map(|subject| {
            let scheme = subject.name.split(':').next().unwrap_or("resource");
            format!("{scheme}://{}", run.entropy.word("ghost-resource", 16))
        });
        let prompt = of(SubjectKind::Prompt).map(|_| run.entropy.word("ghost-prompt", 12));
        Self { uri, prompt }
    }

    fn questions<'a>(&'a self, nothing: &'a Value) -> Vec<(ProbeKey, Operation<'a>)> {
        let mut questions = Vec::new();
        if let Some(uri) = &self.uri {
            let key = ProbeKey::new(ProbeId::UnknownResource).about(uri.clone());
            questions.push((key, Operation::ReadResource { uri }));
        }
        if let Some(name) = &self.prompt {
            let key = ProbeKey::new(ProbeId::UnknownPrompt).about(name.clone());
            questions.push((
                key,
                Operation::GetPrompt {
                    name,
                    arguments: nothing,
                },
            ));
        }
        questions
    }
}

/// Namespace prefix shared by all tools, so that a gateway routes the random name alike.
fn prefix(subjects: &[Subject]) -> String {
    let mut tools = subjects
        .iter()
        .filter(|subject| subject.kind == SubjectKind::Tool);
    let Some(first) = tools.next() else {
        return String::new();
    };
    for separator in ["___", "__", "/", "."] {
        if let Some((namespace, _)) = first.name.split_once(separator) {
            let whole = format!("{namespace}{separator}");
            if tools.clone().all(|tool| tool.name.starts_with(&whole)) {
                return whole;
            }
        }
    }
    String::new()
}
