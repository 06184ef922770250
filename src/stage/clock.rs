//! What time it is at another server: assertions are dated by its clock, so that skew between the
//! two machines spoils none of them.

use crate::codec::assertion::{seconds, stamp};
use crate::model::audit::Collected;
use crate::model::exchange::{Exchange, ExchangeId};

/// Seconds since the epoch, by the `Date` of an answer of that server and what has passed since; by
/// the start of the run where it gave none.
pub(crate) fn now(collected: &Collected, answer: Option<ExchangeId>) -> i64 {
    let answer = answer.and_then(|id| collected.ledger.exchange(id));
    let dated = answer.and_then(|exchange| Some((date(exchange)?, ended(exchange))));
    let started = || {
        (
            seconds(&collected.engagement.started).unwrap_or_default(),
            0,
        )
    };
    let (then, at) = dated.unwrap_or_else(started);
    let latest = collected.ledger.iter().map(ended).max().unwrap_or_default();
    let passed = latest.saturating_sub(at) / 1000;
    then.saturating_add(i64::try_from(passed).unwrap_or_default())
}

/// What the two clocks say, where they are so far apart that something dated by one is refused by
/// the other.
pub(crate) fn difference(collected: &Collected, answer: &Exchange) -> Option<String> {
    let theirs = date(answer)?;
    let passed = i64::try_from(ended(answer) / 1000).unwrap_or_default();
    let ours = seconds(&collected.engagement.started)?.saturating_add(passed);
    (theirs.abs_diff(ours) >= TOLERANCE).then(|| {
        format!(
            "by the server's clock it is {}, by this machine's {}",
            stamp(theirs),
            stamp(ours)
        )
    })
}

/// When an answer was made; a cache adds its `Age` (RFC 9111 §5.1).
pub(super) fn date(exchange: &Exchange) -> Option<i64> {
    let response = exchange.response()?;
    let made = seconds(response.header("date")?)?;
    let age = response
        .header("age")
        .and_then(|age| age.trim().parse().ok());
    Some(made.saturating_add(age.unwrap_or(0_i64).clamp(0, MOST_AGE)))
}

const fn ended(exchange: &Exchange) -> u64 {
    exchange.started_ms.saturating_add(exchange.elapsed_ms)
}

/// Older than a day a document is no clock.
const MOST_AGE: i64 = 86_400;
/// Seconds that most servers let two clocks differ by.
const TOLERANCE: u64 = 30;
