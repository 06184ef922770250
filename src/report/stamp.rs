//! Stamps of exchanges, counted from the start of the run. Reading a stamp is no clock.

use jiff::{SignedDuration, Timestamp};

/// The moment so many milliseconds after the start, in RFC 3339; the epoch for an unreadable start.
pub(super) fn after(started: &str, milliseconds: u64) -> String {
    let start: Timestamp = started.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let later = i64::try_from(milliseconds).unwrap_or(i64::MAX);
    let moment = start.checked_add(SignedDuration::from_millis(later));
    format!("{:.3}", moment.unwrap_or(start))
}

/// A moment that a token names, in RFC 3339; nothing for one that no calendar has.
pub(super) fn at(seconds: i64) -> Option<String> {
    let moment = Timestamp::from_second(seconds).ok()?;
    Some(format!("{moment:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_of_a_token_is_told_in_words_of_a_calendar() {
        assert_eq!(at(1_795_493_323).as_deref(), Some("2026-11-24T04:08:43Z"));
        assert_eq!(at(i64::MAX), None);
    }

    #[test]
    fn milliseconds_are_added_and_nonsense_becomes_the_epoch() {
        assert_eq!(
            after("2026-11-23T08:00:00Z", 1500),
            "2026-11-23T08:00:01.500Z"
        );
        assert_eq!(
            after("2026-11-23T08:00:00.25Z", 0),
            "2026-11-23T08:00:00.250Z"
        );
        assert_eq!(after("yesterday", 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            after("2026-11-23T08:00:00Z", u64::MAX),
            "2026-11-23T08:00:00.000Z"
        );
    }
}
