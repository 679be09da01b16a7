//! `account.repartition`: what *intake* and *assign* pass on, by account, and low-water marks.

use super::{MARK, header_text, json, trace, trace_header, value};
use crate::{Header, Input, Output, Topic};
use baton_records::{LowWater, Passed, Reason, Rejection};

/// One record of `account.repartition`.
#[derive(Debug, Clone, PartialEq)]
pub enum FromIntake {
    /// Something for the log.
    Passed(Passed),
    /// Low-water marks of one thread.
    LowWater(LowWater),
}

/// Writes what is passed on, by its account. The source's timestamp is a field and not Kafka's: a broker refuses one that
/// lies more than an hour ahead of its clock.
pub fn passed(passed: &Passed) -> Output {
    Output {
        topic: Topic::AccountRepartition,
        partition: None,
        key: Some(passed.account_id.as_bytes().to_vec()),
        value: Some(json(passed)),
        timestamp: None,
        headers: trace_header(passed.traceparent.as_ref()).into_iter().collect(),
    }
}

/// Writes what is passed on into a partition: a policy goes into each, and has no key.
pub fn passed_to(what: &Passed, partition: i32) -> Output {
    let key = (!what.account_id.is_empty()).then(|| what.account_id.as_bytes().to_vec());
    Output { partition: Some(partition), key, ..passed(what) }
}

/// Writes low-water marks into a partition.
pub fn low_water(marks: &LowWater, partition: i32) -> Output {
    Output {
        topic: Topic::AccountRepartition,
        partition: Some(partition),
        key: None,
        value: Some(json(marks)),
        timestamp: None,
        headers: vec![Header::new(MARK, "low-water")],
    }
}

/// Reads a record of `account.repartition`.
///
/// # Errors
/// A [`Rejection`] when Baton cannot have written it.
pub fn read_account_repartition(input: Input<'_>) -> Result<FromIntake, Rejection> {
    match header_text(&input, MARK) {
        None => {
            let mut passed: Passed = value(&input)?;
            passed.traceparent = trace::carried(&input);
            Ok(FromIntake::Passed(passed))
        }
        Some("low-water") => value(&input).map(FromIntake::LowWater),
        Some(_) => Err(Rejection::new(Reason::InvalidValue, "headers.baton-mark")),
    }
}
