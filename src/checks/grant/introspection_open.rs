//! ASE-19: nobody learns without credentials whether a token is alive.
//!
//! RFC 7662 §2.1.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::token_endpoint::IntrospectionOutcome;
use crate::model::verdict::{Part, Verdict};

/// Reads what the introspection endpoint told a caller without credentials.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let endpoints = &evidence.collected().token_endpoints;
    let mut case = evidence.case();
    let mut asked = 0_usize;
    for endpoint in endpoints {
        let Some(introspection) = &endpoint.introspection else {
            continue;
        };
        asked += 1;
        let url = &introspection.endpoint;
        match &introspection.outcome {
            IntrospectionOutcome::Answered => {
                let message = format!(
                    "{url} said of a random token whether it is active, without credentials; \
                     expected HTTP 401"
                );
                let pointer = Part::Pointer("/active".to_owned());
                let draft = Draft::new(url.clone(), message);
                case.breach(draft.at(introspection.exchange, pointer, "told a stranger"));
            }
            IntrospectionOutcome::Refused { .. } => {}
            IntrospectionOutcome::Unclear { what } => {
                case.doubt(format!("{url} answered {what}"), None);
            }
        }
    }
    case.verdict(match asked {
        0 => Verdict::NotApplicable("no metadata names an introspection endpoint".to_owned()),
        _ => Verdict::Held("a caller without credentials was refused".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::token_endpoint::Introspection;
    use crate::model::verdict::Status;

    const ID: &str = "introspection-open";
    const URL: &str = "https://auth.example.com/introspect";

    fn status(outcome: IntrospectionOutcome, status: u16, body: &str) -> Status {
        let mut world = World::new();
        let key = ProbeKey::new(ProbeId::Introspect);
        let exchange = world.ask(key, "anonymous", URL, response(status, &[], body));
        world.token_endpoint().introspection = Some(Introspection {
            endpoint: URL.to_owned(),
            outcome,
            exchange,
        });
        world.status(ID)
    }

    #[test]
    fn an_answer_to_a_stranger_is_broken() {
        let body = "{\"active\":false}";
        let told = status(IntrospectionOutcome::Answered, 200, body);
        assert_eq!(told, Status::Fail);
    }

    #[test]
    fn a_refusal_holds_and_a_page_leaves_it_open() {
        let refused = IntrospectionOutcome::Refused { status: 401 };
        assert_eq!(status(refused, 401, ""), Status::Pass);
        let unclear = IntrospectionOutcome::Unclear {
            what: "HTTP 404".to_owned(),
        };
        assert_eq!(status(unclear, 404, ""), Status::Inconclusive);
    }

    #[test]
    fn without_an_endpoint_it_does_not_apply() {
        let mut world = World::new();
        world.token_endpoint();
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
