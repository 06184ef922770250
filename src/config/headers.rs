//! Keys that travel in a field of their own: `--header-identity NAME=HEADER:SOURCE`.

use secrecy::SecretString;

use super::Error;
use super::source::{self, Secrets, TokenSource};
use crate::model::identity::IdentityKind;
use crate::model::settings::{CredentialSource, IdentitySource};

/// Reads one flag.
pub(super) fn flag(given: &str, secrets: &mut dyn Secrets) -> Result<IdentitySource, Error> {
    let place = "--header-identity";
    let form = "write NAME=HEADER:env:VARIABLE or NAME=HEADER:file:PATH";
    // What follows may be a secret: it is not repeated.
    let Some((name, rest)) = given.split_once('=') else {
        return Err(Error::value(place, "a value without `=`", form));
    };
    source::check_name(place, name)?;
    let place = format!("{place} {name}");
    let Some((header, source)) = rest.split_once(':') else {
        return Err(Error::value(place, "no header is named", form));
    };
    let header = field(&place, header)?;
    let source =
        TokenSource::parse(source).map_err(|problem| Error::value(place.clone(), problem, form))?;
    let token = secrets.read(&source, &place)?;
    Ok(identity(name, Some(header), source.to_string(), token))
}

/// A field name that may carry a key.
pub(super) fn field(place: &str, name: &str) -> Result<String, Error> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let shown: String = name.chars().take(SHOWN).collect();
    if name.is_empty() || name.len() > LONGEST || !name.bytes().all(is_token) {
        let problem = format!("`{shown}` is not a header name");
        return Err(Error::value(
            place,
            problem,
            "give a name such as X-Api-Key",
        ));
    }
    if OWN.iter().any(|own| name.eq_ignore_ascii_case(own))
        || name.to_ascii_lowercase().starts_with("mcp-")
    {
        let problem = format!("`{shown}` is a header of the protocol");
        let remedy = "name the header that carries the key, such as X-Api-Key";
        return Err(Error::value(place, problem, remedy));
    }
    Ok(name.to_owned())
}

/// An identity that works, whose credential goes into a field.
pub(super) fn identity(
    name: &str,
    header: Option<String>,
    source: String,
    token: SecretString,
) -> IdentitySource {
    IdentitySource {
        name: name.to_owned(),
        kind: IdentityKind::Valid,
        privileged: false,
        scopes: None,
        header,
        credential: CredentialSource::Token { source, token },
    }
}

const SHOWN: usize = 40;
const LONGEST: usize = 100;
/// Fields that every request has already.
const OWN: [&str; 8] = [
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "host",
    "origin",
    "transfer-encoding",
    "user-agent",
];

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    struct One(&'static str);

    impl Secrets for One {
        fn text(&mut self, _: &TokenSource) -> Result<String, String> {
            Ok(self.0.to_owned())
        }
    }

    #[test]
    fn a_key_is_read_with_the_name_of_its_field() {
        let identity = flag("robot=X-Api-Key:env:KEY", &mut One("k-123\n")).unwrap();
        assert_eq!(
            (identity.name.as_str(), identity.header.as_deref()),
            ("robot", Some("X-Api-Key"))
        );
        let CredentialSource::Token { source, token } = identity.credential else {
            panic!("expected a token");
        };
        assert_eq!(
            (source.as_str(), token.expose_secret()),
            ("env:KEY", "k-123")
        );
    }

    #[test]
    fn a_key_on_the_command_line_is_refused_and_not_repeated() {
        for given in [
            "robot=X-Api-Key:hunter2hunter2",
            "hunter2hunter2",
            "robot=hunter2hunter2",
        ] {
            let problem = flag(given, &mut One("")).unwrap_err().to_string();
            assert!(!problem.contains("hunter2"), "{problem}");
            assert!(problem.contains("env:VARIABLE"), "{problem}");
        }
    }

    #[test]
    fn fields_of_the_protocol_and_impossible_names_are_refused() {
        for name in ["Accept", "MCP-Session-Id", "X Key", "", "X\r\nY"] {
            assert!(field("here", name).is_err(), "{name:?}");
        }
        assert!(field("here", "Authorization").is_ok());
    }
}
