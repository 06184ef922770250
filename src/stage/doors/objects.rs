//! Objects that the operator named: asked for by their owner, by another user, and without a token.

use serde_json::{Value, json};

use super::send::{Extra, send};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::handles::{HandleAsk, ObjectOutcome, ObjectTrial, Role};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::Calibration;
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::settings::{ObjectRule, ObjectTarget, ToolRule};
use crate::model::surface::SubjectKind;
use crate::oracle::calibrate::{self, Permissions, Treatment};
use crate::oracle::doors;
use crate::stage::enumerate::Sessions;
use crate::stage::{Run, file};

/// Asks for every object, the owner before and after the others.
pub(super) async fn ask(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    calibration: &Calibration,
) {
    for rule in run.settings.objects.iter().take(MOST_OBJECTS) {
        let mut trial = ObjectTrial {
            name: rule.name(),
            owner: rule.owner.clone(),
            private: rule.private,
            asks: Vec::new(),
            outcome: ObjectOutcome::Undecided,
            reason: String::new(),
            decided_by: None,
        };
        match permitted(run, collected, rule, calibration) {
            Ok(tier) => one(run, collected, sessions, rule, tier, &mut trial).await,
            Err((reason, decided_by)) => {
                trial.reason = reason;
                trial.decided_by = decided_by;
            }
        }
        collected.objects.push(trial);
    }
}

/// Requests per object.
pub(crate) const PER_OBJECT: usize = 4;

async fn one(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    rule: &ObjectRule,
    tier: Tier,
    trial: &mut ObjectTrial,
) {
    let identities = collected.identities.present.clone();
    let Some(owner) = identities.iter().find(|it| it.name == rule.owner) else {
        trial.reason = format!("there is no token for `{}`", rule.owner);
        return;
    };
    let other = other(&identities, owner, collected.identities.baseline.as_deref());
    let anonymous = identities
        .iter()
        .find(|it| it.kind == IdentityKind::Anonymous);
    let mut asking: Vec<(Role, &Identity)> = vec![(Role::Owner, owner)];
    asking.extend(other.map(|it| (Role::OtherUser, it)));
    asking.extend(anonymous.map(|it| (Role::Anonymous, it)));
    // What may change something is asked for once.
    if tier != Tier::Call {
        asking.push((Role::Owner, owner));
    }
    for (role, identity) in asking {
        let Some(session) = sessions.get(&identity.name) else {
            continue;
        };
        let schema = match &rule.target {
            ObjectTarget::Tool { name, .. } => {
                let id = SubjectKind::Tool.subject_id(name);
                let subject = collected.surface.subject(&id);
                subject.and_then(|subject| subject.input_schema.clone())
            }
            ObjectTarget::Resource(_) => None,
        };
        let operation = match &rule.target {
            ObjectTarget::Tool { name, arguments } => Operation::CallTool {
                name,
                arguments,
                schema: schema.as_ref(),
            },
            ObjectTarget::Resource(uri) => Operation::ReadResource { uri },
        };
        let attempt = trial.asks.iter().filter(|it| it.role == role).count();
        let key = ProbeKey::new(ProbeId::ReadObject)
            .about(trial.name.clone())
            .attempt(u16::try_from(attempt).unwrap_or(u16::MAX));
        let extra = Extra {
            tier: Some(tier),
            ..Extra::none()
        };
        let sent = send(run, key, identity, session, &operation, extra).await;
        let exchange = file(collected, sent);
        trial.asks.push(HandleAsk {
            identity: identity.name.clone(),
            role,
            what: "read".to_owned(),
            exchange,
        });
    }
    let (outcome, reason) = doors::object(&collected.ledger, &trial.asks);
    trial.outcome = outcome;
    trial.reason = reason;
    if other.is_none() {
        trial.decided_by = Some(SECOND_USER.to_owned());
    }
}

/// Another person than the owner, whose token works.
fn other<'a>(
    identities: &'a [Identity],
    owner: &Identity,
    baseline: Option<&str>,
) -> Option<&'a Identity> {
    if owner.kind == IdentityKind::OtherUser {
        return identities
            .iter()
            .find(|it| Some(it.name.as_str()) == baseline);
    }
    identities
        .iter()
        .find(|it| it.kind == IdentityKind::OtherUser && it.invalid.is_none())
}

/// The tier under which the object may be asked for; a tool is judged like every other call.
fn permitted(
    run: &Run<'_>,
    collected: &Collected,
    rule: &ObjectRule,
    calibration: &Calibration,
) -> Result<Tier, (String, Option<String>)> {
    let ObjectTarget::Tool { name, arguments } = &rule.target else {
        return if run.settings.reads {
            Ok(Tier::Authenticated)
        } else {
            Err((
                "reads are switched off".to_owned(),
                Some("a run without `--no-reads`".to_owned()),
            ))
        };
    };
    let id = SubjectKind::Tool.subject_id(name);
    let Some(subject) = collected.surface.subject(&id) else {
        return Err((format!("no list names the tool `{name}`"), None));
    };
    let told = run.settings.tools.iter().find(|it| it.name == *name);
    let mut rules = vec![ToolRule {
        name: name.clone(),
        arguments: Some(arguments.clone()),
        vectors: Vec::new(),
        null_object: false,
        canary: None,
        safe: told.and_then(|it| it.safe),
    }];
    rules.extend(run.settings.tools.iter().cloned());
    let permissions = Permissions {
        rules: &rules,
        reads: run.settings.reads,
        tiers: &run.settings.tiers,
        calibration,
        canary: "",
    };
    match calibrate::treatment(subject, &permissions) {
        Treatment::Valid { .. } => Ok(Tier::Authenticated),
        Treatment::ListedCall { .. } => Ok(Tier::Call),
        Treatment::Invalid { .. } | Treatment::Canary { .. } => Err((
            format!("`{name}` may change something, so it is not called without consent"),
            Some("--allow call".to_owned()),
        )),
        Treatment::NotTested { reason, decided_by } => Err((reason, decided_by)),
    }
}

impl ObjectRule {
    /// How the object is called in reports.
    fn name(&self) -> String {
        match &self.target {
            ObjectTarget::Tool { name, arguments } => {
                let shown = if arguments.is_null() {
                    json!({})
                } else {
                    Value::clone(arguments)
                };
                format!("tool/{name} {shown}")
            }
            ObjectTarget::Resource(uri) => SubjectKind::Resource.subject_id(uri),
        }
    }
}

/// What a question about another user takes.
pub(crate) const SECOND_USER: &str =
    "an `[[identity]]` of `kind = \"other-user\"`: another person's token with the same scopes";

/// Objects that are asked for; each takes four requests.
pub(crate) const MOST_OBJECTS: usize = 50;
