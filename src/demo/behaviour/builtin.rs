//! The behaviour files that are compiled in.

/// Name and text of every built-in behaviour; the files are `fixtures/behaviours/<name>.toml`.
pub static BUILTIN: &[(&str, &str)] = &[(
    "compliant",
    include_str!("../../../fixtures/behaviours/compliant.toml"),
)];
