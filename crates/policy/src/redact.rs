//! Replaces card numbers (ISO/IEC 7812: 13 to 19 digits, Luhn's check) and IBANs (ISO 13616: mod 97, a length for each
//! country) in text.
//!
//! Between their characters up to three spaces or hyphens may stand. A number within a longer run of digits is none, nor
//! is a decimal fraction, nor what follows a `+` and is short enough to be a phone number.

use crate::{Policy, Redaction};
use std::borrow::Cow;

/// The fewest digits that make a look worthwhile: those of an IBAN's check digits and of the shortest account numbers.
const FEWEST_DIGITS: usize = 6;
const MOST_CARD_DIGITS: usize = 19;
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=MOST_CARD_DIGITS;
/// An E.164 phone number has no more digits.
const MOST_PHONE_DIGITS: usize = 15;
const MOST_SEPARATORS: usize = 3;
const IBAN_LENGTHS: std::ops::RangeInclusive<usize> = 15..=34;

/// Lengths of IBANs by country, of the IBAN registry.
const COUNTRIES: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

impl Policy {
    /// Replaces what the policy says must not be kept: card numbers by `[card]`, IBANs by `[iban]`. Text without them is
    /// given back as it is.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let cards = self.redact.contains(&Redaction::Card);
        let ibans = self.redact.contains(&Redaction::Iban);
        if !(cards || ibans) || text.bytes().filter(u8::is_ascii_digit).take(FEWEST_DIGITS).count() < FEWEST_DIGITS {
            return Cow::Borrowed(text);
        }
        let bytes = text.as_bytes();
        let mut redacted = String::new();
        let (mut at, mut kept) = (0, 0);
        while let Some(byte) = bytes.get(at) {
            let hit = match byte {
                b'0'..=b'9' if cards => card(bytes, at).map(|end| (end, "[card]")),
                b'a'..=b'z' | b'A'..=b'Z' if ibans => iban(bytes, at).map(|end| (end, "[iban]")),
                _ => None,
            };
            if let Some((end, mark)) = hit {
                redacted.push_str(text.get(kept..at).unwrap_or_default());
                redacted.push_str(mark);
                (at, kept) = (end, end);
            } else {
                at = past_word(bytes, at);
            }
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        redacted.push_str(text.get(kept..).unwrap_or_default());
        Cow::Owned(redacted)
    }
}

/// Returns where the next look is due: behind the digits, or behind the letters, that begin at `at`.
fn past_word(bytes: &[u8], at: usize) -> usize {
    let same: fn(&u8) -> bool = match bytes.get(at) {
        Some(byte) if byte.is_ascii_digit() => u8::is_ascii_digit,
        Some(byte) if byte.is_ascii_alphabetic() => u8::is_ascii_alphanumeric,
        _ => return at + 1,
    };
    at + bytes.get(at..).unwrap_or_default().iter().take_while(|byte| same(byte)).count()
}

/// Returns where the separators that begin at `at` end: ASCII spaces and hyphens and their typographic kin.
fn past_separators(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    for _ in 0..MOST_SEPARATORS {
        end += match bytes.get(end..).unwrap_or_default() {
            [b' ' | b'-' | b'\t', ..] => 1,
            [0xC2, 0xA0, ..] => 2,
            [0xE2, 0x80, 0x87..=0x93 | 0xAF, ..] => 3,
            _ => break,
        };
    }
    end
}

/// Returns the end of the card number that begins at `at`, the longest that passes.
fn card(bytes: &[u8], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).and_then(|i| bytes.get(i)).copied();
    let fraction = matches!(before, Some(b'.' | b','))
        && at.checked_sub(2).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    if fraction || before.is_some_and(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut all = [0_u8; MOST_CARD_DIGITS];
    let mut count = 0;
    let mut end = at;
    let mut found = None;
    loop {
        while let Some(byte) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
            let Some(place) = all.get_mut(count) else { return found };
            *place = byte - b'0';
            count += 1;
            end += 1;
        }
        let digits = all.get(..count).unwrap_or_default();
        let phone = before == Some(b'+') && digits.len() <= MOST_PHONE_DIGITS;
        if CARD_DIGITS.contains(&digits.len()) && !phone && luhn(digits) {
            found = Some(end);
        }
        let next = past_separators(bytes, end);
        if next == end || !bytes.get(next).is_some_and(u8::is_ascii_digit) {
            return found;
        }
        end = next;
    }
}

/// Doubles every second digit from the right; the digits' sum must be a multiple of ten.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(*digit) << (place % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Returns the end of the IBAN that begins at `at`.
fn iban(bytes: &[u8], at: usize) -> Option<usize> {
    if at.checked_sub(1).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    if !begins_as_iban(bytes, at) {
        return None;
    }
    let mut letters: Vec<u8> = Vec::with_capacity(*IBAN_LENGTHS.end());
    let mut end = at;
    let mut wanted = None;
    loop {
        while let Some(byte) = bytes.get(end).filter(|byte| byte.is_ascii_alphanumeric()) {
            letters.push(byte.to_ascii_uppercase());
            end += 1;
            if letters.len() > *IBAN_LENGTHS.end() {
                return None;
            }
        }
        match letters.as_slice() {
            [a, b, c, d, ..] => {
                if !(a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_digit() && d.is_ascii_digit()) {
                    return None;
                }
                let country = [*a, *b];
                wanted =
                    wanted.or_else(|| COUNTRIES.iter().find(|(name, _)| name.as_bytes() == country).map(|(_, n)| *n));
                let fits = wanted.map_or(IBAN_LENGTHS.contains(&letters.len()), |wanted| letters.len() == wanted);
                if fits && mod_97(&letters) {
                    return Some(end);
                }
                if wanted.is_some_and(|wanted| letters.len() >= wanted) {
                    return None;
                }
            }
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {}
            _ => return None,
        }
        let next = past_separators(bytes, end);
        if next == end || !bytes.get(next).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        end = next;
    }
}

/// Two letters, then a digit: what most words already fail.
fn begins_as_iban(bytes: &[u8], at: usize) -> bool {
    let letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
    let second = if letter(at + 1) { at + 1 } else { past_separators(bytes, at + 1) };
    let third = past_separators(bytes, second + 1);
    letter(at) && letter(second) && bytes.get(third).is_some_and(u8::is_ascii_digit)
}

/// Moves the first four characters to the end, reads letters as 10 to 35, and divides by 97: one must be left.
fn mod_97(letters: &[u8]) -> bool {
    let (head, tail) = letters.split_at(letters.len().min(4));
    let rest = tail.iter().chain(head).fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_of_the_standards() {
        let digits = |text: &str| text.bytes().map(|b| b - b'0').collect::<Vec<_>>();
        assert!(luhn(&digits("4111111111111111")));
        assert!(luhn(&digits("79927398713")));
        assert!(!luhn(&digits("4111111111111112")));
        assert!(mod_97(b"GB82WEST12345698765432"));
        assert!(!mod_97(b"GB82WEST12345698765433"));
    }
}
