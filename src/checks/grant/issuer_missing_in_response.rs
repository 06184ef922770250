//! ASE-11: authorization responses carry the issuer that metadata promises.
//!
//! MCP §Authorization Response Validation; RFC 9207 §2, §3.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::FrontEnd;
use crate::model::discovery::MetadataAttempt;
use crate::model::exchange::ExchangeId;
use crate::model::verdict::{Part, Verdict};
use serde_json::Value;

/// Reads `iss` in every authorization response: errors without a login, and the answers that a
/// browser brought back from one.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let responses: Vec<Response<'_>> = without_login(evidence)
        .into_iter()
        .chain(from_logins(evidence))
        .collect();
    if responses.is_empty() {
        return front::without_client(evidence).unwrap_or_else(|| Verdict::Inconclusive {
            reason: "no error came back to a registered redirect URI, so no authorization \
                     response was seen"
                .to_owned(),
            decided_by: Some(front::LOG_IN.to_owned()),
        });
    }
    let silent = |it: &Response<'_>| !it.promised && it.iss.is_none();
    if responses.iter().all(silent) {
        return Verdict::NotApplicable(
            "authorization responses carry no `iss` and metadata promises none, which is \
             `issuer-parameter-not-advertised`"
                .to_owned(),
        );
    }
    let mut case = evidence.case();
    for response in &responses {
        if let Some(problem) = problem(response) {
            case.breach(Draft::new(response.server, problem).at(
                response.exchange,
                response.part.clone(),
                "an authorization response",
            ));
        }
    }
    case.verdict(Verdict::Held(format!(
        "{} authorization responses carried the right `iss`",
        responses.len()
    )))
}

/// An authorization response and what its server promised.
struct Response<'a> {
    server: &'a str,
    /// The issuer as stated and as looked up; where they differ, that is `issuer-mismatch`.
    issuers: [&'a str; 2],
    promised: bool,
    iss: Option<&'a str>,
    exchange: ExchangeId,
    part: Part,
}

fn without_login<'a>(evidence: &Evidence<'a>) -> Vec<Response<'a>> {
    let mut responses = Vec::new();
    for (channel, client) in front::clients(evidence) {
        let metadata = evidence
            .authorization_metadata()
            .find(|(server, _)| server.issuer == channel.issuer);
        let Some((server, metadata)) = metadata else {
            continue;
        };
        for answer in &client.answers {
            let FrontEnd::Returned(returned) = &answer.end else {
                continue;
            };
            if returned.registered {
                responses.push(Response {
                    server: &channel.issuer,
                    issuers: [
                        metadata.text("issuer").unwrap_or(&server.issuer),
                        &server.issuer,
                    ],
                    promised: promises(metadata),
                    iss: returned.iss.as_deref(),
                    exchange: answer.last(),
                    part: Part::Header("location".to_owned()),
                });
            }
        }
    }
    responses
}

fn from_logins<'a>(evidence: &Evidence<'a>) -> Vec<Response<'a>> {
    let logins = evidence.collected().logins.iter();
    let rounds = logins.flat_map(|login| login.rounds.iter().map(move |round| (login, round)));
    let responses = rounds.filter_map(|(login, round)| {
        Some(Response {
            server: &login.issuer,
            issuers: [&login.issuer, &login.issuer],
            promised: login.issuer_promised,
            iss: round.issuer.as_deref(),
            exchange: round.exchange?,
            part: Part::Request,
        })
    });
    responses.collect()
}

fn promises(metadata: &MetadataAttempt) -> bool {
    let document = metadata.document.as_ref();
    document.and_then(|document| document.get(FLAG)) == Some(&Value::Bool(true))
}

fn problem(response: &Response<'_>) -> Option<String> {
    let [issuer, _] = response.issuers;
    match (response.iss, response.promised) {
        (None, true) => Some(format!(
            "metadata says `{FLAG}`, and the response carries no `iss`; expected `iss={issuer}`"
        )),
        (Some(iss), _) if !response.issuers.contains(&iss) => Some(format!(
            "the response carries `iss={iss}`, expected `{issuer}`"
        )),
        (Some(_), false) => Some(format!(
            "the response carries `iss`, and metadata does not say so; expected `{FLAG}: true`"
        )),
        _ => None,
    }
}

const FLAG: &str = "authorization_response_iss_parameter_supported";

#[cfg(test)]
mod tests {
    use super::FLAG;
    use crate::checks::testing::{ISSUER, World, refusal, returned};
    use crate::model::authorization::{FrontAsk, FrontEnd};
    use crate::model::target::Revision;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "issuer-missing-in-response";

    fn status(flag: bool, iss: Option<&str>) -> Status {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.sound_server(&[(FLAG, json!(flag))]);
        let mut end = returned(true, "invalid_request");
        if let FrontEnd::Returned(returned) = &mut end {
            returned.iss = iss.map(str::to_owned);
        }
        world.front(&[(FrontAsk::ChallengeMissing, end)]);
        world.status(ID)
    }

    #[test]
    fn a_promised_issuer_must_be_there_and_right() {
        assert_eq!(status(true, Some(ISSUER)), Status::Pass);
        assert_ne!(status(true, None), Status::Pass);
        assert_eq!(status(true, None), status(true, Some("https://other")));
    }

    #[test]
    fn an_issuer_that_nobody_promised_is_told() {
        assert_eq!(status(false, Some(ISSUER)), status(true, None));
        assert_eq!(status(false, None), Status::NotApplicable);
    }

    #[test]
    fn what_a_login_brought_back_counts_too() {
        for (promised, iss, expected) in [
            (true, Some(ISSUER), Status::Pass),
            (true, None, Status::Warn),
            (true, Some("https://other"), Status::Warn),
            (false, Some(ISSUER), Status::Warn),
            (false, None, Status::NotApplicable),
        ] {
            let mut world = World::new();
            world.revision(Revision::R2026_07);
            world.login().issuer_promised = promised;
            world.returned(iss);
            assert_eq!(world.status(ID), expected, "{promised} {iss:?}");
        }
    }

    #[test]
    fn pages_alone_decide_nothing() {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.sound_server(&[]);
        world.front(&[(FrontAsk::ChallengeMissing, refusal())]);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
