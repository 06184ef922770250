//! What the operator says about calls beyond the defaults, and calls left out.

use std::collections::BTreeSet;

use super::Error;
use super::file::ConfigFile;
use crate::model::settings::{Calls, SkippedArm};

/// What the flags say about calls.
#[derive(Clone, Debug, Default)]
pub struct CallFlags {
    /// `--observe-call-limit`.
    pub observe_limit: Option<usize>,
    /// `--probe-traversal`.
    pub traversal: bool,
    /// `--repeat`.
    pub repeat: Option<u16>,
    /// `--skip-arm`.
    pub skip_arms: Vec<SkippedArm>,
}

pub(super) fn calls(flags: &CallFlags, file: &ConfigFile) -> Result<Calls, Error> {
    Ok(Calls {
        observe_limit: observed(flags)?,
        traversal: flags.traversal || file.safety.probe_traversal,
        repeat: repeat(flags)?,
        skip_arms: skipped(flags, file)?,
    })
}

/// How many equal calls in a row were asked for.
fn observed(flags: &CallFlags) -> Result<Option<usize>, Error> {
    match flags.observe_limit {
        Some(count) if !(FEWEST_CALLS..=MOST_CALLS).contains(&count) => Err(Error::value(
            "--observe-call-limit",
            format!("{count} calls are out of range"),
            format!("give {FEWEST_CALLS} to {MOST_CALLS}"),
        )),
        given => Ok(given),
    }
}

fn repeat(flags: &CallFlags) -> Result<u16, Error> {
    match flags.repeat {
        Some(count) if !(1..=MOST_REPEATS).contains(&count) => Err(Error::value(
            "--repeat",
            format!("{count} attempts are out of range"),
            format!("give 1 to {MOST_REPEATS}"),
        )),
        given => Ok(given.unwrap_or_default()),
    }
}

fn skipped(flags: &CallFlags, file: &ConfigFile) -> Result<BTreeSet<SkippedArm>, Error> {
    let mut arms: BTreeSet<SkippedArm> = flags.skip_arms.iter().copied().collect();
    for word in &file.safety.skip_arms {
        let known = SkippedArm::ALL
            .into_iter()
            .find(|arm| arm.as_str() == word.get_ref());
        arms.insert(known.ok_or_else(|| {
            Error::value(
                file.place(word.span().start),
                format!(
                    "`{}` is not a credential that can be left out",
                    word.get_ref()
                ),
                "use \"anonymous\", \"garbage\", \"garbage-jwt\" or \"derived\"",
            )
        })?);
    }
    Ok(arms)
}

/// Fewer say nothing about a limit.
const FEWEST_CALLS: usize = 10;
/// More are a load test.
const MOST_CALLS: usize = 500;
/// More attempts lower the bound on what slips through by little (oracle §10).
const MOST_REPEATS: u16 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: &CallFlags, text: &str) -> Result<Calls, Error> {
        calls(flags, &ConfigFile::parse("assay.toml", text.to_owned())?)
    }

    fn limit(count: usize) -> CallFlags {
        CallFlags {
            observe_limit: Some(count),
            ..CallFlags::default()
        }
    }

    #[test]
    fn numbers_within_bounds_are_taken_and_others_refused_with_the_bounds() {
        assert_eq!(read(&limit(50), "").unwrap().observe_limit, Some(50));
        for count in [0, 9, 501] {
            let text = read(&limit(count), "").unwrap_err().to_string();
            assert!(text.contains("give 10 to 500"), "{text}");
        }
        let repeat = |count: u16| {
            let flags = CallFlags {
                repeat: Some(count),
                ..CallFlags::default()
            };
            read(&flags, "")
        };
        assert_eq!(repeat(10).unwrap().repeat, 10);
        assert!(repeat(0).is_err());
        assert!(repeat(61).is_err());
    }

    #[test]
    fn arms_are_left_out_by_flag_and_by_file() {
        let flags = CallFlags {
            skip_arms: vec![SkippedArm::Garbage],
            ..CallFlags::default()
        };
        let both = read(&flags, "[safety]\nskip_arms = [\"derived\"]\n").unwrap();
        assert_eq!(
            both.skip_arms,
            BTreeSet::from([SkippedArm::Garbage, SkippedArm::Derived])
        );
        let wrong = read(&flags, "[safety]\nskip_arms = [\n  \"everything\",\n]\n");
        let text = wrong.unwrap_err().to_string();
        assert!(text.starts_with("assay.toml:3: `everything`"), "{text}");
    }

    #[test]
    fn nothing_is_asked_for_by_default() {
        assert_eq!(read(&CallFlags::default(), "").unwrap(), Calls::default());
    }
}
