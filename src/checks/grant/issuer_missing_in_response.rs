//! ASE-11: authorization responses carry the issuer that metadata promises.
//!
//! MCP §Authorization Response Validation; RFC 9207 §2, §3.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::{FrontEnd, Returned};
use crate::model::discovery::MetadataAttempt;
use crate::model::exchange::ExchangeId;
use crate::model::verdict::{Part, Verdict};
use serde_json::Value;

/// Reads `iss` in the error responses that came back to a registered redirect URI.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    let (mut responses, mut silent) = (0_usize, 0_usize);
    for (channel, client) in front::clients(evidence) {
        let metadata = evidence
            .authorization_metadata()
            .find(|(server, _)| server.issuer == channel.issuer);
        let Some((server, metadata)) = metadata else {
            continue;
        };
        let promised = promises(metadata);
        // Where the two differ, that is `issuer-mismatch`.
        let stated = metadata.text("issuer").unwrap_or(&server.issuer);
        let issuers = [stated, server.issuer.as_str()];
        for answer in &client.answers {
            let FrontEnd::Returned(returned) = &answer.end else {
                continue;
            };
            if !returned.registered {
                continue;
            }
            responses += 1;
            silent += usize::from(!promised && returned.iss.is_none());
            if let Some(problem) = problem(promised, &issuers, returned) {
                case.breach(draft(&channel.issuer, &problem, answer.last()));
            }
        }
    }
    if responses == 0 {
        return Verdict::Inconclusive {
            reason: "no error came back to a registered redirect URI, so no authorization \
                     response was seen"
                .to_owned(),
            decided_by: Some(front::LOG_IN.to_owned()),
        };
    }
    if silent == responses {
        return Verdict::NotApplicable(
            "authorization responses carry no `iss` and metadata promises none, which is \
             `issuer-parameter-not-advertised`"
                .to_owned(),
        );
    }
    case.verdict(Verdict::Held(format!(
        "{responses} authorization responses carried the right `iss`"
    )))
}

fn promises(metadata: &MetadataAttempt) -> bool {
    let document = metadata.document.as_ref();
    document.and_then(|document| document.get(FLAG)) == Some(&Value::Bool(true))
}

fn problem(promised: bool, issuers: &[&str; 2], returned: &Returned) -> Option<String> {
    let [issuer, _] = issuers;
    match (&returned.iss, promised) {
        (None, true) => Some(format!(
            "metadata says `{FLAG}`, and the response carries no `iss`; expected `iss={issuer}`"
        )),
        (Some(iss), _) if !issuers.contains(&iss.as_str()) => Some(format!(
            "the response carries `iss={iss}`, expected `{issuer}`"
        )),
        (Some(_), false) => Some(format!(
            "the response carries `iss`, and metadata does not say so; expected `{FLAG}: true`"
        )),
        _ => None,
    }
}

fn draft(issuer: &str, problem: &str, exchange: ExchangeId) -> Draft {
    Draft::new(issuer, problem).at(
        exchange,
        Part::Header("location".to_owned()),
        "an authorization response",
    )
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
    fn pages_alone_decide_nothing() {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.sound_server(&[]);
        world.front(&[(FrontAsk::ChallengeMissing, refusal())]);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
