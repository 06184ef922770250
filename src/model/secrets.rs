//! The secrets that an operator hands over.

use secrecy::SecretString;

use super::settings::{CredentialSource, Settings};

impl Settings {
    /// Every credential that a request can carry, with its label.
    pub fn secrets(&self) -> Vec<(String, &SecretString)> {
        let mut all = Vec::new();
        for source in &self.identities {
            let name = &source.name;
            match &source.credential {
                CredentialSource::Token { token, .. } => all.push((format!("token-{name}"), token)),
                CredentialSource::Grant(request) => {
                    let own = request.secrets().into_iter();
                    all.extend(own.map(|(label, secret)| (format!("{label}-{name}"), secret)));
                }
            }
        }
        let client = self.login.as_ref().and_then(|it| it.client.as_ref());
        let login = client.and_then(|it| it.secret());
        all.extend(login.map(|secret| ("secret-login".to_owned(), secret)));
        let cached = self.upkeep.cached.iter();
        all.extend(cached.map(|(name, token)| (format!("refresh-{name}-cached"), token)));
        all
    }
}
