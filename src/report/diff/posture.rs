//! Who may register, and how tools are guarded as a whole.

use crate::model::registration::Posture;
use crate::model::report::{Enforcement, Report};
use crate::model::verdict::Severity;

use super::cells::change;
use super::{Change, ChangeKind};

pub(super) fn compare(old: &Report, new: &Report, changes: &mut Vec<Change>) {
    let mut compared = false;
    for now in &new.registrations {
        let before = old
            .registrations
            .iter()
            .find(|one| one.issuer == now.issuer);
        if let Some(before) = before {
            compared = true;
            changes.extend(registration(&now.issuer, before.posture, now.posture));
        }
    }
    // The server went over to another authorization server: who gets in there is what counts.
    if !compared && let Some(now) = new.registrations.first() {
        let of = |report: &Report| report.answers.clients.registration.posture;
        changes.extend(registration(&now.issuer, of(old), of(new)));
    }
    let (before, after) = (old.answers.tools.enforcement, new.answers.tools.enforcement);
    changes.extend(enforcement(before, after));
}

fn registration(issuer: &str, before: Posture, after: Posture) -> Option<Change> {
    let unknown = [before, after].contains(&Posture::Undetermined);
    if before == after || unknown {
        return None;
    }
    let (kind, severity) = if after > before {
        let severity = match after {
            Posture::D5 => Severity::Critical,
            Posture::D3 | Posture::D4 => Severity::High,
            _ => Severity::Medium,
        };
        (ChangeKind::PostureDropped, severity)
    } else {
        (ChangeKind::PostureRose, Severity::Info)
    };
    let word = |posture: Posture| {
        format!(
            "{}: {}",
            posture.as_str(),
            crate::report::words::posture(posture)
        )
    };
    Some(change(kind, severity, issuer, &word(before), &word(after)))
}

fn enforcement(before: Enforcement, after: Enforcement) -> Option<Change> {
    let rank = |word: Enforcement| match word {
        Enforcement::PerTool => Some(0),
        Enforcement::Partial => Some(1),
        Enforcement::ServerOnly => Some(2),
        Enforcement::None => Some(3),
        Enforcement::Undetermined => None,
    };
    let (was, is) = (rank(before)?, rank(after)?);
    let (kind, severity) = match is.cmp(&was) {
        std::cmp::Ordering::Greater => (ChangeKind::EnforcementDropped, Severity::High),
        std::cmp::Ordering::Less => (ChangeKind::EnforcementRose, Severity::Info),
        std::cmp::Ordering::Equal => return None,
    };
    Some(change(
        kind,
        severity,
        "tools",
        before.as_str(),
        after.as_str(),
    ))
}
