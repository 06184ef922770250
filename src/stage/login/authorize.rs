//! One authorization: the address is shown, the browser comes back, `state` and `iss` are compared
//! before anything else is read.

use secrecy::SecretString;
use url::{Host, Url};

use super::{OFFLINE, Session, Visit};
use crate::codec::pkce;
use crate::model::audit::Collected;
use crate::model::exchange::{Body, Exchange, ExchangeId, HeaderField, Outcome, Request, Response};
use crate::model::login::{Round, RoundEnd};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::stage::Run;
use crate::wire::callback::Returned;

/// A code that nobody has redeemed.
pub(super) struct Code {
    pub(super) value: SecretString,
    pub(super) verifier: String,
    pub(super) round: usize,
}

/// Whether a request carries a code challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pkce {
    S256,
    Absent,
}

/// An authorization endpoint that a browser may be sent to.
///
/// # Errors
/// Why it may not.
pub(super) fn endpoint(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|error| format!("the authorization endpoint `{text}` is no URL ({error})"))?;
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        scheme => Err(format!(
            "the authorization endpoint `{text}` is `{scheme}`, expected https; no browser is \
             sent there"
        )),
    }
}

/// Asks the person once more and returns the code.
///
/// # Errors
/// Why there is none, in words for the report.
pub(super) async fn code(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &mut Session,
    purpose: &str,
    pkce: Pkce,
) -> Result<Code, String> {
    let number = session.facts.rounds.len() + 1;
    let tag = session.tag.clone();
    let verifier = pkce::verifier(&run.entropy.bytes(&format!("verifier{tag}-{number}")));
    let state = format!(
        "{}-{}",
        run.settings.run_id,
        run.entropy.word(&format!("state{tag}-{number}"), 26)
    );
    let url = address(session, &verifier, &state, pkce)?;
    run.wire.know(
        &format!("verifier{tag}-{number}"),
        &SecretString::from(verifier.clone()),
    );
    let waited = wait(run, session, &url, &state, number, purpose).await;
    let mut round = Round {
        number,
        purpose: purpose.to_owned(),
        end: RoundEnd::Granted,
        issuer: None,
        exchange: None,
    };
    let outcome = match waited {
        Err(reason) => {
            round.end = RoundEnd::Unfinished {
                reason: reason.clone(),
            };
            Err(reason)
        }
        Ok(returned) => {
            let value = returned.single("code").unwrap_or_default().to_owned();
            if !value.is_empty() {
                let secret = SecretString::from(value.clone());
                run.wire.know(&format!("code{tag}-{number}"), &secret);
            }
            round.exchange = Some(record(collected, session, &returned, number));
            round.issuer = returned.single("iss").map(shown);
            let read = read(session, &returned);
            round.end = read
                .as_ref()
                .map_or_else(|(end, _)| end.clone(), |()| RoundEnd::Granted);
            read.map_err(|(_, reason)| reason).map(|()| Code {
                value: SecretString::from(value),
                verifier,
                round: number,
            })
        }
    };
    session.facts.rounds.push(round);
    outcome
}

/// The address of an authorization request.
///
/// # Errors
/// Why a client must not make one.
pub(super) fn address(
    session: &Session,
    verifier: &str,
    state: &str,
    pkce: Pkce,
) -> Result<Url, String> {
    let server = &session.server;
    if !server.challenge_methods.contains("S256") {
        return Err(format!(
            "the metadata of {} lists no PKCE method `S256`; a client must not go on (MCP \
             §Authorization Code Protection)",
            server.issuer
        ));
    }
    let mut url = server.authorization.clone().ok_or_else(|| {
        format!(
            "the metadata of {} names no `authorization_endpoint`",
            server.issuer
        )
    })?;
    let facts = &session.facts;
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &session.client.client.id)
            .append_pair("redirect_uri", &facts.redirect_uri)
            .append_pair("state", state)
            .append_pair("resource", &facts.resource);
        if pkce == Pkce::S256 {
            query
                .append_pair("code_challenge", &pkce::challenge(verifier))
                .append_pair("code_challenge_method", "S256");
        }
        if let Some(scopes) = facts.requested.as_ref().filter(|scopes| !scopes.is_empty()) {
            let text = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
            query.append_pair("scope", &text);
            if scopes.contains(OFFLINE) {
                // OpenID Connect Core §11: without it the scope is ignored.
                query.append_pair("prompt", "consent");
            }
        }
    }
    Ok(url)
}

async fn wait(
    run: &Run<'_>,
    session: &Session,
    url: &Url,
    state: &str,
    number: usize,
    purpose: &str,
) -> Result<Returned, String> {
    let (Some(person), Some(callback)) = (&run.person, &session.callback) else {
        return Err("there is nobody to ask".to_owned());
    };
    (person.show)(&Visit {
        identity: &session.facts.identity,
        asked: session.facts.requested.as_ref(),
        url: url.as_str(),
        number,
        most: super::codes::ROUNDS.max(number),
        timeout: session.timeout,
        purpose,
        user_code: None,
    });
    let mut strays = 0;
    let mut mistyped = 0;
    let pasted = async {
        loop {
            let line = person.paste().await;
            let returned = Url::parse(line.trim()).map(|url| Returned::from_url(&url));
            match returned {
                Ok(returned) if returned.single("state") == Some(state) => return returned,
                _ => mistyped += 1,
            }
        }
    };
    let ended = tokio::select! {
        biased;
        () = person.cancel.cancelled() => Err("the login was cancelled".to_owned()),
        returned = callback.wait(state, &mut strays) => Ok(returned),
        returned = pasted => Ok(returned),
        () = tokio::time::sleep(session.timeout) => Err(format!(
            "nobody finished the login within {} s; `--login-timeout` gives it longer",
            session.timeout.as_secs()
        )),
    };
    ended.map_err(|reason| match strays + mistyped {
        0 => reason,
        strays => format!("{reason}; {strays} answer(s) with another `state` were turned away"),
    })
}

/// RFC 9207 §2.4 before RFC 6749 §4.1.2: who answers is settled before what is answered.
fn read(session: &Session, returned: &Returned) -> Result<(), (RoundEnd, String)> {
    let issuer = &session.server.issuer;
    let issuers = returned.parameters.iter().filter(|(name, _)| name == "iss");
    let named = returned.single("iss");
    if named.is_some_and(|named| named != issuer) || issuers.count() > 1 {
        let reason = format!(
            "the authorization response names the issuer `{}`, expected `{issuer}`: possibly a \
             mix-up attack, so the answer was thrown away (RFC 9207 §2.4)",
            shown(named.unwrap_or("several"))
        );
        return Err((RoundEnd::ForeignIssuer, reason));
    }
    if named.is_none() && session.server.issuer_promised {
        let reason = format!(
            "the authorization response carries no `iss`, though the metadata of {issuer} \
             promises it; the answer was thrown away (RFC 9207 §2.4)"
        );
        return Err((RoundEnd::ForeignIssuer, reason));
    }
    let unreadable = |reason: &str| {
        let end = RoundEnd::Unfinished {
            reason: reason.to_owned(),
        };
        Err((end, reason.to_owned()))
    };
    match (returned.single("error"), returned.single("code")) {
        (Some(error), _) => {
            let error = shown(error);
            let remedy = match error.as_str() {
                "access_denied" => "consent was refused; run again and allow it",
                "invalid_scope" => session.asked_by.of(
                    "choose scopes with `--login-scope`",
                    "check `scopes` against what the client may ask for",
                ),
                "invalid_target" => "the server does not know the resource of this target",
                "unauthorized_client" => "this client may not use the authorization code flow",
                _ => "the authorization server gives no code",
            };
            let detail = returned.single("error_description").map(shown);
            let detail = detail.map_or(String::new(), |text| format!(" ({text})"));
            let reason = format!("the authorization server answered `{error}`{detail}: {remedy}");
            Err((RoundEnd::Refused { error }, reason))
        }
        (None, Some(code)) if !code.is_empty() => Ok(()),
        _ => unreadable("the authorization response carries neither one `code` nor an `error`"),
    }
}

/// The browser's request to us, filed as evidence; what may be secret is left out.
fn record(
    collected: &mut Collected,
    session: &Session,
    returned: &Returned,
    number: usize,
) -> ExchangeId {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in &returned.parameters {
        let value = match name.as_str() {
            "code" => format!("{{code{}-{number}}}", session.tag),
            "state" | "iss" | "error" | "error_description" | "error_uri" => shown(value),
            _ => "{omitted}".to_owned(),
        };
        query.append_pair(&shown(name), &value);
    }
    let facts = &session.facts;
    let last = collected.ledger.iter().last();
    let key = ProbeKey::new(ProbeId::LoginReturn)
        .about(facts.issuer.clone())
        .variant(format!("round-{number}"));
    collected.ledger.file(Exchange {
        id: ExchangeId(0),
        tier: key.id.tier(),
        probe: key,
        identity: facts.identity.clone(),
        request: Request {
            method: "GET".to_owned(),
            url: format!("{}?{}", facts.redirect_uri, query.finish()),
            headers: Vec::new(),
            body: None,
        },
        started_ms: last.map_or(0, |exchange| exchange.started_ms + exchange.elapsed_ms),
        elapsed_ms: 0,
        caused_by: Some(session.server.metadata),
        outcome: Outcome::Response(Response {
            status: 200,
            headers: vec![HeaderField::new("Content-Type", "text/html; charset=utf-8")],
            body: Body {
                bytes: Vec::new().into(),
                truncated: false,
                length: 0,
                sha256: EMPTY.to_owned(),
            },
            stream: None,
        }),
    })
}

/// At most so much of what a peer wrote.
fn shown(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

const LONGEST: usize = 300;
/// SHA-256 of nothing.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_https_or_loopback_only() {
        for good in [
            "https://auth.example.com/a",
            "http://127.0.0.1:1/a",
            "http://[::1]/a",
        ] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "http://auth.example.com/a",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:text/html,x",
            "/authorize",
        ] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }
}
