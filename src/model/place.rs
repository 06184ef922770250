//! A line of a file that the operator gave.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A line of a file that the operator gave.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Place {
    /// The path as it was given.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_compilers_write_it() {
        let place = Place {
            path: "ci/assay.toml".to_owned(),
            line: 12,
        };
        assert_eq!(place.to_string(), "ci/assay.toml:12");
    }
}
