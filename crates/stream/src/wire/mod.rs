//! How records stand in their topics: keys, values, headers, partitions and Kafka timestamps, in both directions.
//!
//! A value is the JSON of its type, written straight into its buffer. What is no field of the value (a log record's
//! number and time, a trace) is a header or Kafka's own timestamp. Readers refuse what a release of Baton could not have
//! written; whoever reads an internal topic stops at that, since skipping it would lose a decision.

mod dead_letter;
mod log;
mod out;
mod pool;
mod repartition;
mod signal;
mod trace;

pub use dead_letter::{dead_letter, dead_letter_received};
pub use log::{log_record, read_log_record};
pub use out::{context, context_tombstone, decision, handoff, read_context, read_decision, read_handoff};
pub use pool::{pool_clock, pool_policy, pool_record, pool_request, read_pool_record};
pub use repartition::{FromIntake, low_water, passed, passed_to, read_account_repartition};
pub use signal::{SignalRecord, progress_mark, read_signal, signal};
pub use trace::{trace_id, traceparent};

#[cfg(test)]
mod tests;

use crate::{Header, Input};
use baton_records::{Reason, Rejection};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Name of the header that makes a record a mark.
pub const MARK: &str = "baton-mark";
/// Name of the header with a log record's number.
pub const SEQ: &str = "baton-seq";
/// Name of the header with a signal's deadline, in milliseconds since the epoch.
pub const DEADLINE: &str = "baton-deadline";
/// Name of the W3C trace context's header.
pub const TRACEPARENT: &str = "traceparent";

/// Most records are smaller than this, so that their buffer never grows.
const USUAL_VALUE: usize = 1024;

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL_VALUE);
    // Writing into memory fails only for maps whose keys are no strings, which no record has; schemas/ has one of each.
    let _ = serde_json::to_writer(&mut out, value);
    out
}

fn decimal(number: impl std::fmt::Display) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn trace_header(traceparent: Option<&baton_records::Id>) -> Option<Header> {
    traceparent.map(|t| Header::new(TRACEPARENT, t.as_bytes()))
}

/// Reads a value that Baton itself wrote.
fn value<T: DeserializeOwned>(input: &Input<'_>) -> Result<T, Rejection> {
    let bytes = input.value.ok_or_else(|| Rejection::new(Reason::MissingField, "value"))?;
    serde_json::from_slice(bytes).map_err(|_| Rejection::new(Reason::Unreadable, "value"))
}

fn header_text<'a>(input: &'a Input<'_>, name: &str) -> Option<&'a str> {
    input.header(name).and_then(|bytes| std::str::from_utf8(bytes).ok())
}

fn header_number<T: std::str::FromStr>(input: &Input<'_>, name: &str) -> Result<Option<T>, Rejection> {
    if input.header(name).is_none() {
        return Ok(None);
    }
    let number = header_text(input, name).and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| Rejection::new(Reason::InvalidValue, format!("headers.{name}")))
}

fn seq(input: &Input<'_>) -> Result<u64, Rejection> {
    header_number(input, SEQ)?.ok_or_else(|| Rejection::new(Reason::MissingField, format!("headers.{SEQ}")))
}
