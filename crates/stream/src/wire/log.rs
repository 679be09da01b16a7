//! `baton.interactions`: the log.

use super::{MARK, SEQ, decimal, header_text, json, seq, trace, trace_header, value};
use crate::{Header, Input, Output, Topic};
use baton_records::{Entry, LogRecord, Reason, Rejection};

/// Writes a record of the log into its partition. Its Kafka timestamp is its log time.
pub fn log_record(record: &LogRecord, partition: i32) -> Output {
    let mut headers = Vec::with_capacity(2);
    headers.push(Header::new(SEQ, decimal(record.seq)));
    let (key, value) = match &record.entry {
        Entry::Mark => {
            headers.push(Header::new(MARK, "time"));
            (None, None)
        }
        Entry::Policy { .. } => (None, Some(json(&record.entry))),
        Entry::Interaction(interaction) => {
            headers.extend(trace_header(interaction.traceparent.as_ref()));
            (Some(interaction.account_id.as_bytes().to_vec()), Some(json(interaction)))
        }
    };
    Output { topic: Topic::Interactions, partition: Some(partition), key, value, timestamp: Some(record.time), headers }
}

/// Reads a record of the log.
///
/// # Errors
/// A [`Rejection`] when Baton cannot have written it.
pub fn read_log_record(input: Input<'_>) -> Result<LogRecord, Rejection> {
    let seq = seq(&input)?;
    let mut entry = match header_text(&input, MARK) {
        Some("time") => Entry::Mark,
        Some(_) => return Err(Rejection::new(Reason::InvalidValue, "headers.baton-mark")),
        None => value(&input)?,
    };
    if let Entry::Interaction(interaction) = &mut entry {
        interaction.traceparent = trace::carried(&input);
    }
    Ok(LogRecord { seq, time: input.timestamp, entry })
}
