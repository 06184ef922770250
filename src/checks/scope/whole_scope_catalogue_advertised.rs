//! SCP-03: a client is not told to ask for everything at once.
//!
//! MCP security guidance §Scope Minimization.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::identity::ScopeSet;
use crate::model::verdict::{Part, Verdict};

/// Compares what is advertised with every scope that was seen in use.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let document = evidence.discovery().chosen_resource_metadata();
    let listed = document.and_then(|it| it.texts(MEMBER)).unwrap_or_default();
    let listed: ScopeSet = listed.into_iter().map(str::to_owned).collect();
    let challenge = evidence.token_challenge();
    let asked = challenge.as_ref().and_then(|it| it.value.param("scope"));
    let asked: ScopeSet = asked.into_iter().flat_map(words).collect();
    if listed.is_empty() && asked.is_empty() {
        return Verdict::NotApplicable("neither metadata nor challenge names a scope".to_owned());
    }
    let known = scopes::of_the_service(&catalogue(evidence));
    let privileged = privileged(evidence, &known);
    if known.len() < 2 || privileged.is_empty() {
        return Verdict::undecided(
            "fewer than two scopes were seen in use, so there is no catalogue to compare with",
            "--identity",
        );
    }
    let mut case = evidence.case();
    let whole = |named: &ScopeSet| known.is_subset(named) && privileged.len() > 1;
    let says = |place: &str| {
        format!(
            "{place} names all {} scopes seen in use, {} of them not held by every client ({}); \
             expected the few that basic use needs",
            known.len(),
            privileged.len(),
            scopes::list(&privileged)
        )
    };
    if let Some(document) = document.filter(|_| whole(&listed)) {
        let part = Part::Pointer(format!("/{MEMBER}"));
        let draft = Draft::new(MEMBER, says(&format!("`{MEMBER}`")));
        case.breach(draft.at(document.exchange, part, "the whole catalogue"));
    }
    if let Some(challenge) = challenge.filter(|_| whole(&asked)) {
        let part = Part::Header("WWW-Authenticate".to_owned());
        let draft = Draft::new("challenge scope", says("the challenge"));
        case.breach(draft.at(challenge.exchange, part, "the whole catalogue"));
    }
    case.verdict(Verdict::Held(
        "only part of the scopes in use is advertised".to_owned(),
    ))
}

fn catalogue(evidence: &Evidence<'_>) -> ScopeSet {
    let mut known = evidence.challenged_scopes();
    known.extend(evidence.held_scopes());
    known
}

fn privileged(evidence: &Evidence<'_>, known: &ScopeSet) -> ScopeSet {
    let valid = || evidence.collected().identities.valid();
    let challenged = evidence.challenged_scopes();
    let lacking = |scope: &String| {
        challenged.contains(scope)
            || valid().any(|it| it.scopes().is_some_and(|held| !held.contains(scope)))
    };
    known
        .iter()
        .filter(|scope| lacking(scope))
        .cloned()
        .collect()
}

fn words(value: &str) -> impl Iterator<Item = String> {
    value.split_ascii_whitespace().map(str::to_owned)
}

const MEMBER: &str = "scopes_supported";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, resource_document};
    use crate::model::discovery::Route;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "whole-scope-catalogue-advertised";

    fn world(listed: &[&str]) -> World {
        let mut world = World::new();
        let document = resource_document(&[(MEMBER, json!(listed))]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w", "d"]);
        world
    }

    #[test]
    fn part_of_the_catalogue_holds() {
        assert_eq!(world(&["r"]).status(ID), Status::Pass);
    }

    #[test]
    fn the_whole_catalogue_warns_in_the_metadata_and_in_the_challenge() {
        assert_eq!(world(&["r", "w", "d", "openid"]).status(ID), Status::Warn);
        let mut world = world(&["r"]);
        world.challenge("Bearer", &[("scope", "d w r")]);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_catalogue_of_one_step_is_no_catalogue() {
        let mut world = World::new();
        let document = resource_document(&[(MEMBER, json!(["r", "w"]))]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        world.valid("reader", &["r"]);
        world.valid("writer", &["r", "w"]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn one_token_is_not_enough_to_know_the_catalogue() {
        let mut world = World::new();
        let document = resource_document(&[]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
