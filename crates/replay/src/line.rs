//! One record as a line of JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use baton_records::{Id, Timestamp};
use baton_stream::Header;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A record of a replay: `{"topic","key","timestamp","value"|"value_base64","headers"?,"partition"?}`.
///
/// `timestamp` is in milliseconds since the epoch. A `value` that is a JSON string stands for its text, `null` for a
/// tombstone or a mark, any other JSON for its own bytes as they stand. A key that is not UTF-8 stands in `key_base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayLine {
    /// The topic, with its prefix.
    pub topic: Id,
    /// The partition; none: the only one.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// When the record arrived.
    pub timestamp: Timestamp,
    /// The value; none is a tombstone or a mark.
    pub value: Option<Vec<u8>>,
    /// Headers, in the order of their names; a name that occurs twice keeps its last value.
    pub headers: Vec<Header>,
}

/// Why a line is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// It is not the JSON object that it must be.
    #[error(
        "column {column}: {what}; a line is an object with topic, key, timestamp (milliseconds) and value or value_base64"
    )]
    Shape {
        /// Where, from 1.
        column: usize,
        /// What is wrong, without the line's text.
        what: String,
    },
    /// A field that must be base64 is not.
    #[error("field {0}: not base64; encode the bytes with the standard alphabet and padding")]
    Base64(&'static str),
    /// It has neither or both of two fields.
    #[error("fields {0} and {0}_base64: exactly one of them must be there; a tombstone has a null value")]
    OneOf(&'static str),
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(default)]
    partition: Option<i32>,
    #[serde(default, borrow)]
    key: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    key_base64: Option<Cow<'a, str>>,
    timestamp: i64,
    // Without `present` a null would look like a missing field.
    #[serde(default, borrow, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    #[serde(default, borrow)]
    value_base64: Option<Cow<'a, str>>,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl ReplayLine {
    /// Reads a line.
    ///
    /// # Errors
    /// [`LineProblem`] when it is no record.
    pub fn parse(line: &str) -> Result<Self, LineProblem> {
        let shape: Shape<'_> = serde_json::from_str(line).map_err(|e| shape_problem(&e))?;
        let key = match (shape.key, shape.key_base64) {
            (Some(_), Some(_)) => return Err(LineProblem::OneOf("key")),
            (None, Some(coded)) => Some(decode("key_base64", &coded)?),
            (key, None) => key.map(|k| k.into_owned().into_bytes()),
        };
        let value = match (shape.value, shape.value_base64) {
            (Some(raw), None) => value_bytes(raw)?,
            (None, Some(coded)) => Some(decode("value_base64", &coded)?),
            _ => return Err(LineProblem::OneOf("value")),
        };
        let headers = shape.headers.unwrap_or_default();
        Ok(Self {
            topic: Id::from(shape.topic.as_ref()),
            partition: shape.partition,
            key,
            timestamp: Timestamp::from_millis(shape.timestamp),
            value,
            headers: headers.into_iter().map(|(k, v)| Header { name: k.into(), value: v.into_bytes() }).collect(),
        })
    }

    /// Appends the line, with its line feed. Reading it gives the same record, but for header values that are not UTF-8,
    /// whose broken bytes become U+FFFD.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"topic\":");
        json(out, self.topic.as_str());
        if let Some(partition) = self.partition {
            out.extend_from_slice(b",\"partition\":");
            json(out, &partition);
        }
        match self.key.as_deref().map(|k| (k, std::str::from_utf8(k))) {
            None => out.extend_from_slice(b",\"key\":null"),
            Some((_, Ok(text))) => field(out, b",\"key\":", text),
            Some((bytes, Err(_))) => field(out, b",\"key_base64\":", &STANDARD.encode(bytes)),
        }
        out.extend_from_slice(b",\"timestamp\":");
        json(out, &self.timestamp.millis());
        self.write_value(out);
        if !self.headers.is_empty() {
            let headers: BTreeMap<&str, Cow<'_, str>> =
                self.headers.iter().map(|h| (h.name.as_ref(), String::from_utf8_lossy(&h.value))).collect();
            out.extend_from_slice(b",\"headers\":");
            json(out, &headers);
        }
        out.extend_from_slice(b"}\n");
    }

    fn write_value(&self, out: &mut Vec<u8>) {
        match self.value.as_deref().map(|v| (v, std::str::from_utf8(v))) {
            None => out.extend_from_slice(b",\"value\":null"),
            Some((bytes, Ok(text))) if stands_as_it_is(text) => {
                out.extend_from_slice(b",\"value\":");
                out.extend_from_slice(bytes);
            }
            Some((_, Ok(text))) => field(out, b",\"value\":", text),
            Some((bytes, Err(_))) => field(out, b",\"value_base64\":", &STANDARD.encode(bytes)),
        }
    }
}

/// Tells whether a reader of the line would get these very bytes back when they stand in it as JSON.
fn stands_as_it_is(text: &str) -> bool {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r']);
    trimmed.len() == text.len()
        && !text.starts_with('"')
        && text != "null"
        && !text.contains(['\n', '\r'])
        && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn value_bytes(raw: &RawValue) -> Result<Option<Vec<u8>>, LineProblem> {
    let text = raw.get();
    if text == "null" {
        Ok(None)
    } else if text.starts_with('"') {
        let text: String = serde_json::from_str(text).map_err(|e| shape_problem(&e))?;
        Ok(Some(text.into_bytes()))
    } else {
        Ok(Some(text.as_bytes().to_vec()))
    }
}

fn decode(field: &'static str, coded: &str) -> Result<Vec<u8>, LineProblem> {
    STANDARD.decode(coded).map_err(|_| LineProblem::Base64(field))
}

fn shape_problem(error: &serde_json::Error) -> LineProblem {
    let text = error.to_string();
    // The position is a field of its own; serde_json appends it to the text.
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned();
    LineProblem::Shape { column: error.column(), what }
}

fn field(out: &mut Vec<u8>, name: &[u8], text: &str) {
    out.extend_from_slice(name);
    json(out, text);
}

fn json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    // Writing text, numbers and maps with text keys into memory cannot fail.
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str) -> ReplayLine {
        ReplayLine::parse(line).unwrap()
    }

    #[test]
    fn values_keep_their_bytes() {
        let line = |value: &str| format!(r#"{{"topic":"chat","key":"k","timestamp":5,{value}}}"#);
        assert_eq!(parse(&line(r#""value": {"a" : 1.50}"#)).value.unwrap(), br#"{"a" : 1.50}"#);
        assert_eq!(parse(&line(r#""value":"not: json\n""#)).value.unwrap(), b"not: json\n");
        assert_eq!(parse(&line(r#""value":null"#)).value, None);
        assert_eq!(parse(&line(r#""value_base64":"/wA=""#)).value.unwrap(), [0xff, 0]);
    }

    #[test]
    fn bad_lines_say_what_is_wrong() {
        let problem = |line: &str| ReplayLine::parse(line).unwrap_err().to_string();
        assert!(problem(r#"{"topic":"t","timestamp":1}"#).contains("value_base64"));
        assert!(problem(r#"{"topic":"t","timestamp":1,"value":1,"value_base64":""}"#).contains("exactly one"));
        assert!(problem(r#"{"topic":"t","timestamp":1,"value_base64":"?"}"#).contains("not base64"));
        assert!(problem(r#"{"topic":"t","timestamp":"1","value":1}"#).contains("column 28"));
        assert!(problem(r#"{"key":"t","timestamp":1,"value":1}"#).contains("missing field `topic`"));
        assert!(problem("nonsense").contains("column"));
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<Vec<u8>>(),
            any::<String>().prop_map(String::into_bytes),
            Just(br#"{"a":[1,2,{"b":null}]}"#.to_vec()),
            Just(b" {}".to_vec()),
            Just(b"null".to_vec()),
            Just(b"12".to_vec()),
            Just(b"\"text\"".to_vec()),
            Just(b"{\n}".to_vec()),
        ]
    }

    proptest! {
        #[test]
        fn a_written_line_reads_as_the_same_record(
            topic in "[a-z.]{1,12}", partition in any::<Option<i32>>(), timestamp in any::<i64>(),
            key in proptest::option::of(bytes()), value in proptest::option::of(bytes()),
            headers in proptest::collection::btree_map("[a-z-]{1,8}", any::<String>(), 0..3),
        ) {
            let line = ReplayLine {
                topic: topic.into(), partition, key, timestamp: Timestamp::from_millis(timestamp), value,
                headers: headers.into_iter().map(|(k, v)| Header { name: k.into(), value: v.into_bytes() }).collect(),
            };
            let mut out = Vec::new();
            line.write(&mut out);
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(text.matches('\n').count(), 1);
            prop_assert_eq!(ReplayLine::parse(&text).unwrap(), line);
        }
    }
}
