//! What time it is by the authorization server, whose clock may be off.

use axum::response::Response;
use jsonwebtoken::get_current_timestamp;

use super::super::http;
use super::super::state::Shared;

/// Seconds since the epoch by this server.
pub(crate) fn now(shared: &Shared) -> u64 {
    let ahead = shared.behaviour.token_endpoint.clock_ahead_seconds;
    get_current_timestamp().saturating_add_signed(ahead)
}

/// The same answer, dated by this server where its clock is off.
pub(crate) fn dated(shared: &Shared, response: Response) -> Response {
    match shared.behaviour.token_endpoint.clock_ahead_seconds {
        0 => response,
        _ => http::with_header(response, "date", &date(now(shared))),
    }
}

/// The preferred form of RFC 9110 §5.6.7.
fn date(seconds: u64) -> String {
    let (mut days, of_day) = (seconds / 86_400, seconds % 86_400);
    let weekday = usize::try_from(days % 7).ok().and_then(|day| DAYS.get(day));
    let weekday = weekday.copied().unwrap_or_default();
    let mut year = 1970;
    while days >= 365 + leap(year) {
        days -= 365 + leap(year);
        year += 1;
    }
    let mut month = 0;
    while let Some(length) = LENGTHS.get(month) {
        let length = length + if month == 1 { leap(year) } else { 0 };
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let month = MONTHS.get(month).copied().unwrap_or_default();
    format!(
        "{weekday}, {:02} {month} {year} {:02}:{:02}:{:02} GMT",
        days + 1,
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

fn leap(year: u64) -> u64 {
    let leaps = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    u64::from(leaps)
}

/// The first of January 1970 was a Thursday.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_specification() {
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(date(951_868_800), "Wed, 01 Mar 2000 00:00:00 GMT");
        assert_eq!(date(1_798_761_599), "Thu, 31 Dec 2026 23:59:59 GMT");
    }
}
