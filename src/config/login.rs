//! `--login` and what belongs to it.

use std::time::Duration;

use super::source::{self, Secrets, TokenSource};
use super::{Error, IdentitySource, duplicate};
use crate::model::grant::{ClientAuth, ClientProof, OAuthClient};
use crate::model::settings::{CredentialSource, LoginRequest, Waiting};

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
        in_time(flags)?;
        return stray(flags, identities).map_or(Ok(None), |flag| {
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
    in_time(flags)?;
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

/// How people are waited for, whoever asks them to sign in.
pub(super) fn waiting(flags: &LoginFlags) -> Waiting {
    let defaults = Waiting::default();
    Waiting {
        port: flags.port,
        timeout: flags.timeout.map_or(defaults.timeout, Duration::from_secs),
    }
}

fn in_time(flags: &LoginFlags) -> Result<(), Error> {
    if flags.timeout != Some(0) {
        return Ok(());
    }
    Err(Error::value(
        "--login-timeout",
        "0 would wait for nobody",
        "give 1 or more seconds",
    ))
}

/// A flag that means nothing without a login; a grant for which a person signs in is one.
fn stray(flags: &LoginFlags, identities: &[IdentitySource]) -> Option<&'static str> {
    let signs_in = identities.iter().any(|source| {
        matches!(&source.credential, CredentialSource::Grant(request) if request.grant.needs_a_person())
    });
    let given = [
        ("--client-secret", flags.client_secret.is_some()),
        ("--login-scope", flags.scopes.is_some()),
        ("--issuer", flags.issuer.is_some()),
        ("--device", flags.device),
        ("--login-port", flags.port.is_some() && !signs_in),
        ("--login-timeout", flags.timeout.is_some() && !signs_in),
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
    use crate::model::grant::{Grant, GrantRequest};
    use crate::model::identity::IdentityKind;

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
    fn people_who_sign_in_for_a_grant_are_waited_for_as_the_flags_say() {
        let flags = LoginFlags {
            port: Some(8123),
            timeout: Some(7),
            ..LoginFlags::default()
        };
        let by = |grant: Grant| IdentitySource {
            name: "person".to_owned(),
            kind: IdentityKind::Valid,
            privileged: false,
            header: None,
            scopes: None,
            credential: CredentialSource::Grant(GrantRequest {
                grant,
                client: OAuthClient {
                    id: "cli".to_owned(),
                    proof: ClientProof::Public,
                },
                issuer: None,
                resource: None,
                dpop: None,
            }),
        };
        for grant in [Grant::AuthorizationCode, Grant::DeviceCode] {
            assert!(request(&flags, &[by(grant)], &mut One).unwrap().is_none());
        }
        let machine = request(&flags, &[by(Grant::ClientCredentials)], &mut One).unwrap_err();
        assert!(machine.to_string().contains("--login-port"), "{machine}");
        let hasty = LoginFlags {
            timeout: Some(0),
            ..flags.clone()
        };
        let hasty = request(&hasty, &[by(Grant::DeviceCode)], &mut One).unwrap_err();
        assert!(hasty.to_string().contains("wait for nobody"), "{hasty}");
        let waits = waiting(&flags);
        assert_eq!((waits.port, waits.timeout.as_secs()), (Some(8123), 7));
        assert_eq!(waiting(&LoginFlags::default()), Waiting::default());
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
