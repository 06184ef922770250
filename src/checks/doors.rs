//! Cells of resources, templates and prompts, and which of them a list hides.

use std::collections::BTreeSet;

use crate::model::exchange::Exchange;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::{Access, Cell};
use crate::model::probe::ProbeId;
use crate::model::surface::{Listing, Subject, SubjectKind};
use crate::model::verdict::{Part, Verdict};
use crate::oracle::doors::{Shown, shown};

use super::case::{Case, Draft};
use super::evidence::Evidence;

/// A cell with its subject and identity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DoorCell<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) identity: &'a Identity,
    pub(crate) cell: &'a Cell,
}

/// Cells of these kinds, for tokens that should work and for no token at all.
pub(crate) fn cells<'a>(
    evidence: &Evidence<'a>,
    kinds: &'a [SubjectKind],
) -> impl Iterator<Item = DoorCell<'a>> {
    let collected = evidence.collected();
    evidence.cells().iter().filter_map(move |cell| {
        let subject = collected.surface.subject(&cell.subject)?;
        let identity = collected.identities.named(&cell.identity)?;
        let takes_part = matches!(identity.kind, IdentityKind::Valid | IdentityKind::Anonymous);
        (kinds.contains(&subject.kind) && takes_part && identity.invalid.is_none()).then_some(
            DoorCell {
                subject,
                identity,
                cell,
            },
        )
    })
}

/// Cells whose list leaves the subject out while another valid identity's names it; the strongest
/// identity is no witness. An identity whose lists differ makes the question undecidable.
pub(crate) fn hidden<'a>(
    evidence: &Evidence<'a>,
    kinds: &'a [SubjectKind],
) -> Result<Vec<DoorCell<'a>>, Verdict> {
    if let Some(who) = unstable(evidence, kinds) {
        return Err(Verdict::inconclusive(format!(
            "`{who}` got another list on another connection, so what a list leaves out says nothing"
        )));
    }
    let all: Vec<DoorCell<'a>> = cells(evidence, kinds).collect();
    let baseline = evidence.baseline().map(|identity| identity.name.as_str());
    let listed: BTreeSet<&str> = all
        .iter()
        .filter(|it| it.identity.kind == IdentityKind::Valid && it.cell.listed == Some(true))
        .map(|it| it.cell.subject.as_str())
        .collect();
    let hidden = all.into_iter().filter(|it| {
        it.cell.listed == Some(false)
            && Some(it.identity.name.as_str()) != baseline
            && listed.contains(it.cell.subject.as_str())
    });
    Ok(hidden.collect())
}

/// What the identity's own answers show beside those of the baseline.
pub(crate) fn reads(evidence: &Evidence<'_>, it: &DoorCell<'_>) -> Shown {
    let baseline = evidence.baseline().map(|identity| identity.name.as_str());
    let unknown = match it.subject.kind {
        SubjectKind::Prompt => ProbeId::UnknownPrompt,
        _ => ProbeId::UnknownResource,
    };
    let cited = it.cell.exchanges.iter();
    let cited: Vec<&Exchange> = cited.filter_map(|id| evidence.exchange(*id)).collect();
    let about = |exchange: &&&Exchange, who: Option<&str>| {
        Some(exchange.identity.as_str()) == who
            && exchange.probe.subject.as_deref() == Some(it.cell.subject.as_str())
    };
    let of = |who: Option<&str>| -> Vec<&Exchange> {
        let mine = cited.iter().filter(|exchange| about(exchange, who));
        mine.copied().collect()
    };
    let entitled = of(baseline);
    let random: Vec<&Exchange> = cited
        .iter()
        .filter(|exchange| exchange.probe.id == unknown && exchange.identity == it.identity.name)
        .copied()
        .collect();
    let own = of(Some(&it.identity.name));
    let mut found = own.iter().map(|own| shown(own, &entitled, &random));
    let first = found.next().unwrap_or(Shown::Unclear);
    found.fold(
        first,
        |best, next| {
            if next == Shown::Disclosed { next } else { best }
        },
    )
}

/// Adds to the case what was read although the list hides it, and what stays open.
pub(crate) fn judge_hidden(
    evidence: &Evidence<'_>,
    case: &mut Case<'_>,
    hidden: &[DoorCell<'_>],
    done: &str,
) {
    for it in hidden {
        let (name, who) = (&it.subject.name, &it.identity.name);
        match it.cell.access {
            Access::Allowed => match reads(evidence, it) {
                Shown::Disclosed => {
                    let message = format!(
                        "`{name}` is not in the list of `{who}`, and `{who}` {done} it; expected a \
                         refusal"
                    );
                    case.breach(draft(it, message));
                }
                Shown::Empty | Shown::Missing | Shown::Refused => {}
                Shown::Unclear => case.doubt(
                    format!(
                        "`{name}` is hidden from `{who}`, and what `{who}` got for it differs from \
                         what a stronger token gets"
                    ),
                    None,
                ),
            },
            Access::Denied => {}
            Access::Reached | Access::Inconclusive | Access::NotTested => {
                let reason = it.cell.reason.as_deref().unwrap_or("not decided");
                let reason = format!("`{name}` is hidden from `{who}`: {reason}");
                case.doubt(reason, it.cell.decided_by.as_deref());
            }
        }
    }
}

/// A finding about a cell, with its answers as evidence.
pub(crate) fn draft(it: &DoorCell<'_>, message: String) -> Draft {
    let mut draft = Draft::new(it.cell.subject.clone(), message).confidence(it.cell.confidence);
    if let Some(answer) = it.cell.exchanges.first() {
        draft = draft.at(*answer, Part::Body, "the content");
    }
    draft.also(&it.cell.exchanges, "a control")
}

/// An identity whose complete lists of one kind differ.
fn unstable<'a>(evidence: &Evidence<'a>, kinds: &[SubjectKind]) -> Option<&'a str> {
    let listings = &evidence.collected().surface.listings;
    let complete = |it: &&Listing| kinds.contains(&it.kind) && it.is_complete();
    let names = |it: &Listing| it.names.iter().cloned().collect::<BTreeSet<String>>();
    let found = listings.iter().filter(complete).find(|first| {
        let mut others = listings.iter().filter(complete);
        others.any(|other| {
            other.identity == first.identity
                && other.kind == first.kind
                && names(other) != names(first)
        })
    })?;
    Some(&found.identity)
}
