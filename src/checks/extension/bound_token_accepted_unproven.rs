//! EXT-07: a token that is bound to a key opens nothing without a proof of that key.
//!
//! DPoP profile (draft); RFC 9449 §5.1, §7.1, §7.2.

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::tokens;
use crate::codec::challenge;
use crate::model::discovery::MetadataAttempt;
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::model::matrix::GateOutcome;
use crate::model::surface::ListOutcome;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::proofs::{self, Proofs};

/// What is bound to a key, or has to be, must not get in as `Bearer`.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let announced = evidence
        .resource_documents()
        .find(|attempt| attempt.flag(REQUIRED) == Some(true));
    let mut servers = 0_usize;
    for (server, attempt) in evidence.authorization_metadata() {
        let Some(algorithms) = attempt.texts(ALGORITHMS) else {
            continue;
        };
        servers += 1;
        if let Some(bad) = algorithms.iter().find(|alg| is_no_proof(alg)) {
            let message = format!("`{ALGORITHMS}` lists `{bad}`, expected signatures only");
            let part = Part::Pointer(format!("/{ALGORITHMS}"));
            let subject = format!("{}: {ALGORITHMS}", server.issuer);
            case.breach(Draft::new(subject, message).at(attempt.exchange, part, "no proof"));
        }
    }
    let bound: Vec<_> = evidence
        .usable()
        .filter(|identity| announced.is_some() || is_bound(identity))
        .collect();
    let (proven, bound): (Vec<_>, Vec<_>) = bound
        .into_iter()
        .partition(|identity| proofs::is_proven(&evidence.collected().ledger, &identity.name));
    let mut refused = 0_usize;
    for identity in &bound {
        match let_in(evidence, identity) {
            Some(exchange) if evidence.protection() == Protection::Required => {
                case.breach(unproven(identity, exchange, announced));
            }
            Some(_) => case.doubt("the lists are open without a token as well", None),
            None if is_asked_for_proof(evidence, identity) => refused += 1,
            None => case.doubt(
                format!(
                    "the token of `{}` was refused without a DPoP challenge, which may have other \
                     reasons",
                    identity.name
                ),
                None,
            ),
        }
    }
    let own = proofs::read(&evidence.collected().ledger);
    match own {
        Some(own) => refused += unproven_own(evidence, &mut case, &own),
        None if bound.is_empty() && !proven.is_empty() => case.doubt(
            "every token that is bound to a key went out with proofs of it, none without",
            Some("a bound token that opens the tool list"),
        ),
        None => {}
    }
    case.verdict(match (refused, servers, announced) {
        (1.., ..) => Verdict::Held(format!(
            "bound tokens were refused without a proof ({refused} request(s))"
        )),
        (0, 0, None) => Verdict::NotApplicable(
            "no metadata speaks of DPoP, and no token of the audit is bound to a key".to_owned(),
        ),
        _ => Verdict::undecided(
            "DPoP is offered, and no token of the audit is bound to a key",
            "an identity whose token is bound to a key",
        ),
    })
}

/// The token of the run that went out without its proof, between requests with good ones; how often it
/// was refused.
fn unproven_own(evidence: &Evidence<'_>, case: &mut Case<'_>, own: &Proofs<'_>) -> usize {
    let mut refused = 0;
    for tried in own.tried.iter().filter(|it| it.flaw.is_without_proof()) {
        let told = tried.flaw.told();
        match tried.outcome {
            GateOutcome::Accepted if tokens::is_list_open(evidence) => {
                case.doubt("the lists are open without a token as well", None);
            }
            GateOutcome::Accepted => {
                let message = format!(
                    "the token of `{}` is bound to a key and opened the tool list {told}, expected \
                     HTTP 401 with a DPoP challenge ({})",
                    own.identity,
                    tried.flaw.clause()
                );
                let subject = format!("token of {}: {}", own.identity, tried.flaw.as_str());
                let draft = Draft::new(subject, message);
                let draft = draft.at(tried.exchange, Part::Status, "accepted without a proof");
                case.breach(draft.also(&[own.before], "the same with a good proof"));
            }
            GateOutcome::Refused | GateOutcome::RefusedInBand if own.after.is_some() => {
                refused += 1;
            }
            GateOutcome::Refused | GateOutcome::RefusedInBand => case.doubt(
                "the good proof was refused as well once requests without one had been tried",
                Some("another run"),
            ),
            GateOutcome::Unclear => case.doubt(
                format!("the answer to a list {told} says neither yes nor no"),
                None,
            ),
        }
    }
    refused
}

fn is_bound(identity: &Identity) -> bool {
    let claims = identity.claims.as_ref();
    claims.is_some_and(|claims| claims.key_bound)
}

/// The first list that the token opened.
fn let_in(evidence: &Evidence<'_>, identity: &Identity) -> Option<ExchangeId> {
    let listings = &evidence.collected().surface.listings;
    let read = listings.iter().find(|listing| {
        listing.identity == identity.name && listing.outcome == ListOutcome::Complete
    })?;
    read.exchanges.first().copied()
}

/// Whether a refusal of this token names the scheme that it was meant for (RFC 9449 §7.1).
fn is_asked_for_proof(evidence: &Evidence<'_>, identity: &Identity) -> bool {
    let mut ledger = evidence.collected().ledger.iter();
    ledger.any(|exchange| {
        let response = exchange
            .response()
            .filter(|response| response.status == 401);
        response.is_some_and(|response| {
            let values: Vec<_> = response.header_values("www-authenticate").collect();
            let challenges = challenge::parse(&values).challenges;
            exchange.identity == identity.name
                && challenges
                    .iter()
                    .any(|challenge| challenge.scheme.eq_ignore_ascii_case("dpop"))
        })
    })
}

/// RFC 9449 §5.1: neither `none` nor a symmetric algorithm.
fn is_no_proof(algorithm: &str) -> bool {
    algorithm.eq_ignore_ascii_case("none") || algorithm.starts_with("HS")
}

fn unproven(
    identity: &Identity,
    exchange: ExchangeId,
    announced: Option<&MetadataAttempt>,
) -> Draft {
    let name = &identity.name;
    let why = if is_bound(identity) {
        "is bound to a key (`cnf`)"
    } else {
        "has to be bound to a key by the resource metadata"
    };
    let message = format!(
        "the token of `{name}` {why} and was accepted as Bearer without a proof, expected HTTP \
         401 with a DPoP challenge"
    );
    let draft = Draft::new(format!("token of {name}"), message);
    let draft = draft.at(exchange, Part::Status, "accepted without a proof");
    match announced {
        Some(attempt) => {
            let part = Part::Pointer(format!("/{REQUIRED}"));
            draft.at(attempt.exchange, part, "required")
        }
        None => draft,
    }
}

const REQUIRED: &str = "dpop_bound_access_tokens_required";
const ALGORITHMS: &str = "dpop_signing_alg_values_supported";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, resource_document, response};
    use crate::model::discovery::Route;
    use crate::model::exchange::HeaderField;
    use crate::model::identity::Claims;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    const ID: &str = "bound-token-accepted-unproven";

    fn world(bound: bool, required: Value) -> World {
        let mut world = World::new();
        let document = resource_document(&[(REQUIRED, required)]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        world.valid("reader", &["notes:read"]).claims = Some(Claims {
            key_bound: bound,
            ..Claims::default()
        });
        world
    }

    #[test]
    fn a_bound_token_that_opens_a_list_as_bearer_is_broken() {
        for (bound, required) in [(true, Value::Null), (false, json!(true))] {
            let mut world = world(bound, required);
            world.listing("reader", 0, &["read_note"]);
            assert_eq!(world.status(ID), Status::Fail, "{bound}");
        }
    }

    #[test]
    fn a_bound_token_that_is_asked_for_its_proof_holds() {
        let mut refused = world(true, Value::Null);
        refused.answer(ProbeId::ListTools, "reader", 401, &[], "");
        assert_eq!(refused.status(ID), Status::Inconclusive);
        let challenge = [("WWW-Authenticate", "DPoP error=\"invalid_token\"")];
        refused.answer(ProbeId::ListTools, "reader", 401, &challenge, "");
        assert_eq!(refused.status(ID), Status::Pass);
        let mut open = world(true, Value::Null);
        open.listing("reader", 0, &["read_note"]);
        open.collected.discovery.anonymous = crate::model::discovery::AnonymousAccess::Served;
        assert_eq!(open.status(ID), Status::Inconclusive);
    }

    #[test]
    fn algorithms_without_a_private_key_are_broken() {
        let status = |algorithms: Value| {
            let mut world = World::new();
            world.sound_server(&[(ALGORITHMS, algorithms)]);
            world.status(ID)
        };
        assert_eq!(status(json!(["ES256", "none"])), Status::Fail);
        assert_eq!(status(json!(["HS256"])), Status::Fail);
        assert_eq!(status(json!(["ES256"])), Status::Inconclusive);
    }

    #[test]
    fn a_token_of_the_run_is_judged_by_what_happens_without_its_proof() {
        let status = |trials: &[(&str, u16)]| {
            let mut world = world(true, Value::Null);
            let url = world.collected.discovery.endpoint.clone();
            let lists = world.answer(ProbeId::ListTools, "reader", 200, &[], LISTED);
            prove(&mut world, lists);
            for (variant, status) in trials {
                let key = ProbeKey::new(ProbeId::FlawedProof).variant(*variant);
                let body = if *status == 200 { LISTED } else { "" };
                world.ask(key, "reader", &url, response(*status, JSON, body));
            }
            world.status(ID)
        };
        let (before, after) = ((proofs::BEFORE, 200), (proofs::AFTER, 200));
        assert_eq!(status(&[before, ("bearer", 200), after]), Status::Fail);
        assert_eq!(status(&[before, ("no-proof", 200), after]), Status::Fail);
        let refused = [before, ("bearer", 401), ("no-proof", 401), after];
        assert_eq!(status(&refused), Status::Pass);
        assert_eq!(status(&[before, ("bearer", 401)]), Status::Inconclusive);
        let unclear = [before, ("bearer", 401), ("no-proof", 502), after];
        assert_eq!(status(&unclear), Status::Inconclusive);
        // The other flaws are the other check's business.
        assert_eq!(
            status(&[before, ("bearer", 401), ("other-key", 200), after]),
            Status::Pass
        );
        assert_eq!(status(&[]), Status::Inconclusive);
    }

    fn prove(world: &mut World, id: ExchangeId) {
        let mut filed = world.collected.ledger.exchange(id).unwrap().clone();
        filed
            .request
            .headers
            .push(HeaderField::new("DPoP", "{proof}"));
        world.collected.ledger.file(filed);
    }

    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
    const LISTED: &str = r#"{"jsonrpc":"2.0","id":null,"result":{"tools":[]}}"#;

    #[test]
    fn ordinary_tokens_do_not_apply() {
        let mut world = world(false, Value::Null);
        world.listing("reader", 0, &["read_note"]);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
