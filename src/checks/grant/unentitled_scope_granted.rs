//! ASE-20: a scope that a client is not entitled to is refused or left out.
//!
//! RFC 6749 §3.3; MCP security guidance §Scope Minimization.

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::identity::ScopeSet;
use crate::model::token_endpoint::{
    OperatorClient, TokenAttempt, TokenEndpoint, TokenOutcome, TokenQuestion,
};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads what a scope that does not exist got, and what every published scope at once got.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut asked = 0_usize;
    let mut silent = 0_usize;
    for endpoint in &evidence.collected().token_endpoints {
        for client in &endpoint.clients {
            let mine = |attempt: &&TokenAttempt| attempt.client.as_ref() == Some(&client.client_id);
            for attempt in endpoint.asked(TokenQuestion::UnknownScope).filter(mine) {
                asked += 1;
                silent += usize::from(is_silent(attempt));
                unknown(&mut case, client, attempt);
            }
            for attempt in endpoint.asked(TokenQuestion::EveryScope).filter(mine) {
                every(&mut case, endpoint, client, attempt);
            }
        }
    }
    if asked == 0 {
        return Verdict::NotApplicable(
            "no machine client took part; an identity with `client_credentials` brings one"
                .to_owned(),
        );
    }
    case.verdict(Verdict::Held(match silent {
        0 => "a scope that does not exist was refused or left out".to_owned(),
        _ => "a scope that does not exist was left out, which the response does not say \
              (RFC 6749 §3.3)"
            .to_owned(),
    }))
}

fn unknown(case: &mut Case<'_>, client: &OperatorClient, attempt: &TokenAttempt) {
    let id = &client.client_id;
    match &attempt.outcome {
        TokenOutcome::Refused { .. } => {}
        TokenOutcome::Limited | TokenOutcome::Unclear { .. } => {
            let answer = attempt.outcome.words();
            case.doubt(format!("the request of `{id}` got {answer}"), None);
        }
        TokenOutcome::Issued => {
            let none = ScopeSet::new();
            let wanted = attempt.requested.as_ref().unwrap_or(&none);
            let Some(held) = attempt.seen() else {
                // RFC 6749 §5.1 takes silence for consent, yet servers drop such a scope in silence.
                let reason = format!(
                    "client `{id}` asked for {}, which nobody defines, and got an opaque token; the \
                     response names no `scope`, which it must when it leaves one out (RFC 6749 §5.1)",
                    scopes::list(wanted)
                );
                case.doubt(reason, None);
                return;
            };
            if wanted.is_subset(held) {
                let message = format!(
                    "client `{id}` asked for {}, which nobody defines, and was granted it; \
                     expected invalid_scope, or a `scope` without it",
                    scopes::list(wanted)
                );
                let draft = Draft::new(format!("{id}: a scope that does not exist"), message);
                case.breach(draft.at(attempt.exchange, Part::Status, "granted"));
            }
        }
    }
}

/// The token lacks what was asked for, and only the token tells.
fn is_silent(attempt: &TokenAttempt) -> bool {
    let lacking = attempt.claimed.as_ref().zip(attempt.requested.as_ref());
    attempt.granted.is_none() && lacking.is_some_and(|(held, asked)| !asked.is_subset(held))
}

fn every(
    case: &mut Case<'_>,
    endpoint: &TokenEndpoint,
    client: &OperatorClient,
    attempt: &TokenAttempt,
) {
    let (Some(wanted), Some(held)) = (&attempt.requested, attempt.seen()) else {
        return;
    };
    let more: ScopeSet = wanted.difference(&client.scopes).cloned().collect();
    let all = wanted.is_subset(held) && !client.scopes.is_empty() && !more.is_empty();
    if attempt.outcome != TokenOutcome::Issued || !all {
        return;
    }
    let id = &client.client_id;
    let message = format!(
        "client `{id}`, which is used with {}, was granted every scope that {} publishes, {} \
         among them",
        scopes::list(&client.scopes),
        endpoint.issuer,
        scopes::list(&more)
    );
    let draft = Draft::new(format!("{id}: every published scope"), message);
    let draft = draft.at_most(Severity::Low, "the client may be meant to have them");
    case.advise(draft.at(attempt.exchange, Part::Status, "granted"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{CLIENT, World};
    use crate::model::verdict::Status;

    const ID: &str = "unentitled-scope-granted";

    fn set(scopes: &[&str]) -> ScopeSet {
        scopes.iter().map(|&scope| scope.to_owned()).collect()
    }

    fn world(question: TokenQuestion, answer: &str, granted: Option<&[&str]>) -> World {
        let mut world = World::new();
        world.token_endpoint();
        world.operator_client(&["notes:read"]);
        world.token_asked(TokenQuestion::UnknownScope, Some(CLIENT), "invalid_scope");
        let attempt = world.token_asked(question, Some(CLIENT), answer);
        attempt.requested = Some(set(&["admin", "x"]));
        attempt.granted = granted.map(set);
        world
    }

    #[test]
    fn a_scope_that_does_not_exist_is_not_granted() {
        let question = TokenQuestion::UnknownScope;
        let status = |answer, granted| world(question, answer, granted).status(ID);
        assert_eq!(status("issued", None), Status::Inconclusive);
        assert_eq!(status("issued", Some(&["admin", "x"])), Status::Warn);
        assert_eq!(status("issued", Some(&["notes:read"])), Status::Pass);
        assert_eq!(status("invalid_scope", None), Status::Pass);
        assert_eq!(status("page", None), Status::Inconclusive);
    }

    #[test]
    fn leaving_a_scope_out_in_silence_is_told() {
        let mut world = world(TokenQuestion::UnknownScope, "issued", None);
        let endpoint = &mut world.collected.token_endpoints[0];
        endpoint.attempts[1].claimed = Some(set(&["notes:read"]));
        let Verdict::Held(text) = world.verdict(ID) else {
            panic!("expected that it holds");
        };
        assert!(text.contains("does not say"), "{text}");
    }

    #[test]
    fn everything_at_once_is_told_and_a_part_is_not() {
        let question = TokenQuestion::EveryScope;
        let status = |answer, granted| world(question, answer, granted).status(ID);
        assert_eq!(status("issued", Some(&["admin", "x"])), Status::Warn);
        assert_eq!(status("issued", Some(&["x"])), Status::Pass);
        assert_eq!(status("issued", None), Status::Pass);
        assert_eq!(status("invalid_scope", None), Status::Pass);
    }

    #[test]
    fn without_a_machine_client_it_does_not_apply() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
