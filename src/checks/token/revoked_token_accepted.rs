//! TOK-17: a revoked token stops working.
//!
//! RFC 7009 §2; RFC 6750 §3.1.

use std::collections::BTreeSet;

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::tokens::OPEN;
use crate::model::door_trials::Door;
use crate::model::exchange::Exchange;
use crate::model::identity::Provenance;
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::door_trials::outcome;
use crate::oracle::gates::admits;

/// Reads the last answer to a token that the run had given back.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    let audited = |it: &&Exchange| it.probe.variant.is_none();
    let tries = || evidence.probed(ProbeId::RevokedToken);
    let Some(last) = tries().filter(audited).last() else {
        return untried(evidence);
    };
    match admits(last) {
        GateOutcome::Refused | GateOutcome::RefusedInBand => {
            elsewhere(evidence, &tries().collect::<Vec<_>>(), last)
        }
        GateOutcome::Accepted => {
            let message = format!(
                "the token of `{}` still works after its revocation was confirmed; expected HTTP 401",
                last.identity
            );
            let mut case = evidence.case();
            let mut draft = Draft::new(last.identity.clone(), message);
            draft = draft.at(last.id, Part::Status, "accepted");
            let mut revocations = evidence.probed(ProbeId::RevokeToken);
            let own = |it: &&Exchange| it.probe.variant.as_deref() == Some(last.identity.as_str());
            if let Some(revocation) = revocations.find(own) {
                draft = draft.at(revocation.id, Part::Status, "the revocation");
            }
            case.advise(draft);
            case.verdict(Verdict::inconclusive(
                "no finding could be made of an accepted token",
            ))
        }
        GateOutcome::Unclear => Verdict::inconclusive(
            "the revoked token got no answer that can be read as a yes or a no",
        ),
    }
}

/// The other revisions, where no token at all is refused at the door that the revoked one opened.
fn elsewhere(evidence: &Evidence<'_>, tries: &[&Exchange], refused: &Exchange) -> Verdict {
    let collected = evidence.collected();
    let guarded = |revision: &str| {
        collected.door_trials.iter().any(|trial| {
            let first = if trial.revision.is_modern() {
                Door::ToolList
            } else {
                Door::Initialize
            };
            trial.identity == "anonymous"
                && trial.door == first
                && trial.revision.as_str() == revision
                && outcome(&collected.ledger, trial) == GateOutcome::Refused
        })
    };
    let mut case = evidence.case();
    let revisions: BTreeSet<&str> = tries
        .iter()
        .filter_map(|it| it.probe.variant.as_deref())
        .filter(|revision| guarded(revision))
        .collect();
    for revision in &revisions {
        let own = tries.iter().rev();
        let mut own = own.filter(|it| it.probe.variant.as_deref() == Some(*revision));
        let Some(last) = own.next() else { continue };
        if admits(last) == GateOutcome::Accepted {
            let message = format!(
                "the token of `{}` still works in {revision} after its revocation was confirmed, and \
                 is refused in the audited revision; expected HTTP 401 in both",
                last.identity
            );
            let subject = format!("{} in {revision}", last.identity);
            let draft = Draft::new(subject, message).at(last.id, Part::Status, "accepted");
            case.advise(draft.at(refused.id, Part::Status, "refused"));
        }
    }
    case.verdict(Verdict::Held(format!(
        "the token of `{}` was refused in {} revision(s) after its revocation was confirmed",
        refused.identity,
        1 + revisions.len()
    )))
}

fn untried(evidence: &Evidence<'_>) -> Verdict {
    let mut valid = evidence.collected().identities.valid();
    if valid.any(|identity| {
        matches!(&identity.provenance, Provenance::Minted { grant, .. } if grant == GRANT)
    }) {
        return Verdict::inconclusive(
            "no token that the run obtained could be revoked: the authorization server names no \
             revocation endpoint, or refused",
        );
    }
    let mut valid = evidence.collected().identities.valid();
    let by_login = valid.any(|it| matches!(it.provenance, Provenance::Minted { .. }));
    let reason = if by_login {
        "tokens of a login are given back at the very end, after probes that may end them as well"
    } else {
        "only a token that the run obtained itself is revoked, and there is none"
    };
    Verdict::Inconclusive {
        reason: reason.to_owned(),
        decided_by: Some("an [[identity]] with grant = \"client_credentials\"".to_owned()),
    }
}

/// Tokens of a login are given back later.
const GRANT: &str = "client_credentials";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::exchange::Outcome;
    use crate::model::probe::ProbeKey;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;
    use crate::oracle::testing::{call, http, unauthorized};

    const ID: &str = "revoked-token-accepted";
    const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}"#;

    fn world(answers: Vec<Outcome>) -> World {
        let mut world = World::new();
        for answer in answers {
            let key = ProbeKey::new(ProbeId::RevokedToken);
            let exchange = call(key, "minted", "a", &serde_json::json!({}), answer);
            world.collected.ledger.file(exchange);
        }
        world
    }

    #[test]
    fn a_refusal_holds_and_the_last_answer_counts() {
        assert_eq!(world(vec![unauthorized()]).status(ID), Status::Pass);
        let late = vec![http(200, &[], LIST), unauthorized()];
        assert_eq!(world(late).status(ID), Status::Pass);
    }

    #[test]
    fn a_token_that_lives_on_warns() {
        let list = || http(200, &[], LIST);
        assert_eq!(world(vec![list(), list()]).status(ID), Status::Warn);
    }

    #[test]
    fn an_outage_decides_nothing() {
        assert_eq!(
            world(vec![http(503, &[], "")]).status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn without_a_token_of_the_run_the_configuration_is_named() {
        let Verdict::Inconclusive { decided_by, .. } = World::new().verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(decided_by.unwrap().contains("client_credentials"));
    }

    #[test]
    fn without_a_revocation_endpoint_there_is_nothing_to_add() {
        let mut world = World::new();
        world.valid("minted", &["a"]).provenance = Provenance::Minted {
            grant: "client_credentials".to_owned(),
            client_id: "c".to_owned(),
            token_endpoint: "https://auth.example.com/token".to_owned(),
        };
        let verdict = world.verdict(ID);
        assert!(matches!(
            verdict,
            Verdict::Inconclusive {
                decided_by: None,
                ..
            }
        ));
    }

    #[test]
    fn a_revision_that_goes_on_taking_it_is_named_where_it_asks_for_tokens() {
        let seen = |open, guarded: bool| {
            let mut world = world(vec![unauthorized()]);
            let old = Revision::R2025_03;
            world.at_door(old, Door::Initialize, "anonymous", !guarded);
            let key = ProbeKey::new(ProbeId::RevokedToken).variant(old.as_str());
            let answer = if open {
                http(200, &[], LIST)
            } else {
                unauthorized()
            };
            let exchange = call(key, "minted", "a", &serde_json::json!({}), answer);
            world.collected.ledger.file(exchange);
            world
        };
        let verdict = seen(true, true).verdict(ID);
        assert_eq!(verdict.findings()[0].subject, "minted in 2025-03-26");
        assert_eq!(seen(false, true).status(ID), Status::Pass);
        // A greeting for everybody says nothing about tokens.
        assert_eq!(seen(true, false).status(ID), Status::Pass);
    }
}
