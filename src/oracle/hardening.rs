//! What makes open registration bearable: each limit, and whether it was seen to hold.

use crate::model::consequence::{Consequences, Hardening, RecordKey};
use crate::model::exchange::ExchangeId;
use crate::model::registration::{
    CreatedClient, RegistrationAttempt, RegistrationOutcome, StrangerToken,
};

use super::redirects;

/// What was observed at one authorization server.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Every request.
    pub attempts: &'a [RegistrationAttempt],
    /// Every client.
    pub clients: &'a [CreatedClient],
    /// What a stranger's client got without any user.
    pub stranger: Option<&'a StrangerToken>,
    /// What followed.
    pub consequences: &'a Consequences,
}

/// The limits of an endpoint at which strangers registered a client; none where nobody could.
pub fn hardening(observed: &Observed<'_>) -> Vec<Hardening> {
    if observed.clients.is_empty() {
        return Vec::new();
    }
    [
        (
            "redirect URIs are limited to https and loopback",
            redirects_limited(observed),
        ),
        (
            "grants are limited to those that a user consents to",
            grants_limited(observed),
        ),
        ("scopes have a ceiling", scopes_limited(observed)),
        (
            "forged software statements do not count",
            statements_checked(observed),
        ),
        (
            "registrations are limited in rate or number",
            rate_limited(observed),
        ),
        ("clients expire or can be removed", clients_end(observed)),
        (
            "client records open to their own client only",
            records_closed(observed),
        ),
        (
            "the consent page shows where it redirects",
            page_shows_host(observed),
        ),
    ]
    .into_iter()
    .map(|(what, seen)| Hardening {
        what: what.to_owned(),
        held: seen.held,
        exchanges: seen.exchanges,
    })
    .collect()
}

/// A limit as far as it was seen: one breach decides, an open question leaves it open.
#[derive(Default)]
struct Seen {
    held: Option<bool>,
    exchanges: Vec<ExchangeId>,
}

impl Seen {
    fn of(answers: impl IntoIterator<Item = (Option<bool>, ExchangeId)>) -> Self {
        let mut seen = Self::default();
        let (mut kept, mut broken, mut open) = (false, false, false);
        for (held, exchange) in answers {
            kept |= held == Some(true);
            broken |= held == Some(false);
            open |= held.is_none();
            seen.exchanges.push(exchange);
        }
        seen.held = match (broken, open, kept) {
            (true, _, _) => Some(false),
            (false, false, true) => Some(true),
            _ => None,
        };
        seen
    }
}

fn redirects_limited(observed: &Observed<'_>) -> Seen {
    let weak = |uri: &String| redirects::weakness(uri).is_some_and(|it| !it.tolerable);
    let hostile = observed
        .attempts
        .iter()
        .filter(|attempt| attempt.requested_redirects.iter().any(weak));
    Seen::of(hostile.map(|attempt| {
        let kept = attempt.echoed_redirects.as_ref();
        let kept = kept.unwrap_or(&attempt.requested_redirects);
        let held = outcome(attempt, || Some(!kept.iter().any(weak)));
        (held, attempt.exchange)
    }))
}

fn grants_limited(observed: &Observed<'_>) -> Seen {
    let asked = named(
        observed,
        &[
            "client-credentials",
            "every-grant",
            "password-grant",
            "implicit-grant",
        ],
    );
    let mut seen = Seen::of(asked.map(|attempt| {
        let grants = attempt.echoed.grants.as_ref();
        let kept = grants.map(|grants| grants.iter().any(|it| !CONSENTED.contains(&it.as_str())));
        let held = outcome(attempt, || kept.map(|kept| !kept));
        (held, attempt.exchange)
    }));
    if let Some(token) = observed.stranger.filter(|token| token.issued) {
        seen.held = Some(false);
        seen.exchanges.push(token.exchange);
    }
    seen
}

fn scopes_limited(observed: &Observed<'_>) -> Seen {
    Seen::of(named(observed, &["every-scope"]).map(|attempt| {
        let asked = attempt.requested.scope.as_deref().unwrap_or_default();
        let echoed = attempt.echoed.scope.as_deref();
        let all = echoed.map(|echoed| {
            let mut asked = asked.split_ascii_whitespace();
            asked.all(|scope| echoed.split_ascii_whitespace().any(|it| it == scope))
        });
        (outcome(attempt, || all.map(|all| !all)), attempt.exchange)
    }))
}

fn statements_checked(observed: &Observed<'_>) -> Seen {
    let variants = ["self-signed-statement", "unsigned-statement"];
    Seen::of(named(observed, &variants).map(|attempt| {
        let stated = &attempt.requested;
        let name = attempt.echoed.name.as_ref();
        let redirects = attempt.echoed_redirects.as_ref();
        let told = name.is_some() || redirects.is_some();
        let won = (name.is_some() && name == stated.stated_name.as_ref())
            || redirects
                .is_some_and(|uris| uris.iter().any(|uri| stated.stated_redirects.contains(uri)));
        let held = outcome(attempt, || told.then_some(!won));
        (held, attempt.exchange)
    }))
}

fn rate_limited(observed: &Observed<'_>) -> Seen {
    let mut attempts = observed.attempts.iter();
    let limit = attempts.find(|attempt| attempt.outcome == RegistrationOutcome::Limited);
    match (limit, &observed.consequences.burst) {
        (Some(limit), _) => Seen::of([(Some(true), limit.exchange)]),
        (None, Some(burst)) => {
            let held = (burst.limited || burst.accepted >= burst.wanted).then_some(burst.limited);
            Seen {
                held,
                exchanges: burst.exchanges.clone(),
            }
        }
        (None, None) => Seen::default(),
    }
}

fn clients_end(observed: &Observed<'_>) -> Seen {
    let clients = observed.clients.iter();
    Seen::of(clients.map(|client| {
        let ends = client.expires_at.is_some() || client.manageable;
        (Some(ends), client.exchange)
    }))
}

fn records_closed(observed: &Observed<'_>) -> Seen {
    let trials = &observed.consequences.records;
    let own = |key: RecordKey| key == RecordKey::Own;
    let control = trials
        .iter()
        .any(|trial| own(trial.key) && trial.opened == Some(true));
    let others = trials.iter().filter(|trial| !own(trial.key));
    Seen::of(others.map(|trial| {
        let held = trial.opened.map(|opened| !opened);
        // A record that opens to nobody shows nothing.
        let held = held.filter(|held| control || !held);
        (held, trial.exchange)
    }))
}

fn page_shows_host(observed: &Observed<'_>) -> Seen {
    let trials = observed.consequences.authorizations.iter();
    let pages = trials.filter(|trial| trial.variant == "claimed-name");
    Seen::of(pages.map(|trial| {
        let held = match (trial.shows_name, trial.shows_host) {
            (_, Some(true)) => Some(true),
            (Some(true), Some(false)) => Some(false),
            _ => None,
        };
        (held, trial.exchange)
    }))
}

/// What a refusal, a limit or a client says about a limit.
fn outcome(
    attempt: &RegistrationAttempt,
    registered: impl FnOnce() -> Option<bool>,
) -> Option<bool> {
    match &attempt.outcome {
        RegistrationOutcome::Registered => registered(),
        RegistrationOutcome::Limited | RegistrationOutcome::Unclear { .. } => None,
        _ => Some(true),
    }
}

fn named<'a>(
    observed: &Observed<'a>,
    variants: &'a [&str],
) -> impl Iterator<Item = &'a RegistrationAttempt> {
    let attempts = observed.attempts.iter();
    attempts.filter(|attempt| variants.contains(&attempt.variant.as_str()))
}

/// Grants in which a user consents, or has consented.
const CONSENTED: [&str; 3] = [
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::consequence::{Burst, ClientTerms, RecordTrial};
    use crate::model::registration::Deletion;

    fn attempt(variant: &str, outcome: RegistrationOutcome, uri: &str) -> RegistrationAttempt {
        RegistrationAttempt {
            variant: variant.to_owned(),
            endpoint: "https://as.example/register".to_owned(),
            outcome,
            requested_redirects: vec![uri.to_owned()],
            echoed_redirects: None,
            requested: ClientTerms::default(),
            echoed: ClientTerms::default(),
            client: None,
            exchange: ExchangeId(1),
        }
    }

    fn client(manageable: bool) -> CreatedClient {
        CreatedClient {
            client_id: "c1".to_owned(),
            variant: "native-loopback".to_owned(),
            exchange: ExchangeId(1),
            manageable,
            expires_at: None,
            usable: None,
            deletion: Deletion::NotOffered,
        }
    }

    fn refused() -> RegistrationOutcome {
        RegistrationOutcome::RefusedMetadata {
            error: "invalid_redirect_uri".to_owned(),
        }
    }

    fn held(
        what: &str,
        attempts: &[RegistrationAttempt],
        consequences: &Consequences,
    ) -> Option<bool> {
        let clients = [client(true)];
        let observed = Observed {
            attempts,
            clients: &clients,
            stranger: None,
            consequences,
        };
        let all = hardening(&observed);
        let found = all.iter().find(|limit| limit.what.contains(what));
        found.and_then(|limit| limit.held)
    }

    #[test]
    fn one_kept_hostile_uri_decides_and_an_unread_answer_leaves_it_open() {
        let none = Consequences::default();
        let bad = "http://a.invalid/cb";
        let refusal = attempt("foreign-http", refused(), bad);
        let kept = attempt("foreign-http", RegistrationOutcome::Registered, bad);
        let limited = attempt("foreign-http", RegistrationOutcome::Limited, bad);
        let ask = |attempts: &[RegistrationAttempt]| held("redirect URIs", attempts, &none);
        assert_eq!(ask(&[]), None);
        assert_eq!(ask(std::slice::from_ref(&refusal)), Some(true));
        assert_eq!(ask(&[refusal.clone(), limited.clone()]), None);
        assert_eq!(ask(&[refusal, limited, kept]), Some(false));
    }

    #[test]
    fn an_answer_that_repeats_nothing_leaves_grants_and_statements_open() {
        let none = Consequences::default();
        let uri = "http://127.0.0.1/cb";
        for (variant, what) in [
            ("every-grant", "grants"),
            ("unsigned-statement", "statements"),
            ("every-scope", "scopes"),
        ] {
            let silent = attempt(variant, RegistrationOutcome::Registered, uri);
            assert_eq!(held(what, &[silent], &none), None, "{variant}");
            let refusal = attempt(variant, refused(), uri);
            assert_eq!(held(what, &[refusal], &none), Some(true), "{variant}");
        }
    }

    #[test]
    fn closed_records_count_only_beside_one_that_opens_to_its_client() {
        let trial = |key, opened| RecordTrial {
            removal: false,
            key,
            opened,
            exchange: ExchangeId(2),
        };
        let mut seen = Consequences::default();
        seen.records.push(trial(RecordKey::Foreign, Some(false)));
        assert_eq!(held("records", &[], &seen), None);
        seen.records.push(trial(RecordKey::Own, Some(true)));
        assert_eq!(held("records", &[], &seen), Some(true));
        seen.records.push(trial(RecordKey::Missing, Some(true)));
        assert_eq!(held("records", &[], &seen), Some(false));
    }

    #[test]
    fn a_series_decides_about_the_rate() {
        let burst = |accepted, limited| Consequences {
            burst: Some(Burst {
                wanted: 5,
                accepted,
                limited,
                exchanges: Vec::new(),
            }),
            ..Consequences::default()
        };
        assert_eq!(held("rate", &[], &burst(5, false)), Some(false));
        assert_eq!(held("rate", &[], &burst(2, true)), Some(true));
        assert_eq!(held("rate", &[], &burst(2, false)), None);
        assert_eq!(held("rate", &[], &Consequences::default()), None);
    }

    #[test]
    fn a_closed_endpoint_has_no_limits_to_name() {
        let none = Consequences::default();
        let observed = Observed {
            attempts: &[],
            clients: &[],
            stranger: None,
            consequences: &none,
        };
        assert!(hardening(&observed).is_empty());
    }
}
