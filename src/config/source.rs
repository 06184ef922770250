//! Where secrets come from: environment, file, standard input; never the command line itself.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;

use secrecy::SecretString;

use super::Error;

/// A place a token can be read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// `env:NAME`.
    Env(String),
    /// `file:PATH`.
    File(PathBuf),
    /// `-`: standard input.
    Stdin,
}

impl TokenSource {
    /// Reads the notation `env:NAME`, `file:PATH` or `-`.
    ///
    /// # Errors
    /// A description of the problem that does not repeat the text, which may be a secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(("env" | "file", _)) => Err("the source names nothing after the colon".to_owned()),
            _ => Err(
                "the value is not a token source; a secret on the command line is visible to \
                      every process of the machine and is refused"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Stdin => f.write_str("-"),
        }
    }
}

/// Reads secrets; a seam, so that tests need no environment.
pub trait Secrets {
    /// The raw text of a source.
    ///
    /// # Errors
    /// What went wrong, one clause.
    fn text(&mut self, source: &TokenSource) -> Result<String, String>;

    /// The token of a source, trimmed and checked.
    ///
    /// # Errors
    /// A source that does not exist, is empty, or holds what cannot be a token.
    fn read(&mut self, source: &TokenSource, place: &str) -> Result<SecretString, Error> {
        let text = self.text(source).map_err(|problem| {
            Error::value(
                place,
                format!("the token source {source} {problem}"),
                remedy(source),
            )
        })?;
        let token = text.trim();
        if token.is_empty() {
            let problem = format!("the token source {source} is empty");
            return Err(Error::value(place, problem, remedy(source)));
        }
        let token = strip_scheme(token);
        // RFC 6750 §2.1: a bearer token is one run of visible characters.
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::value(
                place,
                format!("the token source {source} holds spaces or control characters"),
                "give the token alone, without the header name",
            ));
        }
        Ok(SecretString::from(token.to_owned()))
    }
}

/// The process environment, the file system and standard input.
#[derive(Debug, Default)]
pub struct ProcessSecrets {
    stdin_used: bool,
}

impl Secrets for ProcessSecrets {
    fn text(&mut self, source: &TokenSource) -> Result<String, String> {
        match source {
            TokenSource::Env(name) => std::env::var(name).map_err(|error| match error {
                std::env::VarError::NotPresent => "is not set".to_owned(),
                std::env::VarError::NotUnicode(_) => "is not text".to_owned(),
            }),
            TokenSource::File(path) => {
                std::fs::read_to_string(path).map_err(|error| format!("cannot be read ({error})"))
            }
            TokenSource::Stdin if self.stdin_used => {
                Err("was already read for another identity".to_owned())
            }
            TokenSource::Stdin => {
                self.stdin_used = true;
                let mut text = String::new();
                std::io::stdin()
                    .take(64 * 1024)
                    .read_to_string(&mut text)
                    .map_err(|error| format!("cannot be read ({error})"))?;
                Ok(text)
            }
        }
    }
}

pub(super) fn check_name(place: &str, name: &str) -> Result<(), Error> {
    let fits = !name.is_empty()
        && name.len() <= 40
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !fits {
        let problem = format!("`{name}` cannot name an identity");
        let remedy = "use up to 40 letters, digits, `-`, `_` or `.`";
        return Err(Error::value(place, problem, remedy));
    }
    if RESERVED.contains(&name) {
        let problem = format!("`{name}` is an identity the tool makes itself");
        return Err(Error::value(place, problem, "choose another name"));
    }
    Ok(())
}

pub(super) fn host(place: &str, text: &str) -> Result<String, Error> {
    let fits = !text.is_empty()
        && !text.contains(['/', '@', '?', '#'])
        && url::Url::parse(&format!("https://{text}/")).is_ok();
    if fits {
        Ok(text.to_ascii_lowercase())
    } else {
        let problem = format!("`{text}` is not a host");
        Err(Error::value(
            place,
            problem,
            "give a host name such as auth.example.com",
        ))
    }
}

/// Operators often paste the whole field value.
fn strip_scheme(token: &str) -> &str {
    match token.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start(),
        _ => token,
    }
}

fn remedy(source: &TokenSource) -> String {
    match source {
        TokenSource::Env(name) => format!("set it, for example `export {name}=…`"),
        TokenSource::File(path) => format!("put the token into {}", path.display()),
        TokenSource::Stdin => "pipe the token to standard input".to_owned(),
    }
}

/// Names of identities that are derived by the tool.
const RESERVED: &[&str] = &["anonymous", "garbage", "stranger", "none", "all"];
