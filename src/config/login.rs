//! `--login` and what belongs to it.

use std::time::Duration;

use super::source::{self, Secrets, TokenSource};
use super::{Error, IdentitySource, duplicate};
use crate::model::grant::{ClientAuth, ClientProof, OAuthClient};
use crate::model::settings::LoginRequest;

/// What the flags said about a login.
#[derive(Clone, Debug, Default)]
pub struct LoginFlags {
    /// `--login[=NAME]`.
    pub name: Option<String>,
    /// `--client-id`.
    pub client_id: Option<String>,
    /// `--client-secret`.
    pub client_secret: Option<String>,
    /// `--login-scope`.
    pub scopes: Option<String>,
    /// `--issuer`.
    pub issuer: Option<String>,
    /// `--device`.
    pub device: bool,
    /// `--login-port`.
    pub port: Option<u16>,
    /// `--login-timeout`, seconds.
    pub timeout: Option<u64>,
    /// `--login-grace`, seconds.
    pub grace: Option<u64>,
}

/// The login that the flags ask for.
pub(super) fn request(
    flags: &LoginFlags,
    identities: &[IdentitySource],
    secrets: &mut dyn Secrets,
) -> Result<Option<LoginRequest>, Error> {
    let Some(name) = &flags.name else {
        return stray(flags).map_or(Ok(None), |flag| {
            Err(Error::value(
                flag,
                "it belongs to a login, and none is asked for",
                "add `--login`",
            ))
        });
    };
    source::check_name("--login", name)?;
    if identities.iter().any(|identity| identity.name == *name) {
        return Err(duplicate("--login", name));
    }
    let secret = match &flags.client_secret {
        None => None,
        Some(_) if flags.client_id.is_none() => {
            return Err(Error::value(
                "--client-secret",
                "there is no client it belongs to",
                "name the client with `--client-id`",
            ));
        }
        Some(given) => {
            let form = "write env:VARIABLE, file:PATH or -";
            let source = TokenSource::parse(given)
                .map_err(|problem| Error::value("--client-secret", problem, form))?;
            Some(secrets.read(&source, "--client-secret")?)
        }
    };
    let defaults = LoginRequest::named(name.clone());
    let seconds =
        |given: Option<u64>, default: Duration| given.map_or(default, Duration::from_secs);
    if flags.timeout == Some(0) {
        return Err(Error::value(
            "--login-timeout",
            "0 would wait for nobody",
            "give 1 or more seconds",
        ));
    }
    let proof = secret.map_or(ClientProof::Public, |secret| ClientProof::Secret {
        secret,
        auth: ClientAuth::Advertised,
    });
    let client = flags.client_id.clone().map(|id| OAuthClient { id, proof });
    Ok(Some(LoginRequest {
        client,
        scopes: flags.scopes.as_ref().map(|text| {
            text.split([' ', ','])
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect()
        }),
        issuer: flags.issuer.clone(),
        device: flags.device,
        port: flags.port,
        timeout: seconds(flags.timeout, defaults.timeout),
        grace: seconds(flags.grace, defaults.grace),
        ..defaults
    }))
}

/// A flag that means nothing without a login.
fn stray(flags: &LoginFlags) -> Option<&'static str> {
    let given = [
        ("--client-secret", flags.client_secret.is_some()),
        ("--login-scope", flags.scopes.is_some()),
        ("--issuer", flags.issuer.is_some()),
        ("--device", flags.device),
        ("--login-port", flags.port.is_some()),
        ("--login-timeout", flags.timeout.is_some()),
        ("--login-grace", flags.grace.is_some()),
    ];
    given
        .into_iter()
        .find(|(_, given)| *given)
        .map(|(flag, _)| flag)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    struct One;

    impl Secrets for One {
        fn text(&mut self, source: &TokenSource) -> Result<String, String> {
            match source {
                TokenSource::Env(name) if name == "SECRET" => Ok("s3cret\n".to_owned()),
                _ => Err("is not set".to_owned()),
            }
        }
    }

    fn asked() -> LoginFlags {
        LoginFlags {
            name: Some("user".to_owned()),
            ..LoginFlags::default()
        }
    }

    fn problem(flags: &LoginFlags) -> String {
        request(flags, &[], &mut One).unwrap_err().to_string()
    }

    #[test]
    fn a_login_is_made_only_when_asked_for() {
        let none = request(&LoginFlags::default(), &[], &mut One).unwrap();
        assert!(none.is_none());
        let some = request(&asked(), &[], &mut One).unwrap().unwrap();
        assert_eq!((some.name.as_str(), some.timeout.as_secs()), ("user", 300));
    }

    #[test]
    fn scopes_and_secret_are_read() {
        let flags = LoginFlags {
            client_id: Some("cli".to_owned()),
            client_secret: Some("env:SECRET".to_owned()),
            scopes: Some("a b,c".to_owned()),
            ..asked()
        };
        let login = request(&flags, &[], &mut One).unwrap().unwrap();
        assert_eq!(login.scopes.unwrap().len(), 3);
        let client = login.client.unwrap();
        assert_eq!(client.secret().unwrap().expose_secret(), "s3cret");
    }

    #[test]
    fn mistakes_name_their_flag_and_the_remedy() {
        let stray = LoginFlags {
            device: true,
            ..LoginFlags::default()
        };
        assert!(problem(&stray).contains("--device"), "{}", problem(&stray));
        let alone = LoginFlags {
            client_secret: Some("env:SECRET".to_owned()),
            ..asked()
        };
        assert!(
            problem(&alone).contains("--client-id"),
            "{}",
            problem(&alone)
        );
        let reserved = LoginFlags {
            name: Some("anonymous".to_owned()),
            ..LoginFlags::default()
        };
        assert!(
            problem(&reserved).contains("choose another"),
            "{}",
            problem(&reserved)
        );
        let hasty = LoginFlags {
            timeout: Some(0),
            ..asked()
        };
        assert!(
            problem(&hasty).contains("--login-timeout"),
            "{}",
            problem(&hasty)
        );
    }
}
