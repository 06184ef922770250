//! Flags about tokens that outlive a run.

use std::path::PathBuf;

use clap::Args;

use crate::config::cache::UpkeepFlags;

/// What happens to tokens after the run.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct UpkeepOptions {
    /// Do not revoke the tokens that the run obtained.
    #[arg(long, help_heading = "Identities")]
    pub(crate) keep_tokens: bool,
    /// Keep the newest refresh tokens in this file, readable by its owner only, and use them in the
    /// next run; in the user's cache directory when no file is named.
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        help_heading = "Identities"
    )]
    pub(crate) token_cache: Option<String>,
}

impl UpkeepOptions {
    /// The options as the configuration reads them.
    pub(crate) fn flags(&self) -> UpkeepFlags {
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        UpkeepFlags {
            keep_tokens: self.keep_tokens,
            cache: self.token_cache.clone().map(PathBuf::from),
            home: caches(path("XDG_CACHE_HOME"), path("HOME"), BELOW_HOME),
        }
    }
}

/// The directory of caches; a relative `XDG_CACHE_HOME` is to be ignored (XDG base directories, 0.8).
fn caches(cache: Option<PathBuf>, home: Option<PathBuf>, below: &str) -> Option<PathBuf> {
    let cache = cache.filter(|it| it.is_absolute());
    let home = home.filter(|it| !it.as_os_str().is_empty());
    cache.or_else(|| home.map(|home| home.join(below)))
}

const BELOW_HOME: &str = if cfg!(target_os = "macos") {
    "Library/Caches"
} else {
    ".cache"
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_lie_where_the_system_keeps_them() {
        let path = |text: &str| Some(PathBuf::from(text));
        let home = || path("/home/eve");
        for (cache, home, below, found) in [
            (path("/var/cache"), home(), ".cache", path("/var/cache")),
            (path("here"), home(), ".cache", path("/home/eve/.cache")),
            (path(""), home(), ".cache", path("/home/eve/.cache")),
            (
                None,
                home(),
                "Library/Caches",
                path("/home/eve/Library/Caches"),
            ),
            (None, path(""), ".cache", None),
            (None, None, ".cache", None),
        ] {
            assert_eq!(caches(cache, home, below), found);
        }
    }
}
