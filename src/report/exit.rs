//! How a run ends: the exit codes and the rule that picks one.

use crate::model::audit::Collected;
use crate::model::exchange::Exchange;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::Access;
use crate::model::probe::Tier;
use crate::model::report::{CoverageRow, RunOutcome};
use crate::model::rules::Rules;
use crate::model::surface::{ListOutcome, Listing, SubjectKind};
use crate::model::verdict::{Finding, Status};

use super::words;

/// Every exit code: code, short name, meaning. The only list; help, README and man page use it.
pub const EXIT_CODES: &[(u8, &str, &str)] = &[
    (CLEAN, "clean", "no finding at or above --fail-on"),
    (FINDINGS, "findings", "findings at or above --fail-on"),
    (
        USAGE,
        "usage",
        "the command line or the configuration is wrong",
    ),
    (
        INCOMPLETE,
        "incomplete",
        "the audit could not be done: target unreachable, no working token, nothing decided, or \
         inconclusive checks or a missing identity with --strict",
    ),
    (
        REFUSED,
        "refused",
        "a safety rule kept the tool from what was asked for",
    ),
    (BUG, "bug", "an error of mcp-assay itself"),
    (
        INTERRUPTED,
        "interrupted",
        "the run was interrupted; the report holds what was learned",
    ),
];

/// Picks the exit code. `findings` are those that were not accepted.
///
/// In order: interrupted, refused by the guard, audit impossible, findings, strictness.
pub fn outcome(
    collected: &Collected,
    coverage: &[CoverageRow],
    findings: &[Finding],
    rules: &Rules,
) -> RunOutcome {
    let failing = failing(coverage, findings, rules);
    let (exit_code, reason) = if collected.interrupted {
        (INTERRUPTED, Some("the run was interrupted".to_owned()))
    } else if let Some(reason) = refused(collected) {
        (REFUSED, Some(reason))
    } else if let Some(reason) = incomplete(collected, rules) {
        (INCOMPLETE, Some(reason))
    } else if failing > 0 {
        (FINDINGS, None)
    } else if let Some(reason) = not_strict_enough(collected, coverage, rules) {
        (INCOMPLETE, Some(reason))
    } else {
        (CLEAN, None)
    };
    let threshold = rules.fail_on.as_str();
    let found = match failing {
        0 => format!("no finding at or above {threshold}"),
        n => format!("{} at or above {threshold}", words::count(n, "finding")),
    };
    // A run that is short of somebody is no clean bill of health for them.
    let found = match missing(collected).as_slice() {
        [] => found,
        names => format!("{found}; audited without {}", words::list(names)),
    };
    let (decided_cells, cells) = cells(collected);
    RunOutcome {
        exit_code,
        meaning: reason.map_or_else(|| found.clone(), |reason| format!("{reason}; {found}")),
        interrupted: collected.interrupted,
        decided_cells,
        cells,
    }
}

/// The short name of an exit code, when it is one of ours.
pub fn name(code: u8) -> &'static str {
    let mut codes = EXIT_CODES.iter();
    codes
        .find(|(known, ..)| *known == code)
        .map_or("", |(_, name, _)| name)
}

/// The exit code of a run against several targets: the worst of theirs.
pub fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    let rank = |code: &u8| {
        let known = FROM_BEST_TO_WORST.iter().position(|it| it == code);
        known.unwrap_or(FROM_BEST_TO_WORST.len())
    };
    codes.into_iter().max_by_key(rank).unwrap_or(CLEAN)
}

/// The meaning of an exit code, when it is one of ours.
pub fn meaning(code: u8) -> Option<&'static str> {
    EXIT_CODES
        .iter()
        .find(|(known, ..)| *known == code)
        .map(|(.., meaning)| *meaning)
}

fn failing(coverage: &[CoverageRow], findings: &[Finding], rules: &Rules) -> usize {
    let counts = |check: &str| {
        coverage
            .iter()
            .any(|row| row.check == check && matches!(row.status, Status::Fail | Status::Warn))
    };
    findings
        .iter()
        .filter(|finding| finding.severity >= rules.fail_on && counts(&finding.check))
        .count()
}

fn refused(collected: &Collected) -> Option<String> {
    let target = collected.target.as_ref().map(|target| target.url.as_str());
    // A metadata URL is the target's wish; a token request, a call or the target itself is the
    // operator's.
    let asked_for = |exchange: &&Exchange| {
        exchange.tier >= Tier::Authenticated
            || target == Some(exchange.request.url.as_str())
            || exchange.request.url == collected.discovery.endpoint
    };
    collected
        .ledger
        .iter()
        .filter(asked_for)
        .filter_map(Exchange::failure)
        .find(|failure| failure.kind.is_refusal())
        .map(|failure| format!("a safety rule refused a request: {}", failure.text))
}

fn incomplete(collected: &Collected, rules: &Rules) -> Option<String> {
    if let Some(reason) = &collected.discovery.unusable {
        return Some(format!("the target could not be audited: {reason}"));
    }
    if !collected.ledger.iter().any(|x| x.response().is_some()) {
        return Some("the target could not be audited: no request was answered".to_owned());
    }
    if !rules.token_expected {
        return None;
    }
    if !collected
        .identities
        .valid()
        .any(|one| works(collected, one))
    {
        return Some(
            "no identity got through to the server: the tokens are missing, expired, refused or \
             hold more than was asked for"
                .to_owned(),
        );
    }
    match cells(collected) {
        (0, 0) => Some("nothing was decided: no tool, resource or prompt was listed".to_owned()),
        (0, n) => Some(format!("none of {} was decided", words::count(n, "cell"))),
        _ => None,
    }
}

/// Whether a token was seen to get anywhere.
fn works(collected: &Collected, identity: &Identity) -> bool {
    let answered = |listing: &Listing| {
        matches!(
            listing.outcome,
            ListOutcome::Complete | ListOutcome::Partial { .. } | ListOutcome::NotOffered
        )
    };
    let listings = &collected.surface.listings;
    // A list that anybody gets says nothing about the token.
    let public = |kind: SubjectKind| {
        listings.iter().any(|listing| {
            let asker = collected.identities.named(&listing.identity);
            let stranger = asker.is_some_and(|one| one.kind == IdentityKind::Anonymous);
            stranger && listing.kind == kind && answered(listing)
        })
    };
    let listed = listings.iter().any(|listing| {
        listing.identity == identity.name && answered(listing) && !public(listing.kind)
    });
    let called = || {
        let mut cells = collected.matrices.iter().flat_map(|matrix| &matrix.cells);
        cells.any(|cell| {
            cell.identity == identity.name
                && matches!(cell.access, Access::Allowed | Access::Reached)
        })
    };
    identity.invalid.is_none() && (listed || called())
}

/// Identities that the operator asked for and that could not be had.
fn missing(collected: &Collected) -> Vec<String> {
    let rungs = format!("{}-", collected.ladder.from);
    let wanted = collected.identities.missing.iter().filter(|missing| {
        !missing.is_left_out() && (rungs.len() == 1 || !missing.name.starts_with(&rungs))
    });
    wanted
        .map(|missing| format!("`{}`", missing.name))
        .collect()
}

fn not_strict_enough(
    collected: &Collected,
    coverage: &[CoverageRow],
    rules: &Rules,
) -> Option<String> {
    if rules.strict && !missing(collected).is_empty() {
        return Some("an identity is missing, and --strict is set".to_owned());
    }
    let open = coverage
        .iter()
        .filter(|row| row.status == Status::Inconclusive)
        .count();
    (rules.strict && open > 0).then(|| {
        format!(
            "{} not decided, and --strict is set",
            words::count(open, "check")
        )
    })
}

fn cells(collected: &Collected) -> (usize, usize) {
    collected.matrix().map_or((0, 0), |matrix| {
        let decided = matrix.cells.iter().filter(|cell| cell.access.is_decided());
        (decided.count(), matrix.cells.len())
    })
}

/// Nothing at or above the threshold.
pub const CLEAN: u8 = 0;
/// Findings at or above the threshold.
pub const FINDINGS: u8 = 1;
/// The operator got the arguments or the configuration wrong.
pub const USAGE: u8 = 2;
/// The audit could not be done.
pub const INCOMPLETE: u8 = 3;
/// A safety rule forbade it.
pub const REFUSED: u8 = 4;
/// An error of the tool itself.
pub const BUG: u8 = 70;
/// Interrupted by the operator.
pub const INTERRUPTED: u8 = 130;

/// What says less about the targets is worse, in the order in which [`outcome`] decides.
const FROM_BEST_TO_WORST: [u8; 7] = [
    CLEAN,
    FINDINGS,
    INCOMPLETE,
    REFUSED,
    INTERRUPTED,
    USAGE,
    BUG,
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::identity::MissingIdentity;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::oracle::testing::{call, http};
    use crate::rehearsal::defaults;

    #[test]
    fn the_worst_code_is_the_one_that_knows_least() {
        for (codes, expected) in [
            (&[][..], CLEAN),
            (&[CLEAN, CLEAN], CLEAN),
            (&[FINDINGS, CLEAN], FINDINGS),
            (&[INCOMPLETE, FINDINGS], INCOMPLETE),
            (&[FINDINGS, REFUSED, INCOMPLETE], REFUSED),
            (&[INTERRUPTED, REFUSED, CLEAN], INTERRUPTED),
            (&[INTERRUPTED, BUG], BUG),
            (&[BUG, 99], 99),
        ] {
            assert_eq!(worst(codes.iter().copied()), expected, "{codes:?}");
        }
    }

    fn ended(names: &[(&str, &str)], strict: bool) -> RunOutcome {
        let mut collected = Collected::default();
        let answer = http(200, &[], "{}");
        let key = ProbeKey::new(ProbeId::ListTools);
        let listed = call(key, "anonymous", "a", &json!({}), answer);
        collected.ledger.file(listed);
        collected.ladder.from = "machine".to_owned();
        let missing = names.iter().map(|&(name, reason)| MissingIdentity {
            name: name.to_owned(),
            reason: reason.to_owned(),
            exchange: None,
        });
        collected.identities.missing = missing.collect();
        let rules = Rules {
            strict,
            ..Rules::from(&defaults(&[7; 32]))
        };
        outcome(&collected, &[], &[], &rules)
    }

    #[test]
    fn an_identity_that_is_missing_is_named_beside_the_code_and_is_not_strict() {
        let short = [("machine", "the secret is wrong"), ("garbage", LEFT_OUT)];
        let lenient = ended(&short, false);
        assert_eq!(lenient.exit_code, CLEAN);
        assert!(
            lenient.meaning.ends_with("audited without `machine`"),
            "{}",
            lenient.meaning
        );
        assert_eq!(ended(&short, true).exit_code, INCOMPLETE);
    }

    #[test]
    fn rungs_and_what_was_left_out_on_request_are_nobody() {
        let others = [("machine-none", "refused"), ("garbage", LEFT_OUT)];
        let strict = ended(&others, true);
        assert_eq!(strict.exit_code, CLEAN);
        assert!(!strict.meaning.contains("without"), "{}", strict.meaning);
    }

    const LEFT_OUT: &str = "left out on request (`--skip-arm garbage`)";

    #[test]
    fn every_exit_code_has_its_rank_and_none_but_clean_hides_another() {
        for (code, name, _) in EXIT_CODES {
            assert!(FROM_BEST_TO_WORST.contains(code), "{name}");
            assert_eq!(worst([CLEAN, *code]), *code, "{name}");
            assert_eq!(worst([*code, CLEAN]), *code, "{name}");
        }
        assert_eq!(FROM_BEST_TO_WORST.len(), EXIT_CODES.len());
    }
}
