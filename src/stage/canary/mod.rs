//! Calls of tools that change state, each on an object of the run's own: made, called on, read back,
//! removed (oracle §3.4, L7). Only where the operator says how.

mod clean;
mod lend;
pub(crate) mod plan;

use serde_json::Value;

use super::calls::Asked;
use super::enumerate::Sessions;
use super::rpc::{self, Ask};
use super::session::Session;
use super::{Run, file};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::canary::{
    CANARY_LETTERS, CANARY_PREFIX, CanaryRule, CanaryTrial, Effect, Fate, Step,
};
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::{Subject, SubjectKind};
use crate::oracle::calibrate::{self, Treatment};
use crate::oracle::canary::{self, Bindings, Seen};
use crate::oracle::wants::{MOST_CANARIES, Want};

/// Everybody's calls, one after the other: tokens that work, then those that must be refused. The
/// strongest identity's objects are shown to others in its first turn.
pub(crate) async fn round(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &Asked,
    asking: &[Identity],
    attempt: u16,
) {
    let subjects: Vec<Subject> = subjects(collected, asked);
    let baseline = collected.identities.baseline.clone();
    let mut asking: Vec<&Identity> = asking.iter().collect();
    asking.sort_by_key(|identity| {
        let turn = run.entropy.bytes(&format!("turn/{}", identity.name));
        (identity.kind.must_be_refused(), turn)
    });
    for subject in &subjects {
        for identity in &asking {
            if let Some(session) = sessions.get(&identity.name) {
                let turn = Turn::new(identity, session, attempt);
                self::attempt(run, collected, sessions, subject, &turn).await;
            }
        }
        let first = attempt == 0 && asking.iter().any(|it| Some(&it.name) == baseline.as_ref());
        if first {
            lend::borrow(run, collected, sessions, subject).await;
        }
    }
}

/// What the answers leave open, over these sessions.
pub(crate) async fn follow_up(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    pool: &Sessions,
    want: &Want,
) {
    let subject = collected.surface.subject(&want.subject).cloned();
    let mut present = collected.identities.present.iter();
    let identity = present.find(|it| it.name == want.identity).cloned();
    let (Some(subject), Some(identity)) = (subject, identity) else {
        return;
    };
    if let Some(session) = pool.get(&identity.name) {
        let turn = Turn {
            variant: want.variant.clone(),
            ..Turn::new(&identity, session, want.attempt)
        };
        attempt(run, collected, sessions, &subject, &turn).await;
    }
}

/// The tools that are asked about this way.
pub(crate) fn subjects(collected: &Collected, asked: &Asked) -> Vec<Subject> {
    let treated = |subject: &&Subject| {
        let treatment = asked.treatments.get(&subject.id);
        matches!(treatment, Some(Treatment::Canary { .. }))
    };
    let subjects = collected.surface.subjects.iter().filter(treated);
    subjects.take(MOST_TOOLS).cloned().collect()
}

/// Whose turn it is.
pub(crate) struct Turn<'a> {
    identity: &'a Identity,
    session: &'a Session,
    attempt: u16,
    variant: Option<String>,
    /// Another person who makes the object; the strongest identity when absent.
    maker: Option<&'a Identity>,
    probe: ProbeId,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(identity: &'a Identity, session: &'a Session, attempt: u16) -> Self {
        Self {
            identity,
            session,
            attempt,
            variant: None,
            maker: None,
            probe: ProbeId::CallCanary,
        }
    }
}

/// One call with everything around it; the trial is filed whatever came of it.
pub(crate) async fn attempt(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    subject: &Subject,
    turn: &Turn<'_>,
) {
    let Some(rule) = calibrate::canary_of(&run.settings.tools, &subject.name).cloned() else {
        return;
    };
    let maker = turn
        .maker
        .or_else(|| collected.identities.baseline())
        .cloned();
    let Some(maker) = maker else { return };
    let Some(keeper) = sessions.get(&maker.name) else {
        return;
    };
    let own = collected
        .canaries
        .iter()
        .filter(|trial| trial.subject == subject.id && trial.identity == turn.identity.name);
    if own.count() > MOST_CANARIES + 1 {
        return;
    }
    let place = format!(
        "{}/{}/{}/{}/{}",
        subject.id,
        turn.identity.name,
        turn.variant.as_deref().unwrap_or_default(),
        turn.attempt,
        turn.probe
    );
    let word = |purpose: &str| {
        let letters = run
            .entropy
            .word(&format!("{purpose}/{place}"), CANARY_LETTERS);
        format!("{CANARY_PREFIX}{letters}")
    };
    let object = if rule.make.is_some() {
        word("object")
    } else {
        word("canary")
    };
    let mut it = Attempt {
        run,
        rule: &rule,
        subject,
        turn,
        maker: &maker,
        keeper,
        object,
        cleanup: false,
        trial: CanaryTrial {
            subject: subject.id.clone(),
            identity: turn.identity.name.clone(),
            attempt: turn.attempt,
            canary: word("canary"),
            made: None,
            before: None,
            call: None,
            after: None,
            undo: None,
            removed: None,
            effect: Effect::Unknown,
            fate: Fate::Unmade,
            obstacle: None,
        },
    };
    match it.prepare(collected).await {
        Ok(arguments) => it.call(collected, &arguments).await,
        Err(obstacle) => it.trial.obstacle = Some(obstacle),
    }
    if turn.variant.is_none() && turn.attempt == 0 && turn.identity.name == maker.name {
        it.lend(collected, sessions).await;
    }
    it.cleanup = true;
    it.remove(collected).await;
    collected.canaries.push(it.trial);
}

struct Attempt<'r, 'w> {
    run: &'r Run<'w>,
    rule: &'r CanaryRule,
    subject: &'r Subject,
    turn: &'r Turn<'r>,
    maker: &'r Identity,
    keeper: &'r Session,
    /// The word that the object carries.
    object: String,
    cleanup: bool,
    trial: CanaryTrial,
}

impl Attempt<'_, '_> {
    /// Makes the object where there has to be one, reads it, and fills the arguments of the call.
    async fn prepare(&mut self, collected: &mut Collected) -> Result<Value, String> {
        if let Some(step) = &self.rule.make {
            let made = self
                .step(collected, ProbeId::MakeCanary, step, "made")
                .await?;
            self.trial.made = Some(made);
            if !collected.ledger.exchange(made).is_some_and(canary::ran) {
                return Err(format!(
                    "`{}` of `{}` made no object to call on",
                    step.tool, self.maker.name
                ));
            }
        }
        self.trial.before = self.read(collected, "before").await.ok();
        let shown = |id: ExchangeId| collected.ledger.exchange(id);
        let seen = self.trial.before.and_then(shown);
        let is_there = seen.is_some_and(|before| canary::shows(before, &self.object, 0));
        if self.rule.make.is_some() && !is_there {
            return Err(format!(
                "the object that `{}` made could not be read, so nothing was called on it",
                self.maker.name
            ));
        }
        let bindings = self.bindings(collected);
        let schema = self.subject.input_schema.as_ref();
        canary::fill(&self.rule.arguments, &bindings, schema)
    }

    async fn call(&mut self, collected: &mut Collected, arguments: &Value) {
        let mut key = ProbeKey::new(self.turn.probe)
            .about(self.subject.id.clone())
            .attempt(self.turn.attempt);
        key.variant.clone_from(&self.turn.variant);
        let operation = Operation::CallTool {
            name: &self.subject.name,
            arguments,
            schema: self.subject.input_schema.as_ref(),
        };
        let ask = Ask::new(key, self.turn.identity, self.turn.session, operation);
        let call = file(collected, rpc::ask(self.run, ask).await);
        self.trial.call = Some(call);
        match self.read(collected, "after").await {
            Ok(after) => self.trial.after = Some(after),
            Err(missing) => {
                self.trial.obstacle = self.rule.read_back.is_some().then_some(missing);
            }
        }
        let exchange = |id: Option<ExchangeId>| id.and_then(|id| collected.ledger.exchange(id));
        if let Some(call) = exchange(Some(call)) {
            self.trial.effect = canary::effect(&Seen {
                canary: &self.trial.canary,
                gone: self.rule.gone.then_some(self.object.as_str()),
                read_back: self.rule.read_back.is_some(),
                call,
                before: exchange(self.trial.before),
                after: exchange(self.trial.after),
            });
        }
    }

    /// Reads the object back, as whoever made it.
    async fn read(&self, collected: &mut Collected, when: &str) -> Result<ExchangeId, String> {
        let step = self.rule.read_back.as_ref();
        let step = step.ok_or_else(|| "no way to read it back was given".to_owned())?;
        self.step(collected, ProbeId::ReadCanary, step, when).await
    }

    /// A call of the maker.
    async fn step(
        &self,
        collected: &mut Collected,
        probe: ProbeId,
        step: &Step,
        what: &str,
    ) -> Result<ExchangeId, String> {
        self.step_as(collected, probe, step, what, self.maker, self.keeper)
            .await
    }

    async fn step_as(
        &self,
        collected: &mut Collected,
        probe: ProbeId,
        step: &Step,
        what: &str,
        identity: &Identity,
        session: &Session,
    ) -> Result<ExchangeId, String> {
        let id = SubjectKind::Tool.subject_id(&step.tool);
        let tool = collected.surface.subject(&id);
        let schema = tool.and_then(|tool| tool.input_schema.clone());
        let arguments = canary::fill(&step.arguments, &self.bindings(collected), schema.as_ref())?;
        let variant = match &self.turn.variant {
            Some(variant) => format!("{}-{variant}-{what}", self.turn.identity.name),
            None => format!("{}-{what}", self.turn.identity.name),
        };
        let key = ProbeKey::new(probe)
            .about(self.subject.id.clone())
            .variant(variant)
            .attempt(self.turn.attempt);
        let operation = Operation::CallTool {
            name: &step.tool,
            arguments: &arguments,
            schema: schema.as_ref(),
        };
        let mut ask = Ask::new(key, identity, session, operation);
        ask.cleanup = self.cleanup;
        Ok(file(collected, rpc::ask(self.run, ask).await))
    }

    fn bindings<'c>(&'c self, collected: &'c Collected) -> Bindings<'c> {
        let exchange =
            |id: Option<ExchangeId>| -> Option<&'c Exchange> { collected.ledger.exchange(id?) };
        let before_the_call = self.trial.call.is_none() && self.rule.make.is_some();
        let making = before_the_call && self.trial.made.is_none();
        Bindings {
            // What is made beforehand has a word of its own, for the call brings another one.
            canary: if making {
                &self.object
            } else {
                &self.trial.canary
            },
            made: exchange(self.trial.made),
            result: exchange(self.trial.call),
            found: exchange(self.trial.after),
        }
    }
}

/// Tools that are called this way.
pub(crate) const MOST_TOOLS: usize = 20;
