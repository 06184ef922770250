//! Configuration file, environment and flags become [`Settings`]; every mistake names its place.

pub mod cache;
mod callback;
pub mod calls;
mod canary;
mod client;
pub mod clients;
mod file;
mod grant;
mod headers;
pub mod login;
mod mint;
mod object;
mod policy;
mod proof;
pub mod source;
pub mod targets;
mod values;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::model::identity::IdentityKind;
use crate::model::place::Place;
use crate::model::probe::Tier;
use crate::model::settings::{
    Acceptance, BypassRules, CredentialSource, Hierarchy, IdentitySource, LoginRequest, Mint,
    Network, PolicyEntry, Settings, ToolRule,
};
use crate::model::target::Revision;
use crate::model::verdict::Severity;

pub use file::{AuthWord, ConfigFile};
pub use source::{Secrets, TokenSource};

/// A mistake in what the operator gave; the process ends with code 2.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The path as given.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The configuration file does not parse.
    #[error("{path}: {message}")]
    Syntax {
        /// The path as given.
        path: String,
        /// The parser's message with line and column.
        message: String,
    },
    /// A value makes no sense.
    #[error("{place}: {problem}; {remedy}")]
    Value {
        /// Flag, or file and line.
        place: String,
        /// What is wrong, with the actual value.
        problem: String,
        /// What to do.
        remedy: String,
    },
}

impl Error {
    /// A mistake at a place, with a remedy.
    pub fn value(
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Value {
            place: place.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

/// What the flags said; each overrides or adds to the file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The endpoint.
    pub url: Option<String>,
    /// The line that names it, where a configuration lists several targets.
    pub named_at: Option<Place>,
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// `--identity NAME=SOURCE`.
    pub identities: Vec<String>,
    /// `--header-identity NAME=HEADER:SOURCE`.
    pub header_identities: Vec<String>,
    /// `--from`, a configuration of an MCP client.
    pub from: Option<PathBuf>,
    /// `--server`, one of the servers in it.
    pub server: Option<String>,
    /// `--keep-tokens` and `--token-cache`.
    pub upkeep: cache::UpkeepFlags,
    /// `--login` and what belongs to it.
    pub login: login::LoginFlags,
    /// `--privileged NAME`.
    pub privileged: Option<String>,
    /// `--revision`.
    pub revision: Option<Revision>,
    /// `--client-id`.
    pub client_id: Option<String>,
    /// `--redirect-uri`.
    pub redirect_uri: Option<String>,
    /// `--allow`.
    pub allow: Vec<Tier>,
    /// `--callback-base`.
    pub callback_base: Option<String>,
    /// `--callback-listen`.
    pub callback_listen: Option<String>,
    /// `--no-reads`.
    pub no_reads: bool,
    /// `--no-bypass` and `--query-token`.
    pub bypass: BypassFlags,
    /// `--observe-call-limit`, `--repeat` and the other flags about calls.
    pub calls: calls::CallFlags,
    /// `--allow-host`.
    pub allow_hosts: Vec<String>,
    /// `--check`.
    pub only: Vec<String>,
    /// `--skip`.
    pub skip: Vec<String>,
    /// `--fail-on`.
    pub fail_on: Option<Severity>,
    /// `--strict`.
    pub strict: bool,
    /// `--cacert`.
    pub cacert: Option<PathBuf>,
    /// `--insecure`.
    pub insecure: bool,
    /// `--proxy`.
    pub proxy: Option<String>,
    /// `--timeout`, seconds.
    pub timeout: Option<u64>,
    /// `--connect-timeout`, seconds.
    pub connect_timeout: Option<u64>,
    /// `--concurrency`.
    pub concurrency: Option<usize>,
    /// `--rate`.
    pub rate: Option<u32>,
    /// `--max-requests`.
    pub max_requests: Option<usize>,
    /// `--observe-rate-limit`.
    pub observe_rate_limit: Option<usize>,
}

/// What the operator says about ways round refusals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BypassFlags {
    /// `--no-bypass`.
    pub off: bool,
    /// `--query-token`.
    pub query_token: bool,
}

/// Merges file and flags; tokens are read through `secrets`.
///
/// # Errors
/// Every unreadable file, unknown key, impossible value or missing token source, with its place.
pub fn settings(
    flags: &Flags,
    secrets: &mut dyn Secrets,
    run_id: &str,
    today: &str,
) -> Result<(url::Url, Settings), Error> {
    let file = match &flags.config {
        Some(path) => ConfigFile::read(path)?,
        None => ConfigFile::default(),
    };
    settings_with(flags, &file, secrets, run_id, today)
}

/// The same with a configuration that was read already.
///
/// # Errors
/// As [`settings`].
pub fn settings_with(
    flags: &Flags,
    file: &ConfigFile,
    secrets: &mut dyn Secrets,
    run_id: &str,
    today: &str,
) -> Result<(url::Url, Settings), Error> {
    let borrowed = clients::borrowed(flags, secrets)?;
    let url = endpoint(flags, file, borrowed.as_ref())?;
    let mut identities = file.identities(secrets)?;
    let mut added = borrowed
        .and_then(|it| it.identity)
        .into_iter()
        .collect::<Vec<_>>();
    for given in &flags.identities {
        added.push(identity_flag(given, secrets)?);
    }
    for given in &flags.header_identities {
        added.push(headers::flag(given, secrets)?);
    }
    for identity in added {
        if identities.iter().any(|known| known.name == identity.name) {
            return Err(duplicate("--identity", &identity.name));
        }
        identities.push(identity);
    }
    let mut asked = flags.login.clone();
    asked.client_id.clone_from(&flags.client_id);
    let waiting = login::waiting(&asked, &identities)?;
    let mut login = login::request(&asked, file, &identities, secrets)?;
    mark_privileged(&mut identities, login.as_mut(), flags.privileged.as_deref())?;
    let mint = file.mint(&identities, login.as_ref().map(|it| it.name.as_str()))?;
    let upkeep = cache::upkeep(&flags.upkeep, &url, &identities)?;
    let client = client::known(flags, file)?;
    let mut tiers = BTreeSet::from([Tier::Passive, Tier::Anonymous, Tier::Authenticated]);
    tiers.extend(flags.allow.iter().copied());
    tiers.extend(file.allowed_tiers()?);
    let observe_rate_limit = observed(flags, &tiers)?;
    let objects = file.objects(&identities, login.as_ref().map(|it| it.name.as_str()))?;
    let settings = Settings {
        tiers,
        reads: !flags.no_reads && file.safety.reads.unwrap_or(true),
        bypass: BypassRules {
            allowed: !flags.bypass.off && file.safety.bypass.unwrap_or(true),
            query_token: flags.bypass.query_token,
        },
        revision: flags.revision.or(file.revision()?),
        identities,
        upkeep,
        login,
        waiting,
        mint,
        certificates: file.certificates(secrets)?,
        hierarchy: file.hierarchy()?,
        client,
        policy: file.policy()?,
        accept: file.acceptances(today)?,
        tools: file.tool_rules()?,
        values: file.value_rules()?,
        objects,
        calls: calls::calls(&flags.calls, file)?,
        observe_rate_limit,
        network: network(flags, file, run_id)?,
        callback: callback::callback(flags, file)?,
        only: flags.only.iter().cloned().collect(),
        skip: flags.skip.iter().cloned().collect(),
        fail_on: flags
            .fail_on
            .or(file.output.fail_on)
            .unwrap_or(Severity::Medium),
        strict: flags.strict || file.output.strict,
        named_at: match (&flags.named_at, &flags.url) {
            (Some(place), _) => Some(place.clone()),
            (None, Some(_)) => None,
            (None, None) => file.target_place(),
        },
        run_id: run_id.to_owned(),
    };
    Ok((url, settings))
}

/// What a configuration says about judging alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judging {
    /// Intended policy.
    pub policy: Vec<PolicyEntry>,
    /// Accepted findings.
    pub accept: Vec<Acceptance>,
    /// Findings at or above this severity fail the run.
    pub fail_on: Option<Severity>,
    /// Whether inconclusive checks fail the run.
    pub strict: bool,
}

/// Reads what judging a saved run takes; targets and secrets are not asked for.
///
/// # Errors
/// A policy or an acceptance that makes no sense.
pub fn judging(file: &ConfigFile, today: &str) -> Result<Judging, Error> {
    Ok(Judging {
        policy: file.policy()?,
        accept: file.acceptances(today)?,
        fail_on: file.output.fail_on,
        strict: file.output.strict,
    })
}

fn endpoint(
    flags: &Flags,
    file: &ConfigFile,
    borrowed: Option<&clients::Borrowed>,
) -> Result<url::Url, Error> {
    let lent = borrowed.map(|server| (server.place.clone(), server.url.as_str()));
    let (place, text) = match (&flags.url, &file.target.url) {
        (Some(url), _) => {
            let place = flags.named_at.as_ref().map(ToString::to_string);
            (place.unwrap_or_else(|| "URL".to_owned()), url.as_str())
        }
        (None, _) if lent.is_some() => lent.unwrap_or_default(),
        (None, Some(url)) => (file.place(url.span().start), url.get_ref().as_str()),
        (None, None) => {
            return Err(Error::value(
                "URL",
                "no target given",
                "name the MCP endpoint, for example `mcp-assay audit https://mcp.example.com/mcp`, \
                 or set `url` under `[target]` in the configuration",
            ));
        }
    };
    let remedy = "give an absolute http or https URL such as https://mcp.example.com/mcp";
    let url = url::Url::parse(text).map_err(|error| {
        Error::value(
            place.clone(),
            format!("`{text}` is not a URL ({error})"),
            remedy,
        )
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        let problem = format!("`{text}` is not an http or https URL");
        return Err(Error::value(place, problem, remedy));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::value(
            place,
            "the URL carries credentials",
            "remove them; tokens are given with `--identity NAME=env:VARIABLE`",
        ));
    }
    if url.fragment().is_some() {
        let problem = format!("`{text}` has a fragment");
        return Err(Error::value(
            place,
            problem,
            "remove the part after `#` (RFC 8707 §2)",
        ));
    }
    Ok(url)
}

fn identity_flag(given: &str, secrets: &mut dyn Secrets) -> Result<IdentitySource, Error> {
    let form = "write NAME=env:VARIABLE, NAME=file:PATH or NAME=-";
    let Some((name, source)) = given.split_once('=') else {
        // The value itself may be a secret: it is not repeated.
        return Err(Error::value("--identity", "a value without `=`", form));
    };
    source::check_name("--identity", name)?;
    let source = TokenSource::parse(source)
        .map_err(|problem| Error::value(format!("--identity {name}"), problem, form))?;
    let token = secrets.read(&source, &format!("--identity {name}"))?;
    Ok(IdentitySource {
        name: name.to_owned(),
        kind: IdentityKind::Valid,
        privileged: false,
        scopes: None,
        header: None,
        credential: CredentialSource::Token {
            source: source.to_string(),
            token,
        },
    })
}

fn duplicate(place: &str, name: &str) -> Error {
    Error::value(
        place,
        format!("the identity `{name}` is given twice"),
        "rename one of them",
    )
}

fn mark_privileged(
    identities: &mut [IdentitySource],
    login: Option<&mut LoginRequest>,
    name: Option<&str>,
) -> Result<(), Error> {
    let Some(name) = name else { return Ok(()) };
    if let Some(login) = login.filter(|login| login.name == name) {
        login.privileged = true;
        return Ok(());
    }
    let known = identities
        .iter()
        .map(|identity| identity.name.clone())
        .collect::<Vec<_>>();
    let Some(identity) = identities.iter_mut().find(|identity| identity.name == name) else {
        return Err(Error::value(
            "--privileged",
            format!("there is no identity `{name}`"),
            format!(
                "name one of: {}",
                if known.is_empty() {
                    "(none given)".into()
                } else {
                    known.join(", ")
                }
            ),
        ));
    };
    identity.privileged = true;
    Ok(())
}

fn network(flags: &Flags, file: &ConfigFile, run_id: &str) -> Result<Network, Error> {
    let defaults = Network::default();
    let given = &file.network;
    let seconds = |flag: Option<u64>, file: Option<u64>, default: std::time::Duration| {
        flag.or(file)
            .map_or(default, std::time::Duration::from_secs)
    };
    let mut allow_hosts = BTreeSet::new();
    for host in flags.allow_hosts.iter().chain(&given.allow_hosts) {
        allow_hosts.insert(source::host("--allow-host", host)?);
    }
    let concurrency = flags
        .concurrency
        .or(given.concurrency)
        .unwrap_or(defaults.concurrency);
    let rate = flags.rate.or(given.rate).unwrap_or(defaults.rate);
    let max_requests = flags
        .max_requests
        .or(given.max_requests)
        .unwrap_or(defaults.max_requests);
    for (name, value) in [
        ("--concurrency", concurrency),
        ("--rate", rate as usize),
        ("--max-requests", max_requests),
    ] {
        if value == 0 {
            return Err(Error::value(name, "0 would send nothing", "give 1 or more"));
        }
    }
    Ok(Network {
        allow_hosts,
        cacert: flags.cacert.clone().or_else(|| given.cacert.clone()),
        insecure: flags.insecure || given.insecure,
        proxy: flags.proxy.clone().or_else(|| given.proxy.clone()),
        connect_timeout: seconds(
            flags.connect_timeout,
            given.connect_timeout,
            defaults.connect_timeout,
        ),
        timeout: seconds(flags.timeout, given.timeout, defaults.timeout),
        concurrency,
        rate,
        max_requests,
        user_agent: format!(
            "mcp-assay/{} (run {run_id}; authorized security test)",
            env!("CARGO_PKG_VERSION")
        ),
        ..defaults
    })
}

/// Every registration of the series creates a client, so it needs the same consent.
fn observed(flags: &Flags, tiers: &BTreeSet<Tier>) -> Result<Option<usize>, Error> {
    let flag = "--observe-rate-limit";
    match flags.observe_rate_limit {
        Some(count) if !(1..=MOST_REGISTRATIONS).contains(&count) => Err(Error::value(
            flag,
            format!("{count} registrations are out of range"),
            format!("give 1 to {MOST_REGISTRATIONS}"),
        )),
        Some(_) if !tiers.contains(&Tier::Register) => Err(Error::value(
            flag,
            "registering clients is not allowed",
            "add `--allow register`",
        )),
        given => Ok(given),
    }
}

fn read_file(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Unreadable {
        path: path.display().to_string(),
        source,
    })
}

/// Registrations that `--observe-rate-limit` may ask for.
const MOST_REGISTRATIONS: usize = 50;

#[cfg(test)]
mod tests;
