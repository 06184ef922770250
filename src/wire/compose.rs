//! From a request as the caller describes it to one that may go out.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Outgoing;
use super::address::Reach;
use super::failure::Trouble;
use super::guard::{Blocked, Bounds, Route, Rule, check_url, host_key, literal_reach, same_origin};
use super::redact::{Redactor, Source};
use crate::model::exchange::FailureKind;

/// A request that the rules permit.
pub(super) struct Ready {
    pub(super) url: Url,
    pub(super) host: String,
    pub(super) loopback: bool,
    pub(super) route: Route,
    pub(super) fresh: bool,
    pub(super) certificate: Option<SecretString>,
    pub(super) request: reqwest::Request,
}

/// Every field that goes out, so that the ledger shows what was sent.
pub(super) fn fields(outgoing: &Outgoing<'_>, user_agent: &str) -> Vec<(String, String)> {
    let mut fields = outgoing.headers.clone();
    let defaults = [
        ("user-agent", user_agent),
        ("accept", "*/*"),
        // A compressed answer could not be searched for secrets, and might be a bomb.
        ("accept-encoding", "identity"),
    ];
    for (name, value) in defaults {
        let given = fields
            .iter()
            .any(|(field, _)| field.eq_ignore_ascii_case(name));
        if !given && !value.is_empty() {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    if let Some(credential) = &outgoing.credential {
        let credential = credential.expose_secret();
        fields.push(match &outgoing.credential_field {
            Some(field) => (field.to_ascii_lowercase(), credential.to_owned()),
            None => ("authorization".to_owned(), format!("Bearer {credential}")),
        });
    }
    fields
}

/// Everything that is decided before a connection is made.
pub(super) fn permit(
    bounds: &Bounds,
    redactor: &Redactor,
    outgoing: &Outgoing<'_>,
    fields: &[(String, String)],
) -> Result<Ready, Trouble> {
    let check = |secret| check_url(bounds, &outgoing.url, outgoing.destination, secret);
    let (url, route) = check(false).map_err(blocked)?;
    if discloses(redactor, outgoing, fields, &url) {
        check(true).map_err(blocked)?;
    }
    let request = write(outgoing, fields, &url)?;
    Ok(Ready {
        host: host_key(&url),
        loopback: literal_reach(&url) == Some(Reach::Loopback),
        route,
        fresh: outgoing.fresh_connection,
        certificate: outgoing.certificate.shown().cloned(),
        request,
        url,
    })
}

/// A refusal of the guard in the words of the ledger.
pub(super) fn blocked(refusal: Blocked) -> Trouble {
    let kind = match refusal.rule {
        Rule::Address => FailureKind::Inside,
        _ => FailureKind::Blocked,
    };
    (kind, refusal.text)
}

/// Whether the request would give somebody a secret that is not theirs already.
///
/// What the caller says is not relied on alone: known secrets are searched for in all that goes
/// out, so that a hostile URL cannot carry one away.
fn discloses(
    redactor: &Redactor,
    outgoing: &Outgoing<'_>,
    fields: &[(String, String)],
    url: &Url,
) -> bool {
    let theirs = |source: &Source| match source {
        Source::Run => false,
        Source::Answer(origin) => same_origin(origin, url),
    };
    // A certificate proves who somebody is, to whoever asks for it in the handshake.
    if outgoing.carries_secret || outgoing.certificate.shown().is_some() {
        return true;
    }
    if let Some(credential) = &outgoing.credential
        && !redactor.source_of(credential).is_some_and(theirs)
    {
        return true;
    }
    let values = fields.iter().map(|(_, value)| value.as_bytes());
    let url_and_body = [
        outgoing.url.as_bytes(),
        outgoing.body.as_deref().unwrap_or_default(),
    ];
    let parts: Vec<&[u8]> = values.chain(url_and_body).collect();
    let sources = redactor.sources_in(&parts.join(&b'\n'));
    if !sources.is_empty() {
        return !sources.into_iter().all(theirs);
    }
    let is_credential = |name: &str| {
        CREDENTIAL_FIELDS
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    outgoing.credential.is_none() && fields.iter().any(|(name, _)| is_credential(name))
}

fn write(
    outgoing: &Outgoing<'_>,
    fields: &[(String, String)],
    url: &Url,
) -> Result<reqwest::Request, Trouble> {
    use reqwest::header::{HeaderName, HeaderValue};
    let refuse = |what: String| {
        let text = format!("{what} cannot be sent: HTTP does not allow it; nothing was sent");
        (FailureKind::Blocked, text)
    };
    let method = reqwest::Method::from_bytes(outgoing.method.as_bytes())
        .map_err(|_| refuse(format!("the method `{}`", outgoing.method)))?;
    let mut request = reqwest::Request::new(method, url.clone());
    for (name, value) in fields {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refuse(format!("a header field named `{name}`")))?;
        let mut value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| refuse(format!("the value of header field `{name}`")))?;
        // Keeps it out of every debug print below us.
        value.set_sensitive(true);
        request.headers_mut().append(header, value);
    }
    if let Some(body) = &outgoing.body {
        *request.body_mut() = Some(body.clone().into());
    }
    Ok(request)
}

/// Fields whose value is a secret whether or not anybody registered it.
const CREDENTIAL_FIELDS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
