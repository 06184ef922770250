//! Assertions that a sound server refuses (RFC 7523 §3). Issuers end in `.invalid`, and no key URL
//! is ever named: nothing can be fetched on their account.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::ask::{ASSERTION_GRANT, Operator, Place};
use crate::codec::assertion::{self, Signing};
use crate::model::audit::Collected;
use crate::model::exchange::ExchangeId;
use crate::model::token_endpoint::TokenQuestion;
use crate::stage::Run;

/// The time by the server's own clock.
#[derive(Clone, Copy)]
pub(super) struct Clock(i64);

impl Clock {
    /// From the `Date` of an answer; from the start of the run where there is none.
    pub(super) fn of(collected: &Collected, exchange: ExchangeId) -> Self {
        let response = collected
            .ledger
            .exchange(exchange)
            .and_then(|exchange| exchange.response());
        let date = response.and_then(|response| response.header("date"));
        let started = || assertion::seconds(&collected.engagement.started);
        let now = date.and_then(assertion::seconds).or_else(started);
        Self(now.unwrap_or_default())
    }
}

/// A token request around an assertion.
pub(super) struct Forged {
    pub(super) question: TokenQuestion,
    pub(super) form: &'static str,
    pub(super) grant: &'static str,
    pub(super) members: Vec<(&'static str, String)>,
}

/// One of each kind, on behalf of a client that does not exist.
pub(super) fn for_stranger(
    run: &Run<'_>,
    place: &Place,
    client: &str,
    clock: Clock,
) -> Vec<Forged> {
    let maker = Maker {
        run,
        place,
        client,
        clock,
    };
    let mut forged = Vec::new();
    if place.takes_client_assertions {
        forged.extend(maker.client_assertion("unsigned", UNSIGNED, &place.issuer, LIFETIME));
    }
    if place.takes_assertion_grants {
        forged.extend(maker.identity_assertion("unsigned", UNSIGNED));
        forged.extend(maker.workload_assertion("foreign-key"));
    }
    forged
}

/// Client assertions in the name of the operator's client: nobody but the client can sign them.
pub(super) fn in_the_clients_name(
    run: &Run<'_>,
    place: &Place,
    operator: &Operator<'_>,
    clock: Clock,
) -> Vec<Forged> {
    let maker = Maker::of(run, place, operator, clock);
    let key = run.entropy.bytes("foreign-key");
    let foreign = Kind {
        alg: "HS256",
        signing: Signing::Hmac(&key),
    };
    let forged = [
        maker.client_assertion("unsigned", UNSIGNED, &place.issuer, LIFETIME),
        maker.client_assertion("foreign-key", foreign, &place.issuer, LIFETIME),
    ];
    forged.into_iter().flatten().collect()
}

/// A client assertion made with the client's own secret (`client_secret_jwt`).
pub(super) fn genuine(
    run: &Run<'_>,
    place: &Place,
    operator: &Operator<'_>,
    clock: Clock,
) -> Option<Forged> {
    let secret = operator.secret.expose_secret().as_bytes();
    let own = Kind {
        alg: "HS256",
        signing: Signing::Hmac(secret),
    };
    let maker = Maker::of(run, place, operator, clock);
    let made = maker.client_assertion("shared-key", own, &place.issuer, LIFETIME)?;
    Some(Forged {
        question: TokenQuestion::GenuineAssertion,
        ..made
    })
}

/// The same with one claim wrong, where the genuine one was accepted.
pub(super) fn mutated(
    run: &Run<'_>,
    place: &Place,
    operator: &Operator<'_>,
    clock: Clock,
) -> Vec<Forged> {
    let secret = operator.secret.expose_secret().as_bytes();
    let own = || Kind {
        alg: "HS256",
        signing: Signing::Hmac(secret),
    };
    let maker = Maker::of(run, place, operator, clock);
    let elsewhere = format!("https://{}.mcp-assay.invalid/token", run.settings.run_id);
    let forged = [
        maker.client_assertion("wrong-audience", own(), &elsewhere, LIFETIME),
        maker.client_assertion("expired", own(), &place.issuer, -2 * LIFETIME),
    ];
    forged.into_iter().flatten().collect()
}

/// Assertions of a user and of a workload, sent by the operator's client.
pub(super) fn grants(
    run: &Run<'_>,
    place: &Place,
    operator: &Operator<'_>,
    clock: Clock,
) -> Vec<Forged> {
    let maker = Maker::of(run, place, operator, clock);
    let noise = run.entropy.bytes("foreign-signature").repeat(2);
    let foreign = Kind {
        alg: "ES256",
        signing: Signing::Bytes(&noise),
    };
    let forged = [
        maker.identity_assertion("unsigned", UNSIGNED),
        maker.identity_assertion("foreign-key", foreign),
        maker.workload_assertion("foreign-key"),
    ];
    forged.into_iter().flatten().collect()
}

#[derive(Clone, Copy)]
struct Kind<'k> {
    alg: &'static str,
    signing: Signing<'k>,
}

struct Maker<'a> {
    run: &'a Run<'a>,
    place: &'a Place,
    client: &'a str,
    clock: Clock,
}

impl<'a> Maker<'a> {
    fn of(run: &'a Run<'a>, place: &'a Place, operator: &'a Operator<'a>, clock: Clock) -> Self {
        Self {
            run,
            place,
            client: operator.client_id,
            clock,
        }
    }

    /// RFC 7523 §2.2 and §3: issuer and subject are the client.
    fn client_assertion(
        &self,
        form: &'static str,
        kind: Kind<'_>,
        audience: &str,
        lifetime: i64,
    ) -> Option<Forged> {
        let claims = self.claims(form, self.client, self.client, audience, lifetime);
        let assertion = signed("JWT", kind, &claims)?;
        Some(Forged {
            question: TokenQuestion::ClientAssertion,
            form,
            grant: "client_credentials",
            members: vec![
                ("client_id", self.client.to_owned()),
                ("client_assertion_type", CLIENT_ASSERTION.to_owned()),
                ("client_assertion", assertion),
            ],
        })
    }

    /// Enterprise-managed authorization §4.3: the identity provider speaks of a user.
    fn identity_assertion(&self, form: &'static str, kind: Kind<'_>) -> Option<Forged> {
        let subject = format!("nobody-{}", self.run.settings.run_id);
        let mut claims = self.claims(
            form,
            &self.nowhere(),
            &subject,
            &self.place.issuer,
            LIFETIME,
        );
        if let Some(members) = claims.as_object_mut() {
            members.insert("client_id".to_owned(), json!(self.client));
            members.insert("resource".to_owned(), json!(self.place.resource));
        }
        let assertion = signed("oauth-id-jag+jwt", kind, &claims)?;
        Some(self.bearer(TokenQuestion::IdentityAssertion, form, assertion))
    }

    /// Workload identity federation: a platform speaks of a workload.
    fn workload_assertion(&self, form: &'static str) -> Option<Forged> {
        let noise = self.run.entropy.bytes("workload-signature").repeat(2);
        let kind = Kind {
            alg: "ES256",
            signing: Signing::Bytes(&noise),
        };
        let subject = format!("workload-{}", self.run.settings.run_id);
        let claims = self.claims(
            form,
            &self.nowhere(),
            &subject,
            &self.place.issuer,
            LIFETIME,
        );
        let assertion = signed("JWT", kind, &claims)?;
        Some(self.bearer(TokenQuestion::WorkloadAssertion, form, assertion))
    }

    fn bearer(&self, question: TokenQuestion, form: &'static str, assertion: String) -> Forged {
        Forged {
            question,
            form,
            grant: ASSERTION_GRANT,
            members: vec![
                ("client_id", self.client.to_owned()),
                ("assertion", assertion),
            ],
        }
    }

    fn nowhere(&self) -> String {
        format!("https://{}.mcp-assay.invalid", self.run.settings.run_id)
    }

    fn claims(
        &self,
        form: &str,
        issuer: &str,
        subject: &str,
        audience: &str,
        lifetime: i64,
    ) -> Value {
        let Clock(now) = self.clock;
        let purpose = format!("jti-{form}-{issuer}-{subject}");
        json!({
            "iss": issuer,
            "sub": subject,
            "aud": audience,
            "jti": self.run.entropy.word(&purpose, 24),
            "iat": now + lifetime.min(0) * 2,
            "exp": now + lifetime,
        })
    }
}

fn signed(typ: &str, kind: Kind<'_>, claims: &Value) -> Option<String> {
    let header = json!({"alg": kind.alg, "typ": typ});
    assertion::assertion(&header, claims, kind.signing)
}

const UNSIGNED: Kind<'static> = Kind {
    alg: "none",
    signing: Signing::Nothing,
};
/// RFC 7523 §2.2.
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Seconds that an assertion lives.
const LIFETIME: i64 = 120;
