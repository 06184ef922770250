//! Assertions in JWS compact form (RFC 7523), made for a sound server to refuse.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

/// What stands where the signature belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing<'a> {
    /// Nothing (`alg: none`).
    Nothing,
    /// HMAC-SHA256 under a key.
    Hmac(&'a [u8]),
    /// Bytes as they are: to whoever verifies, the signature of a key he does not have.
    Bytes(&'a [u8]),
}

/// A JWT with this header and payload; `None` when the key cannot be used.
pub fn assertion(header: &Value, payload: &Value, signing: Signing<'_>) -> Option<String> {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = match signing {
        Signing::Nothing => Vec::new(),
        Signing::Hmac(key) => {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
            mac.update(signed.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        Signing::Bytes(bytes) => bytes.to_vec(),
    };
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Seconds since the epoch of an HTTP `Date` (RFC 9110 §5.6.7, the preferred format) or of an
/// RFC 3339 time in UTC.
pub fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some((_, rest)) = text.split_once(", ") {
        let mut parts = rest.split(' ');
        let day = parts.next()?.parse().ok()?;
        let name = parts.next()?;
        let month = MONTHS.iter().position(|known| *known == name)? + 1;
        let year = parts.next()?.parse().ok()?;
        return at(year, i64::try_from(month).ok()?, day, parts.next()?);
    }
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    at(year, month, day, time.split('.').next()?)
}

/// The RFC 3339 form of seconds since the epoch, in UTC.
pub fn stamp(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + DAYS_TO_EPOCH;
    let of_day = seconds.rem_euclid(86_400);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days are counted from the first of March, so that leap days come last.
fn at(year: i64, month: i64, day: i64, time: &str) -> Option<i64> {
    let sound = (1970..=9999).contains(&year) && (1..=12).contains(&month);
    if !sound || !(1..=31).contains(&day) {
        return None;
    }
    let mut parts = time.split(':').map(str::parse::<i64>);
    let (hour, minute, second) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let in_range = (0..24).contains(&hour) && (0..60).contains(&minute);
    if !in_range || !(0..=60).contains(&second) {
        return None;
    }
    let shifted = if month > 2 { year } else { year - 1 };
    let months = (month + 9) % 12;
    let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400;
    let days = days + (153 * months + 2) / 5 + day - 1 - DAYS_TO_EPOCH;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// From the first of March of the year 0 to the first of January 1970.
const DAYS_TO_EPOCH: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_assertion_carries_its_claims_and_only_the_signature_that_was_asked_for() {
        let (header, payload) = (json!({"alg": "none"}), json!({"iss": "me", "exp": 9}));
        let unsigned = assertion(&header, &payload, Signing::Nothing).unwrap();
        assert!(unsigned.ends_with('.'), "{unsigned}");
        let claims = crate::codec::jose::peek(&unsigned).unwrap();
        assert_eq!(claims.issuer.as_deref(), Some("me"));
        assert_eq!(claims.expires_at, Some(9));
        let signed = assertion(&header, &payload, Signing::Bytes(&[0; 64])).unwrap();
        assert!(signed.len() > unsigned.len());
        assert_eq!(crate::codec::jose::strip_signature(&signed), Some(unsigned));
    }

    #[test]
    fn a_keyed_signature_is_the_one_that_the_key_gives() {
        let (header, payload) = (json!({"alg": "HS256"}), json!({"iss": "me"}));
        let one = assertion(&header, &payload, Signing::Hmac(b"one")).unwrap();
        let other = assertion(&header, &payload, Signing::Hmac(b"other")).unwrap();
        assert_ne!(one, other);
        assert_eq!(
            crate::codec::jose::hs256_with_key(&other, b"one"),
            Some(one)
        );
    }

    #[test]
    fn dates_are_read_in_both_formats_and_nothing_else() {
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("2026-07-25T17:20:00Z"), Some(1_785_000_000));
        assert_eq!(seconds("2024-02-29T00:00:00.25Z"), Some(1_709_164_800));
        for text in [
            "",
            "yesterday",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "2026-13-25T17:20:00Z",
            "2026-07-25T17:20:00+02:00",
            "99999999999999999999-01-01T00:00:00Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_stamp_reads_back_as_the_same_second() {
        assert_eq!(stamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(stamp(951_782_400), "2000-02-29T00:00:00Z");
        for moment in [0, 1, 59, 86_399, 951_868_799, 1_795_477_589, 4_102_444_799] {
            assert_eq!(seconds(&stamp(moment)), Some(moment), "{}", stamp(moment));
        }
    }
}
