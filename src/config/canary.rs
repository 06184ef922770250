//! `[tool.canary]`: how a tool that changes state is called on an object of the run's own.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Error;
use super::file::{ConfigFile, ToolSection};
use crate::model::canary::{CanaryRule, Step};
use crate::model::placeholder::{self, Placeholder, Source};

/// `[tool.canary]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanarySection {
    /// The arguments of the call. `{canary}` stands for a word that only this call carries,
    /// `{made:…}` for something in the answer of `make`.
    #[schemars(with = "serde_json::Value")]
    pub arguments: toml::Value,
    /// Makes an object for the call, where the tool changes or removes one; called by the strongest
    /// identity.
    pub make: Option<StepSection>,
    /// Shows the strongest identity whether the call had its effect.
    pub read_back: Option<StepSection>,
    /// Removes the object again; `{result:…}` stands for something in the answer of the call,
    /// `{found:…}` in that of `read_back`.
    pub undo: Option<StepSection>,
    /// `shows`: the object carries the word of the call afterwards; `gone`: it is gone.
    #[serde(default)]
    pub effect: EffectWord,
    /// Whether the object stays where it is, without `undo`.
    #[serde(default)]
    pub keep: bool,
    /// Whether nobody but its maker may have the object.
    #[serde(default)]
    pub private: bool,
}

/// A call of another tool.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSection {
    /// Its name.
    pub tool: String,
    /// Its arguments.
    #[schemars(with = "serde_json::Value")]
    pub arguments: toml::Value,
}

/// What the call brings about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EffectWord {
    /// The object carries the word of the call.
    #[default]
    Shows,
    /// The object is gone.
    Gone,
}

impl ConfigFile {
    pub(super) fn canary(&self, tool: &ToolSection) -> Result<Option<CanaryRule>, Error> {
        let Some(section) = &tool.canary else {
            return Ok(None);
        };
        let place = self.place(section.span().start);
        let section = section.get_ref();
        let json = |value: &toml::Value| serde_json::to_value(value).unwrap_or_default();
        let step = |section: &StepSection| Step {
            tool: section.tool.clone(),
            arguments: json(&section.arguments),
        };
        let rule = CanaryRule {
            arguments: json(&section.arguments),
            make: section.make.as_ref().map(step),
            read_back: section.read_back.as_ref().map(step),
            undo: section.undo.as_ref().map(step),
            gone: section.effect == EffectWord::Gone,
            private: section.private,
        };
        let forbidden = |name: &str| {
            let mut rules = self.tool.iter();
            rules.any(|other| other.name == name && other.safe == Some(false))
        };
        let names = std::iter::once(tool.name.as_str());
        let steps = rule.steps().map(|(_, step)| step.tool.as_str());
        for name in names.chain(steps) {
            if name.contains('*') {
                return Err(Error::value(
                    place,
                    format!("`{name}` is a pattern, and a canary belongs to one tool"),
                    "write the whole name",
                ));
            }
            if forbidden(name) {
                return Err(Error::value(
                    place,
                    format!("`{name}` has `safe = false`, which forbids calling it"),
                    "take one of the two away",
                ));
            }
        }
        match problem(&rule, section.keep) {
            Some((problem, remedy)) => Err(Error::value(place, problem, remedy)),
            None => Ok(Some(rule)),
        }
    }
}

/// What does not fit together, and what would.
fn problem(rule: &CanaryRule, keep: bool) -> Option<(String, &'static str)> {
    let holes = |word: &str, arguments: &serde_json::Value| {
        Holes::of(arguments).map_err(|problem| (format!("`{word}`: {problem}"), SPELL))
    };
    let step = |word: &str, step: &Option<Step>| match step {
        Some(step) => holes(word, &step.arguments),
        None => Ok(Holes::default()),
    };
    let all = || -> Result<All, (String, &'static str)> {
        Ok(All {
            call: holes("arguments", &rule.arguments)?,
            make: step("make", &rule.make)?,
            read: step("read_back", &rule.read_back)?,
            undo: step("undo", &rule.undo)?,
        })
    };
    let all = match all() {
        Ok(all) => all,
        Err(problem) => return Some(problem),
    };
    let row = of_the_call(rule, &all)
        .into_iter()
        .chain(of_the_steps(rule, &all, keep))
        .find(|(wrong, _, _)| *wrong);
    row.map(|(_, problem, remedy)| (problem.to_owned(), remedy))
}

/// Whether it is wrong, what is, and what would be right.
type Row = (bool, &'static str, &'static str);

/// The holes of every part.
struct All {
    call: Holes,
    make: Holes,
    read: Holes,
    undo: Holes,
}

fn of_the_call(rule: &CanaryRule, all: &All) -> Vec<Row> {
    vec![
        (
            all.call.result() || all.call.found(),
            "`arguments` name an answer that is not there before the call",
            "use `{canary}` and `{made:…}` alone",
        ),
        (
            !all.call.canary() && !all.call.made(),
            "`arguments` carry neither `{canary}` nor `{made:…}`, so every call would do the same",
            "put `{canary}` where the tool takes a free text",
        ),
        (
            !rule.gone && !all.call.canary(),
            "`arguments` carry no `{canary}`, so nothing would show the effect",
            "put `{canary}` where the tool takes a free text, or say `effect = \"gone\"`",
        ),
        (
            rule.make.is_none() && (all.call.made() || all.read.made() || all.undo.made()),
            "`{made:…}` needs `make`",
            "say in `make` which tool makes the object",
        ),
        (
            rule.make.is_some() && !all.call.made(),
            "`make` makes an object that `arguments` do not name",
            "name it with `{made:…}`, or leave `make` out",
        ),
        (
            rule.make.is_some()
                && !(all.make.canary()
                    && !all.make.made()
                    && !all.make.result()
                    && !all.make.found()),
            "`make` takes `{canary}` and no other placeholder",
            "put `{canary}` where the tool takes a free text",
        ),
        (
            rule.make.is_some() && !(all.read.made() && !all.read.canary() && !all.read.result()),
            "with `make`, `read_back` has to read the object that was made",
            "give a `read_back` that names it with `{made:…}` alone",
        ),
        (
            rule.gone && rule.make.is_none(),
            "`effect = \"gone\"` needs an object that is there before",
            "say in `make` which tool makes it",
        ),
    ]
}

fn of_the_steps(rule: &CanaryRule, all: &All, keep: bool) -> Vec<Row> {
    vec![
        (
            all.read.found(),
            "`read_back` names its own answer",
            "use `{canary}`, `{result:…}` or `{made:…}`",
        ),
        (
            rule.read_back.is_some() && all.read.is_empty(),
            "`read_back` carries no placeholder, so it would read the same every time",
            "use `{canary}`, `{result:…}` or `{made:…}`",
        ),
        (
            all.read.canary() && all.read.result(),
            "`read_back` names `{canary}` and `{result:…}`, so it cannot be sent before the call",
            "use one of the two",
        ),
        (
            all.undo.found() && rule.read_back.is_none(),
            "`{found:…}` needs `read_back`",
            "say in `read_back` how the object is found",
        ),
        (
            rule.undo.is_some() && all.undo.is_empty(),
            "`undo` carries no placeholder, so it would remove the same thing every time",
            "name the object with `{result:…}`, `{found:…}`, `{made:…}` or `{canary}`",
        ),
        (
            rule.undo.is_some() == keep,
            if keep {
                "`keep` and `undo` exclude each other"
            } else {
                "nothing says how the object is removed"
            },
            "give `undo`, or `keep = true` where it may stay",
        ),
        (
            rule.make.is_some() && (all.undo.canary() || all.undo.result() || all.undo.found()),
            "with `make`, `undo` removes what was made",
            "name it with `{made:…}` alone",
        ),
    ]
}

/// Which holes some arguments have: the word of the call, or whose answer fills them.
#[derive(Debug, Default)]
struct Holes(BTreeSet<Option<Source>>);

impl Holes {
    fn of(arguments: &serde_json::Value) -> Result<Self, String> {
        if !arguments.is_object() {
            return Err("arguments are a table".to_owned());
        }
        let holes = placeholder::holes(arguments)?.into_iter();
        let kinds = holes.map(|hole| match hole {
            Placeholder::Canary => None,
            Placeholder::From(source, _) => Some(source),
        });
        Ok(Self(kinds.collect()))
    }

    fn canary(&self) -> bool {
        self.0.contains(&None)
    }

    fn made(&self) -> bool {
        self.0.contains(&Some(Source::Made))
    }

    fn result(&self) -> bool {
        self.0.contains(&Some(Source::Result))
    }

    fn found(&self) -> bool {
        self.0.contains(&Some(Source::Found))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const SPELL: &str = "correct it";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(canary: &str) -> Result<Option<CanaryRule>, String> {
        let text = format!("[[tool]]\nname = \"create\"\n[tool.canary]\n{canary}\n");
        let file = ConfigFile::parse("assay.toml", text).map_err(|error| error.to_string())?;
        let rules = file.tool_rules().map_err(|error| error.to_string())?;
        Ok(rules.into_iter().next().and_then(|rule| rule.canary))
    }

    const ARGUMENTS: &str = "arguments = { title = \"{canary}\" }";
    const READ: &str = "read_back = { tool = \"get\", arguments = { id = \"{result:/id}\" } }";
    const UNDO: &str = "undo = { tool = \"drop\", arguments = { id = \"{result:/id}\" } }";
    const MAKE: &str = "make = { tool = \"create\", arguments = { title = \"{canary}\" } }";
    const READ_MADE: &str = "read_back = { tool = \"get\", arguments = { id = \"{made:/id}\" } }";
    const UNDO_MADE: &str = "undo = { tool = \"drop\", arguments = { id = \"{made:/id}\" } }";

    #[test]
    fn a_tool_that_creates_and_one_that_removes_are_described() {
        let rule = read(&[ARGUMENTS, READ, UNDO].join("\n")).unwrap().unwrap();
        assert_eq!(rule.steps().count(), 2);
        assert!(!rule.gone && !rule.private);
        let gone = [
            "arguments = { id = \"{made:/id}\" }\neffect = \"gone\"\nprivate = true",
            MAKE,
            READ_MADE,
            UNDO_MADE,
        ];
        let rule = read(&gone.join("\n")).unwrap().unwrap();
        assert_eq!(rule.steps().count(), 3);
        assert!(rule.gone && rule.private);
        let kept = read(&[ARGUMENTS, "keep = true"].join("\n"));
        assert!(kept.unwrap().unwrap().undo.is_none());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_line_and_a_remedy() {
        let other = "arguments = { id = \"{made:/id}\", title = \"{canary}\" }";
        for (lines, part) in [
            (
                vec!["arguments = { title = \"x\" }"],
                "every call would do the same",
            ),
            (
                vec!["arguments = { title = \"{cannary}\" }"],
                "is no placeholder",
            ),
            (
                vec!["arguments = { title = \"{canary}{found:/id}\" }"],
                "not there before",
            ),
            (vec!["arguments = [\"{canary}\"]"], "arguments are a table"),
            (vec![other, READ_MADE, UNDO_MADE], "needs `make`"),
            (vec![ARGUMENTS, MAKE, READ_MADE, UNDO_MADE], "do not name"),
            (vec![other, MAKE, READ, UNDO_MADE], "has to read the object"),
            (vec![other, MAKE, UNDO_MADE], "has to read the object"),
            (vec![other, MAKE, READ_MADE, UNDO], "removes what was made"),
            (
                vec![
                    "arguments = { id = \"{made:/id}\" }",
                    MAKE,
                    READ_MADE,
                    UNDO_MADE,
                ],
                "show the effect",
            ),
            (
                vec![ARGUMENTS, "effect = \"gone\"", READ, UNDO],
                "is there before",
            ),
            (
                vec![
                    ARGUMENTS,
                    "read_back = { tool = \"list\", arguments = {} }",
                    UNDO,
                ],
                "would read the same",
            ),
            (
                vec![
                    ARGUMENTS,
                    "read_back = { tool = \"l\", arguments = { a = \"{found:/id}\" } }",
                    UNDO,
                ],
                "its own answer",
            ),
            (
                vec![
                    ARGUMENTS,
                    "read_back = { tool = \"l\", arguments = { a = \"{canary}{result:/id}\" } }",
                    UNDO,
                ],
                "before the call",
            ),
            (
                vec![
                    ARGUMENTS,
                    "undo = { tool = \"d\", arguments = { id = \"{found:/id}\" } }",
                ],
                "needs `read_back`",
            ),
            (
                vec![ARGUMENTS, "undo = { tool = \"d\", arguments = { id = 1 } }"],
                "the same thing",
            ),
            (vec![ARGUMENTS, READ], "how the object is removed"),
            (vec![ARGUMENTS, UNDO, "keep = true"], "exclude each other"),
            (
                vec![
                    ARGUMENTS,
                    "undo = { tool = \"d*\", arguments = { id = \"{canary}\" } }",
                ],
                "pattern",
            ),
        ] {
            let problem = read(&lines.join("\n")).unwrap_err();
            assert!(problem.starts_with("assay.toml:3: "), "{problem}");
            assert!(problem.contains(part), "{part}: {problem}");
        }
    }

    #[test]
    fn a_tool_that_must_not_be_called_is_no_step_either() {
        let text = format!(
            "[[tool]]\nname = \"drop\"\nsafe = false\n\n[[tool]]\nname = \"create\"\n[tool.canary]\n\
             {ARGUMENTS}\n{UNDO}\n"
        );
        let file = ConfigFile::parse("assay.toml", text).unwrap();
        let problem = file.tool_rules().unwrap_err().to_string();
        assert!(problem.contains("`drop` has `safe = false`"), "{problem}");
    }
}
