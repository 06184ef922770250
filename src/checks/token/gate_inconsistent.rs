//! TOK-02: a wrong token that the tool list refuses is refused at every door of every revision.
//!
//! MCP §Token Handling; MCP §Error Handling.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::case::{Case, Draft};
use crate::checks::entrances::{Entrances, entrances};
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::scopes;
use crate::checks::tokens::{OPEN, is_list_open};
use crate::model::door_trials::{Door, DoorTrial};
use crate::model::target::Revision;
use crate::model::verdict::{Part, Verdict};

/// Compares what the tool list did with wrong tokens with what other doors and revisions did.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    if evidence.collected().door_trials.is_empty() {
        return untried(evidence);
    }
    let seen = entrances(evidence);
    let mut case = evidence.case();
    let whole = unguarded(evidence, &seen);
    let list = match evidence.discovery().revision() {
        Some(revision) => format!("`tools/list` in {revision}"),
        None => "`tools/list`".to_owned(),
    };
    for revision in &whole {
        let of = |trial: &&&DoorTrial| trial.revision == *revision;
        let trials: Vec<&DoorTrial> = seen.open.iter().filter(of).copied().collect();
        case.breach(of_revision(*revision, &trials, &list));
    }
    let mut doors: BTreeMap<Door, Vec<&DoorTrial>> = BTreeMap::new();
    for trial in &seen.open {
        if !whole.contains(&trial.revision) {
            doors.entry(trial.door).or_default().push(trial);
        }
    }
    for (door, trials) in doors {
        case.breach(of_door(door, &trials, &list));
    }
    conclude(case, &seen)
}

fn conclude(mut case: Case<'_>, seen: &Entrances<'_>) -> Verdict {
    let told: BTreeSet<&str> = seen.told.iter().map(|(_, check)| *check).collect();
    let elsewhere = if told.is_empty() {
        String::new()
    } else {
        format!(
            "; {} more got in, of which {} tells",
            seen.told.len(),
            scopes::names(told)
        )
    };
    if seen.refused.is_empty() && case.is_clean() {
        if !seen.told.is_empty() {
            return Verdict::NotApplicable(format!("no other door is left{elsewhere}"));
        }
        case.doubt(
            "no other door gave an answer that can be read as a yes or a no",
            None,
        );
    }
    let revisions: BTreeSet<Revision> = seen.refused.iter().map(|it| it.revision).collect();
    let public: BTreeSet<&str> = seen.public.iter().map(|(_, door)| door.as_str()).collect();
    let public = if public.is_empty() {
        String::new()
    } else {
        format!("; {} answered to anybody", scopes::names(public))
    };
    case.verdict(Verdict::Held(format!(
        "what `tools/list` refuses was refused in {} attempt(s) at other doors, in {} \
         revision(s){public}{elsewhere}",
        seen.refused.len(),
        revisions.len()
    )))
}

/// Revisions beside the audited one of which every method that gave an answer is open, and several.
fn unguarded(evidence: &Evidence<'_>, seen: &Entrances<'_>) -> BTreeSet<Revision> {
    let audited = evidence.discovery().revision();
    let method = |trial: &&&DoorTrial| {
        !trial.door.is_greeting() && !matches!(trial.door, Door::Stream | Door::End)
    };
    let mut open: BTreeMap<Revision, BTreeSet<Door>> = BTreeMap::new();
    for trial in seen.open.iter().filter(method) {
        open.entry(trial.revision).or_default().insert(trial.door);
    }
    let whole = open.into_iter().filter(|(revision, doors)| {
        let mut refused = seen.refused.iter().filter(method);
        let closed = refused.any(|it| it.revision == *revision && !doors.contains(&it.door));
        Some(*revision) != audited && doors.len() > 1 && !closed
    });
    whole.map(|(revision, _)| revision).collect()
}

fn of_revision(revision: Revision, trials: &[&DoorTrial], list: &str) -> Draft {
    let doors: BTreeSet<&str> = trials.iter().map(|it| it.door.as_str()).collect();
    let message = format!(
        "in {revision} every method that gave an answer ({}) let {} in, which {list} refuses; \
         expected HTTP 401 at both",
        scopes::names(doors),
        scopes::names(who(trials))
    );
    cited(
        Draft::new(format!("every method in {revision}"), message),
        trials,
    )
}

fn of_door(door: Door, trials: &[&DoorTrial], list: &str) -> Draft {
    let revisions: BTreeSet<Revision> = trials.iter().map(|it| it.revision).collect();
    let revisions: Vec<&str> = revisions.iter().rev().map(|it| it.as_str()).collect();
    let place = format!("{} in {}", door.as_str(), revisions.join(", "));
    let what = match door {
        Door::End => "ended a session for",
        Door::Stream => "opened the event stream for",
        Door::Call => "answered the call of a random name, as it does a good token's, for",
        _ => "let in",
    };
    let message = format!(
        "`{}` in {} {what} {}, which {list} refuses; expected HTTP 401 at both",
        door.as_str(),
        revisions.join(", "),
        scopes::names(who(trials))
    );
    cited(Draft::new(place, message), trials)
}

fn who<'a>(trials: &[&'a DoorTrial]) -> BTreeSet<&'a str> {
    trials.iter().map(|it| it.identity.as_str()).collect()
}

fn cited(mut draft: Draft, trials: &[&DoorTrial]) -> Draft {
    for trial in trials.iter().take(MOST_CITED) {
        draft = draft.at(trial.exchange, Part::Status, "let in");
    }
    for trial in trials.iter().take(1) {
        let controls: Vec<_> = trial.control.into_iter().chain(trial.after).collect();
        draft = draft.also(&controls, "the good token at the same door");
    }
    draft
}

fn untried(evidence: &Evidence<'_>) -> Verdict {
    if evidence.baseline().is_none() {
        return Verdict::Inconclusive {
            reason: "other doors are only tried once a valid token shows that they are there"
                .to_owned(),
            decided_by: Some("--identity".to_owned()),
        };
    }
    if is_list_open(evidence) {
        return Verdict::NotApplicable(
            "the tool list is public, so other doors may be as well".to_owned(),
        );
    }
    Verdict::inconclusive(
        "no wrong token was refused at the tool list, so none was shown elsewhere",
    )
}

const MOST_CITED: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World};
    use crate::model::identity::IdentityKind;
    use crate::model::matrix::GateOutcome;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::verdict::Status;
    use crate::oracle::testing::http;

    const ID: &str = "gate-inconsistent";
    const NEW: Revision = Revision::R2025_11;
    const OLD: Revision = Revision::R2025_03;

    fn world() -> World {
        let mut world = World::guarded();
        world.identity("garbage", IdentityKind::Garbage, &[]);
        world
    }

    fn subjects(world: &World) -> Vec<String> {
        let verdict = world.verdict(ID);
        let found = verdict.findings().iter();
        found.map(|it| it.subject.clone()).collect()
    }

    #[test]
    fn a_door_that_lets_in_what_the_list_refuses_is_broken() {
        let mut world = world();
        world.at_door(NEW, Door::PromptList, "garbage", false);
        assert_eq!(world.status(ID), Status::Pass);
        world.at_door(NEW, Door::PromptList, "anonymous", true);
        assert_eq!(world.status(ID), Status::Fail);
        assert_eq!(subjects(&world), ["prompts/list in 2025-11-25"]);
    }

    #[test]
    fn one_door_that_several_revisions_forget_is_one_finding() {
        let mut world = world();
        for revision in [NEW, OLD] {
            world.at_door(revision, Door::ToolList, "garbage", false);
            for who in ["anonymous", "garbage"] {
                world.at_door(revision, Door::Prompt, who, true);
            }
        }
        assert_eq!(subjects(&world), ["prompts/get in 2025-11-25, 2025-03-26"]);
    }

    #[test]
    fn a_revision_whose_every_method_takes_a_wrong_token_is_one_finding() {
        let mut world = world();
        world.at_door(NEW, Door::PromptList, "garbage", false);
        for door in [Door::ToolList, Door::Call, Door::Read] {
            world.at_door(OLD, door, "garbage", true);
        }
        assert_eq!(subjects(&world), ["every method in 2025-03-26"]);
        world.at_door(OLD, Door::End, "garbage", false);
        assert_eq!(subjects(&world).len(), 1);
        world.at_door(OLD, Door::Prompt, "garbage", false);
        assert_eq!(subjects(&world).len(), 3);
    }

    #[test]
    fn a_greeting_for_everybody_is_no_defect_and_one_for_wrong_tokens_alone_is() {
        for door in [Door::Initialize, Door::Discover] {
            let mut world = world();
            world.at_door(OLD, Door::ToolList, "garbage", false);
            world.at_door(OLD, door, "garbage", true);
            assert_eq!(world.status(ID), Status::Pass, "{door:?}");
            world.at_door(OLD, door, "anonymous", false);
            assert_eq!(world.status(ID), Status::Fail, "{door:?}");
        }
    }

    #[test]
    fn a_revision_without_a_gate_is_left_to_the_finding_that_names_it() {
        let mut world = world();
        world.gate("anonymous", "list-tools", GateOutcome::Refused, 401);
        world.at_door(NEW, Door::PromptList, "garbage", false);
        world.at_door(OLD, Door::ToolList, "garbage", true);
        world.at_door(OLD, Door::Call, "garbage", true);
        let list = ProbeKey::new(ProbeId::EraList).variant("2025-03-26");
        let listed = r#"{"jsonrpc":"2.0","id":null,"result":{"tools":[]}}"#;
        let answer = http(200, &[], listed);
        world.ask(list, "anonymous", ENDPOINT, answer);
        assert_eq!(world.status("revision-asks-no-token"), Status::Fail);
        assert_eq!(world.status(ID), Status::Pass);
        // Another door of a guarded revision is another defect.
        world.at_door(NEW, Door::Stream, "garbage", true);
        assert_eq!(subjects(&world), ["GET in 2025-11-25"]);
    }

    #[test]
    fn what_the_same_door_does_in_the_audited_revision_is_told_there() {
        let mut world = world();
        world.gate("anonymous", "unknown-name", GateOutcome::Accepted, 200);
        world.at_door(OLD, Door::Call, "garbage", true);
        world.at_door(OLD, Door::ToolList, "garbage", false);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn where_the_list_is_public_a_door_counts_that_turns_away_whoever_has_no_token() {
        let mut public = world();
        public.gate("anonymous", "list-tools", GateOutcome::Accepted, 200);
        public.gate("anonymous", "call-valid", GateOutcome::Refused, 401);
        public.at_door(NEW, Door::Prompt, "garbage", false);
        public.at_door(NEW, Door::PromptList, "garbage", true);
        public.at_door(NEW, Door::PromptList, "anonymous", true);
        assert_eq!(public.status(ID), Status::Pass);
        public.at_door(NEW, Door::Read, "garbage", true);
        public.at_door(NEW, Door::Read, "anonymous", false);
        assert_eq!(subjects(&public), ["resources/read in 2025-11-25"]);
    }

    #[test]
    fn a_public_list_makes_nobody_a_witness_and_without_a_token_the_flag_is_named() {
        let mut public = world();
        public.gate("anonymous", "list-tools", GateOutcome::Accepted, 200);
        public.gate("anonymous", "call-valid", GateOutcome::Refused, 401);
        assert_eq!(public.status(ID), Status::NotApplicable);
        let verdict = World::new().verdict(ID);
        assert!(matches!(
            verdict,
            Verdict::Inconclusive {
                decided_by: Some(_),
                ..
            }
        ));
    }

    #[test]
    fn answers_that_are_neither_yes_nor_no_decide_nothing() {
        let mut world = world();
        world.at_door(NEW, Door::Read, "garbage", true);
        world.collected.door_trials[0].control = None;
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
