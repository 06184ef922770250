//! What is asked at each door.

use serde_json::{Value, json};

use super::place::Place;
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::door_trials::Door;
use crate::model::probe::ProbeId;
use crate::model::surface::{Subject, SubjectKind};
use crate::oracle::calibrate::Treatment;
use crate::stage::calls::Asked;
use crate::stage::{Run, reply};

/// A door that takes messages, and the message.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) door: Door,
    /// The probes that ask the same in the audited revision.
    known_as: &'static [ProbeId],
    name: String,
    arguments: Value,
}

impl Question {
    fn new(door: Door, known_as: &'static [ProbeId]) -> Self {
        Self {
            door,
            known_as,
            name: String::new(),
            arguments: json!({}),
        }
    }

    fn of(door: Door, known_as: &'static [ProbeId], name: &str, arguments: Value) -> Self {
        Self {
            name: name.to_owned(),
            arguments,
            ..Self::new(door, known_as)
        }
    }

    pub(super) fn operation(&self) -> Operation<'_> {
        match self.door {
            Door::Initialize => Operation::Initialize,
            Door::Discover => Operation::Discover,
            Door::ResourceList => Operation::ListResources { cursor: None },
            Door::TemplateList => Operation::ListResourceTemplates { cursor: None },
            Door::PromptList => Operation::ListPrompts { cursor: None },
            Door::Call => Operation::CallTool {
                name: &self.name,
                arguments: &self.arguments,
                schema: None,
            },
            Door::Read => Operation::ReadResource { uri: &self.name },
            Door::Prompt => Operation::GetPrompt {
                name: &self.name,
                arguments: &self.arguments,
            },
            Door::Stream => Operation::OpenStream,
            Door::End => Operation::CloseSession,
            Door::ToolList => Operation::ListTools { cursor: None },
        }
    }

    /// Whether the run asked an identity the same in the audited revision.
    pub(super) fn was_asked(&self, collected: &Collected, identity: &str) -> bool {
        collected.ledger.iter().any(|exchange| {
            exchange.identity == identity && self.known_as.contains(&exchange.probe.id)
        })
    }
}

/// The doors of the audited revision that wrong tokens were not shown everywhere, or those that
/// every other revision has.
pub(super) fn doors(
    run: &Run<'_>,
    collected: &Collected,
    asked: &Asked,
    place: &Place<'_>,
) -> Vec<Question> {
    let mut doors = Vec::new();
    if place.is_modern() && !place.is_audited() {
        doors.push(Question::new(Door::Discover, &[]));
    }
    if place.is_audited() {
        if !place.is_modern() {
            // For the good token alone, before somebody else tries to end its session.
            doors.push(Question::new(Door::ToolList, TOOLS));
        }
        let listed = |kind: SubjectKind| {
            let baseline = collected.identities.baseline.as_deref();
            baseline.is_some_and(|name| collected.surface.listing(name, kind).is_some())
        };
        let lists = LISTS.into_iter().filter(|(kind, ..)| listed(*kind));
        doors.extend(lists.map(|(_, door, probes)| Question::new(door, probes)));
    } else {
        doors.push(Question::new(Door::ToolList, &[]));
        if collected.catch_all.is_none() {
            let name = run.entropy.word("door-ghost", 12);
            doors.push(Question::of(Door::Call, &[], &name, json!({})));
        }
    }
    doors.extend(read(run, collected, asked));
    doors.extend(prompt(run, collected, asked));
    doors
}

/// A resource that the good token was given; a random one where reads are not allowed.
fn read(run: &Run<'_>, collected: &Collected, asked: &Asked) -> Option<Question> {
    let subjects = || collected.surface.subjects.iter();
    let own = |subject: &&Subject| subject.kind == SubjectKind::Resource;
    let given = subjects()
        .filter(own)
        .find(|subject| valid(asked, subject).is_some() && was_given(collected, subject));
    let name = given.map(|subject| subject.name.clone());
    let random = || {
        let scheme = subjects().find(own)?.name.split(':').next()?;
        let word = run.entropy.word("door-resource", 16);
        Some(format!("{scheme}://{word}"))
    };
    let name = name.or_else(random)?;
    Some(Question::of(Door::Read, READS, &name, json!({})))
}

fn prompt(run: &Run<'_>, collected: &Collected, asked: &Asked) -> Option<Question> {
    let subjects = || collected.surface.subjects.iter();
    let own = |subject: &&Subject| subject.kind == SubjectKind::Prompt;
    let mut given = subjects().filter(own).filter_map(|subject| {
        let arguments = valid(asked, subject).filter(|_| was_given(collected, subject))?;
        Some((subject.name.clone(), arguments.clone()))
    });
    let random = || {
        subjects().find(own)?;
        Some((run.entropy.word("door-prompt", 12), json!({})))
    };
    let (name, arguments) = given.next().or_else(random)?;
    Some(Question::of(Door::Prompt, PROMPTS, &name, arguments))
}

fn valid<'a>(asked: &'a Asked, subject: &Subject) -> Option<&'a Value> {
    match asked.treatments.get(&subject.id)? {
        Treatment::Valid { arguments } => Some(arguments),
        _ => None,
    }
}

/// Whether the good token got a result for it.
fn was_given(collected: &Collected, subject: &Subject) -> bool {
    let baseline = collected.identities.baseline.as_deref();
    collected.ledger.iter().any(|exchange| {
        matches!(
            exchange.probe.id,
            ProbeId::ReadResource | ProbeId::PromptGet
        ) && Some(exchange.identity.as_str()) == baseline
            && exchange.probe.subject.as_deref() == Some(subject.id.as_str())
            && reply::result(exchange).is_some()
    })
}

const LISTS: [(SubjectKind, Door, &[ProbeId]); 3] = [
    (
        SubjectKind::Resource,
        Door::ResourceList,
        &[ProbeId::ListResources],
    ),
    (
        SubjectKind::ResourceTemplate,
        Door::TemplateList,
        &[ProbeId::ListResourceTemplates],
    ),
    (
        SubjectKind::Prompt,
        Door::PromptList,
        &[ProbeId::ListPrompts],
    ),
];
const TOOLS: &[ProbeId] = &[ProbeId::ListTools, ProbeId::OpenSession];
const READS: &[ProbeId] = &[ProbeId::ReadResource];
const PROMPTS: &[ProbeId] = &[ProbeId::PromptGet];
