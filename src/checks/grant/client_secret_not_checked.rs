//! ASE-18: a confidential client gets a token for its own secret and for nothing else.
//!
//! RFC 6749 §3.2.1.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::token_endpoint::{
    OperatorClient, TokenAttempt, TokenEndpoint, TokenOutcome, TokenQuestion,
};
use crate::model::verdict::{Part, Verdict};

/// Reads what a wrong secret and no secret got, where the right one gets a token.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut refused = 0_usize;
    let mut clients = 0_usize;
    for endpoint in &evidence.collected().token_endpoints {
        for client in &endpoint.clients {
            clients += 1;
            for (attempt, what) in tried(endpoint, client) {
                match &attempt.outcome {
                    TokenOutcome::Issued => case.breach(broken(client, attempt, what)),
                    TokenOutcome::Refused { .. } => refused += 1,
                    TokenOutcome::Limited | TokenOutcome::Unclear { .. } => {
                        let answer = attempt.outcome.words();
                        case.doubt(format!("the request with {what} got {answer}"), None);
                    }
                }
            }
        }
    }
    if clients == 0 {
        return Verdict::NotApplicable(
            "no confidential client took part; an identity with `client_credentials` brings one"
                .to_owned(),
        );
    }
    case.verdict(Verdict::Held(format!(
        "{refused} request(s) without the client's secret were refused"
    )))
}

fn tried<'a>(
    endpoint: &'a TokenEndpoint,
    client: &'a OperatorClient,
) -> impl Iterator<Item = (&'a TokenAttempt, &'static str)> {
    let of = |question, what| endpoint.asked(question).map(move |attempt| (attempt, what));
    of(TokenQuestion::WrongSecret, "a wrong secret")
        .chain(of(TokenQuestion::NoSecret, "no secret"))
        .filter(|(attempt, _)| attempt.client.as_ref() == Some(&client.client_id))
}

fn broken(client: &OperatorClient, attempt: &TokenAttempt, what: &str) -> Draft {
    let id = &client.client_id;
    let message = format!(
        "client `{id}` got a token with {what}, expected HTTP 401 or 400 invalid_client as for \
         any caller who is not the client"
    );
    Draft::new(format!("{id} with {what}"), message)
        .at(attempt.exchange, Part::Status, "issued")
        .at(client.control, Part::Status, "issued for the right secret")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{CLIENT, World};
    use crate::model::verdict::Status;

    const ID: &str = "client-secret-not-checked";

    fn world(wrong: &str, none: &str) -> World {
        let mut world = World::new();
        world.sound_server(&[]);
        world.token_endpoint();
        world.operator_client(&["a"]);
        world.token_asked(TokenQuestion::WrongSecret, Some(CLIENT), wrong);
        world.token_asked(TokenQuestion::NoSecret, Some(CLIENT), none);
        world
    }

    #[test]
    fn a_token_for_a_wrong_secret_or_none_is_broken() {
        assert_eq!(world("issued", "invalid_client").status(ID), Status::Fail);
        assert_eq!(world("invalid_client", "issued").status(ID), Status::Fail);
    }

    #[test]
    fn refusals_hold_whatever_they_are_called() {
        let status = world("invalid_client", "invalid_client").status(ID);
        assert_eq!(status, Status::Pass);
        let status = world("invalid_client", "invalid_request").status(ID);
        assert_eq!(status, Status::Pass);
    }

    #[test]
    fn a_page_for_people_leaves_it_open() {
        let status = world("page", "invalid_client").status(ID);
        assert_eq!(status, Status::Inconclusive);
    }

    #[test]
    fn without_a_confidential_client_it_does_not_apply() {
        let mut world = World::new();
        world.token_endpoint();
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
