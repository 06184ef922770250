//! Several targets in one run: several URLs, `[[target]]` entries, or several servers of an MCP
//! client. A token goes only to the target it was given for.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::file::TargetSection;
use super::{ConfigFile, Error, Flags, clients};

/// What the operator named as targets.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// URLs on the command line.
    pub urls: Vec<String>,
    /// `--server`, names in the file of `--from`.
    pub servers: Vec<String>,
    /// `--all-servers`.
    pub all_servers: bool,
}

/// One target with its part of flags and configuration.
#[derive(Clone, Debug, Default)]
pub struct Planned {
    /// The flags that concern it.
    pub flags: Flags,
    /// Its configuration.
    pub file: ConfigFile,
    /// What the operator calls it.
    pub name: Option<String>,
}

/// The targets of a run.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// What is to be audited, in the order given.
    pub planned: Vec<Planned>,
    /// Why servers of an MCP client are left out.
    pub skipped: Vec<String>,
}

/// `[[target]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetEntry {
    /// The MCP endpoint; may be absent where `config` names it.
    #[schemars(with = "Option<String>")]
    pub url: Option<Spanned<String>>,
    /// Its name in reports and in `{target}`; made of the URL when absent.
    #[schemars(with = "Option<String>")]
    pub name: Option<Spanned<String>>,
    /// Another file like this one, relative to this one, that holds what concerns this target alone.
    #[schemars(with = "Option<String>")]
    pub config: Option<Spanned<String>>,
    /// The `[[identity]]` entries of this file that were issued for this target.
    #[schemars(with = "Option<Vec<String>>")]
    pub identities: Option<Vec<Spanned<String>>>,
    /// The revision to audit with; the newest served when absent.
    #[schemars(with = "Option<String>")]
    pub revision: Option<Spanned<String>>,
}

/// `[target]`, or `[[target]]` several times.
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub enum Shape {
    /// One.
    One(TargetSection),
    /// Several.
    Several(Vec<TargetEntry>),
}

/// Divides flags and configuration among the targets.
///
/// # Errors
/// A file that makes no sense, and every token, client or file that could reach a target it was not
/// given for.
pub fn targets(flags: &Flags, asked: &Asked) -> Result<Targets, Error> {
    let file = match &flags.config {
        Some(path) => ConfigFile::read(path)?,
        None => ConfigFile::default(),
    };
    let listed = !file.target.several.is_empty();
    if let Some(url) = asked.urls.first().filter(|_| listed) {
        let problem = format!("`{url}` is given, and {} lists targets", file.path);
        return Err(Error::value("URL", problem, "give one of the two"));
    }
    if flags.from.is_some() && (listed || asked.urls.len() > 1) {
        let problem = "it names targets, and so does something else";
        return Err(Error::value("--from", problem, "give one of the two"));
    }
    let found = if listed {
        entries(flags, &file)?
    } else if let (Some(path), true) = (&flags.from, asked.all_servers) {
        let (remote, skipped) = clients::every::remote(path)?;
        servers(flags, &file, &remote, skipped)
    } else if asked.servers.len() > 1 {
        servers(flags, &file, &distinct(&asked.servers)?, Vec::new())
    } else {
        Targets {
            planned: urls(flags, &file, asked),
            skipped: Vec::new(),
        }
    };
    if found.planned.len() > 1 {
        several(flags, found.planned.len())?;
        if !listed {
            unshared(&file, found.planned.len())?;
        }
    }
    Ok(found)
}

/// What a configuration says about the target with this URL.
///
/// # Errors
/// A list of targets that makes no sense, or that does not name it.
pub fn about(file: &ConfigFile, url: &str) -> Result<ConfigFile, Error> {
    if file.target.several.is_empty() {
        return Ok(file.clone());
    }
    let parsed = |text: &str| url::Url::parse(text).ok();
    let named = |planned: &Planned| {
        let own = planned.file.target.url.as_ref();
        let given = planned.flags.url.as_ref();
        let given = given.or(own.map(Spanned::get_ref));
        given.is_some_and(|it| parsed(it) == parsed(url))
    };
    let planned = entries(&Flags::default(), file)?.planned;
    let count = planned.len();
    let found = planned.into_iter().find(named);
    found.map(|planned| planned.file).ok_or_else(|| {
        let problem = format!("none of the {count} targets is `{url}`, whose evidence this is");
        let remedy = "name the configuration of that target";
        Error::value(&*file.path, problem, remedy)
    })
}

/// Reads `[target]` or `[[target]]`.
pub(super) fn section<'de, D: Deserializer<'de>>(from: D) -> Result<TargetSection, D::Error> {
    struct Either;
    impl<'de> Visitor<'de> for Either {
        type Value = TargetSection;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("`[target]`, or `[[target]]` several times")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            TargetSection::deserialize(MapAccessDeserializer::new(map))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            Ok(TargetSection {
                several: Vec::deserialize(SeqAccessDeserializer::new(seq))?,
                ..TargetSection::default()
            })
        }
    }
    from.deserialize_any(Either)
}

fn urls(flags: &Flags, file: &ConfigFile, asked: &Asked) -> Vec<Planned> {
    let planned = |url: Option<&String>| Planned {
        flags: Flags {
            url: url.cloned(),
            server: asked.servers.first().cloned(),
            ..flags.clone()
        },
        file: file.clone(),
        name: None,
    };
    if asked.urls.is_empty() {
        return vec![planned(None)];
    }
    asked.urls.iter().map(|url| planned(Some(url))).collect()
}

fn servers(flags: &Flags, file: &ConfigFile, names: &[String], skipped: Vec<String>) -> Targets {
    let planned = names.iter().map(|name| Planned {
        flags: Flags {
            server: Some(name.clone()),
            ..flags.clone()
        },
        file: file.clone(),
        name: Some(name.clone()),
    });
    Targets {
        planned: planned.collect(),
        skipped,
    }
}

fn distinct(names: &[String]) -> Result<Vec<String>, Error> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => {
            let problem = format!("`{name}` is given twice");
            Err(Error::value("--server", problem, "name each server once"))
        }
        None => Ok(names.to_vec()),
    }
}

fn entries(flags: &Flags, file: &ConfigFile) -> Result<Targets, Error> {
    let list = &file.target.several;
    let alone =
        matches!(list.as_slice(), [one] if one.config.is_none() && one.identities.is_none());
    if !alone {
        assigned(file)?;
    }
    if list.len() > 1 || list.iter().any(|entry| entry.config.is_some()) {
        sections(file)?;
    }
    let mut planned: Vec<Planned> = Vec::new();
    for entry in list {
        let next = planned_entry(flags, file, entry, alone)?;
        if let Some(name) = &entry.name
            && planned.iter().any(|known| known.name == next.name)
        {
            let problem = format!("the target `{}` is given twice", name.get_ref());
            let place = file.place(name.span().start);
            return Err(Error::value(place, problem, "rename one of them"));
        }
        planned.push(next);
    }
    Ok(Targets {
        planned,
        skipped: Vec::new(),
    })
}

fn planned_entry(
    flags: &Flags,
    file: &ConfigFile,
    entry: &TargetEntry,
    alone: bool,
) -> Result<Planned, Error> {
    let name = entry.name.as_ref();
    let name = name.map(|name| called(file, name)).transpose()?;
    let mut flags = flags.clone();
    if let Some(url) = &entry.url {
        flags.url = Some(url.get_ref().clone());
        flags.named_at = Some(file.line(url.span().start));
    }
    let own = if let Some(config) = &entry.config {
        own_file(file, entry, config)?
    } else {
        if entry.url.is_none() {
            let place = name_place(file, entry);
            let problem = "a `[[target]]` names neither `url` nor `config`";
            let remedy = "add the `url` of its MCP endpoint";
            return Err(Error::value(place, problem, remedy));
        }
        part_of(file, entry, alone)
    };
    // What a file of its own says about paths is said there.
    flags.config = Some(PathBuf::from(&own.path));
    Ok(Planned {
        flags,
        file: own,
        name,
    })
}

/// What this file says about one of its targets.
fn part_of(file: &ConfigFile, entry: &TargetEntry, alone: bool) -> ConfigFile {
    let mut own = file.clone();
    if !alone {
        let given = entry.identities.iter().flatten();
        let names: BTreeSet<&str> = given.map(|name| name.get_ref().as_str()).collect();
        own.identity
            .retain(|identity| names.contains(identity.name.get_ref().as_str()));
    }
    own.target = TargetSection {
        revision: entry.revision.clone(),
        ..TargetSection::default()
    };
    own
}

/// The file of one target; it may name the same endpoint again, and no other.
fn own_file(
    file: &ConfigFile,
    entry: &TargetEntry,
    config: &Spanned<String>,
) -> Result<ConfigFile, Error> {
    let place = file.place(config.span().start);
    for (key, given) in [
        ("identities", entry.identities.is_some()),
        ("revision", entry.revision.is_some()),
    ] {
        if given {
            let problem = format!("a `[[target]]` has both `config` and `{key}`");
            let remedy = format!("say it in {} alone", config.get_ref());
            return Err(Error::value(place, problem, remedy));
        }
    }
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    let own = ConfigFile::read(&folder.join(config.get_ref()))
        .map_err(|error| Error::value(&*place, error.to_string(), "correct `config`"))?;
    if !own.target.several.is_empty() {
        let problem = format!("{} lists targets itself", own.path);
        let remedy = "name a file with one `[target]`, or with none";
        return Err(Error::value(place, problem, remedy));
    }
    let parsed = |url: &Spanned<String>| url::Url::parse(url.get_ref()).ok();
    match (&entry.url, &own.target.url) {
        (None, None) => {
            let problem = format!("neither this entry nor {} names a `url`", own.path);
            Err(Error::value(place, problem, "add it here"))
        }
        (Some(here), Some(there)) if parsed(here) != parsed(there) => {
            let problem = format!(
                "the entry names `{}`, and {} is for `{}`",
                here.get_ref(),
                own.place(there.span().start),
                there.get_ref()
            );
            let remedy = "tokens of one target go to no other; make the two equal, or remove one";
            Err(Error::value(place, problem, remedy))
        }
        _ => Ok(own),
    }
}

/// Every identity of the file names its target, and every name an identity.
fn assigned(file: &ConfigFile) -> Result<(), Error> {
    let known = |name: &str| file.identity.iter().any(|it| it.name.get_ref() == name);
    let mut named = BTreeSet::new();
    for name in file
        .target
        .several
        .iter()
        .flat_map(|it| it.identities.iter().flatten())
    {
        if !known(name.get_ref()) {
            let problem = format!("there is no `[[identity]]` called `{}`", name.get_ref());
            let remedy = "name entries of this file";
            return Err(Error::value(file.place(name.span().start), problem, remedy));
        }
        named.insert(name.get_ref().as_str());
    }
    let stray = file.identity.iter().map(|it| &it.name);
    match stray
        .into_iter()
        .find(|name| !named.contains(name.get_ref().as_str()))
    {
        Some(name) => Err(Error::value(
            file.place(name.span().start),
            format!("the identity `{}` belongs to no target", name.get_ref()),
            format!(
                "add `identities = [\"{}\"]` to the `[[target]]` it was issued for",
                name.get_ref()
            ),
        )),
        None => Ok(()),
    }
}

/// What belongs to one target does not stand beside several; what would be read by none does not
/// stand beside files of their own.
fn sections(file: &ConfigFile) -> Result<(), Error> {
    let table: toml::Table = toml::from_str(&file.text).unwrap_or_default();
    let own_files = file
        .target
        .several
        .iter()
        .any(|entry| entry.config.is_some());
    for key in table
        .keys()
        .filter(|key| !matches!(&***key, "target" | "identity"))
    {
        if OF_ONE_TARGET.contains(&key.as_str()) {
            return Err(of_one(&file.path, key));
        }
        if own_files {
            let problem =
                format!("`{key}` would not hold for targets with a `config` of their own");
            let remedy = "move it into the file of each target";
            return Err(Error::value(&*file.path, problem, remedy));
        }
    }
    Ok(())
}

/// A configuration without `[[target]]` that every target is to use.
fn unshared(file: &ConfigFile, count: usize) -> Result<(), Error> {
    if let Some(identity) = file.identity.first() {
        let name = identity.name.get_ref();
        let problem = format!("the identity `{name}` names no target, and {count} are given");
        let place = file.place(identity.name.span().start);
        return Err(Error::value(place, problem, LIST));
    }
    let table: toml::Table = toml::from_str(&file.text).unwrap_or_default();
    match table
        .keys()
        .find(|key| OF_ONE_TARGET.contains(&key.as_str()))
    {
        Some(key) => Err(of_one(&file.path, key)),
        None => Ok(()),
    }
}

fn of_one(path: &str, key: &str) -> Error {
    let problem = format!("`{key}` belongs to one target, and there are several");
    let remedy = "write it into a file that the `[[target]]` names as its `config`";
    Error::value(path, problem, remedy)
}

/// Flags that would give a token, or a client, to every target.
fn several(flags: &Flags, count: usize) -> Result<(), Error> {
    let cache = flags.upkeep.cache.as_ref();
    let cache = cache.is_some_and(|path| !path.to_string_lossy().contains(TARGET));
    if cache {
        let problem = format!("{count} targets would share refresh tokens");
        let remedy = "name a file of each target: `--token-cache=tokens-{target}.json`";
        return Err(Error::value("--token-cache", problem, remedy));
    }
    let given = [
        ("--identity", !flags.identities.is_empty()),
        ("--header-identity", !flags.header_identities.is_empty()),
        ("--login", flags.login.name.is_some()),
        ("--privileged", flags.privileged.is_some()),
        ("--client-id", flags.client_id.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => {
            let problem = format!("it names no target, and {count} are given");
            Err(Error::value(flag, problem, LIST))
        }
        None => Ok(()),
    }
}

fn called(file: &ConfigFile, name: &Spanned<String>) -> Result<String, Error> {
    let text = name.get_ref();
    let fits = !text.trim().is_empty()
        && text.chars().count() <= LONGEST_NAME
        && !text.chars().any(char::is_control);
    if fits {
        return Ok(text.clone());
    }
    let place = file.place(name.span().start);
    let problem = "`name` is empty, too long, or holds control characters";
    let remedy = format!("use up to {LONGEST_NAME} characters on one line");
    Err(Error::value(place, problem, remedy))
}

fn name_place(file: &ConfigFile, entry: &TargetEntry) -> String {
    let named = entry.name.as_ref();
    named.map_or_else(|| file.path.clone(), |name| file.place(name.span().start))
}

/// Stands for the target in paths.
pub const TARGET: &str = "{target}";

const OF_ONE_TARGET: [&str; 3] = ["mint", "object", "client"];
const LIST: &str = "list the targets as `[[target]]` in a configuration, each with its `identities`, or \
                    with a `config` of its own";
const LONGEST_NAME: usize = 80;

#[cfg(test)]
mod tests;
