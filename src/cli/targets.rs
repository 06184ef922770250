//! The targets of a command, and what stands for each in paths.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::{OutputArgs, TargetArgs};
use super::session::{self, Usage};
use crate::config::targets::{self, Asked, Planned, TARGET, Targets};
use crate::config::{self, Flags};
use crate::report::safe;

/// Where the targets are.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TargetOptions {
    /// The MCP endpoint, or several, for example `https://mcp.example.com/mcp`.
    #[arg(value_name = "URL", env = "MCP_ASSAY_URL", help_heading = "Target")]
    pub(crate) urls: Vec<String>,
    /// Take the target and its key from an MCP client's configuration (`mcpServers` and the like).
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub(crate) from: Option<PathBuf>,
    /// Which of the servers in that configuration, when it has several. Repeat for several.
    #[arg(
        long = "server",
        value_name = "NAME",
        requires = "from",
        help_heading = "Target"
    )]
    pub(crate) servers: Vec<String>,
    /// All of its servers that are reached over http, each with its own headers only.
    #[arg(
        long,
        requires = "from",
        conflicts_with = "servers",
        help_heading = "Target"
    )]
    pub(crate) all_servers: bool,
}

impl TargetOptions {
    fn asked(&self) -> Asked {
        let urls = self.urls.iter().flat_map(|given| {
            // A variable holds several in one text; a URL holds no space.
            let parts: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
            let several = parts.len() > 1 && parts.iter().all(|part| part.contains("://"));
            if several { parts } else { vec![given.clone()] }
        });
        Asked {
            urls: urls.collect(),
            servers: self.servers.clone(),
            all_servers: self.all_servers,
        }
    }
}

/// The targets that flags and configuration name.
///
/// # Errors
/// What the operator got wrong about them.
pub(crate) fn all(args: &TargetArgs, flags: &Flags) -> Result<Vec<Planned>, config::Error> {
    let Targets { planned, skipped } = targets::targets(flags, &args.named.asked())?;
    for reason in skipped {
        session::note(&format!("note: left out: {}\n", safe::line(&reason)));
    }
    Ok(planned)
}

/// The target of a command that has one.
///
/// # Errors
/// As [`all`], and several targets.
pub(crate) fn only(args: &TargetArgs, flags: &Flags, command: &str) -> anyhow::Result<Planned> {
    let mut planned = all(args, flags)?;
    match (planned.pop(), planned.len()) {
        (Some(one), 0) => Ok(one),
        (_, others) => Err(Usage(format!(
            "`{command}` is for one target, and {} are given; name one of them",
            others + 1
        ))
        .into()),
    }
}

/// What stands for a target in the name of a file.
pub(crate) fn key(name: Option<&str>, url: &url::Url) -> String {
    let path = match url.path() {
        "/" => "",
        path => path,
    };
    let port = url.port().map_or(String::new(), |port| format!("-{port}"));
    let made = || format!("{}{port}{path}", url.host_str().unwrap_or_default());
    plain(&name.map_or_else(made, str::to_owned))
}

/// A text as a plain name of a file.
pub(crate) fn plain(text: &str) -> String {
    let mut key = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
            key.push(c);
        } else if !key.ends_with('-') {
            key.push('-');
        }
    }
    // No leading dot: it would hide the file, or climb.
    let key: String = key.trim_matches(['-', '.']).chars().take(LONGEST).collect();
    if key.is_empty() {
        FALLBACK.to_owned()
    } else {
        key
    }
}

/// The same keys, each different from the others even where letters have no case.
pub(crate) fn distinct(keys: Vec<String>) -> Vec<String> {
    let mut taken = std::collections::BTreeSet::new();
    let wanted: Vec<String> = keys.iter().map(|key| key.to_ascii_lowercase()).collect();
    let mut out = Vec::new();
    for key in keys {
        let mut free = key.clone();
        let mut number = 1;
        // A number must not take what another target is called.
        let is_taken = |text: &str, number: usize| {
            let text = text.to_ascii_lowercase();
            taken.contains(&text) || (number > 1 && wanted.contains(&text))
        };
        while is_taken(&free, number) {
            number += 1;
            free = format!("{key}-{number}");
        }
        taken.insert(free.to_ascii_lowercase());
        out.push(free);
    }
    out
}

/// A path with the key in the place of `{target}`.
pub(crate) fn aimed(path: &str, key: &str) -> String {
    path.replace(TARGET, key)
}

/// The same for what the system calls a path.
pub(crate) fn aimed_path(path: &Path, key: &str) -> PathBuf {
    match path.to_str() {
        Some(text) => PathBuf::from(aimed(text, key)),
        None => path.to_owned(),
    }
}

/// Whether a path says where the target goes.
pub(crate) fn is_aimed(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(TARGET))
}

impl OutputArgs {
    /// The same output of one target.
    pub(crate) fn aimed(&self, key: &str) -> Self {
        Self {
            reports: self.reports.iter().map(|it| aimed(it, key)).collect(),
            write_policy: self.write_policy.as_deref().map(|it| aimed(it, key)),
            ..self.clone()
        }
    }
}

const LONGEST: usize = 80;
const FALLBACK: &str = "target";

#[cfg(test)]
mod tests {
    use super::*;

    fn named(url: &str) -> String {
        key(None, &url::Url::parse(url).unwrap())
    }

    #[test]
    fn a_key_is_a_plain_name_of_a_file_whatever_the_target_is_called() {
        for (url, expected) in [
            ("https://mcp.example.com/mcp", "mcp.example.com-mcp"),
            ("https://mcp.example.com/", "mcp.example.com"),
            ("http://127.0.0.1:8080/a/b?x=1", "127.0.0.1-8080-a-b"),
            ("http://[::1]:80/mcp", "1-mcp"),
        ] {
            assert_eq!(named(url), expected, "{url}");
        }
        let url = url::Url::parse("https://mcp.example.com/mcp").unwrap();
        for (name, expected) in [
            ("Notes (prod)", "Notes-prod"),
            ("../../etc/passwd", "etc-passwd"),
            (".hidden", "hidden"),
            ("é/日", "target"),
            ("{target}", "target"),
        ] {
            assert_eq!(key(Some(name), &url), expected, "{name}");
        }
        assert_eq!(key(Some(&"x".repeat(500)), &url).len(), LONGEST);
    }

    #[test]
    fn equal_keys_are_numbered_and_never_meet_another() {
        let keys = ["a", "A", "a-2", "a", "b"].map(str::to_owned).to_vec();
        let found = distinct(keys);
        assert_eq!(found.len(), 5);
        assert_eq!((found[0].as_str(), found[2].as_str()), ("a", "a-2"));
        let lower: std::collections::BTreeSet<String> =
            found.iter().map(|key| key.to_ascii_lowercase()).collect();
        assert_eq!(lower.len(), 5, "{found:?}");
    }

    #[test]
    fn one_text_holds_several_urls_where_each_part_is_one() {
        let asked = |text: &str| {
            let options = TargetOptions {
                urls: vec![text.to_owned()],
                ..TargetOptions::default()
            };
            options.asked().urls
        };
        assert_eq!(
            asked("https://a.example/ \n http://b.example/"),
            ["https://a.example/", "http://b.example/"]
        );
        assert_eq!(
            asked("https://a.example/my path"),
            ["https://a.example/my path"]
        );
    }
}
