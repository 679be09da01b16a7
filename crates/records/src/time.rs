//! Milliseconds since the epoch, written as RFC 3339 in UTC.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z. Its JSON form is RFC 3339 in UTC, with milliseconds only where
/// they are not zero; outside of the years 0 to 9999 it is the number of milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

const DAY_MS: i64 = 86_400_000;
/// 0000-01-01T00:00:00Z.
const FIRST: i64 = -62_167_219_200_000;
/// 9999-12-31T23:59:59.999Z.
const LAST: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The earliest moment.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment.
    pub const MAX: Self = Self(i64::MAX);

    /// Makes a moment of milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Returns the moment `by` later, at most [`Timestamp::MAX`].
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns the moment `by` earlier, at least [`Timestamp::MIN`].
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns how long after `earlier` this is, zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Parses RFC 3339 (section 5.6) with an offset; fractions below a millisecond are cut off, and a leap second is the
    /// last millisecond before the next minute.
    pub fn parse(text: &str) -> Option<Self> {
        let (date_time, rest) = text.as_bytes().split_first_chunk::<19>()?;
        let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b't' | b' ', time @ ..] = date_time else {
            return None;
        };
        let [h0, h1, b':', n0, n1, b':', s0, s1] = time else { return None };
        let year = two(*y0, *y1)? * 100 + two(*y2, *y3)?;
        let (month, day) = (two(*m0, *m1)?, two(*d0, *d1)?);
        let (hour, minute, second) = (two(*h0, *h1)?, two(*n0, *n1)?, two(*s0, *s1)?);
        if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let (mut millis, rest) = fraction(rest)?;
        let mut seconds = second;
        if second == 60 {
            (seconds, millis) = (59, 999);
        }
        let of_day = ((hour * 60 + minute) * 60 + seconds) * 1000 + millis;
        let moment = days_from_civil(year, month, day) * DAY_MS + of_day - offset_ms(rest)?;
        Some(Self(moment)).filter(|moment| moment.is_civil())
    }

    /// Tells whether it lies within the years 0 to 9999, which is what RFC 3339 can write.
    pub const fn is_civil(self) -> bool {
        FIRST <= self.0 && self.0 <= LAST
    }
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

/// Takes an optional fraction of a second off the front; returns its milliseconds.
fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.', digits @ ..] = bytes else { return Some((0, bytes)) };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let padded = digits.iter().take(count).copied().chain(std::iter::repeat(b'0'));
    let millis = padded.take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((millis, digits.get(count..)?))
}

fn offset_ms(bytes: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match bytes {
        [b'Z' | b'z'] => return Some(0),
        [b'+', h0, h1, b':', m0, m1] => (1, two(*h0, *h1)?, two(*m0, *m1)?),
        [b'-', h0, h1, b':', m0, m1] => (-1, two(*h0, *h1)?, two(*m0, *m1)?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60_000)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `days_from_civil`).
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse (same source, `civil_from_days`).
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

fn put(out: &mut [u8], mut number: i64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

impl Timestamp {
    /// Writes RFC 3339 into `out` and returns it; only for years 0 to 9999.
    fn civil(self, out: &mut [u8; 24]) -> &str {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY_MS));
        let of_day = self.0.rem_euclid(DAY_MS);
        *out = *b"0000-00-00T00:00:00.000Z";
        let seconds = of_day / 1000;
        let millis = of_day % 1000;
        let fields = [
            (0..4, year),
            (5..7, month),
            (8..10, day),
            (11..13, seconds / 3600),
            (14..16, seconds / 60 % 60),
            (17..19, seconds % 60),
            (20..23, millis),
        ];
        for (range, number) in fields {
            if let Some(digits) = out.get_mut(range) {
                put(digits, number);
            }
        }
        let mut length = 24;
        if millis == 0 {
            out[19] = b'Z';
            length = 20;
        }
        out.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_civil() { f.write_str(self.civil(&mut [0; 24])) } else { write!(f, "{}ms", self.0) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_civil() {
            serializer.serialize_str(self.civil(&mut [0; 24]))
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl serde::de::Visitor<'_> for Visitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time with an offset")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        Timestamp::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, millis: i64) -> Result<Timestamp, E> {
        // A number that RFC 3339 could have written is not ours.
        let moment = Timestamp(millis);
        let wrong = serde::de::Unexpected::Signed(millis);
        if moment.is_civil() { Err(E::invalid_type(wrong, &self)) } else { Ok(moment) }
    }

    fn visit_u64<E: serde::de::Error>(self, millis: u64) -> Result<Timestamp, E> {
        match i64::try_from(millis) {
            Ok(millis) => self.visit_i64(millis),
            Err(_) => Err(E::invalid_type(serde::de::Unexpected::Unsigned(millis), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_rfc_3339_allows_and_nothing_else() {
        let same = [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:00.5z", 500),
            ("1970-01-01 01:00:00.123999+01:00", 123),
            ("1969-12-31T22:59:59.999-01:00", -1),
            ("2024-02-29T12:00:00Z", 1_709_208_000_000),
            ("1990-12-31T23:59:60Z", 662_687_999_999),
            ("0000-01-01T00:00:00Z", FIRST),
            ("9999-12-31T23:59:59.9999Z", LAST),
        ];
        for (text, millis) in same {
            assert_eq!(Timestamp::parse(text), Some(Timestamp(millis)), "{text}");
        }
        let wrong = [
            "",
            "2026-03-02",
            "2026-03-02T10:00:00",
            "2026-03-02T10:00Z",
            "20260302T100000Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-03-00T00:00:00Z",
            "2026-03-02T24:00:00Z",
            "2026-03-02T10:60:00Z",
            "2026-03-02T10:00:61Z",
            "2026-03-02T10:00:00.Z",
            "2026-03-02T10:00:00+0100",
            "2026-03-02T10:00:00+01:60",
            "2026-03-02T10:00:00+24:00",
            "2026-03-02T10:00:00Z[UTC]",
            "2026-03-02T10:00:00Z ",
            "+002026-03-02T10:00:00Z",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "２026-03-02T10:00:00Z",
        ];
        for text in wrong {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_rfc_3339_cannot_write_survives_as_a_number() {
        for moment in [Timestamp::MIN, Timestamp::MAX, Timestamp(FIRST - 1), Timestamp(LAST + 1)] {
            let text = serde_json::to_string(&moment).unwrap();
            assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), moment);
        }
        assert!(serde_json::from_str::<Timestamp>("1767225600000").is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(millis in FIRST..=LAST) {
            let moment = Timestamp(millis);
            let text = moment.to_string();
            prop_assert_eq!(text.len(), if millis % 1000 == 0 { 20 } else { 24 });
            prop_assert_eq!(Timestamp::parse(&text), Some(moment));
            if (jiff::Timestamp::MIN.as_millisecond()..jiff::Timestamp::MAX.as_millisecond()).contains(&millis) {
                prop_assert_eq!(text.parse::<jiff::Timestamp>().unwrap().as_millisecond(), millis);
            }
        }
    }
}
