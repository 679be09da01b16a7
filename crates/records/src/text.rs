//! Forms of text: JSON's tokens, dates, durations, time zones.

use crate::Timestamp;
use std::borrow::Cow;
use std::time::Duration;

/// Returns the longest prefix of at most `most` bytes that ends between two characters.
pub fn prefix(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or(text)
}

/// Tells whether this is a date of the Gregorian calendar, `YYYY-MM-DD`.
pub fn is_date(text: &str) -> bool {
    text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00Z")).is_some()
}

/// Tells whether this is a name of the IANA time zone database.
pub fn is_time_zone(text: &str) -> bool {
    jiff::tz::TimeZone::get(text).is_ok()
}

/// Parses an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as `PT8H` or `P1DT12H`; a day is 24
/// hours. Years and months, whose length depends on their start, are none.
pub fn duration(text: &str) -> Option<Duration> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text.strip_prefix('P')?, ""),
    };
    let days = units(date, &[('W', 7 * 86_400), ('D', 86_400)])?;
    let seconds = units(time, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    if date.is_empty() && time.is_empty() { None } else { days.checked_add(seconds).map(Duration::from_secs) }
}

/// Sums numbers that are each followed by a unit, every unit at most once and in this order.
fn units(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut sum = 0_u64;
    for (unit, seconds) in units {
        let Some((number, rest)) = text.split_once(*unit) else { continue };
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*seconds)?)?;
        text = rest;
    }
    text.is_empty().then_some(sum)
}

/// Tells whether objects and lists of a JSON text are nested more than `most` deep.
pub fn is_deeper_than(most: usize, json: &str) -> bool {
    // Fewer brackets than levels is the usual case, whether they stand in strings or not.
    if memchr::memchr2_iter(b'{', b'[', json.as_bytes()).take(most + 1).count() <= most {
        return false;
    }
    let mut depth = 0_usize;
    for (token, _) in outside_strings(json) {
        match token {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

/// Returns the bytes of a JSON text that stand in no string, with their places.
fn outside_strings(json: &str) -> impl Iterator<Item = (u8, usize)> {
    let (mut in_string, mut escaped) = (false, false);
    json.bytes().enumerate().filter_map(move |(at, byte)| {
        if !in_string {
            in_string = byte == b'"';
            return (!in_string).then_some((byte, at));
        }
        in_string = escaped || byte != b'"';
        escaped = !escaped && byte == b'\\';
        None
    })
}

/// Returns the JSON text with each number that no float can hold replaced by a string; none when there is no such number.
pub(crate) fn with_numbers_bounded(json: &str, instead: &str) -> Option<String> {
    let replacement = serde_json::to_string(instead).ok()?;
    let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    let (mut out, mut copied) = (String::with_capacity(json.len()), 0);
    let mut tokens = outside_strings(json).peekable();
    while let Some((byte, start)) = tokens.next() {
        // A letter e outside of a number belongs to true, false or a mistake.
        if !byte.is_ascii_digit() && byte != b'-' {
            continue;
        }
        let mut end = start + 1;
        while tokens.next_if(|(byte, at)| is_part(*byte) && *at == end).is_some() {
            end += 1;
        }
        let number = json.get(start..end)?;
        if number.parse::<f64>().is_ok_and(f64::is_infinite) {
            out.push_str(json.get(copied..start)?);
            out.push_str(&replacement);
            copied = end;
        }
    }
    out.push_str(json.get(copied..)?);
    (copied > 0).then_some(out)
}

/// Returns the text without control characters (but line feed and tab) and without bidirectional controls, which could
/// make it look like something else.
pub fn plain(text: &str) -> Cow<'_, str> {
    let is_hidden = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let is_visible = |byte: u8| (0x20..0x7f).contains(&byte) || byte == b'\n' || byte == b'\t';
    if text.bytes().all(is_visible) || !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    text.chars().filter(|c| !is_hidden(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_weeks_to_seconds() {
        let same =
            [("PT1H", 3_600), ("PT30M", 1_800), ("P1D", 86_400), ("P1W", 604_800), ("P1DT2H3M4S", 93_784), ("PT0S", 0)];
        for (text, seconds) in same {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        let wrong = [
            "", "P", "PT", "1H", "P1H", "PT1D", "P1M", "P1Y", "PT1M1H", "PT1H1H", "PT-1H", "PT1.5H", "P1DT", "PTH",
            "pt1h",
        ];
        for text in wrong {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(duration(&format!("PT{}H", u64::MAX)), None);
    }

    #[test]
    fn brackets_in_strings_are_no_depth() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(!is_deeper_than(32, &nested(32)));
        assert!(is_deeper_than(32, &nested(33)));
        assert!(!is_deeper_than(32, &format!(r#"["{}", "\"{}", "\\"]"#, "[".repeat(40), "{".repeat(40))));
        assert!(!is_deeper_than(32, &format!("[{}]", "[],{},".repeat(40))));
        assert!(is_deeper_than(32, &format!(r#"["\\",{}]"#, nested(32))));
    }

    #[test]
    fn only_unbounded_numbers_are_replaced() {
        let text = r#"{"a":1e999,"b":"1e999","c":[-2E+400,1e9],"d":true}"#;
        let bounded = with_numbers_bounded(text, "x").unwrap();
        assert_eq!(bounded, r#"{"a":"x","b":"1e999","c":["x",1e9],"d":true}"#);
        assert_eq!(with_numbers_bounded(r#"{"a":1}"#, "x"), None);
    }

    #[test]
    fn dates_exist_and_hidden_characters_go() {
        assert!(is_date("2024-02-29") && !is_date("2023-02-29") && !is_date("2024-2-29") && !is_date("2024-02-291"));
        assert!(is_time_zone("Europe/Berlin") && is_time_zone("UTC") && !is_time_zone("Mars/Phobos"));
        assert_eq!(plain("a\u{202e}b\u{0}\n\tc\u{7f}\u{2067}\u{9b}ä"), "ab\n\tcä");
        assert!(matches!(plain("nothing hidden"), Cow::Borrowed(_)));
        assert_eq!(prefix("aäö", 2), "a");
    }
}
