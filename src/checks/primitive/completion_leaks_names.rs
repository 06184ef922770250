//! PRIM-21: completion suggests nothing that the caller may not see.
//!
//! MCP completion page §Security.

use std::collections::BTreeSet;

use crate::checks::case::Draft;
use crate::checks::doors::{self, DoorCell};
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::codec::uri_template::Template;
use crate::model::doors::Completion;
use crate::model::identity::IdentityKind;
use crate::model::surface::{Subject, SubjectKind};
use crate::model::verdict::{Part, Verdict};

/// Compares what each caller was offered with the names that its lists leave out.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let completions = &evidence.collected().doors.completions;
    if completions.is_empty() {
        return Verdict::NotApplicable(
            "the server does not say that it completes arguments, or has none".to_owned(),
        );
    }
    let hidden = match doors::hidden(evidence, &KINDS) {
        Ok(hidden) => hidden,
        Err(undecided) => return undecided,
    };
    if hidden.is_empty() {
        return Verdict::NotApplicable(
            "no resource and no prompt is hidden from anybody, so no suggestion can be too much"
                .to_owned(),
        );
    }
    let mut case = evidence.case();
    let mut offered = 0_usize;
    let weak = completions.iter().filter(|it| takes_part(evidence, it));
    for it in weak {
        let Some(values) = &it.values else { continue };
        let names: BTreeSet<&str> = hidden
            .iter()
            .filter(|cell| cell.identity.name == it.identity)
            .map(|cell| cell.subject.name.as_str())
            .collect();
        if names.is_empty() {
            continue;
        }
        offered += 1;
        let shown: Vec<&str> = values
            .iter()
            .filter(|value| names_hidden(evidence, it, value, &names))
            .map(String::as_str)
            .collect();
        if !shown.is_empty() {
            case.breach(draft(evidence, it, &shown, &hidden));
        }
    }
    if offered == 0 && case.is_clean() {
        let asked = completions.iter().any(|it| takes_part(evidence, it));
        return if asked {
            Verdict::Held("callers who see less were suggested nothing".to_owned())
        } else {
            Verdict::undecided(
                "only the strongest identity asked for completions",
                "a second identity with fewer scopes",
            )
        };
    }
    case.verdict(Verdict::Held(format!(
        "{offered} completion(s) for callers who see less named nothing that their lists hide"
    )))
}

/// Whether a value names something hidden: by itself, or put into a template of the server.
fn names_hidden(
    evidence: &Evidence<'_>,
    it: &Completion,
    value: &str,
    hidden: &BTreeSet<&str>,
) -> bool {
    if hidden.contains(value) {
        return true;
    }
    let subjects = evidence.collected().surface.subjects.iter();
    let of_this = |subject: &&Subject| {
        subject.kind == SubjectKind::ResourceTemplate && it.subject == subject.id
    };
    let named_alike = |subject: &&Subject| {
        it.subject.starts_with("prompt/") && subject.kind == SubjectKind::ResourceTemplate
    };
    let mut templates = subjects.filter(|subject| of_this(subject) || named_alike(subject));
    templates.any(|subject| {
        let Ok(template) = Template::parse(&subject.name) else {
            return false;
        };
        // More than one variable would take more than one suggestion.
        template.variables() == [it.argument.as_str()]
            && hidden.contains(template.expand(|_| Some(value.to_owned())).as_str())
    })
}

fn takes_part(evidence: &Evidence<'_>, it: &Completion) -> bool {
    let identity = evidence.identity(&it.identity);
    let baseline = evidence.baseline().map(|identity| identity.name.as_str());
    Some(it.identity.as_str()) != baseline
        && identity.is_some_and(|identity| {
            matches!(identity.kind, IdentityKind::Valid | IdentityKind::Anonymous)
                && identity.invalid.is_none()
        })
}

fn draft(
    evidence: &Evidence<'_>,
    it: &Completion,
    shown: &[&str],
    hidden: &[DoorCell<'_>],
) -> Draft {
    let message = format!(
        "completing `{}` of `{}` suggests {} to `{}`, whose lists leave out what they name; expected \
         only what the caller may see",
        it.argument,
        it.subject,
        scopes::names(shown.iter().copied()),
        it.identity
    );
    let subject = format!("{}#{}", it.subject, it.argument);
    let mut draft = Draft::new(subject, message).at(it.exchange, Part::Body, "the suggestions");
    let lists = evidence.collected().surface.listings.iter();
    let own = lists.filter(|list| {
        list.identity == it.identity
            && hidden.iter().any(|cell| cell.subject.kind == list.kind)
            && list.attempt == 0
    });
    for exchange in own.filter_map(|list| list.exchanges.first()) {
        draft = draft.at(*exchange, Part::Body, "the list without it");
    }
    draft
}

const KINDS: [SubjectKind; 2] = [SubjectKind::Resource, SubjectKind::Prompt];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::Access;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "completion-leaks-names";
    const URI: &str = "note://9";

    fn offer(world: &mut World, who: &str, subject: &str, values: Option<&[&str]>) {
        let exchange = world.answer(ProbeId::Complete, who, 200, &[], "{}");
        let values = values.map(|values| values.iter().map(|&it| it.to_owned()).collect());
        world.collected.doors.completions.push(Completion {
            identity: who.to_owned(),
            completion: format!("completion/{subject}#id"),
            subject: subject.to_owned(),
            argument: "id".to_owned(),
            values,
            exchange,
        });
    }

    fn world() -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        world.door(SubjectKind::ResourceTemplate, "note://{id}");
        world.door(SubjectKind::Resource, URI);
        world.door_cell(URI, "admin", Access::Allowed, "salaries");
        world.door_cell(URI, "reader", Access::Denied, "").listed = Some(false);
        offer(&mut world, "admin", "prompt/plan", Some(&["1", "9"]));
        world
    }

    #[test]
    fn a_value_that_names_a_hidden_resource_is_broken() {
        for subject in ["prompt/plan", "resource_template/note://{id}"] {
            for value in ["9", URI] {
                let mut world = world();
                offer(&mut world, "reader", subject, Some(&["1", value]));
                assert_eq!(world.status(ID), Status::Fail, "{subject} {value}");
            }
        }
    }

    #[test]
    fn values_that_name_what_is_seen_and_refusals_hold() {
        let mut seen = world();
        offer(&mut seen, "reader", "prompt/plan", Some(&["1", "99"]));
        assert_eq!(seen.status(ID), Status::Pass);
        let mut refused = world();
        offer(&mut refused, "reader", "prompt/plan", None);
        assert_eq!(refused.status(ID), Status::Pass);
    }

    #[test]
    fn one_caller_decides_nothing() {
        assert_eq!(world().status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_completions_or_hidden_names_it_does_not_apply() {
        let mut none = world();
        none.collected.doors.completions.clear();
        assert_eq!(none.status(ID), Status::NotApplicable);
        let mut open = world();
        offer(&mut open, "reader", "prompt/plan", Some(&["9"]));
        open.collected.matrices[0].cells[1].listed = Some(true);
        assert_eq!(open.status(ID), Status::NotApplicable);
    }
}
