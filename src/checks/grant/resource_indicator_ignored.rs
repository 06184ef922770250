//! ASE-09: the `resource` parameter is looked at.
//!
//! MCP §Resource Parameter Implementation; RFC 8707 §2.

use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::FrontAsk;
use crate::model::verdict::Verdict;

/// Compares a request for a resource that nobody serves with the good one.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    // RFC 8707 §2 binds only a server that has the capability, and none has to.
    let asks = [FrontAsk::ResourceForeign];
    let refused = front::look(evidence, &mut case, &asks, |case, client, answer| {
        case.advise(front::draft(client, answer, "`invalid_target`"));
    });
    front::verdict(case, refused, "an unknown resource was refused")
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, login, refusal};
    use crate::model::authorization::FrontAsk;
    use crate::model::verdict::Status;

    const ID: &str = "resource-indicator-ignored";

    #[test]
    fn an_unknown_resource_that_goes_on_warns() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::ResourceForeign, login()),
            (FrontAsk::MethodUnknown, refusal()),
        ]);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_refusal_holds_and_a_late_look_decides_nothing() {
        let mut world = World::new();
        world.front(&[(FrontAsk::ResourceForeign, refusal())]);
        assert_eq!(world.status(ID), Status::Pass);
        let mut late = World::new();
        late.front(&[(FrontAsk::ResourceForeign, login())]);
        assert_eq!(late.status(ID), Status::Inconclusive);
    }
}
