//! Calls: baselines, pre-flight, the rounds of the matrix, and the repeats it still wants.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::enumerate::Sessions;
use super::rpc::{self, Ask};
use super::session::{self, Session};
use super::{Run, file, together};
use crate::mcp::{Operation, header};
use crate::model::audit::Collected;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::Calibration;
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::surface::{Subject, SubjectKind};
use crate::model::target::{Revision, Transport};
use crate::oracle::calibrate::{self, Permissions, Treatment};
use crate::oracle::matrix::MatrixInput;
use crate::oracle::wants::{self, Want};
use crate::wire::{Pending, Sent};

/// How each subject is asked, by subject id.
pub type Treatments = BTreeMap<String, Treatment>;

/// The calibration and the treatments that the matrix is built from.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// What the pre-flight showed.
    pub calibration: Calibration,
    /// How each subject was asked.
    pub treatments: Treatments,
}

/// Sends the controls and the pre-flight, then every call in rounds: baseline, others, baseline
/// again, and what the answers leave open.
pub async fn call(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) -> Asked {
    controls(run, collected, sessions).await;
    if collected.discovery.audited.is_none() {
        return Asked::default();
    }
    let baseline = collected.identities.baseline.clone();
    let calibration =
        calibrate::calibration(&collected.ledger, &collected.surface, baseline.as_deref());
    let treatments = treatments(run, collected, &calibration);
    let asked = Asked {
        calibration,
        treatments,
    };
    (run.progress)("call", planned(collected, &asked.treatments));
    round(
        run,
        collected,
        sessions,
        &asked.treatments,
        Arm::Baseline(0),
    )
    .await;
    round(run, collected, sessions, &asked.treatments, Arm::Others).await;
    round(
        run,
        collected,
        sessions,
        &asked.treatments,
        Arm::Baseline(1),
    )
    .await;
    for _ in 0..MOST_ROUNDS {
        let wanted = wants::wants(&input(collected, &asked));
        if wanted.is_empty() {
            break;
        }
        follow_up(run, collected, sessions, &asked.treatments, &wanted).await;
    }
    asked
}

/// The input of the matrix, once everything is collected.
pub fn input<'a>(collected: &'a Collected, asked: &'a Asked) -> MatrixInput<'a> {
    let served = collected.discovery.audited.as_ref();
    MatrixInput {
        revision: served.map_or(Revision::R2026_07, |s| s.revision),
        transport: served.map_or(Transport::StreamableHttp, |served| served.transport),
        ledger: &collected.ledger,
        identities: &collected.identities,
        surface: &collected.surface,
        calibration: &asked.calibration,
        treatments: &asked.treatments,
    }
}

/// How every subject would be asked with the given calibration.
pub(crate) fn treatments(
    run: &Run<'_>,
    collected: &Collected,
    calibration: &Calibration,
) -> Treatments {
    let canary = format!("mcpaudit-{}", run.entropy.word("canary", 12));
    let permissions = Permissions {
        rules: &run.settings.tools,
        reads: run.settings.reads,
        tiers: &run.settings.tiers,
        calibration,
        canary: &canary,
    };
    let modern = collected
        .discovery
        .revision()
        .is_some_and(Revision::is_modern);
    let treat = |subject: &Subject| {
        // MCP 2026-07-28: clients exclude tools whose `x-mcp-header` annotations are invalid.
        let problem = subject
            .input_schema
            .as_ref()
            .filter(|_| modern)
            .and_then(header::annotation_problem);
        let treatment = match problem {
            Some(problem) => Treatment::NotTested {
                reason: problem,
                decided_by: None,
            },
            None => calibrate::treatment(subject, &permissions),
        };
        (subject.id.clone(), treatment)
    };
    collected.surface.subjects.iter().map(treat).collect()
}

/// Identities that take part in the matrix: anonymous, one garbage token, every one the operator gave.
pub(crate) fn columns(collected: &Collected) -> Vec<Identity> {
    let takes_part = |identity: &&Identity| match identity.kind {
        IdentityKind::Anonymous
        | IdentityKind::Valid
        | IdentityKind::Expired
        | IdentityKind::ForeignAudience => true,
        IdentityKind::Garbage => identity.name == "garbage",
        _ => false,
    };
    collected
        .identities
        .present
        .iter()
        .filter(takes_part)
        .cloned()
        .collect()
}

async fn controls(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
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
    let preflight =
        calibrate::preflight(&collected.surface.subjects, &run.settings.tools).map(|preflight| {
            (
                preflight.subject.id.clone(),
                preflight.subject.name.clone(),
                preflight.arguments,
            )
        });
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
    if let (Some((subject, name, arguments)), Some(identity)) = (&preflight, &baseline)
        && let Some(session) = sessions.get(&identity.name)
    {
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

enum Arm {
    Baseline(u16),
    Others,
}

async fn round(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    treatments: &Treatments,
    arm: Arm,
) {
    let baseline = collected.identities.baseline.clone();
    let columns = columns(collected);
    let (attempt, asking): (u16, Vec<&Identity>) = match arm {
        Arm::Baseline(attempt) => (
            attempt,
            columns
                .iter()
                .filter(|i| Some(&i.name) == baseline.as_ref())
                .collect(),
        ),
        Arm::Others => (
            0,
            columns
                .iter()
                .filter(|i| Some(&i.name) != baseline.as_ref())
                .collect(),
        ),
    };
    let subjects = collected.surface.subjects.clone();
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for subject in &subjects {
        let Some(treatment) = treatments.get(&subject.id) else {
            continue;
        };
        // A second look at the baseline is a control for what may have changed: reads only.
        if attempt > 0 && matches!(treatment, Treatment::ListedCall { .. }) {
            continue;
        }
        for identity in &asking {
            let Some(session) = sessions.get(&identity.name) else {
                continue;
            };
            if let Some(ask) = question(subject, treatment, identity, session, attempt, None) {
                let id = run.next_id();
                pending.push(Box::pin(rpc::send(run, ask, id)));
            }
        }
    }
    for sent in together(pending).await {
        file(collected, sent);
    }
}

async fn follow_up(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    treatments: &Treatments,
    wanted: &[Want],
) {
    let fresh = fresh_sessions(run, collected, sessions, wanted).await;
    let subjects = collected.surface.subjects.clone();
    let identities = collected.identities.present.clone();
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for want in wanted {
        let subject = subjects.iter().find(|subject| subject.id == want.subject);
        let identity = identities
            .iter()
            .find(|identity| identity.name == want.identity);
        let pool = if want.variant.is_some() {
            &fresh
        } else {
            sessions
        };
        let (Some(subject), Some(identity)) = (subject, identity) else {
            continue;
        };
        let (Some(session), Some(treatment)) =
            (pool.get(&want.identity), treatments.get(&want.subject))
        else {
            continue;
        };
        let variant = want.variant.as_deref();
        if let Some(ask) = question(subject, treatment, identity, session, want.attempt, variant) {
            let id = run.next_id();
            pending.push(Box::pin(rpc::send(run, ask, id)));
        }
    }
    for sent in together(pending).await {
        file(collected, sent);
    }
    for (name, session) in &fresh {
        let Some(identity) = identities.iter().find(|identity| identity.name == *name) else {
            continue;
        };
        if let Some(sent) = session::close(run, identity, session).await {
            file(collected, sent);
        }
    }
}

/// Second sessions for the identities whose alarms want confirming.
async fn fresh_sessions(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    wanted: &[Want],
) -> Sessions {
    let mut fresh = Sessions::new();
    let Some(served) = collected.discovery.audited.clone() else {
        return fresh;
    };
    let endpoint = collected.discovery.endpoint.clone();
    let identities = collected.identities.present.clone();
    for want in wanted.iter().filter(|want| want.variant.is_some()) {
        let Some(identity) = identities.iter().find(|i| i.name == want.identity) else {
            continue;
        };
        if fresh.contains_key(&identity.name) {
            continue;
        }
        let had_one = sessions
            .get(&identity.name)
            .is_some_and(|s| s.opened_by.is_some() && s.open);
        let opened = if had_one {
            session::open(run, identity, &served, &endpoint, "fresh-session").await
        } else {
            session::OpenedSession {
                session: Session {
                    transport: served.transport,
                    ..Session::stateless(served.revision, &endpoint)
                },
                sent: Vec::new(),
                initialize: None,
                result: None,
            }
        };
        for sent in opened.sent {
            file(collected, sent);
        }
        fresh.insert(identity.name.clone(), opened.session);
    }
    fresh
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

/// Requests of the three rounds; what the answers leave open comes on top.
pub(crate) fn planned(collected: &Collected, treatments: &Treatments) -> usize {
    let asked = treatments
        .values()
        .filter(|t| !matches!(t, Treatment::NotTested { .. }))
        .count();
    asked * (columns(collected).len() + usize::from(collected.identities.baseline.is_some()))
}

/// Rounds of repeats and confirmations.
const MOST_ROUNDS: usize = 6;
