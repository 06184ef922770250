//! One authorization request and the redirects behind it, each an exchange of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;
use url::Url;

use super::forms;
use crate::codec::pkce;
use crate::model::audit::Collected;
use crate::model::authorization::{FrontAnswer, FrontAsk, FrontEnd};
use crate::model::exchange::ExchangeId;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::oracle::front_channel::{Asked, Step, step};
use crate::stage::{Run, file};
use crate::wire::{Destination, Learned, Outgoing, RawAnswer, Sent};

/// The parameters of a request, in order, and the redirect URI among them.
type Query = (Vec<(String, String)>, String);

/// Walks from the authorization endpoint of one server.
pub(super) struct Walker<'a> {
    run: &'a Run<'a>,
    endpoint: &'a Url,
    resource: Option<String>,
    named_by: ExchangeId,
    followed: AtomicUsize,
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        run: &'a Run<'a>,
        endpoint: &'a Url,
        resource: Option<String>,
        named_by: ExchangeId,
    ) -> Self {
        Self {
            run,
            endpoint,
            resource,
            named_by,
            followed: AtomicUsize::new(0),
        }
    }

    /// The same walks without `resource`, for servers that do not know the one of this target.
    pub(super) fn without_resource(&self) -> Self {
        Self::new(self.run, self.endpoint, None, self.named_by)
    }

    /// The request of a client that cannot exist, or no request at all.
    pub(super) fn stranger(&self, ask: FrontAsk, client_id: &str, redirect_uri: &str) -> Query {
        if ask == FrontAsk::NoRequest {
            return (Vec::new(), String::new());
        }
        let parameters = self.good(ask, client_id, redirect_uri);
        (parameters, redirect_uri.to_owned())
    }

    /// The good request of a client with one thing changed; nothing where that makes no sense.
    pub(super) fn changed(
        &self,
        ask: FrontAsk,
        client_id: &str,
        redirect_uri: &str,
    ) -> Option<Query> {
        let foreign_host = format!("foreign-{}.mcp-assay.invalid", self.run.settings.run_id);
        let foreign = format!("https://{foreign_host}/callback");
        let mut query = self.good(ask, client_id, redirect_uri);
        let mut redirect = redirect_uri.to_owned();
        let mut set = |name: &str, value: Option<&str>| {
            query.retain(|(known, _)| known != name);
            query.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        };
        match ask {
            FrontAsk::ChallengeMissing => {
                set("code_challenge", None);
                set("code_challenge_method", None);
            }
            FrontAsk::ChallengeWithoutMethod => set("code_challenge_method", None),
            FrontAsk::MethodWithoutChallenge => set("code_challenge", None),
            FrontAsk::MethodPlain => set("code_challenge_method", Some("plain")),
            FrontAsk::MethodUnknown => set("code_challenge_method", Some("S512")),
            FrontAsk::RedirectTwice => query.push(("redirect_uri".to_owned(), foreign)),
            FrontAsk::ResourceMissing | FrontAsk::ResourceTwice if self.resource.is_none() => {
                return None;
            }
            FrontAsk::ResourceMissing => set("resource", None),
            FrontAsk::ResourceForeign => set("resource", Some(&foreign)),
            FrontAsk::ResourceTwice => query.push(("resource".to_owned(), foreign)),
            FrontAsk::ResponseTypeToken => set("response_type", Some("token")),
            FrontAsk::ResponseTypeCodeToken => set("response_type", Some("code token")),
            FrontAsk::ResponseTypeUnknown => set("response_type", Some("mcp-assay")),
            FrontAsk::ScopeUnknown => {
                let scope = format!("assay-{}", self.run.settings.run_id);
                set("scope", Some(&scope));
            }
            FrontAsk::PromptNone => set("prompt", Some("none")),
            FrontAsk::StateMissing => set("state", None),
            FrontAsk::Good | FrontAsk::GoodAgain => {}
            _ => {
                redirect = forms::form(ask, redirect_uri, &foreign_host)?;
                set("redirect_uri", Some(&redirect));
            }
        }
        Some((query, redirect))
    }

    /// Sends a request and follows it on the authorization server's own origin.
    pub(super) async fn walk(
        &self,
        key: ProbeKey,
        ask: FrontAsk,
        parameters: Vec<(String, String)>,
        redirect_uri: String,
        registered: &str,
    ) -> Walked {
        let mut url = self.endpoint.clone();
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(&parameters);
        }
        let mut walked = Walked {
            ask,
            redirect_uri,
            end: FrontEnd::Unreadable {
                what: format!("more than {MOST_REDIRECTS} redirects"),
            },
            named_by: self.named_by,
            sent: Vec::new(),
        };
        let mut cookies: HashMap<String, String> = HashMap::new();
        let mut visits: HashMap<String, usize> = HashMap::new();
        for hop in 0..=MOST_REDIRECTS {
            let key = match hop {
                0 => key.clone(),
                _ => ProbeKey {
                    id: ProbeId::FollowRedirect,
                    attempt: hop,
                    ..key.clone()
                },
            };
            let (sent, location) = self.get(key, &url, &mut cookies).await;
            let asked = Asked {
                url: &url,
                endpoint: self.endpoint,
                registered,
                parameters: &parameters,
            };
            let step = step(&sent.exchange, location.as_deref(), &asked);
            walked.sent.push(sent);
            let next = match step {
                Step::End(end) => {
                    walked.end = end;
                    break;
                }
                Step::Onward(next) => next,
            };
            let seen = visits.entry(next.to_string()).or_default();
            *seen += 1;
            // A cookie test bounces once; more is a circle.
            if *seen > MOST_VISITS {
                let what = "redirects in a circle".to_owned();
                walked.end = FrontEnd::Unreadable { what };
                break;
            }
            if self.followed.fetch_add(1, Ordering::Relaxed) >= MOST_FOLLOWED {
                let what = format!("more than {MOST_FOLLOWED} redirects at this endpoint");
                walked.end = FrontEnd::Unreadable { what };
                break;
            }
            url = next;
        }
        walked
    }

    async fn get(
        &self,
        key: ProbeKey,
        url: &Url,
        cookies: &mut HashMap<String, String>,
    ) -> (Sent, Option<String>) {
        let seen = Mutex::new(Seen::default());
        // Walks go side by side: named by arrival, two runs would differ.
        let form = key.variant.clone().unwrap_or_else(|| key.id.to_string());
        let learn = |answer: &RawAnswer<'_>| {
            let now = Seen::of(answer);
            let learned = now.cookies.iter().map(|(name, value)| Learned {
                label: format!("cookie-{name}-{form}"),
                secret: SecretString::from(value.clone()),
            });
            let learned = learned.collect();
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = now;
            learned
        };
        let mut outgoing = Outgoing::new(key, "GET", url.as_str());
        outgoing.destination = Destination::Discovered;
        outgoing.headers = vec![("Accept".to_owned(), "text/html".to_owned())];
        if !cookies.is_empty() {
            let pairs: Vec<String> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            outgoing
                .headers
                .push(("Cookie".to_owned(), pairs.join("; ")));
        }
        outgoing.learn = Some(&learn);
        let sent = self.run.wire.send(outgoing).await;
        let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        cookies.extend(seen.cookies);
        (sent, seen.location)
    }

    fn good(&self, ask: FrontAsk, client_id: &str, redirect_uri: &str) -> Vec<(String, String)> {
        let entropy = &self.run.entropy;
        let random = entropy.bytes(&format!("verifier-{}", ask.as_str()));
        let challenge = pkce::challenge(&pkce::verifier(&random));
        let state = entropy.word(&format!("state-{}", ask.as_str()), 26);
        let resource = self
            .resource
            .iter()
            .map(|resource| ("resource", &**resource));
        [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &state),
        ]
        .into_iter()
        .chain(resource)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }
}

/// A request and what followed, not yet filed.
pub(super) struct Walked {
    ask: FrontAsk,
    redirect_uri: String,
    end: FrontEnd,
    named_by: ExchangeId,
    sent: Vec<Sent>,
}

impl Walked {
    /// Files every exchange, each caused by the one before it.
    pub(super) fn file(self, collected: &mut Collected) -> FrontAnswer {
        let mut cause = self.named_by;
        let mut exchanges = Vec::new();
        for mut sent in self.sent {
            sent.exchange.caused_by = Some(cause);
            cause = file(collected, sent);
            exchanges.push(cause);
        }
        FrontAnswer {
            ask: self.ask,
            redirect_uri: self.redirect_uri,
            end: self.end,
            exchanges,
        }
    }
}

/// What must be read before redaction: where it goes on, and the cookies of this flow.
#[derive(Default)]
struct Seen {
    location: Option<String>,
    cookies: Vec<(String, String)>,
}

impl Seen {
    fn of(answer: &RawAnswer<'_>) -> Self {
        let named = |wanted: &'static str| {
            answer
                .headers
                .iter()
                .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
                .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        };
        let cookie = |text: &str| {
            let pair = text.split(';').next()?;
            let (name, value) = pair.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            let sendable = |text: &str| text.bytes().all(|byte| (0x21..0x7f).contains(&byte));
            // A shorter value could not be told from ordinary text when it is redacted.
            let usable = value.len() >= SHORTEST_COOKIE && sendable(name) && sendable(value);
            usable.then(|| (name.to_owned(), value.to_owned()))
        };
        Self {
            location: named("location").next().map(str::to_owned),
            cookies: named("set-cookie")
                .take(MOST_COOKIES)
                .filter_map(cookie)
                .collect(),
        }
    }
}

/// Redirects of one flow.
const MOST_REDIRECTS: u16 = 20;
/// Redirects of all flows at one endpoint.
pub(super) const MOST_FOLLOWED: usize = 100;
const MOST_VISITS: usize = 2;
const MOST_COOKIES: usize = 20;
const SHORTEST_COOKIE: usize = 8;
