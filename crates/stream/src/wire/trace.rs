//! The W3C trace context (Trace Context, level 1, section 3.2) that goes from a source record to the handoff.

use super::{TRACEPARENT, header_text};
use crate::Input;
use baton_records::{Id, Source, ids};

const LONGEST: usize = 256;

fn is_hex(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_valid(text: &str) -> bool {
    let bytes = text.as_bytes();
    let [v0, v1, b'-', trace @ ..] = bytes else { return false };
    let version = [*v0, *v1];
    let Some((trace_id, rest)) = trace.split_at_checked(32) else { return false };
    let [b'-', parent @ ..] = rest else { return false };
    let Some((parent_id, rest)) = parent.split_at_checked(16) else { return false };
    let [b'-', f0, f1, more @ ..] = rest else { return false };
    let longer = version != *b"00" && more.first() == Some(&b'-') && bytes.len() <= LONGEST;
    is_hex(&version)
        && version != *b"ff"
        && is_hex(trace_id)
        && is_hex(parent_id)
        && is_hex(&[*f0, *f1])
        && trace_id.iter().any(|b| *b != b'0')
        && parent_id.iter().any(|b| *b != b'0')
        && (more.is_empty() || longer)
}

/// Returns the valid `traceparent` that a record carries.
pub(super) fn carried(input: &Input<'_>) -> Option<Id> {
    header_text(input, TRACEPARENT).filter(|text| is_valid(text)).map(Id::from)
}

/// Returns the record's `traceparent`; when it carries none or an invalid one, a valid one that derives from its topic,
/// partition and offset.
pub fn traceparent(input: &Input<'_>) -> Id {
    carried(input).unwrap_or_else(|| derived(&input.source()))
}

pub(super) fn derived(source: &Source) -> Id {
    let (partition, offset) = (source.partition.to_string(), source.offset.to_string());
    let [trace @ .., _, _, _, _, _, _, _, _] = ids::hash256(&["trace", &source.topic, &partition, &offset]);
    let (trace, span) = trace.split_at(16);
    let mut text = String::with_capacity(55);
    text.push_str("00-");
    ids::push_hexadecimal(trace, &mut text);
    text.push('-');
    ids::push_hexadecimal(span, &mut text);
    text.push_str("-01");
    Id::from(text)
}

/// Returns the 32 hexadecimal digits of a valid `traceparent`'s trace id.
pub fn trace_id(traceparent: &str) -> &str {
    traceparent.get(3..35).unwrap_or_default()
}
