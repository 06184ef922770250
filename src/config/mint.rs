//! `[mint] from`: which identities may make the ladder, cheapest first.

use super::file::{ConfigFile, MintSection};
use super::{CredentialSource, Error, IdentitySource};
use crate::model::grant::Grant;

impl ConfigFile {
    /// The identities whose grant may mint, in the order in which they are tried; the one of
    /// `--login` among them.
    pub(super) fn minters(
        &self,
        section: &MintSection,
        identities: &[IdentitySource],
        login: Option<&str>,
    ) -> Result<Vec<String>, Error> {
        let granted = identities
            .iter()
            .filter_map(|source| match &source.credential {
                CredentialSource::Grant(request) => {
                    let order = (request.grant.cost(), !source.privileged);
                    Some((source.name.as_str(), request.grant.as_str(), order))
                }
                CredentialSource::Token { .. } => None,
            });
        let person = Grant::AuthorizationCode;
        let login = login.map(|name| (name, person.as_str(), (person.cost(), true)));
        let mut able: Vec<(&str, &str, (u8, bool))> = granted.chain(login).collect();
        able.sort_by_key(|(_, _, order)| *order);
        let remedy = "name an `[[identity]]` with a `grant`, such as `client_credentials` or \
                      `refresh_token`, or the identity of `--login`";
        let place = match &section.from {
            None => self.place(0),
            Some(from) => self.place(from.span().start),
        };
        let problem = match &section.from {
            None => "`[mint]` has nothing to mint from".to_owned(),
            Some(from) => {
                let word = from.get_ref().as_str();
                if identities.iter().any(|source| source.name == word)
                    || login.is_some_and(|(name, ..)| name == word)
                {
                    able.retain(|(name, ..)| *name == word);
                } else {
                    let known = WORDS.iter().find(|(known, _)| *known == word);
                    able.retain(|(_, grant, _)| {
                        known.is_some_and(|(_, urns)| urns.contains(grant))
                    });
                }
                format!("`{word}` cannot mint tokens")
            }
        };
        if able.is_empty() {
            return Err(Error::value(place, problem, remedy));
        }
        Ok(able.iter().map(|(name, ..)| (*name).to_owned()).collect())
    }
}

/// Words for grants, and the values of `grant_type`.
const WORDS: [(&str, &[&str]); 5] = [
    ("client_credentials", &["client_credentials"]),
    ("refresh_token", &["refresh_token"]),
    (
        "token_exchange",
        &["urn:ietf:params:oauth:grant-type:token-exchange"],
    ),
    (
        "jwt_bearer",
        &["urn:ietf:params:oauth:grant-type:jwt-bearer"],
    ),
    (
        "login",
        &[
            "authorization_code",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
    ),
];
