//! The clients that the authorization server knows, and the authorizations under way.

use std::collections::HashMap;

use serde_json::Value;

use super::super::behaviour::Behaviour;
use super::device;

/// Clients by id, authorizations by their handle, codes by their value.
#[derive(Default)]
pub(crate) struct Clients {
    pub(crate) known: HashMap<String, KnownClient>,
    pub(crate) pending: HashMap<String, Authorization>,
    pub(crate) codes: HashMap<String, Authorization>,
    pub(crate) refresh: HashMap<String, RefreshGrant>,
    pub(crate) devices: HashMap<String, DeviceGrant>,
    pub(crate) registration_attempts: usize,
}

/// A client that may use the authorization server.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownClient {
    pub(crate) name: String,
    /// None for public clients.
    pub(crate) secret: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) grants: Vec<String>,
    /// Whether the token endpoint may serve it.
    pub(crate) unapproved: bool,
    /// What the client was told when it registered itself; none for pre-registered ones.
    pub(crate) registration: Option<Registration>,
}

/// A client's own registration.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) access_token: String,
    pub(crate) answer: Value,
}

/// A request for authorization that was found in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorization {
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) audience: String,
    pub(crate) challenge: String,
    pub(crate) plain: bool,
}

/// What a refresh token stands for.
#[derive(Clone, Debug)]
pub(crate) struct RefreshGrant {
    pub(crate) client: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) audience: String,
    /// Every refresh token of one login.
    pub(crate) family: String,
    pub(crate) spent: bool,
}

/// A device that waits for its person.
#[derive(Clone, Debug)]
pub(crate) struct DeviceGrant {
    pub(crate) client: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) audience: String,
    pub(crate) polls: usize,
}

impl Clients {
    /// The clients that a behaviour file lists, and the public one that the ready-made tokens name.
    pub(crate) fn preregistered(behaviour: &Behaviour) -> Self {
        let both = || {
            vec![
                "authorization_code".to_owned(),
                "client_credentials".to_owned(),
                "refresh_token".to_owned(),
            ]
        };
        let mut known: HashMap<String, KnownClient> = behaviour
            .clients
            .iter()
            .map(|(id, client)| {
                let client = KnownClient {
                    name: id.clone(),
                    secret: Some(client.secret.clone()),
                    scopes: client.scopes.clone(),
                    redirect_uris: client.redirect_uris.clone(),
                    grants: both(),
                    unapproved: false,
                    registration: None,
                };
                (id.clone(), client)
            })
            .collect();
        let public = KnownClient {
            name: "Demo command line".to_owned(),
            secret: None,
            scopes: behaviour.scope_catalogue(),
            redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
            grants: ["authorization_code", "refresh_token", device::GRANT]
                .map(str::to_owned)
                .to_vec(),
            unapproved: false,
            registration: None,
        };
        let web = KnownClient {
            name: "Demo web application".to_owned(),
            redirect_uris: vec!["https://notes.example.com/oauth/callback".to_owned()],
            ..public.clone()
        };
        known.insert("demo-cli".to_owned(), public);
        known.insert("demo-web".to_owned(), web);
        Self {
            known,
            ..Self::default()
        }
    }

    /// How many clients that registered themselves are alive.
    pub(crate) fn registered(&self) -> usize {
        self.known
            .values()
            .filter(|client| client.registration.is_some())
            .count()
    }

    /// Whether some client got this registration token.
    pub(crate) fn issued(&self, token: &str) -> bool {
        self.known.values().any(|client| {
            let registration = client.registration.as_ref();
            registration.is_some_and(|one| one.access_token == token)
        })
    }

    /// Replaces a registration token that belongs to a client other than this one.
    pub(crate) fn revoke_elsewhere(&mut self, client_id: &str, token: &str, fresh: String) {
        let others = self.known.iter_mut().filter(|(id, _)| *id != client_id);
        let mut owned = others.filter_map(|(_, client)| client.registration.as_mut());
        if let Some(owner) = owned.find(|one| one.access_token == token) {
            owner.access_token = fresh;
        }
    }

    /// Whether one more client may register itself.
    pub(crate) fn has_room(&self) -> bool {
        self.known.len() < CLIENT_LIMIT
    }

    /// Keeps an authorization until its page is answered; forgets all when nobody answers.
    pub(crate) fn remember(&mut self, handle: String, authorization: Authorization) {
        keep(&mut self.pending, handle, authorization);
    }

    /// Keeps a refresh token and returns it; forgets all when there are too many.
    pub(crate) fn grant(&mut self, token: String, grant: RefreshGrant) -> String {
        if self.refresh.len() >= PENDING_LIMIT {
            self.refresh.clear();
        }
        self.refresh.insert(token.clone(), grant);
        token
    }

    /// Keeps a device until its person has decided; forgets all when nobody does.
    pub(crate) fn wait(&mut self, code: String, grant: DeviceGrant) {
        if self.devices.len() >= PENDING_LIMIT {
            self.devices.clear();
        }
        self.devices.insert(code, grant);
    }

    /// How many refresh tokens are good.
    pub(crate) fn good_refresh_tokens(&self) -> usize {
        self.refresh.values().filter(|grant| !grant.spent).count()
    }

    /// Ends every refresh token of a login.
    pub(crate) fn end(&mut self, family: &str) {
        self.refresh.retain(|_, grant| grant.family != family);
    }

    /// Withdraws a token, when it is a refresh token.
    pub(crate) fn withdraw(&mut self, token: &str) {
        self.refresh.remove(token);
    }

    /// Keeps a code until it is redeemed; forgets all when nobody redeems.
    pub(crate) fn promise(&mut self, code: String, authorization: Authorization) {
        keep(&mut self.codes, code, authorization);
    }
}

fn keep(store: &mut HashMap<String, Authorization>, key: String, authorization: Authorization) {
    if store.len() >= PENDING_LIMIT {
        store.clear();
    }
    store.insert(key, authorization);
}

const PENDING_LIMIT: usize = 1000;
const CLIENT_LIMIT: usize = 10_000;
