//! The calls that the operator wrote, with their arguments as they will be sent: secrets replaced,
//! length bounded.

use serde_json::Value;

use super::Who;
use crate::model::audit::Collected;
use crate::model::canary::Step;
use crate::model::identity::IdentityKind;
use crate::model::probe::{Plan, PlannedCall, ProbeId, Tier};
use crate::model::settings::Settings;
use crate::model::surface::SubjectKind;
use crate::oracle::calibrate::Treatment;
use crate::stage::calls::{self, Treatments, vectors};
use crate::stage::canary;
use crate::wire::redact::{Redactor, Source};

/// Adds them to the plan; before the tools are known, as they stand in the configuration.
pub(super) fn listed(
    plan: &mut Plan,
    settings: &Settings,
    who: &Who,
    collected: &Collected,
    treatments: Option<&Treatments>,
) {
    let mut columns = who.columns();
    let present = calls::columns(collected);
    if !present.is_empty() {
        columns = present.into_iter().map(|it| it.name).collect();
    }
    let redactor = redactor(settings);
    let mut calls = Vec::new();
    if settings.allows(Tier::Call) {
        for (tool, arguments) in asked(settings, collected, treatments) {
            calls.push(PlannedCall {
                probe: ProbeId::CallListed,
                tier: Tier::Call,
                tool,
                identities: columns.clone(),
                arguments: text(&redactor, &arguments),
            });
        }
    }
    if settings.allows(Tier::Destructive) {
        for (subject, rule) in canary::plan::rules(settings, treatments) {
            let tool = subject.trim_start_matches("tool/").to_owned();
            let maker = vec![maker(settings, collected)];
            let step = |probe: ProbeId, step: &Step| PlannedCall {
                probe,
                tier: Tier::Destructive,
                tool: step.tool.clone(),
                identities: maker.clone(),
                arguments: text(&redactor, &step.arguments),
            };
            calls.extend(rule.make.iter().map(|it| step(ProbeId::MakeCanary, it)));
            calls.push(PlannedCall {
                probe: ProbeId::CallCanary,
                tier: Tier::Destructive,
                tool,
                identities: columns.clone(),
                arguments: text(&redactor, &rule.arguments),
            });
            calls.extend(
                rule.read_back
                    .iter()
                    .map(|it| step(ProbeId::ReadCanary, it)),
            );
            let others = others(settings);
            if !others.is_empty() {
                calls.extend(rule.read_back.iter().map(|it| PlannedCall {
                    identities: others.clone(),
                    ..step(ProbeId::AskCanary, it)
                }));
            }
            calls.extend(rule.undo.iter().map(|it| step(ProbeId::RemoveCanary, it)));
        }
    }
    plan.unshown_calls = calls.len().saturating_sub(MOST_SHOWN);
    calls.truncate(MOST_SHOWN);
    plan.calls = calls;
}

/// Arguments as a report may show them.
pub(crate) fn shown(settings: &Settings, arguments: &Value) -> String {
    text(&redactor(settings), arguments)
}

/// What the operator listed, tool by tool; further vectors after the first.
fn asked(
    settings: &Settings,
    collected: &Collected,
    treatments: Option<&Treatments>,
) -> Vec<(String, Value)> {
    let Some(treatments) = treatments else {
        let rules = settings.tools.iter();
        let listed = rules.flat_map(|rule| {
            let vectors = rule.arguments.iter().chain(&rule.vectors);
            vectors.map(|arguments| (rule.name.clone(), arguments.clone()))
        });
        return listed.collect();
    };
    let tools = collected.surface.subjects.iter();
    let tools = tools.filter(|subject| subject.kind == SubjectKind::Tool);
    let further = vectors::all(settings, collected, treatments);
    let mut listed = Vec::new();
    for tool in tools {
        if let Some(Treatment::ListedCall { arguments }) = treatments.get(&tool.id) {
            listed.push((tool.name.clone(), arguments.clone()));
            for vector in further.iter().filter(|vector| vector.subject == tool.id) {
                if let Treatment::ListedCall { arguments } = &vector.treatment {
                    listed.push((tool.name.clone(), arguments.clone()));
                }
            }
        }
    }
    listed
}

/// Who makes, reads and removes objects of the run.
fn maker(settings: &Settings, collected: &Collected) -> String {
    let privileged = settings.identities.iter().find(|it| it.privileged);
    let known = collected.identities.baseline.as_deref();
    known
        .or_else(|| privileged.map(|it| it.name.as_str()))
        .unwrap_or("the strongest identity")
        .to_owned()
}

fn others(settings: &Settings) -> Vec<String> {
    let sources = settings.identities.iter();
    let others = sources.filter(|source| source.kind == IdentityKind::OtherUser);
    let mut names: Vec<String> = others.take(1).map(|it| it.name.clone()).collect();
    if !names.is_empty() {
        names.push("anonymous".to_owned());
    }
    names
}

/// Knows the credentials of the configuration.
fn redactor(settings: &Settings) -> Redactor {
    let mut redactor = Redactor::default();
    for (label, secret) in settings.secrets() {
        redactor.know(&label, secret, Source::Run);
    }
    redactor
}

fn text(redactor: &Redactor, arguments: &Value) -> String {
    let plain = arguments.to_string();
    let clean = redactor.body(plain.as_bytes(), "application/json", false);
    let clean = String::from_utf8_lossy(&clean);
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean.into_owned(),
    }
}

/// Characters of arguments.
const LONGEST: usize = 600;
/// A list that a person still reads.
const MOST_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::model::canary::CanaryRule;
    use secrecy::SecretString;

    use crate::model::settings::{CredentialSource, IdentitySource, ToolRule};
    use crate::rehearsal::defaults;

    fn settings(tools: Vec<ToolRule>) -> Settings {
        Settings {
            tiers: BTreeSet::from([Tier::Authenticated, Tier::Call, Tier::Destructive]),
            tools,
            identities: vec![IdentitySource {
                name: "admin".to_owned(),
                kind: IdentityKind::Valid,
                privileged: true,
                scopes: None,
                header: None,
                credential: CredentialSource::Token {
                    source: "-".to_owned(),
                    token: SecretString::from("a-very-secret-token"),
                },
            }],
            ..defaults(&[7; 32])
        }
    }

    fn planned(settings: &Settings) -> Plan {
        let collected = Collected::default();
        super::super::plan(settings, &collected, None)
    }

    fn rule(arguments: Value) -> ToolRule {
        ToolRule {
            name: "send".to_owned(),
            arguments: Some(arguments),
            vectors: vec![json!({"to": "nobody"})],
            ..ToolRule::default()
        }
    }

    #[test]
    fn listed_calls_are_shown_with_their_arguments_and_callers() {
        let plan = planned(&settings(vec![rule(json!({"to": "somebody"}))]));
        let shown: Vec<&str> = plan.calls.iter().map(|it| it.arguments.as_str()).collect();
        assert_eq!(shown, ["{\"to\":\"somebody\"}", "{\"to\":\"nobody\"}"]);
        assert_eq!(plan.calls[0].tool, "send");
        assert!(plan.calls[0].identities.contains(&"admin".to_owned()));
        assert!(plan.calls[0].identities.contains(&"anonymous".to_owned()));
    }

    #[test]
    fn nothing_is_shown_that_the_tiers_do_not_allow() {
        let mut settings = settings(vec![rule(json!({}))]);
        settings.tiers = BTreeSet::from([Tier::Authenticated]);
        assert!(planned(&settings).calls.is_empty());
    }

    #[test]
    fn secrets_are_replaced_and_length_is_bounded() {
        let arguments = json!({
            "note": "a-very-secret-token",
            "password": "hunter2hunter2",
            "body": "x".repeat(5_000),
        });
        let plan = planned(&settings(vec![rule(arguments)]));
        let shown = &plan.calls[0].arguments;
        assert!(!shown.contains("a-very-secret-token"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.chars().count() <= LONGEST + 1);
    }

    #[test]
    fn every_step_of_a_canary_is_shown_before_it_is_sent() {
        let step = |tool: &str| {
            Some(Step {
                tool: tool.to_owned(),
                arguments: json!({"id": "{made:/id}"}),
            })
        };
        let plan = planned(&settings(vec![ToolRule {
            name: "drop".to_owned(),
            canary: Some(CanaryRule {
                arguments: json!({"id": "{made:/id}"}),
                make: step("create"),
                read_back: step("get"),
                undo: step("drop"),
                gone: true,
                private: false,
            }),
            ..ToolRule::default()
        }]));
        let tools: Vec<&str> = plan.calls.iter().map(|it| it.tool.as_str()).collect();
        assert_eq!(tools, ["create", "drop", "get", "drop"]);
        assert_eq!(plan.calls[0].identities, ["admin"]);
    }

    #[test]
    fn a_long_list_says_how_much_of_it_is_not_shown() {
        let many = (0..300).map(|number| rule(json!({"n": number}))).collect();
        let plan = planned(&settings(many));
        assert_eq!((plan.calls.len(), plan.unshown_calls), (MOST_SHOWN, 400));
    }
}
