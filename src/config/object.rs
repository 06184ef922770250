//! `[[object]]`: things that belong to one identity's user.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::{Error, IdentitySource};
use crate::config::ConfigFile;
use crate::model::settings::{ObjectRule, ObjectTarget};

/// `[[object]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectSection {
    /// The identity whose user owns it.
    #[schemars(with = "String")]
    pub owner: Spanned<String>,
    /// The tool that hands it out.
    pub tool: Option<String>,
    /// The arguments that name it.
    #[schemars(with = "Option<serde_json::Value>")]
    pub arguments: Option<toml::Value>,
    /// Its URI, where it is a resource.
    pub resource: Option<String>,
    /// Whether nobody else may have it; true when absent.
    pub private: Option<bool>,
}

impl ConfigFile {
    pub(super) fn objects(
        &self,
        identities: &[IdentitySource],
        login: Option<&str>,
    ) -> Result<Vec<ObjectRule>, Error> {
        let known = |name: &str| {
            login == Some(name) || identities.iter().any(|identity| identity.name == name)
        };
        let rule = |section: &ObjectSection| {
            let place = self.place(section.owner.span().start);
            let owner = section.owner.get_ref();
            if !known(owner) {
                return Err(Error::value(
                    place,
                    format!("`{owner}` is not an identity"),
                    "name an `[[identity]]` whose user owns the object",
                ));
            }
            let target = match (&section.tool, &section.resource, &section.arguments) {
                (Some(name), None, arguments) => ObjectTarget::Tool {
                    name: name.clone(),
                    arguments: arguments
                        .clone()
                        .and_then(|value| serde_json::to_value(value).ok())
                        .unwrap_or_else(|| serde_json::json!({})),
                },
                (None, Some(uri), None) => ObjectTarget::Resource(uri.clone()),
                _ => {
                    return Err(Error::value(
                        place,
                        "an object needs one way to ask for it",
                        "give `tool` with `arguments`, or `resource`, and not both",
                    ));
                }
            };
            Ok(ObjectRule {
                owner: owner.clone(),
                target,
                private: section.private.unwrap_or(true),
            })
        };
        self.object.iter().map(rule).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str) -> Result<Vec<ObjectRule>, String> {
        let file = ConfigFile::parse("assay.toml", text.to_owned()).unwrap();
        file.objects(&[], Some("ada"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_object_is_a_tool_with_arguments_or_a_uri() {
        let both = "[[object]]\nowner = \"ada\"\ntool = \"get_note\"\narguments = { id = \"7\" }\n\
                    [[object]]\nowner = \"ada\"\nresource = \"note://7\"\nprivate = false\n";
        let found = objects(both).unwrap();
        assert_eq!(
            found[0].target,
            ObjectTarget::Tool {
                name: "get_note".to_owned(),
                arguments: serde_json::json!({"id": "7"})
            }
        );
        assert_eq!(
            found[1].target,
            ObjectTarget::Resource("note://7".to_owned())
        );
        assert_eq!((found[0].private, found[1].private), (true, false));
    }

    #[test]
    fn a_stranger_and_an_object_without_a_way_are_refused_with_their_line() {
        let stranger = objects("\n[[object]]\nowner = \"bob\"\nresource = \"x:y\"\n");
        assert!(
            stranger
                .unwrap_err()
                .starts_with("assay.toml:3: `bob` is not an identity")
        );
        for ways in [
            "",
            "tool = \"a\"\nresource = \"b:c\"\n",
            "resource = \"b:c\"\narguments = {}\n",
        ] {
            let problem = objects(&format!("[[object]]\nowner = \"ada\"\n{ways}")).unwrap_err();
            assert!(problem.contains("one way to ask"), "{problem}");
        }
    }
}
