//! Durations as people write them, `90s`, `5m`, `1h30m`, `2d`, and ISO 8601 as records carry them.

use std::time::Duration;

/// The longest duration that a policy or a contract may name.
pub(crate) const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Parses `30s`, `5m`, `1h`, `2d`, `3w`, `250ms`, or several of them from large to small, as in `1h30m`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    let mut smallest = u64::MAX;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, tail) = tail.split_at_checked(letters)?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            _ => return None,
        };
        if millis >= smallest {
            return None;
        }
        smallest = millis;
        total = total.checked_add(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?))?;
        rest = tail.trim_start();
    }
    (total <= LONGEST).then_some(total)
}

/// Parses an ISO 8601 duration of weeks, days (of 24 hours), hours, minutes and seconds, such as `PT1H` or `P1DT30M`.
/// Months and years have no fixed length; with them it is none, as it is when negative or longer than ten years.
pub(crate) fn parse_iso(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.strip_prefix("P").and(Some(text))?.parse().ok()?;
    if span.get_years() != 0 || span.get_months() != 0 || span.is_negative() {
        return None;
    }
    let days = i64::from(span.get_weeks()).checked_mul(7)?.checked_add(i64::from(span.get_days()))?;
    let hours = days.checked_mul(24)?.checked_add(i64::from(span.get_hours()))?;
    let minutes = hours.checked_mul(60)?.checked_add(span.get_minutes())?;
    let seconds = minutes.checked_mul(60)?.checked_add(span.get_seconds())?;
    let millis = seconds.checked_mul(1_000)?.checked_add(span.get_milliseconds())?;
    let duration = Duration::from_millis(u64::try_from(millis).ok()?);
    (duration <= LONGEST).then_some(duration)
}

/// Writes a duration as [`parse`] reads it, with its two largest units that are not zero: `1h 30m`, `2d`, `45s`.
pub fn words(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut parts = Vec::new();
    for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        let count = rest / millis;
        rest %= millis;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count}{unit}"));
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_people() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("1h", 3_600),
            ("2d", 172_800),
            ("1h30m", 5_400),
            ("1h 30m", 5_400),
            ("1w", 604_800),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("250ms"), Some(Duration::from_millis(250)));
        for text in ["", "5", "h", "-1h", "1.5h", "5 minutes", "30m1h", "1h1h", "99999999999999999999d", "4000d", "1H"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations_of_records() {
        for (text, seconds) in
            [("PT1H", 3_600), ("PT90M", 5_400), ("P1D", 86_400), ("P1DT30M", 88_200), ("P1W", 604_800)]
        {
            assert_eq!(parse_iso(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "1h", "P1M", "P1Y", "-PT1H", "PT", "PT9999999H"] {
            assert_eq!(parse_iso(text), None, "{text}");
        }
    }

    #[test]
    fn words_are_what_people_write() {
        for text in ["30s", "5m", "1h", "2d", "1h 30m", "250ms"] {
            assert_eq!(words(parse(text).unwrap()), text);
        }
        assert_eq!(words(Duration::ZERO), "0s");
    }
}
