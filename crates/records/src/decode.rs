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
    // A derived reader takes a list for an object.
    let is_object = json.trim_ascii_start().starts_with('{');
    let record = match serde_json::from_str::<T>(json) {
        Ok(record) if is_object && record.is_sound() => record,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, Agent, Event, Lifecycle};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::fmt::Debug;

    fn event() -> Value {
        json!({
            "event_id": "e", "occurred_at": "2026-01-05T00:00:00+01:00", "channel": "chat", "type": "message",
            "account_id": "a", "identities": {"email": "x@y.example", "stripe": "cus"}, "contact_id": "c",
            "conversation_id": "v", "actor": "ai_agent", "text": "t", "subject": "s", "amount": "1.50",
            "currency": "USD", "quantity": 2, "value": 0.5, "attributes": {"sku": "r", "n": [1, {"m": null}]},
            "ai": {"confidence": 0.4, "domain": "d", "tags": ["x", "y"]},
            "request": {"action": "discount", "percent": 5, "amount": "7", "currency": "EUR", "changes": ["z"]},
        })
    }

    fn account() -> Value {
        json!({
            "account_id": "a", "name": "n", "tier": "t", "segment": "s", "industry": "i", "annual_value": "5.0",
            "currency": "USD", "owner": "o", "locale": "de-DE", "time_zone": "Asia/Tokyo", "eligible_for": ["w"],
            "identities": [{"type": "email", "value": "x"}], "attributes": {"plan": "p"},
            "quiet_periods": [{"from": "2026-01-01", "to": "2026-01-02", "why": "y"}],
            "sla": {"first_response": "PT1H", "resolution": "P1D", "calendar": "always"},
        })
    }

    fn agent() -> Value {
        json!({
            "agent_id": "g", "name": "n", "teams": ["t"], "languages": ["en"], "industries": ["i"], "accounts": ["a"],
            "skills": [{"skill": "s", "level": 2, "expires": "2026-12-31"}], "capacity": 3, "load": 0,
            "status": "away",
        })
    }

    fn lifecycle() -> Value {
        json!({
            "handoff_id": "h", "account_id": "a", "type": "rated", "agent_id": "g", "team": "t", "digest": "d",
            "at": "2026-01-05T00:00:00Z", "revision": 2, "resolved": true, "csat": 5, "context": 1,
            "verdict": "useful", "external": {"system": "z", "id": "8"}, "note": "n",
        })
    }

    /// All places of a value, as JSON pointers.
    fn places(value: &Value, at: &str, out: &mut Vec<String>) {
        let inside: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
            _ => return,
        };
        for (name, value) in inside {
            let place = format!("{at}/{name}");
            places(value, &place, out);
            out.push(place);
        }
    }

    fn spoilt() -> impl Strategy<Value = Value> {
        let values = json!([
            null, "", "x", "2026-01-05T00:00:00Z", "2026-01-05", "PT1H", "UTC", "1.5", "linked", "judged", "missed", "transferred",
            0, 1, -1, 6, 1.5, 2.0, 4294967295_u64, 4294967296_u64, 1e300, i64::MIN, true, [], [null], ["x"], [7], {},
            {"a": null}, {"a": "b"}, {"": "b"}, {"a": 1}, "x".repeat(1024), "x".repeat(1025),
        ]);
        proptest::sample::select(values.as_array().cloned().unwrap())
    }

    fn only_slowly<T: FromOutside>(json: &str) -> Result<T, Rejection> {
        let examined = examine(json, &T::SHAPE)?;
        let record = T::deserialize(examined).expect("a shape says all that its type demands");
        assert!(record.is_sound(), "a shape says all that a sound value demands: {json}");
        record.combination().map(|()| record)
    }

    /// Both ways of reading agree, and what is read is read again from its own JSON.
    fn agree<T: FromOutside + serde::Serialize + PartialEq + Debug>(
        mut json: Value,
        spoil: &[(prop::sample::Index, Value)],
    ) {
        for (index, with) in spoil {
            let mut all = Vec::new();
            places(&json, "", &mut all);
            if !all.is_empty() {
                *json.pointer_mut(index.get::<String>(&all)).unwrap() = with.clone();
            }
        }
        let text = json.to_string();
        let read = decode::<T>(text.as_bytes());
        assert_eq!(read, only_slowly(&text), "{text}");
        if let Ok(record) = read {
            assert_eq!(decode(&serde_json::to_vec(&record).unwrap()), Ok(record), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_fast_and_the_slow_way_agree(
            kind in 0_u8..4,
            spoil in proptest::collection::vec((any::<prop::sample::Index>(), spoilt()), 0..4),
        ) {
            match kind {
                0 => agree::<Event>(event(), &spoil),
                1 => agree::<Account>(account(), &spoil),
                2 => agree::<Agent>(agent(), &spoil),
                _ => agree::<Lifecycle>(lifecycle(), &spoil),
            }
        }

        #[test]
        fn no_bytes_are_too_strange(at: prop::sample::Index, bytes in proptest::collection::vec(any::<u8>(), 0..6)) {
            let mut json = event().to_string().into_bytes();
            let start = at.index(json.len());
            json.splice(start..json.len().min(start + 3), bytes);
            let outcome = decode::<Event>(&json);
            prop_assert!(outcome.is_ok() || std::str::from_utf8(&json).is_ok() == (outcome != Err(Rejection::new(Reason::NotUtf8, ""))));
        }
    }
}
