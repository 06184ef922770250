//! How an authorization request ended, and whether that means it was taken. Pure.
//!
//! One answer decides nothing: a request counts as taken when it ends as the good request of the
//! same client does, and when the endpoint is seen to refuse something of the same kind.

use url::Url;

use super::{front_page, front_state};
use crate::model::authorization::{
    Brought, FrontAnswer, FrontAsk, FrontChannel, FrontClient, FrontEnd, FrontPage, Returned,
    Upstream,
};
use crate::model::exchange::{Exchange, Response};

/// What a request was about, for reading its answer.
pub struct Asked<'a> {
    /// The URL that gave this answer.
    pub url: &'a Url,
    /// The authorization endpoint.
    pub endpoint: &'a Url,
    /// The registered redirect URI.
    pub registered: &'a str,
    /// The parameters of the request.
    pub parameters: &'a [(String, String)],
}

/// One step: the end, or a redirect that stays on the authorization server's own origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It ended here.
    End(FrontEnd),
    /// It goes on here.
    Onward(Url),
}

/// Reads one answer; `location` is the field as it came, before redaction.
pub fn step(exchange: &Exchange, location: Option<&str>, asked: &Asked<'_>) -> Step {
    let Some(response) = exchange.response() else {
        let text = exchange
            .failure()
            .map_or("no answer", |failure| failure.text.as_str());
        return unreadable(text);
    };
    if !(300..400).contains(&response.status) {
        return Step::End(FrontEnd::Page(page(response, &exchange.request.url)));
    }
    let shown = response.header("location");
    let (Some(shown), Some(raw)) = (shown, location.or(shown)) else {
        return unreadable(&format!("HTTP {} without Location", response.status));
    };
    let Ok(target) = asked.url.join(raw) else {
        return unreadable(&format!(
            "HTTP {} to a place that is no URL",
            response.status
        ));
    };
    let Ok(shown) = asked.url.join(shown) else {
        return unreadable("a redirect whose target cannot be shown");
    };
    if let Some(returned) = returned(&target, &shown, asked) {
        return Step::End(FrontEnd::Returned(returned));
    }
    if target.origin() == asked.endpoint.origin() {
        return Step::Onward(target);
    }
    Step::End(elsewhere(&target, &shown, asked))
}

/// Whether a request was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It ended as the good request did, where something like it is refused.
    Yes,
    /// It was refused.
    No,
    /// That cannot be told, and why.
    Open(String),
}

/// Whether a changed request of a known client was taken.
pub fn taken(channel: &FrontChannel, client: &FrontClient, ask: FrontAsk) -> Taken {
    let Some(answer) = client.answer(ask) else {
        return Taken::Open(format!("the request with {} was not sent", ask.what()));
    };
    let good = match good(client) {
        Ok(good) => good,
        Err(reason) => return Taken::Open(reason),
    };
    match course(channel, client, good, answer) {
        Course::Refused => Taken::No,
        Course::Beyond => Taken::Yes,
        Course::Unlike(reason) => Taken::Open(reason),
        Course::Same => match control(channel, client, good, ask) {
            Some(_) => Taken::Yes,
            None => Taken::Open(format!(
                "the request with {} ends as the good one does ({}), and so does everything of \
                 its kind that must be refused: the endpoint may look at it only after a login",
                ask.what(),
                describe(&good.end)
            )),
        },
    }
}

/// Whether a request in the name of an unknown client was taken.
pub fn stranger_taken(channel: &FrontChannel, answer: &FrontAnswer) -> Taken {
    match &answer.end {
        FrontEnd::Upstream(_) => return Taken::Yes,
        FrontEnd::Returned(returned) if returned.brought.is_some() => return Taken::Yes,
        FrontEnd::Returned(_) => return Taken::No,
        FrontEnd::Page(page) if is_refusal(page) => return Taken::No,
        FrontEnd::Page(_) => {}
        end @ (FrontEnd::Elsewhere { .. } | FrontEnd::Unreadable { .. }) => {
            return Taken::Open(describe(end));
        }
    }
    let known = channel.clients.iter().find_map(|client| {
        let good = good(client).ok()?;
        Some((client, good))
    });
    let Some((client, good)) = known else {
        return Taken::Open(format!(
            "an unknown client gets {}, and no known client shows what that means",
            describe(&answer.end)
        ));
    };
    let again = client.answer(FrontAsk::GoodAgain);
    if !alike(&good.end, &answer.end, again.map(|it| &it.end)) {
        return Taken::No;
    }
    let refused = client
        .answers
        .iter()
        .find(|other| matches!(course(channel, client, good, other), Course::Refused));
    match refused {
        Some(_) => Taken::Yes,
        None => Taken::Open(
            "known and unknown clients get the same page, and nothing is refused before a login"
                .to_owned(),
        ),
    }
}

/// The good request of a client, when it went on.
///
/// # Errors
/// Why nothing can be compared with it.
pub fn good(client: &FrontClient) -> Result<&FrontAnswer, String> {
    let Some(good) = client.answer(FrontAsk::Good) else {
        return Err(format!(
            "the good request of client `{}` was not sent",
            client.client_id
        ));
    };
    let went_on = match &good.end {
        FrontEnd::Page(page) => (200..300).contains(&page.status),
        FrontEnd::Returned(returned) => returned.error.is_none(),
        FrontEnd::Upstream(_) => true,
        FrontEnd::Elsewhere { .. } | FrontEnd::Unreadable { .. } => false,
    };
    if went_on {
        return Ok(good);
    }
    Err(format!(
        "the good request of client `{}` did not go on ({}), so nothing can be compared with it",
        client.client_id,
        describe(&good.end)
    ))
}

/// The end of a request in a few words.
pub fn describe(end: &FrontEnd) -> String {
    match end {
        FrontEnd::Page(page) => format!("a page with HTTP {} at `{}`", page.status, page.path),
        FrontEnd::Returned(returned) => {
            let with = match (&returned.error, returned.brought) {
                (Some(error), _) => format!(" with `{error}`"),
                (None, Some(Brought::Code)) => " with a code".to_owned(),
                (None, Some(Brought::Token)) => " with a token".to_owned(),
                (None, None) => String::new(),
            };
            format!("a redirect to `{}`{with}", returned.place)
        }
        FrontEnd::Upstream(upstream) => {
            format!("an authorization request to `{}`", upstream.place)
        }
        FrontEnd::Elsewhere { place } => format!("a redirect to `{place}`"),
        FrontEnd::Unreadable { what } => what.clone(),
    }
}

enum Course {
    Refused,
    Same,
    /// Further than the good request: there is a code, or an upstream.
    Beyond,
    Unlike(String),
}

fn course(
    channel: &FrontChannel,
    client: &FrontClient,
    good: &FrontAnswer,
    answer: &FrontAnswer,
) -> Course {
    match &answer.end {
        FrontEnd::Page(page) if is_refusal(page) => return Course::Refused,
        FrontEnd::Returned(returned) => match returned.error.as_deref() {
            // The request was in order; only nobody is logged in (OpenID Connect Core §3.1.2.6).
            Some(error) if NEEDS_USER.contains(&error) => return Course::Same,
            Some(_) => return Course::Refused,
            None if returned.brought.is_some() => return Course::Beyond,
            None => {}
        },
        FrontEnd::Upstream(_) if !matches!(good.end, FrontEnd::Upstream(_)) => {
            return Course::Beyond;
        }
        _ => {}
    }
    let again = client.answer(FrontAsk::GoodAgain).map(|it| &it.end);
    if alike(&good.end, &answer.end, again) {
        return Course::Same;
    }
    let strangers = channel.strangers.iter().map(|it| &it.end);
    let foreign = client.answer(FrontAsk::RedirectForeign).map(|it| &it.end);
    let is_known_refusal = strangers
        .chain(foreign)
        .any(|refusal| !alike(&good.end, refusal, again) && alike(refusal, &answer.end, None));
    if is_known_refusal && matches!(answer.end, FrontEnd::Page(_)) {
        return Course::Refused;
    }
    Course::Unlike(format!(
        "the request with {} ended with {}, unlike the good one, and not clearly refused",
        answer.ask.what(),
        describe(&answer.end)
    ))
}

/// A request of the same kind that was refused: it shows that the endpoint looks.
fn control<'a>(
    channel: &'a FrontChannel,
    client: &'a FrontClient,
    good: &FrontAnswer,
    ask: FrontAsk,
) -> Option<&'a FrontAnswer> {
    let refused = |it: &&FrontAnswer| matches!(course(channel, client, good, it), Course::Refused);
    let about_client = || {
        let asks = [FrontAsk::UnknownClient, FrontAsk::RedirectForeign];
        let of_client = client.answers.iter();
        channel
            .strangers
            .iter()
            .chain(of_client)
            .filter(move |it| asks.contains(&it.ask) && it.ask != ask)
            .find(refused)
    };
    let about_request = || {
        client
            .answers
            .iter()
            .filter(|it| OF_THE_REQUEST.contains(&it.ask) && it.ask != ask)
            .find(refused)
    };
    let is_redirect = ask.as_str().starts_with("redirect-");
    if is_redirect || matches!(good.end, FrontEnd::Upstream(_)) {
        about_client().or_else(about_request)
    } else {
        about_request()
    }
}

fn is_refusal(page: &FrontPage) -> bool {
    (400..500).contains(&page.status) && page.status != 429
}

/// Whether two requests ended in the same way; `again` shows which parts of a path vary.
fn alike(one: &FrontEnd, other: &FrontEnd, again: Option<&FrontEnd>) -> bool {
    match (one, other) {
        (FrontEnd::Page(one), FrontEnd::Page(other)) => {
            let varies = match again {
                Some(FrontEnd::Page(again)) => again.path.as_str(),
                _ => one.path.as_str(),
            };
            let same_form =
                one.forms == other.forms && one.forms > 0 && one.typed_input == other.typed_input;
            one.status == other.status
                && same_path(&one.path, &other.path, varies)
                && (one.skeleton == other.skeleton || same_form)
        }
        (FrontEnd::Upstream(one), FrontEnd::Upstream(other)) => one.place == other.place,
        (FrontEnd::Returned(one), FrontEnd::Returned(other)) => {
            one.place == other.place && one.error == other.error && one.brought == other.brought
        }
        (FrontEnd::Elsewhere { place: one }, FrontEnd::Elsewhere { place: other }) => one == other,
        _ => false,
    }
}

fn same_path(one: &str, other: &str, again: &str) -> bool {
    let segments = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (one, other, again) = (segments(one), segments(other), segments(again));
    let steady = |index: usize, part: &String| again.get(index) == Some(part);
    one.len() == other.len()
        && one
            .iter()
            .enumerate()
            .all(|(index, part)| !steady(index, part) || other.get(index) == Some(part))
}

/// The path is taken from the redacted URL: a handle of the flow may be a cookie as well.
fn page(response: &Response, url: &str) -> FrontPage {
    let shape = front_page::shape(&response.body.text());
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..));
    let path = path.and_then(|path| path.split(['?', '#']).next());
    FrontPage {
        status: response.status,
        path: shorten(path.unwrap_or("/")),
        skeleton: shape.skeleton,
        forms: shape.forms,
        typed_input: shape.typed_input,
    }
}

fn returned(target: &Url, shown: &Url, asked: &Asked<'_>) -> Option<Returned> {
    let leads_to = |uri: &str| {
        Url::parse(uri).is_ok_and(|uri| {
            uri.scheme() == target.scheme()
                && uri.host() == target.host()
                && uri.port_or_known_default() == target.port_or_known_default()
                && uri.path() == target.path()
        })
    };
    let registered = leads_to(asked.registered);
    let requested = asked
        .parameters
        .iter()
        .any(|(name, uri)| name == "redirect_uri" && leads_to(uri));
    if !registered && !requested {
        return None;
    }
    // Some append a query to a redirect URI that already had a fragment.
    let fragment = shown.fragment().unwrap_or_default();
    let fragment = fragment.rsplit('?').next().unwrap_or_default().as_bytes();
    let pairs: Vec<(String, String)> = shown
        .query_pairs()
        .chain(url::form_urlencoded::parse(fragment))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let named = |wanted: &str| {
        let found = pairs.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let sent = asked.parameters.iter().find(|(name, _)| name == "state");
    Some(Returned {
        registered,
        place: place(shown),
        error: named("error").map(shorten),
        brought: if named("access_token").or(named("id_token")).is_some() {
            Some(Brought::Token)
        } else {
            named("code").map(|_| Brought::Code)
        },
        iss: named("iss").map(shorten),
        state: named("state") == sent.map(|(_, value)| value.as_str()),
    })
}

fn elsewhere(target: &Url, shown: &Url, asked: &Asked<'_>) -> FrontEnd {
    let named = |url: &Url, wanted: &str| {
        let mut pairs = url.query_pairs();
        let found = pairs.find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned())
    };
    if named(target, "client_id").is_none() && named(target, "response_type").is_none() {
        return FrontEnd::Elsewhere {
            place: place(shown),
        };
    }
    FrontEnd::Upstream(Upstream {
        place: place(shown),
        host: shorten(shown.host_str().unwrap_or_default()),
        client_id: named(shown, "client_id").map(|id| shorten(&id)),
        challenge: named(target, "code_challenge").is_some(),
        state: named(target, "state")
            .filter(|state| !state.is_empty())
            .map(|state| front_state::read(&state, asked.parameters)),
    })
}

fn place(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    shorten(bare.as_str())
}

fn shorten(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

fn unreadable(what: &str) -> Step {
    Step::End(FrontEnd::Unreadable {
        what: shorten(what),
    })
}

/// Changes that are about neither client nor redirect URI and must be refused, or usually are.
const OF_THE_REQUEST: [FrontAsk; 6] = [
    FrontAsk::ResponseTypeUnknown,
    FrontAsk::MethodUnknown,
    FrontAsk::ChallengeMissing,
    FrontAsk::ScopeUnknown,
    FrontAsk::ResourceForeign,
    FrontAsk::ResponseTypeToken,
];
const NEEDS_USER: [&str; 4] = [
    "login_required",
    "consent_required",
    "interaction_required",
    "account_selection_required",
];
const LONGEST: usize = 300;

#[cfg(test)]
#[path = "front_channel_tests.rs"]
mod tests;
