//! Amounts of money in JSON: decimal strings, never numbers; the digits after the point stay as they were given.

use rust_decimal::Decimal;
use serde::de::{Error, Unexpected};
use serde::{Deserializer, Serializer};
use std::fmt;

/// Parses a decimal string: an optional minus, digits, and optionally a point with digits; 28 significant digits.
pub fn parse(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) { None } else { Decimal::from_str_exact(text).ok() }
}

struct Visitor;

impl serde::de::Visitor<'_> for Visitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount as a decimal string, such as \"150.00\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
        parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Writes an amount.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

/// Reads an amount.
///
/// # Errors
/// When it is no decimal string.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    deserializer.deserialize_str(Visitor)
}

/// The same for an amount that may be missing.
pub mod option {
    use super::{Decimal, Deserializer, Serializer};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Amount(#[serde(with = "super")] Decimal);

    /// Writes an amount, or null.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(amount: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        amount.map(Amount).serialize(serializer)
    }

    /// Reads an amount, or null.
    ///
    /// # Errors
    /// When it is no decimal string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        Ok(Option::<Amount>::deserialize(deserializer)?.map(|amount| amount.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decimal_strings_are_amounts_and_they_keep_their_digits() {
        for text in ["150.00", "0", "-3.5", "1234567890123456789012345.678", "0.10"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        for text in ["", "-", ".5", "5.", "1e3", "+1", "1,000", "1_000", " 1", "NaN", "0x10", "--1", "1.2.3"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"9".repeat(40)), None);
        assert_eq!(parse(&format!("0.{}", "1".repeat(40))), None);
    }
}
