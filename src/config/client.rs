//! The client in whose name the authorization endpoint is asked before a login.

use super::file::{ConfigFile, IdentitySection};
use super::{Error, Flags};
use crate::model::settings::KnownClient;

/// A client that the authorization server already knows: the one that is named for it, else that of
/// an identity whose redirect URI is known. One half alone is of no use.
pub(super) fn known(flags: &Flags, file: &ConfigFile) -> Result<Option<KnownClient>, Error> {
    let of_identity = of_identities(flags, file)?;
    let id = flags.client_id.as_ref().or(file.client.id.as_ref());
    let redirect_uri = flags
        .redirect_uri
        .as_ref()
        .or(file.client.redirect_uri.as_ref());
    let issuer = flags.login.issuer.clone().or(file.login.issuer.clone());
    match (id, redirect_uri) {
        (None, None) => Ok(of_identity),
        (Some(id), Some(redirect_uri)) => {
            is_uri("--redirect-uri", redirect_uri)?;
            Ok(Some(KnownClient {
                id: id.clone(),
                redirect_uri: redirect_uri.clone(),
                issuer,
            }))
        }
        // The login needs this one anyway (RFC 8252 §7.3).
        (Some(id), None) if flags.login.name.is_some() => Ok(Some(KnownClient {
            id: id.clone(),
            redirect_uri: loopback(flags),
            issuer,
        })),
        (Some(id), None) => Err(Error::value(
            "--client-id",
            format!("client `{id}` comes without a redirect URI"),
            "add `--redirect-uri URI`, one of its registered redirect URIs",
        )),
        (None, Some(redirect_uri)) => Err(Error::value(
            "--redirect-uri",
            format!("`{redirect_uri}` comes without a client"),
            "add `--client-id ID`, the client it is registered for",
        )),
    }
}

/// The client of the first identity that names a redirect URI, else of the first that signs in with a
/// browser: it is sent back to loopback. Of any other client no redirect URI can be assumed.
fn of_identities(flags: &Flags, file: &ConfigFile) -> Result<Option<KnownClient>, Error> {
    let known = |section: &IdentitySection, redirect_uri: String| {
        Some(KnownClient {
            id: section.client_id.clone()?,
            redirect_uri,
            issuer: section.issuer.clone(),
        })
    };
    let mut named = None;
    for section in &file.identity {
        let Some(given) = &section.redirect_uri else {
            continue;
        };
        let place = file.place(given.span().start);
        is_uri(&place, given.get_ref())?;
        let Some(client) = known(section, given.get_ref().clone()) else {
            return Err(Error::value(
                place,
                format!(
                    "`{}` has a redirect URI and no client",
                    section.name.get_ref()
                ),
                "add `grant` and `client_id`, the client it is registered for, or remove it",
            ));
        };
        named = named.or(Some(client));
    }
    let browser = |section: &&IdentitySection| {
        let grant = section.grant.as_ref().map(|it| it.get_ref().as_str());
        grant == Some("authorization_code")
    };
    let signs_in = || known(file.identity.iter().find(browser)?, loopback(flags));
    Ok(named.or_else(signs_in))
}

fn is_uri(place: &str, text: &str) -> Result<(), Error> {
    if url::Url::parse(text).is_ok() {
        return Ok(());
    }
    Err(Error::value(
        place,
        format!("`{text}` is not a URI"),
        "give one of the client's registered redirect URIs, unchanged",
    ))
}

fn loopback(flags: &Flags) -> String {
    match flags.login.port {
        Some(port) => format!("http://127.0.0.1:{port}/callback"),
        None => LOOPBACK.to_owned(),
    }
}

/// What a native client registers (RFC 8252 §7.3).
const LOOPBACK: &str = "http://127.0.0.1:53682/callback";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, flags: &Flags) -> Result<Option<KnownClient>, Error> {
        known(
            flags,
            &ConfigFile::parse("assay.toml", text.to_owned()).unwrap(),
        )
    }

    const BROWSER: &str = "[[identity]]\nname = \"person\"\ngrant = \"authorization_code\"\n\
        client_id = \"cli\"\nissuer = \"https://two.example\"\n";
    const MACHINE: &str = "[[identity]]\nname = \"machine\"\ngrant = \"client_credentials\"\n\
        client_id = \"job\"\nclient_secret = \"env:S\"\n";

    #[test]
    fn the_client_of_an_identity_that_signs_in_is_known_by_its_loopback_address() {
        let text = format!("{MACHINE}{BROWSER}");
        let client = read(&text, &Flags::default()).unwrap().unwrap();
        assert_eq!((&*client.id, &*client.redirect_uri), ("cli", LOOPBACK));
        assert_eq!(client.issuer.as_deref(), Some("https://two.example"));
        let mut flags = Flags::default();
        flags.login.port = Some(7777);
        let client = read(BROWSER, &flags).unwrap().unwrap();
        assert_eq!(client.redirect_uri, "http://127.0.0.1:7777/callback");
    }

    #[test]
    fn of_other_clients_no_redirect_uri_is_assumed_and_one_that_is_named_is_taken_first() {
        assert_eq!(read(MACHINE, &Flags::default()).unwrap(), None);
        let named = "redirect_uri = \"https://app.example/cb\"\n";
        let text = format!("{BROWSER}{MACHINE}{named}");
        let client = read(&text, &Flags::default()).unwrap().unwrap();
        assert_eq!(
            (&*client.id, &*client.redirect_uri),
            ("job", "https://app.example/cb")
        );
    }

    #[test]
    fn a_client_that_is_named_for_it_goes_before_those_of_identities() {
        let flags = Flags {
            client_id: Some("app".to_owned()),
            redirect_uri: Some("https://app.example/cb".to_owned()),
            ..Flags::default()
        };
        assert_eq!(read(BROWSER, &flags).unwrap().unwrap().id, "app");
    }

    #[test]
    fn a_redirect_uri_that_helps_nobody_is_refused_with_its_line() {
        for (text, said) in [
            ("redirect_uri = \"cb\"\n", "`cb` is not a URI"),
            ("redirect_uri = \"https://app.example/cb\"\n", "no client"),
        ] {
            let given = "[[identity]]\nname = \"user\"\ntoken = \"env:T\"\n";
            let problem = read(&format!("{given}{text}"), &Flags::default()).unwrap_err();
            let problem = problem.to_string();
            assert!(
                problem.starts_with("assay.toml:4: ") && problem.contains(said),
                "{problem}"
            );
        }
    }
}
