//! How each subject may be asked: valid, schema-invalid, as the operator listed, or not at all
//! (oracle §7).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::call_steps;
use super::cascade::{Arguments, Context, Principal, classify};
use super::intent;
use super::matrix::was_sent;
use super::observe::observe;
use super::policy;
use crate::codec::schema;
use crate::model::canary::CanaryRule;
use crate::model::exchange::{Exchange, Ledger};
use crate::model::matrix::{Calibration, ValidationSeen};
use crate::model::probe::{ProbeId, Tier};
use crate::model::settings::ToolRule;
use crate::model::surface::{Subject, SubjectKind, Surface};

/// How a subject is asked about.
#[derive(Clone, Debug, PartialEq)]
pub enum Treatment {
    /// A valid call of something that only reads.
    Valid {
        /// The arguments; null for resources.
        arguments: Value,
    },
    /// A call that breaks every required property.
    Invalid {
        /// The arguments.
        arguments: Value,
        /// The properties they break.
        broken: Vec<String>,
    },
    /// A call that the operator listed.
    ListedCall {
        /// The arguments.
        arguments: Value,
    },
    /// A call on an object of the run's own, made for it alone.
    Canary {
        /// The arguments, with holes.
        arguments: Value,
    },
    /// Nothing is sent.
    NotTested {
        /// Why.
        reason: String,
        /// What would allow it.
        decided_by: Option<String>,
    },
}

/// What the operator permits.
#[derive(Clone, Copy, Debug)]
pub struct Permissions<'a> {
    /// What the operator says about tools.
    pub rules: &'a [ToolRule],
    /// Whether valid calls of clearly read-only tools may run.
    pub reads: bool,
    /// Tiers that may run.
    pub tiers: &'a BTreeSet<Tier>,
    /// What the pre-flight showed.
    pub calibration: &'a Calibration,
    /// Goes into generated arguments.
    pub canary: &'a str,
}

/// A schema-invalid call of a read-only tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Preflight<'a> {
    /// The tool.
    pub subject: &'a Subject,
    /// The arguments.
    pub arguments: Value,
    /// The properties they break.
    pub broken: Vec<String>,
}

/// Chooses how to ask about a subject.
pub fn treatment(subject: &Subject, permissions: &Permissions<'_>) -> Treatment {
    if !permissions.tiers.contains(&Tier::Authenticated) {
        return untested(
            "calls are not allowed at this tier",
            Some("`--allow authenticated`"),
        );
    }
    match subject.kind {
        SubjectKind::Tool => tool(subject, permissions),
        SubjectKind::Resource => reading(permissions, Value::Null),
        SubjectKind::Prompt => reading(permissions, prompt_arguments(subject, permissions.canary)),
        SubjectKind::ResourceTemplate if !subject.name.contains('{') => {
            reading(permissions, Value::Null)
        }
        SubjectKind::ResourceTemplate => untested(
            "the template has variables, and no values for them are known",
            None,
        ),
        SubjectKind::Completion | SubjectKind::Task => untested("not asked about directly", None),
    }
}

/// Read-only tools whose schema-invalid calls show whether arguments are validated centrally
/// ([`ProbeId::Calibrate`], sent by the baseline).
pub fn preflights<'a>(subjects: &'a [Subject], rules: &[ToolRule]) -> Vec<Preflight<'a>> {
    subjects
        .iter()
        .filter(|subject| subject.kind == SubjectKind::Tool)
        .filter_map(|subject| {
            let rule = rule_of(rules, subject);
            let safe = rule.and_then(|rule| rule.safe);
            if safe == Some(false) || (safe.is_none() && intent::doubt(subject).is_some()) {
                return None;
            }
            let invalid = schema::invalid_for_every_required(subject.input_schema.as_ref()?)?;
            Some(Preflight {
                subject,
                arguments: invalid.arguments,
                broken: invalid.broken,
            })
        })
        .take(MOST_PREFLIGHTS)
        .collect()
}

/// What the pre-flight answers show. A schema-invalid call of any tool that ran makes the server
/// lenient, whatever the pre-flight said.
pub fn calibration(ledger: &Ledger, surface: &Surface, baseline: Option<&str>) -> Calibration {
    let mut found = Calibration {
        reason: "no read-only tool with a required argument could show it".into(),
        ..Calibration::default()
    };
    let invalid = ledger.iter().filter(|exchange| {
        matches!(exchange.probe.id, ProbeId::Calibrate | ProbeId::CallInvalid) && was_sent(exchange)
    });
    for exchange in invalid {
        let subject = exchange
            .probe
            .subject
            .as_deref()
            .and_then(|id| surface.subject(id));
        let Some(subject) = subject else { continue };
        let answer = observe(exchange);
        if call_steps::shows_execution(&answer) {
            return lenient(subject, exchange);
        }
        let asked = exchange.probe.id == ProbeId::Calibrate;
        if !asked || Some(exchange.identity.as_str()) != baseline {
            continue;
        }
        let broken = subject
            .input_schema
            .as_ref()
            .map(schema::required)
            .unwrap_or_default();
        let broken: Vec<&str> = broken.iter().map(String::as_str).collect();
        let context = Context {
            principal: Some(Principal::Privileged),
            arguments: Some(Arguments::SchemaInvalid),
            broken: broken.clone(),
            ..Context::default()
        };
        let seen = classify(&answer, &context);
        let refused = seen.rule == "S14" && call_steps::shows_validation(&answer, &broken);
        found.tool = Some(subject.name.clone());
        found.exchanges.push(exchange.id);
        if refused {
            found.validation = ValidationSeen::Central;
            found.reason = format!("`{}` refused arguments that break its schema", subject.name);
        } else if found.validation != ValidationSeen::Central {
            found.reason = format!(
                "the answer of `{}` to arguments that break its schema does not tell validation from \
                 another failure",
                subject.name
            );
        }
    }
    found
}

/// The first of these schema-invalid calls that ran.
pub fn ran_although_invalid<'a>(
    exchanges: impl Iterator<Item = &'a Exchange>,
    surface: &Surface,
) -> Option<Calibration> {
    let mut invalid = exchanges.filter(|exchange| {
        matches!(exchange.probe.id, ProbeId::Calibrate | ProbeId::CallInvalid) && was_sent(exchange)
    });
    invalid.find_map(|exchange| {
        let subject = surface.subject(exchange.probe.subject.as_deref()?)?;
        call_steps::shows_execution(&observe(exchange)).then(|| lenient(subject, exchange))
    })
}

fn lenient(subject: &Subject, exchange: &Exchange) -> Calibration {
    Calibration {
        validation: ValidationSeen::Lenient,
        tool: Some(subject.name.clone()),
        exchanges: vec![exchange.id],
        reason: format!(
            "`{}` ran with arguments that break its schema",
            subject.name
        ),
    }
}

fn tool(subject: &Subject, permissions: &Permissions<'_>) -> Treatment {
    let rule = rule_of(permissions.rules, subject);
    let vouched = rule.and_then(|rule| rule.safe);
    if vouched == Some(false) {
        return untested("the operator forbids calling it", None);
    }
    if permissions.tiers.contains(&Tier::Destructive)
        && let Some(canary) = canary_of(permissions.rules, &subject.name)
    {
        return Treatment::Canary {
            arguments: canary.arguments.clone(),
        };
    }
    let given = rule.and_then(|rule| rule.arguments.clone());
    let doubt = match vouched {
        Some(_) => None,
        None => intent::doubt(subject),
    };
    if doubt.is_none() && permissions.reads {
        let generated = || schema::minimal_valid(schema_of(subject)?, permissions.canary);
        let without_schema = || {
            subject
                .input_schema
                .is_none()
                .then(|| Value::Object(Map::new()))
        };
        if let Some(arguments) = given.clone().or_else(generated).or_else(without_schema) {
            return Treatment::Valid { arguments };
        }
    }
    if let Some(arguments) = given
        && permissions.tiers.contains(&Tier::Call)
    {
        return Treatment::ListedCall { arguments };
    }
    let nothing =
        rule.is_some_and(|rule| rule.null_object) && permissions.tiers.contains(&Tier::Call);
    if nothing
        && let Some(arguments) =
            schema_of(subject).and_then(|schema| schema::null_object(schema, permissions.canary))
    {
        return Treatment::ListedCall { arguments };
    }
    invalid(subject, permissions, doubt.as_deref())
}

/// L4, where it may be sent.
fn invalid(subject: &Subject, permissions: &Permissions<'_>, doubt: Option<&str>) -> Treatment {
    let by_call = format!(
        "`--allow call` with a `[[tool]]` entry that gives `arguments` for `{}`",
        subject.name
    );
    let broken = schema_of(subject).and_then(schema::invalid_for_every_required);
    let Some(broken) = broken else {
        let reason = match doubt {
            Some(doubt) => {
                format!("{doubt}, and it requires no argument that could be broken")
            }
            None if permissions.reads => {
                let why = schema_of(subject).map(schema::obstacle);
                format!(
                    "no valid arguments could be made: {}",
                    why.unwrap_or_else(|| "it has no input schema".to_owned())
                )
            }
            None => "valid calls are switched off, and it requires no argument that could be \
                     broken"
                .into(),
        };
        return Treatment::NotTested {
            reason,
            decided_by: Some(by_call),
        };
    };
    let central = permissions.calibration.validation == ValidationSeen::Central;
    if let Some(doubt) = doubt.filter(|_| !central) {
        return Treatment::NotTested {
            reason: format!(
                "{doubt}, and a schema-invalid call might run: {}",
                permissions.calibration.reason
            ),
            decided_by: Some(by_call),
        };
    }
    Treatment::Invalid {
        arguments: broken.arguments,
        broken: broken.broken,
    }
}

fn reading(permissions: &Permissions<'_>, arguments: Value) -> Treatment {
    if permissions.reads {
        Treatment::Valid { arguments }
    } else {
        untested("reads are switched off", Some("a run without `--no-reads`"))
    }
}

fn prompt_arguments(subject: &Subject, canary: &str) -> Value {
    let required = subject
        .prompt_arguments
        .iter()
        .filter(|(_, required)| *required);
    let values = required.map(|(name, _)| (name.clone(), Value::String(canary.to_owned())));
    Value::Object(values.collect())
}

fn rule_of<'a>(rules: &'a [ToolRule], subject: &Subject) -> Option<&'a ToolRule> {
    rules
        .iter()
        .find(|rule| policy::matches(&rule.name, &subject.name))
}

/// How the operator says that a tool is called on objects of the run's own.
pub fn canary_of<'a>(rules: &'a [ToolRule], name: &str) -> Option<&'a CanaryRule> {
    let mut rules = rules.iter().filter(|rule| rule.name == name);
    rules.find_map(|rule| rule.canary.as_ref())
}

fn schema_of(subject: &Subject) -> Option<&Value> {
    subject.input_schema.as_ref()
}

fn untested(reason: &str, decided_by: Option<&str>) -> Treatment {
    Treatment::NotTested {
        reason: reason.into(),
        decided_by: decided_by.map(Into::into),
    }
}

/// One tool may answer invalid arguments with an error of its own; one of three shows more.
pub const MOST_PREFLIGHTS: usize = 3;

#[cfg(test)]
#[path = "calibrate_tests.rs"]
mod tests;
