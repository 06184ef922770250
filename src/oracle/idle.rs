//! Entries of the configuration that name nothing the target offers: whoever wrote them believes that
//! something was asked which was not.

use super::policy;
use crate::model::probe::Unsettleable;
use crate::model::settings::{ToolRule, ValueRule};
use crate::model::surface::{ListOutcome, SubjectKind, Surface};

/// Each entry that matches nothing although a list of its kind was read to its end.
pub fn unsettled(surface: &Surface, tools: &[ToolRule], values: &[ValueRule]) -> Vec<Unsettleable> {
    let of = |kind: SubjectKind| surface.subjects.iter().filter(move |it| it.kind == kind);
    let is_read = |kind: SubjectKind| {
        let mut listings = surface.listings.iter();
        listings.any(|it| it.kind == kind && it.outcome == ListOutcome::Complete)
    };
    let mut idle = Vec::new();
    for rule in tools.iter().filter(|_| is_read(SubjectKind::Tool)) {
        let used = of(SubjectKind::Tool).any(|it| policy::matches(&rule.name, &it.name));
        if !used {
            idle.push(entry("tool", "tool", &rule.name));
        }
    }
    for kind in [SubjectKind::Prompt, SubjectKind::ResourceTemplate] {
        for rule in values.iter().filter(|_| is_read(kind)) {
            let Some(name) = rule.subject.strip_prefix(&kind.subject_id("")) else {
                continue;
            };
            if surface.subject(&rule.subject).is_none() {
                idle.push(entry(kind.as_str(), &kind.as_str().replace('_', " "), name));
            }
        }
    }
    idle
}

fn entry(section: &str, what: &str, name: &str) -> Unsettleable {
    Unsettleable {
        what: format!("[[{section}]] {name}"),
        reason: format!("no {what} of this name is in any list, so the entry was not used"),
        decided_by: Some("the name as the server lists it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::ExchangeId;
    use crate::model::surface::{Listing, Subject};

    fn surface(outcome: &ListOutcome) -> Surface {
        let kinds = [
            (SubjectKind::Tool, "read_note"),
            (SubjectKind::Prompt, "summarize"),
            (SubjectKind::ResourceTemplate, "note://{id}"),
        ];
        let listing = |(kind, name): (SubjectKind, &str)| Listing {
            identity: "admin".to_owned(),
            kind,
            outcome: outcome.clone(),
            names: vec![name.to_owned()],
            duplicates: Vec::new(),
            exchanges: Vec::new(),
            cache_scopes: Vec::new(),
            attempt: 0,
        };
        let subject = |(kind, name)| Subject::new(kind, name, ExchangeId(1));
        Surface {
            subjects: kinds.into_iter().map(subject).collect(),
            listings: kinds.into_iter().map(listing).collect(),
            ..Surface::default()
        }
    }

    fn told(outcome: &ListOutcome, tools: &[&str], values: &[&str]) -> Vec<String> {
        let rule = |name: &&str| ToolRule {
            name: (*name).to_owned(),
            ..ToolRule::default()
        };
        let tools: Vec<ToolRule> = tools.iter().map(rule).collect();
        let value = |subject: &&str| ValueRule {
            subject: (*subject).to_owned(),
            values: std::collections::BTreeMap::new(),
        };
        let values: Vec<ValueRule> = values.iter().map(value).collect();
        let open = unsettled(&surface(outcome), &tools, &values);
        open.into_iter().map(|it| it.what).collect()
    }

    #[test]
    fn entries_that_name_nothing_are_told() {
        let tools = ["read_*", "raed_note"];
        let values = [
            "prompt/summarize",
            "prompt/summarise",
            "resource_template/note://{id}",
            "resource_template/note://{ID}",
        ];
        assert_eq!(
            told(&ListOutcome::Complete, &tools, &values),
            [
                "[[tool]] raed_note",
                "[[prompt]] summarise",
                "[[resource_template]] note://{ID}"
            ]
        );
    }

    #[test]
    fn a_list_that_nobody_read_says_nothing_about_entries() {
        let refused = ListOutcome::Refused { status: 401 };
        assert!(told(&refused, &["raed_note"], &["prompt/summarise"]).is_empty());
    }
}
