//! `baton.signals`: what scorer and detector say, and how far they have got.

use super::{DEADLINE, MARK, SEQ, decimal, header_number, header_text, json, seq, value};
use crate::{Header, Input, Output, Topic};
use baton_records::{Reason, Rejection, Signal, Timestamp};

/// One record of `baton.signals`.
#[derive(Debug, Clone, PartialEq)]
pub enum SignalRecord {
    /// A signal.
    Signal {
        /// It.
        signal: Box<Signal>,
        /// Number of the log record that it belongs to, or before which its deadline fired.
        seq: u64,
        /// The deadline that it fired for, if it is one.
        deadline: Option<Timestamp>,
    },
    /// A stage has passed all log records up to this one.
    Progress {
        /// `scorer` or `detector`.
        who: &'static str,
        /// Number of the log record.
        seq: u64,
    },
}

const SCORER: &str = "scorer";
const DETECTOR: &str = "detector";

/// Writes a signal about log record `seq` of this partition, or that a `deadline` fired before it.
pub fn signal(signal: &Signal, seq: u64, deadline: Option<Timestamp>, partition: i32) -> Output {
    let mut headers = Vec::with_capacity(2);
    headers.push(Header::new(SEQ, decimal(seq)));
    headers.extend(deadline.map(|d| Header::new(DEADLINE, decimal(d.millis()))));
    Output {
        topic: Topic::Signals,
        partition: Some(partition),
        key: Some(signal.account_id.as_bytes().to_vec()),
        value: Some(json(signal)),
        timestamp: None,
        headers,
    }
}

/// Writes that `scorer` or `detector` has passed all log records of this partition up to `seq`.
pub fn progress_mark(who: &'static str, seq: u64, partition: i32) -> Output {
    Output {
        topic: Topic::Signals,
        partition: Some(partition),
        key: None,
        value: None,
        timestamp: None,
        headers: vec![Header::new(SEQ, decimal(seq)), Header::new(MARK, who)],
    }
}

/// Reads a record of `baton.signals`.
///
/// # Errors
/// A [`Rejection`] when Baton cannot have written it.
pub fn read_signal(input: Input<'_>) -> Result<SignalRecord, Rejection> {
    let seq = seq(&input)?;
    match header_text(&input, MARK) {
        None => {
            let deadline = header_number(&input, DEADLINE)?.map(Timestamp::from_millis);
            Ok(SignalRecord::Signal { signal: value(&input)?, seq, deadline })
        }
        Some(SCORER) => Ok(SignalRecord::Progress { who: SCORER, seq }),
        Some(DETECTOR) => Ok(SignalRecord::Progress { who: DETECTOR, seq }),
        Some(_) => Err(Rejection::new(Reason::InvalidValue, "headers.baton-mark")),
    }
}
