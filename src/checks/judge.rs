//! From everything collected to a coverage row per check; no check's trouble costs another its verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sha2::{Digest, Sha256};

use crate::model::audit::Collected;
use crate::model::report::CoverageRow;
use crate::model::verdict::{Basis, Finding, Level, Verdict};

use super::Check;
use super::case::shorten;
use super::evidence::Evidence;
use super::requirements::{Rule, requirement};

/// What the judges say.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// One row per check, in the order of the catalogue.
    pub coverage: Vec<CoverageRow>,
    /// Every finding, in the same order.
    pub findings: Vec<Finding>,
}

/// Lets the selected checks judge what was collected.
pub fn judge(collected: &Collected, checks: &[&'static Check]) -> Judged {
    let mut judged = Judged::default();
    for check in checks {
        let (row, findings) = row(collected, check);
        judged.coverage.push(row);
        judged.findings.extend(findings);
    }
    judged
}

/// The fingerprint of a finding: stable across runs.
pub fn fingerprint(check: &str, subject: &str, resource: &str) -> String {
    let digest = Sha256::digest(format!("{check}|{subject}|{resource}"));
    let mut text = format!("{digest:x}");
    text.truncate(16);
    text
}

fn row(collected: &Collected, check: &'static Check) -> (CoverageRow, Vec<Finding>) {
    let page = check.page();
    let requirement = requirement(page.requirement());
    let rule = requirement.and_then(|row| row.rule(collected.discovery.revision()));
    let verdict = match rule {
        Some(_) => guarded(collected, check),
        None => not_in_revision(collected, page.requirement()),
    };
    let level = rule.map_or(Level::May, |rule| rule.level);
    let basis = rule.map_or(Basis::H, |rule| rule.basis);
    let mut findings = verdict.findings().to_vec();
    let resource = collected.target.as_ref();
    let resource = resource.map_or("", |target| target.resource.0.as_str());
    for finding in &mut findings {
        check.id.clone_into(&mut finding.check);
        finding.fingerprint = fingerprint(check.id, &finding.subject, resource);
    }
    let (reason, decided_by) = explain(&verdict);
    let reason = shorten(&reason, MAX_REASON);
    let row = CoverageRow {
        check: check.id.to_owned(),
        title: page.title.clone(),
        requirements: page.requirements.clone(),
        status: verdict.status(level, basis),
        severity: page.severity,
        level,
        basis,
        wording: rule.map_or_else(String::new, |rule| words(&rule, &verdict)),
        reason,
        decided_by,
        findings: findings.iter().map(|it| it.fingerprint.clone()).collect(),
    };
    (row, findings)
}

fn guarded(collected: &Collected, check: &'static Check) -> Verdict {
    if let Some(reason) = &collected.discovery.unusable {
        return Verdict::inconclusive(reason.clone());
    }
    let evidence = Evidence::new(collected, check.page());
    catch_unwind(AssertUnwindSafe(|| (check.judge)(&evidence))).unwrap_or_else(|_| {
        Verdict::inconclusive(format!(
            "the judge of {} stopped on this evidence; this is a bug in mcp-assay, \
             please report it with the JSON report",
            check.id
        ))
    })
}

fn not_in_revision(collected: &Collected, requirement: &str) -> Verdict {
    match collected.discovery.revision() {
        Some(revision) => {
            Verdict::NotApplicable(format!("MCP {revision} does not have {requirement}"))
        }
        None => Verdict::NotApplicable(format!("no revision has {requirement}")),
    }
}

fn words(rule: &Rule<'_>, verdict: &Verdict) -> String {
    rule.wording(matches!(verdict, Verdict::Advisory(_)))
}

fn explain(verdict: &Verdict) -> (String, Option<String>) {
    match verdict {
        Verdict::Held(reason) | Verdict::NotApplicable(reason) | Verdict::Observed(reason) => {
            (reason.clone(), None)
        }
        Verdict::Inconclusive { reason, decided_by } => (reason.clone(), decided_by.clone()),
        Verdict::Broken(findings) | Verdict::Advisory(findings) => {
            let first = findings.first().map_or("", |it| it.message.as_str());
            let reason = match findings.len().saturating_sub(1) {
                0 => first.to_owned(),
                more => format!("{first} (and {more} more)"),
            };
            (reason, None)
        }
    }
}

const MAX_REASON: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::checks::{all, find};
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    #[test]
    fn every_check_gets_a_row_even_when_nothing_was_collected() {
        let every: Vec<_> = all().iter().collect();
        let judged = judge(&Collected::default(), &every);
        assert_eq!(judged.coverage.len(), all().len());
        assert!(judged.findings.is_empty());
        for row in judged.coverage {
            assert!(!row.reason.is_empty(), "{} gives no reason", row.check);
            assert_ne!(row.status, Status::Pass, "{} passes on nothing", row.check);
            assert_ne!(row.status, Status::Fail, "{} fails on nothing", row.check);
        }
    }

    #[test]
    fn a_panicking_judge_is_inconclusive_and_costs_nobody_else_a_verdict() {
        static BAD: Check = Check {
            id: "missing-token-accepted",
            text: "",
            judge: |_| panic!("index out of bounds"),
        };
        let good = find("query-tokens-invited").unwrap();
        let judged = judge(&World::new().collected, &[&BAD, good]);
        assert_eq!(judged.coverage[0].status, Status::Inconclusive);
        assert!(judged.coverage[0].reason.contains("this is a bug"));
        assert_eq!(judged.coverage[1].status, Status::NotApplicable);
    }

    #[test]
    fn an_unusable_target_leaves_every_check_undecided_with_the_cause() {
        let mut world = World::new();
        world.collected.discovery.unusable = Some("connection refused".to_owned());
        let every: Vec<_> = all().iter().collect();
        let judged = judge(&world.collected, &every);
        let undecided = |row: &&CoverageRow| row.status == Status::Inconclusive;
        let row = judged.coverage.iter().find(undecided).unwrap();
        assert_eq!(row.reason, "connection refused");
    }

    #[test]
    fn a_requirement_of_a_later_revision_is_not_applicable_and_named() {
        let mut world = World::new();
        world.revision(Revision::R2025_03);
        let check = find("resource-metadata-missing").unwrap();
        let judged = judge(&world.collected, &[check]);
        assert_eq!(judged.coverage[0].status, Status::NotApplicable);
        assert_eq!(
            judged.coverage[0].reason,
            "MCP 2025-03-26 does not have DISC-01"
        );
    }

    #[test]
    fn fingerprints_depend_on_check_subject_and_resource_only() {
        let one = fingerprint("a", "b", "c");
        assert_eq!(one.len(), 16);
        assert_eq!(one, fingerprint("a", "b", "c"));
        assert_ne!(one, fingerprint("a", "b", "d"));
        assert_ne!(one, fingerprint("a", "x", "c"));
    }
}
