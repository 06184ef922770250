//! DISC-04: the well-known segment goes between host and path, not behind the path.
//!
//! RFC 9728 §3.1; MCP §Protected Resource Metadata Discovery Requirements.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::discovery::{MetadataAttempt, Route};
use crate::model::verdict::{Part, Verdict};

/// Looks for metadata that only the non-standard location has.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let attempts = &evidence.discovery().resource_metadata;
    let found = |route: Route| {
        let documents = attempts.iter().filter(|it| it.document.is_some());
        documents.clone().find(move |it| it.route == route)
    };
    let standard = [Route::WellKnownInserted, Route::WellKnownRoot];
    if let Some(at) = standard.into_iter().find_map(found) {
        return Verdict::Held(format!("metadata is at {}", at.url));
    }
    if let Some(at) = found(Route::Challenge) {
        return Verdict::Held(format!("the challenge leads to {}", at.url));
    }
    let Some(appended) = found(Route::WellKnownAppended) else {
        return Verdict::NotApplicable("no protected resource metadata was found".to_owned());
    };
    let pointed = evidence.token_challenge();
    if pointed.is_some_and(|it| it.value.param("resource_metadata").is_some()) {
        let reason = "the challenge names a location of its own, which has no metadata";
        return Verdict::NotApplicable(reason.to_owned());
    }
    let mut case = evidence.case();
    case.breach(broken(appended, attempts));
    case.verdict(Verdict::inconclusive("nothing was found"))
}

fn broken(appended: &MetadataAttempt, attempts: &[MetadataAttempt]) -> Draft {
    let expected = attempts
        .iter()
        .find(|it| it.route == Route::WellKnownInserted);
    let expected = expected.map_or("the path-inserted location", |it| it.url.as_str());
    let message = format!(
        "metadata is only at {}, where no client looks; expected it at {expected}",
        appended.url
    );
    let others: Vec<_> = attempts.iter().map(|it| it.exchange).collect();
    Draft::new("well-known location", message)
        .at(appended.exchange, Part::Status, "answers here")
        .also(&others, "does not answer here")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, resource_document};
    use crate::model::verdict::Status;

    const ID: &str = "metadata-at-appended-path";

    #[test]
    fn metadata_only_at_the_appended_path_is_broken() {
        let mut world = World::new();
        world.no_resource_metadata(Route::WellKnownInserted, 404);
        world.no_resource_metadata(Route::WellKnownRoot, 404);
        world.resource_metadata(Route::WellKnownAppended, &resource_document(&[]));
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn metadata_at_a_standard_place_holds_whatever_else_answers() {
        let mut world = World::new();
        world.resource_metadata(Route::WellKnownRoot, &resource_document(&[]));
        world.resource_metadata(Route::WellKnownAppended, &resource_document(&[]));
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_challenge_that_leads_to_the_document_makes_its_place_legal() {
        let mut world = World::new();
        world.resource_metadata(Route::Challenge, &resource_document(&[]));
        world.resource_metadata(Route::WellKnownAppended, &resource_document(&[]));
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn no_metadata_at_all_is_another_check() {
        let mut world = World::new();
        world.no_resource_metadata(Route::WellKnownInserted, 404);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
