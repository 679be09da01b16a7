//! `baton.dead-letters`: records that could not be taken, as they were received.

use super::{decimal, trace, trace_id, traceparent};
use crate::{Header, Input, Output, Topic};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use baton_records::{Id, LARGEST, Received, Rejection, Source, ids};

/// What is larger than [`LARGEST`] is cut to this.
const CUT: usize = 64 << 10;

/// Writes a record that cannot be taken: its key and value as they came (above 1 MiB their first 64 KiB, with headers
/// `truncated` and `sha256`, that of the whole value), and headers `reason`, `field`, `topic`, `partition`, `offset`,
/// `processor`, `trace_id`. `topic` is the name under the default prefix `baton`.
///
/// It has no Kafka timestamp of its own, since that of a bad record may be one that the broker refuses.
pub fn dead_letter(input: &Input<'_>, rejection: &Rejection, processor: &str) -> Output {
    output(input.key, input.value, &input.source(), &traceparent(input), rejection, processor)
}

/// Writes a lifecycle record that only *decide* could refuse, as it was received from `source`.
pub fn dead_letter_received(
    received: &Received,
    source: &Source,
    traceparent: Option<&Id>,
    rejection: &Rejection,
    processor: &str,
) -> Output {
    let key = received.key.as_ref().map(|text| STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec()));
    let trace = traceparent.cloned().unwrap_or_else(|| trace::derived(source));
    output(key.as_deref(), Some(received.value.as_bytes()), source, &trace, rejection, processor)
}

fn output(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    source: &Source,
    traceparent: &str,
    rejection: &Rejection,
    processor: &str,
) -> Output {
    let mut headers = vec![
        Header::new("reason", rejection.reason.name()),
        Header::new("field", rejection.field.as_bytes()),
        Header::new("topic", source.topic.as_bytes()),
        Header::new("partition", decimal(source.partition)),
        Header::new("offset", decimal(source.offset)),
        Header::new("processor", processor),
        Header::new("trace_id", trace_id(traceparent)),
        Header::new(super::TRACEPARENT, traceparent),
    ];
    if key.is_some_and(|k| k.len() > LARGEST) || value.is_some_and(|v| v.len() > LARGEST) {
        headers.push(Header::new("truncated", "true"));
        headers.push(Header::new("sha256", ids::sha256(value.unwrap_or_default()).as_bytes()));
    }
    Output {
        topic: Topic::DeadLetters,
        partition: None,
        key: key.map(cut),
        value: value.map(cut),
        timestamp: None,
        headers,
    }
}

fn cut(bytes: &[u8]) -> Vec<u8> {
    let kept = if bytes.len() > LARGEST { bytes.get(..CUT).unwrap_or(bytes) } else { bytes };
    kept.to_vec()
}
