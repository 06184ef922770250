//! Acceptances that have outlived their purpose, as findings about the configuration.

use std::collections::BTreeSet;

use crate::checks::judge::fingerprint;
use crate::checks::own::{self, EXPIRED, UNUSED};
use crate::checks::page::Page;
use crate::model::matrix::Confidence;
use crate::model::report::{CoverageRow, StaleAcceptance};
use crate::model::settings::Acceptance;
use crate::model::verdict::{Basis, Finding, Level, Severity, Status};

use super::accept::Standing;
use super::words;

/// What is to be said about the acceptances of a run.
#[derive(Default)]
pub(super) struct Said {
    pub(super) rows: Vec<CoverageRow>,
    pub(super) findings: Vec<Finding>,
    pub(super) stale: Vec<StaleAcceptance>,
}

/// Says what is to be said; nothing where nothing was accepted.
pub(super) fn judge(acceptances: &[Acceptance], standings: &[Standing], resource: &str) -> Said {
    let mut said = Said::default();
    if acceptances.is_empty() {
        return said;
    }
    let mut taken = BTreeSet::new();
    for (acceptance, standing) in acceptances.iter().zip(standings) {
        let Some((check, problem)) = problem(acceptance, *standing) else {
            continue;
        };
        let finding = finding(acceptance, check, &problem, resource, &mut taken);
        said.stale.push(StaleAcceptance {
            check: acceptance.check.clone(),
            subject: acceptance.subject.clone(),
            reason: acceptance.reason.clone(),
            problem,
            place: acceptance.place.clone(),
            finding: finding.fingerprint.clone(),
        });
        said.findings.push(finding);
    }
    said.rows = vec![
        row(EXPIRED, &said.findings, whole(standings.len())),
        row(UNUSED, &said.findings, used(standings)),
    ];
    said
}

/// What is wrong and what to do about it.
fn problem(acceptance: &Acceptance, standing: Standing) -> Option<(&'static str, String)> {
    match standing {
        Standing::Used | Standing::Undecided | Standing::LeftOut => None,
        Standing::Expired => {
            let day = acceptance.expires.as_deref().unwrap_or("an unknown day");
            let text = format!(
                "expired after {day} and accepts nothing any more; decide anew and set a later \
                 `expires`, or remove the entry"
            );
            Some((EXPIRED, text))
        }
        Standing::Unused => {
            let text = "matches no finding any more; remove the entry, or correct its `subject`";
            Some((UNUSED, text.to_owned()))
        }
        Standing::Unknown => {
            let check = &acceptance.check;
            let text = format!(
                "names `{check}`, which is no check; correct it, `mcp-assay checks` lists them"
            );
            Some((UNUSED, text))
        }
    }
}

fn finding(
    acceptance: &Acceptance,
    check: &str,
    problem: &str,
    resource: &str,
    taken: &mut BTreeSet<(String, String)>,
) -> Finding {
    let on = acceptance.subject.as_deref();
    let on = on.map_or(String::new(), |pattern| format!(" on {pattern}"));
    let name = format!("acceptance of {}{on}", acceptance.check);
    // Two equal entries are two findings; the line is no part of a name, since lines move.
    let mut subject = name.clone();
    let mut n = 1;
    while !taken.insert((check.to_owned(), subject.clone())) {
        n += 1;
        subject = format!("{name} ({n})");
    }
    let place = acceptance.place.as_ref();
    let place = place.map_or(String::new(), |place| format!("{place}: "));
    let page = own::page(check);
    Finding {
        check: check.to_owned(),
        message: format!("{place}{problem} (accepted with: {})", acceptance.reason),
        severity: page.map_or(Severity::Low, |page| page.severity),
        confidence: Confidence::Proven,
        cites: Vec::new(),
        place: acceptance.place.clone(),
        fingerprint: fingerprint(check, &subject, resource),
        subject,
    }
}

/// A row for one question; `otherwise` is said when nothing is wrong.
fn row(check: &str, findings: &[Finding], otherwise: (Status, String)) -> CoverageRow {
    let page: Option<&Page> = own::page(check);
    let own: Vec<&Finding> = findings.iter().filter(|it| it.check == check).collect();
    let (status, reason) = match own.as_slice() {
        [] => otherwise,
        [only] => (Status::Warn, only.message.clone()),
        [first, more @ ..] => (
            Status::Warn,
            format!("{} (and {} more)", first.message, more.len()),
        ),
    };
    CoverageRow {
        check: check.to_owned(),
        title: page.map_or(check, |page| &page.title).to_owned(),
        requirements: Vec::new(),
        status,
        severity: page.map_or(Severity::Low, |page| page.severity),
        level: Level::May,
        basis: Basis::H,
        wording: WORDING.to_owned(),
        reason,
        decided_by: None,
        findings: own.iter().map(|it| it.fingerprint.clone()).collect(),
    }
}

fn whole(n: usize) -> (Status, String) {
    let text = match n {
        1 => "the acceptance of the configuration has not expired".to_owned(),
        n => format!("none of {n} acceptances has expired"),
    };
    (Status::Pass, text)
}

fn used(standings: &[Standing]) -> (Status, String) {
    let count = |wanted| standings.iter().filter(|it| **it == wanted).count();
    let (used, open) = (count(Standing::Used), count(Standing::Undecided));
    if open > 0 {
        let text = format!(
            "{} of checks that this run did not decide",
            words::count(open, "acceptance")
        );
        return (Status::Inconclusive, text);
    }
    if used == 0 {
        let text = "no acceptance is of a check that was judged".to_owned();
        return (Status::NotApplicable, text);
    }
    let text = format!("{used} of {} match a finding", standings.len());
    (Status::Pass, text)
}

/// Nothing a server does is behind it.
const WORDING: &str = "about the configuration of this audit";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::place::Place;

    fn acceptance(subject: Option<&str>) -> Acceptance {
        Acceptance {
            check: "registration-open".to_owned(),
            subject: subject.map(str::to_owned),
            reason: "approved".to_owned(),
            expires: Some("2026-01-31".to_owned()),
            expired: false,
            place: Some(Place {
                path: "assay.toml".to_owned(),
                line: 7,
            }),
        }
    }

    fn said(standings: &[Standing]) -> Said {
        let all: Vec<_> = standings.iter().map(|_| acceptance(None)).collect();
        judge(&all, standings, "https://mcp.example.com/mcp")
    }

    fn statuses(said: &Said) -> Vec<Status> {
        said.rows.iter().map(|row| row.status).collect()
    }

    #[test]
    fn without_acceptances_there_is_nothing_to_say() {
        let said = said(&[]);
        assert!(said.rows.is_empty() && said.findings.is_empty() && said.stale.is_empty());
    }

    #[test]
    fn acceptances_that_do_their_work_pass() {
        let said = said(&[Standing::Used, Standing::Used]);
        assert!(said.findings.is_empty() && said.stale.is_empty());
        assert_eq!(statuses(&said), [Status::Pass, Status::Pass]);
        assert_eq!(said.rows[1].reason, "2 of 2 match a finding");
    }

    #[test]
    fn an_expired_one_names_its_line_the_day_and_the_remedy() {
        let said = said(&[Standing::Expired]);
        assert_eq!(statuses(&said), [Status::Warn, Status::NotApplicable]);
        let finding = &said.findings[0];
        assert_eq!(finding.check, EXPIRED);
        assert!(
            finding
                .message
                .starts_with("assay.toml:7: expired after 2026-01-31")
        );
        assert!(finding.message.contains("set a later `expires`"));
        assert!(finding.message.ends_with("(accepted with: approved)"));
        assert_eq!(said.stale[0].finding, finding.fingerprint);
        assert_eq!(
            said.rows[0].findings,
            std::slice::from_ref(&finding.fingerprint)
        );
    }

    #[test]
    fn one_that_matches_nothing_and_one_of_no_check_are_told_apart() {
        let said = said(&[Standing::Unused, Standing::Unknown]);
        assert_eq!(statuses(&said), [Status::Pass, Status::Warn]);
        assert!(said.findings[0].message.contains("matches no finding"));
        assert!(
            said.findings[1]
                .message
                .contains("`registration-open`, which is no check")
        );
        assert!(said.rows[1].reason.ends_with("(and 1 more)"));
    }

    #[test]
    fn what_was_not_decided_or_left_out_is_not_held_against_an_acceptance() {
        let open = said(&[Standing::Used, Standing::Undecided]);
        assert!(open.findings.is_empty());
        assert_eq!(statuses(&open), [Status::Pass, Status::Inconclusive]);
        let left = said(&[Standing::LeftOut]);
        assert!(left.findings.is_empty());
        assert_eq!(statuses(&left), [Status::Pass, Status::NotApplicable]);
    }

    #[test]
    fn ids_do_not_depend_on_lines_and_equal_entries_have_ids_of_their_own() {
        let mut moved = [acceptance(Some("tool/*")), acceptance(Some("tool/*"))];
        let standings = [Standing::Unused, Standing::Unused];
        let before = judge(&moved, &standings, "r");
        for one in &mut moved {
            one.place = None;
        }
        let after = judge(&moved, &standings, "r");
        let ids = |said: &Said| {
            let ids = said.findings.iter().map(|it| it.fingerprint.clone());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(ids(&before), ids(&after));
        assert_ne!(ids(&before)[0], ids(&before)[1]);
        assert_eq!(
            before.findings[1].subject,
            "acceptance of registration-open on tool/* (2)"
        );
        assert!(after.findings[0].message.starts_with("matches no finding"));
    }
}
