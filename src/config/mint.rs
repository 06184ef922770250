//! `[mint] from`: which identities may make the ladder, cheapest first.

use super::file::{ConfigFile, MintSection};
use super::{CredentialSource, Error, IdentitySource};
use crate::model::grant::GrantRequest;

impl ConfigFile {
    /// The identities whose grant may mint, in the order in which they are tried.
    pub(super) fn minters(
        &self,
        section: &MintSection,
        identities: &[IdentitySource],
    ) -> Result<Vec<String>, Error> {
        let mut able: Vec<(&IdentitySource, &GrantRequest)> = identities
            .iter()
            .filter_map(|source| match &source.credential {
                CredentialSource::Grant(request) => Some((source, request)),
                CredentialSource::Token { .. } => None,
            })
            .collect();
        able.sort_by_key(|(source, request)| (request.grant.cost(), !source.privileged));
        let names = |able: Vec<(&IdentitySource, &GrantRequest)>| -> Vec<String> {
            able.into_iter()
                .map(|(source, _)| source.name.clone())
                .collect()
        };
        let remedy = "name an `[[identity]]` with a `grant`, such as `client_credentials` or \
                      `refresh_token`";
        let Some(from) = &section.from else {
            if able.is_empty() {
                let problem = "`[mint]` has nothing to mint from";
                return Err(Error::value(self.place(0), problem, remedy));
            }
            return Ok(names(able));
        };
        let word = from.get_ref().as_str();
        if identities.iter().any(|source| source.name == word) {
            able.retain(|(source, _)| source.name == word);
        } else if let Some((_, urn)) = WORDS.iter().find(|(known, _)| *known == word) {
            able.retain(|(_, request)| {
                let grant = request.grant.as_str();
                grant == *urn || (word == "login" && request.grant.needs_a_person())
            });
        } else {
            able.clear();
        }
        if able.is_empty() {
            let problem = format!("`{word}` cannot mint tokens");
            return Err(Error::value(self.place(from.span().start), problem, remedy));
        }
        Ok(names(able))
    }
}

/// Words for grants, and the value of `grant_type`.
const WORDS: [(&str, &str); 5] = [
    ("client_credentials", "client_credentials"),
    ("refresh_token", "refresh_token"),
    (
        "token_exchange",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ),
    ("jwt_bearer", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
    ("login", "authorization_code"),
];
