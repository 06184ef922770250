//! Redeeming codes as they must not be redeemed (OAuth 2.1 §4.1.3), each with its control.
//!
//! Several wrong redemptions share a code when the server keeps it alive after a refusal, which the
//! proper redemption at the end proves; otherwise each takes a code of its own.

use secrecy::{ExposeSecret, SecretString};

use super::authorize::{self, Code, Pkce};
use super::token::{self, Asked, Question};
use super::{Session, client};
use crate::model::audit::Collected;
use crate::model::login::{ClientOrigin, Redemption, Trial};
use crate::model::probe::{ProbeId, Tier};
use crate::stage::Run;

/// Tries every wrong redemption, and the replay last.
pub(super) async fn probe(run: &Run<'_>, collected: &mut Collected, session: &mut Session) {
    let mut open = vec![
        Trial::WrongVerifier,
        Trial::NoVerifier,
        Trial::OtherRedirect,
    ];
    if second_client(run, collected, session).await {
        open.push(Trial::OtherClient);
    }
    let mut replayed = false;
    let mut survives = true;
    while session.facts.rounds.len() < ROUNDS && (!open.is_empty() || !replayed) {
        let last = session.facts.rounds.len() + 1 == ROUNDS;
        let wrong = match (survives, last && !replayed) {
            (true, _) => open.clone(),
            (false, true) => Vec::new(),
            (false, false) => open.first().copied().into_iter().collect(),
        };
        let purpose = purpose(&wrong, replayed || (!survives && !wrong.is_empty()));
        let Ok(code) = authorize::code(run, collected, session, &purpose, Pkce::S256).await else {
            return;
        };
        let spent = wrong_ones(run, collected, session, &code, &wrong, &mut open).await;
        if spent || (!survives && !wrong.is_empty()) {
            continue;
        }
        let proper = redeem(run, collected, session, &code, Trial::Proper).await;
        let works = proper.answer.issued;
        push(session, Trial::Proper, &code, works, proper);
        if works {
            settle(session, &code, &wrong, &mut open);
            if !replayed {
                let again = redeem(run, collected, session, &code, Trial::Replay).await;
                push(session, Trial::Replay, &code, true, again);
                replayed = true;
            }
        } else if wrong.is_empty() {
            return;
        } else {
            survives = false;
            // Only the first of them met a code that was certainly alive.
            open.retain(|trial| wrong.first() != Some(trial));
        }
    }
}

/// Redeems a code, properly but for one thing.
pub(super) async fn redeem(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &mut Session,
    code: &Code,
    trial: Trial,
) -> Asked {
    let redirect = &session.facts.redirect_uri;
    let redirect = match trial {
        Trial::OtherRedirect => format!("{redirect}/elsewhere"),
        _ => redirect.clone(),
    };
    let mut members = vec![
        ("grant_type", "authorization_code".to_owned()),
        ("code", code.value.expose_secret().to_owned()),
        ("redirect_uri", redirect),
        ("resource", session.facts.resource.clone()),
    ];
    let half = |part: &str| run.entropy.word(&format!("wrong-verifier-{part}"), 32);
    match trial {
        Trial::NoVerifier => {}
        Trial::WrongVerifier => {
            members.push(("code_verifier", format!("{}{}", half("a"), half("b"))));
        }
        _ => members.push(("code_verifier", code.verifier.clone())),
    }
    let question = Question {
        probe: ProbeId::RedeemCode,
        variant: format!("{}-{}", trial.as_str(), code.round),
        members,
        presented: None::<&SecretString>,
        by_other: trial == Trial::OtherClient,
    };
    token::ask(run, collected, session, question).await
}

/// Tries the wrong redemptions in order; whether one of them spent the code by succeeding.
async fn wrong_ones(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &mut Session,
    code: &Code,
    wrong: &[Trial],
    open: &mut Vec<Trial>,
) -> bool {
    for (position, trial) in wrong.iter().enumerate() {
        let asked = redeem(run, collected, session, code, *trial).await;
        let issued = asked.answer.issued;
        push(session, *trial, code, position == 0, asked);
        if position == 0 || issued {
            open.retain(|it| it != trial);
        }
        if issued {
            return true;
        }
    }
    false
}

/// The proper redemption worked: the code was alive through every refusal before it.
fn settle(session: &mut Session, code: &Code, wrong: &[Trial], open: &mut Vec<Trial>) {
    open.retain(|trial| !wrong.contains(trial));
    let round = session
        .facts
        .redemptions
        .iter_mut()
        .filter(|it| it.round == code.round);
    for redemption in round {
        redemption.fresh = true;
    }
}

fn push(session: &mut Session, trial: Trial, code: &Code, fresh: bool, asked: Asked) {
    session.facts.redemptions.push(Redemption {
        trial,
        round: code.round,
        fresh,
        answer: asked.answer,
    });
}

/// A second client of ours, for codes in the wrong hands; only where the first is ours too.
async fn second_client(run: &Run<'_>, collected: &mut Collected, session: &mut Session) -> bool {
    let may = run.settings.allows(Tier::Register);
    if !may || session.facts.client != ClientOrigin::Registered {
        return false;
    }
    let redirect = session.facts.redirect_uri.clone();
    let server = session.server.clone();
    session.other = client::register(run, collected, &server, "login-other", &redirect)
        .await
        .ok();
    session.other.is_some()
}

fn purpose(wrong: &[Trial], without_replay: bool) -> String {
    let mut words: Vec<&str> = wrong.iter().map(|trial| trial.as_str()).collect();
    if !without_replay {
        words.push("replay");
    }
    format!("a code for: {}", words.join(", "))
}

/// Authorizations asked of a person in one run, the login itself included.
pub(super) const ROUNDS: usize = 5;
