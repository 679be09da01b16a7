//! Reading what comes from outside: bounded first, then one fast typed pass, and a slow one that finds what is wrong.

use crate::shape::{Shape, examine};
use crate::{Reason, Rejection, text};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The largest value, in bytes.
pub const LARGEST: usize = 1 << 20;
/// How deep objects and lists may be nested.
pub const DEEPEST: usize = 32;

/// A type that comes from outside.
pub(crate) trait FromOutside: DeserializeOwned {
    /// What its JSON must look like.
    const SHAPE: Shape;

    /// Tells whether a typed value keeps to its shape where types alone do not say so.
    fn is_sound(&self) -> bool;

    /// Says what is missing or impossible in the combination of fields.
    fn combination(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

/// Reads a value.
pub(crate) fn decode<T: FromOutside>(bytes: &[u8]) -> Result<T, Rejection> {
    let whole = |reason| Rejection::new(reason, "");
    if bytes.len() > LARGEST {
        return Err(whole(Reason::TooLarge));
    }
    let json = std::str::from_utf8(bytes).map_err(|_| whole(Reason::NotUtf8))?;
    if text::is_deeper_than(DEEPEST, json) {
        return Err(whole(Reason::TooDeep));
    }
    let record = match serde_json::from_str::<T>(json) {
        Ok(record) if record.is_sound() => record,
        _ => T::deserialize(examine(json, &T::SHAPE)?).map_err(|_| whole(Reason::InvalidValue))?,
    };
    record.combination()?;
    Ok(record)
}

/// Reads null as the default: a list or map that a source leaves empty.
pub(crate) fn null_is_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
