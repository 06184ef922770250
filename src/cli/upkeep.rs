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
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        // A relative one is to be ignored (XDG base directories, 0.8).
        let cache = cache.filter(|it| it.is_absolute());
        let home = std::env::var_os("HOME").filter(|it| !it.is_empty());
        UpkeepFlags {
            keep_tokens: self.keep_tokens,
            cache: self.token_cache.clone().map(PathBuf::from),
            home: cache.or_else(|| home.map(|home| PathBuf::from(home).join(".cache"))),
        }
    }
}
