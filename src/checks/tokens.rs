//! One question for every credential that must be refused: did some guarded door accept it?

use std::collections::BTreeMap;

use crate::codec::challenge;
use crate::model::exchange::Response;
use crate::model::identity::IdentityKind;
use crate::model::matrix::{Class, Confidence, GateObservation, GateOutcome};
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};

use super::case::{Case, Draft};
use super::evidence::{Evidence, Protection};

/// A credential that must be refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credential {
    /// Its kind.
    pub(crate) kind: IdentityKind,
    /// What it is, as a phrase for a sentence: `a token with an edited payload`.
    pub(crate) what: &'static str,
    /// The start of its name among the identities.
    pub(crate) name: &'static str,
    /// The configuration that would provide it.
    pub(crate) decided_by: Option<&'static str>,
    /// Whether it only exists for JSON Web Tokens.
    pub(crate) jwt_only: bool,
}

/// Judges a credential by the doors it was tried on.
pub(crate) fn refused(evidence: &Evidence<'_>, credential: Credential) -> Verdict {
    match examine(evidence, credential) {
        Ok((case, doors)) => case.verdict(Verdict::Held(format!(
            "{} was refused at every guarded door that was tried ({doors})",
            credential.what
        ))),
        Err(verdict) => verdict,
    }
}

/// Whether the tool list opened without a token, or for one that nobody issued.
pub(crate) fn is_list_open(evidence: &Evidence<'_>) -> bool {
    let kinds = [IdentityKind::Anonymous, IdentityKind::Garbage];
    let mut gates = kinds.into_iter().flat_map(|kind| evidence.gates(kind));
    let opened = |gate: &GateObservation| {
        gate.door == ProbeId::ListTools.as_str() && gate.outcome == GateOutcome::Accepted
    };
    evidence.protection() != Protection::Required || gates.any(opened)
}

/// The case against a credential and how many doors refused it, or why there is none.
pub(crate) fn examine<'a>(
    evidence: &Evidence<'a>,
    credential: Credential,
) -> Result<(Case<'a>, usize), Verdict> {
    let what = credential.what;
    if evidence.protection() == Protection::Open {
        return Err(Verdict::NotApplicable(OPEN.to_owned()));
    }
    if credential.jwt_only && is_opaque(evidence) {
        let reason = "the tokens given are not JSON Web Tokens: without a header, claims and a \
                      signature there is nothing to make this copy of, and what the server knows of \
                      them it looks up; `tampered-token-accepted` reads the copies that can be made";
        return Err(Verdict::NotApplicable(reason.to_owned()));
    }
    let gates: Vec<&GateObservation> = evidence.gates(credential.kind).collect();
    if gates.is_empty() {
        return Err(absent(evidence, credential));
    }
    let guarded: Vec<_> = gates
        .into_iter()
        .filter(|gate| !is_public(evidence, credential.kind, gate))
        .collect();
    let mut case = evidence.case();
    let mut accepted: BTreeMap<(&str, &str), Vec<&GateObservation>> = BTreeMap::new();
    for gate in &guarded {
        if gate.outcome == GateOutcome::Accepted {
            let key = (gate.identity.as_str(), gate.door.as_str());
            accepted.entry(key).or_default().push(gate);
        }
    }
    for ((identity, door), gates) in accepted {
        case.breach(accepted_at(what, identity, door, &gates));
    }
    let refused = guarded.iter().filter(|gate| is_refusal(gate)).count();
    if refused == 0 && case.is_clean() {
        let reason = if guarded.is_empty() {
            format!("every door {what} was tried on answers without a token as well")
        } else {
            format!("no door gave {what} an answer that can be read as a yes or a no")
        };
        case.doubt(reason, None);
    }
    Ok((case, refused))
}

/// Whether a door refused, at the HTTP layer or in band.
pub(crate) fn is_refusal(gate: &GateObservation) -> bool {
    matches!(
        gate.outcome,
        GateOutcome::Refused | GateOutcome::RefusedInBand
    )
}

/// The parameters of an answer's Bearer or DPoP challenge; `None` without such a challenge.
pub(crate) fn challenge_params(response: &Response) -> Option<Vec<(String, String)>> {
    let values: Vec<&str> = response.header_values("www-authenticate").collect();
    let challenges = challenge::parse(&values);
    Some(challenges.token_challenge()?.params.clone())
}

fn accepted_at(what: &str, identity: &str, door: &str, gates: &[&GateObservation]) -> Draft {
    let executed = gates
        .iter()
        .any(|gate| gate.class == Some(Class::ExecutedOk));
    let count = match gates.len() {
        1 => String::new(),
        many => format!(" for {many} subjects"),
    };
    let mut draft = Draft::new(
        format!("{identity} at {door}"),
        format!("`{door}` answered {what}{count}; expected HTTP 401"),
    );
    if executed {
        draft = draft.confidence(Confidence::Proven);
    }
    for gate in gates.iter().take(MAX_CITES) {
        draft = draft.at(gate.exchange, Part::Status, "accepted");
    }
    draft
}

// A door that answers without a token says nothing about how tokens are verified. One that forgets
// to ask takes any string, though, and that is what a token that nobody issued is about.
fn is_public(evidence: &Evidence<'_>, kind: IdentityKind, gate: &GateObservation) -> bool {
    gate.outcome == GateOutcome::Accepted
        && evidence.gates(IdentityKind::Anonymous).any(|other| {
            other.door == gate.door
                && other.subject == gate.subject
                && other.outcome == GateOutcome::Accepted
                && !(kind == IdentityKind::Garbage && is_forgotten(evidence, other))
        })
}

/// Whether a door lets in without a token although an outer door asks for one.
pub(crate) fn is_forgotten(evidence: &Evidence<'_>, gate: &GateObservation) -> bool {
    // Only sessions and lists are refused for everybody alike; calls may differ by design.
    let outer = evidence
        .gates(IdentityKind::Anonymous)
        .filter(|other| is_refusal(other))
        .filter_map(depth)
        .min()
        .filter(|outer| *outer < CALLS);
    gate.outcome == GateOutcome::Accepted
        && outer
            .zip(depth(gate))
            .is_some_and(|(outer, own)| own > outer)
}

/// How far inside a door is: sessions, then lists, then calls; `None` where that does not matter.
pub(crate) fn depth(gate: &GateObservation) -> Option<u8> {
    let door = |ids: &[ProbeId]| ids.iter().any(|id| id.as_str() == gate.door);
    if door(&[
        ProbeId::OpenSession,
        ProbeId::DetectModern,
        ProbeId::DetectLegacy,
    ]) {
        Some(SESSION)
    } else if door(&[
        ProbeId::ListTools,
        ProbeId::ListResources,
        ProbeId::ListResourceTemplates,
        ProbeId::ListPrompts,
    ]) {
        Some(LISTS)
    } else {
        (!door(&[
            ProbeId::DetectSse,
            ProbeId::Initialized,
            ProbeId::CloseSession,
        ]))
        .then_some(CALLS)
    }
}

/// Whether valid tokens were given and none is a JSON Web Token.
pub(crate) fn is_opaque(evidence: &Evidence<'_>) -> bool {
    let mut valid = evidence.identities(IdentityKind::Valid).peekable();
    valid.peek().is_some() && valid.all(|identity| identity.claims.is_none())
}

fn absent(evidence: &Evidence<'_>, credential: Credential) -> Verdict {
    let missing = &evidence.collected().identities.missing;
    let known = missing
        .iter()
        .find(|identity| identity.name.starts_with(credential.name));
    let what = credential.what;
    let reason = match known {
        Some(identity) => format!("{what} was not tried: {}", identity.reason),
        None => format!("{what} was not tried"),
    };
    Verdict::Inconclusive {
        reason,
        decided_by: credential.decided_by.map(str::to_owned),
    }
}

/// What is said of a server that asks nobody for a token.
pub(crate) const OPEN: &str = "the server asks for no token at any door that was tried: \
    posture open, which MCP allows because authorization is optional";

const MAX_CITES: usize = 3;
const SESSION: u8 = 0;
const LISTS: u8 = 1;
const CALLS: u8 = 2;
