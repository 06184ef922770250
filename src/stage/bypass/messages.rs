//! The altered calls: the control first, then whoever was refused, all of a round together.

use std::collections::BTreeMap;

use serde_json::Value;

use super::forms::{Form, arrays, forms};
use super::passing::Passing;
use super::second::Seconds;
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::bypass::{Again, Attempt, Passage};
use crate::model::discovery::ServedRevision;
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::SubjectKind;
use crate::model::target::{Revision, Transport};
use crate::oracle::bypass::{Guarded, seems_open};
use crate::oracle::calibrate::Treatment;
use crate::stage::enumerate::Sessions;
use crate::stage::rpc::{self, Ask};
use crate::stage::session::Session;
use crate::stage::{Run, file, together};
use crate::wire::{Pending, Sent};

/// Every form on the sessions of the audited revision.
pub(super) async fn audited(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    calls: &[Guarded],
) {
    let Some(revision) = collected.discovery.revision() else {
        return;
    };
    let taken = listed_names(collected);
    let session = |name: &str| sessions.get(name);
    let written: Vec<(&Guarded, Vec<Form>)> = calls
        .iter()
        .map(|call| (call, forms(revision, call, &taken)))
        .collect();
    let attempts = send(run, collected, revision, &written, session).await;
    collected.bypass.attempts.extend(attempts);
}

/// Arrays on sessions of 2025-03-26, the one revision that has them, where it is served beside the
/// audited one; the plain call is asked there first.
pub(super) async fn batches(run: &Run<'_>, collected: &mut Collected, calls: &[Guarded]) {
    let Some(served) = batching(collected) else {
        return;
    };
    let asked: Vec<Guarded> = calls
        .iter()
        .filter(|call| call.identity.is_some() && call.subject.kind == SubjectKind::Tool)
        .cloned()
        .collect();
    if asked.is_empty() {
        return;
    }
    let passing = Passing::open(run, collected, &served, &names(&asked)).await;
    let revision = served.revision;
    let controls: Vec<&str> = asked.iter().map(|call| &*call.control).collect();
    let weak = asked.iter().map(|call| call.identity.as_deref());
    let weak: Vec<&str> = weak.map(Option::unwrap_or_default).collect();
    let granted = plain_all(run, collected, &passing, asked.iter().zip(controls)).await;
    let refused = plain_all(run, collected, &passing, asked.iter().zip(weak)).await;
    let mut here = Vec::new();
    for ((call, granted), refused) in asked.iter().cloned().zip(granted).zip(refused) {
        if let (Some(granted), Some(refused)) = (granted, refused) {
            here.push(Guarded {
                granted: vec![granted],
                refused: vec![refused],
                ..call
            });
        }
    }
    let session = |name: &str| passing.get(name);
    let written: Vec<(&Guarded, Vec<Form>)> =
        here.iter().map(|call| (call, arrays(revision))).collect();
    let attempts = send(run, collected, revision, &written, session).await;
    collected.bypass.attempts.extend(attempts);
    passing.close(run, collected).await;
}

/// What seemed to work, again in a second session, beside the plain call.
pub(super) async fn confirm(run: &Run<'_>, collected: &mut Collected, calls: &[Guarded]) {
    let taken = listed_names(collected);
    let mut alarms: BTreeMap<Revision, Vec<usize>> = BTreeMap::new();
    for (at, attempt) in collected.bypass.attempts.iter().enumerate() {
        if seems_open(&collected.ledger, attempt) {
            alarms.entry(attempt.revision).or_default().push(at);
        }
    }
    for (revision, alarms) in alarms {
        let mut served = collected.discovery.revisions.iter();
        let served = served.find(|served| served.revision == revision).cloned();
        let Some(served) = served.or_else(|| collected.discovery.audited.clone()) else {
            continue;
        };
        let passing = Passing::open(run, collected, &served, &names(calls)).await;
        for at in alarms {
            let Some(attempt) = collected.bypass.attempts.get(at).cloned() else {
                continue;
            };
            let again = again(run, collected, &passing, calls, &attempt, &taken).await;
            if let Some(attempt) = collected.bypass.attempts.get_mut(at) {
                attempt.again = again;
            }
        }
        passing.close(run, collected).await;
    }
}

async fn again(
    run: &Run<'_>,
    collected: &mut Collected,
    passing: &Passing,
    calls: &[Guarded],
    attempt: &Attempt,
    taken: &[String],
) -> Option<Again> {
    let call = calls
        .iter()
        .find(|call| call.subject.id == attempt.subject && call.identity == attempt.identity)?;
    let name = call.identity.as_deref()?;
    let identity = collected.identities.named(name)?.clone();
    let seconds = Seconds::of(run, collected);
    let session = passing.get(name)?;
    let form = forms(attempt.revision, call, taken)
        .into_iter()
        .find(|form| form.way == attempt.way && form.name == attempt.form)?;
    let mut ask = question(call, form.way, form.name, &identity, session)?;
    ask.key = ask.key.attempt(1);
    if form
        .second
        .is_some_and(|place| !seconds.put(place, &mut ask))
    {
        return None;
    }
    ask.alter = Some(form.alter);
    let sent = rpc::ask(run, ask).await;
    let form = file(collected, sent);
    let plain = plain(run, collected, passing, call, name).await?;
    Some(Again { form, plain })
}

/// The plain call on a session of this stage.
async fn plain(
    run: &Run<'_>,
    collected: &mut Collected,
    passing: &Passing,
    call: &Guarded,
    name: &str,
) -> Option<ExchangeId> {
    let answers = plain_all(run, collected, passing, std::iter::once((call, name))).await;
    answers.into_iter().next().flatten()
}

/// Plain calls, all together; nothing for whoever has no session here.
async fn plain_all<'c>(
    run: &Run<'_>,
    collected: &mut Collected,
    passing: &Passing,
    calls: impl Iterator<Item = (&'c Guarded, &'c str)>,
) -> Vec<Option<ExchangeId>> {
    let identities = collected.identities.clone();
    let asks = calls.map(|(call, name)| {
        let session = passing.get(name)?;
        let variant = session.revision.as_str();
        question(
            call,
            ProbeId::PlainAgain,
            variant,
            identities.named(name)?,
            session,
        )
    });
    let asks: Vec<Option<Ask<'_>>> = asks.collect();
    let asked: Vec<bool> = asks.iter().map(Option::is_some).collect();
    let pending = asks
        .into_iter()
        .flatten()
        .map(|ask| Box::pin(rpc::send(run, ask, run.next_id())) as Pending<'_, Sent>);
    let mut answers = together(pending.collect()).await.into_iter();
    let mut filed = Vec::new();
    for asked in asked {
        let sent = if asked { answers.next() } else { None };
        filed.push(sent.map(|sent| file(collected, sent)));
    }
    filed
}

/// Sends forms of calls; what the control is asked is asked once for all who were refused.
async fn send<'s>(
    run: &Run<'_>,
    collected: &mut Collected,
    revision: Revision,
    written: &[(&Guarded, Vec<Form>)],
    session: impl Fn(&str) -> Option<&'s Session>,
) -> Vec<Attempt> {
    let identities = collected.identities.present.clone();
    let named = |name: &str| identities.iter().find(|identity| identity.name == name);
    let seconds = Seconds::of(run, collected);
    let mut attempts = Vec::new();
    let mut places = Vec::new();
    let mut strong: BTreeMap<String, usize> = BTreeMap::new();
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for (call, forms) in written {
        for form in forms {
            if form.second.is_some() && !seconds.can_be_made() {
                continue;
            }
            let cover = call.cover.as_ref().filter(|_| form.covered);
            let beside = cover.map_or("", |(subject, _)| subject.name.as_str());
            let question_of_control =
                format!("{} {} {} {beside}", form.way, form.name, call.subject.id);
            let mut push = |name: &str| {
                let (identity, session) = (named(name)?, session(name)?);
                let mut ask = question(call, form.way, form.name, identity, session)?;
                ask.alter = Some(Box::new(|message| (form.alter)(message)));
                if form
                    .second
                    .is_some_and(|place| !seconds.put(place, &mut ask))
                {
                    return None;
                }
                pending.push(Box::pin(rpc::send(run, ask, run.next_id())));
                Some(pending.len() - 1)
            };
            let control = match strong.get(&question_of_control) {
                Some(at) => Some(*at),
                None => push(&call.control),
            };
            if let Some(at) = control {
                strong.insert(question_of_control, at);
            }
            let weak = call.identity.as_deref().and_then(&mut push);
            places.push((control, weak));
            attempts.push(attempt(revision, call, form));
        }
    }
    let mut filed = Vec::new();
    for sent in together(pending).await {
        filed.push(file(collected, sent));
    }
    for (attempt, (control, weak)) in attempts.iter_mut().zip(places) {
        let id = |at: Option<usize>| at.and_then(|at| filed.get(at).copied());
        attempt.strong.extend(id(control));
        attempt.weak.extend(id(weak));
    }
    attempts
}

fn attempt(revision: Revision, call: &Guarded, form: &Form) -> Attempt {
    let broken = match &call.treatment {
        Treatment::Invalid { broken, .. } => broken.clone(),
        _ => Vec::new(),
    };
    let cover = call.cover.as_ref().filter(|_| form.covered);
    Attempt {
        way: form.way,
        form: form.name.to_owned(),
        revision,
        subject: call.subject.id.clone(),
        identity: call.identity.clone(),
        control: call.control.clone(),
        valid: matches!(call.treatment, Treatment::Valid { .. }),
        broken,
        refused: call.refused.clone(),
        granted: call.granted.clone(),
        cover: cover.map_or_else(Vec::new, |(_, granted)| granted.clone()),
        strong: Vec::new(),
        weak: Vec::new(),
        again: None,
        passage: Passage::default(),
        reason: String::new(),
    }
}

/// The plain request as a treatment has it; listed calls are never repeated.
pub(super) fn question<'a>(
    call: &'a Guarded,
    probe: ProbeId,
    variant: &str,
    identity: &'a Identity,
    session: &'a Session,
) -> Option<Ask<'a>> {
    let arguments: &Value = match &call.treatment {
        Treatment::Valid { arguments } | Treatment::Invalid { arguments, .. } => arguments,
        Treatment::ListedCall { .. } | Treatment::Canary { .. } | Treatment::NotTested { .. } => {
            return None;
        }
    };
    let key = ProbeKey::new(probe)
        .about(call.subject.id.clone())
        .variant(variant);
    let name = &call.subject.name;
    let operation = match call.subject.kind {
        SubjectKind::Resource | SubjectKind::ResourceTemplate => Operation::ReadResource {
            uri: arguments.get("uri").and_then(Value::as_str).unwrap_or(name),
        },
        SubjectKind::Prompt => Operation::GetPrompt { name, arguments },
        _ => Operation::CallTool {
            name,
            arguments,
            schema: call.subject.input_schema.as_ref(),
        },
    };
    Some(Ask::new(key, identity, session, operation))
}

fn names(calls: &[Guarded]) -> Vec<&str> {
    let both = calls
        .iter()
        .flat_map(|call| [Some(call.control.as_str()), call.identity.as_deref()]);
    both.flatten().collect()
}

fn listed_names(collected: &Collected) -> Vec<String> {
    let subjects = collected.surface.subjects.iter();
    subjects.map(|subject| subject.name.clone()).collect()
}

fn batching(collected: &Collected) -> Option<ServedRevision> {
    if collected.discovery.revision() == Some(Revision::R2025_03) {
        return None;
    }
    let mut revisions = collected.discovery.revisions.iter();
    revisions
        .find(|served| {
            served.revision == Revision::R2025_03 && served.transport == Transport::StreamableHttp
        })
        .cloned()
}
