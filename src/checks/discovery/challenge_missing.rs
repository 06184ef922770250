//! DISC-05: a refusal for want of credentials carries a challenge that leads to the metadata.
//!
//! OAuth 2.1 §5.3.1; RFC 9728 §5.1; MCP §Protected Resource Metadata Discovery Requirements.

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::urls;
use crate::model::discovery::{Challenges, Sourced};
use crate::model::exchange::Exchange;
use crate::model::identity::IdentityKind;
use crate::model::target::Revision;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads every 401 to a request without a token or with one that nobody issued.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let refusals: Vec<_> = refusals(evidence).collect();
    if refusals.is_empty() {
        return Verdict::NotApplicable("no request was answered with HTTP 401".to_owned());
    }
    let mut case = evidence.case();
    for exchange in refusals {
        let response = exchange.response();
        if response.is_some_and(|it| it.header(FIELD).is_none()) {
            let message = format!(
                "HTTP 401 to `{}` without a {FIELD} field; expected a Bearer challenge",
                exchange.probe.id
            );
            let part = Part::AbsentHeader(FIELD.to_owned());
            case.breach(Draft::new("challenge", message).at(exchange.id, part, "no challenge"));
        }
    }
    for sourced in &evidence.discovery().challenges {
        if evidence.status(sourced.exchange) == Some(401) && !sourced.value.raw.is_empty() {
            read(evidence, &mut case, sourced);
        }
    }
    case.verdict(Verdict::Held(
        "every HTTP 401 carries a Bearer challenge that leads to the metadata".to_owned(),
    ))
}

fn read(evidence: &Evidence<'_>, case: &mut Case<'_>, sourced: &Sourced<Challenges>) {
    let draft = |subject: &str, message: String| {
        let part = Part::Header(FIELD.to_owned());
        Draft::new(subject, message).at(sourced.exchange, part, "the challenge")
    };
    let raw = sourced.value.raw.join(", ");
    let Some(challenge) = sourced.value.token_challenge() else {
        let message = format!("the challenge `{raw}` has no Bearer scheme");
        return case.breach(draft("challenge", message));
    };
    if challenge.params.is_empty() {
        let message = format!("the challenge `{raw}` has no parameter; expected at least one");
        return case.breach(draft("challenge", message));
    }
    if !challenge.strict {
        let problem = sourced
            .value
            .problem
            .as_deref()
            .unwrap_or("it does not parse");
        let message = format!("the challenge breaks the grammar of RFC 9110 §11.6.1: {problem}");
        case.advise(
            draft("challenge grammar", message)
                .at_most(Severity::Low, "lenient clients still read it"),
        );
    }
    // A challenge with metadata is expected since RFC 9728 entered MCP.
    if challenge.param("resource_metadata").is_some() || !evidence.since(Revision::R2025_06) {
        return;
    }
    let message = "the challenge has no `resource_metadata`".to_owned();
    if evidence.revision() == Some(Revision::R2025_06) {
        case.breach(draft("resource_metadata", message));
    } else if evidence.resource_documents().next().is_none() {
        let message = format!("{message}, and no well-known location has the metadata either");
        case.breach(draft("resource_metadata", message));
    } else {
        case.advise(
            draft("resource_metadata", message)
                .at_most(Severity::Low, "the well-known location answers"),
        );
    }
}

fn refusals<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = &'a Exchange> {
    let evidence = *evidence;
    let endpoint = urls::parse(evidence.endpoint());
    let ledger = evidence.collected().ledger.iter();
    ledger.filter(move |exchange| {
        let kind = evidence.identity(&exchange.identity).map(|it| it.kind);
        let unknown = matches!(kind, Some(IdentityKind::Anonymous | IdentityKind::Garbage));
        unknown && exchange.status() == Some(401) && urls::parse(&exchange.request.url) == endpoint
    })
}

const FIELD: &str = "WWW-Authenticate";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, resource_document};
    use crate::model::discovery::Route;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "challenge-missing";
    const METADATA: (&str, &str) = ("resource_metadata", "https://mcp.example.com/x");

    #[test]
    fn a_challenge_with_metadata_holds() {
        let mut world = World::new();
        world.challenge("Bearer", &[METADATA]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_refusal_without_a_challenge_is_broken() {
        let mut world = World::new();
        world.challenge("Bearer", &[METADATA]);
        world.answer(ProbeId::ListTools, "anonymous", 401, &[], "");
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_challenge_without_parameters_or_of_another_scheme_is_broken() {
        let mut world = World::new();
        world.challenge("Bearer", &[]);
        assert_eq!(world.status(ID), Status::Fail);
        let mut world = World::new();
        world.challenge("Basic", &[("realm", "x")]);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_challenge_without_metadata_warns_only_where_the_well_known_place_answers() {
        let mut world = World::new();
        world.challenge("Bearer", &[("realm", "x")]);
        assert_eq!(world.status(ID), Status::Fail);
        world.resource_metadata(Route::WellKnownInserted, &resource_document(&[]));
        assert_eq!(world.status(ID), Status::Warn);
        world.revision(Revision::R2025_06);
        assert_eq!(world.status(ID), Status::Fail);
        world.revision(Revision::R2025_03);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_challenge_that_only_a_lenient_reader_understands_warns() {
        let mut world = World::new();
        world.challenge("Bearer", &[METADATA]);
        world.collected.discovery.challenges[0].value.challenges[0].strict = false;
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn no_refusal_means_nothing_to_read() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
