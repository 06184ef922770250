//! EXT-07: a proof of possession proves something: it is of the token's key, for this request, for
//! this token, and fresh.
//!
//! RFC 9449 §4.3, §7.1, §11.1.

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::tokens;
use crate::model::matrix::GateOutcome;
use crate::model::proof::ProofFlaw;
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::proofs::{self, Proofs, Tried};

/// Each flaw has to be refused while a good proof opens the list, before and after.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(proofs) = proofs::read(&evidence.collected().ledger) else {
        return Verdict::NotApplicable(
            "no token of the audit is bound to a key of the run and opens the tool list".to_owned(),
        );
    };
    let accepted_bare =
        |tried: &Tried| tried.flaw.is_without_proof() && tried.outcome == GateOutcome::Accepted;
    if proofs.tried.iter().any(accepted_bare) {
        return Verdict::NotApplicable(
            "the token opens the tool list without any proof, which \
             `bound-token-accepted-unproven` reports"
                .to_owned(),
        );
    }
    let mut case = evidence.case();
    let open = tokens::is_list_open(evidence);
    let mut refused = 0_usize;
    for tried in proofs.tried.iter().filter(|it| !it.flaw.is_without_proof()) {
        match tried.outcome {
            GateOutcome::Accepted if open => {
                case.doubt("the lists are open without a token as well", None);
            }
            GateOutcome::Accepted => accepted(&mut case, &proofs, *tried),
            GateOutcome::Refused | GateOutcome::RefusedInBand => refused += 1,
            GateOutcome::Unclear => case.doubt(
                format!(
                    "the answer to a list {} says neither yes nor no",
                    tried.flaw.told()
                ),
                None,
            ),
        }
    }
    if refused > 0 && proofs.after.is_none() {
        case.doubt(
            "the good proof was refused as well once the wrong ones had been tried",
            Some("another run"),
        );
    }
    case.verdict(if refused == 0 {
        Verdict::undecided("no request with a wrong proof was answered", "another run")
    } else {
        Verdict::Held(format!(
            "{refused} wrong proofs were refused, and good ones before and after opened the list"
        ))
    })
}

fn accepted(case: &mut Case<'_>, proofs: &Proofs<'_>, tried: Tried) {
    let draft = draft(proofs, tried);
    match tried.flaw {
        // RFC 9449 §11.1: a server can remember proofs; that it may not be feasible is said as well.
        ProofFlaw::Replayed => case.advise(draft.at_most(
            Severity::Low,
            "remembering proofs is not demanded, and a short window bounds what a copy is worth",
        )),
        // RFC 9449 §4.3: a nonce tells the age of a proof as well as `iat` does.
        ProofFlaw::Old if proofs.nonces => {}
        _ => case.breach(draft),
    }
}

fn draft(proofs: &Proofs<'_>, tried: Tried) -> Draft {
    let message = format!(
        "the token of `{}` opened the tool list {}, expected HTTP 401 with a DPoP challenge ({})",
        proofs.identity,
        tried.flaw.told(),
        tried.flaw.clause()
    );
    let subject = format!("proof: {}", tried.flaw.as_str());
    let draft = Draft::new(subject, message);
    let draft = draft.at(tried.exchange, Part::Status, "accepted");
    draft.also(&[proofs.before], "the same with a good proof")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::discovery::AnonymousAccess;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::verdict::Status;

    const ID: &str = "wrong-proof-accepted";
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
    const LISTED: &str = r#"{"jsonrpc":"2.0","id":null,"result":{"tools":[]}}"#;

    fn world(flaws: &[(&str, u16)]) -> World {
        let mut world = World::new();
        world.valid("machine", &["notes:read"]);
        let url = world.collected.discovery.endpoint.clone();
        let all = [&[(proofs::BEFORE, 200)], flaws, &[(proofs::AFTER, 200)]].concat();
        for (variant, status) in all {
            let key = ProbeKey::new(ProbeId::FlawedProof).variant(variant);
            let body = if status == 200 { LISTED } else { "" };
            world.ask(key, "machine", &url, response(status, JSON, body));
        }
        world
    }

    #[test]
    fn every_flaw_that_a_clause_forbids_breaks_alone() {
        for flaw in ProofFlaw::ALL {
            let expected = match flaw {
                ProofFlaw::Bearer | ProofFlaw::Missing => Status::NotApplicable,
                ProofFlaw::Replayed => Status::Warn,
                _ => Status::Fail,
            };
            let others = ("other-type", 401);
            let others = if flaw == ProofFlaw::OtherType {
                ("old", 401)
            } else {
                others
            };
            let world = world(&[(flaw.as_str(), 200), others]);
            assert_eq!(world.status(ID), expected, "{flaw:?}");
        }
    }

    #[test]
    fn refused_flaws_hold_while_the_good_proof_works() {
        let mut flaws: Vec<(&str, u16)> = Vec::new();
        flaws.extend(ProofFlaw::ALL.iter().map(|flaw| (flaw.as_str(), 401)));
        assert_eq!(world(&flaws).status(ID), Status::Pass);
        let mut spent = World::new();
        let url = spent.collected.discovery.endpoint.clone();
        for (variant, status) in [
            (proofs::BEFORE, 200),
            ("other-key", 401),
            (proofs::AFTER, 401),
        ] {
            let key = ProbeKey::new(ProbeId::FlawedProof).variant(variant);
            let body = if status == 200 { LISTED } else { "" };
            spent.ask(key, "machine", &url, response(status, JSON, body));
        }
        assert_eq!(spent.status(ID), Status::Inconclusive);
    }

    #[test]
    fn an_old_proof_with_a_nonce_of_the_server_is_fresh() {
        let mut world = world(&[("old", 200), ("other-key", 401)]);
        let nonce = [("dpop-nonce", "n")];
        world.answer(ProbeId::ListTools, "machine", 401, &nonce, "");
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn what_is_open_anyway_and_what_fails_decide_nothing() {
        let mut open = world(&[("other-key", 200)]);
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(open.status(ID), Status::Inconclusive);
        assert_eq!(
            world(&[("other-key", 500)]).status(ID),
            Status::Inconclusive
        );
        assert_eq!(world(&[]).status(ID), Status::Inconclusive);
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
