//! PRIM-15: resource URIs are validated, and paths cannot climb out.
//!
//! MCP resources page §Security Considerations.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::arguments::{TraversalOutcome, TraversalProbe};
use crate::model::verdict::{Part, Verdict};

/// Reads what came of paths and addresses outside the offer.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(traversal) = &evidence.collected().traversal else {
        return Verdict::Inconclusive {
            reason: "paths outside what is offered are read on request only".to_owned(),
            decided_by: Some(FLAG.to_owned()),
        };
    };
    if let Some(unsent) = &traversal.unsent {
        return Verdict::NotApplicable(format!("nothing was read: {unsent}"));
    }
    let mut case = evidence.case();
    let mut refused = 0_usize;
    for probe in &traversal.probes {
        match probe.outcome {
            TraversalOutcome::Contents => case.breach(escaped(probe, &traversal.identity)),
            TraversalOutcome::Refused | TraversalOutcome::Contained => refused += 1,
            TraversalOutcome::LikeControl => case.doubt(
                format!(
                    "`{}` returned contents, and so did a random URI: any URI is answered alike",
                    probe.uri
                ),
                None,
            ),
            TraversalOutcome::Unclear => {
                case.doubt(format!("`{}` got no usable answer", probe.uri), None);
            }
        }
    }
    case.verdict(Verdict::Held(format!(
        "{refused} path(s) and address(es) outside what is offered were refused"
    )))
}

fn escaped(probe: &TraversalProbe, identity: &str) -> Draft {
    let message = format!(
        "`{identity}` read `{}` ({}) and got contents that no listed resource has; expected an error",
        probe.uri, probe.form
    );
    Draft::new(format!("resource/{}", probe.form), message)
        .at(probe.exchange, Part::Body, "the contents")
        .at(probe.control, Part::Body, "a random URI of the same scheme")
}

const FLAG: &str = "--probe-traversal";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::arguments::TraversalProbes;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "resource-path-escapes";

    fn world(outcome: TraversalOutcome) -> World {
        let mut world = World::new();
        world.valid("admin", &["r"]);
        let exchange = world.answer(ProbeId::ReadOutside, "admin", 200, &[], "{}");
        let control = world.answer(ProbeId::ReadOutside, "admin", 200, &[], "{}");
        world.collected.traversal = Some(TraversalProbes {
            identity: "admin".to_owned(),
            probes: vec![TraversalProbe {
                form: "climbing".to_owned(),
                uri: "file:///srv/../etc/hostname".to_owned(),
                exchange,
                control,
                outcome,
            }],
            unsent: None,
        });
        world
    }

    #[test]
    fn contents_from_outside_break_the_rule_and_nothing_else_does() {
        for (outcome, status) in [
            (TraversalOutcome::Contents, Status::Fail),
            (TraversalOutcome::Refused, Status::Pass),
            (TraversalOutcome::Contained, Status::Pass),
            (TraversalOutcome::LikeControl, Status::Inconclusive),
            (TraversalOutcome::Unclear, Status::Inconclusive),
        ] {
            assert_eq!(world(outcome).status(ID), status, "{outcome:?}");
        }
    }

    #[test]
    fn without_consent_the_flag_is_named() {
        let Verdict::Inconclusive { decided_by, .. } = World::new().verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert_eq!(decided_by.as_deref(), Some(FLAG));
    }

    #[test]
    fn a_server_without_resources_is_not_judged() {
        let mut world = world(TraversalOutcome::Refused);
        world.collected.traversal = Some(TraversalProbes {
            unsent: Some("nothing is listed".to_owned()),
            ..TraversalProbes::default()
        });
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
