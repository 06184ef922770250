//! `--login` and what belongs to it.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::file::{AuthWord, ConfigFile};
use super::proof::{Given, Sourced};
use super::source::{self, Secrets};
use super::{CredentialSource, Error, IdentitySource, duplicate};
use crate::model::grant::OAuthClient;
use crate::model::settings::{LoginRequest, Waiting};

pub use super::proof::AudienceWord;

/// What the flags said about a login.
#[derive(Clone, Debug, Default)]
pub struct LoginFlags {
    /// `--login[=NAME]`.
    pub name: Option<String>,
    /// `--client-id`.
    pub client_id: Option<String>,
    /// `--client-secret`.
    pub client_secret: Option<String>,
    /// `--client-key`.
    pub client_key: Option<String>,
    /// `--client-key-id`.
    pub client_key_id: Option<String>,
    /// `--client-certificate`.
    pub client_certificate: Option<String>,
    /// `--client-auth`.
    pub auth: Option<AuthWord>,
    /// `--assertion-audience`.
    pub assertion_audience: Option<AudienceWord>,
    /// `--dpop`.
    pub dpop: bool,
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

/// `[login]`: how `--login` signs in; the client itself is named under `[client]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoginSection {
    /// Source of the client secret.
    #[schemars(with = "Option<String>")]
    pub client_secret: Option<Spanned<String>>,
    /// Source of the client's private key, PEM or JWK (`private_key_jwt`).
    #[schemars(with = "Option<String>")]
    pub client_key: Option<Spanned<String>>,
    /// The `kid` under which the authorization server knows the key.
    pub client_key_id: Option<String>,
    /// Whom assertions of that key are for: `issuer` or `token-endpoint`; the issuer when absent.
    pub assertion_audience: Option<AudienceWord>,
    /// Source of the client's certificate and its key, both in PEM (mutual TLS).
    #[schemars(with = "Option<String>")]
    pub client_certificate: Option<Spanned<String>>,
    /// `basic` or `post`; what the metadata advertises when absent.
    pub auth: Option<AuthWord>,
    /// Whether the token is bound to a key of the run (DPoP); as the servers demand when absent.
    pub dpop: Option<bool>,
    /// The issuer, when the target names several.
    pub issuer: Option<String>,
    /// Scopes to ask for; what the target asks for when absent.
    pub scopes: Option<BTreeSet<String>>,
}

/// How people are waited for; it means nothing where nobody signs in.
pub(super) fn waiting(flags: &LoginFlags, identities: &[IdentitySource]) -> Result<Waiting, Error> {
    let signs_in = |source: &IdentitySource| match &source.credential {
        CredentialSource::Grant(request) => request.grant.needs_a_person(),
        CredentialSource::Token { .. } => false,
    };
    let given = [
        ("--login-port", flags.port.is_some()),
        ("--login-timeout", flags.timeout.is_some()),
    ];
    let stray = given.into_iter().find(|(_, given)| *given);
    if let Some((flag, _)) = stray
        && flags.name.is_none()
        && !identities.iter().any(signs_in)
    {
        return Err(Error::value(
            flag,
            "it belongs to a login, and nobody signs in",
            "add `--login`, or an `[[identity]]` with the grant `authorization_code` or \
             `device_code`",
        ));
    }
    if flags.timeout == Some(0) {
        return Err(Error::value(
            "--login-timeout",
            "0 would wait for nobody",
            "give 1 or more seconds",
        ));
    }
    let default = Waiting::default();
    Ok(Waiting {
        port: flags.port,
        timeout: flags.timeout.map_or(default.timeout, Duration::from_secs),
    })
}

/// The login that the flags ask for, as the flags and the file say.
pub(super) fn request(
    flags: &LoginFlags,
    file: &ConfigFile,
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
    let section = &file.login;
    let id = flags.client_id.clone().or_else(|| file.client.id.clone());
    let given = given(flags, file, name);
    if id.is_none()
        && let Some(place) = own_place(&given)
    {
        return Err(Error::value(
            place,
            "there is no client it belongs to",
            "name the client with `--client-id`, or `id` under `[client]`",
        ));
    }
    let proof = given.proof(secrets)?;
    let defaults = LoginRequest::named(name.clone());
    let seconds =
        |given: Option<u64>, default: Duration| given.map_or(default, Duration::from_secs);
    let named = flags.scopes.as_ref().map(|text| {
        text.split([' ', ','])
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect()
    });
    Ok(Some(LoginRequest {
        client: id.map(|id| OAuthClient { id, proof }),
        scopes: named.or_else(|| section.scopes.clone()),
        issuer: flags.issuer.clone().or_else(|| section.issuer.clone()),
        dpop: if flags.dpop { Some(true) } else { section.dpop },
        device: flags.device,
        port: flags.port,
        timeout: seconds(flags.timeout, defaults.timeout),
        grace: seconds(flags.grace, defaults.grace),
        ..defaults
    }))
}

/// What the client shows: what the flags say, all of it, else what the file says.
fn given(flags: &LoginFlags, file: &ConfigFile, name: &str) -> Given {
    let flag = |flag: &str, text: &Option<String>| {
        text.clone().map(|text| Sourced {
            place: flag.to_owned(),
            text,
        })
    };
    let of_flags = Given {
        whose: name.to_owned(),
        place: "--login".to_owned(),
        secret: flag("--client-secret", &flags.client_secret),
        key: flag("--client-key", &flags.client_key),
        certificate: flag("--client-certificate", &flags.client_certificate),
        key_id: flags.client_key_id.clone(),
        auth: flags.auth,
        audience: flags.assertion_audience,
    };
    if own_place(&of_flags).is_some() {
        return of_flags;
    }
    let section = &file.login;
    Given {
        secret: file.sourced(section.client_secret.as_ref()),
        key: file.sourced(section.client_key.as_ref()),
        certificate: file.sourced(section.client_certificate.as_ref()),
        key_id: of_flags.key_id.or_else(|| section.client_key_id.clone()),
        auth: of_flags.auth.or(section.auth),
        audience: of_flags.audience.or(section.assertion_audience),
        ..of_flags
    }
}

/// Where the first secret of a client stands.
fn own_place(given: &Given) -> Option<String> {
    let sources = [&given.secret, &given.key, &given.certificate];
    let first = sources.into_iter().flatten().next();
    first.map(|source| source.place.clone())
}

/// A flag that means nothing without a login.
fn stray(flags: &LoginFlags) -> Option<&'static str> {
    let given = [
        ("--client-secret", flags.client_secret.is_some()),
        ("--client-key", flags.client_key.is_some()),
        ("--client-key-id", flags.client_key_id.is_some()),
        ("--client-certificate", flags.client_certificate.is_some()),
        ("--client-auth", flags.auth.is_some()),
        ("--assertion-audience", flags.assertion_audience.is_some()),
        ("--dpop", flags.dpop),
        ("--login-scope", flags.scopes.is_some()),
        ("--issuer", flags.issuer.is_some()),
        ("--device", flags.device),
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
    use crate::config::source::TokenSource;
    use crate::model::grant::{AssertionAudience, ClientProof};

    struct One;

    impl Secrets for One {
        fn text(&mut self, source: &TokenSource) -> Result<String, String> {
            match source {
                TokenSource::Env(name) if name == "SECRET" => Ok("s3cret\n".to_owned()),
                TokenSource::Env(name) if name == "KEY" => {
                    Ok(include_str!("../../fixtures/keys/demo-client.pem").to_owned())
                }
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

    fn read(flags: &LoginFlags, file: &str) -> Result<Option<LoginRequest>, Error> {
        let file = ConfigFile::parse("assay.toml", file.to_owned())?;
        waiting(flags, &[])?;
        request(flags, &file, &[], &mut One)
    }

    fn problem(flags: &LoginFlags) -> String {
        read(flags, "").unwrap_err().to_string()
    }

    const PERSON: &str = "[[identity]]\nname = \"person\"\nclient_id = \"c\"\n";

    fn identities(grant: &str) -> Vec<IdentitySource> {
        let text = format!("{PERSON}grant = \"{grant}\"\nclient_secret = \"env:SECRET\"\n");
        let file = ConfigFile::parse("assay.toml", text).unwrap();
        file.identities(&mut One).unwrap()
    }

    #[test]
    fn a_login_is_made_only_when_asked_for() {
        let none = read(&LoginFlags::default(), "").unwrap();
        assert!(none.is_none());
        let some = read(&asked(), "").unwrap().unwrap();
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
        let login = read(&flags, "").unwrap().unwrap();
        assert_eq!(login.scopes.unwrap().len(), 3);
        let client = login.client.unwrap();
        assert_eq!(client.secret().unwrap().expose_secret(), "s3cret");
    }

    #[test]
    fn a_key_comes_from_flags_or_from_the_file_and_flags_win() {
        let file = "[client]\nid = \"cli\"\n[login]\nclient_secret = \"env:SECRET\"\ndpop = true\n\
                    issuer = \"https://as.example\"\nscopes = [\"a\"]\n";
        let of_file = read(&asked(), file).unwrap().unwrap();
        assert_eq!(of_file.dpop, Some(true));
        assert_eq!(of_file.issuer.as_deref(), Some("https://as.example"));
        assert_eq!(of_file.scopes.unwrap().len(), 1);
        let client = of_file.client.unwrap();
        assert_eq!(
            (client.id.as_str(), client.secret().is_some()),
            ("cli", true)
        );
        let flags = LoginFlags {
            client_key: Some("env:KEY".to_owned()),
            assertion_audience: Some(AudienceWord::TokenEndpoint),
            ..asked()
        };
        match read(&flags, file).unwrap().unwrap().client.unwrap().proof {
            ClientProof::Key { audience, .. } => {
                assert_eq!(audience, AssertionAudience::TokenEndpoint);
            }
            other => panic!("{other:?}"),
        }
        let unasked = read(&LoginFlags::default(), file).unwrap();
        assert!(unasked.is_none(), "a file alone signs nobody in");
    }

    #[test]
    fn the_file_is_read_as_strictly_as_the_flags() {
        for (file, said) in [
            ("[login]\nclient_key = \"env:KEY\"", "no client"),
            (
                "[client]\nid = \"c\"\n[login]\nclient_key = \"hunter2\"",
                "written into the configuration",
            ),
            (
                "[client]\nid = \"c\"\n[login]\nclient_key = \"env:KEY\"\nclient_secret = \"env:SECRET\"",
                "two ways",
            ),
            (
                "[client]\nid = \"c\"\n[login]\nclient_certificate = \"env:KEY\"",
                "no certificate",
            ),
        ] {
            let problem = read(&asked(), file).unwrap_err().to_string();
            assert!(
                problem.contains(said) && problem.contains("assay.toml:"),
                "{problem}"
            );
            assert!(!problem.contains("hunter2"), "{problem}");
        }
        let flag = LoginFlags {
            client_id: Some("c".to_owned()),
            client_key: Some("hunter2".to_owned()),
            ..asked()
        };
        let told = problem(&flag);
        assert!(
            told.contains("--client-key") && told.contains("command line"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_person_of_an_identity_is_waited_for_as_the_flags_say() {
        let patient = LoginFlags {
            timeout: Some(7),
            port: Some(4711),
            ..LoginFlags::default()
        };
        for grant in ["authorization_code", "device_code"] {
            let waiting = waiting(&patient, &identities(grant)).unwrap();
            assert_eq!(waiting.timeout, Duration::from_secs(7));
            assert_eq!(waiting.port, Some(4711));
        }
        let machine = waiting(&patient, &identities("client_credentials"));
        let told = machine.unwrap_err().to_string();
        assert!(
            told.contains("--login-port") && told.contains("add `--login`"),
            "{told}"
        );
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
