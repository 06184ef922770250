//! `[[prompt]]` and `[[resource_template]]`: values that a prompt or a template is asked with.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::Error;
use super::file::ConfigFile;
use crate::codec::uri_template::Template;
use crate::model::settings::ValueRule;
use crate::model::surface::SubjectKind;

/// `[[prompt]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptSection {
    /// Name of the prompt.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// Its arguments by name.
    pub arguments: BTreeMap<String, String>,
}

/// `[[resource_template]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateSection {
    /// The URI template as the server lists it (RFC 6570).
    #[schemars(with = "String")]
    pub uri_template: Spanned<String>,
    /// Its variables by name.
    pub variables: BTreeMap<String, String>,
}

impl ConfigFile {
    /// The values by subject.
    ///
    /// # Errors
    /// A subject named twice, an entry without values, and a variable that the template does not have.
    pub(super) fn value_rules(&self) -> Result<Vec<ValueRule>, Error> {
        let prompts = self.prompt.iter();
        let prompts = prompts.map(|it| (SubjectKind::Prompt, &it.name, &it.arguments));
        let templates = self.resource_template.iter();
        let templates = templates.map(|it| {
            (
                SubjectKind::ResourceTemplate,
                &it.uri_template,
                &it.variables,
            )
        });
        let mut rules: Vec<ValueRule> = Vec::new();
        for (kind, name, values) in prompts.chain(templates) {
            let place = self.place(name.span().start);
            let name = name.get_ref();
            let subject = kind.subject_id(name);
            if rules.iter().any(|rule| rule.subject == subject) {
                let problem = format!("`{name}` is given values twice");
                return Err(Error::value(place, problem, "keep one of them"));
            }
            if values.is_empty() {
                let problem = format!("`{name}` is given no values");
                return Err(Error::value(place, problem, "name each with its value"));
            }
            if kind == SubjectKind::ResourceTemplate {
                known_variables(name, values)
                    .map_err(|(problem, remedy)| Error::value(place, problem, remedy))?;
            }
            rules.push(ValueRule {
                subject,
                values: values.clone(),
            });
        }
        Ok(rules)
    }
}

fn known_variables(name: &str, values: &BTreeMap<String, String>) -> Result<(), (String, String)> {
    let template = Template::parse(name).map_err(|problem| {
        let problem = format!("`{name}` is no URI template: {problem}");
        (problem, "write it as the server lists it".to_owned())
    })?;
    let variables = template.variables();
    let strange = values.keys().find(|it| !variables.contains(&it.as_str()));
    strange.map_or(Ok(()), |strange| {
        let problem = format!("`{name}` has no variable `{strange}`");
        Err((problem, format!("it has {}", variables.join(", "))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<ValueRule>, String> {
        let file =
            ConfigFile::parse("assay.toml", text.to_owned()).map_err(|error| error.to_string())?;
        file.value_rules().map_err(|error| error.to_string())
    }

    #[test]
    fn prompts_and_templates_are_read_by_subject() {
        let rules = read(
            "[[prompt]]\nname = \"p\"\narguments = { kind = \"Text\" }\n\
             [[resource_template]]\nuri_template = \"note://{id}\"\nvariables = { id = \"7\" }\n",
        )
        .unwrap();
        let told: Vec<(&str, &str)> = rules
            .iter()
            .flat_map(|it| {
                it.values
                    .values()
                    .map(|value| (it.subject.as_str(), value.as_str()))
            })
            .collect();
        assert_eq!(
            told,
            [("prompt/p", "Text"), ("resource_template/note://{id}", "7")]
        );
    }

    #[test]
    fn mistakes_are_refused_with_their_line() {
        let prompt = "[[prompt]]\nname = \"p\"\narguments = { a = \"1\" }\n";
        let twice = format!("{prompt}{prompt}");
        for (text, said) in [
            (twice.as_str(), "twice"),
            ("[[prompt]]\nname = \"p\"\narguments = {}\n", "no values"),
            (
                "[[resource_template]]\nuri_template = \"n://{id}\"\nvariables = { ID = \"7\" }\n",
                "has no variable `ID`",
            ),
            (
                "[[resource_template]]\nuri_template = \"n://{id\"\nvariables = { id = \"7\" }\n",
                "no URI template",
            ),
        ] {
            let problem = read(text).unwrap_err();
            assert!(
                problem.contains(said) && problem.contains("assay.toml:"),
                "{problem}"
            );
        }
    }
}
