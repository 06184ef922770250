//! Values for resource templates: given by the operator or suggested by the server, else seen in a listed URI, else random.

use std::collections::BTreeMap;

use serde_json::json;

use super::completions::{is_harmless, values_for};
use crate::codec::uri_template::Template;
use crate::model::audit::Collected;
use crate::model::doors::Expansion;
use crate::model::surface::{Subject, SubjectKind};
use crate::oracle::calibrate::Treatment;
use crate::stage::Run;
use crate::stage::calls::Treatments;

/// Fills the variables of every template whose scheme is fixed.
pub(super) fn expand(run: &Run<'_>, collected: &mut Collected) {
    let canary = format!("mcpaudit-{}", run.entropy.word("template", 12));
    let of = |kind: SubjectKind| {
        let subjects = collected.surface.subjects.iter();
        subjects.filter(move |subject| subject.kind == kind)
    };
    let listed: Vec<&str> = of(SubjectKind::Resource)
        .take(MOST_COMPARED)
        .map(|subject| subject.name.as_str())
        .collect();
    let templates = of(SubjectKind::ResourceTemplate).filter(|it| it.name.contains('{'));
    let expansions: Vec<Expansion> = templates
        .take(MOST_TEMPLATES)
        .map(|template| {
            let made = one(
                template,
                &values_for(collected, &run.settings.values, template),
                &listed,
                &canary,
            );
            let (uri, source) = match made {
                Ok((uri, source)) => (Some(uri), source.to_owned()),
                Err(reason) => (None, reason),
            };
            Expansion {
                subject: template.id.clone(),
                uri,
                source,
            }
        })
        .collect();
    collected.doors.expansions = expansions;
}

/// Lets the templates that have a URI be read, where reads are allowed.
pub(crate) fn fill(collected: &Collected, reads: bool, treatments: &mut Treatments) {
    for expansion in &collected.doors.expansions {
        let treatment = match &expansion.uri {
            Some(uri) if reads => Treatment::Valid {
                arguments: json!({"uri": uri}),
            },
            Some(_) => continue,
            None => Treatment::NotTested {
                reason: expansion.source.clone(),
                decided_by: None,
            },
        };
        treatments.insert(expansion.subject.clone(), treatment);
    }
}

fn one(
    subject: &Subject,
    suggested: &BTreeMap<String, String>,
    listed: &[&str],
    canary: &str,
) -> Result<(String, &'static str), String> {
    let template = Template::parse(&subject.name)
        .map_err(|problem| format!("the template cannot be expanded: {problem}"))?;
    // A template that leaves the scheme open could be made to point anywhere.
    if template.scheme().is_none() {
        return Err(
            "the template leaves the scheme open, so no harmless value is known".to_owned(),
        );
    }
    let names = template.variables();
    if !names.is_empty() && names.iter().all(|name| suggested.contains_key(*name)) {
        let uri = template.expand(|name| suggested.get(name).cloned());
        return Ok((
            uri,
            "values of the configuration or of the server's suggestions",
        ));
    }
    let seen = listed.iter().find(|uri| {
        let values = template.values(uri);
        values.is_some_and(|values| values.values().all(|value| is_harmless(value)))
    });
    Ok(match seen {
        Some(uri) => ((*uri).to_owned(), "values of a listed resource"),
        None => (
            template.expand(|_| Some(canary.to_owned())),
            "a random value",
        ),
    })
}

/// Templates that are expanded; each is asked about by every column.
const MOST_TEMPLATES: usize = 20;

/// Listed resources that a template is compared with.
const MOST_COMPARED: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::ExchangeId;

    fn template(name: &str) -> Subject {
        Subject::new(SubjectKind::ResourceTemplate, name, ExchangeId(1))
    }

    fn made(name: &str, suggested: &[(&str, &str)], listed: &[&str]) -> Result<String, String> {
        let suggested = suggested
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        one(&template(name), &suggested, listed, "canary").map(|(uri, _)| uri)
    }

    #[test]
    fn suggestions_come_before_listed_names_and_those_before_random_ones() {
        let listed = ["task://3", "note://2"];
        assert_eq!(
            made("note://{id}", &[("id", "7")], &listed).unwrap(),
            "note://7"
        );
        assert_eq!(made("note://{id}", &[], &listed).unwrap(), "note://2");
        assert_eq!(made("plan://{id}", &[], &listed).unwrap(), "plan://canary");
        let half = [("a", "1")];
        assert_eq!(
            made("plan://{a}/{b}", &half, &[]).unwrap(),
            "plan://canary/canary"
        );
    }

    #[test]
    fn an_open_scheme_and_a_broken_template_are_left_alone() {
        assert!(
            made("{+url}", &[("url", "x")], &[])
                .unwrap_err()
                .contains("scheme")
        );
        assert!(made("note://{id", &[], &[]).unwrap_err().contains("brace"));
    }

    #[test]
    fn listed_values_that_climb_are_not_used() {
        let climbing = ["file:///a/../b"];
        assert_eq!(
            made("file:///{+path}", &[], &climbing).unwrap(),
            "file:///canary"
        );
    }
}
