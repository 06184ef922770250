//! PRIM-19: subscriptions deliver nothing that may not be read.
//!
//! MCP resources page §Security Considerations; subscriptions page §Acknowledgment.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::doors::{Subscription, SubscriptionOutcome};
use crate::model::surface::SubjectKind;
use crate::model::verdict::{Part, Verdict};

/// Reads what came of asking to watch a resource that is refused to the caller.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let asked = &evidence.collected().doors.subscriptions;
    if asked.is_empty() {
        return nothing_asked(evidence);
    }
    let baseline = evidence.baseline().map(|identity| identity.name.as_str());
    let is_baseline = |it: &&Subscription| Some(it.identity.as_str()) == baseline;
    let control = asked.iter().find(is_baseline);
    if !control.is_some_and(|it| it.outcome == SubscriptionOutcome::Accepted) {
        return Verdict::inconclusive(
            "the strongest identity could not watch the resource either, so a refusal says nothing",
        );
    }
    let mut case = evidence.case();
    let tried: Vec<&Subscription> = asked
        .iter()
        .filter(|it| !is_baseline(it) && !it.control)
        .collect();
    for it in &tried {
        let random = asked
            .iter()
            .find(|other| other.control && other.identity == it.identity);
        let anything = random.is_some_and(|it| it.outcome == SubscriptionOutcome::Accepted);
        match it.outcome {
            SubscriptionOutcome::Accepted if anything => case.doubt(
                format!(
                    "`{}` may watch `{}`, and a URI that does not exist as well: the server looks \
                     at neither when it is asked, and whether updates arrive takes a change",
                    it.identity, it.uri
                ),
                None,
            ),
            SubscriptionOutcome::Accepted => {
                case.breach(draft(it, random.map(|it| it.exchange), control));
            }
            SubscriptionOutcome::Refused => {}
            SubscriptionOutcome::NotOffered | SubscriptionOutcome::Unclear => case.doubt(
                format!(
                    "asking to watch `{}` as `{}` brought no clear answer",
                    it.uri, it.identity
                ),
                None,
            ),
        }
    }
    case.verdict(Verdict::Held(format!(
        "{} caller(s) who may not read a resource could not watch it, and the strongest could",
        tried.len()
    )))
}

fn nothing_asked(evidence: &Evidence<'_>) -> Verdict {
    let capabilities = evidence.discovery().capabilities.as_ref();
    let subscribe = capabilities
        .and_then(|it| it.value.pointer("/resources/subscribe"))
        .and_then(serde_json::Value::as_bool);
    match subscribe {
        Some(true) if !evidence.collected().engagement.reads => Verdict::undecided(
            "reads are switched off, so no resource was seen to be refused",
            "a run without `--no-reads`",
        ),
        Some(true) => Verdict::NotApplicable(
            "no resource was refused to a valid token that another may read".to_owned(),
        ),
        _ => Verdict::NotApplicable("the server offers no subscriptions".to_owned()),
    }
}

fn draft(
    it: &Subscription,
    random: Option<crate::model::exchange::ExchangeId>,
    control: Option<&Subscription>,
) -> Draft {
    let message = format!(
        "`{}` is refused `{}` and may watch it; expected a refusal, or an acknowledgement without \
         the URI",
        it.identity, it.uri
    );
    let subject = SubjectKind::Resource.subject_id(&it.uri);
    let draft = Draft::new(subject, message).at(it.exchange, Part::Body, "the acknowledgement");
    let controls: Vec<_> = random
        .into_iter()
        .chain(control.map(|it| it.exchange))
        .collect();
    draft.also(&controls, "a control")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::testing::World;
    use crate::model::discovery::Sourced;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;
    use SubscriptionOutcome::{Accepted, NotOffered, Refused};

    const ID: &str = "subscription-without-permission";

    fn world(
        strong: SubscriptionOutcome,
        weak: SubscriptionOutcome,
        random: SubscriptionOutcome,
    ) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        for (who, outcome, control) in [
            ("admin", strong, false),
            ("reader", weak, false),
            ("reader", random, true),
        ] {
            let exchange = world.answer(ProbeId::Subscribe, who, 200, &[], "{}");
            world.collected.doors.subscriptions.push(Subscription {
                identity: who.to_owned(),
                uri: "note://9".to_owned(),
                control,
                outcome,
                exchange,
            });
        }
        world
    }

    #[test]
    fn watching_what_may_not_be_read_warns() {
        assert_eq!(world(Accepted, Accepted, Refused).status(ID), Status::Warn);
        assert_eq!(world(Accepted, Refused, Refused).status(ID), Status::Pass);
    }

    #[test]
    fn a_server_that_takes_any_uri_decides_nothing() {
        let any = world(Accepted, Accepted, Accepted);
        assert_eq!(any.status(ID), Status::Inconclusive);
        let none = world(Accepted, NotOffered, Refused);
        assert_eq!(none.status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_the_control_a_refusal_says_nothing() {
        assert_eq!(
            world(Refused, Refused, Refused).status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn without_subscriptions_it_does_not_apply() {
        let mut world = World::new();
        assert_eq!(world.status(ID), Status::NotApplicable);
        let exchange = world.answer(ProbeId::DetectModern, "anonymous", 200, &[], "{}");
        world.collected.discovery.capabilities = Some(Sourced {
            value: json!({"resources": {"subscribe": true}}),
            exchange,
        });
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.collected.engagement.reads = true;
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
