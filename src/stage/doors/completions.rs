//! Completions: arguments become subjects of their own, and what was suggested is read back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::codec::uri_template::Template;
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::doors::Completion;
use crate::model::exchange::Exchange;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::settings::ValueRule;
use crate::model::surface::{Subject, SubjectKind};
use crate::oracle::calibrate::Treatment;
use crate::stage::calls::Treatments;
use crate::stage::enumerate::Sessions;
use crate::stage::rpc::{self, Ask};
use crate::stage::{Run, file, reply, together};
use crate::wire::{Pending, Sent};

/// An argument that can be completed.
pub(super) struct Argument {
    owner: Subject,
    name: String,
}

impl Argument {
    fn id(&self) -> String {
        SubjectKind::Completion.subject_id(&self.title())
    }

    fn title(&self) -> String {
        format!("{}#{}", self.owner.id, self.name)
    }

    /// Whether a call needs a value for it.
    fn is_filled_in(&self) -> bool {
        let mut arguments = self.owner.prompt_arguments.iter();
        match self.owner.kind {
            SubjectKind::Prompt => {
                arguments.any(|(name, required)| *required && *name == self.name)
            }
            _ => true,
        }
    }

    fn params(&self) -> Value {
        let reference = match self.owner.kind {
            SubjectKind::Prompt => json!({"type": "ref/prompt", "name": self.owner.name}),
            _ => json!({"type": "ref/resource", "uri": self.owner.name}),
        };
        json!({"ref": reference, "argument": {"name": self.name, "value": ""}})
    }
}

/// Makes a subject of every argument that is asked about, and asks for the values of template
/// variables and of arguments that a prompt requires, since both are filled with them.
pub(super) async fn introduce(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    let arguments = arguments(collected);
    for argument in &arguments {
        collected.surface.subjects.push(Subject {
            id: argument.id(),
            kind: SubjectKind::Completion,
            name: argument.title(),
            ..Subject::new(
                SubjectKind::Completion,
                &argument.owner.name,
                argument.owner.exchange,
            )
        });
    }
    let Some(identity) = informant(collected).cloned() else {
        return;
    };
    let Some(session) = sessions.get(&identity.name).filter(|_| run.settings.reads) else {
        return;
    };
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for argument in &arguments {
        if argument.is_filled_in() {
            let key = ProbeKey::new(ProbeId::Complete)
                .about(argument.id())
                .variant(VALUES);
            let operation = Operation::Raw {
                method: METHOD,
                params: argument.params(),
            };
            let id = run.next_id();
            pending.push(Box::pin(rpc::send(
                run,
                Ask::new(key, &identity, session, operation),
                id,
            )));
        }
    }
    for sent in together(pending).await {
        file(collected, sent);
    }
    read(collected);
}

/// How completions are asked for, and prompts with what the server suggests for their arguments.
pub(super) fn treat(collected: &Collected, rules: &[ValueRule], treatments: &mut Treatments) {
    for subject in &collected.surface.subjects {
        let Some(Treatment::Valid { arguments }) = treatments.get_mut(&subject.id) else {
            continue;
        };
        let Some(members) = arguments.as_object_mut() else {
            continue;
        };
        if subject.kind == SubjectKind::Prompt {
            for (name, value) in values_for(collected, rules, subject) {
                members.insert(name, value.into());
            }
        }
    }
    for argument in arguments(collected) {
        let treatment = Treatment::Valid {
            arguments: argument.params(),
        };
        treatments.insert(argument.id(), treatment);
    }
}

/// What the operator gave for each argument of a prompt or variable of a template, else the first
/// harmless value that was suggested for it where a call needs one.
pub(super) fn values_for(
    collected: &Collected,
    rules: &[ValueRule],
    subject: &Subject,
) -> BTreeMap<String, String> {
    let mut values = suggested(collected, subject);
    let own = rules.iter().filter(|rule| rule.subject == subject.id);
    values.extend(own.flat_map(|rule| rule.values.clone()));
    values
}

fn suggested(collected: &Collected, subject: &Subject) -> BTreeMap<String, String> {
    let informant = informant(collected).map(|identity| identity.name.as_str());
    let completions = collected.doors.completions.iter();
    let own = completions
        .filter(|it| Some(it.identity.as_str()) == informant && it.subject == subject.id);
    let owner = |name: &str| Argument {
        owner: subject.clone(),
        name: name.to_owned(),
    };
    let own = own.filter(|it| owner(&it.argument).is_filled_in());
    own.filter_map(|it| {
        let mut values = it.values.iter().flatten();
        let value = values.find(|value| is_harmless(value))?;
        Some((it.argument.clone(), value.clone()))
    })
    .collect()
}

/// Who is asked for values: the strongest identity, else nobody in particular.
fn informant(collected: &Collected) -> Option<&Identity> {
    let mut all = collected.identities.present.iter();
    let nobody = || all.find(|identity| identity.kind == IdentityKind::Anonymous);
    collected.identities.baseline().or_else(nobody)
}

/// Nothing that climbs, leads elsewhere, or could be read as more than one value.
pub(super) fn is_harmless(value: &str) -> bool {
    let strange = |c: char| c.is_control() || matches!(c, '\\' | '<' | '>' | '"' | '{' | '}');
    !value.is_empty()
        && value.len() <= MOST_BYTES
        && !value.contains("..")
        && !value.contains("://")
        && !value.starts_with('/')
        && !value.contains(strange)
}

/// Reads what every identity was offered, the first answer of each.
pub(super) fn read(collected: &mut Collected) {
    let mut found: Vec<Completion> = Vec::new();
    for exchange in collected.ledger.iter() {
        let known = |it: &Completion| {
            it.identity == exchange.identity
                && Some(&it.completion) == exchange.probe.subject.as_ref()
                && it.values.is_some()
        };
        if exchange.probe.id == ProbeId::Complete && !found.iter().any(known) {
            found.extend(completion(collected, exchange));
        }
    }
    collected.doors.completions = found;
}

fn completion(collected: &Collected, exchange: &Exchange) -> Option<Completion> {
    let id = exchange.probe.subject.as_deref()?;
    let title = &collected.surface.subject(id)?.name;
    // A variable holds no `#`, a URI may.
    let (subject, argument) = title.rsplit_once('#')?;
    Some(Completion {
        identity: exchange.identity.clone(),
        completion: id.to_owned(),
        subject: subject.to_owned(),
        argument: argument.to_owned(),
        values: reply::result(exchange).and_then(|result| values(&result)),
        exchange: exchange.id,
    })
}

/// How many values are asked for beforehand.
pub(crate) fn values_asked(collected: &Collected) -> usize {
    let arguments = arguments(collected);
    arguments.iter().filter(|it| it.is_filled_in()).count()
}

/// Arguments of prompts and variables of templates, in the order of the lists; none where the server
/// does not say that it completes.
fn arguments(collected: &Collected) -> Vec<Argument> {
    let capabilities = collected.discovery.capabilities.as_ref();
    let offered = capabilities.and_then(|declared| declared.value.get("completions"));
    if !offered.is_some_and(Value::is_object) {
        return Vec::new();
    }
    let subjects = collected.surface.subjects.iter();
    subjects.flat_map(of).take(MOST_ARGUMENTS).collect()
}

fn of(subject: &Subject) -> Vec<Argument> {
    let names: Vec<String> = match subject.kind {
        SubjectKind::Prompt => {
            let arguments = subject.prompt_arguments.iter();
            arguments.map(|(name, _)| name.clone()).collect()
        }
        SubjectKind::ResourceTemplate => {
            let parsed = Template::parse(&subject.name).ok();
            let names = parsed.iter().flat_map(Template::variables);
            names.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    let mut known: Vec<String> = Vec::new();
    for name in names {
        if !known.contains(&name) && !name.contains('#') && known.len() < MOST_PER_SUBJECT {
            known.push(name);
        }
    }
    let known = known.into_iter();
    known
        .map(|name| Argument {
            owner: subject.clone(),
            name,
        })
        .collect()
}

fn values(result: &Value) -> Option<Vec<String>> {
    let values = result.pointer("/completion/values")?.as_array()?;
    let values = values.iter().filter_map(Value::as_str);
    Some(values.take(MOST_VALUES).map(str::to_owned).collect())
}

/// The method.
pub(crate) const METHOD: &str = "completion/complete";

/// The variant of the question that only looks for values.
const VALUES: &str = "values";

/// Arguments asked about: one leaky argument shows the door, and each costs a request per column.
const MOST_ARGUMENTS: usize = 8;

/// Arguments of one prompt or template.
const MOST_PER_SUBJECT: usize = 4;

/// Bytes of a value that is used.
const MOST_BYTES: usize = 200;

/// Values kept of one answer; a server may send at most a hundred (MCP §Completion).
const MOST_VALUES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::ExchangeId;
    use crate::stage::enrol;

    fn offered(collected: &mut Collected, subject: &str, argument: &str, values: &[&str]) {
        collected.doors.completions.push(Completion {
            identity: "anonymous".to_owned(),
            completion: format!("completion/{subject}#{argument}"),
            subject: subject.to_owned(),
            argument: argument.to_owned(),
            values: Some(values.iter().map(|it| (*it).to_owned()).collect()),
            exchange: ExchangeId(1),
        });
    }

    #[test]
    fn a_prompt_is_filled_with_what_is_suggested_and_harmless() {
        let mut world = Collected::default();
        world.identities.present.push(enrol::anonymous());
        let mut prompt = Subject::new(SubjectKind::Prompt, "describe", ExchangeId(1));
        prompt.prompt_arguments = vec![("kind".to_owned(), true), ("path".to_owned(), true)];
        let id = prompt.id.clone();
        world.surface.subjects.push(prompt);
        offered(&mut world, &id, "kind", &["../x", "Text", "Blob"]);
        offered(&mut world, &id, "path", &["/etc/passwd"]);
        offered(&mut world, &id, "other", &["unasked"]);
        let arguments = json!({"kind": "word", "path": "word"});
        let mut treatments = Treatments::from([(id.clone(), Treatment::Valid { arguments })]);
        treat(&world, &[], &mut treatments);
        let filled = json!({"kind": "Text", "path": "word"});
        assert_eq!(
            treatments.get(&id),
            Some(&Treatment::Valid { arguments: filled })
        );
    }

    #[test]
    fn values_that_climb_or_lead_elsewhere_are_not_used() {
        for value in ["", "../x", "http://x", "/etc", "a\\b", "a\nb", "{x}"] {
            assert!(!is_harmless(value), "{value:?}");
        }
        assert!(is_harmless("Plan 7, draft"));
        assert!(!is_harmless(&"x".repeat(MOST_BYTES + 1)));
    }
}
