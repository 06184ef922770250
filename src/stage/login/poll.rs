//! Polling for the token of a device (RFC 8628 §3.4, §3.5): how long to wait between two questions, and
//! which answers end it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::token::{self, Question};
use super::{Obtained, Session};
use crate::model::audit::Collected;
use crate::model::exchange::{Exchange, FailureKind};
use crate::model::login::{Redemption, Trial};
use crate::model::probe::ProbeId;
use crate::stage::Run;
use crate::wire::Pending;

/// How a pause is made; a seam, so that tests need no time.
pub(super) type Pause<'p> = &'p (dyn Fn(Duration) -> Pending<'static, ()> + Send + Sync);

/// Asks until the person has decided, the code has ended, or too often.
///
/// # Errors
/// Why no token came.
pub(super) async fn poll(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &mut Session,
    device_code: &SecretString,
    mut interval: Duration,
    pause: Pause<'_>,
) -> Result<Obtained, String> {
    for attempt in 1..=POLLS {
        pause(interval).await;
        let members = vec![
            ("grant_type", super::device::GRANT.to_owned()),
            ("device_code", device_code.expose_secret().to_owned()),
        ];
        let question = Question {
            probe: ProbeId::RedeemCode,
            variant: format!("device-{attempt}"),
            members,
            presented: None,
            by_other: false,
        };
        let asked = token::ask(run, collected, session, question).await;
        if let Some(access) = asked.access {
            session.refresh = asked.refresh;
            session.facts.redemptions.push(Redemption {
                trial: Trial::Proper,
                round: 1,
                fresh: true,
                answer: asked.answer.clone(),
            });
            return Ok(Obtained {
                access,
                granted: asked.answer.scopes,
                expires_in: asked.expires_in,
                exchange: asked.answer.exchange,
            });
        }
        if token::binds_now(run, collected, session, &asked.answer) {
            continue;
        }
        let exchange = collected.ledger.exchange(asked.answer.exchange);
        match next(asked.answer.error.as_deref(), exchange, interval) {
            Next::Ask(longer) => interval = longer,
            Next::Ended(reason) => return Err(reason.to_owned()),
            Next::Refused => return Err(token::refusal(collected, &asked.answer, session)),
        }
    }
    Err(format!("the code was not approved in {POLLS} polls"))
}

/// What an answer without a token leads to.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Another question after this pause.
    Ask(Duration),
    /// Nothing: the person or the time has decided.
    Ended(&'static str),
    /// Nothing: it is no answer to a poll.
    Refused,
}

fn next(error: Option<&str>, exchange: Option<&Exchange>, interval: Duration) -> Next {
    let failure = exchange.and_then(|exchange| exchange.failure());
    match (error, failure.map(|failure| failure.kind)) {
        (Some("authorization_pending"), _) => Next::Ask(interval),
        (Some("slow_down"), _) => Next::Ask(interval.saturating_add(STEP).min(LONGEST)),
        // An exponential back-off, as it is proposed there.
        (None, Some(FailureKind::Timeout | FailureKind::Connect | FailureKind::Reset)) => {
            Next::Ask(interval.saturating_mul(2).min(LONGEST))
        }
        (Some("access_denied"), _) => {
            Next::Ended("consent was refused on the other device; run again and allow it there")
        }
        (Some("expired_token"), _) => Next::Ended(
            "the code ended before anybody had typed it; run again, and type it while it is shown",
        ),
        _ => Next::Refused,
    }
}

/// Questions whether somebody has typed the code.
pub(crate) const POLLS: usize = 120;
/// What `slow_down` adds to the pause (RFC 8628 §3.5).
const STEP: Duration = Duration::from_secs(5);
/// No server makes the pause longer: the code lives for minutes.
const LONGEST: Duration = Duration::from_mins(2);

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::model::exchange::{Failure, Outcome};
    use crate::oracle::testing::http;
    use crate::rehearsal::defaults;
    use crate::stage::Entropy;
    use crate::stage::login::testing::session;
    use crate::stage::testing::Scripted;

    const SEED: [u8; 32] = [7; 32];

    fn says(error: &str) -> Outcome {
        http(400, &[], &format!("{{\"error\":\"{error}\"}}"))
    }

    fn token() -> Outcome {
        let body = r#"{"access_token":"a-token","token_type":"Bearer","expires_in":60}"#;
        http(200, &[], body)
    }

    fn lost(kind: FailureKind) -> Outcome {
        Outcome::Failure(Failure {
            kind,
            text: "nothing came".to_owned(),
            partial: None,
        })
    }

    /// The pauses in seconds, and what came in the end.
    async fn polled(answers: Vec<Outcome>) -> (Vec<u64>, Result<Obtained, String>) {
        let wire = Scripted::new(answers);
        let settings = defaults(&SEED);
        let run = Run::new(&wire, &settings, Entropy::new(SEED), &|_, _| {});
        let pauses = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&pauses);
        let pause = move |pause: Duration| -> Pending<'static, ()> {
            seen.lock().unwrap().push(pause.as_secs());
            Box::pin(async {})
        };
        let (mut collected, mut session) = (Collected::default(), session());
        let code = SecretString::from("the-code".to_owned());
        let interval = Duration::from_secs(5);
        let ended = poll(&run, &mut collected, &mut session, &code, interval, &pause).await;
        let pauses = pauses.lock().unwrap().clone();
        (pauses, ended)
    }

    #[tokio::test]
    async fn a_pending_answer_keeps_the_pause_and_slow_down_adds_five_seconds_for_good() {
        let answers = vec![
            says("authorization_pending"),
            says("slow_down"),
            says("authorization_pending"),
            says("slow_down"),
            token(),
        ];
        let (pauses, ended) = polled(answers).await;
        assert_eq!(pauses, [5, 5, 10, 10, 15]);
        assert_eq!(ended.unwrap().expires_in, Some(60));
    }

    #[tokio::test]
    async fn what_is_lost_on_the_way_doubles_the_pause_up_to_two_minutes() {
        let mut answers: Vec<Outcome> = [
            FailureKind::Timeout,
            FailureKind::Connect,
            FailureKind::Reset,
            FailureKind::Timeout,
            FailureKind::Timeout,
            FailureKind::Timeout,
        ]
        .into_iter()
        .map(lost)
        .collect();
        answers.push(token());
        let (pauses, ended) = polled(answers).await;
        assert_eq!(pauses, [5, 10, 20, 40, 80, 120, 120]);
        assert!(ended.is_ok());
    }

    #[tokio::test]
    async fn denial_and_the_end_of_the_code_are_told_apart_and_end_it_at_once() {
        for (error, said) in [
            ("access_denied", "refused on the other device"),
            ("expired_token", "run again"),
            ("invalid_grant", "invalid_grant"),
            ("unauthorized_client", "may not use this grant"),
        ] {
            let (pauses, ended) = polled(vec![says("authorization_pending"), says(error)]).await;
            assert_eq!(pauses.len(), 2, "{error}");
            let reason = ended.err().unwrap();
            assert!(reason.contains(said), "{error}: {reason}");
        }
    }

    #[tokio::test]
    async fn pages_and_refused_destinations_end_it_too() {
        let page = http(200, &[], "<p>Hello</p>");
        let (pauses, ended) = polled(vec![page]).await;
        assert_eq!(pauses, [5]);
        assert!(ended.err().unwrap().contains("expected"));
        let (pauses, ended) = polled(vec![lost(FailureKind::Blocked)]).await;
        assert_eq!(pauses, [5]);
        assert!(ended.err().unwrap().contains("nothing came"));
    }

    #[tokio::test]
    async fn a_server_that_never_decides_is_asked_so_often_and_no_more() {
        let answers = (0..POLLS + 5).map(|_| says("authorization_pending"));
        let (pauses, ended) = polled(answers.collect()).await;
        assert_eq!(pauses.len(), POLLS);
        assert!(ended.err().unwrap().contains("not approved"));
    }
}
