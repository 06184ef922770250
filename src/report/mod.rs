//! Renderers: one report, many forms. Nothing here has an opinion, and nothing is left out silently.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use crate::checks;
use crate::model::report::Report;

pub mod answers;
pub mod assemble;
pub mod diff;
pub mod exit;
pub mod fleet;
pub mod safe;
pub mod schema;
pub mod words;

mod accept;
mod acceptances;
mod admission;
mod breaks;
mod brief;
mod clients;
mod data;
mod definition;
mod facts;
mod findings;
mod github;
mod har;
mod html;
mod json;
mod junit;
mod ladder;
mod locations;
mod markdown;
mod markup;
mod matrix;
mod obtained;
mod opens;
mod oscal;
pub mod policy_file;
mod sarif;
mod stamp;
mod table;
mod tenant;
mod text;
mod undecided;

pub use brief::Brief;
pub use github::Github;
pub use har::Har;
pub use html::Html;
pub use json::Json;
pub use junit::Junit;
pub use markdown::Markdown;
pub use oscal::Oscal;
pub use sarif::Sarif;
pub use table::Table;

/// Writes a report in one form.
pub trait Renderer {
    /// Writes the report; piece by piece where it may be large.
    ///
    /// # Errors
    /// When the form cannot hold the report, or the destination takes no more.
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError>;
}

/// Why a report could not be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The report does not serialise.
    #[error("the report cannot be written as JSON: {0}")]
    Json(serde_json::Error),
    /// The destination takes no more.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<serde_json::Error> for RenderError {
    fn from(error: serde_json::Error) -> Self {
        match error.io_error_kind() {
            Some(kind) => Self::Io(kind.into()),
            None => Self::Json(error),
        }
    }
}

/// The forms a report can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people.
    Table,
    /// The contract, for programs.
    Json,
    /// For code scanning.
    Sarif,
    /// For whatever shows test results.
    Junit,
    /// A pull-request comment or a job summary.
    Markdown,
    /// One page for a browser, with everything on it.
    Html,
    /// Annotations of a workflow.
    Github,
    /// The exchanges, for tools that show traffic.
    Har,
    /// Assessment results, for an assessor's file.
    Oscal,
    /// One page for a purchase.
    Brief,
}

impl Format {
    /// Every form.
    pub const ALL: [Self; 10] = [
        Self::Table,
        Self::Json,
        Self::Sarif,
        Self::Junit,
        Self::Markdown,
        Self::Html,
        Self::Github,
        Self::Har,
        Self::Oscal,
        Self::Brief,
    ];

    /// The word used in flags.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Github => "github",
            Self::Har => "har",
            Self::Oscal => "oscal",
            Self::Brief => "brief",
        }
    }

    /// The renderer of this form.
    pub fn renderer(self, style: &Style) -> Box<dyn Renderer> {
        match self {
            Self::Table => Box::new(Table::new(*style)),
            Self::Json => Box::new(Json),
            Self::Sarif => Box::new(Sarif),
            Self::Junit => Box::new(Junit),
            Self::Markdown => Box::new(Markdown),
            Self::Html => Box::new(Html),
            Self::Github => Box::new(Github),
            Self::Har => Box::new(Har),
            Self::Oscal => Box::new(Oscal),
            Self::Brief => Box::new(Brief),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str);
            let near = checks::nearest(text, known);
            let near = near.map_or(String::new(), |it| format!(" (did you mean `{it}`?)"));
            let known = known.join(", ");
            format!("`{text}` is not a report format{near}; known formats: {known}")
        })
    }
}

/// How a report for people looks; formats for programs ignore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns to fill.
    pub width: u16,
    /// Whether to use colour; decided by the caller from flag, environment and terminal.
    pub colour: bool,
    /// Whether to show every row and name instead of folding equal ones.
    pub full: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            width: 80,
            colour: false,
            full: false,
        }
    }
}

/// Renders a report in the given form.
///
/// # Errors
/// When the form cannot hold the report.
pub fn render(format: Format, report: &Report, style: &Style) -> Result<Vec<u8>, RenderError> {
    let mut bytes = Vec::new();
    format.renderer(style).render(report, &mut bytes)?;
    Ok(bytes)
}

/// Any value as pretty JSON that is inert on a terminal.
///
/// # Errors
/// When it does not serialise.
pub fn inert_json<T: Serialize>(value: &T) -> Result<String, RenderError> {
    let mut bytes = Vec::new();
    json::write(value, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes any value as pretty JSON that is inert on a terminal.
///
/// # Errors
/// When it does not serialise, or the destination takes no more.
pub fn write_json<T: Serialize>(value: &T, out: &mut dyn Write) -> Result<(), RenderError> {
    json::write(value, out)
}

/// Writes any value as one line of JSON that is inert on a terminal.
///
/// # Errors
/// When it does not serialise, or the destination takes no more.
pub fn write_json_line<T: Serialize>(value: &T, out: &mut dyn Write) -> Result<(), RenderError> {
    json::write_line(value, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_names_round_trip_and_others_are_refused_with_the_known_ones() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        let error = "xml".parse::<Format>().unwrap_err();
        assert!(error.contains("`xml`") && error.contains("table, json"));
        let error = "serif".parse::<Format>().unwrap_err();
        assert!(error.contains("did you mean `sarif`?"), "{error}");
    }
}
