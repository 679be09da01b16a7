//! Numbers in JSON: whole ones are written without a fraction, as their senders wrote them.

use serde::{Deserialize, Deserializer, Serializer};

/// Below this (2^53), every whole number is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes a number; one without a fraction as an integer.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.fract() == 0.0 && number.abs() < EXACT {
        serializer.serialize_i64(*number as i64)
    } else {
        serializer.serialize_f64(*number)
    }
}

/// Reads a number.
///
/// # Errors
/// The deserializer's.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    f64::deserialize(deserializer)
}

/// The same for a number that may be missing.
pub mod option {
    use super::{Deserialize, Deserializer, Serializer};

    /// Writes a number, or null.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        struct Number(f64);
        impl serde::Serialize for Number {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                super::serialize(&self.0, serializer)
            }
        }
        match number {
            Some(number) => serializer.serialize_some(&Number(*number)),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a number, or null.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Option::deserialize(deserializer)
    }
}
