//! From a behaviour file to a [`Behaviour`]: parse, lay over its base, check what serde cannot.

use serde::Deserialize;
use toml::{Table, Value};

use super::{Authentication, BUILTIN, Behaviour, LoginMode};

/// Why a behaviour could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The text is no TOML, or says something a behaviour file cannot say.
    #[error("behaviour `{name}`, line {line}: {message}")]
    Syntax {
        /// Name of the behaviour.
        name: String,
        /// Line of the fault, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// The base named by `extends` is not built in.
    #[error("behaviour `{name}` extends `{base}`, which is not built in; built in are {known}")]
    UnknownBase {
        /// Name of the behaviour.
        name: String,
        /// The base it names.
        base: String,
        /// The bases there are.
        known: String,
    },
    /// The chain of `extends` leads back to where it began.
    #[error("behaviour `{name}` extends itself through `{base}`; break the circle")]
    Circle {
        /// Name of the behaviour.
        name: String,
        /// The base at which the circle closed.
        base: String,
    },
    /// Two parts of the file contradict each other.
    #[error("behaviour `{name}`: {message}")]
    Inconsistent {
        /// Name of the behaviour.
        name: String,
        /// What does not fit, and what would.
        message: String,
    },
}

impl Behaviour {
    /// The built-in behaviour of that name.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Result<Self, LoadError>> {
        source(name).map(|text| Self::from_toml(name, text))
    }

    /// Names of the built-in behaviours, in the order of their table.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        BUILTIN.iter().map(|(name, _)| *name).collect()
    }

    /// Loads a behaviour file, laying it over the built-in behaviour it extends.
    ///
    /// Tables are merged deeply; arrays and scalars replace what the base says.
    ///
    /// # Errors
    /// Says which file and line is at fault, or which two parts do not fit together.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, LoadError> {
        let merged = layered(name, text, &mut vec![name.to_owned()])?;
        let behaviour = Self::deserialize(merged).map_err(|error| LoadError::Inconsistent {
            name: name.to_owned(),
            message: error.message().to_owned(),
        })?;
        behaviour.contradiction().map_or(Ok(behaviour), |message| {
            Err(LoadError::Inconsistent {
                name: name.to_owned(),
                message,
            })
        })
    }

    fn contradiction(&self) -> Option<String> {
        if self.title.is_empty() {
            return Some("`title` is missing; say the defect in one line".to_owned());
        }
        if self.server.revisions.is_empty() {
            return Some("`server.revisions` is empty; name at least one revision".to_owned());
        }
        let stray_identity = self
            .audit
            .identities
            .iter()
            .find(|id| !self.identities.contains_key(*id));
        if let Some(id) = stray_identity {
            return Some(format!(
                "`audit.identities` names `{id}`, which `identities` lacks"
            ));
        }
        let stray_client = self
            .audit
            .mint
            .iter()
            .find(|mint| !self.clients.contains_key(&mint.client));
        if let Some(mint) = stray_client {
            return Some(format!(
                "`audit.mint` names `{}`, which `clients` lacks",
                mint.client
            ));
        }
        let ladder = self.audit.ladder.as_ref();
        let signs_in = self.audit.login != LoginMode::Nobody;
        let minted = |from: &str| {
            let mut minted = self.audit.mint.iter();
            minted.any(|mint| mint.identity == from) || signs_in && from == LoginMode::NAME
        };
        if let Some(ladder) = ladder.filter(|ladder| !minted(&ladder.from)) {
            return Some(format!(
                "`audit.ladder` starts from `{}`, which is neither in `audit.mint` nor who signs in",
                ladder.from
            ));
        }
        let named = [
            &self.enforcement.unguarded,
            &self.server.hidden,
            &self.resource.public_tools,
        ];
        if let Some(tool) = named
            .into_iter()
            .flatten()
            .find(|tool| !self.tools.contains_key(*tool))
        {
            return Some(format!(
                "a list of tools names `{tool}`, which `tools` lacks"
            ));
        }
        let stateless = !self
            .server
            .revisions
            .iter()
            .any(|revision| revision.has_sessions());
        if stateless && self.resource.authentication == Authentication::SessionOnly {
            return Some("`session-only` needs a revision with sessions".to_owned());
        }
        None
    }
}

fn source(name: &str) -> Option<&'static str> {
    BUILTIN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

fn layered(name: &str, text: &str, seen: &mut Vec<String>) -> Result<Table, LoadError> {
    let syntax = |error: &toml::de::Error| LoadError::Syntax {
        name: name.to_owned(),
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    };
    // Read alone first: the merged table has lost the lines.
    let alone: Behaviour = toml::from_str(text).map_err(|error| syntax(&error))?;
    let mut table: Table = toml::from_str(text).map_err(|error| syntax(&error))?;
    table.remove("extends");
    let Some(base) = alone.extends else {
        return Ok(table);
    };
    if seen.contains(&base) {
        return Err(LoadError::Circle {
            name: name.to_owned(),
            base,
        });
    }
    let Some(base_text) = source(&base) else {
        let known = Behaviour::names().join(", ");
        return Err(LoadError::UnknownBase {
            name: name.to_owned(),
            base,
            known,
        });
    };
    seen.push(base.clone());
    let mut below = layered(&base, base_text, seen)?;
    overlay(&mut below, table);
    Ok(below)
}

fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(lower)), Value::Table(upper)) => overlay(lower, upper),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::behaviour::{Audience, Denial};

    #[test]
    fn a_behaviour_is_a_difference_from_its_base() {
        let text = "title = \"x\"\nextends = \"compliant\"\n[resource]\naudience = \"ignored\"\n";
        let behaviour = Behaviour::from_toml("x", text).unwrap();
        let compliant = Behaviour::builtin("compliant").unwrap().unwrap();
        assert_eq!(behaviour.resource.audience, Audience::Ignored);
        assert_eq!(behaviour.tools, compliant.tools);
    }

    #[test]
    fn one_member_of_a_tool_can_be_overlaid() {
        let text =
            "title = \"x\"\nextends = \"compliant\"\n[tools.delete_note]\nread_only = true\n";
        let behaviour = Behaviour::from_toml("x", text).unwrap();
        let tool = &behaviour.tools["delete_note"];
        assert_eq!(tool.read_only, Some(true));
        assert_eq!(tool.scopes, ["notes:delete"]);
    }

    #[test]
    fn unknown_key_is_refused_with_its_line() {
        let text = "title = \"x\"\nextends = \"compliant\"\n\n[resource]\naudiance = \"ignored\"\n";
        let error = Behaviour::from_toml("x", text).unwrap_err();
        assert!(
            matches!(error, LoadError::Syntax { line: 5, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("audiance"), "{error}");
    }

    #[test]
    fn unknown_word_is_refused_with_its_line() {
        let text = "title = \"x\"\n[enforcement]\ndenial = \"shrug\"\n";
        let error = Behaviour::from_toml("x", text).unwrap_err();
        assert!(
            matches!(error, LoadError::Syntax { line: 3, .. }),
            "{error}"
        );
    }

    #[test]
    fn unknown_base_is_refused() {
        let error = Behaviour::from_toml("x", "title = \"x\"\nextends = \"nobody\"").unwrap_err();
        assert!(matches!(error, LoadError::UnknownBase { .. }), "{error}");
    }

    #[test]
    fn circle_of_bases_is_refused() {
        let error = Behaviour::from_toml("compliant", "title = \"x\"\nextends = \"compliant\"")
            .unwrap_err();
        assert!(matches!(error, LoadError::Circle { .. }), "{error}");
    }

    #[test]
    fn identity_that_is_not_defined_is_refused() {
        let text = "title = \"x\"\nextends = \"compliant\"\n[audit]\nidentities = [\"ghost\"]\n";
        let error = Behaviour::from_toml("x", text).unwrap_err();
        assert!(error.to_string().contains("`ghost`"), "{error}");
    }

    #[test]
    fn knobs_default_to_the_right_behaviour() {
        let plain = Behaviour::from_toml("x", "title = \"x\"\naudit.identities = []").unwrap();
        let compliant = Behaviour::builtin("compliant").unwrap().unwrap();
        assert_eq!(plain.enforcement, compliant.enforcement);
        assert_eq!(plain.resource, compliant.resource);
        assert_eq!(plain.enforcement.denial, Denial::Http403);
    }

    #[test]
    fn every_builtin_loads_and_every_file_is_builtin() {
        let mut files: Vec<String> =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/behaviours"))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
                .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
                .collect();
        let mut names: Vec<String> = Behaviour::names().into_iter().map(str::to_owned).collect();
        files.sort();
        names.sort();
        assert_eq!(files, names);
        for name in Behaviour::names() {
            let behaviour = Behaviour::builtin(name).unwrap();
            assert!(behaviour.is_ok(), "{name}: {behaviour:?}");
        }
    }
}
