//! One token request: sent, read, and undone when it got a token that nobody will use.

use secrecy::{ExposeSecret, SecretString};

use super::has_extensions;
use crate::codec::jose;
use crate::model::audit::{Collected, ResidueItem};
use crate::model::discovery::AuthorizationServer;
use crate::model::exchange::ExchangeId;
use crate::model::identity::ScopeSet;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::token_endpoint::{TokenAttempt, TokenQuestion};
use crate::oracle::token_endpoint as reading;
use crate::stage::mint::{Means, Proof};
use crate::stage::{Run, file, mint};
use crate::wire::{Destination, Learned, Outgoing, RawAnswer};

/// A token endpoint and what its metadata says of it.
pub(super) struct Place {
    pub(super) issuer: String,
    pub(super) endpoint: String,
    pub(super) revocation: Option<String>,
    pub(super) takes_client_assertions: bool,
    pub(super) takes_shared_key_assertions: bool,
    pub(super) takes_assertion_grants: bool,
    pub(super) scopes: ScopeSet,
    pub(super) resource: String,
    pub(super) named_by: ExchangeId,
}

impl Place {
    /// The token endpoint of a server, when its metadata names one.
    pub(super) fn of(server: &AuthorizationServer, collected: &Collected) -> Option<Self> {
        let metadata = server.chosen()?;
        let texts = |member: &str| {
            let values = metadata.texts(member)?;
            Some(values.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let methods = texts("token_endpoint_auth_methods_supported");
        let lists = |method: &str| methods.iter().flatten().any(|known| known == method);
        let grants = texts("grant_types_supported").unwrap_or_default();
        let in_force = has_extensions(collected);
        let shared = lists("client_secret_jwt");
        let resource_scopes = collected
            .discovery
            .chosen_resource_metadata()
            .and_then(|attempt| attempt.texts("scopes_supported"));
        let scopes = texts("scopes_supported").unwrap_or_default().into_iter();
        let scopes = scopes.chain(resource_scopes.into_iter().flatten().map(str::to_owned));
        Some(Self {
            issuer: server.issuer.clone(),
            endpoint: metadata.text("token_endpoint")?.to_owned(),
            revocation: metadata.text("revocation_endpoint").map(str::to_owned),
            takes_client_assertions: in_force && (shared || lists("private_key_jwt")),
            takes_shared_key_assertions: in_force && shared,
            takes_assertion_grants: in_force && grants.iter().any(|it| it == ASSERTION_GRANT),
            // Scopes of OpenID Connect speak of a user, and there is none.
            scopes: scopes
                .filter(|scope| !["openid", "offline_access"].contains(&scope.as_str()))
                .take(MOST_SCOPES)
                .collect(),
            resource: mint::resource(&collected.discovery),
            named_by: metadata.exchange,
        })
    }
}

/// A client of the operator and how it proves itself.
pub(super) struct Operator<'s> {
    pub(super) name: String,
    pub(super) client_id: &'s str,
    pub(super) secret: &'s SecretString,
    /// Whether the header carried the secret in the request that worked.
    pub(super) basic: bool,
    pub(super) scopes: ScopeSet,
    pub(super) control: ExchangeId,
}

impl<'s> Operator<'s> {
    /// Its own secret, in the header or in the body.
    pub(super) fn proof(&self, basic: bool) -> Proof<'_> {
        self.shows(basic, self.secret, &self.name)
    }

    /// Any secret, under the name that captures have for it.
    pub(super) fn shows<'p>(
        &self,
        basic: bool,
        secret: &'p SecretString,
        label: &'p str,
    ) -> Proof<'p>
    where
        's: 'p,
    {
        Proof {
            id: self.client_id,
            means: if basic {
                Means::Basic(secret)
            } else {
                Means::Post(secret)
            },
            label,
        }
    }
}

/// A token request in the making.
pub(super) struct Ask<'p> {
    probe: ProbeId,
    question: TokenQuestion,
    form: String,
    members: Vec<(&'static str, String)>,
    proof: Option<Proof<'p>>,
    scopes: Option<ScopeSet>,
}

impl<'p> Ask<'p> {
    pub(super) fn new(probe: ProbeId, question: TokenQuestion, form: &str) -> Self {
        Self {
            probe,
            question,
            form: form.to_owned(),
            members: Vec::new(),
            proof: None,
            scopes: None,
        }
    }

    pub(super) fn grant(mut self, grant: &str) -> Self {
        self.members.push(("grant_type", grant.to_owned()));
        self
    }

    pub(super) fn with(mut self, members: Vec<(&'static str, String)>) -> Self {
        self.members.extend(members);
        self
    }

    pub(super) fn proven(mut self, proof: Proof<'p>) -> Self {
        self.proof = Some(proof);
        self
    }

    pub(super) fn scopes(mut self, scopes: ScopeSet) -> Self {
        let text = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
        self.members.push(("scope", text));
        self.scopes = Some(scopes);
        self
    }

    /// Sends the request and reads the answer.
    pub(super) async fn send(
        mut self,
        run: &Run<'_>,
        collected: &mut Collected,
        place: &Place,
        operator: Option<&Operator<'_>>,
    ) -> TokenAttempt {
        self.members.push(("resource", place.resource.clone()));
        let who = operator.map_or("stranger", |operator| operator.name.as_str());
        let variant = format!("{who}-{}-{}", word(self.question), self.form);
        let label = format!("token-{variant}");
        let learn = move |answer: &RawAnswer<'_>| mint::access_token(answer, &label);
        let key = ProbeKey::new(self.probe)
            .about(place.issuer.clone())
            .variant(variant.clone());
        let mut outgoing = Outgoing::new(key, "POST", place.endpoint.clone());
        outgoing.destination = Destination::Discovered;
        outgoing.headers = mint::form_headers();
        if let Some(proof) = &self.proof {
            proof.add(run, &mut outgoing, &mut self.members);
        }
        outgoing.body = Some(mint::form(&self.members));
        outgoing.caused_by = Some(place.named_by);
        outgoing.learn = Some(&learn);
        if let Some(operator) = operator {
            outgoing.identity.clone_from(&operator.name);
            // The operator's client is nobody's business but the confirmed server's.
            outgoing.carries_secret = true;
        }
        let sent = run.wire.send(outgoing).await;
        let learned = sent.learned.first().cloned();
        let outcome = reading::token(&sent.exchange);
        let (granted, lifetime) = mint::response(&sent.exchange);
        let claims = learned
            .as_ref()
            .and_then(|learned| jose::peek(learned.secret.expose_secret()));
        let exchange = file(collected, sent);
        if let Some(learned) = &learned {
            let unused = Unused {
                learned,
                variant: &variant,
                lifetime,
                issued_by: exchange,
            };
            unused.undo(run, collected, place, operator).await;
        }
        TokenAttempt {
            question: self.question,
            form: self.form,
            client: operator.map(|operator| operator.client_id.to_owned()),
            requested: self.scopes,
            granted,
            // A JWT without a scope claim has none, whatever the response leaves unsaid.
            claimed: claims.map(|claims| claims.scopes.unwrap_or_default()),
            outcome,
            exchange,
        }
    }
}

/// A token that has served its purpose by being issued.
struct Unused<'a> {
    learned: &'a Learned,
    variant: &'a str,
    lifetime: Option<u64>,
    issued_by: ExchangeId,
}

impl Unused<'_> {
    /// Revokes it (RFC 7009); what stays valid becomes residue.
    async fn undo(
        &self,
        run: &Run<'_>,
        collected: &mut Collected,
        place: &Place,
        operator: Option<&Operator<'_>>,
    ) {
        let mut status = None;
        if let Some(endpoint) = &place.revocation {
            let key = ProbeKey::new(ProbeId::RevokeToken).variant(self.variant);
            let mut outgoing = Outgoing::new(key, "POST", endpoint.clone());
            outgoing.destination = Destination::Discovered;
            outgoing.headers = mint::form_headers();
            let token = self.learned.secret.expose_secret().to_owned();
            let mut members = vec![
                ("token", token),
                ("token_type_hint", "access_token".to_owned()),
            ];
            if let Some(operator) = operator {
                outgoing.identity.clone_from(&operator.name);
                outgoing.carries_secret = true;
                let proof = operator.proof(operator.basic);
                proof.add(run, &mut outgoing, &mut members);
            }
            outgoing.body = Some(mint::form(&members));
            outgoing.cleanup = true;
            outgoing.caused_by = Some(self.issued_by);
            let sent = run.wire.send(outgoing).await;
            status = sent.exchange.status();
            file(collected, sent);
        }
        if status.is_none_or(|status| status >= 300) {
            collected.residue.push(self.residue(place, status));
        }
    }

    fn residue(&self, place: &Place, status: Option<u16>) -> ResidueItem {
        let lifetime = self
            .lifetime
            .map_or("an unknown time".to_owned(), |seconds| {
                format!("{seconds} s")
            });
        let answer = status.map_or("got no answer".to_owned(), |status| {
            format!("answered HTTP {status}")
        });
        let reason = match &place.revocation {
            Some(_) => format!("revocation {answer}; it expires after {lifetime}"),
            None => {
                format!("no `revocation_endpoint` is advertised; it expires after {lifetime}")
            }
        };
        let location = place.revocation.as_ref().unwrap_or(&place.issuer);
        ResidueItem {
            kind: "token".to_owned(),
            name: self.variant.to_owned(),
            location: location.clone(),
            reason,
            undo: match &place.revocation {
                Some(url) => format!("POST {url} token=…"),
                None => "wait for its expiry".to_owned(),
            },
            exchange: Some(self.issued_by),
        }
    }
}

/// User name and password of nobody.
pub(super) fn nobody(run: &Run<'_>) -> Vec<(&'static str, String)> {
    let user = run.entropy.word("no-such-user", 20);
    vec![
        ("username", format!("mcp-assay-{user}")),
        ("password", run.entropy.word("no-such-password", 24)),
    ]
}

const fn word(question: TokenQuestion) -> &'static str {
    match question {
        TokenQuestion::UnknownGrant => "unknown-grant",
        TokenQuestion::Password => "password",
        TokenQuestion::OtherMethod => "other-method",
        TokenQuestion::WrongSecret => "wrong-secret",
        TokenQuestion::NoSecret => "no-secret",
        TokenQuestion::UnknownScope => "unknown-scope",
        TokenQuestion::EveryScope => "every-scope",
        TokenQuestion::GenuineAssertion => "genuine-assertion",
        TokenQuestion::ClientAssertion => "client-assertion",
        TokenQuestion::IdentityAssertion => "identity-assertion",
        TokenQuestion::WorkloadAssertion => "workload-assertion",
    }
}

/// A grant type under a name that nobody registers.
pub(super) const UNKNOWN_GRANT: &str = "urn:mcp-assay:grant-type:none";
/// RFC 7523 §2.1.
pub(super) const ASSERTION_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Scopes asked for at once.
const MOST_SCOPES: usize = 100;
