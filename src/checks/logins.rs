//! What judges ask of a login.

use crate::checks::evidence::{Evidence, Protection};
use crate::checks::tokens;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::identity::ScopeSet;
use crate::model::login::{Login, Redemption, Refresh, RefreshTrial, RoundEnd, Trial};
use crate::model::probe::ProbeId;
use crate::model::verdict::Verdict;

/// Logins that gave a token.
pub(super) fn successful<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = &'a Login> {
    let logins = evidence.collected().logins.iter();
    logins.filter(|login| login.failed.is_none())
}

/// Why there is no login to judge.
pub(super) fn without(evidence: &Evidence<'_>) -> Verdict {
    let mut logins = evidence.collected().logins.iter();
    if let Some(reason) = logins.find_map(|login| login.failed.as_ref()) {
        return Verdict::undecided(format!("the login failed: {reason}"), "--login");
    }
    no_token(evidence, "nobody signed in", "--login")
}

/// Why no token was had: none can be where no door asks for one and nobody is named who issues them.
pub(super) fn no_token(evidence: &Evidence<'_>, reason: &str, flag: &str) -> Verdict {
    let nobody_issues = evidence.discovery().authorization_servers.is_empty();
    if nobody_issues && evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(tokens::OPEN.to_owned());
    }
    Verdict::undecided(reason, flag)
}

/// What came of a wrong redemption.
pub(super) enum Tried<'a> {
    /// A token was issued.
    Issued(&'a Redemption),
    /// It was refused while the code was good.
    Refused,
    /// It was not tried with a good code, and why.
    Untried(String),
}

/// What came of one kind of wrong redemption; the proper one is its control.
pub(super) fn tried(login: &Login, trial: Trial) -> Tried<'_> {
    let mut all = login.redemptions.iter().filter(|it| it.trial == trial);
    let issued = all.clone().find(|it| it.answer.issued);
    if let Some(redemption) = issued {
        return Tried::Issued(redemption);
    }
    if all.clone().any(|it| it.fresh && means_the_code(it)) {
        return Tried::Refused;
    }
    let unfinished = login
        .rounds
        .iter()
        .rev()
        .find_map(|round| match &round.end {
            RoundEnd::Unfinished { reason } => Some(reason.clone()),
            RoundEnd::Refused { error } => Some(format!("consent was answered with `{error}`")),
            RoundEnd::ForeignIssuer => Some("another issuer answered".to_owned()),
            RoundEnd::Granted => None,
        });
    let what = trial.as_str();
    Tried::Untried(match (unfinished, all.next()) {
        (Some(reason), _) => format!("`{what}` was not tried: {reason}"),
        (None, Some(it)) => format!(
            "`{what}` was answered in {} by something that does not concern the code",
            it.answer.exchange
        ),
        (None, None) => format!("`{what}` was not tried"),
    })
}

/// The exchange of a redemption that worked as it should: the control.
pub(super) fn control(login: &Login) -> Option<ExchangeId> {
    let mut all = login.redemptions.iter();
    let proper = all.find(|it| it.trial == Trial::Proper && it.answer.issued)?;
    Some(proper.answer.exchange)
}

/// A refresh of one kind.
pub(super) fn refreshed(login: &Login, trial: RefreshTrial) -> Option<&Refresh> {
    login.refreshes.iter().find(|it| it.trial == trial)
}

/// The scopes of the grant: told, else claimed, else asked for.
pub(super) fn granted(login: &Login) -> Option<ScopeSet> {
    let mut all = login.redemptions.iter();
    let proper = all.find(|it| it.trial == Trial::Proper && it.answer.issued)?;
    let claimed = proper.answer.claims.as_ref();
    let claimed = claimed.and_then(|claims| claims.scopes.clone());
    let told = proper
        .answer
        .scopes
        .clone()
        .or_else(|| login.requested.clone());
    match (told, claimed) {
        (Some(told), Some(claimed)) => Some(told.union(&claimed).cloned().collect()),
        (told, claimed) => told.or(claimed),
    }
}

/// Token answers with a token in them, whoever asked.
pub(super) fn token_answers<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = &'a Exchange> {
    let ledger = evidence.collected().ledger.iter();
    ledger.filter(|exchange| {
        let asks = [
            ProbeId::MintToken,
            ProbeId::MintStranger,
            ProbeId::RedeemCode,
            ProbeId::RefreshToken,
        ];
        asks.contains(&exchange.probe.id) && has_token(exchange)
    })
}

fn has_token(exchange: &Exchange) -> bool {
    let response = exchange.response().filter(|it| it.status == 200);
    let body =
        response.and_then(|it| serde_json::from_slice::<serde_json::Value>(&it.body.bytes()).ok());
    body.is_some_and(|body| {
        body.get("access_token")
            .is_some_and(serde_json::Value::is_string)
    })
}

/// A refusal for another reason than the code says nothing about it.
fn means_the_code(redemption: &Redemption) -> bool {
    let about_code = ["invalid_grant", "invalid_request"];
    let error = redemption.answer.error.as_deref();
    match redemption.trial {
        Trial::OtherClient => error == Some("invalid_grant"),
        _ => redemption.answer.is_refusal() && error.is_some_and(|it| about_code.contains(&it)),
    }
}
